//! The export that writes to a stream: to a bounded buffer, in turns.

use super::guard::{Reply, export};
use super::stream::daytona_stream_t;
use super::text::{Out, Place, bytes};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::runtime::wait::{busy_inline, deadline, in_inline_callback};
use crate::ffi::streams::state::{Phase, State};
use crate::ffi::streams::stream::{Stream, closed};
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
    // SAFETY: as the documentation demands of the caller.
    let (written, out) = unsafe { (Place::new(written), Out::new(out, null_mut())) };
    written.store(0);
    export(out, |process| {
        // SAFETY: as above.
        let data = unsafe { bytes(data, len, "data") }?;
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = process.streams.get(stream)?;
        stream.origin.complete(write(&stream, data, timeout_ms, written))
    })
}

fn write(stream: &Arc<Stream>, data: &[u8], timeout_ms: i64, written: Place<usize>) -> Result<Reply> {
    let operation = stream.origin.operation;
    if !operation.takes_input() {
        return Err(Error::new(status::UNSUPPORTED, format!("{} takes no input", operation.name)));
    }
    let until = deadline(timeout_ms);
    let _turn = WriteTurn::take(stream, timeout_ms, until)?;
    let mut taken = 0;
    loop {
        taken += write_what_fits(stream, data.get(taken..).unwrap_or_default())?;
        written.store(taken);
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
            stream.wait(until, take)?;
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
            let writer = if state.writable_owed { state.open_writer() } else { None };
            (state.changed(), writer)
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
    let Some(writer) = state.writer.clone() else {
        return Err(match &state.phase {
            Phase::Ended(end) if end.status == status::OK => {
                Error::new(status::CLOSED, "the stream has ended; it takes no more input")
            }
            Phase::Ended(_) => Error::new(status::CLOSED, "the stream has failed; it takes no more input"),
            _ => closed(),
        });
    };
    let is_open = state.is_open();
    drop(state);
    if writer.is_finished() {
        return Err(Error::new(status::CLOSED, "the input was finished; the stream takes no more"));
    }
    if is_open { writer.write(data) } else { Ok(0) }
}

fn wait_for_room(stream: &Arc<Stream>, until: Option<Instant>) -> Result<()> {
    let writer = stream.state.lock().open_writer();
    let is_over = |state: &State| matches!(state.phase, Phase::Ended(_) | Phase::Closed);
    let Some(writer) = writer else {
        return stream.wait(until, |state| (state.is_open() || is_over(state)).then_some(()));
    };
    let (came, waker) = (Arc::new(AtomicBool::new(false)), stream.clone());
    let arrival = came.clone();
    writer.on_room(move || {
        arrival.store(true, Ordering::SeqCst);
        waker.has_room_again();
    });
    stream.wait(until, |state| (came.load(Ordering::SeqCst) || is_over(state)).then_some(()))
}
