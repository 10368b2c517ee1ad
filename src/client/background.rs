//! Counts the activity that goes on while no caller is inside the library: submitted calls, open streams,
//! HTTP/2 connections, clean-ups. The driver of the runtime installs a hook and reads the count.

use std::cell::Cell;
use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// A shutdown begins a new epoch and waits for the activity of the earlier ones only, so that what other
/// threads begin meanwhile cannot keep it from ending. The counters are reused in turn.
static EPOCH: AtomicUsize = AtomicUsize::new(0);
static RUNNING_BY_EPOCH: [AtomicUsize; EPOCHS] = [const { AtomicUsize::new(0) }; EPOCHS];
const EPOCHS: usize = 64;
static CHANGED: OnceLock<fn()> = OnceLock::new();
/// The clean-ups alone.
static CLEANING: AtomicUsize = AtomicUsize::new(0);

/// Counts as background activity until it is dropped; holds the index of its epoch's counter.
pub struct ActivityGuard(usize);

impl ActivityGuard {
    /// Begins an activity, and calls the hook if it is the first.
    pub fn begin() -> Self {
        Self::in_this_epoch().counted()
    }

    fn counted(self) -> Self {
        if RUNNING.fetch_add(1, Ordering::SeqCst) == 0 {
            changed();
        }
        self
    }

    /// Begins an activity without calling the hook: the caller itself makes sure that the runtime is driven.
    pub fn begin_without_notice() -> Self {
        let guard = Self::in_this_epoch();
        RUNNING.fetch_add(1, Ordering::SeqCst);
        guard
    }

    fn in_this_epoch() -> Self {
        Self::in_epoch(epoch())
    }

    fn in_epoch(epoch: usize) -> Self {
        let index = epoch % EPOCHS;
        RUNNING_BY_EPOCH[index].fetch_add(1, Ordering::SeqCst);
        Self(index)
    }
}

impl Drop for ActivityGuard {
    fn drop(&mut self) {
        RUNNING_BY_EPOCH[self.0].fetch_sub(1, Ordering::SeqCst);
        if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
            changed();
        }
    }
}

/// Whether any activity needs the runtime to be driven.
pub fn running() -> bool {
    RUNNING.load(Ordering::SeqCst) > 0
}

/// The epoch in which what begins now is counted.
pub fn epoch() -> usize {
    EPOCH.load(Ordering::SeqCst)
}

thread_local! {
    static WORK: Cell<Option<usize>> = const { Cell::new(None) };
}

/// Runs a piece of work that began in that epoch: the clean-ups that it leaves are counted there as well, so that the
/// shutdown which ends the work waits for them.
pub fn of_epoch<T>(epoch: usize, work: impl FnOnce() -> T) -> T {
    let outer = WORK.replace(Some(epoch));
    let done = work();
    WORK.set(outer);
    done
}

/// The epoch of what begins from now on: a new one, unless nothing runs that began in the present one.
pub fn next_epoch() -> usize {
    let present = EPOCH.load(Ordering::SeqCst);
    if !runs_in(present) {
        return present;
    }
    // Where the next counter still counts what began 64 epochs ago there is no new epoch: all activity is older.
    if !runs_in(present + 1) {
        let _ = EPOCH.compare_exchange(present, present + 1, Ordering::SeqCst, Ordering::SeqCst);
    }
    present + 1
}

fn runs_in(epoch: usize) -> bool {
    RUNNING_BY_EPOCH[epoch % EPOCHS].load(Ordering::SeqCst) > 0
}

/// Whether activity that began before this epoch still runs.
pub fn older_running(epoch: usize) -> bool {
    let newer = EPOCH.load(Ordering::SeqCst) + 1 - epoch;
    // With more shutdowns at once than counters, all activity counts.
    if newer >= EPOCHS { running() } else { (newer..EPOCHS).any(|back| runs_in(epoch + back)) }
}

/// Resets the counters: the child of a fork has none of its parent's activity.
pub fn forget() {
    RUNNING.store(0, Ordering::SeqCst);
    CLEANING.store(0, Ordering::SeqCst);
    RUNNING_BY_EPOCH.iter().for_each(|running| running.store(0, Ordering::SeqCst));
}

/// Installs the hook that is called when the first activity begins and when the last one ends. Once a process.
pub fn on_change(hook: fn()) {
    let _ = CHANGED.set(hook);
}

tokio::task_local! {
    static IN_CLEANUP: ();
}

/// Whether the current task is a clean-up, which may still send requests after its client was closed.
pub fn in_cleanup() -> bool {
    IN_CLEANUP.try_with(|()| ()).is_ok()
}

/// Runs a clean-up (such as the deletion of a session after a cancel) that outlives the call that needs it,
/// and its client if need be. The futures of calls and streams are dropped inside the runtime; outside of
/// it nothing can be sent, and this does nothing.
pub fn spawn_cleanup(cleanup: impl Future<Output = ()> + Send + 'static) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let activity = ActivityGuard::in_epoch(WORK.get().unwrap_or_else(epoch)).counted();
    let guards = (activity, Cleaning::begin());
    runtime.spawn(async move {
        IN_CLEANUP.scope((), cleanup).await;
        drop(guards);
    });
}

/// Whether any clean-up goes on.
#[cfg(feature = "sdk")]
pub fn cleaning() -> bool {
    CLEANING.load(Ordering::SeqCst) > 0
}

struct Cleaning(());

impl Cleaning {
    fn begin() -> Self {
        CLEANING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Cleaning {
    fn drop(&mut self) {
        CLEANING.fetch_sub(1, Ordering::SeqCst);
    }
}

fn changed() {
    if let Some(hook) = CHANGED.get() {
        hook();
    }
}
