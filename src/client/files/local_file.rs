//! A local file that is uploaded: the next chunk is read while the one before is sent. The upload holds exactly
//! the bytes that the file had when it was opened, or fails: never a mixture of older and newer content. The
//! size that the system reports is checked by reading on at the end; where it is 0 the content decides.

use super::failure::{local, local_because};
use super::{DISK_CHUNK_BYTES, blocking};
use crate::client::blocking::{Begun, begin};
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How much is read of a file whose size is reported as 0 to find its length.
const MAX_READ_AHEAD_BYTES: u64 = 256 * 1024;

/// An open local file and what it was when it was opened.
pub(super) struct LocalFile {
    file: File,
    path: PathBuf,
    /// `None` for a file whose size is reported as 0, as those of /proc, and that does not end within `head`.
    pub length: Option<u64>,
    /// The beginning of a file whose size is reported as 0; empty for others.
    head: Vec<u8>,
    size: u64,
    modified: Option<SystemTime>,
}

impl LocalFile {
    pub async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        blocking(move || Self::open_now(path)).await
    }

    /// `length` of a file without opening it, unless its size is reported as 0. Blocks.
    pub fn length_now(path: PathBuf) -> Result<Option<u64>> {
        match Self::regular(&path)?.len() {
            0 => Ok(Self::open_now(path)?.length),
            size => Ok(Some(size)),
        }
    }

    /// Checked before a file is opened, because opening a pipe waits for its writer.
    fn regular(path: &Path) -> Result<Metadata> {
        let metadata = std::fs::metadata(path).map_err(|error| local("read", path, &error))?;
        if metadata.is_file() {
            return Ok(metadata);
        }
        let what = if metadata.is_dir() {
            "it is a directory; upload it with files.sync_up"
        } else {
            "it is not a regular file; send its content with files.writer"
        };
        Err(local_because("read", path, what))
    }

    /// Blocks.
    pub fn open_now(path: PathBuf) -> Result<Self> {
        Self::regular(&path)?;
        let opened = File::open(&path).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
        let (file, metadata) = opened.map_err(|error| local("read", &path, &error))?;
        let (size, modified) = (metadata.len(), metadata.modified().ok());
        let mut opened = Self { file, path, length: Some(size), head: Vec::new(), size, modified };
        if size == 0 {
            opened.read_head()?;
        }
        Ok(opened)
    }

    fn read_head(&mut self) -> Result<()> {
        let read = (&self.file).take(MAX_READ_AHEAD_BYTES + 1).read_to_end(&mut self.head);
        let length = read.map_err(|error| local("read", &self.path, &error))? as u64;
        if length > MAX_READ_AHEAD_BYTES {
            self.length = None;
            return Ok(());
        }
        self.length = Some(length);
        if length == 0 { Ok(()) } else { self.must_be_unchanged() }
    }

    /// The whole content, of a file of at most `limit_bytes`; `None` for a larger one.
    pub fn read_now(mut self, limit_bytes: u64) -> Result<Option<Vec<u8>>> {
        match self.length {
            Some(length) if length <= limit_bytes => {}
            _ => return Ok(None),
        }
        if self.size == 0 {
            return Ok(Some(self.head));
        }
        let mut content = vec![0; usize::try_from(self.size).unwrap_or(usize::MAX)];
        if self.fill(&mut content)? < content.len() {
            return Err(changed(&self.path));
        }
        self.must_be_unchanged()?;
        Ok(Some(content))
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(local("read", &self.path, &error)),
            }
        }
        Ok(filled)
    }

    /// Checks at the end that no more bytes follow, and that size and modification time are the same.
    fn must_be_unchanged(&mut self) -> Result<()> {
        let is =
            |metadata: &Metadata| metadata.len() == self.size && metadata.modified().ok() == self.modified;
        let unchanged = self.file.metadata().map(|metadata| is(&metadata));
        if !unchanged.map_err(|error| local("read", &self.path, &error))? || self.fill(&mut [0])? > 0 {
            return Err(changed(&self.path));
        }
        Ok(())
    }

    /// The content in chunks; an error if it is not what it was when the file was opened.
    pub fn chunks(mut self) -> impl Stream<Item = Result<Bytes>> + Send {
        let head = Bytes::from(std::mem::take(&mut self.head));
        let left = self.length.map(|length| length - head.len() as u64);
        let mut source = Source { left, reading: None, buffers: Arc::default() };
        source.read_ahead(self);
        let rest = futures_util::stream::unfold(source, |mut source| async move {
            let chunk = source.next().await?;
            Some((chunk, source))
        });
        futures_util::stream::iter((!head.is_empty()).then_some(Ok(head))).chain(rest)
    }
}

fn changed(path: &Path) -> Error {
    local_because("upload", path, "it was changed while it was being read; try again when it is complete")
}

struct Source {
    /// Bytes that are still to be read; `None`: until the end of the file.
    left: Option<u64>,
    reading: Option<Begun<(LocalFile, Result<Read>)>>,
    buffers: Arc<Buffers>,
}

