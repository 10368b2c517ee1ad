//! The directory of a server: locked while it lives, so that the next one can tell what was left behind.

use super::cgroup::Hierarchies;
use crate::processes;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use uuid::Uuid;

const PREFIX: &str = "daytona-dev-";

/// A directory of its own; dropping it removes it with all that is in it.
pub struct StateDirectory {
    path: PathBuf,
    /// Held for as long as this process lives, however it ends.
    _lock: File,
}

impl StateDirectory {
    /// Makes one in `parent`, after removing what servers that are gone have left there.
    pub fn create(parent: &Path) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let parent = parent.canonicalize()?;
        remove_abandoned(&parent);
        loop {
            let path = parent.join(format!("{PREFIX}{}", Uuid::new_v4().simple()));
            fs::DirBuilder::new().mode(0o700).create(&path)?;
            let lock = File::create(path.join("lock"))?;
            // Another server may have taken it for abandoned between these steps.
            let locked = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
            let is_there = fs::metadata(path.join("lock")).is_ok_and(|found| {
                lock.metadata().is_ok_and(|own| (own.dev(), own.ino()) == (found.dev(), found.ino()))
            });
            if locked && is_there {
                return Ok(Self { path, _lock: lock });
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The name of this server, also for its control groups.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

impl Drop for StateDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Removes the directories whose server is gone, with their processes and control groups. Mounts are gone
/// with the processes that saw them.
fn remove_abandoned(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_state = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Some(_lock) = is_state.then(|| abandoned(&path)).flatten() else { continue };
        let ids: Vec<String> = fs::read_dir(&path)
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        // Those of sandboxes without isolation, which may have outlived their daemon.
        ids.iter().for_each(|id| processes::kill_marked(id));
        Hierarchies::remove_named(&entry.file_name().to_string_lossy());
        if let Err(error) = fs::remove_dir_all(&path) {
            tracing::warn!("cannot remove {}, which an earlier server left: {error}", path.display());
        }
    }
}

/// The lock of a directory that no server holds.
fn abandoned(path: &Path) -> Option<File> {
    let lock = File::options().read(true).write(true).open(path.join("lock")).ok()?;
    flock(&lock, FlockOperation::NonBlockingLockExclusive).ok().map(|()| lock)
}
