//! The path is resolved here, one name at a time: no name is opened as a link.

use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path};

/// For a look at a file or directory; a socket cannot be opened so.
#[cfg(not(target_os = "linux"))]
pub const LOOK: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

/// How many links a path may lead through.
const MOST_LINKS: u32 = 40;

pub fn open(root: BorrowedFd<'_>, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let directory = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    // The directories that lead to where the path is resolved, below the root.
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut names = Vec::new();
    push(&mut names, path);
    let mut links = 0;
    while let Some(name) = names.pop() {
        if name == ".." {
            above.pop();
            continue;
        }
        let here = above.last().map_or(root, AsFd::as_fd);
        match readlinkat(here, &name, Vec::new()) {
            Ok(target) => {
                links += 1;
                if links > MOST_LINKS {
                    return Err(Errno::LOOP.into());
                }
                let target = Path::new(OsStr::from_bytes(target.to_bytes()));
                if target.is_absolute() {
                    above.clear();
                }
                push(&mut names, target);
                continue;
            }
            // No link.
            Err(Errno::INVAL) => {}
            Err(error) => return Err(error.into()),
        }
        if names.is_empty() {
            return Ok(openat(here, &name, flags | OFlags::NOFOLLOW, Mode::empty())?);
        }
        above.push(openat(here, &name, directory, Mode::empty())?);
    }
    Ok(openat(above.last().map_or(root, AsFd::as_fd), ".", flags, Mode::empty())?)
}

/// Puts the names of a path on the stack, the first on top.
fn push(names: &mut Vec<OsString>, path: &Path) {
    let components =
        path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.extend(components.rev().map(|part| part.as_os_str().to_owned()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;
    use std::os::unix::fs::symlink;

    #[test]
    fn it_opens_what_the_kernel_opens_and_no_link_leads_out() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("etc"), "own").unwrap();
        std::fs::write(root.join("a/file"), "inner").unwrap();
        for (target, name) in [
            ("/etc", "a/b/absolute"),
            ("../../../../../../etc", "a/b/up"),
            ("../../../../../../etc/passwd", "a/b/out"),
            ("/a/b", "to_b"),
            ("loop", "loop"),
            ("/", "top"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        let root = File::open(root).unwrap();
        for path in [
            ".",
            "..",
            "/",
            "a",
            "a/",
            "etc",
            "a/file",
            "a/../etc",
            "a/b/../file",
            "a/b/absolute",
            "a/b/up",
            "a/b/out",
            "to_b/../file",
            "to_b/absolute",
            "loop",
            "loop/x",
            "top/a/file",
            "top/top/etc",
            "none",
            "etc/none",
            "a/none/file",
            "../../a/b/../file",
        ] {
            let read = |opened: io::Result<OwnedFd>| {
                let mut file = File::from(opened.map_err(|error| error.raw_os_error())?);
                let mut text = String::new();
                Ok(match file.metadata().unwrap().is_dir() {
                    true => format!("{}", std::os::unix::fs::MetadataExt::ino(&file.metadata().unwrap())),
                    false => file.read_to_string(&mut text).map(|_| text).unwrap(),
                })
            };
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let found: Result<String, Option<i32>> = read(open(root.as_fd(), Path::new(path), flags));
            #[cfg(target_os = "linux")]
            assert_eq!(found, read(super::super::open(root.as_fd(), Path::new(path), flags)), "{path}");
            assert!(!found.is_ok_and(|text| text.contains("root:")), "{path}");
        }
    }
}
