//! A container in namespaces of its own, as the server has it.

use super::channel::{self, Report};
use super::control_groups::{Controller, Group};
use super::image;
use super::maker::Task;
use super::namespaces::Namespaces;
use super::spec::Spec;
use crate::isolation::calls;
use crate::isolation::container::{Container, Ended};
use crate::isolation::launch;
use crate::isolation::layer::SavedLayer;
use crate::isolation::limits::Limits;
use crate::isolation::plan::{Layer, Plan, VolumeMount};
use crate::isolation::short_name::ShortName;
use crate::isolation::socket;
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
use std::path::{Path, PathBuf};
use std::process::ChildStderr;
use std::sync::Arc;

/// A sandbox's files and limits, and while it runs its processes.
pub struct NamespacedContainer {
    namespaces: Arc<Namespaces>,
    plan: Plan,
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
    paused: Option<Paused>,
}

/// How the processes of a container are held.
enum Paused {
    Group,
    Signals(Held),
}

impl NamespacedContainer {
    /// One that has nothing yet, with a directory of its own in `state`.
    pub fn new(
        namespaces: &Arc<Namespaces>,
        state: &Path,
        id: &str,
        limits: Limits,
        disk_bytes: u64,
    ) -> Self {
        Self {
            namespaces: namespaces.clone(),
            plan: namespaces.next_plan(),
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

    /// Its first process, as the machine outside numbers it.
    fn init(&self) -> Option<i32> {
        self.running.as_ref().map(|running| running.init.as_raw_nonzero().get())
    }

    /// Makes it, and starts nothing: whether that works.
    pub fn attempt(&mut self) -> io::Result<()> {
        self.launch(Value::Null, true)
    }

    fn launch(&mut self, daemon: Value, trial: bool) -> io::Result<()> {
        self.stop();
        launch::make_directory(&self.directory)?;
        // A mount point, and nothing else.
        launch::make_directory(&self.directory.join("root"))?;
        let socket = self.socket();
        let _none = fs::remove_file(&socket);
        let listener = listen(&self.directory)?;
        let in_memory = self.plan.layer == Layer::Memory;
        let limits = Limits {
            // Files in memory count as memory.
            memory_bytes: self.limits.memory_bytes + if in_memory { self.disk_bytes } else { 0 },
            ..self.limits
        };
        let hierarchies = self.namespaces.hierarchies();
        let group = hierarchies.create(&self.id, &limits)?;
        let spec = Spec { trial, daemon, ..self.spec(Some(&group)) };
        self.group = Some(group);
        let spec = channel::text_file("specification", &serde_json::to_vec(&spec)?)?;
        let (ours, theirs) = channel::pair()?;
        let mut child = self.namespaces.spawn_maker(theirs)?;
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
        let _ = child.wait();
        let process = pidfd_open(init, PidfdFlags::empty())?;
        self.running = Some(Running { _lifeline: ours, init, process, stderr, paused: None });
        Ok(())
    }

    fn spec(&self, group: Option<&Group>) -> Spec {
        let limited = self.namespaces.hierarchies().limits(Controller::Processes);
        Spec {
            plan: self.plan,
            directory: self.directory.join("root"),
            layer_bytes: self.disk_bytes,
            shared_memory_bytes: self.limits.memory_bytes / 2,
            hostname: self.id.clone(),
            hidden: self.namespaces.hidden().to_vec(),
            exposed: self.namespaces.exposed().to_vec(),
            volumes: self.volumes.clone(),
            groups: group.map(Group::members).unwrap_or_default(),
            freezable: group.and_then(Group::freezable_members),
            kernel_locked: nix::unistd::geteuid().is_root() && !self.plan.is_shifted(),
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
                    if let Some(init) = init {
                        let _ = waitid(WaitId::Pid(init), WaitIdOptions::EXITED);
                    }
                    return Err(io::Error::other(reason));
                }
            }
        }
    }

