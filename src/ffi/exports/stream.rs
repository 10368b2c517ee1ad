//! The exports of streams.

use crate::catalogue::{self, Operation};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::stream::{ErrorContext, Io, input};
use crate::ffi::calls::call::{busy_inline, deadline, find, named_error, no_runtime};
use crate::ffi::calls::target::resolve;
use crate::ffi::exports::guard::{Reply, export, export_status, null, status_only};
use crate::ffi::exports::text::{self, Out, argument, store};
use crate::ffi::runtime::cancel::Cancel;
use crate::ffi::runtime::driver::in_inline_callback;
use crate::ffi::runtime::process;
use crate::ffi::streams::stream::{State, Stream, StreamSink};
use std::ffi::c_char;
use std::future::poll_fn;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::Instant;

/// A stream handle, typed so in C.
pub type daytona_stream_t = u64;

pub fn get(stream: daytona_stream_t) -> Result<Arc<Stream>> {
    process::current().streams.get(stream)
}

pub fn closed() -> Error {
    Error::new(status::CLOSED, "the stream was closed")
}

/// WaitGraph for a change of the stream, driving; TIMEOUT at the deadline.
pub fn wait<T>(
    stream: &Stream,
    until: Option<Instant>,
    mut ready: impl FnMut(&mut State) -> Option<T>,
) -> Result<T> {
    let change = poll_fn(|cx| stream.poll_change(cx, &mut ready));
    process::current()
        .driver
        .run(change, until)
        .map_err(no_runtime)?
        .ok_or_else(|| Error::new(status::TIMEOUT, "nothing happened in time"))
}

/// Opens a stream: a PTY, a followed log, a running command, a transfer.
///
/// With a queue it returns at once; then comes OPENED, or ENDED with the error; then DATA in order, raw
/// bytes, told apart by `channel`; then exactly one ENDED with the JSON that says how it ended. Without a
/// queue it returns when the stream is open or has failed, and is read with daytona_stream_read or
/// daytona_stream_each.
///
/// `target`: a client or sandbox handle, as the operation wants it. `operation`: its name, as
/// "process.run". `params`: every argument and option in one JSON object, NULL is `{}`; beside the operation's own
/// `bufferBytes` (1048576), what may wait unread without a queue, and unsent.
/// `queue`: 0 for none. `user_data`: comes back in every event.
/// `stream`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread; in an inline callback only with a queue, else BUSY. DAYTONA_OK,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_HANDLE, DAYTONA_INVALID_JSON, DAYTONA_CLOSED, DAYTONA_FORKED,
/// DAYTONA_QUEUE_FULL, DAYTONA_BUSY, DAYTONA_PANIC; without a queue every status of the operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_open(
    target: u64,
    operation: *const c_char,
    params: *const c_char,
    queue: crate::ffi::exports::queue::daytona_queue_t,
    user_data: u64,
    stream: *mut daytona_stream_t,
    out: *mut *mut c_char,
) -> i32 {
    store(stream, 0);
    export(Out::new(out, null_mut()), || {
        if stream.is_null() {
            return Err(null("stream"));
        }
        let name = argument(operation, "operation")?;
        let params = text::params(params)?;
        let operation = find(name)?;
        if operation.stream.is_none() {
            return Err(Error::invalid(format!("{name} is a call: use daytona_call or daytona_submit")));
        }
        if queue == 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        store(stream, named_error(operation, open(operation, target, params, queue, user_data))?);
        Ok(Reply::Nothing)
    })
}

