//! Counts what must go on while no caller is inside the library: submitted calls, open streams,
//! HTTP/2 connections, clean-ups. Whoever drives the runtime installs a hook and looks at the count.

use std::future::Future;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

static RUNNING: AtomicUsize = AtomicUsize::new(0);
static CHANGED: OnceLock<fn()> = OnceLock::new();

/// Background work for as long as it lives.
pub struct Work(());

impl Work {
    pub fn begin() -> Self {
        if RUNNING.fetch_add(1, Ordering::SeqCst) == 0 {
            changed();
        }
        Self(())
    }

    /// For one who sees to it himself that somebody drives, and knows better how soon.
    pub fn begin_attended() -> Self {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if RUNNING.fetch_sub(1, Ordering::SeqCst) == 1 {
            changed();
        }
    }
}

/// Is there anything to drive the runtime for?
pub fn running() -> bool {
    RUNNING.load(Ordering::SeqCst) > 0
}

/// The child of a fork has none of its parent's work.
pub fn forget() {
    RUNNING.store(0, Ordering::SeqCst);
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
