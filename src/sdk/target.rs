//! What a request acts on, and whether that is still open.

use crate::client::background;
use crate::client::error::{Error, Result};
use crate::client::operation::TargetRef;
use crate::client::status;
use futures_util::FutureExt;
use std::any::Any;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

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
    /// The requests and streams that were not dropped yet.
    running: AtomicUsize,
}

/// Counts as one that runs.
struct Running(Arc<State>);

impl Running {
    fn of(state: &Arc<State>) -> Self {
        state.running.fetch_add(1, Ordering::SeqCst);
        Self(state.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

/// For requests of other tasks to hear that they are closed. One whose future is kept and not polled never does.
const HEARING_LIMIT: Duration = Duration::from_secs(1);
/// Beyond the limit of a clean-up.
const CLEANING_LIMIT: Duration = Duration::from_secs(15);

/// What [`Client::close`](super::Client::close) gives. Awaited, it waits until what closing and dropping began in the
/// background is done, as the deletion of a session: at the end of a program, with which its runtime ends. It waits 16 s at
/// most, and need not be awaited.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> daytona::Result<()> {
/// let config = daytona::types::ClientConfig { api_key: Some("key".into()), ..Default::default() };
/// let closing: daytona::Closing = daytona::Client::new(config)?.close();
/// closing.await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Closing(Target);

impl IntoFuture for Closing {
    type Output = ();
    type IntoFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let state = self.0.state;
            let _ = timeout(HEARING_LIMIT, until(|| state.running.load(Ordering::SeqCst) == 0)).await;
            let _ = timeout(CLEANING_LIMIT, until(|| !background::cleaning())).await;
        })
    }
}

async fn until(is: impl Fn() -> bool) {
    while !is() {
        sleep(Duration::from_millis(5)).await;
    }
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
    pub fn close(&self) -> Closing {
        self.state.is_closed.store(true, Ordering::SeqCst);
        self.state.closing.notify_waiters();
        Closing(self.clone())
    }

    /// The outcome of `work`, or CLOSED as soon as the target is closed; `work` is dropped then. A panic inside is an error
    /// as well, as it is for all languages.
    pub async fn while_open<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        // Made before the flag is read: it hears of every close after that.
        let closing = self.state.closing.notified();
        if self.state.is_closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let _running = Running::of(&self.state);
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
