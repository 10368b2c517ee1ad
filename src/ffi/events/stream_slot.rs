//! A stream's slot in its queue: the room it may take, what a callback held back, and its end.

use crate::ffi::events::event::{Event, Owner};
use crate::ffi::events::queue::{Queue, State};
use crate::ffi::streams::stream::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Guarded by the queue's lock being taken first.
#[derive(Default)]
pub struct StreamSlot {
    /// DATA events that wait, the deferred ones included.
    pub queued: usize,
    pub hold: Hold,
    /// Its events behind one that was held back.
    pub deferred: VecDeque<Event>,
    /// It is on the queue's list of streams that wait for room.
    waiting: bool,
    /// The stream's function, waiting for room.
    pub task: Option<Waker>,
    pub closed: bool,
    /// The slot for OPENED and ENDED is still reserved.
    pub reserved_slot: bool,
}

/// Whether a callback holds a stream's DATA back.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Hold {
    #[default]
    None,
    /// A resume came, perhaps while the callback runs that holds back.
    Resumed,
    /// Until a resume, its events wait in `deferred`.
    Held,
}

impl StreamSlot {
    pub fn new(reserved_slot: bool) -> Self {
        Self { reserved_slot, ..Self::default() }
    }

    pub fn is_held(&self) -> bool {
        self.hold == Hold::Held
    }
}

impl Queue {
    fn below_capacity(&self, state: &State) -> bool {
        state.data_events < self.options.capacity_events && state.data_bytes < self.options.capacity_bytes
    }

    /// Ready when this stream may add a chunk: one of its own always, so that no other stops it.
    pub fn poll_room(&self, stream: &Arc<Stream>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let below = self.below_capacity(&state);
        let mut slot = stream.slot.lock();
        if state.closed || (!slot.is_held() && (below || slot.queued == 0)) {
            return Poll::Ready(());
        }
        slot.task = Some(cx.waker().clone());
        if !slot.waiting {
            slot.waiting = true;
            state.waiting_for_room.push(stream.clone());
        }
        Poll::Pending
    }

    /// The tasks that may go on now that there is room.
    pub(in crate::ffi) fn streams_with_room(&self, state: &mut State) -> Vec<Waker> {
        let below = self.below_capacity(state);
        let mut wakers = Vec::new();
        state.waiting_for_room.retain(|stream| {
            let mut slot = stream.slot.lock();
            let room = slot.closed || (!slot.is_held() && (below || slot.queued == 0));
            if room {
                slot.waiting = false;
                wakers.extend(slot.task.take());
            }
            !room
        });
        wakers
    }

    /// An event that its callback did not take goes back to the front of its stream.
    pub(in crate::ffi) fn hold(&self, state: &mut State, event: Event) {
        let Owner::Stream(stream) = event.owner.clone() else { return };
        let mut slot = stream.slot.lock();
        if slot.closed {
            return;
        }
        state.data_events += 1;
        state.data_bytes += event.payload.bytes().len();
        slot.queued += 1;
        if slot.hold == Hold::Resumed {
            slot.hold = Hold::None;
            drop(slot);
            state.events.push_front(event);
        } else {
            slot.hold = Hold::Held;
            slot.deferred.push_front(event);
        }
    }

    /// Offers a held stream's events again.
    pub fn resume(self: &Arc<Self>, stream: &Arc<Stream>) {
        let (consumer, task) = {
            let mut state = self.state.lock();
            let mut slot = stream.slot.lock();
            if !slot.is_held() || state.closed {
                slot.hold = Hold::Resumed;
                return;
            }
            slot.hold = Hold::None;
            let deferred = std::mem::take(&mut slot.deferred);
            let task = slot.task.take();
            drop(slot);
            for event in deferred.into_iter().rev() {
                state.events.push_front(event);
            }
            (self.announce(&mut state), task)
        };
        for waker in [consumer, task].into_iter().flatten() {
            waker.wake();
        }
    }

    /// Drops what a closed stream has in the queue: its events, its reserved slot, its wait for room.
    pub fn drop_stream(&self, stream: &Stream) {
        let mut state = self.state.lock();
        let mut slot = stream.slot.lock();
        slot.closed = true;
        slot.hold = Hold::None;
        let mut forgotten = std::mem::take(&mut slot.deferred);
        let task = slot.task.take();
        let reserved_slot = std::mem::take(&mut slot.reserved_slot);
        drop(slot);
        if reserved_slot {
            state.release_slot();
        }
        let of_stream = |event: &Event| match &event.owner {
            Owner::Stream(other) => other.handle == stream.handle,
            _ => false,
        };
        if state.events.iter().any(of_stream) {
            for event in std::mem::take(&mut state.events) {
                if of_stream(&event) { forgotten.push_back(event) } else { state.events.push_back(event) }
            }
        }
        for event in &forgotten {
            state.account(event);
        }
        let wakers = self.after_removal(&mut state);
        drop(state);
        drop(forgotten);
        wakers.into_iter().chain(task).for_each(Waker::wake);
    }
}

impl Event {
    /// Whether its call or stream was not closed meanwhile.
    pub fn is_wanted(&self) -> bool {
        match &self.owner {
            Owner::Nobody => true,
            Owner::Call(call) => call.is_wanted(),
            Owner::Stream(stream) => !stream.slot.lock().closed,
        }
    }
}
