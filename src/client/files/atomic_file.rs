//! A local file that is downloaded: written to a temporary file in the same directory, which is renamed when it
//! is complete and removed otherwise. One batch is written while the next arrives.

use super::failure::{local, local_because};
use super::{DISK_CHUNK_BYTES, blocking};
use crate::client::blocking::{Begun, begin};
use crate::client::error::{Error, Result};
use crate::client::status;
use bytes::Bytes;
use std::fs::{self, File};
use std::io::{self, ErrorKind, IoSlice, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Upper bound on the chunks of a batch: even a small one holds a whole network buffer until it is written.
const MAX_BATCH_CHUNKS: usize = 512;

/// A file that appears under its name by [`AtomicFile::persist`]. Dropped before, it leaves nothing.
pub(super) enum AtomicFile {
    Temporary {
        file: NamedTempFile,
        target: PathBuf,
    },
    /// A device, which is written to directly.
    Device(File),
}

/// Refuses a path that is a directory's, before anything is requested.
pub(super) async fn check(path: &Path) -> Result<()> {
    let path = path.to_owned();
    blocking(move || check_now(&path)).await
}

pub(super) fn check_now(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Err(local_because("write", path, "it is a directory; give the file's own name too"));
    }
    Ok(())
}

impl AtomicFile {
    /// Prepares the target: makes the directories above it. A link is written through: its target is
    /// replaced, not the link.
    pub fn prepare(path: &Path) -> Result<Self> {
        check_now(path)?;
        let target = behind_links(path);
        let failed = |error: io::Error| local("write", path, &error);
        fs::create_dir_all(directory(&target)).map_err(failed)?;
        let existing = match fs::metadata(&target) {
            Ok(metadata) if !metadata.is_file() => {
                return open_device(&target).map(Self::Device).map_err(failed);
            }
            Ok(metadata) => Some(metadata.permissions()),
            Err(_) => None,
        };
        Self::beside(target, existing).map_err(failed)
    }

    fn beside(target: PathBuf, existing: Option<fs::Permissions>) -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".daytona-");
        // tempfile's default is for secrets; a new file has what the umask leaves.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(directory(&target))?;
        if let Some(permissions) = existing {
            // The new file keeps the permissions of the one that it replaces.
            file.as_file().set_permissions(permissions)?;
        }
        Ok(Self::Temporary { file, target })
    }

    fn write(&mut self, batch: &[Bytes]) -> io::Result<()> {
        let mut slices: Vec<_> = batch.iter().map(|chunk| IoSlice::new(chunk)).collect();
        let mut rest = &mut slices[..];
        IoSlice::advance_slices(&mut rest, 0);
        let file = match self {
            Self::Temporary { file, .. } => file.as_file_mut(),
            Self::Device(file) => file,
        };
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn persist(self) -> io::Result<()> {
        match self {
            Self::Temporary { file, target } => file.persist(target).map(drop).map_err(|failed| failed.error),
            Self::Device(_) => Ok(()),
        }
    }
}

/// Opening a pipe that nobody reads would wait for ever.
fn open_device(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true);
    #[cfg(unix)]
    {
        use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
        use rustix::io::Errno;
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
        let file = options.open(path).map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::NXIO) => io::Error::other("it is a pipe that nobody reads"),
            _ => error,
        })?;
        fcntl_setfl(&file, fcntl_getfl(&file)? - OFlags::NONBLOCK)?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Resolves symbolic links, also one whose target does not exist yet.
fn behind_links(path: &Path) -> PathBuf {
    let mut target = path.to_owned();
    // Linux follows as many.
    for _ in 0..40 {
        match fs::read_link(&target) {
            Ok(next) => target = directory(&target).join(next),
            Err(_) => break,
        }
    }
    target
}

/// A source of bytes.
pub(super) trait Chunks {
    /// The next chunk; `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Bytes>>;
    /// Adds to an error that was found in the bytes where they come from.
    fn complete(&self, error: Error) -> Error {
        error
    }
}

/// Writes chunks to an [`AtomicFile`] on the blocking pool. Dropped before `finish`, it leaves nothing,
/// as soon as the batch that is being written has ended.
pub(super) struct LocalSink {
    path: PathBuf,
    state: State,
    batch: Vec<Bytes>,
    batch_bytes: usize,
}

enum State {
    Idle(AtomicFile),
    /// When this is dropped, the write ends and then drops the file.
    Writing(Begun<(AtomicFile, io::Result<()>)>),
    Broken,
}

