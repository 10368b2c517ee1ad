//! Calls: blocking ones, driven by their caller, and submitted ones, of which each ends in exactly
//! one DONE. That holds by construction: the place is reserved at submit, and a guard delivers when
//! the work did not.

use crate::catalogue::{self, Context, Operation, Outcome, Returns};
use crate::client::error::{Error, Result};
use crate::client::parse::parse_object;
use crate::client::status;
use crate::client::stream::ErrorContext;
use crate::ffi::calls::pending_call::{CompletionGuard, PendingCall};
use crate::ffi::calls::target::{ClientTarget, SandboxTarget, resolve};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::exports::guard::{Reply, export, null, status_only};
use crate::ffi::exports::text::{self, Out, argument, store};
use crate::ffi::runtime::cancel::{Cancel, Cancellable, panicked};
use crate::ffi::runtime::driver::in_inline_callback;
use crate::ffi::runtime::handle::Found;
use crate::ffi::runtime::lock::Mutex;
use crate::ffi::runtime::process;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::ffi::c_char;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use crate::ffi::calls::named::{Argument, named};

/// A call handle, typed so in C.
pub type daytona_call_t = u64;

/// The operation, if it can be called.
pub fn callable(name: &str) -> Result<&'static Operation> {
    let operation = find(name)?;
    if operation.call.is_none() {
        return Err(Error::invalid(format!("{name} is a stream: open it with daytona_stream_open")));
    }
    Ok(operation)
}

/// The operation of that name.
pub fn find(name: &str) -> Result<&'static Operation> {
    catalogue::find(name).ok_or_else(|| {
        Error::invalid(format!("there is no operation `{name}`; daytona_operations lists them all"))
    })
}

/// Everything about a call that can be wrong before it begins.
struct Prepared {
    future: catalogue::CallFuture,
    client: Arc<ClientTarget>,
    cancel: Arc<Cancel>,
    registration: crate::ffi::calls::target::RegistrationGuard,
}

fn prepare(
    operation: &'static Operation,
    target: u64,
    params: Vec<u8>,
    body: Bytes,
    progress: Option<catalogue::Progress>,
) -> Result<Prepared> {
    let (target, client) = resolve(target)?;
    if !operation.body && !body.is_empty() {
        let message = format!("{} takes no body; its arguments go into the JSON", operation.name);
        return Err(Error::invalid(message));
    }
    let cancel = Arc::new(Cancel::default());
    let registration = client.register(cancel.clone())?;
    let begin = operation.call.ok_or_else(|| Error::invalid("this operation is a stream"))?;
    let context = Context { body, error_context: ErrorContext::default(), progress };
    let future = begin(catalogue::Call { target, params, context })?;
    Ok(Prepared { future, client, cancel, registration })
}

/// A blocking call: this thread drives it.
pub fn run(
    operation: &'static Operation,
    target: u64,
    params: Vec<u8>,
    body: Bytes,
    result: *mut u64,
) -> Result<Reply> {
    if in_inline_callback() {
        return Err(busy_inline());
    }
    let driver = &process::current().driver;
    let runtime = driver.start().map_err(no_runtime)?;
    let prepared = {
        let _inside = runtime.enter();
        named_error(operation, prepare(operation, target, params, body, None))?
    };
    let Prepared { future, client, cancel, registration } = prepared;
    let outcome = named_error(
        operation,
        driver
            .run(Cancellable::new(cancel, future), None)
            .map_err(no_runtime)?
            .unwrap_or_else(|| Err(panicked("a call ended without a result"))),
    )?;
    drop(registration);
    Ok(match outcome {
        Outcome::Json(text) | Outcome::Bytes(text) => Reply::Text(text),
        Outcome::Null => Reply::Text(b"null".to_vec()),
        Outcome::NewSandbox(target, json) => {
            let made = Arc::new(SandboxTarget { target, client });
            store(result, process::current().sandboxes.insert(|_| made)?);
            Reply::Text(json)
        }
    })
}

/// Errors of the border say whose they are, as those of the operation do.
pub fn named_error<T>(operation: &'static Operation, outcome: Result<T>) -> Result<T> {
    outcome.map_err(|mut error| {
        error.detail_mut().operation.get_or_insert(operation.name);
        error
    })
}

pub fn check_result(operation: &Operation, result: *mut u64) -> Result<()> {
    if operation.returns == Returns::Handle && result.is_null() {
        return Err(null("result"));
    }
    Ok(())
}

/// Calls an operation by name and waits for its result; the generic form of the named functions.
///
/// `target`: a client or sandbox handle, as the operation wants it.
/// `operation`: its name, as "files.list". `params`: every argument and option in one JSON object;
/// NULL is `{}`.
/// `body`, `body_len`: the raw bytes of an operation that takes them, else NULL and 0.
/// `result`: gets the new handle of an operation that makes one, else 0; NULL is allowed where there
/// is none.
/// `out`, `out_len`: may be NULL (a bytes operation with `out` needs `out_len`). The result, or the
/// error JSON on failure; free it with daytona_free.
///
/// Any thread; BUSY in an inline callback. It ends early by its `timeoutMs`, or with DAYTONA_CLOSED
/// when its client is closed or the library shut down; who needs to cancel uses daytona_submit.
/// Every status, as the operation says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_call(
    target: u64,
    operation: *const c_char,
    params: *const c_char,
    body: *const u8,
    body_len: usize,
    result: *mut u64,
    out: *mut *mut c_char,
    out_len: *mut usize,
) -> i32 {
    store(result, 0);
    let out = Out::new(out, out_len);
    export(out, || {
        let name = argument(operation, "operation")?;
        let params = text::params(params)?;
        let body = text::body(body, body_len)?;
        let operation = callable(name)?;
        check_result(operation, result)?;
        if operation.returns == Returns::Bytes {
            out.must_have_length()?;
        }
        run(operation, target, params, body, result)
    })
}

