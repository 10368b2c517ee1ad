//! Bytes on their way into a file: one batch is written while the next arrives, and never more is held.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{PIECE, call::parent};

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

    /// Takes a piece; waits only while the batch before is still being written.
    pub async fn push(&mut self, piece: Bytes) -> io::Result<()> {
        self.batch_bytes += piece.len();
        self.batch.push(piece);
        if self.batch_bytes >= PIECE { self.start().await } else { Ok(()) }
    }

    async fn start(&mut self) -> io::Result<()> {
        let mut file = self.file().await?;
        let batch = std::mem::take(&mut self.batch);
        self.written += std::mem::take(&mut self.batch_bytes) as u64;
        self.state = State::Writing(tokio::task::spawn_blocking(move || {
            let result = batch.iter().try_for_each(|piece| file.write_all(piece));
            (file, result)
        }));
        Ok(())
    }

    /// The file once nothing is being written to it.
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

    /// Writes what is left and tells how many bytes that made.
    pub async fn finish(mut self) -> io::Result<u64> {
        if !self.batch.is_empty() {
            self.start().await?;
        }
        self.file().await?;
        Ok(self.written)
    }
}

/// A file that appears under its name only when it is complete: it is written beside the
/// destination and then renamed, and removed if that never comes.
pub struct Landing {
    temporary: PathBuf,
    target: PathBuf,
    landed: bool,
}

impl Landing {
    /// Prepares the destination, its missing directories included. `None` in place of the landing:
    /// the destination is a device or a pipe, which is written to directly.
    pub fn prepare(path: &Path, directory_mode: u32) -> io::Result<(File, Option<Self>)> {
        super::change::make_directories(&parent(path), directory_mode)?;
        let target = behind_links(path);
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
        let landing = Self { temporary, target, landed: false };
        if let Some(existing) = existing {
            // What replaces a file keeps the right to be read and run that the file had.
            file.set_permissions(existing.permissions())?;
        }
        Ok((file, Some(landing)))
    }

    pub fn land(mut self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.target)?;
        self.landed = true;
        Ok(())
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if !self.landed {
            let _gone_already = fs::remove_file(&self.temporary);
        }
    }
}

/// Where a path leads, also through a link whose target does not exist yet.
fn behind_links(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    // As many as the kernel follows.
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
    async fn pieces_arrive_in_order_and_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let mut sink = Sink::new(File::create(&path).unwrap());
        let mut expected = Vec::new();
        for index in 0..40u8 {
            let piece = vec![index; 30_000];
            expected.extend_from_slice(&piece);
            sink.push(piece.into()).await.unwrap();
        }
        assert_eq!(sink.finish().await.unwrap(), expected.len() as u64);
        assert!(fs::read(&path).unwrap() == expected);
    }

    #[tokio::test]
    async fn a_failed_write_is_told() {
        let mut sink = Sink::new(File::options().write(true).open("/dev/full").unwrap());
        sink.push(Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(sink.finish().await.unwrap_err().raw_os_error(), Some(libc::ENOSPC));
    }

    #[test]
    fn what_never_lands_leaves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/f");
        drop(Landing::prepare(&path, 0o755).unwrap());
        assert_eq!(fs::read_dir(directory.path().join("new")).unwrap().count(), 0);
    }

    #[test]
    fn a_link_is_written_through() {
        let directory = tempfile::tempdir().unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("target", &link).unwrap();
        let (mut file, landing) = Landing::prepare(&link, 0o755).unwrap();
        file.write_all(b"through").unwrap();
        landing.unwrap().land().unwrap();
        assert!(link.is_symlink());
        assert_eq!(fs::read(directory.path().join("target")).unwrap(), b"through");
    }
}
