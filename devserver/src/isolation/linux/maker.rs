//! The process that makes a container, and what becomes of it: the first process inside, which reaps, and
//! the daemon as its child. Started by the server with one thread and an empty environment, so that forks
//! are safe and nothing of the developer's shell comes along.

use super::archive;
use super::channel::{self, Report};
use super::kernel;
use super::spec::Spec;
use super::tree;
use super::users::{self, Proc};
use crate::isolation::calls;
use crate::isolation::failure::{During, Failure, Step};
use crate::isolation::launch::{self, Daemon};
use crate::isolation::plan::{Ids, Plan};
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use serde_json::Value;
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

/// What the server sends along with its first message.
struct Given {
    spec: Spec,
    descriptors: VecDeque<OwnedFd>,
}

impl Given {
    fn take(&mut self, what: &str) -> Step<OwnedFd> {
        self.descriptors.pop_front().ok_or_else(|| Failure(format!("{what} was not given")))
    }
}

/// What is to be done, and with which descriptors after the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Task {
    /// A container on new files, or on saved ones: the daemon's listener; what the layer starts from, if there
    /// is something.
    New,
    /// A container on the files that it has: the daemon's listener, the mount namespace, the user namespace if
    /// there is one.
    Kept,
    /// A layer in memory is written to a file: the file, the layer, the user namespace if there is one.
    Save,
}

/// Makes the container that standard input tells of. Returns when it has ended, or in the process that only
/// started it.
pub fn main(daemon: Daemon) {
    calls::stop_ignoring_signals();
    let Ok(control) = launch::take_input() else { return };
    let result = receive(control.as_fd()).and_then(|(task, given)| match task {
        Task::Save => save(control.as_fd(), given),
        Task::New | Task::Kept => outside(control.as_fd(), task, given, daemon),
    });
    if let Err(Failure(text)) = result {
        let _gone = channel::send(control.as_fd(), &Report::Failed(text), &[]);
        std::process::exit(1);
    }
}

fn receive(control: BorrowedFd<'_>) -> Step<(Task, Given)> {
    let message = channel::receive(control).during("read what to make")?;
    let (task, descriptors) = message.ok_or_else(|| Failure("the server is gone".into()))?;
    let mut descriptors = VecDeque::from(descriptors);
    let text = descriptors.pop_front().ok_or_else(|| Failure("no specification".into()))?;
    let spec = serde_json::from_reader(File::from(text)).during("read the specification")?;
    Ok((task, Given { spec, descriptors }))
}

/// Writes a layer in memory to a file. Its user alone may read all of it.
fn save(control: BorrowedFd<'_>, mut given: Given) -> Step<()> {
    use std::os::fd::AsRawFd;
    let (file, layer) = (given.take("the file")?, given.take("the layer")?);
    if let Some(users) = given.descriptors.pop_front() {
        setns(users, CloneFlags::CLONE_NEWUSER).during("enter the first user namespace")?;
        users::be_readable()?;
    }
    let root = format!("/proc/self/fd/{}", layer.as_raw_fd());
    archive::write(Path::new(&root), &["work"], File::from(file))?;
    channel::send(control, &Report::Ready, &[]).during("report")
}

fn outside(control: BorrowedFd<'_>, task: Task, mut given: Given, daemon: Daemon) -> Step<()> {
    let plan = given.spec.plan;
    let listener = given.take("the listener")?;
    let proc = Proc::open()?;
    join(&given.spec.groups)?;
    // Opened here, where it is to be seen; used by the daemon, once there is one.
    let freezable = given.spec.freezable.as_ref();
    let freezable = freezable
        .map(|group| File::options().write(true).open(group).at("open the control group", group))
        .transpose()?;
    match task {
        Task::New | Task::Save => assemble(control, plan, &proc, &mut given)?,
        Task::Kept => {
            let mounts = given.take("the file system")?;
            if let Some(users) = given.descriptors.pop_front() {
                setns(users, CloneFlags::CLONE_NEWUSER).during("enter the first user namespace")?;
                users::be_readable()?;
            }
            setns(mounts, CloneFlags::CLONE_NEWNS).during("enter the file system")?;
        }
    }
    let users = users::create(&proc, plan.ids)?;
    // A child of the server, which this process leaves to it.
    let flags = libc::CLONE_NEWPID | libc::CLONE_PARENT;
    match kernel::fork(flags).during("create a process namespace")? {
        Some(init) => channel::send(control, &Report::Init(init), &[]).during("report"),
        None => {
            drop(proc);
            inside(control, plan, given.spec, listener.into(), users, freezable, daemon)
        }
    }
}

