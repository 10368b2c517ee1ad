//! Log lines: LOG events of one queue in the process, the latest given. They are the one thing that
//! may be dropped, and the next line says how many were.

use super::event::{Event, Kind, Owner, Payload};
use super::guard::status_only;
use super::process;
use crate::client::error::{Error, Result};
use crate::client::log;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static QUEUE: AtomicU64 = AtomicU64::new(0);
static USER_DATA: AtomicU64 = AtomicU64::new(0);

/// Ends logging to a queue that is closed.
pub fn detach(queue: u64) {
    if QUEUE.compare_exchange(queue, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        log::set_level(log::OFF);
    }
}

/// The child of a fork logs nowhere.
pub fn forget() {
    QUEUE.store(0, Ordering::SeqCst);
    log::set_level(log::OFF);
}

/// The hook of the client's log.
fn deliver(level: i32, message: &str) {
    let Some(process) = process::existing() else { return };
    let Ok(queue) = process.queues.get(QUEUE.load(Ordering::SeqCst)) else { return };
    let line = serde_json::json!({
        "level": log::NAMES.get(level as usize).copied().unwrap_or("unknown"),
        "message": message,
        "dropped": queue.logs_dropped(),
    });
    let payload = Payload::text(line.to_string().into_bytes());
    queue.push(Event::new(Owner::Nobody, USER_DATA.load(Ordering::SeqCst), Kind::Log, payload));
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
/// DAYTONA_INVALID_HANDLE, DAYTONA_FORKED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_log(
    level: i32,
    queue: super::queue_api::daytona_queue_t,
    user_data: u64,
) -> i32 {
    static HOOK: Once = Once::new();
    status_only(|| -> Result<()> {
        if !(log::OFF..=log::DEBUG).contains(&level) {
            return Err(Error::invalid(format!("log level {level}; they go from 0 (off) to 4 (debug)")));
        }
        if level == log::OFF {
            QUEUE.store(0, Ordering::SeqCst);
        } else {
            process::current().queues.get(queue)?;
            HOOK.call_once(|| log::deliver_to(deliver));
            USER_DATA.store(user_data, Ordering::SeqCst);
            QUEUE.store(queue, Ordering::SeqCst);
        }
        log::set_level(level);
        Ok(())
    })
}
