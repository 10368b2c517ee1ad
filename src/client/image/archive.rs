//! Packs a bundle into a tar archive, in constant memory. The same files give the same bytes.

use super::bundle::Bundle;
use super::draft::{cannot_read, shown};
use super::tree::{FileState, Node, NodeKind};
use crate::client::error::{Error, Result};
use crate::client::status;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};
use tar::{Builder, EntryType, Header};

/// The time of every file in our own style, 1980-01-02: zip archives, of which Python wheels are made in an image,
/// cannot hold an earlier one.
const FIXED_TIME: u64 = 315_619_200;
const BLOCK_BYTES: u64 = 512;
/// The longest name that a header holds.
const NAME_BYTES: usize = 100;

/// Writes the archive; blocks. Fails where a file is no longer what it was when the directories were read.
pub(super) fn write(bundle: &Bundle, out: impl Write) -> Result<()> {
    let mut packer = Packer { builder: Builder::new(out), is_normal: bundle.style.is_none() };
    let packed =
        bundle.nodes.iter().try_for_each(|node| packer.node(node)).and_then(|()| packer.builder.finish());
    packed.map_err(unwrapped)
}

/// The length of the archive.
pub(super) fn length(bundle: &Bundle) -> u64 {
    bundle.nodes.iter().map(node_length).sum::<u64>() + 2 * BLOCK_BYTES
}

fn node_length(node: &Node) -> u64 {
    let long = |length: usize| if length > NAME_BYTES { BLOCK_BYTES + padded(length as u64 + 1) } else { 0 };
    let name = node.name.as_os_str().len();
    match &node.kind {
        NodeKind::File(state) => long(name) + BLOCK_BYTES + padded(state.size),
        NodeKind::Link { target, .. } => long(name) + long(target.as_os_str().len()) + BLOCK_BYTES,
        NodeKind::Directory { children, .. } => {
            let own = if name == 0 { 0 } else { long(name + 1) + BLOCK_BYTES };
            own + children.iter().map(node_length).sum::<u64>()
        }
    }
}

fn padded(length: u64) -> u64 {
    length.div_ceil(BLOCK_BYTES) * BLOCK_BYTES
}

struct Packer<W: Write> {
    builder: Builder<W>,
    /// Modes are 755 and 644, times are fixed.
    is_normal: bool,
}

impl<W: Write> Packer<W> {
    fn node(&mut self, node: &Node) -> io::Result<()> {
        match &node.kind {
            NodeKind::File(state) => {
                let mut header = self.header(EntryType::Regular, state.mode, state.modified);
                header.set_size(state.size);
                let content = Content::open(&node.path, state).map_err(io::Error::other)?;
                self.builder.append_data(&mut header, &node.name, content)
            }
            NodeKind::Link { target, modified } => {
                let mut header = self.header(EntryType::Symlink, 0o777, *modified);
                header.set_size(0);
                self.builder.append_link(&mut header, &node.name, target)
            }
            NodeKind::Directory { mode, modified, children } => {
                if !node.name.as_os_str().is_empty() {
                    let mut header = self.header(EntryType::Directory, *mode, *modified);
                    header.set_size(0);
                    let mut name = node.name.clone().into_os_string();
                    name.push("/");
                    self.builder.append_data(&mut header, name, io::empty())?;
                }
                children.iter().try_for_each(|child| self.node(child))
            }
        }
    }

    fn header(&self, kind: EntryType, mode: u32, modified: Option<SystemTime>) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        let since = modified.and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
        header.set_mtime(if self.is_normal { FIXED_TIME } else { since.unwrap_or_default().as_secs() });
        let runs = kind == EntryType::Directory || mode & 0o111 != 0;
        let normal_mode = if runs { 0o755 } else { 0o644 };
        header.set_mode(if self.is_normal { normal_mode } else { mode });
        header.set_uid(0);
        header.set_gid(0);
        header
    }
}

/// The content of a file, which has to be what it was.
pub(super) struct Content<'n> {
    file: File,
    path: &'n Path,
    state: &'n FileState,
    left: u64,
}

impl<'n> Content<'n> {
    pub fn open(path: &'n Path, state: &'n FileState) -> Result<Self> {
        let file = open_without_following(path).map_err(|error| cannot_read(path, &error))?;
        let content = Self { file, path, state, left: state.size };
        content.check().map_err(unwrapped)?;
        Ok(content)
    }

    fn check(&self) -> io::Result<()> {
        if FileState::of(&self.file.metadata()?) == *self.state { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> io::Error {
        io::Error::other(Error::new(
            status::IO,
            format!(
                "the local file {} was changed while it was being packed; try again when it is complete",
                shown(self.path)
            ),
        ))
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let length = self.file.read(&mut buffer[..most]).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            _ => io::Error::other(cannot_read(self.path, &error)),
        })?;
        if length == 0 {
            return Err(self.changed());
        }
        self.left -= length as u64;
        if self.left == 0 {
            self.check()?;
        }
        Ok(length)
    }
}

/// A link that took the place of the file is an error.
fn open_without_following(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, flags.cast_signed());
    }
    options.open(path)
}

/// The error inside an I/O error, if it is ours.
pub(super) fn unwrapped(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::new(status::IO, format!("packing the context failed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bundle::bundles;
    use super::super::draft::{Draft, Kind};
    use super::*;

    fn packed(bundle: &Bundle) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(bundle, &mut bytes).unwrap();
        bytes
    }

    fn bundle(path: &Path) -> Bundle {
        let mut draft = Draft::default();
        draft.add("context".into(), path.to_owned(), Kind::Either);
        bundles(&draft, None).unwrap().pop().unwrap()
    }

    #[test]
    fn the_length_is_known_beforehand_and_the_bytes_do_not_depend_on_when_or_in_which_order_files_were_made()
    {
        let [one, other] = [0, 1].map(|_| tempfile::tempdir().unwrap());
        let long = "n".repeat(120);
        let files = [("b/x", 0), ("a", 513), ("b/é", 512), (long.as_str(), 3)];
        let make = |root: &Path, files: &mut dyn Iterator<Item = &(&str, usize)>| {
            std::fs::create_dir_all(root.join("b/empty")).unwrap();
            for (name, length) in files {
                std::fs::write(root.join(name), vec![7; *length]).unwrap();
            }
            std::os::unix::fs::symlink("b/x", root.join("link")).unwrap();
        };
        make(one.path(), &mut files.iter());
        make(other.path(), &mut files.iter().rev());
        let bytes = packed(&bundle(one.path()));
        assert_eq!(bytes.len() as u64, length(&bundle(one.path())));
        assert!(bytes == packed(&bundle(other.path())));
        let mut archive = tar::Archive::new(&bytes[..]);
        let names: Vec<String> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned())
            .collect();
        let expected =
            ["context/", "context/a", "context/b/", "context/b/empty/", "context/b/x", "context/b/é"];
        assert_eq!(names[..6], expected);
    }

    #[test]
    fn a_file_that_changed_after_it_was_looked_at_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("f");
        std::fs::write(&file, "one").unwrap();
        let bundle = bundle(directory.path());
        std::fs::write(&file, "other").unwrap();
        let error = write(&bundle, io::sink()).unwrap_err();
        assert_eq!(error.status(), status::IO);
        assert!(error.to_string().contains("changed"), "{error}");
    }
}