/// The result of one read.
struct Read {
    chunk: Chunk,
    is_last: bool,
}

/// Buffers to be used again: each returns when its bytes are sent. Two or three are in use at a time.
#[derive(Default)]
struct Buffers(Mutex<Vec<Vec<u8>>>);

struct Chunk {
    buffer: Vec<u8>,
    filled: usize,
    home: Arc<Buffers>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.home.0.lock().push(std::mem::take(&mut self.buffer));
    }
}

impl Source {
    fn read_ahead(&mut self, mut file: LocalFile) {
        let wanted = self.left.map_or(DISK_CHUNK_BYTES, |left| left.min(DISK_CHUNK_BYTES as u64) as usize);
        if wanted == 0 {
            return;
        }
        let (left, home) = (self.left, self.buffers.clone());
        self.reading = Some(begin(move || {
            let read = Self::read(&mut file, left, wanted, home);
            (file, read)
        }));
    }

    fn read(file: &mut LocalFile, left: Option<u64>, wanted: usize, home: Arc<Buffers>) -> Result<Read> {
        let buffer = home.0.lock().pop().unwrap_or_else(|| vec![0; wanted]);
        let mut chunk = Chunk { buffer, filled: 0, home };
        chunk.filled = file.fill(&mut chunk.buffer[..wanted])?;
        if left.is_some() && chunk.filled < wanted {
            return Err(changed(&file.path));
        }
        let is_last = left.map_or(chunk.filled < wanted, |left| left == chunk.filled as u64);
        if is_last {
            // Before the last chunk is sent, because the server then has the whole file.
            file.must_be_unchanged()?;
        }
        Ok(Read { chunk, is_last })
    }

    async fn next(&mut self) -> Option<Result<Bytes>> {
        let (file, Read { chunk, is_last }) = match self.reading.take()?.await {
            Ok((file, Ok(read))) => (file, read),
            Ok((_, Err(error))) => return Some(Err(error)),
            Err(error) => return Some(Err(error)),
        };
        if !is_last {
            self.left = self.left.map(|left| left - chunk.filled as u64);
            self.read_ahead(file);
        }
        (chunk.filled > 0).then(|| Ok(Bytes::from_owner(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::status;
    use std::io::Write;

    async fn sent(file: LocalFile) -> Result<Vec<u8>> {
        let mut chunks = std::pin::pin!(file.chunks());
        let mut all = Vec::new();
        while let Some(chunk) = chunks.next().await {
            all.extend_from_slice(&chunk?);
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
        for length in
            [0, 1, DISK_CHUNK_BYTES - 1, DISK_CHUNK_BYTES, DISK_CHUNK_BYTES + 1, 3 * DISK_CHUNK_BYTES + 17]
        {
            let content: Vec<u8> = (0..length).map(|index| (index * 31 / 7) as u8).collect();
            let file = temporary(&content);
            assert!(sent(LocalFile::open(file.path()).await.unwrap()).await.unwrap() == content, "{length}");
        }
    }

    #[tokio::test]
    async fn a_file_that_changes_while_it_is_read_is_an_error() {
        let content = vec![7; 4 * DISK_CHUNK_BYTES];
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_file_whose_size_is_reported_as_0_is_read_to_its_end() {
        let path = Path::new("/proc/version");
        assert_eq!(std::fs::metadata(path).unwrap().len(), 0);
        let content = std::fs::read(path).unwrap();
        let file = LocalFile::open(path).await.unwrap();
        assert_eq!(file.length, Some(content.len() as u64));
        assert_eq!(sent(file).await.unwrap(), content);
        let file = LocalFile::open(path).await.unwrap();
        assert_eq!(file.read_now(MAX_READ_AHEAD_BYTES).unwrap(), Some(content));
        assert_eq!(LocalFile::open(path).await.unwrap().read_now(3).unwrap(), None);
    }

    #[tokio::test]
    async fn a_file_of_unknown_length_is_read_to_its_end() {
        for length in [
            MAX_READ_AHEAD_BYTES as usize + 1,
            DISK_CHUNK_BYTES,
            MAX_READ_AHEAD_BYTES as usize + 1 + DISK_CHUNK_BYTES,
            3 * DISK_CHUNK_BYTES + 17,
        ] {
            let content: Vec<u8> = (0..length).map(|index| (index * 31 / 7) as u8).collect();
            let file = temporary(&content);
            let mut opened = LocalFile::open(file.path()).await.unwrap();
            opened.read_head().unwrap();
            assert_eq!(opened.length, None);
            assert!(sent(opened).await.unwrap() == content, "{length}");
        }
    }

    #[tokio::test]
    async fn an_empty_file_that_is_written_while_it_is_read_is_an_error() {
        for length in [1, 2 * MAX_READ_AHEAD_BYTES as usize] {
            let mut file = temporary(b"");
            let mut opened = LocalFile::open(file.path()).await.unwrap();
            file.write_all(&vec![1; length]).unwrap();
            let error = match opened.read_head() {
                Ok(()) => sent(opened).await.unwrap_err(),
                Err(error) => error,
            };
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
