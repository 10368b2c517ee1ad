//! The exports that pull a stream without a queue, a buffer or an event at a time.

use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::calls::call::{busy_inline, deadline, named_error};
use crate::ffi::events::callback::{Callback, daytona_callback_t};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::exports::guard::{Reply, export_status, null, status_only};
use crate::ffi::exports::stream::{closed, daytona_stream_t, get, wait};
use crate::ffi::exports::text::{Out, store};
use crate::ffi::runtime::driver::in_inline_callback;
use crate::ffi::runtime::process;
use crate::ffi::streams::stream::{End, Reading, State, Stream};
use std::ffi::{c_char, c_void};
use std::sync::Arc;
use std::task::Waker;

/// Reads what came, up to `capacity` bytes of one channel; waits until there is something.
///
/// `buffer`: room for `capacity` bytes. `timeout_ms`: below 0 waits without limit, 0 only looks.
/// `count`: gets how many bytes came. `channel`: may be NULL; gets DAYTONA_STDOUT and the like.
///
/// A thread that waits here also drives the library's work. Any thread, one reader at a time; in an
/// inline callback only with `timeout_ms` 0. DAYTONA_OK; DAYTONA_END_OF_STREAM (ended well, everything read,
/// count is 0; daytona_stream_result says more); DAYTONA_TIMEOUT (nothing came in time, count is 0); after a
/// failure, once everything is read, the failure's status, every time; DAYTONA_CLOSED; DAYTONA_BUSY (another
/// reader, or the stream has a queue); DAYTONA_INVALID_ARGUMENT (NULL, or a capacity of 0);
/// DAYTONA_INVALID_HANDLE; DAYTONA_FORKED; DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_read(
    stream: daytona_stream_t,
    buffer: *mut u8,
    capacity: usize,
    timeout_ms: i64,
    count: *mut usize,
    channel: *mut i32,
) -> i32 {
    store(count, 0);
    store(channel, 0);
    status_only(|| {
        if buffer.is_null() || count.is_null() || capacity == 0 {
            return Err(Error::invalid("stream_read needs room for at least one byte, and a count"));
        }
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = get(stream)?;
        let _turn = Reading::begin(&stream)?;
        let mut room: Option<Waker> = None;
        let mut next = |state: &mut State| {
            if state.closed {
                return Some(Err(closed()));
            }
            if let Some((chunk, waker)) = state.pop_bytes(capacity) {
                room = waker;
                return Some(Ok(chunk));
            }
            state.end.as_ref().map(|end| {
                let status = if end.status == status::OK { status::END_OF_STREAM } else { end.status };
                Err(Error::new(status, "the stream has ended"))
            })
        };
        let now = next(&mut stream.state.lock());
        let read = match now {
            Some(read) => read,
            None if timeout_ms == 0 => Err(Error::new(status::TIMEOUT, "nothing is waiting")),
            None => wait(&stream, deadline(timeout_ms), next)?,
        };
        if let Some(room) = room {
            room.wake();
        }
        let chunk = read?;
        // SAFETY: not NULL, and the header demands room for `capacity` bytes, of which no more come.
        unsafe { buffer.copy_from_nonoverlapping(chunk.data.as_ptr(), chunk.data.len()) };
        store(count, chunk.data.len());
        store(channel, chunk.channel as i32);
        Ok(())
    })
}

/// Drains a stream on the calling thread: `callback` gets every event after OPENED, ENDED included.
/// DAYTONA_WOULD_BLOCK from it pauses until daytona_stream_resume; another non-zero ends the remote side, the
/// handle stays until closed.
///
/// `callback`: not NULL; free to call any function of the library. `context`: passed through.
/// `out`, `out_len`: may be NULL. ENDED's JSON (how it ended, or the error); free it with daytona_free.
///
/// Any thread, one reader at a time; BUSY in an inline callback. ENDED's status; DAYTONA_CANCELLED when the
/// callback ended it; DAYTONA_CLOSED; DAYTONA_BUSY (another reader, or the stream has a queue);
/// DAYTONA_INVALID_ARGUMENT; DAYTONA_INVALID_HANDLE; DAYTONA_FORKED; DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_stream_each(
    stream: daytona_stream_t,
    callback: daytona_callback_t,
    context: *mut c_void,
    out: *mut *mut c_char,
    out_len: *mut usize,
) -> i32 {
    export_status(Out::new(out, out_len), || {
        let callback = Callback::new(callback, context).ok_or_else(|| null("callback"))?;
        if in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = get(stream)?;
        let _turn = Reading::begin(&stream)?;
        named_error(stream.operation, each(&stream, &callback))
    })
}

/// What `each` finds when it looks.
enum Found {
    Event(Event),
    Ended(Event, End),
}

fn each(stream: &Arc<Stream>, callback: &Callback) -> Result<(i32, Reply)> {
    loop {
        let mut room = None;
        let mut next = |state: &mut State| {
            if state.closed {
                return Some(Err(closed()));
            }
            if state.held {
                return None;
            }
            if state.take_progress() {
                let mut event = Event::new(
                    Owner::Stream(stream.clone()),
                    stream.user_data,
                    EventKind::Progress,
                    Payload::None,
                );
                stream.progress.fill(&mut event);
                return Some(Ok(Found::Event(event)));
            }
            if let Some((chunk, waker)) = state.pop() {
                room = waker;
                let mut event = Event::new(
                    Owner::Stream(stream.clone()),
                    stream.user_data,
                    EventKind::Data,
                    Payload::Chunk(chunk.data),
                );
                event.position = chunk.position;
                event.channel = chunk.channel as i32;
                return Some(Ok(Found::Event(event)));
            }
            state.end.as_mut().map(|end| Ok(Found::Ended(end.event(stream), end.clone())))
        };
        let now = next(&mut stream.state.lock());
        let found = match now {
            Some(found) => found,
            None => wait(stream, None, next)?,
        }?;
        if let Some(room) = room {
            room.wake();
        }
        match found {
            Found::Event(event) => {
                let answer = deliver(stream, callback, &event)?;
                if answer == status::WOULD_BLOCK {
                    hold(stream, event);
                } else if answer != 0 {
                    stream.cancel.cancel(status::CANCELLED);
                    return Err(Error::new(status::CANCELLED, "the callback ended the stream"));
                }
            }
            Found::Ended(mut event, end) => {
                event.register_result();
                deliver(stream, callback, &event)?;
                return Ok((end.status, Reply::Text(end.json)));
            }
        }
    }
}

/// Runs the callback with an event that `daytona_event_take` can find. None begins on a closed stream.
fn deliver(stream: &Arc<Stream>, callback: &Callback, event: &Event) -> Result<i32> {
    let me = std::thread::current().id();
    {
        let mut state = stream.state.lock();
        if state.closed {
            return Err(closed());
        }
        state.each_running = Some(me);
        state.resumed = false;
    }
    let process = process::current();
    let answer =
        process.delivered_payloads.during(stream, &event.payload, |mark| callback.run(&event.view(mark)));
    stream.state.lock().each_running = None;
    process.waits.end(stream.handle, me);
    stream.idle.notify_all();
    Ok(answer)
}

/// Puts DATA back that the callback did not take; a resume that came meanwhile counts. Of other events
/// nothing can be held back.
fn hold(stream: &Arc<Stream>, event: Event) {
    let Payload::Chunk(data) = event.payload else { return };
    let mut state = stream.state.lock();
    if state.closed {
        return;
    }
    state.push_front(data, event.channel, event.position);
    state.held = !std::mem::take(&mut state.resumed);
}
