//! The exports of queues and events.

use super::guard::{Reply, export, null, status_only};
use super::memory;
use super::text::{Out, Place, options, text};
use crate::catalogue::QueueOptions;
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::events::callback::{Callback, daytona_callback_t};
use crate::ffi::events::event::{Payload, daytona_event_t};
use crate::ffi::events::queue::Queue;
use crate::ffi::runtime::process::Process;
use crate::ffi::runtime::wait::{busy_inline, in_inline_callback};
use std::ffi::{c_char, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::Arc;

/// A queue handle, typed so in C.
pub type daytona_queue_t = u64;

fn open(
    process: &'static Process,
    options: QueueOptions,
    callback: Option<Callback>,
    place: Place<daytona_queue_t>,
) -> Result<Reply> {
    let needs_thread = callback.is_some() && !options.inline;
    let make = |handle| Arc::new(Queue::new(process, handle, options, callback));
    let (handle, queue) = process.queues.insert(make)?;
    if needs_thread && let Err(error) = queue.start_thread() {
        process.queues.remove(handle);
        return Err(Error::new(status::IO, format!("the callback thread could not start: {error}")));
    }
    place.store(handle);
    Ok(Reply::Nothing)
}

/// Opens a queue that is drained with daytona_queue_next.
///
/// `options`: a JSON object or NULL. `capacityEvents` (8192) and `capacityBytes` (4194304) bound the
/// DATA that may wait: a full queue pauses the stream that fills it, never another, and never a DONE.
/// `capacityCalls` (65536) bounds the calls and streams under way; beyond it submit and stream_open
/// answer DAYTONA_QUEUE_FULL.
/// `queue`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON,
/// DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_queue_open(
    options: *const c_char,
    queue: *mut daytona_queue_t,
    out: *mut *mut c_char,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (options, queue, out) = unsafe { (text(options), Place::new(queue), Out::new(out, null_mut())) };
    queue.store(0);
    export(out, |process| {
        let queue = queue.required("queue")?;
        let options = QueueOptions::parse(self::options(options, "options")?)?;
        if options.inline {
            return Err(Error::invalid("queue.open: `inline` needs a queue with a callback"));
        }
        open(process, options, None, queue)
    })
}

/// Opens a queue that is drained by a callback: on a thread of the queue's own, serially, never inside
/// the runtime or under a lock; free to call any function of the library. Returning
/// DAYTONA_WOULD_BLOCK for DATA holds it back: its stream pauses and offers it again after
/// daytona_stream_resume.
///
/// `options`: as for daytona_queue_open, and `inline` (false): the callback then runs on whichever
/// thread drives the runtime, between two of its turns, which may be the application's own inside an
/// unrelated blocking function of this library. Inline callbacks never run at the same time. An inline
/// callback takes no lock that is held around such a call, and does not wait: daytona_call, every named function, stream_open without a queue,
/// stream_each, shutdown and any timeout other than 0 answer DAYTONA_BUSY there. While one does not return,
/// other threads' calls go on after a second at most, and no other inline callback runs.
/// `callback`: not NULL. `context`: passed through; it may be freed once daytona_close(queue) returned.
/// `queue`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON,
/// DAYTONA_IO (no thread to be had), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_queue_open_callback(
    options: *const c_char,
    callback: daytona_callback_t,
    context: *mut c_void,
    queue: *mut daytona_queue_t,
    out: *mut *mut c_char,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (options, queue, out) = unsafe { (text(options), Place::new(queue), Out::new(out, null_mut())) };
    queue.store(0);
    export(out, |process| {
        let queue = queue.required("queue")?;
        // SAFETY: as above.
        let callback = unsafe { Callback::new(callback, context) }.ok_or_else(|| null("callback"))?;
        open(process, QueueOptions::parse(self::options(options, "options")?)?, Some(callback), queue)
    })
}

