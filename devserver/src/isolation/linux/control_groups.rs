//! Control groups: limits of memory, processors and processes, in whichever version of them this server
//! may make groups.

use super::kernel;
use crate::isolation::limits::Limits;
use crate::processes;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where this server may make groups.
#[derive(Debug, Default)]
pub struct Hierarchies(Vec<Hierarchy>);

#[derive(Clone, Debug)]
struct Hierarchy {
    /// The group that holds all of this server's sandboxes.
    directory: PathBuf,
    controllers: Vec<Controller>,
    /// Version 2, which can hold a group's processes. Version 1's freezer leaves them unkillable.
    freezes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    Memory,
    Processors,
    Processes,
}

use Controller::{Memory, Processes, Processors};

/// The file in a server's directory that lists its groups.
const LIST: &str = "groups";

/// How often it is asked, a millisecond apart, whether all processes of a group are held.
const FREEZE_ROUNDS: u32 = 10_000;

/// The groups of one sandbox.
#[derive(Debug)]
pub struct Group {
    groups: Vec<PathBuf>,
    /// Those of them that limit something.
    limiting: Vec<PathBuf>,
    /// Below one of them: everything but the first process, which has to notice when the server ends.
    freezable: Option<PathBuf>,
}

impl Hierarchies {
    /// Makes a group with the name of the server's directory in each hierarchy where that is allowed, and writes
    /// into that directory where they are.
    pub fn find(state: &Path) -> Self {
        let name = state.file_name().unwrap_or_default().to_string_lossy();
        let found = Self::search(&name);
        let list: String = found.directories().map(|group| format!("{}\n", group.display())).collect();
        if let Err(error) = fs::write(state.join(LIST), list) {
            tracing::warn!("after a crash control groups of this server will stay: {error}");
        }
        found
    }

    /// Removes the groups of a server that has ended, which may have been made in another group than this one is in.
    pub fn remove_left(state: &Path) {
        let list = fs::read_to_string(state.join(LIST)).unwrap_or_default();
        let of_that_server = |group: &&Path| group.file_name() == state.file_name();
        list.lines().map(Path::new).filter(of_that_server).for_each(remove_tree);
    }

    fn search(name: &str) -> Self {
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut found = Self::default();
        for line in own.lines() {
            let mut fields = line.splitn(3, ':');
            let (Some(_), Some(names), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            let Some(root) = mount_point(&mounts, names) else { continue };
            let wanted = [("memory", Memory), ("cpu", Processors), ("pids", Processes)];
            let wanted: Vec<Controller> = wanted
                .into_iter()
                .filter(|(wanted, _)| names.is_empty() || names.split(',').any(|name| name == *wanted))
                .map(|(_, controller)| controller)
                .filter(|controller| !found.limits(*controller))
                .collect();
            // Version 2 holds processes without any controller.
            if wanted.is_empty() && !names.is_empty() {
                continue;
            }
            // The nearest one whose groups have limits: in version 2 a group of processes has none.
            let own = root.join(path.trim_start_matches('/'));
            for parent in own.ancestors().take_while(|parent| parent.starts_with(&root)) {
                let Some(hierarchy) = Hierarchy::make(parent, name, &wanted) else { continue };
                found.0.push(hierarchy);
                break;
            }
        }
        found
    }

    pub fn limits(&self, controller: Controller) -> bool {
        self.0.iter().any(|hierarchy| hierarchy.controllers.contains(&controller))
    }

    /// What no group limits here, of memory and processors.
    pub fn unlimited(&self) -> Vec<&'static str> {
        let limits = [(Memory, "memory"), (Processors, "cpu")];
        limits.into_iter().filter(|(controller, _)| !self.limits(*controller)).map(|(_, name)| name).collect()
    }

    fn directories(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|hierarchy| hierarchy.directory.as_path())
    }

    /// The groups of one sandbox, with its limits.
    pub fn create(&self, id: &str, limits: &Limits) -> io::Result<Group> {
        let mut group = Group { groups: Vec::new(), limiting: Vec::new(), freezable: None };
        for hierarchy in &self.0 {
            let directory = hierarchy.directory.join(id);
            // The server's own is without processes between two sandboxes, and what looks after the machine's
            // groups may remove such a one.
            if !hierarchy.directory.exists() {
                make(&hierarchy.directory)?;
                allow_limits(&hierarchy.directory);
            }
            make(&directory)?;
            weigh(&hierarchy.directory);
            if hierarchy.freezes {
                let freezable = directory.join("freezable");
                make(&freezable)?;
                group.freezable = Some(freezable);
            }
            if !hierarchy.controllers.is_empty() {
                group.limiting.push(directory.clone());
            }
            group.groups.push(directory);
        }
        group.set(limits)?;
        Ok(group)
    }
}

impl Drop for Hierarchies {
    fn drop(&mut self) {
        self.directories().for_each(remove_tree);
    }
}

