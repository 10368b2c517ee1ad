//! A stream between the client's function, which produces, and its consumer: a queue, or a thread that
//! pulls. Bounded on both sides.

use super::state::{Each, End, Phase, State};
use crate::catalogue::{StreamFuture, TargetRef};
use crate::client::background::ActivityGuard;
use crate::client::error::{Error, Result};
use crate::client::lock::{Condvar, Mutex};
use crate::client::operation::BUFFER_BYTES;
use crate::client::status;
use crate::client::stream::{Chunk, Ended, Sink};
use crate::ffi::calls::origin::Origin;
use crate::ffi::calls::target::{ClientTarget, RegistrationGuard, SandboxTarget};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::events::queue::Queue;
use crate::ffi::events::stream_slot::StreamSlot;
use crate::ffi::runtime::cancel::{Cancel, Cancellable};
use crate::ffi::runtime::process::Process;
use crate::ffi::runtime::wait::{in_inline_callback, no_runtime};
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Instant;

/// The least bound of a stream's unread and unsent bytes.
const BUFFER_BYTES_LEAST: u64 = 64 << 10;

pub struct Stream {
    pub handle: u64,
    pub user_data: u64,
    pub process: &'static Process,
    pub queue: Option<Arc<Queue>>,
    pub cancel: Arc<Cancel>,
    pub origin: Origin,
    client: Arc<ClientTarget>,
    /// Guarded by the queue's lock being taken first.
    pub slot: Mutex<StreamSlot>,
    pub state: Mutex<State>,
    /// Signalled when a callback of `daytona_stream_each` returns.
    pub callback_returned: Condvar,
    /// Held by the thread that reads.
    reading: AtomicBool,
}

impl Stream {
    pub fn new(
        process: &'static Process,
        handle: u64,
        user_data: u64,
        queue: Option<Arc<Queue>>,
        client: Arc<ClientTarget>,
        origin: Origin,
    ) -> Self {
        let slot = StreamSlot::new(queue.is_some());
        Self {
            handle,
            user_data,
            process,
            queue,
            cancel: Arc::default(),
            origin,
            client,
            slot: Mutex::new(slot),
            state: Mutex::default(),
            callback_returned: Condvar::new(),
            reading: AtomicBool::new(false),
        }
    }

    /// Sets the bound of what waits unread or unsent, and answers it.
    pub fn bound(&self, buffer_bytes: Option<u64>) -> usize {
        let bound =
            buffer_bytes.unwrap_or(BUFFER_BYTES).clamp(BUFFER_BYTES_LEAST, isize::MAX as u64) as usize;
        self.state.lock().capacity_bytes = bound;
        bound
    }

    /// Runs the stream's function as a task whose end is the stream's, however it ends.
    pub fn spawn(self: &Arc<Self>, function: StreamFuture, registration: RegistrationGuard) {
        let end = StreamEndGuard { stream: self.clone(), outcome: None, _activity: ActivityGuard::begin() };
        let cancel = self.cancel.clone();
        tokio::spawn(async move {
            let outcome = Cancellable::new(cancel, function).await;
            drop(registration);
            end.finish(outcome);
        });
    }

    pub(super) fn event(self: &Arc<Self>, kind: EventKind, payload: Payload) -> Event {
        Event::new(Owner::Stream(self.clone()), self.user_data, kind, payload)
    }

    /// Whether its events go to that queue.
    pub fn reports_to(&self, queue: &Arc<Queue>) -> bool {
        self.queue.as_ref().is_some_and(|it| Arc::ptr_eq(it, queue))
    }

    fn end(self: &Arc<Self>, outcome: Result<Ended>) {
        let outcome = self.origin.complete(outcome);
        let mut state = self.state.lock();
        let mut end = match outcome {
            Ok(ended) => End {
                status: status::OK,
                position: ended.position.unwrap_or(state.position),
                json: ended.json,
                new_sandbox: ended.sandbox.map(|sandbox| {
                    let target = TargetRef::Sandbox(sandbox);
                    Arc::new(SandboxTarget { target, client: self.client.clone() })
                }),
                error: None,
            },
            Err(mut error) => {
                let detail = error.detail_mut();
                detail.bytes.get_or_insert(state.delivered_bytes);
                let position = *detail.position.get_or_insert(state.position);
                let (status, json) = (error.status(), error.json());
                End { status, json, position, new_sandbox: None, error: Some(error) }
            }
        };
        state.writer = None;
        let ended = self.queue.as_ref().map(|queue| (queue, end.event(self)));
        if !state.is_closed() {
            state.phase = Phase::Ended(end);
        }
        let waiters = state.changed();
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
        if let Some((queue, event)) = ended {
            queue.push(event);
        }
    }

