//! Delivered data: what a consumer was handed and may still look at, wherever it came from.
//!
//! A queue keeps its last batch until its consumer asks for more, or until its callback returns. A queue
//! that is closed before stays here for as long: until that consumer asks any queue for more, or ends.

use crate::client::lock::Mutex;
use crate::ffi::events::event::Payload;
use crate::ffi::events::queue::Queue;
use crate::ffi::runtime::handle::{Table, slot_of};
use crate::ffi::runtime::process;
use crate::ffi::streams::stream::Stream;
use std::sync::{Arc, Weak};

/// Events' data that is still valid.
#[derive(Default)]
pub struct Delivered {
    pub payloads: Vec<Payload>,
    /// Where the last one was moved out, and one more.
    taken: usize,
    /// The thread that has it; dangling once that ended.
    pub consumer: Weak<()>,
    /// Its queue was closed, and kept in [`DeliveredPayloads`].
    kept: bool,
}

/// Delivered data outside of a queue.
#[derive(Default)]
pub struct DeliveredPayloads {
    /// Closed queues whose last batch is still valid.
    closed: Mutex<Vec<Arc<Queue>>>,
    /// What `daytona_stream_each` is delivering, by its streams.
    each: Mutex<Vec<(Arc<Stream>, Delivered)>>,
}

/// What stands for a thread for as long as it lives.
struct Consumer(Arc<()>);

impl Drop for Consumer {
    fn drop(&mut self) {
        if let Some(process) = process::existing() {
            process.delivered_payloads.forget(&Arc::downgrade(&self.0));
        }
    }
}

thread_local! {
    static CONSUMER: Consumer = Consumer(Arc::new(()));
}

/// This thread, as the consumer of a batch.
pub fn this_consumer() -> Weak<()> {
    CONSUMER.try_with(|consumer| Arc::downgrade(&consumer.0)).unwrap_or_default()
}

impl DeliveredPayloads {
    /// Keeps what a queue delivered last, before the queue's handle is gone from the table.
    pub fn keep(&self, queue: &Arc<Queue>) {
        let mut closed = self.closed.lock();
        // Of two threads that close it at once, one keeps it.
        if !std::mem::replace(&mut queue.delivered.lock().kept, true) {
            closed.push(queue.clone());
        }
    }

    /// Frees what a closed queue delivered last.
    pub fn release(&self, queue: &Queue) {
        let mut freed = Vec::new();
        let mut closed = self.closed.lock();
        while let Some(at) = closed.iter().position(|it| it.handle == queue.handle) {
            freed.push(closed.swap_remove(at));
        }
        drop(closed);
    }

    /// Frees it once nobody is left to look at it: nothing was delivered, or its consumer has ended.
    pub fn release_unused(&self, queue: &Queue) {
        // Held over the look, so that a thread that ends meanwhile finds the queue.
        let closed = self.closed.lock();
        let delivered = queue.delivered.lock();
        let unused = delivered.payloads.is_empty() || delivered.consumer.strong_count() == 0;
        drop((delivered, closed));
        if unused {
            self.release(queue);
        }
    }

    /// Frees what a thread was given by queues that are closed now.
    pub fn forget(&self, consumer: &Weak<()>) {
        let mut freed = Vec::new();
        let mut closed = self.closed.lock();
        let mut at = 0;
        while let Some(queue) = closed.get(at) {
            if queue.delivered.lock().consumer.ptr_eq(consumer) {
                freed.push(closed.swap_remove(at));
            } else {
                at += 1;
            }
        }
        drop(closed);
    }

    /// Keeps the data of an event while `callback` runs with its key.
    pub fn during<T>(&self, stream: &Arc<Stream>, payload: &Payload, callback: impl FnOnce(i32) -> T) -> T {
        let delivered = Delivered { payloads: vec![payload.clone()], ..Delivered::default() };
        self.each.lock().push((stream.clone(), delivered));
        let answer = callback(key_of_each(stream));
        self.each.lock().retain(|(other, _)| other.handle != stream.handle);
        answer
    }

    /// A closed queue that still has its last batch, as one has whose callback runs.
    pub fn closed_queue(&self, handle: u64) -> Option<Arc<Queue>> {
        self.closed.lock().iter().find(|queue| queue.handle == handle).cloned()
    }

    pub fn closed_queues(&self) -> Vec<Arc<Queue>> {
        self.closed.lock().clone()
    }

    /// The stream with this handle, while `daytona_stream_each` runs a callback with an event of it.
    pub fn delivering(&self, handle: u64) -> Option<Arc<Stream>> {
        self.each.lock().iter().find(|(stream, _)| stream.handle == handle).map(|(stream, _)| stream.clone())
    }

    /// Moves an event's data out, wherever it is; `key` is the event's `reserved`.
    pub fn take(&self, queues: &Table<Arc<Queue>>, key: i32, data: *const u8, len: u64) -> Option<Payload> {
        if key < 0 {
            let mut each = self.each.lock();
            return each.iter_mut().find(|(stream, _)| key_of_each(stream) == key)?.1.take(data, len);
        }
        let slot = u32::try_from(key.checked_sub(1)?).ok()?;
        if let Some(queue) = queues.in_slot(slot)
            && let Some(payload) = queue.delivered.lock().take(data, len)
        {
            return Some(payload);
        }
        let closed = self.closed.lock();
        let mut in_slot = closed.iter().filter(|queue| slot_of(queue.handle) == slot);
        in_slot.find_map(|queue| queue.delivered.lock().take(data, len))
    }
}

/// What marks an event of `daytona_stream_each`, apart from the keys of queues.
fn key_of_each(stream: &Stream) -> i32 {
    -(slot_of(stream.handle) as i32 + 1)
}

impl Delivered {
    /// Mostly in the order of delivery: the search begins where the last one ended.
    fn take(&mut self, data: *const u8, len: u64) -> Option<Payload> {
        let here = |payload: &Payload| {
            !matches!(payload, Payload::None)
                && std::ptr::eq(payload.address(), data)
                && payload.bytes().len() as u64 == len
        };
        let (before, after) = self.payloads.split_at_checked(self.taken)?;
        let at = match after.iter().position(here) {
            Some(at) => self.taken + at,
            None => before.iter().position(here)?,
        };
        self.taken = at + 1;
        self.payloads.get_mut(at).map(std::mem::take)
    }

    /// What was delivered before is not valid any more.
    pub fn clear(&mut self) {
        self.payloads.clear();
        self.taken = 0;
    }
}