impl LocalSink {
    /// Makes the directories above the path, and the temporary file.
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let file = {
            let path = path.clone();
            blocking(move || AtomicFile::prepare(&path)).await?
        };
        Ok(Self { path, state: State::Idle(file), batch: Vec::new(), batch_bytes: 0 })
    }

    /// Adds a chunk; waits only while the previous batch is still being written.
    async fn push(&mut self, chunk: Bytes) -> Result<()> {
        self.batch_bytes += chunk.len();
        self.batch.push(chunk);
        if self.batch_bytes < DISK_CHUNK_BYTES && self.batch.len() < MAX_BATCH_CHUNKS {
            return Ok(());
        }
        self.start().await
    }

    async fn start(&mut self) -> Result<()> {
        let mut file = self.file().await?;
        let batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        self.state = State::Writing(begin(move || {
            let written = file.write(&batch);
            (file, written)
        }));
        Ok(())
    }

    /// Waits for the batch that is being written.
    async fn file(&mut self) -> Result<AtomicFile> {
        let broken = || local_because("write", &self.path, "an earlier write failed");
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Idle(file) => Ok(file),
            State::Writing(task) => {
                let (file, written) = task.await?;
                written.map_err(|error| local("write", &self.path, &error))?;
                Ok(file)
            }
            State::Broken => Err(broken()),
        }
    }

    /// Writes all chunks, and answers how many bytes that were. The outer error is of the chunks, the inner one of the local
    /// file; after either nothing is left of it.
    pub async fn receive(
        mut self,
        chunks: &mut impl Chunks,
        mut progress: impl FnMut(u64),
    ) -> Result<Result<u64>> {
        let mut received = 0;
        loop {
            match chunks.chunk().await {
                Ok(Some(chunk)) => {
                    received += chunk.len() as u64;
                    if let Err(error) = self.push(chunk).await {
                        return Ok(Err(error));
                    }
                    progress(received);
                }
                Ok(None) => return Ok(self.finish().await.map(|()| received)),
                Err(error) => {
                    self.abandon().await;
                    return Err(error);
                }
            }
        }
    }

    /// Removes the temporary file before it returns, so that a download that has failed leaves nothing.
    async fn abandon(mut self) {
        drop(self.file().await);
    }

    /// Writes the last batch and renames the file.
    async fn finish(mut self) -> Result<()> {
        let mut file = self.file().await?;
        let (batch, path) = (std::mem::take(&mut self.batch), self.path.clone());
        blocking(move || {
            file.write(&batch).and_then(|()| file.persist()).map_err(|error| local("write", &path, &error))
        })
        .await
    }
}

/// The error of a transfer whose length differs from the announced one.
pub(super) fn incomplete(received: u64, promised: u64) -> Error {
    let mut error = Error::new(
        status::PROTOCOL,
        format!("{received} bytes arrived instead of the announced {promised}; try again"),
    );
    error.detail_mut().retryable = true;
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<std::ffi::OsString> {
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[tokio::test]
    async fn a_file_appears_when_it_is_complete_and_with_its_directories() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new/dir/f");
        let mut sink = LocalSink::open(&path).await.unwrap();
        let mut expected = Vec::new();
        for index in 0..3000u32 {
            let chunk = vec![index as u8; (index % 700) as usize];
            expected.extend_from_slice(&chunk);
            sink.push(chunk.into()).await.unwrap();
            assert!(!path.exists());
        }
        sink.finish().await.unwrap();
        assert!(fs::read(&path).unwrap() == expected);
        assert_eq!(names(path.parent().unwrap()).len(), 1);
    }

    #[tokio::test]
    async fn an_unfinished_file_leaves_nothing_and_keeps_the_previous_one() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("f");
        fs::write(&path, "old").unwrap();
        let mut sink = LocalSink::open(&path).await.unwrap();
        sink.push(Bytes::from(vec![1; 2 * DISK_CHUNK_BYTES])).await.unwrap();
        drop(sink);
        while names(home.path()).len() > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[tokio::test]
    async fn an_abandoned_file_is_gone_at_once() {
        let home = tempfile::tempdir().unwrap();
        for index in 0..20 {
            let mut sink = LocalSink::open(&home.path().join(format!("f{index}"))).await.unwrap();
            sink.push(Bytes::from(vec![1; 16 * DISK_CHUNK_BYTES])).await.unwrap();
            sink.abandon().await;
            assert_eq!(names(home.path()).len(), 0);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_new_file_has_the_permissions_that_any_other_has() {
        let home = tempfile::tempdir().unwrap();
        let (path, other) = (home.path().join("f"), home.path().join("other"));
        LocalSink::open(&path).await.unwrap().finish().await.unwrap();
        fs::write(&other, "").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions(), fs::metadata(&other).unwrap().permissions());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_is_written_through_and_permissions_are_kept() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink("target", &link).unwrap();
        for content in ["one", "two"] {
            let mut sink = LocalSink::open(&link).await.unwrap();
            sink.push(content.into()).await.unwrap();
            sink.finish().await.unwrap();
            let target = home.path().join("target");
            assert_eq!(fs::read_to_string(&target).unwrap(), content);
            assert!(link.is_symlink());
            if content == "one" {
                fs::set_permissions(&target, fs::Permissions::from_mode(0o751)).unwrap();
            } else {
                assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o751);
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_pipe_that_nobody_reads_is_an_error_and_one_that_is_read_gets_all() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let opened = tokio::time::timeout(std::time::Duration::from_secs(30), LocalSink::open(&pipe)).await;
        // A test that fails has a thread that waits for this.
        drop(File::options().read(true).write(true).open(&pipe).unwrap());
        let error = opened.expect("it waits for a reader").err().unwrap();
        assert!(error.status() == status::IO && error.to_string().contains("nobody reads"), "{error}");
        let reader = std::thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        let mut sink = loop {
            match LocalSink::open(&pipe).await {
                Ok(sink) => break sink,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        // More than a pipe holds: writing waits for the reader.
        sink.push(Bytes::from(vec![7; 1 << 20])).await.unwrap();
        sink.finish().await.unwrap();
        assert_eq!(reader.join().unwrap(), vec![7; 1 << 20]);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_full_disk_is_told_and_a_device_is_written_directly() {
        let mut sink = LocalSink::open(Path::new("/dev/full")).await.unwrap();
        sink.push("x".into()).await.unwrap();
        let error = sink.finish().await.unwrap_err();
        assert_eq!(error.status(), status::IO);
        assert!(error.to_string().contains("/dev/full"), "{error}");
        let mut sink = LocalSink::open(Path::new("/dev/null")).await.unwrap();
        sink.push("x".into()).await.unwrap();
        sink.finish().await.unwrap();
    }
}
