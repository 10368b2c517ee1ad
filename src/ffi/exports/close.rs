//! `daytona_close`, which closes any handle, and `daytona_shutdown`, which closes everything.

use crate::client::background;
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::events::callback::in_callback;
use crate::ffi::exports::guard::{stateless, status_only};
use crate::ffi::exports::log;
use crate::ffi::runtime::handle::{Found, Table, Tag};
use crate::ffi::runtime::process;
use crate::ffi::runtime::wait::{deadline, in_inline_callback};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What `close` may be given: takes the value out, tells a closed handle from none.
fn remove<T: Clone>(table: &Table<T>, handle: u64) -> Result<Option<T>> {
    match table.find(handle) {
        Found::Live(_) => Ok(table.remove(handle)),
        Found::Closed | Found::Forked => Ok(None),
        Found::Never => table.get(handle).map(|_| None),
    }
}

/// Closes a handle of any type. 0, a handle that is closed already and one made before a fork answer
/// DAYTONA_OK; of a stream or queue that is closed already, too, a callback that still runs is waited for.
///
/// * Client: returns at once; its calls, blocking ones on other threads too, and its streams end with
///   DAYTONA_CLOSED, each DONE and ENDED delivered; its sandboxes then answer DAYTONA_CLOSED. A stream
///   whose DATA a callback holds back delivers ENDED after daytona_stream_resume.
/// * Sandbox: releases the handle; nothing happens to the sandbox, running calls go on.
/// * Call: cancel and forget: no DONE.
/// * Stream: ends the remote side where it can, in the background; functions waiting on it return
///   DAYTONA_CLOSED; no event of it, not even ENDED, comes from a daytona_queue_next that begins afterwards.
///   A callback running on another thread is waited for, one's own is not.
/// * Queue: cancels what reports to it; its streams end with DAYTONA_CANCELLED and keep their handles; a
///   waiting daytona_queue_next returns DAYTONA_CLOSED. A callback running on another thread is waited
///   for, one's own is not, and none begins afterwards: `context` may then be freed.
///
/// Close of a stream or queue waits for a callback that runs on another thread: a caller that holds what
/// this callback needs, such as an interpreter's lock or its event loop, deadlocks. Release it first. Two
/// callbacks that close each other's queue or stream do not wait for each other.
///
/// What a close begins in the background is finished by daytona_shutdown; a program that exits without it
/// may leave a command running.
///
/// Any thread; an inline callback too, where it never waits. DAYTONA_OK, DAYTONA_INVALID_HANDLE (a value
/// that was never a handle), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_close(handle: u64) -> i32 {
    status_only(|process| {
        if handle == 0 {
            return Ok(());
        }
        match Tag::of(handle) {
            Some(Tag::Client) => {
                if let Some(client) = remove(&process.clients, handle)? {
                    client.close();
                    drop(client);
                    process.driver.drain();
                }
            }
            Some(Tag::Sandbox) => drop(remove(&process.sandboxes, handle)?),
            Some(Tag::Call) => {
                if let Found::Live(call) = process.calls.find(handle) {
                    call.forget();
                } else {
                    remove(&process.calls, handle)?;
                }
            }
            Some(Tag::Stream) => {
                // It stops before its handle is gone: who finds none has only a running callback to wait for.
                if let Found::Live(stream) = process.streams.find(handle) {
                    stream.stop();
                }
                match remove(&process.streams, handle)? {
                    Some(stream) => stream.wait_for_callback(),
                    None => process.wait_for_callback_of_stream(handle),
                }
            }
            Some(Tag::Queue) => {
                if let Found::Live(queue) = process.queues.find(handle) {
                    process.delivered_payloads.keep(&queue);
                    queue.stop_accepting();
                }
                if let Some(queue) = remove(&process.queues, handle)? {
                    log::detach(process, &queue);
                    let calls = process.calls.all();
                    for call in calls.iter().filter(|call| Arc::ptr_eq(&call.queue, &queue)) {
                        call.forget();
                    }
                    for stream in process.streams.all().into_iter().filter(|stream| stream.reports_to(&queue))
                    {
                        stream.cancel.cancel(status::CANCELLED);
                    }
                    queue.close();
                } else if let Some(queue) = process.delivered_payloads.closed_queue(handle) {
                    queue.wait_for_callback(None);
                }
            }
            None => {
                return Err(Error::new(status::INVALID_HANDLE, format!("{handle} was never a handle")));
            }
        }
        Ok(())
    })
}

/// Ends everything in an orderly way: closes every client (DONE and ENDED as there), waits for running
/// callbacks and for the library's thread. Queues stay readable; once empty, daytona_queue_next answers
/// DAYTONA_CLOSED. A stream whose DATA a callback holds back delivers ENDED after daytona_stream_resume.
/// Handles stay closable, and a later daytona_client_open starts anew. Idempotent.
///
/// Call it before the program exits: it finishes what closing began in the background (the end of a remote
/// command or terminal). Without it that may be lost, and nothing else is.
///
/// `timeout_ms`: below 0 waits without limit.
///
/// Any thread; DAYTONA_BUSY inside any callback. DAYTONA_OK, DAYTONA_TIMEOUT (call again), DAYTONA_BUSY,
/// DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_shutdown(timeout_ms: i64) -> i32 {
    stateless(|| {
        if in_callback() || in_inline_callback() {
            return Err(Error::new(status::BUSY, "a callback cannot wait for itself: shut down elsewhere"));
        }
        let Some(process) = process::existing() else { return Ok(()) };
        let deadline = deadline(timeout_ms);
        // What others begin from now on is not waited for, or they could keep this from ever ending; what was
        // begun before hangs on a client that is closed now.
        let epoch = background::next_epoch();
        let (queues, streams) = (process.queues.all(), process.streams.all());
        for client in process.clients.all() {
            client.close();
        }
        // Without work a thread would begin only to be waited for: who asks with 0 would never hear the end.
        if background::running() {
            // Without a thread to be had, this one drives.
            let _ = process.driver.ensure_driver(false);
        }
        let later = || Error::new(status::TIMEOUT, "something still runs; shut down again");
        if !process.driver.stop(epoch, deadline) {
            return Err(later());
        }
        // Every DONE and ENDED is in its queue now.
        for queue in &queues {
            queue.shut();
        }
        while queues.iter().any(|queue| !queue.is_drained()) || streams.iter().any(|it| it.runs_each()) {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(later());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    })
}
