//! The directory of a server: locked while it lives, so that the next one can tell what was left behind.

use super::control_groups::Hierarchies;
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
        Hierarchies::remove_left(&path);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that was started in another group has made its groups there.
    #[test]
    fn what_a_server_left_is_removed_with_its_control_groups_wherever_they_are() {
        let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = format!("{PREFIX}left");
        let (path, group) = (parent.path().join(&name), elsewhere.path().join(&name));
        let unrelated = elsewhere.path().join("unrelated");
        for directory in [&path, &group.join("a-sandbox/freezable"), &unrelated] {
            fs::create_dir_all(directory).unwrap();
        }
        fs::write(path.join("groups"), format!("{}\n{}\n", group.display(), unrelated.display())).unwrap();
        let lock = File::create(path.join("lock")).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        remove_abandoned(parent.path());
        assert!(group.exists() && path.exists(), "it lives");
        // Not by closing it: a process that another test is starting may have it open for a moment.
        flock(&lock, FlockOperation::Unlock).unwrap();
        remove_abandoned(parent.path());
        assert!(!group.exists() && !path.exists());
        assert!(unrelated.exists());
    }
}
