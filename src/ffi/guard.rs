//! What stands at every export: no panic leaves it, and `out` is always set.

use super::cancel::panicked;
use super::text::Out;
use crate::client::error::{Error, Result};
use crate::client::status;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What an export that has `out` answers on success.
pub enum Reply {
    /// NULL: there is nothing to say.
    Nothing,
    Text(Vec<u8>),
}

/// Runs an export's body; the result or the error JSON goes to `out`.
pub fn export(out: Out, body: impl FnOnce() -> Result<Reply>) -> i32 {
    export_status(out, || body().map(|reply| (status::OK, reply)))
}

/// The same for an export whose JSON goes with a status of its own (a stream's end).
pub fn export_status(out: Out, body: impl FnOnce() -> Result<(i32, Reply)>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        out.clear();
        body()
    }))
    .unwrap_or_else(|panic| Err(panicked(panic_text(&*panic))));
    match outcome {
        Ok((status, reply)) => {
            if let Reply::Text(text) = reply {
                out.give(text);
            }
            status
        }
        Err(error) => {
            out.give_error(&error);
            error.status()
        }
    }
}

/// The same for an export without `out`.
pub fn status_only(body: impl FnOnce() -> Result<()>) -> i32 {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => status::OK,
        Ok(Err(error)) => error.status(),
        Err(_) => status::PANIC,
    }
}

/// What a panic said.
pub fn panic_text(panic: &(dyn Any + Send)) -> &str {
    match panic.downcast_ref::<&str>() {
        Some(text) => text,
        None => panic.downcast_ref::<String>().map_or("no text", String::as_str),
    }
}

/// The error for a NULL that may not be one.
pub fn null(argument: &str) -> Error {
    Error::invalid(format!("`{argument}` is NULL; it has to point somewhere"))
}
