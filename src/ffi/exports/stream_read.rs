//! The exports that pull a stream without a queue, a buffer or an event at a time.

use super::guard::{Reply, export_status, null, status_only};
use super::stream::daytona_stream_t;
use super::text::{Out, Place};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::stream::Chunk;
use crate::ffi::events::callback::{Callback, daytona_callback_t};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::runtime::wait::{busy_inline, deadline, in_inline_callback};
use crate::ffi::streams::state::{Each, End, State};
use crate::ffi::streams::stream::{Reading, Stream, closed};
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
    // SAFETY: as the documentation demands of the caller.
    let (counted, channel) = unsafe { (Place::new(count), Place::new(channel)) };
    counted.store(0);
    channel.store(0);
    status_only(|process| {
        if buffer.is_null() || count.is_null() || capacity == 0 {
            return Err(Error::invalid(
                "reading needs room for at least one byte, and a place for the count",
            ));
        }
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = process.streams.get(stream)?;
        let _turn = Reading::begin(&stream)?;
        let chunk = read(&stream, capacity, timeout_ms)?;
        // SAFETY: not NULL, and the caller gives room for `capacity` bytes, of which no more come.
        unsafe { buffer.copy_from_nonoverlapping(chunk.data.as_ptr(), chunk.data.len()) };
        counted.store(chunk.data.len());
        channel.store(chunk.channel as i32);
        Ok(())
    })
}

/// The next bytes, at most `capacity`.
fn read(stream: &Stream, capacity: usize, timeout_ms: i64) -> Result<Chunk> {
    let mut room: Option<Waker> = None;
    let mut next = |state: &mut State| {
        if state.is_closed() {
            return Some(Err(closed()));
        }
        if let Some((chunk, waker)) = state.pop_bytes(capacity) {
            room = waker;
            return Some(Ok(chunk));
        }
        state.end().map(|end| {
            let status = if end.status == status::OK { status::END_OF_STREAM } else { end.status };
            Err(Error::new(status, "the stream has ended"))
        })
    };
    let now = next(&mut stream.state.lock());
    let read = match now {
        Some(read) => read,
        None if timeout_ms == 0 => Err(Error::new(status::TIMEOUT, "nothing is waiting")),
        None => stream.wait(deadline(timeout_ms), next)?,
    };
    if let Some(room) = room {
        room.wake();
    }
    read
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
    // SAFETY: as the documentation demands of the caller.
    let (callback, out) = unsafe { (Callback::new(callback, context), Out::new(out, out_len)) };
    export_status(out, |process| {
        let callback = callback.ok_or_else(|| null("callback"))?;
        if in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = process.streams.get(stream)?;
        let _turn = Reading::begin(&stream)?;
        stream.origin.complete(each(&stream, &callback))
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
            if state.is_closed() {
                return Some(Err(closed()));
            }
            if state.each == Each::Held {
                return None;
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
            state.end().map(|end| Ok(Found::Ended(end.event(stream), end.clone())))
        };
        let now = next(&mut stream.state.lock());
        let found = match now {
            Some(found) => found,
            None => stream.wait(None, next)?,
        }?;
        if let Some(room) = room {
            room.wake();
        }
        match found {
            Found::Event(event) => {
                let answer = deliver(stream, callback, &event)?;
                if answer != 0 && answer != status::WOULD_BLOCK {
                    stream.cancel.cancel(status::CANCELLED);
                    return Err(Error::new(status::CANCELLED, "the callback ended the stream"));
                }
            }
            Found::Ended(mut event, end) => {
                event.register_result(&stream.process.sandboxes);
                deliver(stream, callback, &event)?;
                return Ok((end.status, Reply::Text(end.json)));
            }
        }
    }
}

/// Runs the callback with an event that `daytona_event_take` can find. None begins on a closed stream.
fn deliver(stream: &Arc<Stream>, callback: &Callback, event: &Event) -> Result<i32> {
    let thread = std::thread::current().id();
    {
        let mut state = stream.state.lock();
        if state.is_closed() {
            return Err(closed());
        }
        state.each = Each::Running { thread, resumed: false };
    }
    let process = stream.process;
    let delivered = &process.delivered_payloads;
    let answer = delivered.during(stream, &event.payload, |key| callback.run(&event.view(key)));
    {
        let mut state = stream.state.lock();
        let was = std::mem::take(&mut state.each);
        if let (status::WOULD_BLOCK, Payload::Chunk(data)) = (answer, &event.payload)
            && !state.is_closed()
        {
            // A resume that came meanwhile counts. Of other events nothing can be held back.
            state.push_front(data.clone(), event.channel, event.position);
            if !matches!(was, Each::Running { resumed: true, .. }) {
                state.each = Each::Held;
            }
        }
    }
    process.waits.end(stream.handle, thread);
    stream.callback_returned.notify_all();
    Ok(answer)
}