    /// Registers for the next change, unless `ready` says that it came.
    fn poll_change<T>(&self, cx: &mut Context<'_>, ready: impl FnOnce(&mut State) -> Option<T>) -> Poll<T> {
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

    /// Waits for a change of the stream, driving; TIMEOUT at the deadline.
    pub fn wait<T>(
        &self,
        until: Option<Instant>,
        mut ready: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T> {
        let change = poll_fn(|cx| self.poll_change(cx, &mut ready));
        let waited = self.process.driver.run(change, until).map_err(no_runtime)?;
        waited.ok_or_else(|| Error::new(status::TIMEOUT, "nothing happened in time"))
    }

    /// There is room to write again: a WRITABLE event for a queue that was told to wait, and a wake for
    /// the threads that wait in `daytona_stream_write`.
    pub fn has_room_again(self: &Arc<Self>) {
        let mut state = self.state.lock();
        let waiters = state.changed();
        let owed = std::mem::take(&mut state.writable_owed) && state.is_open();
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
        if let (true, Some(queue)) = (owed, &self.queue) {
            queue.push(self.event(EventKind::Writable, Payload::None));
        }
    }

    /// Ends the remote side and forgets everything that waits. No event of it begins any more.
    pub fn stop(self: &Arc<Self>) {
        // Before the queue lets go of it, which makes room: a write that waits for some would find it.
        let (waiters, function, chunks) = {
            let mut state = self.state.lock();
            let chunks = state.close();
            (state.changed(), state.function.take(), chunks)
        };
        drop(chunks);
        self.cancel.cancel(status::CANCELLED);
        if let Some(queue) = &self.queue {
            queue.drop_stream(self);
        }
        waiters.into_iter().chain(function).for_each(Waker::wake);
    }

    /// Waits for a callback with an event of it that runs on another thread.
    pub fn wait_for_callback(&self) {
        match &self.queue {
            Some(queue) => queue.wait_for_callback(Some(self.handle)),
            None => self.wait_for_each(),
        }
    }

    /// Waits for a callback of `daytona_stream_each` on another thread.
    fn wait_for_each(&self) {
        if in_inline_callback() {
            return;
        }
        let me = thread::current().id();
        let waits = &self.process.waits;
        let mut state = self.state.lock();
        while let Each::Running { thread, .. } = state.each
            && thread != me
            && waits.begin(self.handle, me, thread)
        {
            state = self.callback_returned.wait(state);
            waits.leave(self.handle, me);
        }
    }

    /// Whether a callback of `daytona_stream_each` runs.
    pub fn runs_each(&self) -> bool {
        matches!(self.state.lock().each, Each::Running { .. })
    }

    /// Offers what a callback held back again.
    pub fn resume(self: &Arc<Self>) {
        if let Some(queue) = &self.queue {
            queue.resume(self);
            return;
        }
        let mut state = self.state.lock();
        match &mut state.each {
            Each::Idle => {}
            Each::Running { resumed, .. } => *resumed = true,
            Each::Held => state.each = Each::Idle,
        }
        let waiters = state.changed();
        drop(state);
        waiters.into_iter().for_each(Waker::wake);
    }
}

/// The sink of every stream: its queue, or its own buffer.
pub struct StreamSink(pub Arc<Stream>);

impl Sink for StreamSink {
    fn opened(&self, json: Vec<u8>) {
        let mut state = self.0.state.lock();
        if !matches!(state.phase, Phase::Connecting) {
            return;
        }
        state.phase = Phase::Open;
        let waiters = state.changed();
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
        if state.is_closed() || state.has_room() {
            return Poll::Ready(());
        }
        state.function = Some(cx.waker().clone());
        Poll::Pending
    }

    fn data(&self, chunk: Chunk) {
        let mut state = self.0.state.lock();
        state.delivered_bytes += chunk.data.len() as u64;
        state.position = chunk.position;
        if state.is_closed() {
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
                state.push(chunk);
                let waiters = state.changed();
                drop(state);
                waiters.into_iter().for_each(Waker::wake);
            }
        }
    }
}

/// Ends the stream when it is dropped, with a PANIC if its task did not finish.
struct StreamEndGuard {
    stream: Arc<Stream>,
    outcome: Option<Result<Ended>>,
    _activity: ActivityGuard,
}

impl StreamEndGuard {
    fn finish(mut self, outcome: Result<Ended>) {
        self.outcome = Some(outcome);
    }
}

impl Drop for StreamEndGuard {
    fn drop(&mut self) {
        let outcome =
            self.outcome.take().unwrap_or_else(|| Err(Error::panicked("the stream's task was dropped")));
        self.stream.end(outcome);
    }
}

/// The turn of the thread that reads.
pub struct Reading<'a>(&'a AtomicBool);

impl<'a> Reading<'a> {
    pub fn begin(stream: &'a Stream) -> Result<Self> {
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

pub fn closed() -> Error {
    Error::new(status::CLOSED, "the stream was closed")
}
