//! User namespaces. A sandbox's processes live in one in every case: mounts made before it was entered are
//! locked together, so that root inside can take none of them away.

use super::kernel;
use crate::isolation::failure::{During, Step};
use crate::isolation::plan::{IDS, Ids};
use nix::libc;
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid, setgroups, setresgid, setresuid};
use rustix::fs::{Mode, OFlags, openat};
use std::fs::File;
use std::io::Write;
use std::os::fd::{BorrowedFd, OwnedFd};

/// The kernel's /proc, kept open: the sandbox's file system has none while this is needed.
pub struct Proc(OwnedFd);

impl Proc {
    pub fn open() -> Step<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let proc = rustix::fs::open("/proc", flags, Mode::empty()).during("open /proc")?;
        Ok(Self(proc))
    }

    fn write(&self, path: &str, text: &str) -> Step<()> {
        let file = openat(&self.0, path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).during(path)?;
        File::from(file).write_all(text.as_bytes()).during(path)
    }

    pub fn namespace(&self, process: &str, kind: &str) -> Step<OwnedFd> {
        let path = format!("{process}/ns/{kind}");
        openat(&self.0, path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).during(&path)
    }

    /// The ids that this process's namespace has, mapped to themselves.
    fn identity(&self, process: &str, kind: &str) -> Step<String> {
        let path = format!("{process}/{kind}");
        let file =
            openat(&self.0, path.as_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).during(&path)?;
        let text = std::io::read_to_string(File::from(file)).during(&path)?;
        let same = |line: &str| {
            let mut fields = line.split_whitespace();
            Some(format!("{0} {0} {1}\n", fields.next()?, fields.nth(1)?))
        };
        Ok(text.lines().filter_map(same).collect())
    }
}

/// Enters a user namespace in which the user is root, with the rights to mount.
pub fn become_root(proc: &Proc) -> Step<()> {
    let (user, group) = (geteuid(), getegid());
    unshare(CloneFlags::CLONE_NEWUSER).during("create a user namespace")?;
    be_readable()?;
    proc.write("self/setgroups", "deny")?;
    proc.write("self/uid_map", &format!("0 {user} 1"))?;
    proc.write("self/gid_map", &format!("0 {group} 1"))
}

/// A new user namespace, below this process's own, that nobody has entered yet.
pub fn create(proc: &Proc, ids: Ids) -> Step<OwnedFd> {
    // A namespace needs a member to be set up.
    let Some(member) = kernel::fork(libc::CLONE_NEWUSER).during("create a user namespace")? else {
        loop {
            nix::unistd::pause();
        }
    };
    let create = || {
        let map = |kind| match ids {
            Ids::Shifted(first) => Ok(format!("0 {first} {IDS}")),
            Ids::Identity => proc.identity("self", kind),
            Ids::Own => Ok("0 0 1".to_owned()),
        };
        proc.write(&format!("{member}/uid_map"), &map("uid_map")?)?;
        proc.write(&format!("{member}/gid_map"), &map("gid_map")?)?;
        proc.namespace(&member.to_string(), "user")
    };
    let namespace = create();
    let member = Pid::from_raw(member);
    let _ = kill(member, Signal::SIGKILL);
    let _ = waitpid(member, None);
    namespace
}

/// Enters a user namespace as its root.
pub fn enter(namespace: BorrowedFd<'_>) -> Step<()> {
    nix::sched::setns(namespace, CloneFlags::CLONE_NEWUSER).during("enter the user namespace")?;
    // Forbidden where groups cannot be mapped; there are none then.
    let _ = setgroups(&[]);
    let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(group, group, group).during("become root's group")?;
    setresuid(user, user, user).during("become root")?;
    be_readable()
}

/// A change of identity hides a process's /proc entries from its own user.
pub fn be_readable() -> Step<()> {
    nix::sys::prctl::set_dumpable(true).during("show the process to its user")
}
