//! A container as the server has it: started, stopped, started again on the same files, gone.

use super::Isolation;
use super::calls;
use super::cgroup::{Group, Limits};
use super::channel::{self, Report};
use super::image;
use super::maker::Origin;
use super::plan::{Layer, Plan, Spec};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use serde_json::Value;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;

/// A sandbox's files and limits, and while it runs its processes.
pub struct Container {
    isolation: Arc<Isolation>,
    plan: Option<Plan>,
    id: String,
    directory: PathBuf,
    disk_bytes: u64,
    limits: Limits,
    group: Option<Group>,
    kept: Option<Kept>,
    running: Option<Running>,
}

/// What keeps the file system of a container without processes.
struct Kept {
    mounts: OwnedFd,
    /// Of an ordinary user's server.
    users: Option<OwnedFd>,
    /// The directory of the layer itself: `upper` and `private`.
    layer: OwnedFd,
}

struct Running {
    /// Closing it ends the container.
    _lifeline: OwnedFd,
    init: Pid,
    process: OwnedFd,
    stderr: Option<ChildStderr>,
    /// Without isolation the first process is the child itself.
    child: Option<Child>,
}

impl Container {
    /// One that has nothing yet, with a directory of its own in `state`.
    pub fn new(isolation: &Arc<Isolation>, state: &Path, id: &str, limits: Limits, disk_bytes: u64) -> Self {
        Self {
            isolation: isolation.clone(),
            plan: isolation.next_plan(),
            id: id.to_owned(),
            directory: state.join(id),
            disk_bytes,
            limits,
            group: None,
            kept: None,
            running: None,
        }
    }

