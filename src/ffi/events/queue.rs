//! The one primitive for everything asynchronous: a queue of events, drained in batches or by a
//! callback.
//!
//! DONE, OPENED and ENDED have a place reserved when their call or stream begins. Only DATA is
//! bounded: a stream may add a chunk while the queue is below its capacity, and always one of its own,
//! so that one stream's backlog never stops another. Lock order: queue, then a stream's slot, then
//! the runtime's ownership.

use crate::catalogue::QueueOptions;
use crate::client::background::ActivityGuard;
use crate::client::error::{Error, Result};
use crate::client::lock::{Condvar, Mutex};
use crate::client::status;
use crate::ffi::events::callback::{Callback, Running};
use crate::ffi::events::delivered::{Delivered, this_consumer};
use crate::ffi::events::event::{Event, EventKind, Owner, daytona_event_t};
use crate::ffi::runtime::handle::slot_of;
use crate::ffi::runtime::platform::Signal;
use crate::ffi::runtime::process::Process;
use crate::ffi::runtime::wait::{deadline, no_runtime};
use crate::ffi::streams::stream::Stream;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

/// LOG events are the one thing that may be dropped; this many wait.
const LOGS: usize = 1024;

pub struct Queue {
    pub handle: u64,
    pub process: &'static Process,
    pub(in crate::ffi) options: QueueOptions,
    pub(in crate::ffi) callback: Option<Callback>,
    pub(in crate::ffi) state: Mutex<State>,
    /// Signalled when a callback returns.
    pub(in crate::ffi) idle: Condvar,
    /// What was delivered last and is still valid.
    pub(in crate::ffi) delivered: Mutex<Delivered>,
    consuming: AtomicBool,
    /// The consumer waits in `queue_next`, where it drives; nobody waits for the descriptor.
    driven: AtomicBool,
}

#[derive(Default)]
pub struct State {
    pub(in crate::ffi) events: VecDeque<Event>,
    pub(in crate::ffi) data_events: usize,
    pub(in crate::ffi) data_bytes: usize,
    /// Slots reserved for calls and streams.
    reserved_slots: usize,
    logs: usize,
    logs_dropped: u64,
    consumer: Option<Waker>,
    pub(in crate::ffi) waiting_for_room: Vec<Arc<Stream>>,
    signal: Option<Signal>,
    woken: bool,
    pub(in crate::ffi) closed: bool,
    /// The library was shut down: what is left can be read, nothing more will come.
    shut: bool,
    pub(in crate::ffi) running: Option<Running>,
    /// Threads that wait for the callback to return.
    pub(in crate::ffi) closers: usize,
    pub(in crate::ffi) scheduled: bool,
    /// Inline events count as background work, so that a thread drives.
    work: Option<ActivityGuard>,
}

impl Queue {
    pub fn new(
        process: &'static Process,
        handle: u64,
        options: QueueOptions,
        callback: Option<Callback>,
    ) -> Self {
        Self {
            handle,
            process,
            options,
            callback,
            state: Mutex::default(),
            idle: Condvar::new(),
            delivered: Mutex::default(),
            consuming: AtomicBool::new(false),
            driven: AtomicBool::new(false),
        }
    }

    /// Where `daytona_event_take` finds this queue's delivered data again.
    pub(in crate::ffi) fn payload_key(&self) -> i32 {
        slot_of(self.handle) as i32 + 1
    }

    /// Is a thread about to wait in `queue_next`, as it did before?
    pub fn is_driven(&self) -> bool {
        self.callback.is_none() && self.driven.load(Ordering::Relaxed)
    }

    pub fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub fn is_inline(&self) -> bool {
        self.options.inline
    }

