//! How many requests to one host may be under way. A burst of a thousand requests would open a thousand connections,
//! although most of them could have had a connection whose request was answered meanwhile. So a burst begins with a
//! few, and their number doubles as long as requests wait behind others that are not answered at once.

use crate::client::lock::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// With so many connections a burst begins.
const FIRST_CONNECTIONS: usize = 64;
/// After this time of waiting the number doubles.
const GROWTH_INTERVAL: Duration = Duration::from_millis(5);

pub(super) struct Allowance {
    free: Arc<Semaphore>,
    /// The most that it grows to.
    limit: usize,
    state: Mutex<State>,
    /// Counts what was given back.
    released: AtomicU64,
}

struct State {
    /// In use and free together.
    allowed: usize,
    waiting: usize,
    /// The task that makes it grow while somebody waits. It ends unfinished with its runtime.
    growing: Option<AbortHandle>,
}

/// Permission for one request, given back when it is dropped.
pub(super) struct Allowed {
    allowance: Arc<Allowance>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Allowed {
    fn drop(&mut self) {
        self.allowance.released.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counted among those that wait.
struct Waiting<'a>(&'a Allowance);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.state.lock().waiting -= 1;
    }
}

impl Allowance {
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        let allowed = limit.min(FIRST_CONNECTIONS);
        Self {
            free: Arc::new(Semaphore::new(allowed)),
            limit,
            state: Mutex::new(State { allowed, waiting: 0, growing: None }),
            released: AtomicU64::new(0),
        }
    }

    /// What is free now.
    pub(super) fn try_take(self: &Arc<Self>) -> Option<Allowed> {
        let permit = self.free.clone().try_acquire_owned().ok()?;
        Some(Allowed { allowance: self.clone(), _permit: permit })
    }

    /// Waits for its turn.
    pub(super) async fn take(self: &Arc<Self>) -> Allowed {
        let _waiting = self.begin_waiting();
        match self.free.clone().acquire_owned().await {
            Ok(permit) => Allowed { allowance: self.clone(), _permit: permit },
            // The semaphore is never closed.
            Err(_) => std::future::pending().await,
        }
    }

    /// One more than now: an open stream keeps its connection, and is not what others should wait for.
    pub(super) fn grow_by_one(&self) {
        self.grow(&mut self.state.lock(), 1);
    }

    fn begin_waiting(self: &Arc<Self>) -> Waiting<'_> {
        let mut state = self.state.lock();
        state.waiting += 1;
        let grows = state.growing.as_ref().is_some_and(|task| !task.is_finished());
        if !grows && state.allowed < self.limit {
            state.growing = Some(tokio::spawn(self.clone().grow_while_waited_for()).abort_handle());
        }
        Waiting(self)
    }

    async fn grow_while_waited_for(self: Arc<Self>) {
        loop {
            let before = self.released.load(Ordering::Relaxed);
            tokio::time::sleep(GROWTH_INTERVAL).await;
            let released = self.released.load(Ordering::Relaxed) - before;
            let mut state = self.state.lock();
            if state.waiting > 0 && is_slow(released, state.allowed) {
                let allowed = state.allowed;
                self.grow(&mut state, allowed);
            }
            if state.waiting == 0 || state.allowed == self.limit {
                state.growing = None;
                return;
            }
        }
    }

    fn grow(&self, state: &mut State, by: usize) {
        let by = by.min(self.limit - state.allowed);
        state.allowed += by;
        self.free.add_permits(by);
    }
}

/// Whether requests take longer than the interval in which so many of them were answered.
fn is_slow(released: u64, allowed: usize) -> bool {
    released < allowed as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn take_all(allowance: &Arc<Allowance>) -> Vec<Allowed> {
        std::iter::from_fn(|| allowance.try_take()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_begins_with_a_few_and_doubles_while_none_is_answered() {
        let allowance = Arc::new(Allowance::new(300));
        let mut taken = take_all(&allowance);
        assert_eq!(taken.len(), FIRST_CONNECTIONS);
        for expected in [128, 256, 300] {
            taken.push(allowance.take().await);
            taken.extend(take_all(&allowance));
            assert_eq!(taken.len(), expected);
        }
        tokio::time::timeout(GROWTH_INTERVAL * 9, allowance.take()).await.map(drop).unwrap_err();
    }

    #[tokio::test(start_paused = true)]
    async fn where_requests_are_answered_at_once_others_wait_for_their_connections() {
        let allowance = Arc::new(Allowance::new(300));
        let mut taken = take_all(&allowance);
        let mut waiting = Box::pin(allowance.take());
        assert!((&mut waiting).now_or_never().is_none());
        taken.pop();
        let next = (&mut waiting).now_or_never().expect("a connection is free");
        drop(waiting);
        tokio::time::sleep(GROWTH_INTERVAL * 3).await;
        assert!(allowance.try_take().is_none(), "it grew though nobody waits");
        drop(next);
        assert!(!is_slow(64, 64) && is_slow(63, 64));
    }

    #[tokio::test]
    async fn an_open_stream_does_not_count_among_the_first() {
        let allowance = Arc::new(Allowance::new(65));
        let taken = take_all(&allowance);
        allowance.grow_by_one();
        assert_eq!(taken.len() + take_all(&allowance).len(), 65);
        allowance.grow_by_one();
        assert!(allowance.try_take().is_some(), "what was given back is free");
    }

    #[test]
    fn a_runtime_that_ended_while_it_grew_does_not_keep_it_from_growing_in_another() {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let allowance = Arc::new(Allowance::new(300));
        let taken = take_all(&allowance);
        runtime().block_on(async { assert!(allowance.take().now_or_never().is_none()) });
        let more = runtime()
            .block_on(async { tokio::time::timeout(Duration::from_secs(60), allowance.take()).await });
        assert!(more.is_ok(), "none beside the first {}", taken.len());
    }
}
