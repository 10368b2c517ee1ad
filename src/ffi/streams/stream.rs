//! A stream between the client's function, which produces, and its consumer: a queue, or whoever
//! pulls. Bounded on both sides.

use crate::catalogue::{Operation, StreamFuture, TargetRef};
use crate::client::background::ActivityGuard;
use crate::client::error::Error;
use crate::client::status;
use crate::client::stream::{Channel, Chunk, Ended, InputWriter, Sink};
use crate::ffi::calls::pending_call::Progress;
use crate::ffi::calls::target::{ClientTarget, RegistrationGuard, SandboxTarget};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::events::queue::Queue;
use crate::ffi::events::stream_slot::StreamSlot;
use crate::ffi::runtime::cancel::{Cancel, Cancellable, panicked};
use crate::ffi::runtime::lock::{Condvar, Mutex};
use crate::ffi::runtime::process;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;

/// Unread bytes of a stream without a queue, and unsent ones of any, unless `bufferBytes` says otherwise.
const BUFFER_BYTES: u64 = 1 << 20;
const BUFFER_BYTES_LEAST: u64 = 64 << 10;

pub struct Stream {
    pub handle: u64,
    pub user_data: u64,
    pub queue: Option<Arc<Queue>>,
    pub cancel: Arc<Cancel>,
    pub progress: Progress,
    pub operation: &'static Operation,
    client: Arc<ClientTarget>,
    /// Guarded by the queue's lock being taken first.
    pub slot: Mutex<StreamSlot>,
    pub(in crate::ffi) state: Mutex<State>,
    /// Signalled when a callback of `daytona_stream_each` returns.
    pub(in crate::ffi) idle: Condvar,
    /// Held by the one who reads.
    pub(in crate::ffi) reading: AtomicBool,
}

#[derive(Default)]
pub struct State {
    pub writer: Option<InputWriter>,
    /// Somebody writes: two writes do not interleave.
    pub writing: bool,
    pub opened: bool,
    pub finished: bool,
    pub closed: bool,
    pub end: Option<End>,
    chunks: VecDeque<Chunk>,
    buffered_bytes: usize,
    capacity_bytes: usize,
    delivered_bytes: u64,
    position: u64,
    progress_waiting: bool,
    /// A WRITABLE event is owed or on its way.
    pub writable_owed: bool,
    /// The callback of `daytona_stream_each` held its event back; a resume clears it.
    pub held: bool,
    pub resumed: bool,
    pub each_running: Option<ThreadId>,
    task: Option<Waker>,
    waiters: Vec<Waker>,
}

/// How the stream ended.
#[derive(Clone)]
pub struct End {
    pub status: i32,
    pub json: Vec<u8>,
    /// Where to resume from, as the JSON says it.
    pub position: u64,
    pub made: Option<Arc<SandboxTarget>>,
    pub error: Option<Error>,
}

impl End {
    /// ENDED's event. It takes what the stream made: the handle is given once.
    pub fn event(&mut self, stream: &Arc<Stream>) -> Event {
        let mut event = stream.event(EventKind::Ended, Payload::text(self.json.clone()));
        event.status = self.status;
        event.position = self.position;
        event.made = self.made.take();
        event
    }
}

/// What a chunk counts against the bound: its bytes, and at least the memory that it takes by being there.
/// A source of empty chunks would else fill the memory.
fn weight(data: &Bytes) -> usize {
    data.len().max(size_of::<Chunk>())
}

/// The position that an operation put into its JSON: markers behind the last chunk count, and a stream that
/// began later than at 0 may end without one.
fn told_position(json: &[u8]) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Told {
        position: Option<u64>,
    }
    serde_json::from_slice::<Told>(json).ok()?.position
}

impl Stream {
    pub fn new(
        handle: u64,
        user_data: u64,
        queue: Option<Arc<Queue>>,
        client: Arc<ClientTarget>,
        cancel: Arc<Cancel>,
        operation: &'static Operation,
    ) -> Self {
        let slot = StreamSlot { reserved_slot: queue.is_some(), ..StreamSlot::default() };
        Self {
            handle,
            user_data,
            queue,
            cancel,
            progress: Progress::default(),
            operation,
            client,
            slot: Mutex::new(slot),
            state: Mutex::default(),
            idle: Condvar::new(),
            reading: AtomicBool::new(false),
        }
    }

    /// Fixes the bound of what waits unread or unsent; answers it.
    pub fn bound(&self, buffer_bytes: Option<u64>) -> usize {
        let bound =
            buffer_bytes.unwrap_or(BUFFER_BYTES).clamp(BUFFER_BYTES_LEAST, isize::MAX as u64) as usize;
        self.state.lock().capacity_bytes = bound;
        bound
    }

