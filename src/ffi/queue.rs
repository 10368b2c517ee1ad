//! The one primitive for everything asynchronous: a queue of events, drained in batches or by a
//! callback.
//!
//! DONE, OPENED and ENDED have a place reserved when their call or stream begins. Only DATA is
//! bounded: a stream may add a chunk while the queue is below its capacity, and always one of its own,
//! so that one stream's backlog never stops another. Lock order: queue, then a stream's lane, then
//! the driver's seat.

use super::callback::{Callback, Running};
use super::event::{Event, Kind, Owner, Payload, daytona_event_t};
use super::handle::slot_of;
use super::platform::Signal;
use super::process;
use super::stream::Stream;
use crate::client::background::Work;
use crate::client::error::{Error, Result};
use crate::client::status;
use parking_lot::{Condvar, Mutex};
use serde::Deserialize;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;

/// The options of a queue, all with defaults.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Options {
    /// DATA events that may wait.
    capacity_events: usize,
    /// Bytes of DATA that may wait.
    capacity_bytes: usize,
    /// Calls and streams that may be under way.
    capacity_calls: usize,
    /// Callback queues: the callback runs on whichever thread drives.
    pub(super) inline: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { capacity_events: 8192, capacity_bytes: 4 << 20, capacity_calls: 65_536, inline: false }
    }
}

impl Options {
    pub fn parse(json: Option<&str>) -> Result<Self> {
        let options: Self = super::call::parse_options("queue_open", json)?;
        for (value, name) in [
            (options.capacity_events, "capacityEvents"),
            (options.capacity_bytes, "capacityBytes"),
            (options.capacity_calls, "capacityCalls"),
        ] {
            if value == 0 {
                return Err(Error::invalid(format!("queue_open: `{name}` is 0; it has to be at least 1")));
            }
        }
        Ok(options)
    }
}

/// LOG events are the one thing that may be dropped; this many wait.
const LOGS: usize = 1024;

pub struct Queue {
    pub handle: u64,
    options: Options,
    pub(super) callback: Option<Callback>,
    pub(super) state: Mutex<State>,
    /// Signalled when a callback returns.
    pub(super) idle: Condvar,
    /// What was delivered last and is still valid.
    pub(super) delivered: Mutex<Delivered>,
    consuming: AtomicBool,
    /// The consumer waits in `queue_next`, where it drives; nobody waits for the descriptor.
    driven: AtomicBool,
}

#[derive(Default)]
pub struct State {
    events: VecDeque<Event>,
    data_events: usize,
    data_bytes: usize,
    /// Reserved places of calls and streams.
    places: usize,
    logs: usize,
    logs_dropped: u64,
    consumer: Option<Waker>,
    waiting_for_room: Vec<Arc<Stream>>,
    signal: Option<Signal>,
    woken: bool,
    pub(super) closed: bool,
    /// The library was shut down: what is left can be read, nothing more will come.
    shut: bool,
    pub(super) running: Option<Running>,
    pub(super) scheduled: bool,
    /// Inline events are work for whoever drives.
    work: Option<Work>,
}

/// A batch whose memory its consumer may still look at.
#[derive(Default)]
pub struct Delivered {
    pub payloads: Vec<Payload>,
    consumer: Option<ThreadId>,
}

/// Batches of closed queues, until their consumer asks any queue for more.
static ORPHANS: Mutex<Vec<(u32, Delivered)>> = Mutex::new(Vec::new());

impl Queue {
    pub fn new(handle: u64, options: Options, callback: Option<Callback>) -> Self {
        Self {
            handle,
            options,
            callback,
            state: Mutex::default(),
            idle: Condvar::new(),
            delivered: Mutex::default(),
            consuming: AtomicBool::new(false),
            driven: AtomicBool::new(false),
        }
    }

    /// Where [`Queue::take`] finds this queue's delivered data again.
    pub(super) fn mark(&self) -> i32 {
        slot_of(self.handle) as i32 + 1
    }

