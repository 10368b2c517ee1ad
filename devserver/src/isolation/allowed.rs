//! What this kernel and this user allow, found by trying it, and what is said about the rest.

use super::cgroup::{Controller, Hierarchies, Limits};
use super::container::{Container, command};
use super::plan::{Ids, Layer, Plan, Tree};
use nix::unistd::{Uid, User, geteuid};
use parking_lot::Mutex;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What `--isolation` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// As much as the kernel allows.
    #[default]
    Auto,
    /// Or no server.
    Required,
    /// None.
    None,
}

pub struct Isolation {
    plan: Option<Plan>,
    /// Why there is no isolation, or no stronger one.
    refused: Option<String>,
    hierarchies: Hierarchies,
    /// This program, in a copy that nobody can change.
    program: Program,
    hidden: Vec<PathBuf>,
    exposed: Vec<PathBuf>,
    started: AtomicU32,
}

enum Program {
    Sealed(Arc<OwnedFd>),
    File(PathBuf),
}

impl Isolation {
    /// Finds out by trying. `state` is the server's directory; its name is that of the control groups as well.
    pub fn find(wanted: Wanted, program: &Path, state: &Path) -> io::Result<Arc<Self>> {
        Self::find_among(wanted, Plan::candidates(geteuid().is_root()), program, state)
    }

    /// The same with a choice of plans.
    pub fn find_among(
        wanted: Wanted,
        plans: Vec<Plan>,
        program: &Path,
        state: &Path,
    ) -> io::Result<Arc<Self>> {
        let hierarchies = Hierarchies::find(state);
        let mut found = Self {
            plan: None,
            refused: None,
            hierarchies,
            program: Program::File(program.to_owned()),
            hidden: hidden(state),
            exposed: Vec::new(),
            started: AtomicU32::new(std::process::id()),
        };
        if wanted == Wanted::None {
            return Ok(Arc::new(found));
        }
        found.exposed = exposed(&found.hidden);
        match sealed(program) {
            Ok(copy) => found.program = Program::Sealed(copy),
            Err(error) => found.refused = Some(format!("a sealed copy of {}: {error}", program.display())),
        }
        let mut found = Arc::new(found);
        if found.refused.is_none() {
            for plan in plans {
                match attempt(&mut found, plan, state) {
                    Ok(()) => return Ok(found),
                    Err(error) => edit(&mut found, |found| {
                        found.refused.get_or_insert_with(|| error.to_string());
                    }),
                }
            }
        }
        edit(&mut found, |found| found.plan = None);
        match (wanted, &found.refused) {
            (Wanted::Required, reason) => {
                let reason = reason.as_deref().unwrap_or("nothing was tried");
                Err(io::Error::other(format!("isolation is required, and the system refuses it: {reason}")))
            }
            _ => {
                edit(&mut found, |found| found.program = Program::File(program.to_owned()));
                Ok(found)
            }
        }
    }

    pub fn plan(&self) -> Option<Plan> {
        self.plan
    }

    /// What to know at the start, a line each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(plan) = self.plan else {
            let reason = self.refused.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
            notes.push(format!(
                "sandboxes are not isolated{reason}: what runs in them runs as you, on your files; not limited here: {}",
                self.unlimited().into_iter().chain(["disk"]).collect::<Vec<_>>().join(", ")
            ));
            return notes;
        };
        if plan.ids == Ids::Own {
            notes.push("what belongs to root on this machine cannot be changed in a sandbox".into());
        }
        if plan.tree == Tree::Binds {
            notes.push("outside of the home, /tmp, /var/tmp and /run a sandbox is read-only".into());
        }
        let unlimited = self.unlimited();
        if !unlimited.is_empty() {
            notes.push(format!("not limited here: {} (no writable control group)", unlimited.join(", ")));
        }
        if plan.layer == Layer::Memory {
            notes.push("a sandbox's files are kept in memory".into());
        }
        notes
    }

    /// What no control group limits here.
    fn unlimited(&self) -> Vec<&'static str> {
        let limits = [(Controller::Memory, "memory"), (Controller::Processors, "cpu")];
        let missing = limits.into_iter().filter(|(controller, _)| !self.hierarchies.limits(*controller));
        missing.map(|(_, name)| name).collect()
    }

    pub(super) fn next_plan(&self) -> Option<Plan> {
        Some(self.plan?.with_range(self.started.fetch_add(1, Ordering::Relaxed)))
    }

    pub(super) fn hierarchies(&self) -> &Hierarchies {
        &self.hierarchies
    }

    pub(super) fn hidden(&self) -> &[PathBuf] {
        &self.hidden
    }

    pub(super) fn exposed(&self) -> &[PathBuf] {
        &self.exposed
    }

    /// Starts the process that makes a container.
    pub(super) fn spawn_maker(&self, control: OwnedFd) -> io::Result<Child> {
        let mut maker = match &self.program {
            Program::Sealed(program) => {
                command(Path::new(&format!("/proc/self/fd/{}", program.as_raw_fd())), control)
            }
            Program::File(program) => command(program, control),
        };
        let unusable = |error: io::Error| {
            io::Error::new(error.kind(), format!("its daemon's binary cannot be run: {error}"))
        };
        maker.spawn().map_err(unusable)
    }
}

impl Drop for Isolation {
    fn drop(&mut self) {
        self.hierarchies.remove();
    }
}

fn edit(isolation: &mut Arc<Isolation>, change: impl FnOnce(&mut Isolation)) {
    if let Some(isolation) = Arc::get_mut(isolation) {
        change(isolation);
    }
}

/// Makes one container, and lets it go.
fn attempt(isolation: &mut Arc<Isolation>, plan: Plan, state: &Path) -> io::Result<()> {
    edit(isolation, |isolation| isolation.plan = Some(plan));
    let limits = Limits { processors: 1.0, memory_bytes: 1 << 30, processes: 100 };
    let mut container = Container::new(isolation, state, "trial", limits, 3 << 30);
    container.attempt()
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

/// The binary whose copy every sandbox runs: the one that is named, or named by `DAYTONA_DEV_BINARY`, or this
/// program, or the one that cargo built for the tests that this is one of.
pub fn find_binary(named: Option<PathBuf>) -> io::Result<PathBuf> {
    const NAME: &str = "daytona-dev";
    if let Some(named) = named.or_else(|| std::env::var_os("DAYTONA_DEV_BINARY").map(PathBuf::from)) {
        return Ok(named);
    }
    let own = std::env::current_exe()?;
    if own.file_name().is_some_and(|name| name == NAME) {
        return Ok(own);
    }
    // target/PROFILE/deps/TEST, target/PROFILE/examples/PROGRAM.
    let built = own.parent().and_then(Path::parent).map(|profile| profile.join(NAME));
    built.filter(|built| built.is_file()).ok_or_else(|| {
        io::Error::other(format!(
            "there is no binary daytona-dev for the sandboxes to run: build it with `cargo build -p {NAME}`, or \
             name it in DAYTONA_DEV_BINARY"
        ))
    })
}