    /// Where its daemon is reached.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(SOCKET)
    }

    /// Its first process, as the machine outside numbers it.
    pub fn init(&self) -> Option<i32> {
        self.running.as_ref().map(|running| running.init.as_raw_nonzero().get())
    }

    /// Its root directory, for a look from outside.
    pub fn root(&self) -> Option<PathBuf> {
        match self.plan {
            Some(_) => Some(format!("/proc/{}/root", self.init()?).into()),
            None => Some("/".into()),
        }
    }

    /// Becomes ready once everything in it has ended. Only for the runtime's threads.
    pub fn ended(&self) -> Option<io::Result<impl Future<Output = ()> + Send + 'static + use<>>> {
        self.running.as_ref().map(|running| calls::readable(running.process.try_clone()?))
    }

    /// What its daemon says.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.running.as_mut()?.stderr.take()
    }

    /// Starts it, on the files that it has.
    pub fn start(&mut self, daemon: Value) -> io::Result<()> {
        self.launch(daemon, false)
    }

    /// Makes it, and starts nothing: whether that works.
    pub(super) fn attempt(&mut self) -> io::Result<()> {
        self.launch(Value::Null, true)
    }

    fn launch(&mut self, daemon: Value, trial: bool) -> io::Result<()> {
        self.stop();
        make_directory(&self.directory)?;
        // A mount point, and nothing else.
        let mount_point = self.directory.join("root");
        make_directory(&mount_point)?;
        let socket = self.socket();
        let _none = fs::remove_file(&socket);
        let listener = listen(&self.directory)?;
        let in_memory = self.plan.is_some_and(|plan| plan.layer == Layer::Memory);
        let limits = Limits {
            // Files in memory count as memory.
            memory_bytes: self.limits.memory_bytes + if in_memory { self.disk_bytes } else { 0 },
            ..self.limits
        };
        let hierarchies = self.isolation.hierarchies();
        let group = hierarchies.create(&self.id, &limits)?;
        let limited = hierarchies.limits(super::cgroup::Controller::Processes);
        let spec = Spec {
            plan: self.plan,
            directory: mount_point,
            layer_bytes: self.disk_bytes,
            shared_memory_bytes: self.limits.memory_bytes / 2,
            hostname: self.id.clone(),
            hidden: self.isolation.hidden().to_vec(),
            exposed: self.isolation.exposed().to_vec(),
            groups: group.members(),
            kernel_locked: nix::unistd::geteuid().is_root()
                && !self.plan.is_some_and(|plan| plan.is_shifted()),
            processes: (!limited).then_some(self.limits.processes),
            trial,
            daemon,
        };
        self.group = Some(group);
        let spec = channel::text_file("specification", &serde_json::to_vec(&spec)?)?;
        let (ours, theirs) = channel::pair()?;
        let mut child = self.isolation.maker(theirs)?.spawn()?;
        let listener = OwnedFd::from(listener);
        let made = self.make(&ours, &spec, &listener);
        let stderr = child.stderr.take();
        let init = match made {
            Ok(init) => init,
            Err(error) => {
                let _ended = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        let own = self.plan.is_none();
        if !own {
            let _ = child.wait();
        }
        let process = pidfd_open(init, PidfdFlags::empty())?;
        self.running = Some(Running { _lifeline: ours, init, process, stderr, child: own.then_some(child) });
        Ok(())
    }

    /// Tells the new process what to make, and hears how it went.
    fn make(&mut self, control: &OwnedFd, spec: &OwnedFd, listener: &OwnedFd) -> io::Result<Pid> {
        let image = match (&self.kept, self.plan) {
            (None, Some(Plan { layer: Layer::Image, .. })) => Some(OwnedFd::from(self.image()?)),
            _ => None,
        };
        let mut given = vec![spec.as_fd(), listener.as_fd()];
        given.extend(image.as_ref().map(AsFd::as_fd));
        if let Some(kept) = &self.kept {
            given.push(kept.mounts.as_fd());
            given.extend(kept.users.as_ref().map(AsFd::as_fd));
        }
        let origin = if self.kept.is_some() { Origin::Kept } else { Origin::New };
        channel::send(control.as_fd(), &origin, &given)?;
        // The first process and its maker report independently: either may come first.
        let (mut init, mut ready) = (None, false);
        loop {
            if let (Some(init), true) = (init, ready) {
                return Ok(init);
            }
            let gone = || io::Error::other("the process that makes the sandbox ended early");
            let (report, descriptors) = channel::receive::<Report>(control.as_fd())?.ok_or_else(gone)?;
            match report {
                Report::Assembled => {
                    let mut descriptors = descriptors.into_iter();
                    let (Some(mounts), Some(layer)) = (descriptors.next(), descriptors.next()) else {
                        return Err(gone());
                    };
                    self.kept = Some(Kept { mounts, layer, users: descriptors.next() });
                }
                Report::Init(number) => init = Pid::from_raw(number),
                Report::Ready => ready = true,
                Report::Failed(reason) => {
                    if let Some(init) = init.filter(|_| self.plan.is_some()) {
                        let _ = waitid(WaitId::Pid(init), WaitIdOptions::EXITED);
                    }
                    return Err(io::Error::other(reason));
                }
            }
        }
    }

    fn image(&self) -> io::Result<fs::File> {
        let path = self.directory.join("layer.img");
        if path.exists() { image::open(&path) } else { image::create(&path, self.disk_bytes) }
    }

    /// Ends every process of it; the files stay. Blocks until all have ended.
    pub fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        match running.child {
            Some(mut child) => {
                drop(running._lifeline);
                let _ = child.wait();
                // The daemon may have been killed before it could end the others.
                crate::processes::kill_marked(&self.id);
                if let Some(group) = &self.group {
                    group.kill();
                }
            }
            None => {
                // The kernel ends everything in the process namespace before this one counts as ended.
                let _gone = pidfd_send_signal(&running.process, Signal::KILL);
                let _ = waitid(WaitId::Pid(running.init), WaitIdOptions::EXITED);
            }
        }
        if let Some(group) = self.group.take() {
            group.remove();
        }
        let _ = fs::remove_file(self.socket());
    }

    /// Ends everything and gives back what a stopped sandbox holds, except for its files.
    pub fn archive(&mut self) {
        self.stop();
        if self.plan.is_some_and(|plan| plan.layer == Layer::Image) {
            self.kept = None;
        }
    }

    /// Ends everything and removes every trace.
    pub fn delete(&mut self) {
        self.stop();
        self.kept = None;
        let _ = fs::remove_dir_all(&self.directory);
    }

    /// New limits, in force at once for what runs.
    pub fn limit(&mut self, limits: Limits) -> io::Result<()> {
        self.limits = limits;
        self.group.as_ref().map_or(Ok(()), |group| group.set(&limits))
    }

    /// The layer of a stopped container: what a fork or a snapshot copies, `upper` with what was changed and
    /// `private` with the directories of its own.
    pub fn layer(&self) -> Option<&OwnedFd> {
        self.kept.as_ref().map(|kept| &kept.layer)
    }

    /// Gives a container that was never started the files of this one, and the ids that they belong to. Files
    /// in memory are not copied yet.
    pub fn copy_to(&self, other: &mut Self) -> io::Result<()> {
        match self.plan.map(|plan| plan.layer) {
            Some(Layer::Image) => {
                if let Some(layer) = self.layer() {
                    let directory = rustix::fs::openat(
                        layer,
                        "upper",
                        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC,
                        rustix::fs::Mode::empty(),
                    )?;
                    rustix::fs::syncfs(directory)?;
                }
                make_directory(&other.directory)?;
                other.plan = self.plan;
                image::copy(&self.directory.join("layer.img"), &other.directory.join("layer.img"))
            }
            _ => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        self.delete();
    }
}

fn make_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The daemon's socket, below the container's directory.
const SOCKET: &str = "daemon.sock";

/// The socket below an open directory. A socket's path has room for 108 bytes, and a descriptor is shorter than a
/// directory's name may be.
fn socket_in(directory: &fs::File) -> String {
    use std::os::fd::AsRawFd;
    format!("/proc/self/fd/{}/{SOCKET}", directory.as_raw_fd())
}

fn listen(directory: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(socket_in(&fs::File::open(directory)?))
}

/// Connects to a daemon's socket.
pub async fn connect(socket: &Path) -> io::Result<tokio::net::UnixStream> {
    use std::os::unix::ffi::OsStrExt;
    const MOST_BYTES: usize = 100;
    if socket.as_os_str().as_bytes().len() < MOST_BYTES {
        return tokio::net::UnixStream::connect(socket).await;
    }
    let directory = fs::File::open(socket.parent().unwrap_or(socket))?;
    tokio::net::UnixStream::connect(socket_in(&directory)).await
}

/// The command that makes a container: this program once more, told everything through its input.
pub(super) fn command(program: &Path, control: OwnedFd) -> Command {
    let mut command = Command::new(program);
    command.arg0("daytona-dev").arg("__container").env_clear().current_dir("/");
    for name in ["PATH", "TZ", "USER", "RUST_LOG", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::from(control)).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    command
}