    /// Reserves the slot of a call's DONE, or of a stream's OPENED and ENDED.
    pub fn reserve(&self) -> Result<ReservedSlot<'_>> {
        let mut state = self.state.lock();
        if state.closed || state.shut {
            return Err(closed());
        }
        if state.reserved_slots >= self.options.capacity_calls {
            let capacity = self.options.capacity_calls;
            let message = format!(
                "{capacity} calls and streams of this queue are under way; wait for some, or raise `capacityCalls`"
            );
            return Err(Error::new(status::QUEUE_FULL, message));
        }
        state.reserved_slots += 1;
        Ok(ReservedSlot(Some(self)))
    }

    /// Reserves the place of a log line and says how many were dropped before it; `None` drops it.
    pub fn reserve_log(&self) -> Option<u64> {
        let mut state = self.state.lock();
        if state.closed {
            return None;
        }
        if state.logs >= LOGS {
            state.logs_dropped += 1;
            return None;
        }
        state.logs += 1;
        Some(std::mem::take(&mut state.logs_dropped))
    }

    /// Adds an event; one that nobody wants any more is dropped.
    pub fn push(self: &Arc<Self>, event: Event) {
        let consumer = {
            let mut state = self.state.lock();
            if state.closed || !event.is_wanted() {
                return;
            }
            if let (Owner::Stream(stream), EventKind::Data) = (&event.owner, event.kind) {
                stream.slot.lock().queued += 1;
                state.data_events += 1;
                state.data_bytes += event.payload.bytes().len();
            }
            state.events.push_back(event);
            self.announce(&mut state)
        };
        if let Some(consumer) = consumer {
            consumer.wake();
        }
    }

    /// Tells the consumer, in its own way, that something is waiting.
    pub(in crate::ffi) fn announce(self: &Arc<Self>, state: &mut State) -> Option<Waker> {
        if let Some(signal) = &mut state.signal {
            signal.raise();
        }
        if self.options.inline && !state.scheduled {
            state.scheduled = true;
            state.work.get_or_insert_with(ActivityGuard::begin);
            self.process.driver.run_inline_soon(self.clone());
        }
        state.consumer.take()
    }

    /// The next event that somebody still wants.
    pub(in crate::ffi) fn pop(&self, state: &mut State) -> Option<Event> {
        while let Some(mut event) = state.events.pop_front() {
            if let Owner::Stream(stream) = event.owner.clone() {
                let mut slot = stream.slot.lock();
                if slot.is_held() && !slot.closed {
                    slot.deferred.push_back(event);
                    continue;
                }
            }
            state.account(&event);
            let wanted = match (event.owner.clone(), event.kind) {
                (Owner::Call(call), EventKind::Done) => {
                    let first = call.deliver();
                    if first {
                        state.release_slot();
                    }
                    first
                }
                (Owner::Call(call), EventKind::Progress) => {
                    call.progress.fill(&mut event);
                    call.is_wanted()
                }
                (Owner::Stream(stream), kind) => {
                    let mut slot = stream.slot.lock();
                    if kind == EventKind::Ended && std::mem::take(&mut slot.reserved_slot) {
                        state.release_slot();
                    }
                    !slot.closed
                }
                _ => true,
            };
            if wanted {
                event.register_result(&self.process.sandboxes);
                return Some(event);
            }
        }
        None
    }

    /// A call of this queue was closed: its place is free, and an event of it that waits is none.
    pub fn drop_call(&self) {
        let mut state = self.state.lock();
        state.release_slot();
        let mut unwanted = Vec::new();
        while state.events.front().is_some_and(|event| !event.is_wanted()) {
            unwanted.extend(state.events.pop_front());
        }
        let wakers = if unwanted.is_empty() { Vec::new() } else { self.after_removal(&mut state) };
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// After events were taken: wakes streams that wait for room, and sets the descriptor right.
    pub(in crate::ffi) fn after_removal(&self, state: &mut State) -> Vec<Waker> {
        let waiting = !state.events.is_empty() || state.woken || Self::is_over(state);
        if let Some(signal) = &mut state.signal {
            signal.clear();
            if waiting {
                signal.raise();
            }
        }
        if state.events.is_empty() {
            state.work = None;
        }
        if state.waiting_for_room.is_empty() { Vec::new() } else { self.streams_with_room(state) }
    }

    /// `daytona_queue_next`, behind its checks.
    pub fn next(
        &self,
        events: &mut [std::mem::MaybeUninit<daytona_event_t>],
        timeout_ms: i64,
    ) -> Result<usize> {
        if self.callback.is_some() {
            return Err(Error::new(status::BUSY, "this queue's events go to its callback"));
        }
        if self.consuming.swap(true, Ordering::Acquire) {
            return Err(Error::new(status::BUSY, "another thread takes events from this queue"));
        }
        let _turn = Consuming(&self.consuming);
        let me = this_consumer();
        self.process.delivered_payloads.forget(&me);
        {
            let mut delivered = self.delivered.lock();
            delivered.clear();
            delivered.consumer = me;
        }
        let deadline = deadline(timeout_ms);
        loop {
            let mut state = self.state.lock();
            if state.closed {
                return Err(Error::new(status::CLOSED, "the queue was closed"));
            }
            let mut count = 0;
            let woken = std::mem::take(&mut state.woken);
            if !woken {
                let mut delivered = self.delivered.lock();
                for place in events.iter_mut() {
                    let Some(event) = self.pop(&mut state) else { break };
                    place.write(event.view(self.payload_key()));
                    delivered.payloads.push(event.payload);
                    count += 1;
                }
            }
            let wakers = self.after_removal(&mut state);
            let over = Self::is_over(&state);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            if count > 0 || woken {
                return Ok(count);
            }
            if over {
                return Err(Error::new(status::CLOSED, "the library was shut down, and the queue is empty"));
            }
            if timeout_ms == 0 {
                return Err(Error::new(status::TIMEOUT, "nothing is waiting"));
            }
            self.driven.store(true, Ordering::Relaxed);
            let ready = poll_fn(|cx| self.poll_ready(cx));
            match self.process.driver.run(ready, deadline).map_err(no_runtime)? {
                Some(()) => {}
                None => return Err(Error::new(status::TIMEOUT, "nothing came in time")),
            }
        }
    }

    /// Wakes the thread of a callback queue, for it to look whether it has to drive.
    pub fn wake_callback_thread(&self) {
        if self.callback.is_some() {
            let consumer = self.state.lock().consumer.take();
            consumer.into_iter().for_each(Waker::wake);
        }
    }

    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if !state.events.is_empty() || state.woken || Self::is_over(&state) {
            return Poll::Ready(());
        }
        state.consumer = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Makes the waiting `queue_next`, or else the next one, return.
    pub fn wake(self: &Arc<Self>) {
        let consumer = {
            let mut state = self.state.lock();
            state.woken = true;
            if let Some(signal) = &mut state.signal {
                signal.raise();
            }
            state.consumer.take()
        };
        if let Some(consumer) = consumer {
            consumer.wake();
        }
    }

    /// A duplicate of the descriptor that is readable exactly when something is waiting.
    pub fn descriptor(&self) -> Result<i64> {
        if self.callback.is_some() {
            return Err(Error::invalid("a callback queue has no descriptor: its events go to the callback"));
        }
        self.driven.store(false, Ordering::Relaxed);
        let mut state = self.state.lock();
        if state.closed {
            return Err(closed());
        }
        let waiting = !state.events.is_empty() || state.woken || state.shut;
        let signal = match &mut state.signal {
            Some(signal) => signal,
            none => none.insert(Signal::new().map_err(no_descriptor)?),
        };
        if waiting {
            signal.raise();
        }
        signal.duplicate().map_err(no_descriptor)
    }

    /// The first step of the close: nothing is taken or added from now on.
    pub fn stop_accepting(&self) {
        let (events, signal, wakers) = {
            let mut state = self.state.lock();
            state.closed = true;
            state.work = None;
            let mut wakers: Vec<Waker> = state.consumer.take().into_iter().collect();
            for stream in state.waiting_for_room.drain(..) {
                wakers.extend(stream.slot.lock().task.take());
            }
            (std::mem::take(&mut state.events), state.signal.take(), wakers)
        };
        drop((events, signal));
        wakers.into_iter().for_each(Waker::wake);
    }

    /// The last step: waits for a callback that runs on another thread, and leaves the last batch to
    /// its consumer, or to the callback that closes its own queue.
    pub fn close(&self) {
        self.wait_for_callback(None);
        let delivered_payloads = &self.process.delivered_payloads;
        if self.callback.is_none() {
            delivered_payloads.release_unused(self);
        } else if self.state.lock().running.is_none() {
            delivered_payloads.release(self);
        }
    }

    /// Nothing more will come; what is here can be read.
    pub fn shut(&self) {
        let consumer = {
            let mut state = self.state.lock();
            state.shut = true;
            if let Some(signal) = &mut state.signal {
                signal.raise();
            }
            state.consumer.take()
        };
        if let Some(consumer) = consumer {
            consumer.wake();
        }
    }

    /// Will nothing more come of it? Then CLOSED is what waits.
    pub(in crate::ffi) fn is_over(state: &State) -> bool {
        state.closed || (state.shut && state.events.is_empty() && state.reserved_slots == 0)
    }

    pub(in crate::ffi) fn set_consumer(state: &mut State, waker: Waker) {
        state.consumer = Some(waker);
    }

    /// Is every event delivered and no callback under way?
    pub fn is_drained(&self) -> bool {
        let state = self.state.lock();
        state.running.is_none() && (self.callback.is_none() || state.events.is_empty() || state.closed)
    }
}

