//! The two ends of a running stream operation: a sink for its output, which the caller implements, and an input for
//! what its user writes.

use super::error::{Error, Result};
use crate::client::lock::Mutex;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// The kind of data in a chunk. The numbers are part of the published interface.
///
/// ```
/// assert_eq!(daytona::Channel::Stderr as i32, 2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Channel {
    /// There is one kind of data alone, as of a file.
    None = 0,
    /// What a command writes to its standard output.
    Stdout = 1,
    /// What it writes to its standard error.
    Stderr = 2,
    /// A JSON value, as an interpreter's error.
    Structured = 3,
}

/// A piece of a stream, in order.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// What it is a piece of.
    pub channel: Channel,
    /// Its bytes.
    pub data: Bytes,
    /// Raw bytes of the source consumed up to the end of this chunk: the value to resume from.
    pub position: u64,
}

/// What a chunk counts against a bound: its bytes, and at least the memory of its entry. Empty chunks would otherwise
/// not be bounded.
pub fn weight(data: &Bytes) -> usize {
    data.len().max(size_of::<Chunk>())
}

/// The result of a stream that succeeded.
#[derive(Clone)]
pub struct Ended {
    /// ENDED's JSON (an object: exit code, reason, bytes, position ...).
    pub json: Vec<u8>,
    /// Where to resume from, as the JSON says it; `None` for the position of the last chunk.
    pub position: Option<u64>,
    /// The sandbox that the operation made, for those that make one.
    pub sandbox: Option<super::sandbox::Sandbox>,
}

/// Where a stream's output goes. No method blocks.
pub trait Sink: Send + Sync + 'static {
    /// The stream is open; `json` describes it (an object or `null`). Called once, before any data.
    fn opened(&self, json: Vec<u8>);
    /// Ready when the consumer has room for another chunk.
    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()>;
    /// Takes a chunk; only after `poll_room` was ready.
    fn data(&self, chunk: Chunk);
}

/// A stream operation's two ends, given to its function.
pub struct Io {
    pub sink: Arc<dyn Sink>,
    pub input: Input,
    pub error_context: ErrorContext,
}

impl Io {
    pub fn opened(&self, json: impl Into<Vec<u8>>) {
        self.sink.opened(json.into());
    }

    /// Waits until the consumer has room. Select this beside the socket's pings and the input, which a slow consumer must
    /// not stop. It yields from time to time, so that a source that is always ready lets other tasks run and can be
    /// cancelled.
    pub async fn room(&self) {
        tokio::task::consume_budget().await;
        poll_fn(|cx| self.sink.poll_room(cx)).await
    }

    /// Waits for room, then hands the chunk over.
    pub async fn send(&self, channel: Channel, data: Bytes, position: u64) {
        self.room().await;
        self.sink.data(Chunk { channel, data, position });
    }
}

/// Facts about a running call or stream for errors that are made outside of its function (a timeout, a cancel).
#[derive(Clone, Default)]
pub struct ErrorContext(Arc<Mutex<Known>>);

#[derive(Clone, Default)]
struct Known {
    sandbox_id: Option<String>,
    sandbox_name: Option<String>,
}

impl ErrorContext {
    pub fn sandbox_id(&self, id: &str) {
        self.0.lock().sandbox_id = Some(id.to_owned());
    }

    pub fn sandbox_name(&self, name: &str) {
        self.0.lock().sandbox_name = Some(name.to_owned());
    }

    /// Adds the facts that an error does not have yet.
    pub fn complete(&self, error: &mut Error) {
        let known = self.0.lock().clone();
        let detail = error.detail_mut();
        if detail.sandbox_id.is_none() {
            detail.sandbox_id = known.sandbox_id;
        }
        if detail.sandbox_name.is_none() {
            detail.sandbox_name = known.sandbox_name;
        }
    }
}

/// The reading end of a stream's input.
pub struct Input(Arc<Mutex<Pending>>);

/// The writing end, bounded: [`InputWriter::write`] takes what fits.
#[derive(Clone)]
pub struct InputWriter(Arc<Mutex<Pending>>);

struct Pending {
    chunks: VecDeque<Bytes>,
    waiting_bytes: usize,
    capacity_bytes: usize,
    finished: bool,
    reader_gone: bool,
    reader: Option<Waker>,
    room: Option<Box<dyn FnOnce() + Send>>,
}

/// A bounded byte channel from the user to the stream's function.
pub fn input(capacity_bytes: usize) -> (InputWriter, Input) {
    let shared = Arc::new(Mutex::new(Pending {
        chunks: VecDeque::new(),
        waiting_bytes: 0,
        capacity_bytes: capacity_bytes.max(1),
        finished: false,
        reader_gone: false,
        reader: None,
        room: None,
    }));
    (InputWriter(shared.clone()), Input(shared))
}

impl Input {
    /// The next piece in the order written; `None` once the writer has finished.
    pub async fn next(&mut self) -> Option<Bytes> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut pending = self.0.lock();
        let Some(chunk) = pending.chunks.pop_front() else {
            if pending.finished {
                return Poll::Ready(None);
            }
            pending.reader = Some(cx.waker().clone());
            return Poll::Pending;
        };
        pending.waiting_bytes -= chunk.len();
        let room = pending.room.take();
        drop(pending);
        if let Some(room) = room {
            room();
        }
        Poll::Ready(Some(chunk))
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        let mut pending = self.0.lock();
        pending.reader_gone = true;
        let room = pending.room.take();
        drop(pending);
        if let Some(room) = room {
            room();
        }
    }
}

impl InputWriter {
    /// Takes as much of `data` as fits and returns how much; 0 means full. Fails when the stream has ended.
    pub fn write(&self, data: &[u8]) -> Result<usize> {
        let mut pending = self.0.lock();
        if pending.reader_gone || pending.finished {
            return Err(Error::new(
                super::status::CLOSED,
                "the stream takes no more input: it has ended or was finished",
            ));
        }
        let taken =
            data.len().min(pending.capacity_bytes - pending.waiting_bytes.min(pending.capacity_bytes));
        if taken > 0 {
            pending.chunks.push_back(BytesMut::from(&data[..taken]).freeze());
            pending.waiting_bytes += taken;
            let reader = pending.reader.take();
            drop(pending);
            if let Some(reader) = reader {
                reader.wake();
            }
        }
        Ok(taken)
    }

    /// Whether nothing more will be written.
    pub fn is_finished(&self) -> bool {
        self.0.lock().finished
    }

    /// Says that nothing more will be written. Does not wait.
    pub fn finish(&self) {
        let mut pending = self.0.lock();
        pending.finished = true;
        let reader = pending.reader.take();
        drop(pending);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Calls `notify` once there is room again, or the reader is gone; at once if there is now.
    /// One is remembered: the newest.
    pub fn on_room(&self, notify: impl FnOnce() + Send + 'static) {
        let mut pending = self.0.lock();
        if pending.reader_gone || pending.waiting_bytes < pending.capacity_bytes {
            drop(pending);
            notify();
        } else {
            pending.room = Some(Box::new(notify));
        }
    }
}
