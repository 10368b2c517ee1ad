//! The output of a stream operation that runs as a call, collected up to the client's bound.

use super::lock::Mutex;
use super::stream::{Channel, Chunk, Sink};
use bytes::Bytes;
use std::task::{Context, Poll};
use tokio::sync::Notify;

#[derive(Default)]
pub(crate) struct Collected {
    output: Mutex<Output>,
    max_bytes: u64,
    /// Notified when there is more output than that.
    overflow: Notify,
}

#[derive(Default)]
pub(crate) struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    /// The last value of that channel.
    pub structured: Option<Bytes>,
    received_bytes: u64,
    overflowed: bool,
}

impl Collected {
    pub fn new(max_bytes: u64) -> Self {
        Self { max_bytes, ..Self::default() }
    }

    /// Whether there was more output than the bound: what was collected is then not all.
    pub fn overflowed(&self) -> bool {
        self.output.lock().overflowed
    }

    /// Returns once there is more output than the bound.
    pub async fn overflow(&self) {
        self.overflow.notified().await;
    }

    pub fn take(&self) -> Output {
        std::mem::take(&mut *self.output.lock())
    }
}

impl Sink for Collected {
    fn opened(&self, _: Vec<u8>) {}

    fn poll_room(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn data(&self, chunk: Chunk) {
        let mut output = self.output.lock();
        output.received_bytes += chunk.data.len() as u64;
        if output.received_bytes > self.max_bytes {
            output.overflowed = true;
            self.overflow.notify_one();
            return;
        }
        match chunk.channel {
            Channel::Stderr => output.stderr.extend_from_slice(&chunk.data),
            Channel::Structured => output.structured = Some(chunk.data),
            Channel::None | Channel::Stdout => output.stdout.extend_from_slice(&chunk.data),
        }
    }
}

/// Without a copy where it is UTF-8 already.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
