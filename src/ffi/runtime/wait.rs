//! What every wait inside the library has in common.

use crate::client::error::Error;
use crate::client::status;
use std::cell::Cell;
use std::io;
use std::time::{Duration, Instant};

thread_local! {
    static INLINE: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside an inline callback, where nothing may wait.
pub fn in_inline_callback() -> bool {
    INLINE.get()
}

/// Marks this thread as being inside an inline callback, until it is dropped.
pub struct InlineCallback(());

impl InlineCallback {
    pub fn enter() -> Self {
        INLINE.set(true);
        Self(())
    }
}

impl Drop for InlineCallback {
    fn drop(&mut self) {
        INLINE.set(false);
    }
}

/// When a wait of `timeout_ms` has to end; below 0 never.
pub fn deadline(timeout_ms: i64) -> Option<Instant> {
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).ok()?);
    Instant::now().checked_add(timeout)
}

/// The error for what an inline callback may not call.
pub fn busy_inline() -> Error {
    Error::new(
        status::BUSY,
        "an inline callback may not wait: submit instead, or use a queue with a callback thread",
    )
}

pub fn no_runtime(error: io::Error) -> Error {
    Error::new(status::IO, format!("the runtime could not start: {error}"))
}

pub fn no_driver(error: io::Error) -> Error {
    Error::new(
        status::IO,
        format!("no thread to run this on could be started: {error}; end some threads, or raise their limit"),
    )
}