impl Hierarchy {
    fn make(parent: &Path, name: &str, wanted: &[Controller]) -> Option<Self> {
        if !kernel::is_writable(parent) || !kernel::is_writable(&parent.join("cgroup.procs")) {
            return None;
        }
        let directory = parent.join(name);
        fs::create_dir(&directory).ok()?;
        allow_limits(&directory);
        let probe = directory.join("probe");
        let controllers: Vec<Controller> = match fs::create_dir(&probe) {
            Ok(()) => wanted.iter().copied().filter(|wanted| file(*wanted, &probe).is_some()).collect(),
            Err(_) => Vec::new(),
        };
        let freezes = probe.join("cgroup.freeze").exists();
        let _ = fs::remove_dir(&probe);
        if controllers.is_empty() && !freezes {
            let _ = fs::remove_dir(&directory);
            return None;
        }
        Some(Self { directory, controllers, freezes })
    }
}

fn make(group: &Path) -> io::Result<()> {
    match fs::create_dir(group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            let text = format!("the control group {} cannot be made: {error}", group.display());
            Err(io::Error::new(error.kind(), text))
        }
        _ => Ok(()),
    }
}

/// Lets the groups below have limits. Version 2 asks for it, version 1 knows no such file.
fn allow_limits(group: &Path) {
    let _version_1 = fs::write(group.join("cgroup.subtree_control"), "+memory +cpu +pids");
}

/// Gives a server's group the weight of as many groups as it has sandboxes. With the weight of one, a single busy
/// process elsewhere on the machine takes half of it from all sandboxes together.
fn weigh(server: &Path) {
    // In each version what a new group has, and the most that one can have. Groups of other controllers have no such file.
    for (file, of_one, most) in [("cpu.weight", 100, 10_000), ("cpu.shares", 1024, 262_144)] {
        let file = server.join(file);
        if !file.exists() {
            continue;
        }
        let is_group = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
        let sandboxes = fs::read_dir(server).into_iter().flatten().flatten().filter(is_group).count();
        if fs::write(&file, (sandboxes * of_one).min(most).to_string()).is_err() {
            tracing::debug!("{} cannot be written: the sandboxes share one weight", file.display());
        }
    }
}

/// The file of the limit, whichever version it is.
fn file(controller: Controller, group: &Path) -> Option<PathBuf> {
    let names: &[&str] = match controller {
        Memory => &["memory.max", "memory.limit_in_bytes"],
        Processors => &["cpu.max", "cpu.cfs_quota_us"],
        Processes => &["pids.max"],
    };
    names.iter().map(|name| group.join(name)).find(|path| path.exists())
}

impl Group {
    /// `cgroup.procs` of each that has to be joined: joining one takes the kernel milliseconds.
    pub fn members(&self) -> Vec<PathBuf> {
        self.limiting.iter().map(|group| group.join("cgroup.procs")).collect()
    }

    /// `cgroup.procs` of the group that [`Self::freeze`] holds.
    pub fn freezable_members(&self) -> Option<PathBuf> {
        self.freezable.as_ref().map(|group| group.join("cgroup.procs"))
    }

