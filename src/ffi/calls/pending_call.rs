//! A submitted call until its DONE is delivered, and the guard that delivers it.

use crate::catalogue::Outcome;
use crate::client::background::ActivityGuard;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::status;
use crate::ffi::calls::target::{ClientTarget, SandboxTarget};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::events::queue::Queue;
use crate::ffi::runtime::cancel::Cancel;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A call under way that will report to a queue.
pub struct PendingCall {
    pub handle: u64,
    pub user_data: u64,
    pub queue: Arc<Queue>,
    pub cancel: Arc<Cancel>,
    pub progress: LatestProgress,
    phase: AtomicU8,
}

/// DONE is still wanted.
const WANTED: u8 = 0;
/// DONE was delivered, or its call closed.
const OVER: u8 = 1;

impl PendingCall {
    pub fn new(handle: u64, user_data: u64, queue: Arc<Queue>, cancel: Arc<Cancel>) -> Self {
        let phase = AtomicU8::new(WANTED);
        Self { handle, user_data, queue, cancel, progress: LatestProgress::default(), phase }
    }

    /// Marks DONE as delivered, which ends the handle; false when the call was closed before.
    pub fn deliver(&self) -> bool {
        let first = self.phase.swap(OVER, Ordering::SeqCst) == WANTED;
        if first {
            self.queue.process.calls.remove(self.handle);
        }
        first
    }

    pub fn is_wanted(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == WANTED
    }

    /// Cancels the call; no DONE of it is delivered.
    pub fn forget(&self) {
        if self.deliver() {
            self.queue.drop_call();
        }
        self.cancel.cancel(status::CANCELLED);
    }
}

/// A call in the table whose work does not run yet: forgotten unless it is submitted.
pub struct Unsubmitted<'a>(Option<&'a PendingCall>);

impl<'a> Unsubmitted<'a> {
    pub fn new(call: &'a PendingCall) -> Self {
        Self(Some(call))
    }

    pub fn submitted(mut self) {
        self.0 = None;
    }
}

impl Drop for Unsubmitted<'_> {
    fn drop(&mut self) {
        if let Some(call) = self.0 {
            call.forget();
        }
    }
}

/// The newest progress of a transfer; at most one event of it waits.
#[derive(Default)]
pub struct LatestProgress(Mutex<Newest>);

#[derive(Default)]
struct Newest {
    moved: u64,
    total: Option<u64>,
    waiting: bool,
}

impl LatestProgress {
    /// Notes progress; true when an event has to be queued for it.
    pub fn note(&self, moved: u64, total: Option<u64>) -> bool {
        let mut newest = self.0.lock();
        newest.moved = moved;
        newest.total = total;
        !std::mem::replace(&mut newest.waiting, true)
    }

    /// Puts the newest progress into its event.
    pub fn fill(&self, event: &mut Event) {
        let mut newest = self.0.lock();
        newest.waiting = false;
        event.position = newest.moved;
        let total = newest.total.map_or_else(|| "null".to_owned(), |total| total.to_string());
        event.payload =
            Payload::text(format!("{{\"bytes\":{},\"total\":{total}}}", newest.moved).into_bytes());
    }
}

/// Delivers DONE when it is dropped, with a PANIC if its task did not finish.
pub struct CompletionGuard {
    call: Arc<PendingCall>,
    client: Arc<ClientTarget>,
    outcome: Option<Result<Outcome>>,
    _activity: ActivityGuard,
}

impl CompletionGuard {
    /// `Driver::ensure_driver` has to follow.
    pub fn new(call: Arc<PendingCall>, client: Arc<ClientTarget>) -> Self {
        Self { call, client, outcome: None, _activity: ActivityGuard::begin_without_notice() }
    }

    pub fn finish(mut self, outcome: Result<Outcome>) {
        self.outcome = Some(outcome);
    }
}

impl Drop for CompletionGuard {
    fn drop(&mut self) {
        let outcome =
            self.outcome.take().unwrap_or_else(|| Err(Error::panicked("the call's task was dropped")));
        let call = &self.call;
        let mut event = Event::new(Owner::Call(call.clone()), call.user_data, EventKind::Done, Payload::None);
        event.payload = Payload::text(match outcome {
            Ok(Outcome::Json(json) | Outcome::Bytes(json)) => json,
            Ok(Outcome::Text(text)) => text.into_bytes(),
            Ok(Outcome::Null) => b"null".to_vec(),
            Ok(Outcome::NewSandbox(target, json)) => {
                event.new_sandbox = Some(Arc::new(SandboxTarget { target, client: self.client.clone() }));
                json
            }
            Err(error) => {
                event.status = error.status();
                error.json()
            }
        });
        call.queue.push(event);
    }
}
