//! The exports of streams.

use super::call::{busy_inline, deadline, find, named_error, no_runtime};
use super::callback::{Callback, daytona_callback_t};
use super::cancel::Cancel;
use super::driver::in_inline_callback;
use super::event::{Event, Kind, Owner, Payload};
use super::guard::{Reply, export, export_status, null, status_only};
use super::handle::slot_of;
use super::process;
use super::queue::Delivered;
use super::stream::{End, Reading, State, Stream, StreamSink};
use super::target::resolve;
use super::text::{Out, argument, bytes, json_argument, store};
use crate::catalogue::{self, Operation};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::stream::{Io, Notes, input};
use parking_lot::Mutex;
use std::ffi::{c_char, c_void};
use std::future::poll_fn;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;
use std::time::Instant;

/// A stream handle, typed so in C.
pub type daytona_stream_t = u64;

/// What `daytona_stream_each` is delivering, by the stream's slot.
static DELIVERING: Mutex<Vec<(i32, Delivered)>> = Mutex::new(Vec::new());

/// Moves the data of an event out that `daytona_stream_each` is delivering.
pub fn take(mark: i32, data: *const u8, len: u64) -> Option<Payload> {
    let mut delivering = DELIVERING.lock();
    delivering.iter_mut().find(|(stream, _)| *stream == mark)?.1.take(data, len)
}

fn get(stream: daytona_stream_t) -> Result<Arc<Stream>> {
    process::current().streams.get(stream)
}

fn closed() -> Error {
    Error::new(status::CLOSED, "the stream was closed")
}

/// Waits for a change of the stream, driving; TIMEOUT at the deadline.
fn wait<T>(
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
/// "process.run". `params`: every argument and option in one JSON object; beside the operation's own
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
    queue: super::queue_api::daytona_queue_t,
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
        let params = json_argument(params, "params")?.as_bytes().to_vec();
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
    let (subject, client) = resolve(target)?;
    let queue = if queue == 0 { None } else { Some(process.queues.get(queue)?) };
    let runtime = process.driver.start().map_err(no_runtime)?;
    let _inside = runtime.enter();
    let cancel = Arc::new(Cancel::default());
    let listed = client.list(cancel.clone())?;
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
            operation.finishable,
        ));
        made = Some(stream.clone());
        stream
    });
    let (Ok(handle), Some(stream)) = (&inserted, made) else {
        if let Some(queue) = &queue {
            queue.free_place();
        }
        return Err(inserted.err().unwrap_or_else(closed));
    };
    let forget = |error| {
        process.streams.remove(*handle);
        stream.close();
        Err(error)
    };
    let ends = stream.clone();
    let io = Box::new(move |buffer_bytes| {
        let (writer, input) = input(ends.bound(buffer_bytes));
        ends.state.lock().writer = Some(writer);
        Io { sink: Arc::new(StreamSink(ends)), input, notes: Notes::default() }
    });
    let begin = operation.stream.ok_or_else(|| Error::invalid("this operation is a call"))?;
    let function = match begin(catalogue::Stream { subject, params, io }) {
        Ok(function) => function,
        Err(error) => return forget(error),
    };
    stream.spawn(operation, function, listed);
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
        each(&stream, &callback)
    })
}

/// What `each` finds when it looks.
enum Found {
    Event(Event),
    Ended(End),
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
                    Kind::Progress,
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
                    Kind::Data,
                    Payload::Chunk(chunk.data),
                );
                event.position = chunk.position;
                event.channel = chunk.channel as i32;
                return Some(Ok(Found::Event(event)));
            }
            state.end.as_mut().map(|end| Ok(Found::Ended(End { made: end.made.take(), ..end.clone() })))
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
                let kind = event.kind;
                let answer = deliver(stream, callback, &event);
                if answer == status::WOULD_BLOCK && kind == Kind::Data {
                    hold(stream, event);
                } else if answer != 0 {
                    stream.cancel.cancel(status::CANCELLED);
                    return Err(Error::new(status::CANCELLED, "the callback ended the stream"));
                }
            }
            Found::Ended(end) => {
                let owner = Owner::Stream(stream.clone());
                let mut event =
                    Event::new(owner, stream.user_data, Kind::Ended, Payload::text(end.json.clone()));
                event.status = end.status;
                event.made = end.made;
                event.register_result();
                deliver(stream, callback, &event);
                return Ok((end.status, Reply::Text(end.json)));
            }
        }
    }
}

