//! A local file on its way out: the next piece is read while the one before is sent. Exactly the bytes that
//! were there when it was opened, or an error: a file that changes meanwhile is never sent in part new, in
//! part old, as if that were a file.

use super::failure::{local, local_because};
use super::{PIECE, blocking};
use crate::client::error::{Error, Result};
use crate::client::status;
use bytes::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use tokio::task::JoinHandle;

/// An open local file and what it was when it was opened.
pub(super) struct LocalFile {
    file: File,
    path: PathBuf,
    pub length: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || Self::open_now(path)).await
    }

    /// For who is on a blocking thread already.
    pub fn open_now(path: PathBuf) -> Result<Self> {
        // Looked at before it is opened: opening a pipe would wait for its writer.
        let metadata = std::fs::metadata(&path).map_err(|error| local("read", &path, &error))?;
        if !metadata.is_file() {
            let what = if metadata.is_dir() {
                "it is a directory; files.sync_up takes those"
            } else {
                "it is not a regular file, so its length is unknown; files.writer takes what has none"
            };
            return Err(local_because("read", &path, what));
        }
        let opened = File::open(&path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|error| local("read", &path, &error))?;
        Ok(Self { file, path, length: metadata.len(), modified: metadata.modified().ok() })
    }

    /// The whole file at once, for one that is small.
    pub fn read_now(mut self) -> Result<Vec<u8>> {
        let mut content = vec![0; usize::try_from(self.length).unwrap_or(usize::MAX)];
        self.fill(&mut content)?;
        self.must_be_unchanged()?;
        Ok(content)
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.file.read_exact(buffer).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => changed(&self.path),
            _ => local("read", &self.path, &error),
        })
    }

    fn must_be_unchanged(&self) -> Result<()> {
        let is =
            |metadata: &Metadata| metadata.len() == self.length && metadata.modified().ok() == self.modified;
        match self.file.metadata() {
            Ok(metadata) if is(&metadata) => Ok(()),
            Ok(_) => Err(changed(&self.path)),
            Err(error) => Err(local("read", &self.path, &error)),
        }
    }

    /// Its bytes in pieces.
    pub fn pieces(self) -> impl Stream<Item = Result<Bytes>> + Send {
        let mut source = Source { left: self.length, reading: None, buffers: Arc::default() };
        source.read_ahead(self);
        futures_util::stream::unfold(source, |mut source| async move {
            let piece = source.next().await?;
            Some((piece, source))
        })
    }
}

fn changed(path: &Path) -> Error {
    local_because("upload", path, "it was changed while it was being read; try again when it is complete")
}

struct Source {
    left: u64,
    reading: Option<JoinHandle<(LocalFile, Result<Piece>)>>,
    buffers: Arc<Buffers>,
}

/// Buffers that come back once their bytes are sent. Two or three go round.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

struct Piece {
    buffer: Vec<u8>,
    filled: usize,
    home: Arc<Buffers>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.home.0.lock().push(std::mem::take(&mut self.buffer));
    }
}

impl Source {
    fn read_ahead(&mut self, mut file: LocalFile) {
        let wanted = self.left.min(PIECE as u64) as usize;
        if wanted == 0 {
            return;
        }
        let (is_last, home) = (self.left == wanted as u64, self.buffers.clone());
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let buffer = home.0.lock().pop().unwrap_or_else(|| vec![0; wanted]);
            let mut piece = Piece { buffer, filled: wanted, home };
            let mut read = file.fill(&mut piece.buffer[..wanted]);
            if is_last && read.is_ok() {
                // Before the last piece is given away: afterwards the upload is complete.
                read = file.must_be_unchanged();
            }
            (file, read.map(|()| piece))
        }));
    }

    async fn next(&mut self) -> Option<Result<Bytes>> {
        let (file, piece) = match self.reading.take()?.await {
            Ok((file, Ok(piece))) => (file, piece),
            Ok((_, Err(error))) => return Some(Err(error)),
            Err(error) => {
                return Some(Err(Error::new(
                    status::IO,
                    format!("reading a local file ended early: {error}"),
                )));
            }
        };
        self.left -= piece.filled as u64;
        self.read_ahead(file);
        Some(Ok(Bytes::from_owner(piece)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt;
    use std::io::Write;

    async fn sent(file: LocalFile) -> Result<Vec<u8>> {
        let mut pieces = std::pin::pin!(file.pieces());
        let mut all = Vec::new();
        while let Some(piece) = pieces.next().await {
            all.extend_from_slice(&piece?);
        }
        Ok(all)
    }

    fn temporary(content: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[tokio::test]
    async fn a_file_comes_whole_and_in_order() {
        for length in [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 17] {
            let content: Vec<u8> = (0..length).map(|index| (index * 31 / 7) as u8).collect();
            let file = temporary(&content);
            assert!(sent(LocalFile::open(file.path()).await.unwrap()).await.unwrap() == content, "{length}");
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_an_error() {
        let content = vec![7; 4 * PIECE];
        let changes: [fn(&mut File); 3] = [
            |file| file.set_len(10).unwrap(),
            |file| file.write_all(b"more").unwrap(),
            |file| file.set_modified(SystemTime::UNIX_EPOCH).unwrap(),
        ];
        for change in changes {
            let mut file = temporary(&content);
            let opened = LocalFile::open(file.path()).await.unwrap();
            change(file.as_file_mut());
            let error = sent(opened).await.unwrap_err();
            assert_eq!(error.status(), status::IO);
            assert!(error.to_string().contains("changed"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_is_no_regular_file_is_refused() {
        for path in ["/", "/dev/null", "/nonexistent"] {
            let error = LocalFile::open(Path::new(path)).await.err().unwrap();
            assert_eq!(error.status(), status::IO);
            assert!(error.to_string().contains(path), "{error}");
        }
    }
}