    /// What a layer that does not stand yet starts from.
    fn origin(&self) -> io::Result<Option<fs::File>> {
        Ok(match self.plan.layer {
            Layer::Image => {
                let path = self.image_path();
                Some(if path.exists() { image::open(&path)? } else { image::create(&path, self.disk_bytes)? })
            }
            Layer::Memory => match fs::File::open(self.archive_path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                saved => Some(saved?),
            },
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

    fn save_held(&self, path: &Path) -> io::Result<SavedLayer> {
        let saved = SavedLayer::new(path.to_owned(), self.plan);
        match self.plan.layer {
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

    /// Writes the files of a layer in memory to a file.
    fn write_archive(&self, path: &Path) -> io::Result<()> {
        let Some(kept) = &self.kept else { return Err(io::ErrorKind::NotFound.into()) };
        let file = fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let (ours, theirs) = channel::pair()?;
        let mut child = self.namespaces.spawn_maker(theirs)?;
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

impl Container for NamespacedContainer {
    fn share(&mut self, volumes: Vec<VolumeMount>) {
        self.volumes = volumes;
    }

    fn socket(&self) -> PathBuf {
        self.directory.join(socket::NAME)
    }

    fn root(&self) -> Option<PathBuf> {
        Some(format!("/proc/{}/root", self.init()?).into())
    }

    fn ended(&self) -> Option<io::Result<Ended>> {
        let running = self.running.as_ref()?;
        let ended = running.process.try_clone().and_then(calls::readable);
        Some(ended.map(|ended| Box::pin(ended) as Ended))
    }

    fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.running.as_mut()?.stderr.take()
    }

    fn start(&mut self, daemon: Value) -> io::Result<()> {
        self.launch(daemon, false)
    }

    fn stop(&mut self) {
        let Some(running) = self.running.take() else { return };
        // The kernel ends everything in the process namespace before this one counts as ended.
        let _gone = pidfd_send_signal(&running.process, Signal::KILL);
        let _ = waitid(WaitId::Pid(running.init), WaitIdOptions::EXITED);
        if let Some(group) = self.group.take() {
            group.remove();
        }
        let _ = fs::remove_file(self.socket());
    }

    fn delete(&mut self) {
        self.stop();
        self.kept = None;
        let _ = fs::remove_dir_all(&self.directory);
    }

    fn limit(&mut self, limits: Limits) -> io::Result<()> {
        self.limits = limits;
        self.group.as_ref().map_or(Ok(()), |group| group.set(&limits))
    }

    fn pause(&mut self) -> io::Result<()> {
        let Some(running) = self.running.as_mut() else {
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

    fn resume(&mut self) -> io::Result<()> {
        match self.running.as_mut().and_then(|running| running.paused.take()) {
            Some(Paused::Group) => self.group.as_ref().map_or(Ok(()), Group::thaw),
            Some(Paused::Signals(held)) => {
                processes::release(held);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn archive(&mut self) -> io::Result<()> {
        self.stop();
        if self.plan.layer == Layer::Memory && self.kept.is_some() {
            let path = self.archive_path();
            self.write_archive(&path).inspect_err(|_| drop(fs::remove_file(&path)))?;
        }
        if self.kept.take().is_some() && self.plan.layer == Layer::Image {
            // Mounted again before the kernel has let go of it, the image would lack what is not written yet.
            image::wait_until_unmounted(&self.image_path())?;
        }
        Ok(())
    }

    fn grow(&mut self, disk_bytes: u64) -> io::Result<()> {
        // What stands is let go of: a layer in memory is made anew in its new size.
        self.archive()?;
        let path = self.image_path();
        if self.plan.layer == Layer::Image && path.exists() {
            image::grow(&path, disk_bytes)?;
        }
        self.disk_bytes = disk_bytes;
        Ok(())
    }

    fn save(&mut self, path: &Path) -> io::Result<SavedLayer> {
        let goes_on = self.running.as_ref().is_some_and(|running| running.paused.is_none());
        if goes_on {
            self.pause()?;
        }
        let saved = self.save_held(path);
        if goes_on {
            self.resume()?;
        }
        saved
    }

    fn fill(&mut self, saved: &SavedLayer) -> io::Result<()> {
        if self.kept.is_some() {
            return Err(io::ErrorKind::Unsupported.into());
        }
        launch::make_directory(&self.directory)?;
        self.plan = saved.plan();
        match saved.plan().layer {
            Layer::Image => {
                image::copy(saved.path(), &self.image_path())?;
                image::grow(&self.image_path(), self.disk_bytes)
            }
            Layer::Memory => fs::copy(saved.path(), self.archive_path()).map(drop),
        }
    }
}

impl Drop for NamespacedContainer {
    fn drop(&mut self) {
        self.delete();
    }
}

fn listen(directory: &Path) -> io::Result<UnixListener> {
    UnixListener::bind(ShortName::of(directory)?.path().join(socket::NAME))
}
