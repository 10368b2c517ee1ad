//! The library's own thread, which drives the runtime whenever background work exists and no caller does.

use super::driver::{
    CALLBACK_LIMIT, Driver, LibraryThread, OwnerGuard, Ownership, RuntimeOwner, STACK_BYTES, Turn,
};
use super::platform::leave_signals_to_the_application;
use super::process;
use crate::client::background;
use crate::client::lock::MutexGuard;
use crate::ffi::exports::guard;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// How long the library thread leaves a free runtime alone after a caller left it: a loop over `queue_next`
/// or `stream_read` then never pays for a hand-over.
const RETURN_GRACE: Duration = Duration::from_micros(500);
/// After this many checks of an unused runtime the library thread sleeps until it is notified.
const IDLE_CHECKS: u32 = 40;
/// A shutdown checks again after this time: the last work may end without a notification.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// The hook of [`background::on_change`].
pub fn work_changed() {
    let Some(process) = process::existing() else { return };
    if background::running() {
        // Callback threads hear of a failure; every other thread drives its own calls.
        let _ = process.driver.ensure_driver(false);
    } else {
        process.driver.control.driver.wake();
    }
}

impl Driver {
    /// Makes sure that a thread drives. `consumer_expected`: a thread is about to wait in the library and
    /// will drive itself, so that the library thread can wait a little. The error says why no library thread
    /// could be started.
    pub fn ensure_driver(&'static self, consumer_expected: bool) -> io::Result<()> {
        let mut ownership = self.ownership.lock();
        if ownership.owner != RuntimeOwner::Nobody && !ownership.take_over(RuntimeOwner::Nobody) {
            return Ok(());
        }
        ownership.left_at = consumer_expected.then(Instant::now);
        if consumer_expected && ownership.thread == LibraryThread::Watching {
            return Ok(());
        }
        self.call_library_thread(ownership)
    }

    /// Notifies the library thread, or starts it. Without one, callback threads drive.
    pub(super) fn call_library_thread(
        &'static self,
        mut ownership: MutexGuard<'_, Ownership>,
    ) -> io::Result<()> {
        if ownership.thread != LibraryThread::NotStarted {
            self.library.notify_one();
            return Ok(());
        }
        let started = thread::Builder::new()
            .name("daytona".into())
            .stack_size(STACK_BYTES)
            .spawn(|| self.library_thread());
        if started.is_ok() {
            ownership.thread = LibraryThread::Watching;
        }
        drop(ownership);
        self.lacks_thread.store(started.is_err(), Ordering::SeqCst);
        started.map(drop).inspect_err(|_| {
            for queue in process::existing().map(|process| process.queues.all()).unwrap_or_default() {
                queue.wake_callback_thread();
            }
        })
    }

    /// Whether callback threads have to drive, because no library thread could be started.
    pub fn lacks_thread(&self) -> bool {
        self.lacks_thread.load(Ordering::SeqCst)
    }

    fn library_thread(&'static self) {
        leave_signals_to_the_application();
        let ended = guard::catch(|| self.run_library_thread());
        if ended.is_err() {
            self.ownership.lock().thread = LibraryThread::NotStarted;
        }
    }

    fn run_library_thread(&'static self) {
        let Ok(runtime) = self.start() else { return };
        let mut ownership = self.ownership.lock();
        let mut last_taken = ownership.taken;
        let mut idle_checks = 0;
        loop {
            let running = background::running();
            if ownership.stopping && !running {
                ownership.thread = LibraryThread::NotStarted;
                ownership.stopping = false;
                ownership.ended += 1;
                self.library_ended.notify_all();
                return;
            }
            let grace_left = match ownership.left_at {
                Some(at) => RETURN_GRACE.saturating_sub(at.elapsed()),
                None => Duration::ZERO,
            };
            let free = ownership.owner == RuntimeOwner::Nobody;
            if running && ((free && grace_left.is_zero()) || ownership.take_over(RuntimeOwner::Library)) {
                ownership.owner = RuntimeOwner::Library;
                ownership.thread = LibraryThread::Driving;
                drop(ownership);
                if !self.drive_background(runtime) {
                    return;
                }
                ownership = self.ownership.lock();
                ownership.thread = LibraryThread::Watching;
                ownership.left_at = None;
                (idle_checks, last_taken) = (0, ownership.taken);
                continue;
            }
            // While callers come and go, or may come back, check again soon; else sleep until notified, or
            // until an owner may be stuck in its inline callback.
            idle_checks = if ownership.taken == last_taken { idle_checks + 1 } else { 0 };
            last_taken = ownership.taken;
            if (free && running) || idle_checks < IDLE_CHECKS {
                ownership.thread = LibraryThread::Watching;
                let wait = if grace_left.is_zero() { RETURN_GRACE } else { grace_left };
                ownership = self.library.wait_for(ownership, wait);
            } else {
                ownership.thread = LibraryThread::Asleep;
                if running {
                    ownership = self.library.wait_for(ownership, CALLBACK_LIMIT);
                } else {
                    ownership = self.library.wait(ownership);
                    idle_checks = 0;
                }
            }
        }
    }

    /// Drives until the work is done or a caller wants the runtime; false when another thread took it while
    /// this one was inside an inline callback: this one is then no longer the library thread.
    fn drive_background(&'static self, runtime: &Runtime) -> bool {
        let owner = OwnerGuard::new(self);
        let mut never = pin!(pending::<()>());
        loop {
            let leave = || self.control.yield_runtime.load(Ordering::SeqCst) || !background::running();
            match self.turn(runtime, never.as_mut(), None, leave) {
                Turn::Inline if self.run_inline() => {}
                Turn::Inline => {
                    owner.lost();
                    return false;
                }
                Turn::Leave | Turn::Done(()) | Turn::TimedOut => {
                    self.control.yield_runtime.store(false, Ordering::SeqCst);
                    return true;
                }
            }
        }
    }

    /// Ends the library thread once no work is left; false when that takes longer than the deadline, and it
    /// then ends later. Work that began in this `epoch`, and the thread started for it, are not waited for.
    pub fn stop(&self, epoch: usize, deadline: Option<Instant>) -> bool {
        let mut ownership = self.ownership.lock();
        let ended = ownership.ended;
        loop {
            let thread_is_gone = ownership.thread == LibraryThread::NotStarted
                || ownership.ended != ended
                || background::running();
            if !background::older_running(epoch) && thread_is_gone {
                ownership.stopping = false;
                return true;
            }
            ownership.stopping = true;
            self.library.notify_all();
            let slice = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return false,
                left => left.map_or(STOP_CHECK, |left| left.min(STOP_CHECK)),
            };
            ownership = self.library_ended.wait_for(ownership, slice);
        }
    }
}