    /// Is a thread about to wait in `queue_next`, as it did before?
    pub fn is_driven(&self) -> bool {
        self.callback.is_none() && self.driven.load(Ordering::Relaxed)
    }

    /// Reserves the place of a call's DONE, or of a stream's OPENED and ENDED.
    pub fn reserve(&self) -> Result<()> {
        let mut state = self.state.lock();
        if state.closed || state.shut {
            return Err(Error::new(status::CLOSED, "the queue is closed; open another"));
        }
        if state.places >= self.options.capacity_calls {
            let capacity = self.options.capacity_calls;
            let message = format!(
                "{capacity} calls and streams of this queue are under way; wait for some, or raise `capacityCalls`"
            );
            return Err(Error::new(status::QUEUE_FULL, message));
        }
        state.places += 1;
        Ok(())
    }

    pub fn free_place(&self) {
        let mut state = self.state.lock();
        state.places = state.places.saturating_sub(1);
    }

    /// Adds an event; on a closed queue it is dropped.
    pub fn push(self: &Arc<Self>, event: Event) {
        let consumer = {
            let mut state = self.state.lock();
            if state.closed {
                return;
            }
            match (event.owner.clone(), event.kind) {
                (Owner::Stream(stream), kind) => {
                    let mut lane = stream.lane.lock();
                    if kind == Kind::Data {
                        state.data_events += 1;
                        state.data_bytes += event.payload.bytes().len();
                        lane.queued += 1;
                    }
                    if lane.held {
                        lane.parked.push_back(event);
                        return;
                    }
                    state.events.push_back(event);
                }
                (_, Kind::Log) if state.logs >= LOGS => {
                    state.logs_dropped += 1;
                    return;
                }
                _ => {
                    state.logs += usize::from(event.kind == Kind::Log);
                    state.events.push_back(event);
                }
            }
            self.announce(&mut state)
        };
        if let Some(consumer) = consumer {
            consumer.wake();
        }
    }

    /// Tells the consumer, in its own way, that something is waiting.
    fn announce(self: &Arc<Self>, state: &mut State) -> Option<Waker> {
        if let Some(signal) = &mut state.signal {
            signal.raise();
        }
        if self.options.inline && !state.scheduled {
            state.scheduled = true;
            state.work.get_or_insert_with(Work::begin);
            process::current().driver.run_inline_soon(self.clone());
        }
        state.consumer.take()
    }

    /// Ready when this stream may add a chunk.
    pub fn poll_room(&self, stream: &Arc<Stream>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let below = state.data_events < self.options.capacity_events
            && state.data_bytes < self.options.capacity_bytes;
        let mut lane = stream.lane.lock();
        if state.closed || (!lane.held && (below || lane.queued == 0)) {
            return Poll::Ready(());
        }
        lane.task = Some(cx.waker().clone());
        if !lane.waiting {
            lane.waiting = true;
            state.waiting_for_room.push(stream.clone());
        }
        Poll::Pending
    }

    /// The next event that somebody still wants, and who waited for the room it leaves.
    pub(super) fn pop(&self, state: &mut State) -> Option<Event> {
        while let Some(mut event) = state.events.pop_front() {
            if event.kind == Kind::Log {
                state.logs = state.logs.saturating_sub(1);
            }
            let owner = event.owner.clone();
            if let Owner::Stream(stream) = &owner {
                let mut lane = stream.lane.lock();
                if lane.closed {
                    drop(lane);
                    self.account(state, &event);
                    continue;
                }
                if lane.held {
                    lane.parked.push_back(event);
                    continue;
                }
            }
            self.account(state, &event);
            let wanted = match (owner, event.kind) {
                (Owner::Call(call), Kind::Done) => {
                    let first = call.deliver();
                    if first {
                        state.places = state.places.saturating_sub(1);
                    }
                    first
                }
                (Owner::Call(call), Kind::Progress) => {
                    call.progress.fill(&mut event);
                    call.is_wanted()
                }
                (Owner::Stream(stream), Kind::Ended) => {
                    if std::mem::take(&mut stream.lane.lock().place) {
                        state.places = state.places.saturating_sub(1);
                    }
                    true
                }
                (Owner::Stream(stream), Kind::Progress) => {
                    stream.progress.fill(&mut event);
                    true
                }
                _ => true,
            };
            if wanted {
                event.register_result();
                return Some(event);
            }
        }
        None
    }

