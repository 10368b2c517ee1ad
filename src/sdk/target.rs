//! What a request acts on, and whether that is still open.

use crate::client::error::{Error, Result};
use crate::client::operation::TargetRef;
use crate::client::status;
use futures_util::FutureExt;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// A client or the echo target, or a sandbox of a client: with the client everything of it is closed.
#[derive(Clone)]
pub struct Target {
    pub to: TargetRef,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_closed: AtomicBool,
    closing: Notify,
}

impl Target {
    pub fn new(to: TargetRef) -> Self {
        Self { to, state: Arc::default() }
    }

    /// Another thing that is closed together with this one.
    pub fn beside(&self, to: TargetRef) -> Self {
        Self { to, state: self.state.clone() }
    }

    /// Ends what is pending, and refuses what begins afterwards.
    pub fn close(&self) {
        self.state.is_closed.store(true, Ordering::SeqCst);
        self.state.closing.notify_waiters();
    }

    /// The outcome of `work`, or CLOSED as soon as the target is closed; `work` is dropped then. A panic inside is an error
    /// as well, as it is for all languages.
    pub async fn while_open<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        // Made before the flag is read: it hears of every close after that.
        let closing = self.state.closing.notified();
        if self.state.is_closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        tokio::select! {
            biased;
            outcome = AssertUnwindSafe(work).catch_unwind() => outcome.unwrap_or_else(|panic| Err(panicked(&*panic))),
            () = closing => Err(closed()),
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("no message");
    // Tokio's words, where the runtime was built without `enable_all`: nothing else tells.
    match text.starts_with("A Tokio 1.x context was found, but") {
        true => Error::invalid(format!("the runtime has to have its time and its I/O enabled: {text}")),
        false => Error::panicked(text),
    }
}

fn closed() -> Error {
    Error::new(status::CLOSED, "the client was closed")
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.to {
            TargetRef::Client(_) => f.write_str("client"),
            TargetRef::Sandbox(sandbox) => write!(f, "sandbox {}", sandbox.id()),
            TargetRef::Echo => f.write_str("echo"),
        }
    }
}
