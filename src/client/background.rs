//! Counts what must go on while no caller is inside the library: submitted calls, open streams,
//! HTTP/2 connections, clean-ups. Whoever drives the runtime installs a hook and looks at the count.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// A shutdown begins a new age, and waits for the work of the older ones alone: what others begin meanwhile
/// could keep it from ever ending. Ages share the places in turn.
static AGE: AtomicUsize = AtomicUsize::new(0);
static RUNNING_OF_AGE: [AtomicUsize; AGES] = [const { AtomicUsize::new(0) }; AGES];
const AGES: usize = 64;
static CHANGED: OnceLock<fn()> = OnceLock::new();

/// Background work for as long as it lives; it knows the place of its age.
pub struct Work(usize);

impl Work {
    pub fn begin() -> Self {
        let work = Self::of_this_age();
        if RUNNING.fetch_add(1, Ordering::SeqCst) == 0 {
            changed();
        }
        work
    }

    /// For one who sees to it himself that somebody drives, and knows better how soon.
    pub fn begin_attended() -> Self {
        let work = Self::of_this_age();
        RUNNING.fetch_add(1, Ordering::SeqCst);
        work
    }

    fn of_this_age() -> Self {
        let place = AGE.load(Ordering::SeqCst) % AGES;
        RUNNING_OF_AGE[place].fetch_add(1, Ordering::SeqCst);
        Self(place)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        RUNNING_OF_AGE[self.0].fetch_sub(1, Ordering::SeqCst);
        if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
            changed();
        }
    }
}

/// Is there anything to drive the runtime for?
pub fn running() -> bool {
    RUNNING.load(Ordering::SeqCst) > 0
}

/// Begins a new age.
pub fn next_age() -> usize {
    AGE.fetch_add(1, Ordering::SeqCst) + 1
}

/// Does work still run that was begun before this age?
pub fn older_running(age: usize) -> bool {
    let newer = AGE.load(Ordering::SeqCst) - age + 1;
    // Where more shut down at once than there are places, all work counts.
    if newer >= AGES {
        running()
    } else {
        (newer..AGES).any(|back| RUNNING_OF_AGE[(age + back) % AGES].load(Ordering::SeqCst) > 0)
    }
}

/// The child of a fork has none of its parent's work.
pub fn forget() {
    RUNNING.store(0, Ordering::SeqCst);
    RUNNING_OF_AGE.iter().for_each(|running| running.store(0, Ordering::SeqCst));
}

/// Has `hook` called whenever work begins where there was none, or the last one ends. Once a process.
pub fn on_change(hook: fn()) {
    let _ = CHANGED.set(hook);
}

tokio::task_local! {
    static CLEANING: ();
}

/// Is this a clean-up? Then it may still send, even if its client was closed meanwhile.
pub fn cleaning() -> bool {
    CLEANING.try_with(|()| ()).is_ok()
}

/// Runs a clean-up that outlives the call that asked for it (a session to delete after a cancel), and
/// its client if need be. Drops of call and stream futures happen inside the runtime; outside of one
/// nothing can be sent.
pub fn detach(cleanup: impl Future<Output = ()> + Send + 'static) {
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
    let work = Work::begin();
    runtime.spawn(async move {
        CLEANING.scope((), cleanup).await;
        drop(work);
    });
}

fn changed() {
    if let Some(hook) = CHANGED.get() {
        hook();
    }
}