    fn account(&self, state: &mut State, event: &Event) {
        let (Owner::Stream(stream), Kind::Data) = (&event.owner, event.kind) else { return };
        state.data_events = state.data_events.saturating_sub(1);
        state.data_bytes = state.data_bytes.saturating_sub(event.payload.bytes().len());
        let mut lane = stream.lane.lock();
        lane.queued = lane.queued.saturating_sub(1);
    }

    /// An event that its callback did not take goes back to the front of its stream.
    pub(super) fn hold(&self, state: &mut State, event: Event) {
        let Owner::Stream(stream) = event.owner.clone() else { return };
        state.data_events += 1;
        state.data_bytes += event.payload.bytes().len();
        let mut lane = stream.lane.lock();
        lane.queued += 1;
        if lane.resumed {
            lane.resumed = false;
            drop(lane);
            state.events.push_front(event);
        } else {
            lane.held = true;
            lane.parked.push_front(event);
        }
    }

    /// Drops what a closed stream had parked.
    pub fn discard(&self, parked: VecDeque<Event>) {
        let mut state = self.state.lock();
        for event in &parked {
            self.account(&mut state, event);
        }
    }

    /// Offers a held stream's events again.
    pub fn resume(self: &Arc<Self>, stream: &Arc<Stream>) {
        let (consumer, task) = {
            let mut state = self.state.lock();
            let mut lane = stream.lane.lock();
            if !lane.held {
                lane.resumed = true;
                return;
            }
            lane.held = false;
            let parked = std::mem::take(&mut lane.parked);
            let task = lane.task.take();
            drop(lane);
            for event in parked.into_iter().rev() {
                state.events.push_front(event);
            }
            (self.announce(&mut state), task)
        };
        for waker in [consumer, task].into_iter().flatten() {
            waker.wake();
        }
    }

    /// The tasks that may go on now that there is room.
    pub(super) fn waiting_for_room(&self, state: &mut State) -> Vec<Waker> {
        let below = state.data_events < self.options.capacity_events
            && state.data_bytes < self.options.capacity_bytes;
        let mut wakers = Vec::new();
        state.waiting_for_room.retain(|stream| {
            let mut lane = stream.lane.lock();
            let room = below || lane.queued == 0 || lane.closed;
            if room {
                lane.waiting = false;
                wakers.extend(lane.task.take());
            }
            !room
        });
        wakers
    }

