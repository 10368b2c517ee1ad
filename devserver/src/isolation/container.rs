//! A container as the server has it: started, stopped, started again on the same files, gone.

use super::Isolation;
use super::calls;
use super::cgroup::{Controller, Group, Limits};
use super::channel::{self, Report};
use super::image;
use super::layer::SavedLayer;
use super::maker::Task;
use super::plan::{Layer, Plan, Spec};
use super::volumes::VolumeMount;
use crate::processes::{self, Held};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal, waitid,
};
use serde_json::Value;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
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
    volumes: Vec<VolumeMount>,
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
    paused: Option<Paused>,
}

/// How the processes of a container are held.
enum Paused {
    Group,
    Signals(Held),
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
            volumes: Vec::new(),
            group: None,
            kept: None,
            running: None,
        }
    }

    /// What it shares with other containers from the next start on which its file system is made.
    pub fn share(&mut self, volumes: Vec<VolumeMount>) {
        self.volumes = volumes;
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
        make_directory(&self.directory).map_err(|error| {
            let text = format!("{} cannot be made: {error}", self.directory.display());
            io::Error::new(error.kind(), text)
        })?;
        // A mount point, and nothing else.
        make_directory(&self.directory.join("root"))?;
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
        let spec = Spec { trial, daemon, ..self.spec(Some(&group)) };
        self.group = Some(group);
        let spec = channel::text_file("specification", &serde_json::to_vec(&spec)?)?;
        let (ours, theirs) = channel::pair()?;
        let mut child = self.isolation.spawn_maker(theirs)?;
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
        self.running = Some(Running {
            _lifeline: ours,
            init,
            process,
            stderr,
            child: own.then_some(child),
            paused: None,
        });
        Ok(())
    }

    fn spec(&self, group: Option<&Group>) -> Spec {
        let limited = self.isolation.hierarchies().limits(Controller::Processes);
        Spec {
            plan: self.plan,
            directory: self.directory.join("root"),
            layer_bytes: self.disk_bytes,
            shared_memory_bytes: self.limits.memory_bytes / 2,
            hostname: self.id.clone(),
            hidden: self.isolation.hidden().to_vec(),
            exposed: self.isolation.exposed().to_vec(),
            volumes: self.volumes.clone(),
            groups: group.map(Group::members).unwrap_or_default(),
            freezable: group.and_then(Group::freezable_members).filter(|_| self.plan.is_some()),
            kernel_locked: nix::unistd::geteuid().is_root()
                && !self.plan.is_some_and(|plan| plan.is_shifted()),
            processes: (!limited).then_some(self.limits.processes),
            trial: false,
            daemon: Value::Null,
        }
    }

    /// Tells the new process what to make, and hears how it went.
    fn make(&mut self, control: &OwnedFd, spec: &OwnedFd, listener: &OwnedFd) -> io::Result<Pid> {
        let origin = if self.kept.is_some() { None } else { self.origin()? };
        let mut given = vec![spec.as_fd(), listener.as_fd()];
        given.extend(origin.as_ref().map(AsFd::as_fd));
        if let Some(kept) = &self.kept {
            given.push(kept.mounts.as_fd());
            given.extend(kept.users.as_ref().map(AsFd::as_fd));
        }
        let task = if self.kept.is_some() { Task::Kept } else { Task::New };
        channel::send(control.as_fd(), &task, &given)?;
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
                    // In memory again.
                    let _none = fs::remove_file(self.archive_path());
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

    /// What a layer that does not stand yet starts from.
    fn origin(&self) -> io::Result<Option<fs::File>> {
        Ok(match self.plan.map(|plan| plan.layer) {
            Some(Layer::Image) => {
                let path = self.image_path();
                Some(if path.exists() { image::open(&path)? } else { image::create(&path, self.disk_bytes)? })
            }
            Some(Layer::Memory) => match fs::File::open(self.archive_path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                saved => Some(saved?),
            },
            None => None,
        })
    }

    /// The layer as a file system in a file.
    fn image_path(&self) -> PathBuf {
        self.directory.join("layer.img")
    }

    /// The files of a layer in memory, while they are not there.
    fn archive_path(&self) -> PathBuf {
        self.directory.join("layer.files")
    }

    /// Holds every process: what happens in the container waits. Blocks until all are held. Only with isolation.
    pub fn pause(&mut self) -> io::Result<()> {
        let Some(running) = self.running.as_mut().filter(|_| self.plan.is_some()) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        if running.paused.is_some() {
            return Ok(());
        }
        let by_group = self.group.as_ref().is_some_and(|group| matches!(group.freeze(), Ok(true)));
        running.paused = Some(if by_group {
            Paused::Group
        } else {
            Paused::Signals(processes::hold_below(running.init.as_raw_nonzero().get())?)
        });
        Ok(())
    }

    /// Lets the processes go on that [`Self::pause`] holds.
    pub fn resume(&mut self) -> io::Result<()> {
        match self.running.as_mut().and_then(|running| running.paused.take()) {
            Some(Paused::Group) => self.group.as_ref().map_or(Ok(()), Group::thaw),
            Some(Paused::Signals(held)) => {
                processes::release(held);
                Ok(())
            }
            None => Ok(()),
        }
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

    /// Ends everything and gives back what a stopped container holds, except for its files: the memory that they
    /// are in, the mounts.
    pub fn archive(&mut self) -> io::Result<()> {
        self.stop();
        if self.plan.is_some_and(|plan| plan.layer == Layer::Memory) && self.kept.is_some() {
            let path = self.archive_path();
            self.write_archive(&path).inspect_err(|_| drop(fs::remove_file(&path)))?;
        }
        if self.kept.take().is_some() && self.plan.is_some_and(|plan| plan.layer == Layer::Image) {
            // Mounted again before the kernel has let go of it, the image would lack what is not written yet.
            image::wait_until_unmounted(&self.image_path())?;
        }
        Ok(())
    }

    /// Ends everything and removes every trace.
    pub fn delete(&mut self) {
        self.stop();
        self.kept = None;
        let _ = fs::remove_dir_all(&self.directory);
    }

    /// Gives a stopped container a larger disk.
    pub fn grow(&mut self, disk_bytes: u64) -> io::Result<()> {
        // What stands is let go of: a layer in memory is made anew in its new size.
        self.archive()?;
        let path = self.image_path();
        if self.plan.is_some_and(|plan| plan.layer == Layer::Image) && path.exists() {
            image::grow(&path, disk_bytes)?;
        }
        self.disk_bytes = disk_bytes;
        Ok(())
    }

    /// New limits, in force at once for what runs.
    pub fn limit(&mut self, limits: Limits) -> io::Result<()> {
        self.limits = limits;
        self.group.as_ref().map_or(Ok(()), |group| group.set(&limits))
    }

    /// Saves the files as they are now, in a file at `path`. What runs is held for that long.
    pub fn save(&mut self, path: &Path) -> io::Result<SavedLayer> {
        let plan = self.plan.ok_or(io::ErrorKind::Unsupported)?;
        let goes_on = self.running.as_ref().is_some_and(|running| running.paused.is_none());
        if goes_on {
            self.pause()?;
        }
        let saved = self.save_held(path, plan);
        if goes_on {
            self.resume()?;
        }
        saved
    }

    fn save_held(&self, path: &Path, plan: Plan) -> io::Result<SavedLayer> {
        let saved = SavedLayer::new(path.to_owned(), plan);
        match plan.layer {
            Layer::Image => {
                if let Some(kept) = &self.kept {
                    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC;
                    let layer = rustix::fs::openat(&kept.layer, ".", flags, rustix::fs::Mode::empty())?;
                    rustix::fs::syncfs(layer)?;
                }
                drop(self.origin()?);
                image::copy(&self.image_path(), path)?;
            }
            Layer::Memory if self.kept.is_some() => self.write_archive(path)?,
            Layer::Memory => match fs::copy(self.archive_path(), path) {
                // Never started: nothing differs from the machine.
                Err(error) if error.kind() == io::ErrorKind::NotFound => drop(fs::File::create_new(path)?),
                copied => drop(copied?),
            },
        }
        Ok(saved)
    }

    /// Gives a container that was never started the files that another one had.
    pub fn fill(&mut self, saved: &SavedLayer) -> io::Result<()> {
        if self.plan.is_none() || self.kept.is_some() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        make_directory(&self.directory)?;
        self.plan = Some(saved.plan());
        match saved.plan().layer {
            Layer::Image => {
                image::copy(saved.path(), &self.image_path())?;
                image::grow(&self.image_path(), self.disk_bytes)
            }
            Layer::Memory => fs::copy(saved.path(), self.archive_path()).map(drop),
        }
    }

    /// Writes the files of a layer in memory to a file.
    fn write_archive(&self, path: &Path) -> io::Result<()> {
        let Some(kept) = &self.kept else { return Err(io::ErrorKind::NotFound.into()) };
        let file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let (ours, theirs) = channel::pair()?;
        let mut child = self.isolation.spawn_maker(theirs)?;
        let spec = channel::text_file("specification", &serde_json::to_vec(&self.spec(None))?)?;
        let mut given = vec![spec.as_fd(), file.as_fd(), kept.layer.as_fd()];
        given.extend(kept.users.as_ref().map(AsFd::as_fd));
        let report = channel::send(ours.as_fd(), &Task::Save, &given)
            .and_then(|()| channel::receive::<Report>(ours.as_fd()));
        drop(ours);
        let _ = child.wait();
        match report? {
            Some((Report::Ready, _)) => Ok(()),
            Some((Report::Failed(reason), _)) => Err(io::Error::other(reason)),
            _ => Err(io::Error::other("the process that saves the sandbox's files ended early")),
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
