//! A submitted call: what is known of it until its DONE is delivered, and the guard that sees to it
//! that one comes.

use crate::catalogue::Outcome;
use crate::client::background::ActivityGuard;
use crate::client::error::Result;
use crate::client::status;
use crate::ffi::calls::target::{ClientTarget, SandboxTarget};
use crate::ffi::events::event::{Event, EventKind, Owner, Payload};
use crate::ffi::events::queue::Queue;
use crate::ffi::runtime::cancel::{Cancel, panicked};
use crate::ffi::runtime::lock::Mutex;
use crate::ffi::runtime::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// A call under way that will report to a queue.
pub struct PendingCall {
    pub handle: u64,
    pub user_data: u64,
    pub queue: Arc<Queue>,
    pub cancel: Arc<Cancel>,
    pub progress: Progress,
    phase: AtomicU8,
}

/// DONE is still wanted.
const WANTED: u8 = 0;
/// DONE was delivered, or its call closed.
const OVER: u8 = 1;

impl PendingCall {
    pub fn new(handle: u64, user_data: u64, queue: Arc<Queue>, cancel: Arc<Cancel>) -> Self {
        let phase = AtomicU8::new(WANTED);
        Self { handle, user_data, queue, cancel, progress: Progress::default(), phase }
    }

    /// At the delivery of DONE: true unless the call was closed meanwhile. The handle dies here.
    pub fn deliver(&self) -> bool {
        let first = self.phase.swap(OVER, Ordering::SeqCst) == WANTED;
        if first {
            process::current().calls.remove(self.handle);
        }
        first
    }

    pub fn is_wanted(&self) -> bool {
        self.phase.load(Ordering::SeqCst) == WANTED
    }

    /// Cancel and forget: no DONE.
    pub fn forget(&self) {
        if self.deliver() {
            self.queue.drop_call();
        }
        self.cancel.cancel(status::CANCELLED);
    }
}

/// The newest progress of a transfer; one event of it waits at most.
#[derive(Default)]
pub struct Progress(Mutex<Newest>);

#[derive(Default)]
struct Newest {
    moved: u64,
    total: Option<u64>,
    waiting: bool,
}

impl Progress {
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

/// Delivers DONE, whatever becomes of the task that holds it.
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
        let outcome = self.outcome.take().unwrap_or_else(|| Err(panicked("the call's task was dropped")));
        let call = &self.call;
        let mut event = Event::new(Owner::Call(call.clone()), call.user_data, EventKind::Done, Payload::None);
        event.payload = Payload::text(match outcome {
            Ok(Outcome::Json(json) | Outcome::Bytes(json)) => json,
            Ok(Outcome::Null) => b"null".to_vec(),
            Ok(Outcome::NewSandbox(target, json)) => {
                event.made = Some(Arc::new(SandboxTarget { target, client: self.client.clone() }));
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
