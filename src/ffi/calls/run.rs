//! Blocking calls, driven by their caller, and submitted ones, each of which ends in exactly one DONE. That
//! holds by construction: the slot is reserved at submit, and a guard delivers when the work did not.

use super::origin::Origin;
use super::pending_call::{CompletionGuard, PendingCall, Unsubmitted};
use super::target::{ClientTarget, RegistrationGuard, SandboxTarget, resolve};
use crate::catalogue::{self, Context, Operation, Outcome, Progress};
use crate::client::error::{Error, Result};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::events::queue;
use crate::ffi::exports::guard::Reply;
use crate::ffi::exports::text::Place;
use crate::ffi::runtime::cancel::{Cancel, Cancellable};
use crate::ffi::runtime::process::Process;
use crate::ffi::runtime::wait::{busy_inline, in_inline_callback, no_driver, no_runtime};
use bytes::Bytes;
use std::sync::Arc;

/// A call as its caller asks for it.
pub struct Request {
    pub operation: &'static Operation,
    /// A client or sandbox handle.
    pub target: u64,
    pub params: Vec<u8>,
    pub body: Bytes,
}

/// A call whose arguments were checked.
struct Prepared {
    future: catalogue::CallFuture,
    client: Arc<ClientTarget>,
    registration: RegistrationGuard,
    origin: Origin,
}

/// Checks everything that can be wrong before the call begins.
fn prepare(
    process: &'static Process,
    request: Request,
    cancel: Arc<Cancel>,
    progress: Option<Progress>,
) -> Result<Prepared> {
    let Request { operation, target, params, body } = request;
    let begin = operation.call.ok_or_else(|| {
        Error::invalid(format!("{} is a stream: open it as one (daytona_stream_open)", operation.name))
    })?;
    let (target, client) = resolve(process, target, operation.target)?;
    if !operation.body && !body.is_empty() {
        let message = format!("{} takes no body; its arguments go into the JSON", operation.name);
        return Err(Error::invalid(message));
    }
    let registration = client.register(cancel)?;
    let origin = Origin::new(operation, target.clone());
    let context = Context { body, error_context: origin.context.clone(), progress };
    let future = begin(catalogue::Call { target, params, context })?;
    Ok(Prepared { future, client, registration, origin })
}

/// Runs a blocking call: this thread drives it.
pub fn run(process: &'static Process, request: Request, result: Place<u64>) -> Result<Reply> {
    if in_inline_callback() {
        return Err(busy_inline());
    }
    let runtime = process.driver.start().map_err(no_runtime)?;
    let cancel = Arc::new(Cancel::default());
    let prepared = {
        let _inside = runtime.enter();
        prepare(process, request, cancel.clone(), None)?
    };
    let Prepared { future, client, registration, origin } = prepared;
    let outcome =
        process.driver.run(Cancellable::new(cancel, future), None).map_err(no_runtime).and_then(|outcome| {
            outcome.unwrap_or_else(|| Err(Error::panicked("a call ended without a result")))
        });
    let outcome = origin.complete(outcome)?;
    drop(registration);
    Ok(match outcome {
        Outcome::Json(text) | Outcome::Bytes(text) => Reply::Text(text),
        Outcome::Text(text) => Reply::Text(text.into_bytes()),
        Outcome::Null => Reply::Text(b"null".to_vec()),
        Outcome::NewSandbox(target, json) => {
            let sandbox = Arc::new(SandboxTarget { target, client });
            result.store(process.sandboxes.insert(|_| sandbox)?.0);
            Reply::Text(json)
        }
    })
}

/// Begins a submitted call; its handle is stored before the work starts.
pub fn submit(
    process: &'static Process,
    request: Request,
    queue: u64,
    user_data: u64,
    place: Place<u64>,
) -> Result<()> {
    // Wrappers close a client together with its queue: of the two the client is the one that its user knows.
    let queue = process
        .queues
        .get(queue)
        .map_err(|error| resolve(process, request.target, request.operation.target).err().unwrap_or(error))?;
    let runtime = process.driver.start().map_err(no_runtime)?;
    let _inside = runtime.enter();
    let slot = queue.reserve()?;
    let cancel = Arc::new(Cancel::default());
    let (handle, call) = process
        .calls
        .insert(|handle| Arc::new(PendingCall::new(handle, user_data, queue.clone(), cancel.clone())))?;
    slot.keep();
    let unsubmitted = Unsubmitted::new(&call);
    let prepared = prepare(process, request, cancel.clone(), Some(progress_of(&call)))?;
    // A queue that closes meanwhile forgets the calls in the table; what is added later sees it closed.
    if queue.is_closed() {
        return Err(queue::closed());
    }
    let Prepared { future, client, registration, origin } = prepared;
    unsubmitted.submitted();
    place.store(handle);
    let completion = CompletionGuard::new(call.clone(), client);
    process.driver.defer_spawn(async move {
        let outcome = origin.complete(Cancellable::new(cancel, future).await);
        drop(registration);
        completion.finish(outcome);
    });
    match process.driver.ensure_driver(queue.is_driven()) {
        // Of an inline queue nobody else would drive the call.
        Err(error) if queue.is_inline() => {
            call.forget();
            place.store(0);
            Err(no_driver(error))
        }
        _ => Ok(()),
    }
}

/// Has the progress of a transfer reported as PROGRESS, merged to the newest.
fn progress_of(call: &Arc<PendingCall>) -> Progress {
    let call = Arc::downgrade(call);
    Arc::new(move |moved, total| {
        let Some(call) = call.upgrade() else { return };
        if call.progress.note(moved, total) {
            let (user_data, queue) = (call.user_data, call.queue.clone());
            queue.push(Event::new(Owner::Call(call), user_data, EventKind::Progress, Payload::None));
        }
    })
}