/// Waits for events and takes up to `capacity` of them. One consumer at a time.
///
/// `events`: room for `capacity` events; what they point to stays valid until the same consumer's next
/// daytona_queue_next, also when another thread closes the queue.
/// `timeout_ms`: below 0 waits without limit, 0 only looks.
/// `count`: gets how many came. 0 with DAYTONA_OK means that daytona_queue_wake was called.
///
/// A thread that waits here also drives the library's work. Any thread; in an inline callback only with
/// `timeout_ms` 0. DAYTONA_OK, DAYTONA_TIMEOUT (nothing came, count is 0), DAYTONA_CLOSED (closed
/// meanwhile, or shut down and empty), DAYTONA_BUSY (another consumer is inside, or the queue has a
/// callback), DAYTONA_INVALID_ARGUMENT (NULL, or a capacity of 0), DAYTONA_INVALID_HANDLE,
/// DAYTONA_FORKED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_queue_next(
    queue: daytona_queue_t,
    events: *mut daytona_event_t,
    capacity: usize,
    timeout_ms: i64,
    count: *mut usize,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let counted = unsafe { Place::new(count) };
    counted.store(0);
    status_only(|process| {
        if events.is_null() || count.is_null() || capacity == 0 {
            return Err(Error::invalid(
                "taking events needs room for at least one, and a place for their count",
            ));
        }
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let queue = process.queues.get(queue)?;
        let capacity = capacity.min(isize::MAX as usize / size_of::<daytona_event_t>());
        // SAFETY: not NULL, and the caller gives room for `capacity` events that nobody else touches.
        let events = unsafe { std::slice::from_raw_parts_mut(events.cast::<MaybeUninit<_>>(), capacity) };
        counted.store(queue.next(events, timeout_ms)?);
        Ok(())
    })
}

/// Makes the waiting daytona_queue_next, or else the next one, return DAYTONA_OK with count 0, before
/// anything that is waiting.
///
/// Any thread, an inline callback too; never blocks. DAYTONA_OK, DAYTONA_INVALID_HANDLE,
/// DAYTONA_INVALID_ARGUMENT (a callback queue), DAYTONA_FORKED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_queue_wake(queue: daytona_queue_t) -> i32 {
    status_only(|process| {
        let queue = process.queues.get(queue)?;
        if queue.callback.is_some() {
            return Err(Error::invalid("nobody waits for a callback queue"));
        }
        queue.wake();
        Ok(())
    })
}

/// Gives a descriptor that is readable exactly when something is waiting in the queue, the DAYTONA_CLOSED of an
/// empty one after daytona_shutdown included, for epoll, libuv, IO.select, asyncio. It need not be read:
/// daytona_queue_next empties it, and makes it readable again if events are left. Whoever reads its byte has to
/// call daytona_queue_next, or nothing tells of the events that wait.
///
/// `fd`: gets a new duplicate of a non-blocking, close-on-exec pipe, which the caller owns and closes;
/// -1 on failure.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT (NULL, or a callback queue),
/// DAYTONA_INVALID_HANDLE, DAYTONA_CLOSED (it is being closed), DAYTONA_IO (no descriptor left),
/// DAYTONA_FORKED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_queue_fd(queue: daytona_queue_t, fd: *mut i64) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let fd = unsafe { Place::new(fd) };
    fd.store(-1);
    status_only(|process| {
        fd.required("fd")?.store(process.queues.get(queue)?.descriptor()?);
        Ok(())
    })
}

/// Moves an event's data out, without a copy, to be freed with daytona_free. It works for as long as the
/// event is valid, also after its queue was closed, and once: a copy of the event is the same event.
///
/// `data`: gets the data of `event->len` bytes, of DONE and ENDED with their NUL; an allocated NUL for an event
/// of no bytes; NULL where `event->data` is NULL.
///
/// Any thread, an inline callback too. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT (NULL, an event that is no
/// longer valid, or was taken already), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_event_take(event: *const daytona_event_t, data: *mut *mut c_char) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (event, data) = unsafe { (event.as_ref(), Place::new(data)) };
    data.store(null_mut());
    status_only(|process| {
        let data = data.required("data")?;
        let Some(event) = event else { return Err(null("event")) };
        if event.data.is_null() {
            return Ok(());
        }
        let delivered = &process.delivered_payloads;
        match delivered.take(&process.queues, event.reserved, event.data, event.len) {
            Some(Payload::Chunk(bytes) | Payload::Text(bytes)) => {
                data.store(memory::give_moved(bytes));
                Ok(())
            }
            _ => Err(Error::invalid("this event is no longer valid, or its data was taken already")),
        }
    })
}
