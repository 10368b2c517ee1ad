//! The state of a stream: its phase, and of one without a queue what waits unread.

use crate::client::error::Error;
use crate::client::stream::{Channel, Chunk, InputWriter, weight};
use crate::ffi::calls::target::SandboxTarget;
use crate::ffi::events::event::{Event, EventKind, Payload};
use crate::ffi::streams::stream::Stream;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::thread::ThreadId;

#[derive(Default)]
pub struct State {
    pub phase: Phase,
    /// What is read and what is written, until it is closed.
    pub writer: Option<InputWriter>,
    /// A thread writes: two writes do not interleave.
    pub writing: bool,
    /// A WRITABLE event has to follow.
    pub writable_owed: bool,
    /// What `daytona_stream_each` does.
    pub each: Each,
    chunks: VecDeque<Chunk>,
    buffered_bytes: usize,
    pub(super) capacity_bytes: usize,
    pub(super) delivered_bytes: u64,
    pub(super) position: u64,
    /// The stream's function, waiting for room.
    pub(super) function: Option<Waker>,
    pub(super) waiters: Vec<Waker>,
}

#[derive(Default)]
pub enum Phase {
    /// Until OPENED: a write finds no room.
    #[default]
    Connecting,
    Open,
    Ended(End),
    /// Its handle is closed: nothing of it is delivered any more.
    Closed,
}

/// What `daytona_stream_each` does with a stream.
#[derive(Default, PartialEq, Eq)]
pub enum Each {
    /// Waits for an event, or is not there.
    #[default]
    Idle,
    /// Its callback runs on that thread; `resumed`: a resume came meanwhile.
    Running { thread: ThreadId, resumed: bool },
    /// Its callback held DATA back, until a resume.
    Held,
}

/// How a stream ended.
#[derive(Clone)]
pub struct End {
    pub status: i32,
    pub json: Vec<u8>,
    /// Where to resume from, as the JSON says it.
    pub position: u64,
    pub new_sandbox: Option<Arc<SandboxTarget>>,
    pub error: Option<Error>,
}

impl End {
    /// ENDED's event. It takes the sandbox that the stream made: the handle is given once.
    pub fn event(&mut self, stream: &Arc<Stream>) -> Event {
        let mut event = stream.event(EventKind::Ended, Payload::text(self.json.clone()));
        event.status = self.status;
        event.position = self.position;
        event.new_sandbox = self.new_sandbox.take();
        event
    }
}

impl State {
    pub fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    /// Its end, once it has come.
    pub fn end(&mut self) -> Option<&mut End> {
        match &mut self.phase {
            Phase::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// The writer, once the stream is open.
    pub fn open_writer(&self) -> Option<InputWriter> {
        if self.is_open() { self.writer.clone() } else { None }
    }

    pub fn has_unread(&self) -> bool {
        self.chunks.iter().any(|chunk| !chunk.data.is_empty())
    }

    pub(super) fn has_room(&self) -> bool {
        self.buffered_bytes < self.capacity_bytes
    }

    pub(super) fn push(&mut self, chunk: Chunk) {
        self.buffered_bytes += weight(&chunk.data);
        self.chunks.push_back(chunk);
    }

    /// Takes the first chunk, and the function that waits for the room it leaves.
    pub fn pop(&mut self) -> Option<(Chunk, Option<Waker>)> {
        let chunk = self.chunks.pop_front()?;
        self.buffered_bytes = self.buffered_bytes.saturating_sub(weight(&chunk.data));
        Some((chunk, self.waiting_for_room()))
    }

    /// Takes up to `most` bytes of the first chunk that has any; the rest stays.
    pub fn pop_bytes(&mut self, most: usize) -> Option<(Chunk, Option<Waker>)> {
        while self.chunks.front().is_some_and(|chunk| chunk.data.is_empty()) {
            self.chunks.pop_front();
            self.buffered_bytes = self.buffered_bytes.saturating_sub(weight(&Bytes::new()));
        }
        let front = self.chunks.front_mut()?;
        if front.data.len() <= most {
            return self.pop();
        }
        let before = weight(&front.data);
        let piece =
            Chunk { channel: front.channel, data: front.data.split_to(most), position: front.position };
        self.buffered_bytes = (self.buffered_bytes + weight(&front.data)).saturating_sub(before);
        Some((piece, self.waiting_for_room()))
    }

    /// Puts the data of an event back that its callback did not take.
    pub fn push_front(&mut self, data: Bytes, channel: i32, position: u64) {
        let channel = match channel {
            1 => Channel::Stdout,
            2 => Channel::Stderr,
            3 => Channel::Structured,
            _ => Channel::None,
        };
        self.buffered_bytes += weight(&data);
        self.chunks.push_front(Chunk { channel, data, position });
    }

    fn waiting_for_room(&mut self) -> Option<Waker> {
        if self.has_room() { self.function.take() } else { None }
    }

    /// Closes it; what was unread is the caller's to drop, outside of the lock.
    pub(super) fn close(&mut self) -> VecDeque<Chunk> {
        self.phase = Phase::Closed;
        self.writer = None;
        self.buffered_bytes = 0;
        std::mem::take(&mut self.chunks)
    }

    /// The wakers of all threads that wait for a change.
    pub fn changed(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.waiters)
    }
}