fn open(
    operation: &'static Operation,
    target: u64,
    params: Vec<u8>,
    queue: u64,
    user_data: u64,
) -> Result<u64> {
    let process = process::current();
    let (target, client) = resolve(target)?;
    let queue = if queue == 0 { None } else { Some(process.queues.get(queue)?) };
    let runtime = process.driver.start().map_err(no_runtime)?;
    let _inside = runtime.enter();
    let cancel = Arc::new(Cancel::default());
    let registration = client.register(cancel.clone())?;
    if let Some(queue) = &queue {
        queue.reserve()?;
    }
    let mut made = None;
    let inserted = process.streams.insert(|handle| {
        let stream = Arc::new(Stream::new(
            handle,
            user_data,
            queue.clone(),
            client.clone(),
            cancel.clone(),
            operation,
        ));
        made = Some(stream.clone());
        stream
    });
    let (Ok(handle), Some(stream)) = (&inserted, made) else {
        if let Some(queue) = &queue {
            queue.release_slot();
        }
        return Err(inserted.err().unwrap_or_else(closed));
    };
    let forget = |error| {
        process.streams.remove(*handle);
        stream.close();
        Err(error)
    };
    // A queue that closes meanwhile ends what it finds in the table; what comes later sees it closed.
    if queue.as_ref().is_some_and(|queue| queue.is_closed()) {
        return forget(crate::ffi::events::queue::closed());
    }
    let ends = stream.clone();
    let io = Box::new(move |buffer_bytes| {
        let (writer, input) = input(ends.bound(buffer_bytes));
        ends.state.lock().writer = Some(writer);
        Io { sink: Arc::new(StreamSink(ends)), input, error_context: ErrorContext::default() }
    });
    let begin = operation.stream.ok_or_else(|| Error::invalid("this operation is a call"))?;
    let function = match begin(catalogue::Stream { target, params, io }) {
        Ok(function) => function,
        Err(error) => return forget(error),
    };
    stream.spawn(function, registration);
    if queue.is_none() {
        let opened = wait(&stream, None, |state| {
            if state.opened || state.closed { Some(None) } else { state.end.clone().map(Some) }
        })?;
        if let Some(error) = opened.and_then(|end| end.error) {
            process.streams.remove(*handle);
            return Err(error);
        }
    }
    Ok(*handle)
}

/// Says that no more will be written, and does not wait: an upload completes and ENDED follows.
///
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too; never blocks. DAYTONA_OK; DAYTONA_UNSUPPORTED (any other stream, a PTY
/// included: write its end-of-file character, or close it); DAYTONA_CLOSED; DAYTONA_INVALID_HANDLE;
/// DAYTONA_FORKED; DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_finish(stream: daytona_stream_t, out: *mut *mut c_char) -> i32 {
    export(Out::new(out, null_mut()), || {
        let stream = get(stream)?;
        if !stream.operation.is_finishable() {
            let message =
                "this stream has no end of input: close it, or write what its program takes for an end";
            return named_error(stream.operation, Err(Error::new(status::UNSUPPORTED, message)));
        }
        let mut state = stream.state.lock();
        if state.closed {
            return Err(closed());
        }
        state.finished = true;
        if let Some(writer) = state.writer.clone() {
            drop(state);
            writer.finish();
        }
        Ok(Reply::Nothing)
    })
}

/// Offers the DATA again that a callback held back with DAYTONA_WOULD_BLOCK. One that comes before that
/// callback has returned counts.
///
/// Any thread, an inline callback too; never blocks. DAYTONA_OK, DAYTONA_INVALID_HANDLE, DAYTONA_FORKED,
/// DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_resume(stream: daytona_stream_t) -> i32 {
    status_only(|| {
        get(stream)?.resume();
        Ok(())
    })
}

/// WaitGraph for the end and says how it was, as often as asked.
///
/// `timeout_ms`: below 0 waits without limit.
/// `out`, `out_len`: may be NULL. ENDED's JSON (how it ended, or the error); free it with daytona_free.
///
/// Any thread; in an inline callback only with `timeout_ms` 0. ENDED's status; DAYTONA_TIMEOUT;
/// DAYTONA_BUSY (there is unread data, or it comes meanwhile: read it first; a queue's stream before ENDED; a
/// writer before daytona_stream_finish); DAYTONA_CLOSED; DAYTONA_INVALID_HANDLE; DAYTONA_FORKED;
/// DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_result(
    stream: daytona_stream_t,
    timeout_ms: i64,
    out: *mut *mut c_char,
    out_len: *mut usize,
) -> i32 {
    export_status(Out::new(out, out_len), || {
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = get(stream)?;
        let (queued, finishable) = (stream.queue.is_some(), stream.operation.is_finishable());
        let ready = |state: &mut State| {
            if state.closed {
                return Some(Err(closed()));
            }
            let busy = |what: &str| Some(Err(Error::new(status::BUSY, what)));
            if state.has_unread() {
                return busy("there is unread data: read the stream to its end first");
            }
            match &state.end {
                Some(end) => Some(Ok(end.clone())),
                None if queued => busy("the stream has not ended; its queue will say when"),
                None if finishable && !state.finished => busy("the input has not been finished"),
                None => None,
            }
        };
        let now = ready(&mut stream.state.lock());
        let end = match now {
            Some(end) => end,
            None if timeout_ms == 0 => Err(Error::new(status::TIMEOUT, "the stream has not ended")),
            None => wait(&stream, deadline(timeout_ms), ready).and_then(|end| end),
        };
        let end = named_error(stream.operation, end)?;
        Ok((end.status, Reply::Text(end.json)))
    })
}
