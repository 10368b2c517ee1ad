//! The export that writes to a stream: to a bounded buffer, in turns.

use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::calls::call::{busy_inline, deadline, named_error};
use crate::ffi::exports::guard::{Reply, export};
use crate::ffi::exports::stream::{closed, daytona_stream_t, get, wait};
use crate::ffi::exports::text::{Out, bytes, store};
use crate::ffi::runtime::driver::in_inline_callback;
use crate::ffi::streams::stream::{State, Stream};
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Writes to a stream that takes input: a PTY, an upload. Writes of several threads do not interleave
/// within one call.
///
/// `data`, `len`: the bytes, copied; NULL is allowed with a length of 0.
/// `timeout_ms`: below 0 waits until everything is taken; 0 never blocks: it takes what fits.
/// `written`: may be NULL; gets how many bytes were taken, on failure too.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// After a part or DAYTONA_WOULD_BLOCK one WRITABLE event on a queue's stream says when there is room.
///
/// Any thread; in an inline callback only with `timeout_ms` 0. DAYTONA_OK (with `timeout_ms` 0 also for a
/// part); DAYTONA_WOULD_BLOCK (`timeout_ms` 0, and nothing fits, the stream is not open yet, or another
/// thread is writing); DAYTONA_TIMEOUT; DAYTONA_CLOSED (it has ended, was finished or closed);
/// DAYTONA_UNSUPPORTED (it takes no input); DAYTONA_INVALID_ARGUMENT; DAYTONA_BUSY;
/// DAYTONA_INVALID_HANDLE; DAYTONA_FORKED; DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_write(
    stream: daytona_stream_t,
    data: *const u8,
    len: usize,
    timeout_ms: i64,
    written: *mut usize,
    out: *mut *mut c_char,
) -> i32 {
    store(written, 0);
    export(Out::new(out, null_mut()), || {
        let data = bytes(data, len, "data")?;
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = get(stream)?;
        if !stream.operation.takes_input() {
            let message = format!("{} takes no input", stream.operation.name);
            return named_error(stream.operation, Err(Error::new(status::UNSUPPORTED, message)));
        }
        named_error(stream.operation, write(&stream, data, timeout_ms, written))
    })
}

fn write(stream: &Arc<Stream>, data: &[u8], timeout_ms: i64, written: *mut usize) -> Result<Reply> {
    let until = deadline(timeout_ms);
    let _turn = WriteTurn::take(stream, timeout_ms, until)?;
    let mut taken = 0;
    loop {
        taken += write_what_fits(stream, data.get(taken..).unwrap_or_default())?;
        store(written, taken);
        if taken == data.len() {
            return Ok(Reply::Nothing);
        }
        if timeout_ms == 0 {
            stream.state.lock().writable_owed = true;
            if taken > 0 {
                return Ok(Reply::Nothing);
            }
            let message = "no room now; on a queue's stream a WRITABLE event says when there is";
            return Err(Error::new(status::WOULD_BLOCK, message));
        }
        wait_for_room(stream, until)?;
    }
}

/// The turn of the one who writes, given up on every way out.
struct WriteTurn<'a>(&'a Arc<Stream>);

impl<'a> WriteTurn<'a> {
    fn take(stream: &'a Arc<Stream>, timeout_ms: i64, until: Option<Instant>) -> Result<Self> {
        let take = |state: &mut State| (!std::mem::replace(&mut state.writing, true)).then_some(());
        let now = {
            let mut state = stream.state.lock();
            let now = take(&mut state);
            if now.is_none() && timeout_ms == 0 {
                state.writable_owed = true;
                let message =
                    "another thread is writing; on a queue's stream a WRITABLE event says when to try";
                return Err(Error::new(status::WOULD_BLOCK, message));
            }
            now
        };
        if now.is_none() {
            wait(stream, until, take)?;
        }
        Ok(Self(stream))
    }
}

impl Drop for WriteTurn<'_> {
    fn drop(&mut self) {
        let stream = self.0;
        let (waiters, writer) = {
            let mut state = stream.state.lock();
            state.writing = false;
            // Until the stream is open, OPENED brings what is owed.
            let writer = if state.writable_owed && state.opened { state.writer.clone() } else { None };
            (Stream::changed(&mut state), writer)
        };
        waiters.into_iter().for_each(std::task::Waker::wake);
        if let Some(writer) = writer {
            let stream = stream.clone();
            writer.on_room(move || stream.has_room_again());
        }
    }
}

/// What fits now; 0 on a full buffer, and until the stream is open.
fn write_what_fits(stream: &Stream, data: &[u8]) -> Result<usize> {
    let state = stream.state.lock();
    if state.closed {
        return Err(closed());
    }
    if let Some(end) = &state.end {
        let how = if end.status == status::OK { "ended" } else { "failed" };
        return Err(Error::new(status::CLOSED, format!("the stream has {how}; it takes no more input")));
    }
    if state.finished {
        return Err(Error::new(status::CLOSED, "the input was finished; the stream takes no more"));
    }
    if !state.opened {
        return Ok(0);
    }
    match state.writer.clone() {
        Some(writer) => {
            drop(state);
            writer.write(data)
        }
        None => Err(Error::new(status::CLOSED, "the stream takes no more input")),
    }
}

fn wait_for_room(stream: &Arc<Stream>, until: Option<Instant>) -> Result<()> {
    let writer = {
        let state = stream.state.lock();
        if state.opened { state.writer.clone() } else { None }
    };
    let Some(writer) = writer else {
        return wait(stream, until, |state| {
            (state.opened || state.closed || state.end.is_some()).then_some(())
        });
    };
    let (came, waker) = (Arc::new(AtomicBool::new(false)), stream.clone());
    let arrival = came.clone();
    writer.on_room(move || {
        arrival.store(true, Ordering::SeqCst);
        waker.has_room_again();
    });
    wait(stream, until, |state| {
        (came.load(Ordering::SeqCst) || state.closed || state.end.is_some()).then_some(())
    })
}
