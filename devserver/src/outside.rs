//! A started sandbox as the machine sees it, for tests: its files and processes from outside.

use crate::Server;
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where a sandbox's files and processes are.
#[derive(Clone, Debug)]
pub struct Outside {
    root: PathBuf,
    /// Its first process; nothing without isolation.
    init: Option<i32>,
}

impl Outside {
    /// Nothing: the sandbox is not started.
    pub fn of(server: &Server, id: &str) -> Option<Self> {
        let root = server.sandbox_root(id)?;
        let init = root.strip_prefix("/proc").ok().and_then(|rest| rest.components().next());
        let init = init.and_then(|init| init.as_os_str().to_str()?.parse().ok());
        Some(Self { root, init })
    }

    /// An absolute path of the sandbox. Made through the kernel: a link that is absolute leads elsewhere.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        self.root.join(inside.strip_prefix("/").unwrap_or(inside))
    }

    /// The number on the machine of a process that the sandbox knows by this one.
    pub fn process(&self, inside: &str) -> Option<i32> {
        let Some(init) = self.init else { return inside.parse().ok() };
        let namespace = |process: i32| fs::read_link(format!("/proc/{process}/ns/pid")).ok();
        let own = namespace(init)?;
        crate::processes::all().into_iter().find(|process| {
            let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
            let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
            numbers.and_then(|numbers| numbers.split_whitespace().last()) == Some(inside)
                && namespace(*process).as_ref() == Some(&own)
        })
    }
}

/// Does something to a sandbox's files from outside as the owner of this directory, or of the nearest one
/// above it that exists: a user without a number inside can make no file there.
pub fn as_owner_of<T>(directory: &Path, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let existing = directory.ancestors().find_map(|directory| fs::metadata(directory).ok());
    let owner = existing.ok_or(io::ErrorKind::NotFound)?;
    let group = setfsgid(Gid::from_raw(owner.gid()));
    let user = setfsuid(Uid::from_raw(owner.uid()));
    let changed = change();
    setfsuid(user);
    setfsgid(group);
    changed
}