    /// After events were taken: wakes streams that wait for room, and sets the descriptor right.
    pub(super) fn settle(&self, state: &mut State) -> Vec<Waker> {
        let waiting = !state.events.is_empty() || state.woken;
        if let Some(signal) = &mut state.signal {
            signal.clear();
            if waiting {
                signal.raise();
            }
        }
        if state.events.is_empty() {
            state.work = None;
        }
        if state.waiting_for_room.is_empty() { Vec::new() } else { self.waiting_for_room(state) }
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
            return Err(Error::new(status::BUSY, "another thread is in queue_next of this queue"));
        }
        let _turn = Consuming(&self.consuming);
        forget_orphans();
        self.delivered.lock().payloads.clear();
        let deadline = super::call::deadline(timeout_ms);
        loop {
            let mut state = self.state.lock();
            let mut delivered = self.delivered.lock();
            let mut count = 0;
            for place in events.iter_mut() {
                let Some(event) = self.pop(&mut state) else { break };
                place.write(event.view(self.mark()));
                delivered.payloads.push(event.payload);
                count += 1;
            }
            delivered.consumer = Some(std::thread::current().id());
            drop(delivered);
            let woken = count == 0 && std::mem::take(&mut state.woken);
            let wakers = self.settle(&mut state);
            let (closed, shut) = (state.closed, state.shut);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
            if count > 0 || woken {
                return Ok(count);
            }
            if closed || shut {
                return Err(Error::new(status::CLOSED, "the queue is closed"));
            }
            if timeout_ms == 0 {
                return Err(Error::new(status::TIMEOUT, "nothing is waiting"));
            }
            self.driven.store(true, Ordering::Relaxed);
            let driver = &process::current().driver;
            let ready = poll_fn(|cx| self.poll_ready(cx));
            match driver.run(ready, deadline).map_err(super::call::no_runtime)? {
                Some(()) => {}
                None => return Err(Error::new(status::TIMEOUT, "nothing came in time")),
            }
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        if !state.events.is_empty() || state.woken || state.closed || state.shut {
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
        let waiting = !state.events.is_empty() || state.woken;
        let signal = match &mut state.signal {
            Some(signal) => signal,
            none => none.insert(Signal::new().map_err(no_descriptor)?),
        };
        if waiting {
            signal.raise();
        }
        signal.duplicate().map_err(no_descriptor)
    }

    /// How many LOG lines were dropped since the last one that was not.
    pub fn logs_dropped(&self) -> u64 {
        std::mem::take(&mut self.state.lock().logs_dropped)
    }

    /// Ends the queue; waits for a callback that runs on another thread, unless `inside` one.
    pub fn close(&self) {
        let (events, wakers) = {
            let mut state = self.state.lock();
            state.closed = true;
            state.work = None;
            let mut wakers: Vec<Waker> = state.consumer.take().into_iter().collect();
            for stream in state.waiting_for_room.drain(..) {
                wakers.extend(stream.lane.lock().task.take());
            }
            (std::mem::take(&mut state.events), wakers)
        };
        drop(events);
        wakers.into_iter().for_each(Waker::wake);
        self.wait_for_callback(None);
        let delivered = std::mem::take(&mut *self.delivered.lock());
        if !delivered.payloads.is_empty() && self.callback.is_none() {
            ORPHANS.lock().push((slot_of(self.handle), delivered));
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

    pub(super) fn is_over(state: &State) -> bool {
        state.closed || (state.shut && state.events.is_empty())
    }

    pub(super) fn set_consumer(state: &mut State, waker: Waker) {
        state.consumer = Some(waker);
    }

    pub(super) fn has_events(state: &State) -> bool {
        !state.events.is_empty()
    }

    /// Is every event delivered and no callback under way?
    pub fn is_drained(&self) -> bool {
        let state = self.state.lock();
        state.running.is_none() && (self.callback.is_none() || state.events.is_empty() || state.closed)
    }

    /// Moves delivered data out, if this is where it is.
    pub(super) fn take(mark: i32, data: *const u8, len: u64) -> Option<Payload> {
        let slot = u32::try_from(mark.checked_sub(1)?).ok()?;
        if let Some(queue) = process::current().queues.in_slot(slot)
            && let Some(payload) = queue.delivered.lock().take(data, len)
        {
            return Some(payload);
        }
        let mut orphans = ORPHANS.lock();
        orphans.iter_mut().filter(|(orphan, _)| *orphan == slot).find_map(|(_, batch)| batch.take(data, len))
    }
}

impl Delivered {
    pub fn take(&mut self, data: *const u8, len: u64) -> Option<Payload> {
        let here = |payload: &Payload| {
            let bytes = payload.bytes();
            std::ptr::eq(bytes.as_ptr(), data) && bytes.len() as u64 == len
        };
        let at = self.payloads.iter().position(here)?;
        Some(self.payloads.swap_remove(at))
    }
}

/// The consumer's turn, given up on every way out.
struct Consuming<'a>(&'a AtomicBool);

impl Drop for Consuming<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Frees what this thread was given by queues that are closed now.
fn forget_orphans() {
    let me = Some(std::thread::current().id());
    ORPHANS.lock().retain(|(_, batch)| batch.consumer != me);
}

fn no_descriptor(error: std::io::Error) -> Error {
    Error::new(status::IO, format!("no pipe for the queue: {error}"))
}
