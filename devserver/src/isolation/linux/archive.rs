//! A tree of files as one file: what carries a layer that lives in memory to the disk and back. Everything an
//! overlay needs is kept: owners, whiteouts, extended attributes, hard links, holes.
//!
//! The file is a sequence of entries, parents before children: the length of a JSON header in four bytes
//! (little-endian), the header, and for a file the bytes of its pieces.

use crate::isolation::failure::{During, Failure, Step};
use nix::sys::stat::{SFlag, mknod};
use rustix::fs::{SeekFrom, Timespec, Timestamps, XattrFlags, seek, utimensat};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::ffi::{CStr, OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::Path;

#[derive(Serialize, Deserialize)]
struct Entry {
    /// Below the root of the tree; empty: the root itself.
    path: OsString,
    kind: Kind,
    permissions: u32,
    owner: u32,
    group: u32,
    /// Seconds and nanoseconds.
    modified: (i64, i64),
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

#[derive(Serialize, Deserialize)]
enum Kind {
    Directory,
    /// Where its pieces stand: offset and length.
    File {
        length_bytes: u64,
        pieces: Vec<(u64, u64)>,
    },
    Link(OsString),
    /// Another name of an earlier entry.
    Name(OsString),
    /// A device, pipe or socket: its type as mknod(2) has it, and its number.
    Node(u32, u64),
}

/// Writes the tree at `root`, without the children of the root that `skipped` names.
pub fn write(root: &Path, skipped: &[&str], mut to: File) -> Step<()> {
    let mut names = HashMap::new();
    write_entry(root, Path::new(""), skipped, &mut names, &mut to)
}

fn write_entry(
    root: &Path,
    relative: &Path,
    skipped: &[&str],
    names: &mut HashMap<(u64, u64), OsString>,
    to: &mut File,
) -> Step<()> {
    let path = if relative.as_os_str().is_empty() { root.to_owned() } else { root.join(relative) };
    // The root may be given as a link to an open directory.
    let found = if path == root { path.metadata() } else { path.symlink_metadata() };
    let found = found.at("look at", &path)?;
    let kind = found.file_type();
    let mut content = None;
    let earlier = names.get(&(found.dev(), found.ino()));
    let kind = if kind.is_dir() {
        Kind::Directory
    } else if let Some(earlier) = earlier {
        Kind::Name(earlier.clone())
    } else if kind.is_symlink() {
        Kind::Link(fs::read_link(&path).at("read", &path)?.into_os_string())
    } else if kind.is_file() {
        let file = File::options().read(true).custom_flags(nix::libc::O_NOFOLLOW).open(&path);
        let file = file.at("open", &path)?;
        let pieces = pieces(&file).at("read", &path)?;
        content = Some((file, pieces.clone()));
        Kind::File { length_bytes: found.len(), pieces }
    } else {
        Kind::Node(node_type(&found).bits(), found.rdev())
    };
    if !found.is_dir() && found.nlink() > 1 && !matches!(kind, Kind::Name(_)) {
        names.insert((found.dev(), found.ino()), relative.as_os_str().to_owned());
    }
    let is_directory = found.is_dir();
    let entry = Entry {
        path: relative.as_os_str().to_owned(),
        kind,
        permissions: found.permissions().mode() & 0o7777,
        owner: found.uid(),
        group: found.gid(),
        modified: (found.mtime(), found.mtime_nsec()),
        attributes: attributes(&path).at("read the attributes of", &path)?,
    };
    let header = serde_json::to_vec(&entry).at("describe", &path)?;
    let length = u32::try_from(header.len()).at("describe", &path)?;
    to.write_all(&length.to_le_bytes()).and_then(|()| to.write_all(&header)).at("save", &path)?;
    if let Some((mut file, pieces)) = content {
        for (start, length) in pieces {
            file.seek(io::SeekFrom::Start(start)).at("read", &path)?;
            let copied = io::copy(&mut (&file).take(length), to).at("save", &path)?;
            if copied != length {
                return Err(Failure(format!("{} became shorter while it was saved", path.display())));
            }
        }
    }
    if is_directory {
        for child in fs::read_dir(&path).at("read", &path)? {
            let name = child.at("read", &path)?.file_name();
            if !(relative.as_os_str().is_empty() && skipped.iter().any(|skipped| name == *skipped)) {
                write_entry(root, &relative.join(name), skipped, names, to)?;
            }
        }
    }
    Ok(())
}

fn node_type(found: &Metadata) -> SFlag {
    let kind = found.file_type();
    if kind.is_char_device() {
        SFlag::S_IFCHR
    } else if kind.is_block_device() {
        SFlag::S_IFBLK
    } else if kind.is_fifo() {
        SFlag::S_IFIFO
    } else {
        SFlag::S_IFSOCK
    }
}

/// The parts of a file that were written.
fn pieces(file: &File) -> io::Result<Vec<(u64, u64)>> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    loop {
        let start = match seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            Err(rustix::io::Errno::NXIO) => return Ok(pieces),
            Err(error) => return Err(error.into()),
        };
        at = seek(file, SeekFrom::Hole(start))?;
        pieces.push((start, at - start));
    }
}

fn attributes(path: &Path) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut list = vec![0; 64 * 1024];
    let length = match rustix::fs::llistxattr(path, &mut list[..]) {
        Err(rustix::io::Errno::NOTSUP) => 0,
        other => other?,
    };
    let mut attributes = Vec::new();
    for name in list[..length].split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let mut value = vec![0; 64 * 1024];
        // Such as those of a security module, which are nobody else's to read.
        let Ok(length) = rustix::fs::lgetxattr(path, name, &mut value[..]) else { continue };
        value.truncate(length);
        attributes.push((name.to_bytes().to_vec(), value));
    }
    Ok(attributes)
}