    /// Runs the stream's function as a task that ends the stream, whatever becomes of it.
    pub fn spawn(self: &Arc<Self>, function: StreamFuture, registration: RegistrationGuard) {
        let ending =
            StreamEndGuard { stream: self.clone(), outcome: None, _activity: ActivityGuard::begin() };
        let (cancel, operation) = (self.cancel.clone(), self.operation);
        tokio::spawn(async move {
            let outcome = Cancellable::new(cancel, function).await;
            drop(registration);
            ending.finish(crate::ffi::calls::call::named_error(operation, outcome));
        });
    }

    fn event(self: &Arc<Self>, kind: EventKind, payload: Payload) -> Event {
        Event::new(Owner::Stream(self.clone()), self.user_data, kind, payload)
    }

    /// Wakes everybody who waits for a change of this stream.
    pub(in crate::ffi) fn changed(state: &mut State) -> Vec<Waker> {
        std::mem::take(&mut state.waiters)
    }

    fn end(self: &Arc<Self>, outcome: Result<Ended, Error>) {
        let mut state = self.state.lock();
        let mut end = match outcome {
            Ok(ended) => End {
                status: status::OK,
                position: told_position(&ended.json).unwrap_or(state.position),
                json: ended.json,
                made: ended.sandbox.map(|sandbox| {
                    Arc::new(SandboxTarget {
                        target: TargetRef::Sandbox(sandbox),
                        client: self.client.clone(),
                    })
                }),
                error: None,
            },
            Err(mut error) => {
                let detail = error.detail_mut();
                detail.bytes.get_or_insert(state.delivered_bytes);
                let position = *detail.position.get_or_insert(state.position);
                End { status: error.status(), json: error.json(), position, made: None, error: Some(error) }
            }
        };
        state.writer = None;
        let ended = self.queue.as_ref().map(|queue| (queue, end.event(self)));
        state.end = Some(end);
        let waiters = Self::changed(&mut state);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
        if let Some((queue, event)) = ended {
            queue.push(event);
        }
    }

    /// Registers for the next change, unless `ready` says that it came.
    pub fn poll_change<T>(
        &self,
        cx: &mut Context<'_>,
        ready: impl FnOnce(&mut State) -> Option<T>,
    ) -> Poll<T> {
        let mut state = self.state.lock();
        match ready(&mut state) {
            Some(value) => Poll::Ready(value),
            None => {
                if !state.waiters.iter().any(|waiter| waiter.will_wake(cx.waker())) {
                    state.waiters.push(cx.waker().clone());
                }
                Poll::Pending
            }
        }
    }

    /// There is room to write again: a WRITABLE event for a queue that was told to wait, and those
    /// who wait for it in `daytona_stream_write`.
    pub fn has_room_again(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let waiters = Self::changed(&mut state);
        let owed = std::mem::take(&mut state.writable_owed) && state.end.is_none() && !state.closed;
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
        if let (true, Some(queue)) = (owed, &self.queue) {
            queue.push(self.event(EventKind::Writable, Payload::None));
        }
    }

    /// Ends the remote side and forgets everything that waits. No event of it comes any more.
    pub fn close(self: &Arc<Self>) {
        if let Some(queue) = &self.queue {
            queue.drop_stream(self);
        }
        let (waiters, task, chunks) = {
            let mut state = self.state.lock();
            state.closed = true;
            state.buffered_bytes = 0;
            (Self::changed(&mut state), state.task.take(), std::mem::take(&mut state.chunks))
        };
        drop(chunks);
        self.cancel.cancel(status::CANCELLED);
        waiters.into_iter().chain(task).for_each(Waker::wake);
        match &self.queue {
            Some(queue) => queue.wait_for_callback(Some(self.handle)),
            None => self.wait_for_each(),
        }
    }

    /// WaitGraph for a callback of `daytona_stream_each` on another thread.
    fn wait_for_each(&self) {
        if crate::ffi::runtime::driver::in_inline_callback() {
            return;
        }
        let me = std::thread::current().id();
        let waits = &process::current().waits;
        let mut state = self.state.lock();
        while let Some(running) = state.each_running
            && running != me
            && waits.begin(self.handle, me, running)
        {
            state = self.idle.wait(state);
            waits.leave(self.handle, me);
        }
    }

    /// Is a callback of `daytona_stream_each` under way?
    pub fn runs_each(&self) -> bool {
        self.state.lock().each_running.is_some()
    }

