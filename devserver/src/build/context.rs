//! The files that a client has uploaded for a build, as one directory.

use super::tree::{Found, Tree};
use crate::app_state::AppState;
use std::io;
use std::sync::Arc;
use tempfile::TempDir;

pub struct Context {
    _directory: TempDir,
    tree: Arc<Tree>,
}

impl Context {
    /// Unpacks the contexts of these hashes, one over the other.
    pub async fn unpack(app: &AppState, organization: &str, hashes: &[String]) -> Result<Self, String> {
        let mut archives = Vec::new();
        for hash in hashes {
            let key = format!("{organization}/{hash}/context.tar");
            let object = app.store.object(&key).ok_or_else(|| {
                format!("the build context {hash} is missing: upload it to the object storage as {key}")
            })?;
            archives.push((hash.clone(), object));
        }
        let parent = app.state_dir.clone();
        let unpacked = tokio::task::spawn_blocking(move || {
            let directory = tempfile::Builder::new().prefix("context-").tempdir_in(parent);
            let directory = directory.map_err(|error| format!("cannot unpack a build context: {error}"))?;
            for (hash, object) in archives {
                let mut archive = tar::Archive::new(object.reader());
                archive.set_preserve_permissions(true);
                let unpacked = archive.unpack(directory.path());
                unpacked.map_err(|error| format!("the build context {hash} cannot be unpacked: {error}"))?;
            }
            let tree = Tree::open(directory.path()).map_err(|error| error.to_string())?;
            Ok(Self { _directory: directory, tree: Arc::new(tree) })
        });
        unpacked.await.map_err(|error| error.to_string())?
    }

    pub fn tree(&self) -> Arc<Tree> {
        self.tree.clone()
    }

    pub fn find(&self, source: &str) -> Result<Vec<Found>, String> {
        self.tree.find(source).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                format!("failed to compute cache key: {source:?}: not found in the build context")
            }
            _ => format!("{source:?} in the build context: {error}"),
        })
    }
}