/// Runs the callback with an event that `daytona_event_take` can find.
fn deliver(stream: &Arc<Stream>, callback: &Callback, event: &Event) -> i32 {
    let mark = -(slot_of(stream.handle) as i32 + 1);
    {
        let mut state = stream.state.lock();
        state.each_running = Some(std::thread::current().id());
        state.resumed = false;
    }
    let mut batch = Delivered::default();
    batch.payloads.push(event.payload.clone());
    DELIVERING.lock().push((mark, batch));
    let answer = callback.run(&event.view(mark));
    DELIVERING.lock().retain(|(stream, _)| *stream != mark);
    stream.state.lock().each_running = None;
    stream.idle.notify_all();
    answer
}

/// Puts an event back that the callback did not take; a resume that came meanwhile counts.
fn hold(stream: &Arc<Stream>, event: Event) {
    let Payload::Chunk(data) = event.payload else { return };
    let mut state = stream.state.lock();
    if state.closed {
        return;
    }
    state.push_front(data, event.channel, event.position);
    state.held = !std::mem::take(&mut state.resumed);
}

/// Writes to a stream that takes input: a PTY, an upload. Writes of several threads do not interleave
/// within one call.
///
/// `data`, `len`: the bytes, copied; NULL is allowed with a length of 0.
/// `timeout_ms`: below 0 waits until everything is taken; 0 never blocks: it takes what fits.
/// `written`: may be NULL; gets how many bytes were taken, on failure too.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread; in an inline callback only with `timeout_ms` 0. DAYTONA_OK (with `timeout_ms` 0 also for a
/// part); DAYTONA_WOULD_BLOCK (`timeout_ms` 0, and nothing fits or the stream is not open yet: on a queue's
/// stream one WRITABLE event says when there is room); DAYTONA_TIMEOUT; DAYTONA_CLOSED (it has ended, was
/// finished or closed); DAYTONA_UNSUPPORTED (it takes no input); DAYTONA_INVALID_ARGUMENT; DAYTONA_BUSY;
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
        let until = deadline(timeout_ms);
        let turn = match (timeout_ms, until) {
            (0, _) => stream.write_turn.try_lock(),
            (_, None) => Some(stream.write_turn.lock()),
            (_, Some(until)) => stream.write_turn.try_lock_until(until),
        };
        if turn.is_none() {
            return Err(match timeout_ms {
                0 => Error::new(status::WOULD_BLOCK, "another thread is writing to this stream"),
                _ => Error::new(status::TIMEOUT, "another thread was writing to this stream all the time"),
            });
        }
        let mut taken = 0;
        loop {
            let fits = write(&stream, data.get(taken..).unwrap_or_default())?;
            taken += fits;
            store(written, taken);
            if taken == len || (timeout_ms == 0 && taken > 0) {
                return Ok(Reply::Nothing);
            }
            if timeout_ms == 0 {
                owe_writable(&stream);
                return Err(Error::new(
                    status::WOULD_BLOCK,
                    "no room now; a WRITABLE event says when there is",
                ));
            }
            wait_for_room(&stream, until)?;
        }
    })
}

/// What fits now; 0 on a full buffer, and until the stream is open.
fn write(stream: &Stream, data: &[u8]) -> Result<usize> {
    let state = stream.state.lock();
    if state.closed {
        return Err(closed());
    }
    if let Some(end) = &state.end {
        let how = if end.status == status::OK { "ended" } else { "failed" };
        return Err(Error::new(status::CLOSED, format!("the stream has {how}; it takes no more input")));
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

/// Has a WRITABLE event sent once there is room.
fn owe_writable(stream: &Arc<Stream>) {
    let writer = {
        let mut state = stream.state.lock();
        state.writable_owed = true;
        if state.opened { state.writer.clone() } else { None }
    };
    if let Some(writer) = writer {
        let stream = stream.clone();
        writer.on_room(move || stream.has_room_again());
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
        let mut state = stream.state.lock();
        if !stream.finishable {
            return Err(Error::new(
                status::UNSUPPORTED,
                "this stream has no end of input: close it, or write what its program takes for an end",
            ));
        }
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
    export_status(Out::new(out, out_len), || {
        if timeout_ms != 0 && in_inline_callback() {
            return Err(busy_inline());
        }
        let stream = get(stream)?;
        let (queued, finishable) = (stream.queue.is_some(), stream.finishable);
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
            None => wait(&stream, deadline(timeout_ms), ready)?,
        }?;
        Ok((end.status, Reply::Text(end.json)))
    })
}
