//! Writing to files: one batch is written while the next arrives, and no more is held in memory.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{CHUNK_BYTES, call::parent};

/// A file being written. Dropping it early leaves what was written so far.
pub struct Sink {
    state: State,
    batch: Vec<Bytes>,
    batch_bytes: usize,
    written: u64,
}

enum State {
    Idle(File),
    Writing(JoinHandle<(File, io::Result<()>)>),
    Broken,
}

impl Sink {
    pub fn new(file: File) -> Self {
        Self { state: State::Idle(file), batch: Vec::new(), batch_bytes: 0, written: 0 }
    }

    /// Adds a chunk; waits only while the batch before is still being written.
    pub async fn push(&mut self, chunk: Bytes) -> io::Result<()> {
        self.batch_bytes += chunk.len();
        self.batch.push(chunk);
        if self.batch_bytes >= CHUNK_BYTES { self.start().await } else { Ok(()) }
    }

    async fn start(&mut self) -> io::Result<()> {
        let mut file = self.file().await?;
        let batch = std::mem::take(&mut self.batch);
        self.written += std::mem::take(&mut self.batch_bytes) as u64;
        self.state = State::Writing(tokio::task::spawn_blocking(move || {
            let result = batch.iter().try_for_each(|chunk| file.write_all(chunk));
            (file, result)
        }));
        Ok(())
    }

    /// Waits for the current write and returns the file.
    async fn file(&mut self) -> io::Result<File> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Idle(file) => Ok(file),
            State::Writing(task) => {
                let (file, result) = task.await.map_err(io::Error::other)?;
                result.map(|()| file)
            }
            State::Broken => Err(io::Error::other("an earlier write failed")),
        }
    }

    /// Writes the rest and returns the total number of bytes.
    pub async fn finish(mut self) -> io::Result<u64> {
        if !self.batch.is_empty() {
            self.start().await?;
        }
        self.file().await?;
        Ok(self.written)
    }
}

/// A file that appears only when it is complete: it is written beside its destination and renamed by
/// [`AtomicFile::persist`]; dropping it instead removes it.
pub struct AtomicFile {
    temporary: PathBuf,
    target: PathBuf,
    persisted: bool,
}

impl AtomicFile {
    /// Creates missing directories and the temporary file. `None`: the destination is a device or a pipe,
    /// which is written to directly.
    pub fn prepare(path: &Path, directory_mode: u32) -> io::Result<(File, Option<Self>)> {
        super::change::make_directories(&parent(path), directory_mode)?;
        let target = resolve_links(path);
        let existing = match fs::metadata(&target) {
            Ok(metadata) if metadata.is_dir() => return Err(io::Error::from_raw_os_error(libc::EISDIR)),
            Ok(metadata) if !metadata.is_file() => {
                return Ok((File::options().write(true).open(&target)?, None));
            }
            Ok(metadata) => Some(metadata),
            Err(_) => None,
        };
        let temporary = parent(&target).join(format!(".daytona-upload-{}", uuid::Uuid::new_v4()));
        let file = File::options().write(true).create_new(true).open(&temporary)?;
        let atomic_file = Self { temporary, target, persisted: false };
        if let Some(existing) = existing {
            // Keeps the mode of the file that is replaced.
            file.set_permissions(existing.permissions())?;
        }
        Ok((file, Some(atomic_file)))
    }

    pub fn persist(mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.target)?;
        self.persisted = true;
        Ok(())
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.persisted {
            let _gone_already = fs::remove_file(&self.temporary);
        }
    }
}

/// The target of a path through symlinks, also if it does not exist yet.
fn resolve_links(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    // The kernel's limit.
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(next) => target = parent(&target).join(next),
            Err(_) => break,
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn chunks_arrive_in_order_and_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let mut sink = Sink::new(File::create(&path).unwrap());
        let mut expected = Vec::new();
        for index in 0..40u8 {
            let chunk = vec![index; 30_000];
            expected.extend_from_slice(&chunk);
            sink.push(chunk.into()).await.unwrap();
        }
        assert_eq!(sink.finish().await.unwrap(), expected.len() as u64);
        assert!(fs::read(&path).unwrap() == expected);
    }

    #[tokio::test]
    async fn a_failed_write_is_reported() {
        let mut sink = Sink::new(File::options().write(true).open("/dev/full").unwrap());
        sink.push(Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(sink.finish().await.unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    }

    #[test]
    fn a_file_that_is_not_persisted_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/f");
        drop(AtomicFile::prepare(&path, 0o755).unwrap());
        assert_eq!(fs::read_dir(directory.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("target", &link).unwrap();
        let (mut file, atomic_file) = AtomicFile::prepare(&link, 0o755).unwrap();
        file.write_all(b"through").unwrap();
        atomic_file.unwrap().persist().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(directory.path().join("target")).unwrap(), b"through");
    }
}
