//! The entries of a directory by their path from its top; files that both sides have have a digest.

use super::exclude::Exclude;
use crate::client::error::{Error, Result};
use crate::client::files::failure::local as failed;
use crate::client::status;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Weak;

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
/// has a digest. Ends early once nobody holds what `wanted` refers to.
pub(super) fn local(
    root: &Path,
    other: &Tree,
    exclude: &Exclude,
    wanted: &Weak<()>,
) -> Result<(Tree, Vec<Common>)> {
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
                    let (digest, bytes) = digest(&entry.path(), wanted)?;
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
fn digest(path: &Path, wanted: &Weak<()>) -> Result<(String, u64)> {
    let unreadable = |error: std::io::Error| failed("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; HASH_CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        if wanted.strong_count() == 0 {
            return Err(Error::new(status::CANCELLED, "the files are hashed for nobody any more"));
        }
        match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                context.update(&buffer[..length]);
                bytes += length as u64;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(unreadable(error)),
        }
    }
    let digest = context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((digest, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn hashing_ends_once_nobody_wants_it() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("a"), "abc").unwrap();
        let other = Tree::from([("a".to_owned(), Kind::File(None))]);
        let wanted = Arc::new(());
        let still_wanted = Arc::downgrade(&wanted);
        let compare = || local(directory.path(), &other, &Exclude::default(), &still_wanted);
        assert_eq!(compare().unwrap().1[0].bytes, 3);
        drop(wanted);
        assert_eq!(compare().unwrap_err().status(), status::CANCELLED);
    }
}
