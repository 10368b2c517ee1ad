//! The log of a build: kept up to a limit, read from the start by any number of readers while it grows.

use axum::body::Bytes;
use futures_util::stream::{self, Stream};
use parking_lot::Mutex;
use std::io;
use std::sync::Arc;
use tokio::sync::watch;

/// The most that a log keeps.
const MAX_BYTES: usize = 8 << 20;
/// The most that one reader gets at once.
const CHUNK_BYTES: usize = 64 << 10;

pub struct Log {
    written: Mutex<Written>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Written {
    bytes: Vec<u8>,
    is_full: bool,
    has_ended: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { written: Mutex::default(), changed: watch::Sender::new(()) }
    }
}

impl Log {
    /// Adds to the log; once it is full, nothing but a line that says so.
    pub fn write(&self, text: &[u8]) {
        let mut written = self.written.lock();
        if written.is_full || written.has_ended {
            return;
        }
        let room = MAX_BYTES.saturating_sub(written.bytes.len());
        written.bytes.extend_from_slice(text.get(..room).unwrap_or(text));
        if text.len() > room {
            written.is_full = true;
            written.bytes.extend_from_slice(b"\n[the log is full; the rest of it is not kept]\n");
        }
        drop(written);
        self.changed.send_replace(());
    }

    pub fn line(&self, text: &str) {
        self.write(format!("{text}\n").as_bytes());
    }

    pub fn end(&self) {
        self.written.lock().has_ended = true;
        self.changed.send_replace(());
    }

    /// From the start: what there is, or with `follow` everything until the end.
    pub fn read(self: &Arc<Self>, follow: bool) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let changed = self.changed.subscribe();
        stream::unfold((self.clone(), changed, 0), move |(log, mut changed, sent)| async move {
            loop {
                changed.mark_unchanged();
                let (chunk, has_ended) = {
                    let written = log.written.lock();
                    let rest = written.bytes.get(sent..).unwrap_or_default();
                    let chunk = rest.get(..CHUNK_BYTES).unwrap_or(rest);
                    (Bytes::copy_from_slice(chunk), written.has_ended)
                };
                if !chunk.is_empty() {
                    let sent = sent + chunk.len();
                    return Some((Ok(chunk), (log, changed, sent)));
                }
                if has_ended || !follow || changed.changed().await.is_err() {
                    return None;
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt;

    #[tokio::test]
    async fn a_log_is_bounded_and_says_so() {
        let log = Arc::new(Log::default());
        log.write(&vec![b'a'; MAX_BYTES - 1]);
        log.write(b"bcd");
        log.write(b"more");
        log.end();
        let read: Vec<Bytes> = log.read(true).try_collect().await.unwrap();
        let read = read.concat();
        assert!(read.len() < MAX_BYTES + 100);
        assert!(read.ends_with(b"ab\n[the log is full; the rest of it is not kept]\n"));
    }
}
