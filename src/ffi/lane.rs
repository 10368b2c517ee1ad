//! A stream's share of its queue: the room it may take, what a callback held back, and its end.

use super::event::{Event, Owner};
use super::queue::{Queue, State};
use super::stream::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// Guarded by the queue's lock being taken first.
#[derive(Default)]
pub struct Lane {
    /// DATA events that wait, the parked ones included.
    pub queued: usize,
    /// A callback held DATA back: what is popped of this stream waits in `parked`.
    pub held: bool,
    /// A resume came while the callback ran.
    pub resumed: bool,
    pub parked: VecDeque<Event>,
    /// On the queue's list of those that wait for room.
    pub(super) waiting: bool,
    pub task: Option<Waker>,
    pub closed: bool,
    /// The reserved place for OPENED and ENDED is still taken.
    pub place: bool,
}

impl Queue {
    fn below_capacity(&self, state: &State) -> bool {
        state.data_events < self.options.capacity_events && state.data_bytes < self.options.capacity_bytes
    }

    /// Ready when this stream may add a chunk: one of its own always, so that no other stops it.
    pub fn poll_room(&self, stream: &Arc<Stream>, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.state.lock();
        let below = self.below_capacity(&state);
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

    /// The tasks that may go on now that there is room.
    pub(super) fn with_room(&self, state: &mut State) -> Vec<Waker> {
        let below = self.below_capacity(state);
        let mut wakers = Vec::new();
        state.waiting_for_room.retain(|stream| {
            let mut lane = stream.lane.lock();
            let room = lane.closed || (!lane.held && (below || lane.queued == 0));
            if room {
                lane.waiting = false;
                wakers.extend(lane.task.take());
            }
            !room
        });
        wakers
    }

    /// An event that its callback did not take goes back to the front of its stream.
    pub(super) fn hold(&self, state: &mut State, event: Event) {
        let Owner::Stream(stream) = event.owner.clone() else { return };
        let mut lane = stream.lane.lock();
        if lane.closed {
            return;
        }
        state.data_events += 1;
        state.data_bytes += event.payload.bytes().len();
        lane.queued += 1;
        if std::mem::take(&mut lane.resumed) {
            drop(lane);
            state.events.push_front(event);
        } else {
            lane.held = true;
            lane.parked.push_front(event);
        }
    }

    /// Offers a held stream's events again.
    pub fn resume(self: &Arc<Self>, stream: &Arc<Stream>) {
        let (consumer, task) = {
            let mut state = self.state.lock();
            let mut lane = stream.lane.lock();
            if !lane.held || state.closed {
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

    /// Forgets a closed stream: what waits of it, its reserved place, its claim on room.
    pub fn forget_stream(&self, stream: &Stream) {
        let mut state = self.state.lock();
        let mut lane = stream.lane.lock();
        lane.closed = true;
        lane.held = false;
        let mut forgotten = std::mem::take(&mut lane.parked);
        let task = lane.task.take();
        let place = std::mem::take(&mut lane.place);
        drop(lane);
        if place {
            state.free_place();
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
        let wakers = self.settle(&mut state);
        drop(state);
        drop(forgotten);
        wakers.into_iter().chain(task).for_each(Waker::wake);
    }
}

impl Event {
    /// Does anybody still want it?
    pub fn is_wanted(&self) -> bool {
        match &self.owner {
            Owner::Nobody => true,
            Owner::Call(call) => call.is_wanted(),
            Owner::Stream(stream) => !stream.lane.lock().closed,
        }
    }
}
