//! The exports of calls.

use super::guard::{Reply, export, status_only};
use super::queue::daytona_queue_t;
use super::text::{self, Out, Place, argument, text};
use crate::catalogue::{self, Operation, Returns};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::calls::origin::completed;
use crate::ffi::calls::run::{Request, run, submit};
use crate::ffi::runtime::handle::Found;
use std::ffi::{CStr, c_char};
use std::ptr::null_mut;

/// A call handle, typed so in C.
pub type daytona_call_t = u64;

/// The operation of that name.
pub fn find(name: Option<&CStr>) -> Result<&'static Operation> {
    let name = argument(name, "operation")?;
    catalogue::find(name).ok_or_else(|| {
        Error::invalid(format!(
            "there is no operation `{name}`; the catalogue lists them all (daytona_operations)"
        ))
    })
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
/// when its client is closed or the library shut down; to cancel one, use daytona_submit.
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
    // SAFETY: as the documentation demands of the caller.
    let (operation, params, result, out) =
        unsafe { (text(operation), text(params), Place::new(result), Out::new(out, out_len)) };
    result.store(0);
    export(out, |process| {
        let operation = find(operation)?;
        completed(process, operation, target, || {
            if operation.returns == Returns::Handle {
                result.required("result")?;
            }
            if operation.returns == Returns::Bytes {
                out.must_have_length()?;
            }
            let params = text::params(params)?;
            // SAFETY: as above.
            let body = unsafe { text::body(body, body_len) }?;
            run(process, Request { operation, target, params, body }, result)
        })
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
/// many calls as `capacityCalls` are under way), DAYTONA_UNSUPPORTED, DAYTONA_IO (no thread to run it on could
/// be started), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_submit(
    target: u64,
    operation: *const c_char,
    params: *const c_char,
    body: *const u8,
    body_len: usize,
    queue: daytona_queue_t,
    user_data: u64,
    call: *mut daytona_call_t,
    out: *mut *mut c_char,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (operation, params, call, out) =
        unsafe { (text(operation), text(params), Place::new(call), Out::new(out, null_mut())) };
    call.store(0);
    export(out, |process| {
        let operation = find(operation)?;
        completed(process, operation, target, || {
            let params = text::params(params)?;
            // SAFETY: as above.
            let body = unsafe { text::body(body, body_len) }?;
            submit(process, Request { operation, target, params, body }, queue, user_data, call)?;
            Ok(Reply::Nothing)
        })
    })
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
    status_only(|process| {
        if call == 0 {
            return Ok(());
        }
        match process.calls.find(call) {
            Found::Live(call) => {
                call.cancel.cancel(status::CANCELLED);
                Ok(())
            }
            Found::Closed => Ok(()),
            Found::Forked | Found::Never => process.calls.get(call).map(drop),
        }
    })
}