/// Makes the tree again below `root`, which exists.
pub fn read(mut from: File, root: &Path) -> Step<()> {
    // A directory's time changes with what is made in it.
    let mut directories = Vec::new();
    let mut length = [0; 4];
    loop {
        match from.read_exact(&mut length) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            other => other.during("read the saved files")?,
        }
        let mut header = vec![0; u32::from_le_bytes(length) as usize];
        from.read_exact(&mut header).during("read the saved files")?;
        let entry: Entry = serde_json::from_slice(&header).during("read the saved files")?;
        let relative = Path::new(&entry.path);
        let path = if entry.path.is_empty() { root.to_owned() } else { root.join(relative) };
        make(&entry, &path, root, &mut from)?;
        match entry.kind {
            Kind::Name(_) => {}
            Kind::Directory => directories.push((path, entry.modified)),
            _ => set_time(&path, entry.modified)?,
        }
    }
    directories.iter().rev().try_for_each(|(path, modified)| set_time(path, *modified))
}

fn make(entry: &Entry, path: &Path, root: &Path, from: &mut File) -> Step<()> {
    match &entry.kind {
        Kind::Directory if entry.path.is_empty() => {}
        Kind::Directory => fs::create_dir(path).at("make", path)?,
        Kind::File { length_bytes, pieces } => {
            let mut file = File::create_new(path).at("make", path)?;
            for (start, length) in pieces {
                file.seek(io::SeekFrom::Start(*start)).at("write", path)?;
                let copied = io::copy(&mut (&*from).take(*length), &mut file).at("write", path)?;
                if copied != *length {
                    return Err(Failure(format!("the saved files end within {}", path.display())));
                }
            }
            file.set_len(*length_bytes).at("write", path)?;
        }
        Kind::Link(target) => symlink(target, path).at("link", path)?,
        Kind::Name(earlier) => return fs::hard_link(root.join(earlier), path).at("link", path),
        Kind::Node(kind, device) => {
            mknod(path, SFlag::from_bits_truncate(*kind), nix::sys::stat::Mode::empty(), *device)
                .at("make", path)?;
        }
    }
    lchown(path, Some(entry.owner), Some(entry.group)).at("hand over", path)?;
    if !matches!(entry.kind, Kind::Link(_)) {
        fs::set_permissions(path, fs::Permissions::from_mode(entry.permissions))
            .at("set the permissions of", path)?;
    }
    for (name, value) in &entry.attributes {
        let set = rustix::fs::lsetxattr(path, OsStr::from_bytes(name), value, XattrFlags::empty());
        // An overlay's own decide what is seen; a security module's are set anew by it.
        if name.windows(9).any(|part| part == b".overlay.") {
            set.at("set an attribute of", path)?;
        }
    }
    Ok(())
}

fn set_time(path: &Path, (tv_sec, tv_nsec): (i64, i64)) -> Step<()> {
    let time = Timespec { tv_sec, tv_nsec };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
        .at("set the time of", path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt;

    #[test]
    fn a_tree_is_the_same_after_it_was_saved() {
        let directory = tempfile::tempdir().unwrap();
        let (from, to) = (directory.path().join("from"), directory.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::create_dir_all(from.join("work/left out")).unwrap();
        fs::create_dir(&to).unwrap();
        let name = OsString::from_vec(b"not UTF-8 \xff\n".to_vec());
        fs::write(from.join("a").join(&name), "text").unwrap();
        fs::set_permissions(from.join("a").join(&name), fs::Permissions::from_mode(0o4751)).unwrap();
        fs::hard_link(from.join("a").join(&name), from.join("a/b/second")).unwrap();
        symlink("../nowhere", from.join("a/link")).unwrap();
        mknod(&from.join("a/pipe"), SFlag::S_IFIFO, nix::sys::stat::Mode::S_IRUSR, 0).unwrap();
        let mut sparse = File::create(from.join("a/sparse")).unwrap();
        sparse.set_len(1 << 30).unwrap();
        sparse.seek(io::SeekFrom::Start(1 << 29)).unwrap();
        sparse.write_all(b"middle").unwrap();
        set_time(&from.join("a"), (1_000_000_000, 5)).unwrap();

        let saved = directory.path().join("saved");
        write(&from, &["work"], File::create(&saved).unwrap()).unwrap();
        assert!(saved.metadata().unwrap().len() < 1 << 20);
        read(File::open(&saved).unwrap(), &to).unwrap();

        let at = |path: &str| to.join(path).symlink_metadata().unwrap();
        assert_eq!(fs::read(to.join("a").join(&name)).unwrap(), b"text");
        assert_eq!(at("a/b/second").ino(), to.join("a").join(&name).metadata().unwrap().ino());
        assert_eq!(at("a/b/second").mode() & 0o7777, 0o4751);
        assert_eq!(fs::read_link(to.join("a/link")).unwrap(), Path::new("../nowhere"));
        assert!(at("a/pipe").file_type().is_fifo());
        let (mut middle, mut copy) = ([0; 6], File::open(to.join("a/sparse")).unwrap());
        copy.seek(io::SeekFrom::Start(1 << 29)).unwrap();
        copy.read_exact(&mut middle).unwrap();
        assert_eq!((&middle, at("a/sparse").len()), (b"middle", 1 << 30));
        assert!(at("a/sparse").blocks() < 1 << 10);
        assert_eq!((at("a").mtime(), at("a").mtime_nsec()), (1_000_000_000, 5));
        assert!(!to.join("work").exists());
    }
}
