//! The output of a run that is a call, collected up to the client's bound.

use super::run::RunFailure;
use crate::client::lock::Mutex;
use crate::client::stream::{Channel, Chunk, Sink};
use std::task::{Context, Poll};

#[derive(Default)]
pub(super) struct Collected {
    pub output: Mutex<Output>,
    pub max_bytes: u64,
}

#[derive(Default)]
pub(super) struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub error: Option<RunFailure>,
    pub overflowed: bool,
}

impl Collected {
    pub fn overflowed(&self) -> bool {
        self.output.lock().overflowed
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
        // The position counts everything that came.
        if chunk.position > self.max_bytes {
            output.overflowed = true;
            return;
        }
        match chunk.channel {
            Channel::Stderr => output.stderr.extend_from_slice(&chunk.data),
            Channel::Structured => output.error = serde_json::from_slice(&chunk.data).ok(),
            _ => output.stdout.extend_from_slice(&chunk.data),
        }
    }

    fn progress(&self, _: u64, _: Option<u64>) {}
}
