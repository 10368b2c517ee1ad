//! The exports of streams, beside those that read and write.

use super::call::find;
use super::guard::{Reply, export, export_status, status_only};
use super::queue::daytona_queue_t;
use super::text::{self, Out, Place, text};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::calls::origin::completed;
use crate::ffi::runtime::wait::{busy_inline, deadline, in_inline_callback};
use crate::ffi::streams::open::open;
use crate::ffi::streams::state::{Phase, State};
use crate::ffi::streams::stream::{Stream, closed};
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Arc;

/// A stream handle, typed so in C.
pub type daytona_stream_t = u64;

/// Opens a stream: a PTY, a followed log, a running command, a transfer.
///
/// With a queue it returns at once; then comes OPENED, or ENDED with the error; then DATA in order, raw
/// bytes, told apart by `channel`; then exactly one ENDED with the JSON that says how it ended. Without a
/// queue it returns when the stream is open or has failed, and is read with daytona_stream_read or
/// daytona_stream_each.
///
/// `target`: a client or sandbox handle, as the operation wants it. `operation`: its name, as
/// "process.run". `params`: every argument and option in one JSON object, NULL is `{}`; beside the operation's own
/// `bufferBytes` (1048576), what may wait unread without a queue, and unsent; and `timeoutMs` (absent or 0: no
/// limit), which bounds the whole life of the stream, from here to its end.
/// `queue`: 0 for none. `user_data`: comes back in every event.
/// `stream`: gets the handle, 0 on failure. Close it with daytona_close.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread; in an inline callback only with a queue, else BUSY. DAYTONA_OK,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_HANDLE, DAYTONA_INVALID_JSON, DAYTONA_CLOSED, DAYTONA_FORKED,
/// DAYTONA_QUEUE_FULL, DAYTONA_BUSY, DAYTONA_IO (no thread to run it on could be started), DAYTONA_PANIC;
/// without a queue every status of the operation.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_open(
    target: u64,
    operation: *const c_char,
    params: *const c_char,
    queue: daytona_queue_t,
    user_data: u64,
    stream: *mut daytona_stream_t,
    out: *mut *mut c_char,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (operation, params, stream, out) =
        unsafe { (text(operation), text(params), Place::new(stream), Out::new(out, null_mut())) };
    stream.store(0);
    export(out, |process| {
        let stream = stream.required("stream")?;
        let operation = find(operation)?;
        completed(process, operation, target, || {
            let params = text::params(params)?;
            stream.store(open(process, operation, target, params, queue, user_data)?);
            Ok(Reply::Nothing)
        })
    })
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
    // SAFETY: as the documentation demands of the caller.
    let out = unsafe { Out::new(out, null_mut()) };
    export(out, |process| {
        let stream = process.streams.get(stream)?;
        stream.origin.complete(finish(&stream))?;
        Ok(Reply::Nothing)
    })
}

fn finish(stream: &Stream) -> Result<()> {
    if !stream.origin.operation.is_finishable() {
        let message = "this stream has no end of input: close it, or write what its program takes for an end";
        return Err(Error::new(status::UNSUPPORTED, message));
    }
    let state = stream.state.lock();
    if state.is_closed() {
        return Err(closed());
    }
    if let Some(writer) = state.writer.clone() {
        drop(state);
        writer.finish();
    }
    Ok(())
}

/// Offers the DATA again that a callback held back with DAYTONA_WOULD_BLOCK. One that comes before that
/// callback has returned counts.
///
/// Any thread, an inline callback too; never blocks. DAYTONA_OK, DAYTONA_INVALID_HANDLE, DAYTONA_FORKED,
/// DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_resume(stream: daytona_stream_t) -> i32 {
    status_only(|process| {
        process.streams.get(stream)?.resume();
        Ok(())
    })
}

/// Waits for the end and says how it was, as often as asked.
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
    // SAFETY: as the documentation demands of the caller.
    let out = unsafe { Out::new(out, out_len) };
    export_status(out, |process| {
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = process.streams.get(stream)?;
        stream.origin.complete(result(&stream, timeout_ms))
    })
}

fn result(stream: &Arc<Stream>, timeout_ms: i64) -> Result<(i32, Reply)> {
    let (queued, finishable) = (stream.queue.is_some(), stream.origin.operation.is_finishable());
    let ready = |state: &mut State| {
        let busy = |what: &str| Some(Err(Error::new(status::BUSY, what)));
        if state.is_closed() {
            return Some(Err(closed()));
        }
        if state.has_unread() {
            return busy("there is unread data: read the stream to its end first");
        }
        match &state.phase {
            Phase::Ended(end) => Some(Ok((end.status, Reply::Text(end.json.clone())))),
            _ if queued => busy("the stream has not ended; its queue will say when"),
            _ if finishable && state.writer.as_ref().is_some_and(|writer| !writer.is_finished()) => {
                busy("the input has not been finished")
            }
            _ => None,
        }
    };
    let now = ready(&mut stream.state.lock());
    match now {
        Some(end) => end,
        None if timeout_ms == 0 => Err(Error::new(status::TIMEOUT, "the stream has not ended")),
        None => stream.wait(deadline(timeout_ms), ready)?,
    }
}
