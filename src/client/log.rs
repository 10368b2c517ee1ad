//! Log lines for the listener of the process. A line is formatted only where its level is enabled, and
//! contains neither a credential nor a query, which may hold one. ERROR is a panic, WARN what is tried again, INFO a
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

/// Sets the level; lines above it are not formatted.
pub fn set_level(level: i32) {
    LEVEL.store(level, Ordering::Relaxed);
}

/// Sets the listener; the first one of the process stays.
pub fn deliver_to(listener: fn(i32, &str)) {
    let _ = LISTENER.set(listener);
}

/// Whether lines of that level are enabled.
pub fn listens(level: i32) -> bool {
    level <= LEVEL.load(Ordering::Relaxed)
}

/// Logs a line where its level is enabled.
pub fn line(level: i32, message: impl FnOnce() -> String) {
    if listens(level)
        && let Some(listener) = LISTENER.get()
    {
        listener(level, &message());
    }
}