impl State {
    pub(in crate::ffi) fn release_slot(&mut self) {
        self.reserved_slots = self.reserved_slots.saturating_sub(1);
        // Who waits in a queue that was shut waits for the last of what is under way.
        if self.shut && self.reserved_slots == 0 {
            self.signal.iter_mut().for_each(Signal::raise);
            self.consumer.take().into_iter().for_each(Waker::wake);
        }
    }

    /// An event leaves the queue.
    pub(in crate::ffi) fn account(&mut self, event: &Event) {
        match (&event.owner, event.kind) {
            (Owner::Stream(stream), EventKind::Data) => {
                self.data_events = self.data_events.saturating_sub(1);
                self.data_bytes = self.data_bytes.saturating_sub(event.payload.bytes().len());
                let mut slot = stream.slot.lock();
                slot.queued = slot.queued.saturating_sub(1);
            }
            (_, EventKind::Log) => self.logs = self.logs.saturating_sub(1),
            _ => {}
        }
    }
}

/// A reserved slot, released unless what it was reserved for takes it over.
pub struct ReservedSlot<'a>(Option<&'a Queue>);

impl ReservedSlot<'_> {
    pub fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for ReservedSlot<'_> {
    fn drop(&mut self) {
        if let Some(queue) = self.0 {
            queue.state.lock().release_slot();
        }
    }
}

/// The consumer's turn, given up on every way out.
struct Consuming<'a>(&'a AtomicBool);

impl Drop for Consuming<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

pub fn closed() -> Error {
    Error::new(status::CLOSED, "the queue is closed; open another")
}

fn no_descriptor(error: std::io::Error) -> Error {
    Error::new(status::IO, format!("no pipe for the queue: {error}"))
}
