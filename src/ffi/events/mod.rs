//! Queues of events, their callbacks, and delivered data.

pub mod callback;
pub mod delivered;
pub mod event;
pub mod queue;
pub mod stream_slot;