    /// Holds every process but the first one, and those that they start. Blocks until all are held; `false`: no
    /// group can do it here.
    pub fn freeze(&self) -> io::Result<bool> {
        let Some(group) = &self.freezable else { return Ok(false) };
        fs::write(group.join("cgroup.freeze"), "1")?;
        for _ in 0..FREEZE_ROUNDS {
            if fs::read_to_string(group.join("cgroup.events"))?.lines().any(|line| line == "frozen 1") {
                return Ok(true);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        self.thaw()?;
        Err(io::Error::other("a process of the sandbox waits for the kernel and cannot be held"))
    }

    /// Lets them go on.
    pub fn thaw(&self) -> io::Result<()> {
        self.freezable.as_ref().map_or(Ok(()), |group| fs::write(group.join("cgroup.freeze"), "0"))
    }

    pub fn set(&self, limits: &Limits) -> io::Result<()> {
        const PERIOD_US: f64 = 100_000.0;
        let quota_us = (limits.processors * PERIOD_US).max(1_000.0) as u64;
        for group in &self.limiting {
            if let Some(file) = file(Memory, group) {
                // No way around it through swap; not every kernel counts that. Version 1's limit with swap is
                // never below the one without: it comes first to grow and last to shrink.
                let with_swap = || {
                    let file = group.join("memory.memsw.limit_in_bytes");
                    let _uncounted = file.exists().then(|| fs::write(file, limits.memory_bytes.to_string()));
                };
                with_swap();
                fs::write(&file, limits.memory_bytes.to_string())?;
                with_swap();
                let swap = group.join("memory.swap.max");
                let _uncounted = swap.exists().then(|| fs::write(swap, "0"));
            }
            match file(Processors, group) {
                Some(file) if file.ends_with("cpu.max") => fs::write(file, format!("{quota_us} 100000"))?,
                Some(file) => fs::write(file, quota_us.to_string())?,
                None => {}
            }
            if let Some(file) = file(Processes, group) {
                fs::write(file, limits.processes.to_string())?;
            }
        }
        Ok(())
    }

    /// Kills every process in it. Blocks until they are gone.
    pub fn kill(&self) {
        self.groups.iter().for_each(|group| kill(group));
    }

    pub fn remove(&self) {
        self.groups.iter().for_each(|group| remove_tree(group));
    }
}

fn kill(group: &Path) {
    processes::kill_until_gone(|| {
        let members = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
        members.lines().filter_map(|line| line.parse().ok()).collect()
    });
}

/// Removes a group and those below it. The kernel takes a moment to notice that the last process is gone.
fn remove_tree(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    kill(group);
    for _ in 0..500 {
        match fs::remove_dir(group) {
            Err(error) if error.raw_os_error() == Some(nix::libc::EBUSY) => {
                std::thread::sleep(Duration::from_millis(1));
            }
            _ => return,
        }
    }
}

/// Where the hierarchy with these controllers is mounted; no names: version 2.
fn mount_point(mounts: &str, names: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let (fields, rest) = line.split_once(" - ")?;
        let at = fields.split(' ').nth(4)?;
        let mut rest = rest.split(' ');
        let (kind, options) = (rest.next()?, rest.nth(1)?);
        let fits = match kind {
            "cgroup2" => names.is_empty(),
            "cgroup" => {
                !names.is_empty() && names.split(',').all(|name| options.split(',').any(|it| it == name))
            }
            _ => false,
        };
        fits.then(|| at.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hierarchy_is_found_by_its_controllers_or_as_version_2() {
        let mounts = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      36 31 0:33 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let at = |names| mount_point(mounts, names).map(|path| path.display().to_string());
        assert_eq!(at("memory").as_deref(), Some("/sys/fs/cgroup/memory"));
        assert_eq!(at("cpu,cpuacct").as_deref(), Some("/sys/fs/cgroup/cpu"));
        assert_eq!(at("").as_deref(), Some("/sys/fs/cgroup/unified"));
        assert_eq!(at("pids"), None);
    }

    /// Directories in the place of a hierarchy of version 2, with the files that the kernel makes.
    fn stand_in() -> (tempfile::TempDir, Group) {
        let directory = tempfile::tempdir().unwrap();
        let group = directory.path().join("sandbox");
        let freezable = group.join("freezable");
        fs::create_dir_all(&freezable).unwrap();
        for file in ["cgroup.procs", "memory.max", "memory.swap.max", "cpu.max", "pids.max"] {
            fs::write(group.join(file), "").unwrap();
        }
        for file in ["cgroup.procs", "cgroup.freeze"] {
            fs::write(freezable.join(file), "").unwrap();
        }
        let limiting = vec![group.clone()];
        let group = Group { groups: vec![group], limiting, freezable: Some(freezable) };
        (directory, group)
    }

    #[test]
    fn the_limits_of_version_2_are_written_as_the_kernel_reads_them() {
        let (directory, group) = stand_in();
        let read = |file: &str| fs::read_to_string(directory.path().join("sandbox").join(file)).unwrap();
        group.set(&Limits { processors: 1.5, memory_bytes: 3 << 30, processes: 1024 }).unwrap();
        let written = ["memory.max", "memory.swap.max", "cpu.max", "pids.max"].map(read);
        assert_eq!(written, ["3221225472", "0", "150000 100000", "1024"]);
        let members = group.members();
        assert_eq!(members, [directory.path().join("sandbox/cgroup.procs")]);
        let freezable = group.freezable_members().unwrap();
        assert_eq!(freezable, directory.path().join("sandbox/freezable/cgroup.procs"));
    }

    #[test]
    fn a_server_weighs_as_much_as_its_sandboxes() {
        let server = tempfile::tempdir().unwrap();
        let files = ["cpu.weight", "cpu.shares"].map(|name| server.path().join(name));
        files.iter().for_each(|file| fs::write(file, "").unwrap());
        let weights = |sandboxes: std::ops::Range<u32>| {
            sandboxes.for_each(|name| fs::create_dir(server.path().join(name.to_string())).unwrap());
            weigh(server.path());
            files.each_ref().map(|file| fs::read_to_string(file).unwrap())
        };
        assert_eq!(weights(0..1), ["100", "1024"]);
        assert_eq!(weights(1..3), ["300", "3072"]);
        assert_eq!(weights(3..300), ["10000", "262144"]);
    }

    #[test]
    fn a_group_of_version_2_is_frozen_when_the_kernel_says_so() {
        let (directory, group) = stand_in();
        let freezable = directory.path().join("sandbox/freezable");
        let frozen = || fs::read_to_string(freezable.join("cgroup.freeze")).unwrap();
        fs::write(freezable.join("cgroup.events"), "populated 1\nfrozen 1\n").unwrap();
        assert!(group.freeze().unwrap());
        assert_eq!(frozen(), "1");
        group.thaw().unwrap();
        assert_eq!(frozen(), "0");
        let without = Group { groups: Vec::new(), limiting: Vec::new(), freezable: None };
        assert!(!without.freeze().unwrap());
    }
}