/// Starts an operation and returns at once; its result comes as exactly one DONE event, unless the
/// call handle or the queue is closed: also when it is cancelled, when its client is closed, when its
/// task panics.
///
/// `target`, `operation`, `params`, `body`, `body_len`: as for daytona_call; all are copied.
/// `queue`: where DONE goes. `user_data`: comes back in every event.
/// `call`: may be NULL; gets the call handle, before the work starts; 0 on failure. The handle dies
/// by itself when DONE is delivered.
/// `out`: may be NULL. NULL on success, the error JSON on failure; free it with daytona_free.
///
/// Any thread, an inline callback too; never blocks. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT,
/// DAYTONA_INVALID_HANDLE, DAYTONA_INVALID_JSON, DAYTONA_CLOSED, DAYTONA_FORKED, DAYTONA_QUEUE_FULL (as
/// many calls as `capacityCalls` are under way), DAYTONA_UNSUPPORTED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_submit(
    target: u64,
    operation: *const c_char,
    params: *const c_char,
    body: *const u8,
    body_len: usize,
    queue: crate::ffi::exports::queue::daytona_queue_t,
    user_data: u64,
    call: *mut daytona_call_t,
    out: *mut *mut c_char,
) -> i32 {
    store(call, 0);
    export(Out::new(out, null_mut()), || {
        let name = argument(operation, "operation")?;
        let params = text::params(params)?;
        let body = text::body(body, body_len)?;
        let operation = callable(name)?;
        named_error(operation, submit(operation, target, params, body, queue, user_data, call))
    })
}

fn submit(
    operation: &'static Operation,
    target: u64,
    params: Vec<u8>,
    body: Bytes,
    queue: u64,
    user_data: u64,
    place: *mut daytona_call_t,
) -> Result<Reply> {
    let process = process::current();
    let queue = process.queues.get(queue)?;
    let runtime = process.driver.start().map_err(no_runtime)?;
    let _inside = runtime.enter();
    let reporting: Arc<Mutex<Option<Arc<PendingCall>>>> = Arc::default();
    let reporter = reporting.clone();
    let progress: catalogue::Progress = Arc::new(move |moved, total| {
        let Some(call) = reporter.lock().clone() else { return };
        if call.progress.note(moved, total) {
            let event =
                Event::new(Owner::Call(call.clone()), call.user_data, EventKind::Progress, Payload::None);
            call.queue.push(event);
        }
    });
    let Prepared { future, client, cancel, registration } =
        prepare(operation, target, params, body, Some(progress))?;
    queue.reserve()?;
    let mut made = None;
    let inserted = process.calls.insert(|handle| {
        let call = Arc::new(PendingCall::new(handle, user_data, queue.clone(), cancel.clone()));
        made = Some(call.clone());
        call
    });
    let (Ok(handle), Some(call)) = (&inserted, made) else {
        queue.release_slot();
        return Err(inserted.err().unwrap_or_else(|| panicked("a call handle was not made")));
    };
    // A queue that closes meanwhile forgets what it finds in the table; what comes later sees it closed.
    if queue.is_closed() {
        call.forget();
        return Err(crate::ffi::events::queue::closed());
    }
    *reporting.lock() = Some(call.clone());
    store(place, *handle);
    let delivery = CompletionGuard::new(call, client);
    process.driver.defer_spawn(async move {
        let outcome = named_error(operation, Cancellable::new(cancel, future).await);
        drop(registration);
        delivery.finish(outcome);
    });
    process.driver.ensure_driver(queue.is_driven());
    Ok(Reply::Nothing)
}

/// Cancels a submitted call: its DONE comes with DAYTONA_CANCELLED, unless its result is in already;
/// then nothing changes. Our side ends at once; what becomes of the remote work says each operation.
///
/// `call`: a call handle; 0 and a call that is over answer DAYTONA_OK.
///
/// Any thread, an inline callback too; never blocks. DAYTONA_OK, DAYTONA_INVALID_HANDLE,
/// DAYTONA_FORKED, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_cancel(call: daytona_call_t) -> i32 {
    status_only(|| {
        if call == 0 {
            return Ok(());
        }
        let calls = &process::current().calls;
        match calls.find(call) {
            Found::Live(call) => {
                call.cancel.cancel(status::CANCELLED);
                Ok(())
            }
            Found::Closed => Ok(()),
            Found::Forked | Found::Never => calls.get(call).map(drop),
        }
    })
}

/// Options of the hand-written functions, with errors that name the key.
pub fn parse_options<T: DeserializeOwned + Default>(function: &str, json: Option<&str>) -> Result<T> {
    match json {
        None => Ok(T::default()),
        Some(json) => parse_object(function, json.as_bytes()),
    }
}

/// When a wait of `timeout_ms` has to end; below 0 never.
pub fn deadline(timeout_ms: i64) -> Option<Instant> {
    let timeout = Duration::from_millis(u64::try_from(timeout_ms).ok()?);
    Instant::now().checked_add(timeout)
}

pub fn no_runtime(error: std::io::Error) -> Error {
    Error::new(status::IO, format!("the runtime could not start: {error}"))
}

/// The error for what an inline callback may not call.
pub fn busy_inline() -> Error {
    Error::new(
        status::BUSY,
        "an inline callback may not wait: submit instead, or use a queue with a callback thread",
    )
}
