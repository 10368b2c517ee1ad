//! The kernel resolves the path.

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

/// For a look at a file of any kind.
pub const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

pub fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    Ok(openat2(root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
}
