//! What stands at every export: no panic leaves it, and `out` is always set.

use crate::client::error::{Error, Result};
use crate::client::{log, status};
use crate::ffi::exports::text::Out;
use crate::ffi::runtime::process::{self, Process};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What an export that has `out` answers on success.
pub enum Reply {
    /// NULL: there is nothing to say.
    Nothing,
    Text(Vec<u8>),
}

/// Runs an export's body with the process's state; the result or the error JSON goes to `out`.
pub fn export(out: Out, body: impl FnOnce(&'static Process) -> Result<Reply>) -> i32 {
    export_status(out, |process| body(process).map(|reply| (status::OK, reply)))
}

/// The same for an export whose JSON goes with a status of its own (a stream's end).
pub fn export_status(out: Out, body: impl FnOnce(&'static Process) -> Result<(i32, Reply)>) -> i32 {
    let outcome = catch(|| {
        out.clear();
        body(process::current())
    })
    .unwrap_or_else(|what| Err(Error::panicked(&what)));
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
pub fn status_only(body: impl FnOnce(&'static Process) -> Result<()>) -> i32 {
    stateless(|| body(process::current()))
}

/// The same for an export that needs no state of the process, and makes none.
pub fn stateless(body: impl FnOnce() -> Result<()>) -> i32 {
    match catch(body) {
        Ok(Ok(())) => status::OK,
        Ok(Err(error)) => error.status(),
        Err(_) => status::PANIC,
    }
}

thread_local! {
    /// How many guards this thread is inside.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
    /// What the panic that unwinds now said, and where.
    static SAID: Cell<Option<String>> = const { Cell::new(None) };
}

/// Runs `body`; a panic comes back as what it said. The library prints nothing, so inside a guard the
/// panic hook only takes note.
pub fn catch<T>(body: impl FnOnce() -> T) -> Result<T, String> {
    GUARDED.set(GUARDED.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(GUARDED.get() - 1);
    outcome.map_err(|_| {
        let said = SAID.take().unwrap_or_else(|| "no text".into());
        log::line(log::ERROR, || format!("panic: {said}"));
        said
    })
}

/// Has panics inside a guard, and on the library's threads, noted instead of printed; others go where
/// they went.
pub fn keep_panics_quiet() {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::Relaxed) {
        return;
    }
    let others = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let ours = |thread: &thread::Thread| thread.name().is_some_and(|name| name.starts_with("daytona"));
        if GUARDED.get() == 0 && !ours(&thread::current()) {
            return others(info);
        }
        let payload = info.payload();
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
        let place = info.location().map_or_else(String::new, |at| format!(" at {}:{}", at.file(), at.line()));
        SAID.set(Some(format!("{text}{place}")));
    }));
}

/// The error for a NULL that may not be one.
pub fn null(argument: &str) -> Error {
    Error::invalid(format!("`{argument}` is NULL; it has to point somewhere"))
}
