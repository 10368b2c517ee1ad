//! Log lines for whoever asked for them. Nothing is formatted unless somebody listens; no line ever
//! carries a credential, nor a query, which may hold one. ERROR is a panic, WARN what is tried again, INFO a
//! sandbox's change of state, DEBUG each request.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI32, Ordering};

pub const OFF: i32 = 0;
pub const ERROR: i32 = 1;
pub const WARN: i32 = 2;
pub const INFO: i32 = 3;
pub const DEBUG: i32 = 4;
/// The levels' names, by number.
pub const NAMES: [&str; 5] = ["off", "error", "warn", "info", "debug"];

static LEVEL: AtomicI32 = AtomicI32::new(OFF);
static LISTENER: OnceLock<fn(i32, &str)> = OnceLock::new();

/// Lines above this level are not made.
pub fn set_level(level: i32) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// Where the lines go. Once a process.
pub fn deliver_to(listener: fn(i32, &str)) {
    let _ = LISTENER.set(listener);
}

/// Does anybody listen at that level?
pub fn listens(level: i32) -> bool {
    level <= LEVEL.load(Ordering::Relaxed)
}

/// Logs a line, if somebody listens at that level.
pub fn line(level: i32, message: impl FnOnce() -> String) {
    if listens(level)
        && let Some(listener) = LISTENER.get()
    {
        listener(level, &message());
    }
}