    /// Offers what a callback held back again.
    pub fn resume(self: &Arc<Self>) {
        if let Some(queue) = &self.queue {
            queue.resume(self);
            return;
        }
        let mut state = self.state.lock();
        state.resumed = true;
        state.held = false;
        let waiters = Self::changed(&mut state);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }
}

impl State {
    pub fn has_unread(&self) -> bool {
        self.chunks.iter().any(|chunk| !chunk.data.is_empty())
    }

    /// Takes the first chunk and whoever waits for the room it leaves.
    pub fn pop(&mut self) -> Option<(Chunk, Option<Waker>)> {
        let chunk = self.chunks.pop_front()?;
        self.buffered_bytes = self.buffered_bytes.saturating_sub(weight(&chunk.data));
        Some((chunk, self.room()))
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
        Some((piece, self.room()))
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

    fn room(&mut self) -> Option<Waker> {
        if self.buffered_bytes < self.capacity_bytes { self.task.take() } else { None }
    }

    /// Is there progress that nobody was told of?
    pub fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress_waiting)
    }
}

/// The sink of every stream: a queue's slot, or the stream's own buffer.
pub struct StreamSink(pub Arc<Stream>);

impl Sink for StreamSink {
    fn opened(&self, json: Vec<u8>) {
        let mut state = self.0.state.lock();
        if std::mem::replace(&mut state.opened, true) {
            return;
        }
        let waiters = Stream::changed(&mut state);
        let owed = std::mem::take(&mut state.writable_owed);
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
        if let Some(queue) = &self.0.queue {
            queue.push(self.0.event(EventKind::Opened, Payload::text(json)));
            if owed {
                queue.push(self.0.event(EventKind::Writable, Payload::None));
            }
        }
    }

    fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(queue) = &self.0.queue {
            return queue.poll_room(&self.0, cx);
        }
        let mut state = self.0.state.lock();
        if state.closed || state.buffered_bytes < state.capacity_bytes {
            return Poll::Ready(());
        }
        state.task = Some(cx.waker().clone());
        Poll::Pending
    }

    fn data(&self, chunk: Chunk) {
        let mut state = self.0.state.lock();
        state.delivered_bytes += chunk.data.len() as u64;
        state.position = chunk.position;
        if state.closed {
            return;
        }
        match &self.0.queue {
            Some(queue) => {
                drop(state);
                let mut event = self.0.event(EventKind::Data, Payload::Chunk(chunk.data));
                event.position = chunk.position;
                event.channel = chunk.channel as i32;
                queue.push(event);
            }
            None => {
                state.buffered_bytes += weight(&chunk.data);
                state.chunks.push_back(chunk);
                let waiters = Stream::changed(&mut state);
                drop(state);
                waiters.into_iter().for_each(Waker::wake);
            }
        }
    }

    fn progress(&self, moved: u64, total: Option<u64>) {
        let first = self.0.progress.note(moved, total);
        match &self.0.queue {
            Some(queue) if first => queue.push(self.0.event(EventKind::Progress, Payload::None)),
            Some(_) => {}
            None => {
                let mut state = self.0.state.lock();
                state.progress_waiting = true;
                let waiters = Stream::changed(&mut state);
                drop(state);
                waiters.into_iter().for_each(Waker::wake);
            }
        }
    }
}

/// Ends the stream, whatever becomes of the task that holds it.
struct StreamEndGuard {
    stream: Arc<Stream>,
    outcome: Option<Result<Ended, Error>>,
    _activity: ActivityGuard,
}

impl StreamEndGuard {
    fn finish(mut self, outcome: Result<Ended, Error>) {
        self.outcome = Some(outcome);
    }
}

impl Drop for StreamEndGuard {
    fn drop(&mut self) {
        let outcome = self.outcome.take().unwrap_or_else(|| Err(panicked("the stream's task was dropped")));
        self.stream.end(outcome);
    }
}

/// One reader at a time.
pub struct Reading<'a>(&'a AtomicBool);

impl<'a> Reading<'a> {
    pub fn begin(stream: &'a Stream) -> Result<Self, Error> {
        if stream.queue.is_some() {
            return Err(Error::new(status::BUSY, "this stream's events go to its queue"));
        }
        if stream.reading.swap(true, Ordering::Acquire) {
            return Err(Error::new(status::BUSY, "another thread reads this stream"));
        }
        Ok(Self(&stream.reading))
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Streams whose end a queue's close brings.
pub fn of_queue(queue: &Arc<Queue>) -> Vec<Arc<Stream>> {
    let mut streams = process::current().streams.all();
    streams.retain(|stream| stream.queue.as_ref().is_some_and(|it| Arc::ptr_eq(it, queue)));
    streams
}
