//! The entries of a directory by their path from its top; files that both sides have have a digest.

use super::exclude::Exclude;
use crate::client::error::Result;
use crate::client::files::failure::local as failed;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// SHA-256 in hexadecimal, where it is known.
    File(Option<String>),
    Link,
    /// What cannot be copied, and why.
    Other(&'static str),
}

pub(super) type Tree = BTreeMap<String, Kind>;

/// Bytes that are hashed at once.
const HASH_CHUNK_BYTES: usize = 256 * 1024;

/// A file that both sides have, and the length of the local one.
#[derive(Debug)]
pub(super) struct Common {
    pub path: String,
    pub bytes: u64,
}

/// A local tree, empty where there is no directory; and the files that the other side has too, for which the tree
/// has a digest.
pub(super) fn local(root: &Path, other: &Tree, exclude: &Exclude) -> Result<(Tree, Vec<Common>)> {
    let (mut tree, mut common) = (Tree::new(), Vec::new());
    if !root.exists() {
        return Ok((tree, common));
    }
    let mut pending = vec![String::new()];
    while let Some(below) = pending.pop() {
        let directory = root.join(&below);
        let unreadable = |error: std::io::Error| failed("list", &directory, &error);
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let path =
                |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let Some(name) = name.to_str() else {
                tree.insert(path(&name.to_string_lossy()), Kind::Other("its name is not UTF-8"));
                continue;
            };
            let path = path(name);
            let kind = entry.file_type().map_err(unreadable)?;
            let kind = if kind.is_symlink() {
                Kind::Link
            } else if kind.is_dir() {
                pending.push(path.clone());
                Kind::Directory
            } else if kind.is_file() {
                let is_common = matches!(other.get(&path), Some(Kind::File(_))) && !exclude.covers(&path);
                Kind::File(if is_common {
                    let (digest, bytes) = digest(&entry.path())?;
                    common.push(Common { path: path.clone(), bytes });
                    Some(digest)
                } else {
                    None
                })
            } else {
                Kind::Other("neither a file nor a directory")
            };
            tree.insert(path, kind);
        }
    }
    Ok((tree, common))
}

/// The digest of a local file, and its length.
fn digest(path: &Path) -> Result<(String, u64)> {
    let unreadable = |error: std::io::Error| failed("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; HASH_CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            length => {
                context.update(&buffer[..length]);
                bytes += length as u64;
            }
        }
    }
    let digest = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((digest, bytes))
}
