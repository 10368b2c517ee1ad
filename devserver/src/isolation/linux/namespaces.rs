//! Namespaces: whether this kernel and this user allow them, found by trying it, and what every container shares.

use super::control_groups::Hierarchies;
pub use super::maker::main;
use super::namespaced::NamespacedContainer;
use crate::isolation::container::Container;
use crate::isolation::launch;
use crate::isolation::limits::Limits;
use crate::isolation::plan::Plan;
use nix::unistd::{Uid, User, geteuid};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Namespaces {
    plan: Plan,
    /// This program, in a copy that nobody can change.
    program: Arc<OwnedFd>,
    hidden: Vec<PathBuf>,
    exposed: Vec<PathBuf>,
    hierarchies: Arc<Hierarchies>,
    started: AtomicU32,
}

impl Namespaces {
    /// The first of these plans that works; else why the first did not.
    pub fn find(
        plans: Vec<Plan>,
        program: &Path,
        state: &Path,
        hierarchies: &Arc<Hierarchies>,
    ) -> Result<Arc<Self>, String> {
        let copy =
            sealed(program).map_err(|error| format!("a sealed copy of {}: {error}", program.display()))?;
        let hidden = hidden(state);
        let exposed = exposed(&hidden);
        let mut refused = None;
        for plan in plans {
            let found = Arc::new(Self {
                plan,
                program: copy.clone(),
                hidden: hidden.clone(),
                exposed: exposed.clone(),
                hierarchies: hierarchies.clone(),
                started: AtomicU32::new(std::process::id()),
            });
            match found.attempt(state) {
                Ok(()) => return Ok(found),
                Err(error) => drop(refused.get_or_insert_with(|| error.to_string())),
            }
        }
        Err(refused.unwrap_or_else(|| "nothing was tried".to_owned()))
    }

    /// Makes one container, and lets it go.
    fn attempt(self: &Arc<Self>, state: &Path) -> io::Result<()> {
        let limits = Limits { processors: 1.0, memory_bytes: 1 << 30, processes: 100 };
        NamespacedContainer::new(self, state, "trial", limits, 3 << 30).attempt()
    }

    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// One that has nothing yet, with a directory of its own in `state`.
    pub fn container(
        self: &Arc<Self>,
        state: &Path,
        id: &str,
        limits: Limits,
        disk_bytes: u64,
    ) -> Arc<Mutex<dyn Container>> {
        Arc::new(Mutex::new(NamespacedContainer::new(self, state, id, limits, disk_bytes)))
    }

    pub fn next_plan(&self) -> Plan {
        self.plan.with_range(self.started.fetch_add(1, Ordering::Relaxed))
    }

    pub fn hierarchies(&self) -> &Hierarchies {
        &self.hierarchies
    }

    pub fn hidden(&self) -> &[PathBuf] {
        &self.hidden
    }

    pub fn exposed(&self) -> &[PathBuf] {
        &self.exposed
    }

    /// Starts the process that makes a container.
    pub fn spawn_maker(&self, control: OwnedFd) -> io::Result<Child> {
        let program = format!("/proc/self/fd/{}", self.program.as_raw_fd());
        launch::spawn(&mut launch::command(Path::new(&program), launch::NAMESPACED, control))
    }
}

/// A copy of a program that stays as it is: what runs in a sandbox can reach the file that it runs from.
fn sealed(program: &Path) -> io::Result<Arc<OwnedFd>> {
    static COPIES: Mutex<Vec<(PathBuf, std::time::SystemTime, Arc<OwnedFd>)>> = Mutex::new(Vec::new());
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
    let mut source = File::open(program)?;
    let changed = source.metadata()?.modified()?;
    let mut copies = COPIES.lock();
    if let Some((.., copy)) = copies.iter().find(|(path, time, _)| path == program && *time == changed) {
        return Ok(copy.clone());
    }
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Kernels before 6.3 know no flag for executables, and need none.
    let copy = memfd_create("daytona-dev", flags | MemfdFlags::EXEC)
        .or_else(|_| memfd_create("daytona-dev", flags))?;
    let mut copy = File::from(copy);
    io::copy(&mut source, &mut copy)?;
    fcntl_add_seals(&copy, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    let copy = Arc::new(OwnedFd::from(copy));
    copies.push((program.to_owned(), changed, copy.clone()));
    Ok(copy)
}

/// The homes of this machine's users beside those below /home, and the server's state.
fn hidden(state: &Path) -> Vec<PathBuf> {
    let mut hidden: Vec<PathBuf> = Vec::new();
    let homes = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let own = geteuid();
    let mut add = |path: PathBuf| {
        // Not what everybody needs.
        let system =
            ["/usr", "/etc", "/var", "/bin", "/lib", "/sbin", "/dev", "/proc", "/sys", "/nonexistent"];
        let is_system = system.iter().any(|system| path.starts_with(system));
        if path.is_absolute() && path.parent().is_some() && !is_system && path.is_dir() {
            hidden.push(path);
        }
    };
    const FIRST_PERSON: u32 = 1000;
    const NOBODY: u32 = 65_534;
    for line in homes.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let [_, _, id, _, _, home, ..] = fields.as_slice() else { continue };
        let is_person = id.parse::<u32>().is_ok_and(|id| id >= FIRST_PERSON && id != NOBODY);
        if is_person || id.parse() == Ok(own.as_raw()) {
            add(home.into());
        }
    }
    if let Some(home) = std::env::var_os("HOME") {
        add(home.into());
    }
    if let Ok(Some(user)) = User::from_uid(Uid::current()) {
        add(user.dir);
    }
    if let Some(parent) = state.parent() {
        // A directory for states hides as a whole, unless a sandbox needs something else in it.
        let is_shared =
            ["/", "/var", "/var/lib", "/home", "/opt"].iter().any(|shared| parent == Path::new(shared));
        hidden.push(if is_shared { state.to_owned() } else { parent.to_owned() });
    }
    hidden.sort();
    hidden.dedup();
    hidden
}

/// Directories of PATH below hidden ones. A directory `bin` comes with the libraries beside it, a directory
/// of shims with the tools that they call.
fn exposed(hidden: &[PathBuf]) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let always = ["/home", "/root", "/mnt", "/media", "/srv", "/tmp", "/run", "/var/tmp"].map(PathBuf::from);
    let is_hidden =
        |path: &Path| always.iter().chain(hidden).any(|hidden| path.starts_with(hidden) && path != hidden);
    let mut exposed = Vec::new();
    for directory in
        std::env::split_paths(&path).filter(|directory| is_hidden(directory) && directory.is_dir())
    {
        let beside = |name: &str| directory.parent().map(|parent| parent.join(name));
        let tools = directory.parent().filter(|parent| is_hidden(parent));
        match (directory.file_name().and_then(|name| name.to_str()), tools) {
            (Some("shims"), Some(tools)) => {
                // Plugins have shims of their own, deeper down.
                let root =
                    tools.ancestors().find(|above| above.join("versions").is_dir() && is_hidden(above));
                exposed.push(root.unwrap_or(tools).to_owned());
            }
            (Some("bin"), _) => {
                exposed.extend(["lib", "lib64", "libexec"].iter().filter_map(|name| beside(name)));
                exposed.push(directory.clone());
            }
            _ => exposed.push(directory.clone()),
        }
    }
    exposed.retain(|directory| directory.is_dir());
    exposed.sort();
    exposed.dedup();
    // What is inside another one is there already.
    let all = exposed.clone();
    exposed.retain(|one| !all.iter().any(|other| one != other && one.starts_with(other)));
    exposed
}
