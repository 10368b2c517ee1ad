//! Reading from files: the next chunk is read while the one before is sent.

use std::{
    fs::File,
    io::{self, Read},
};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::CHUNK_BYTES;

/// A given number of bytes from a file's current position, or all from there. A file that ends earlier is an error.
pub struct Source {
    reading: Option<JoinHandle<(File, io::Result<Bytes>)>>,
    left: u64,
    /// What lies behind that number is read too.
    to_end: bool,
}

impl Source {
    pub fn new(file: File, length: u64) -> Self {
        Self::begin(file, length, false)
    }

    /// Reads on where the file is longer, as those of `/proc` are, and one that grew.
    pub fn to_end(file: File, length: u64) -> Self {
        Self::begin(file, length, true)
    }

    fn begin(file: File, length: u64, to_end: bool) -> Self {
        let mut source = Self { reading: None, left: length, to_end };
        source.read_ahead(file);
        source
    }

    fn read_ahead(&mut self, mut file: File) {
        let may_end = self.left == 0;
        let wanted = if may_end && self.to_end { u64::MAX } else { self.left }.min(CHUNK_BYTES as u64);
        self.reading = (wanted > 0).then(|| {
            tokio::task::spawn_blocking(move || {
                let mut chunk = Vec::with_capacity(wanted as usize);
                let result = match (&mut file).take(wanted).read_to_end(&mut chunk) {
                    Ok(0) if !may_end => Err(io::ErrorKind::UnexpectedEof.into()),
                    Ok(_) => Ok(chunk.into()),
                    Err(error) => Err(error),
                };
                (file, result)
            })
        });
    }

    /// The next chunk, `None` after the last.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        let (file, chunk) = match self.reading.take()?.await {
            Ok((_, Ok(chunk))) if chunk.is_empty() => return None,
            Ok((file, Ok(chunk))) => (file, chunk),
            Ok((_, Err(error))) => return Some(Err(error)),
            Err(error) => return Some(Err(io::Error::other(error))),
        };
        self.left = self.left.saturating_sub(chunk.len() as u64);
        self.read_ahead(file);
        Some(Ok(chunk))
    }

    pub fn into_stream(self) -> impl futures_util::Stream<Item = io::Result<Bytes>> {
        futures_util::stream::unfold(self, |mut source| async {
            source.next().await.map(|chunk| (chunk, source))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(path: &std::path::Path, length: u64) -> io::Result<Vec<u8>> {
        let mut source = Source::new(File::open(path)?, length);
        let mut all = Vec::new();
        while let Some(chunk) = source.next().await {
            all.extend_from_slice(&chunk?);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn a_file_comes_whole_and_in_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let content: Vec<u8> = (0..CHUNK_BYTES * 2 + 7).map(|index| (index % 251) as u8).collect();
        std::fs::write(file.path(), &content).unwrap();
        assert!(read(file.path(), content.len() as u64).await.unwrap() == content);
        assert_eq!(read(file.path(), 3).await.unwrap(), [0, 1, 2]);
        assert!(read(file.path(), 0).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_is_read_to_its_end_where_it_is_longer() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        for length in [0, 2, 3] {
            let mut source = Source::to_end(File::open(file.path()).unwrap(), length);
            let mut all = Vec::new();
            while let Some(chunk) = source.next().await {
                all.extend_from_slice(&chunk.unwrap());
            }
            assert_eq!(all, b"abc", "{length}");
        }
    }

    #[tokio::test]
    async fn a_file_that_shrank_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"abc").unwrap();
        let error = read(file.path(), 10).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
