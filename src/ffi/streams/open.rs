//! Opening a stream.

use super::stream::{Stream, StreamSink, closed};
use crate::catalogue::{self, Operation};
use crate::client::error::{Error, Result};
use crate::client::stream::{Io, input};
use crate::ffi::calls::origin::Origin;
use crate::ffi::calls::target::resolve;
use crate::ffi::events::queue;
use crate::ffi::runtime::process::Process;
use crate::ffi::runtime::wait::{busy_inline, in_inline_callback, no_driver, no_runtime};
use std::sync::Arc;

/// Opens a stream and answers its handle; without a queue once it is open.
pub fn open(
    process: &'static Process,
    operation: &'static Operation,
    target: u64,
    params: Vec<u8>,
    queue: u64,
    user_data: u64,
) -> Result<u64> {
    let begin = operation.stream.ok_or_else(|| {
        Error::invalid(format!(
            "{} is a call: call it (daytona_call) or submit it (daytona_submit)",
            operation.name
        ))
    })?;
    if queue == 0 && in_inline_callback() {
        return Err(busy_inline());
    }
    let (target, client) = resolve(process, target, operation.target)?;
    let queue = if queue == 0 { None } else { Some(process.queues.get(queue)?) };
    let runtime = process.driver.start().map_err(no_runtime)?;
    let _inside = runtime.enter();
    let slot = queue.as_ref().map(|queue| queue.reserve()).transpose()?;
    let origin = Origin::new(operation, target.clone());
    let (handle, stream) = process.streams.insert(|handle| {
        let (queue, client, origin) = (queue.clone(), client.clone(), origin.clone());
        Arc::new(Stream::new(process, handle, user_data, queue, client, origin))
    })?;
    if let Some(slot) = slot {
        slot.keep();
    }
    let unopened = Unopened(Some(&stream));
    let registration = client.register(stream.cancel.clone())?;
    // A queue that closes meanwhile ends the streams in the table; what is added later sees it closed.
    if queue.as_ref().is_some_and(|queue| queue.is_closed()) {
        return Err(queue::closed());
    }
    let (ends, error_context) = (stream.clone(), origin.context.clone());
    let io = Box::new(move |buffer_bytes| {
        let (writer, input) = input(ends.bound(buffer_bytes));
        ends.state.lock().writer = Some(writer);
        Io { sink: Arc::new(StreamSink(ends)), input, error_context }
    });
    let function = begin(catalogue::Stream { target, params, io })?;
    stream.spawn(function, registration);
    match &queue {
        // Of an inline queue nobody else would drive the stream.
        Some(queue) if queue.is_inline() => process.driver.ensure_driver(false).map_err(no_driver)?,
        Some(_) => {}
        None => stream.wait(None, |state| {
            if state.is_closed() {
                return Some(Err(closed()));
            }
            match state.end() {
                Some(end) => Some(end.error.clone().map_or(Ok(()), Err)),
                None => state.is_open().then_some(Ok(())),
            }
        })??,
    }
    unopened.opened();
    Ok(handle)
}

/// A stream in the table that its caller has no handle of: closed unless it opens.
struct Unopened<'a>(Option<&'a Arc<Stream>>);

impl Unopened<'_> {
    fn opened(mut self) {
        self.0 = None;
    }
}

impl Drop for Unopened<'_> {
    fn drop(&mut self) {
        if let Some(stream) = self.0 {
            stream.process.streams.remove(stream.handle);
            stream.stop();
        }
    }
}