/// Makes the file system, in a mount namespace that the server holds on to.
fn assemble(control: BorrowedFd<'_>, plan: Plan, proc: &Proc, given: &mut Given) -> Step<()> {
    if plan.ids == Ids::Own {
        users::become_root(proc)?;
    }
    let shown = match plan.ids {
        Ids::Shifted(_) => Some(users::create(proc, plan.ids)?),
        _ => None,
    };
    unshare(CloneFlags::CLONE_NEWNS).during("create a mount namespace")?;
    let origin = given.descriptors.pop_front();
    let layer = tree::assemble(plan, &given.spec, shown.as_ref(), origin)?;
    let mut kept = vec![proc.namespace("self", "mnt")?, layer];
    if plan.ids == Ids::Own {
        kept.push(proc.namespace("self", "user")?);
    }
    channel::send(control, &Report::Assembled, &channel::borrowed(&kept)).during("report")
}

/// The first process of the sandbox.
fn inside(
    control: BorrowedFd<'_>,
    plan: Plan,
    spec: Spec,
    listener: UnixListener,
    users: OwnedFd,
    freezable: Option<File>,
    daemon: Daemon,
) -> Step<()> {
    let _leads_already = nix::unistd::setsid();
    // A copy: what stands stays as it is, for the next start.
    unshare(CloneFlags::CLONE_NEWNS).during("create a mount namespace")?;
    tree::mount_for_this_run(plan, &spec)?;
    kernel::new_session_keyring();
    users::enter(users.as_fd())?;
    drop(users);
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWIPC | CloneFlags::CLONE_NEWUTS;
    unshare(own).during("create the sandbox's own namespaces")?;
    nix::unistd::sethostname(&spec.hostname).during("set the host name")?;
    std::env::set_current_dir("/").during("enter /")?;
    if let Some(limit) = spec.processes {
        let (_, most) = getrlimit(Resource::RLIMIT_NPROC).during("read the limit of processes")?;
        let limit = limit.min(most);
        setrlimit(Resource::RLIMIT_NPROC, limit, limit).during("limit the processes")?;
    }
    if spec.trial {
        return channel::send(control, &Report::Ready, &[]).during("report");
    }
    let children = SigSet::from(Signal::SIGCHLD);
    children.thread_block().during("wait for children")?;
    let ended = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
    let ended = ended.during("wait for children")?;
    let Some(pid) = kernel::fork(0).during("start the daemon")? else {
        drop(ended);
        children.thread_unblock().during("wait for children")?;
        // The lifeline is the first process's alone.
        launch::detach_input()?;
        if let Some(mut group) = freezable {
            group.write_all(b"0").during("join the control group")?;
        }
        return run_daemon(listener, spec.daemon, control, daemon);
    };
    drop((listener, freezable));
    channel::send(control, &Report::Ready, &[]).during("report")?;
    launch::detach_input()?;
    init(control, &ended, Pid::from_raw(pid))
}

fn run_daemon(listener: UnixListener, told: Value, control: BorrowedFd<'_>, daemon: Daemon) -> Step<()> {
    use std::os::fd::AsRawFd;
    // Nothing of the lifeline stays in reach of what the sandbox runs.
    let null = File::open("/dev/null").during("open /dev/null")?;
    calls::replace(null.as_fd(), control.as_raw_fd()).during("leave the lifeline")?;
    daemon(listener, told);
    Ok(())
}

/// Reaps what nobody else waits for, until the daemon ends or the server does. With this process everything
/// in the sandbox ends.
fn init(lifeline: BorrowedFd<'_>, ended: &SignalFd, daemon: Pid) -> Step<()> {
    loop {
        let mut events =
            [PollFd::new(lifeline, PollFlags::POLLIN), PollFd::new(ended.as_fd(), PollFlags::POLLIN)];
        match poll(&mut events, PollTimeout::NONE) {
            Err(nix::errno::Errno::EINTR) => continue,
            other => other.during("wait")?,
        };
        let happened = |event: &PollFd<'_>| event.revents().is_some_and(|events| !events.is_empty());
        if happened(&events[0]) && !matches!(channel::receive::<Value>(lifeline), Ok(Some(_))) {
            return Ok(());
        }
        while let Ok(Some(_)) = ended.read_signal() {}
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..)) if pid == daemon => {
                    return Ok(());
                }
                Ok(WaitStatus::StillAlive) | Err(_) => break,
                Ok(_) => {}
            }
        }
    }
}

fn join(groups: &[std::path::PathBuf]) -> Step<()> {
    groups.iter().try_for_each(|group| std::fs::write(group, "0").at("join the control group", group))
}

/// One mount, with the kernel's words for a failure.
pub fn mounted(source: &str, target: &Path, kind: &str, flags: MsFlags, options: &str) -> Step<()> {
    let options = (!options.is_empty()).then_some(options);
    mount(Some(source), target, Some(kind), flags, options).at(&format!("mount {kind} on"), target)
}
