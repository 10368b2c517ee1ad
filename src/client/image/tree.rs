//! The local files of a context: which there are, in order, and what each was when it was looked at. Nothing outside
//! of the context is reached, through no link.

use super::draft::{cannot_read, missing, shown};
use crate::client::error::{Error, Result};
use std::ffi::OsString;
use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A file, directory or link, with what is below it.
#[derive(Debug)]
pub(super) struct Node {
    /// Its name in the archive, without leading slash.
    pub name: PathBuf,
    /// Where it is on this machine.
    pub path: PathBuf,
    pub kind: NodeKind,
}

#[derive(Debug)]
pub(super) enum NodeKind {
    File(FileState),
    Directory {
        mode: u32,
        modified: Option<SystemTime>,
        children: Vec<Node>,
    },
    /// A link that stays a link.
    Link {
        target: PathBuf,
        modified: Option<SystemTime>,
    },
}

/// What a file was; it must still be that when it is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    pub size: u64,
    pub mode: u32,
    pub modified: Option<SystemTime>,
    /// Device and inode.
    identity: (u64, u64),
}

impl FileState {
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            mode: mode(metadata),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

/// How a tree is read.
pub(super) struct Scan<'a> {
    /// No link may lead out of this directory; a canonical path.
    pub root: &'a Path,
    /// The order in which the system lists files, in place of that of their names.
    pub as_listed: bool,
    /// What a link leads to takes its place.
    pub follow: bool,
    /// Leaves out a path relative to `root`.
    pub leaves_out: &'a dyn Fn(&Path) -> bool,
    /// Whether something below a directory that is left out may be in.
    pub has_exceptions: bool,
}

impl Scan<'_> {
    /// Reads `path`, which is `name` in the archive. `None`: it is neither file nor directory nor link, or left out.
    pub fn read(&self, path: &Path, name: &Path) -> Result<Option<Node>> {
        self.node(path, name, &mut Vec::new())
    }

    fn node(&self, path: &Path, name: &Path, above: &mut Vec<PathBuf>) -> Result<Option<Node>> {
        let metadata = std::fs::symlink_metadata(path).map_err(|error| cannot_read(path, &error))?;
        if metadata.is_symlink() {
            return self.link(path, name, &metadata, above);
        }
        let left_out = path.strip_prefix(self.root).is_ok_and(|relative| (self.leaves_out)(relative));
        if left_out && !(metadata.is_dir() && self.has_exceptions) {
            return Ok(None);
        }
        let kind = if metadata.is_dir() {
            let children = self.children(path, name, above)?;
            if left_out && children.is_empty() {
                return Ok(None);
            }
            NodeKind::Directory { mode: mode(&metadata), modified: metadata.modified().ok(), children }
        } else if metadata.is_file() {
            NodeKind::File(FileState::of(&metadata))
        } else {
            return Ok(None);
        };
        Ok(Some(Node { name: name.to_owned(), path: path.to_owned(), kind }))
    }

    fn children(&self, path: &Path, name: &Path, above: &mut Vec<PathBuf>) -> Result<Vec<Node>> {
        if above.iter().any(|above| above == path) {
            return Err(Error::invalid(format!(
                "a link in the context leads to the directory {} that it is in",
                shown(path)
            )));
        }
        above.push(path.to_owned());
        let listed = std::fs::read_dir(path).and_then(|listing| {
            listing
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<std::io::Result<Vec<OsString>>>()
        });
        let mut names = listed.map_err(|error| cannot_read(path, &error))?;
        if !self.as_listed {
            names.sort_unstable();
        }
        let mut children = Vec::new();
        for child in names {
            children.extend(self.node(&path.join(&child), &name.join(&child), above)?);
        }
        above.pop();
        Ok(children)
    }

    fn link(
        &self,
        path: &Path,
        name: &Path,
        metadata: &Metadata,
        above: &mut Vec<PathBuf>,
    ) -> Result<Option<Node>> {
        if path.strip_prefix(self.root).is_ok_and(|relative| (self.leaves_out)(relative)) {
            return Ok(None);
        }
        let target = std::fs::read_link(path).map_err(|error| cannot_read(path, &error))?;
        let real = match std::fs::canonicalize(path) {
            Ok(real) => Some(real),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(cannot_read(path, &error)),
        };
        let within = match &real {
            Some(real) => real.starts_with(self.root),
            // A link to nothing: by its text alone.
            None => stays_below(path, &target, self.root),
        };
        if !within {
            return Err(Error::invalid(format!(
                "the link {} leads out of the context, to {}: only what is below {} can be uploaded",
                shown(path),
                shown(&target),
                shown(self.root)
            )));
        }
        if let Some(real) = real.filter(|_| self.follow) {
            return Ok(self.node(&real, name, above)?.map(|node| Node { name: name.to_owned(), ..node }));
        }
        let kind = NodeKind::Link { target, modified: metadata.modified().ok() };
        Ok(Some(Node { name: name.to_owned(), path: path.to_owned(), kind }))
    }
}

/// Whether a link's target is below the root, `..` worked out without following other links.
fn stays_below(link: &Path, target: &Path, root: &Path) -> bool {
    let joined = link.parent().unwrap_or(root).join(target);
    let mut parts: Vec<std::path::Component<'_>> = Vec::new();
    for part in joined.components() {
        match part {
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::CurDir => {}
            part => parts.push(part),
        }
    }
    parts.iter().collect::<PathBuf>().starts_with(root)
}

/// The canonical form of a path that has to exist.
pub(super) fn canonical(path: &Path) -> Result<PathBuf> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    std::fs::canonicalize(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => missing(format!("the local path {} of the image does not exist", shown(path))),
        _ => cannot_read(path, &error),
    })
}

#[cfg(unix)]
fn mode(metadata: &Metadata) -> u32 {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o7777
}

#[cfg(not(unix))]
fn mode(metadata: &Metadata) -> u32 {
    if metadata.is_dir() { 0o755 } else { 0o644 }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> (u64, u64) {
    (0, 0)
}
