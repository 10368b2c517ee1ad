//! Log lines: LOG events of one queue in the process, the latest given. They are the one thing that
//! may be dropped, and the next line says how many were.

use crate::client::error::{Error, Result};
use crate::client::log;
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::events::queue::Queue;
use crate::ffi::exports::guard::status_only;
use crate::ffi::exports::queue::daytona_queue_t;
use crate::ffi::runtime::process::{self, Process};
use std::sync::Arc;

/// Who asked for log lines.
pub struct Listener {
    queue: Arc<Queue>,
    user_data: u64,
}

/// Ends logging to a queue that is closed.
pub fn detach(process: &Process, queue: &Arc<Queue>) {
    let mut logging = process.logging.lock();
    if logging.as_ref().is_some_and(|listener| Arc::ptr_eq(&listener.queue, queue)) {
        log::set_level(log::OFF);
        *logging = None;
    }
}

/// The child of a fork logs nowhere.
pub fn forget() {
    log::set_level(log::OFF);
}

/// Installs the hook of the client's log.
pub fn listen() {
    log::deliver_to(deliver);
}

/// The hook of the client's log.
fn deliver(level: i32, message: &str) {
    let Some(process) = process::existing() else { return };
    let (queue, user_data) = match &*process.logging.lock() {
        Some(listener) => (listener.queue.clone(), listener.user_data),
        None => return,
    };
    let Some(dropped) = queue.reserve_log() else { return };
    let line = serde_json::json!({
        "level": log::NAMES.get(level as usize).copied().unwrap_or("unknown"),
        "message": message,
        "dropped": dropped,
    });
    let payload = Payload::text(line.to_string().into_bytes());
    queue.push(Event::new(Owner::Nobody, user_data, EventKind::Log, payload));
}

/// Sends the library's log lines to a queue, as LOG events whose data is `{"level":"info","message":
/// "...","dropped":0}`; `dropped` counts lines that were lost before this one because the queue was
/// full. One queue in the process gets them, the latest given. Nothing is printed, and no line carries a
/// credential.
///
/// `level`: DAYTONA_LOG_ERROR, DAYTONA_LOG_WARN, DAYTONA_LOG_INFO or DAYTONA_LOG_DEBUG; DAYTONA_LOG_OFF ends it, as
/// does closing the queue. `queue`: may be 0 with DAYTONA_LOG_OFF. `user_data`: comes back in every event.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT (no such level),
/// DAYTONA_INVALID_HANDLE, DAYTONA_CLOSED (the queue is being closed), DAYTONA_FORKED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_log(level: i32, queue: daytona_queue_t, user_data: u64) -> i32 {
    status_only(|process| -> Result<()> {
        if !(log::OFF..=log::DEBUG).contains(&level) {
            return Err(Error::invalid(format!("log level {level}; they go from 0 (off) to 4 (debug)")));
        }
        let listener = match level {
            log::OFF => None,
            _ => Some(Listener { queue: process.queues.get(queue)?, user_data }),
        };
        let mut logging = process.logging.lock();
        if listener.as_ref().is_some_and(|listener| listener.queue.is_closed()) {
            return Err(crate::ffi::events::queue::closed());
        }
        let before = std::mem::replace(&mut *logging, listener);
        log::set_level(level);
        drop(logging);
        drop(before);
        Ok(())
    })
}
