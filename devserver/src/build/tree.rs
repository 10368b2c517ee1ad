//! The files below a directory as tar streams. Paths are resolved by the kernel as if the directory were the root:
//! a link that leads out of it leads to nothing outside.

use super::confined;
use glob::{MatchOptions, Pattern};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

pub struct Tree {
    root: OwnedFd,
}

/// A file or directory that a pattern matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Relative to the root; empty: the root itself.
    pub path: PathBuf,
    pub is_directory: bool,
}

const READ_DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// Never waits for the writer of a pipe.
const READ_FILE: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC);

impl Tree {
    pub fn open(root: &Path) -> io::Result<Self> {
        let root = rustix::fs::open(root, READ_DIRECTORY, Mode::empty())?;
        Ok(Self { root })
    }

    fn at(&self, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        confined::open(self.root.as_fd(), path, flags)
    }

    /// What a path with `*`, `?` and `[...]` matches, in order; an error where it is nothing.
    pub fn find(&self, pattern: &str) -> io::Result<Vec<Found>> {
        let mut paths = vec![PathBuf::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                for path in &mut paths {
                    path.pop();
                }
            } else if part.contains(['*', '?', '[']) {
                let wanted = Pattern::new(&escapes_as_classes(part))
                    .map_err(|error| io::Error::other(error.to_string()))?;
                let matches =
                    |name: &OsStr| wanted.matches_with(&name.to_string_lossy(), MatchOptions::new());
                paths = paths
                    .iter()
                    .flat_map(|path| {
                        let names = self.at(path, READ_DIRECTORY).and_then(|fd| names(fd.as_fd()));
                        names
                            .unwrap_or_default()
                            .into_iter()
                            .filter(|name| matches(name))
                            .map(|name| path.join(name))
                    })
                    .collect();
            } else {
                let literal = without_escapes(part);
                paths.iter_mut().for_each(|path| path.push(&literal));
            }
        }
        let found: io::Result<Vec<Found>> = paths.into_iter().map(|path| self.look(path)).collect();
        let found = found?;
        if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
    }

    fn look(&self, path: PathBuf) -> io::Result<Found> {
        let fd = self.at(&path, confined::LOOK)?;
        let is_directory = FileType::from_raw_mode(rustix::fs::fstat(fd)?.st_mode) == FileType::Directory;
        Ok(Found { path, is_directory })
    }

    /// The first bytes of a file.
    pub fn start(&self, found: &Found, length: usize) -> io::Result<Vec<u8>> {
        use std::io::Read;
        let mut start = Vec::new();
        File::from(self.at(&found.path, READ_FILE)?).take(length as u64).read_to_end(&mut start)?;
        Ok(start)
    }

    /// Writes a tar stream: files under their own names, of directories what is in them.
    pub fn pack(&self, all: &[Found], out: impl Write) -> io::Result<()> {
        let mut builder = Builder::new(out);
        for found in all {
            if found.is_directory {
                pack_directory(&mut builder, self.at(&found.path, READ_DIRECTORY)?.as_fd(), Path::new(""))?;
            } else {
                let fd = self.at(&found.path, READ_FILE)?;
                let name = found.path.file_name().unwrap_or_default();
                pack_file(&mut builder, fd, Path::new(name))?;
            }
        }
        builder.into_inner()?.flush()
    }
}

fn names(directory: BorrowedFd<'_>) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name != "." && name != ".." {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn header(stat: &Stat, kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(stat.st_mode as libc::c_uint & 0o7777);
    header.set_mtime(u64::try_from(stat.st_mtime).unwrap_or_default());
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    header
}

fn pack_file(builder: &mut Builder<impl Write>, fd: OwnedFd, at: &Path) -> io::Result<()> {
    let stat = rustix::fs::fstat(&fd)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(());
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    // Exactly as much as the header says, whatever happens to the file meanwhile.
    let content = io::Read::take(io::Read::chain(File::from(fd), io::repeat(0)), size);
    builder.append_data(&mut header(&stat, EntryType::Regular, size), at, content)
}

fn pack_directory(builder: &mut Builder<impl Write>, directory: BorrowedFd<'_>, at: &Path) -> io::Result<()> {
    for name in names(directory)? {
        let path = at.join(&name);
        let stat = statat(directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                builder.append_data(&mut header(&stat, EntryType::Directory, 0), &path, io::empty())?;
                let inner = openat(directory, &name, READ_DIRECTORY | OFlags::NOFOLLOW, Mode::empty())?;
                pack_directory(builder, inner.as_fd(), &path)?;
            }
            FileType::RegularFile => {
                let file = openat(directory, &name, READ_FILE | OFlags::NOFOLLOW, Mode::empty())?;
                pack_file(builder, file, &path)?;
            }
            FileType::Symlink => {
                let target = readlinkat(directory, &name, Vec::new())?;
                let target = OsStr::from_bytes(target.to_bytes());
                builder.append_link(&mut header(&stat, EntryType::Symlink, 0), &path, target)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// A pattern whose `\x` is written `[x]`: the crate knows no escapes.
fn escapes_as_classes(pattern: &str) -> String {
    let mut classes = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => classes.extend(letters.next().into_iter().flat_map(|escaped| ['[', escaped, ']'])),
            letter => classes.push(letter),
        }
    }
    classes
}

/// A pattern without wildcards as the name that it stands for.
fn without_escapes(pattern: &str) -> String {
    let mut name = String::new();
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        name.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_pattern_finds_files_and_no_link_leads_out() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/x.txt"), "x").unwrap();
        fs::write(root.join("a/y.txt"), "y").unwrap();
        fs::write(root.join("etc"), "own").unwrap();
        symlink("/etc", root.join("a/b/absolute")).unwrap();
        symlink("../../../../../../etc/passwd", root.join("a/b/up")).unwrap();
        let tree = Tree::open(root).unwrap();
        let paths = |pattern| -> Vec<PathBuf> {
            tree.find(pattern).map(|all| all.into_iter().map(|it| it.path).collect()).unwrap_or_default()
        };
        assert_eq!(paths("./a/*.txt"), [PathBuf::from("a/x.txt"), "a/y.txt".into()]);
        assert_eq!(paths("/a/[x]*"), [PathBuf::from("a/x.txt")]);
        assert_eq!(paths("."), [PathBuf::new()]);
        assert_eq!(paths("../../a/b"), [PathBuf::from("a/b")]);
        assert_eq!(paths("none"), Vec::<PathBuf>::new());
        assert_eq!(paths("a/*.none"), Vec::<PathBuf>::new());
        assert_eq!(paths("a/b/up"), Vec::<PathBuf>::new());
        let own = tree.find("a/b/absolute").unwrap();
        assert_eq!(tree.start(&own[0], 10).unwrap(), b"own");
    }
}
