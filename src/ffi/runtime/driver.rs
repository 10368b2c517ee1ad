//! Which thread drives the process's one runtime.
//!
//! The runtime is a current-thread one: one thread at a time owns and drives it. A caller that waits inside
//! the library takes it when it is free, so that its call costs no hop between threads. A named library
//! thread takes it whenever background work exists and no caller is inside. A caller that finds the library
//! thread in possession has the runtime handed over; one that finds another caller polls its own future and
//! inherits the runtime when that caller leaves.
//!
//! User code never runs inside the runtime: inline callbacks run between two of its turns. An owner whose
//! inline callback does not return in time loses the runtime to the next thread that needs it.

use super::platform::{WithoutSigpipe, leave_signals_to_the_application};
use super::process;
use super::wait::{InlineCallback, in_inline_callback};
use crate::client::background::{self, ActivityGuard};
use crate::client::lock::{Condvar, Mutex};
use crate::ffi::events::queue::Queue;
use futures_util::task::AtomicWaker;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// An owner that is inside an inline callback for longer may lose the runtime.
pub(super) const CALLBACK_LIMIT: Duration = Duration::from_secs(1);
/// Turns of the runtime in which the connections of a dropped pool wake and close.
const DRAIN_TURNS: usize = 8;
/// The stack of library threads; callbacks of managed languages run on it.
pub const STACK_BYTES: usize = 2 << 20;

pub struct Driver {
    runtime: OnceLock<Runtime>,
    pub(super) ownership: Mutex<Ownership>,
    /// The library thread waits here.
    pub(super) library: Condvar,
    /// Shutdowns wait here for the end of the library thread.
    pub(super) library_ended: Condvar,
    /// The library thread could not be started: callback threads drive instead.
    pub(super) lacks_thread: AtomicBool,
    pub(super) control: Control,
}

pub(super) struct Ownership {
    pub(super) owner: RuntimeOwner,
    waiting: VecDeque<Arc<Waiter>>,
    pub(super) thread: LibraryThread,
    /// When a caller left that may be back soon.
    pub(super) left_at: Option<Instant>,
    /// Counts the callers that took the runtime: the library thread sees by it that it is in use.
    pub(super) taken: u64,
    /// Since when the owner is inside inline callbacks.
    callback_since: Option<Instant>,
    /// Counts how often an owner lost the runtime to another thread.
    losses: u64,
    pub(super) stopping: bool,
    /// Counts how often the library thread ended.
    pub(super) ended: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RuntimeOwner {
    Nobody,
    Caller,
    Library,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LibraryThread {
    NotStarted,
    Asleep,
    /// Checks the runtime's owner periodically: a caller drove a moment ago.
    Watching,
    Driving,
}

/// What the owner is asked to do beside driving.
pub(super) struct Control {
    pub(super) driver: AtomicWaker,
    pub(super) yield_runtime: AtomicBool,
    has_inline: AtomicBool,
    inline: Mutex<VecDeque<Arc<Queue>>>,
    /// A thread is inside an inline callback: they never run at the same time.
    inline_running: AtomicBool,
    has_deferred: AtomicBool,
    deferred: Mutex<Vec<Deferred>>,
}

/// Work that waits to be spawned by the owner.
type Deferred = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A caller that waits for the runtime.
struct Waiter {
    thread: Thread,
    granted: AtomicBool,
    /// Another caller owns the runtime, perhaps for long: this one polls its own future meanwhile.
    on_its_own: AtomicBool,
}

impl Wake for Waiter {
    fn wake(self: Arc<Self>) {
        self.thread.unpark();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.thread.unpark();
    }
}

pub(super) enum Turn<T> {
    Done(T),
    TimedOut,
    Inline,
    Leave,
}

/// How an owner's drive ended.
enum Driven<T> {
    Done(Option<T>),
    /// Another thread took the runtime while this one was inside an inline callback.
    Lost,
}

impl Driver {
    pub fn new() -> Self {
        Self {
            runtime: OnceLock::new(),
            ownership: Mutex::new(Ownership {
                owner: RuntimeOwner::Nobody,
                waiting: VecDeque::new(),
                thread: LibraryThread::NotStarted,
                left_at: None,
                taken: 0,
                callback_since: None,
                losses: 0,
                stopping: false,
                ended: 0,
            }),
            library: Condvar::new(),
            library_ended: Condvar::new(),
            lacks_thread: AtomicBool::new(false),
            control: Control {
                driver: AtomicWaker::new(),
                yield_runtime: AtomicBool::new(false),
                has_inline: AtomicBool::new(false),
                inline: Mutex::new(VecDeque::new()),
                inline_running: AtomicBool::new(false),
                has_deferred: AtomicBool::new(false),
                deferred: Mutex::new(Vec::new()),
            },
        }
    }

    /// Starts the runtime if need be; the error is the operating system's.
    pub fn start(&self) -> io::Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        // The first one of a process initialises what all share: no child of a fork finds that half done.
        let _creation = process::creation();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name("daytona-blocking")
            .thread_stack_size(STACK_BYTES)
            .on_thread_start(leave_signals_to_the_application)
            .build()?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    /// Leaves work for the owner to spawn; [`Driver::ensure_driver`] has to follow. Spawning it from here
    /// would wake the runtime's poller, a system call each time.
    pub fn defer_spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.control.deferred.lock().push(Box::pin(work));
        self.control.has_deferred.store(true, Ordering::SeqCst);
        // After an inline callback this thread drives again, and finds the work.
        if !in_inline_callback() && self.ownership.lock().owner != RuntimeOwner::Nobody {
            self.control.driver.wake();
        }
    }

    /// Spawns deferred work; inside the runtime that wakes nobody.
    fn spawn_deferred(&self) {
        if self.control.has_deferred.swap(false, Ordering::SeqCst) {
            // Not in the loop's head, where the lock would be held until the last one is spawned.
            let due = std::mem::take(&mut *self.control.deferred.lock());
            for work in due {
                tokio::spawn(work);
            }
        }
    }

    /// Has the runtime driven for a few turns soon, in which connections of a closed client end.
    pub fn drain(&self) {
        let Some(runtime) = self.runtime.get() else { return };
        let activity = ActivityGuard::begin();
        runtime.spawn(async move {
            for _ in 0..DRAIN_TURNS {
                tokio::task::yield_now().await;
            }
            drop(activity);
        });
    }

    /// Runs `future` on this thread until it is ready, driving when possible; `None` at the deadline.
    /// Must not be called from an inline callback.
    pub fn run<F: Future>(
        &'static self,
        future: F,
        deadline: Option<Instant>,
    ) -> io::Result<Option<F::Output>> {
        let runtime = self.start()?;
        let mut future = pin!(future);
        loop {
            if let Some((waiter, by_library)) = self.acquire_or_queue() {
                if by_library {
                    self.control.driver.wake();
                }
                match self.wait_for_runtime(runtime, &waiter, future.as_mut(), deadline) {
                    Poll::Ready(early) => return Ok(early),
                    Poll::Pending => {}
                }
            }
            match self.drive(runtime, future.as_mut(), deadline) {
                Driven::Done(outcome) => return Ok(outcome),
                Driven::Lost => {}
            }
        }
    }

    /// Takes the runtime if it is free; else queues for it, and says whether the library thread has it.
    fn acquire_or_queue(&self) -> Option<(Arc<Waiter>, bool)> {
        let mut ownership = self.ownership.lock();
        if ownership.owner == RuntimeOwner::Nobody {
            ownership.owner = RuntimeOwner::Caller;
            ownership.taken += 1;
            return None;
        }
        let by_library = ownership.owner == RuntimeOwner::Library;
        let waiter = Arc::new(Waiter {
            thread: thread::current(),
            granted: AtomicBool::new(false),
            on_its_own: AtomicBool::new(!by_library),
        });
        ownership.waiting.push_back(waiter.clone());
        if by_library {
            self.control.yield_runtime.store(true, Ordering::SeqCst);
        }
        Some((waiter, by_library))
    }

    /// Waits for the runtime. Ready: the future completed, or the deadline came. Pending: this thread owns
    /// the runtime now.
    fn wait_for_runtime<F: Future>(
        &'static self,
        runtime: &Runtime,
        waiter: &Arc<Waiter>,
        mut future: Pin<&mut F>,
        deadline: Option<Instant>,
    ) -> Poll<Option<F::Output>> {
        let mut leave = LeaveWaiting { driver: self, waiter: Some(waiter.clone()) };
        let waker = Waker::from(waiter.clone());
        loop {
            if waiter.granted.load(Ordering::SeqCst) || self.take_over_for(waiter) {
                leave.waiter = None;
                return Poll::Pending;
            }
            // The library thread hands over at once: a poll here would only hop to it and back.
            if waiter.on_its_own.load(Ordering::SeqCst) {
                let _inside = (runtime.enter(), WithoutSigpipe::enter());
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(Some(output));
                }
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            match left {
                Some(left) if left.is_zero() => return Poll::Ready(None),
                left => thread::park_timeout(left.unwrap_or(CALLBACK_LIMIT).min(CALLBACK_LIMIT)),
            }
        }
    }

    /// Takes the runtime from an owner whose inline callback does not return.
    fn take_over_for(&self, waiter: &Arc<Waiter>) -> bool {
        let mut ownership = self.ownership.lock();
        if waiter.granted.load(Ordering::SeqCst) || !ownership.take_over(RuntimeOwner::Caller) {
            return false;
        }
        ownership.waiting.retain(|other| !Arc::ptr_eq(other, waiter));
        ownership.let_waiting_poll();
        self.control.yield_runtime.store(false, Ordering::SeqCst);
        true
    }

    fn drive<F: Future>(
        &'static self,
        runtime: &Runtime,
        mut future: Pin<&mut F>,
        deadline: Option<Instant>,
    ) -> Driven<F::Output> {
        let owner = OwnerGuard::new(self);
        loop {
            match self.turn(runtime, future.as_mut(), deadline, || false) {
                Turn::Done(output) => return Driven::Done(Some(output)),
                Turn::TimedOut | Turn::Leave => return Driven::Done(None),
                Turn::Inline if self.run_inline() => {}
                Turn::Inline => {
                    owner.lost();
                    return Driven::Lost;
                }
            }
        }
    }

    /// Drives until the future is ready or the owner has something else to do.
    pub(super) fn turn<F: Future>(
        &self,
        runtime: &Runtime,
        mut future: Pin<&mut F>,
        deadline: Option<Instant>,
        leave: impl Fn() -> bool,
    ) -> Turn<F::Output> {
        let _quiet = WithoutSigpipe::enter();
        runtime.block_on(async {
            let mut expired = pin!(async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => pending().await,
                }
            });
            poll_fn(|cx| {
                if let Poll::Ready(output) = future.as_mut().poll(cx) {
                    return Poll::Ready(Turn::Done(output));
                }
                self.control.driver.register(cx.waker());
                self.spawn_deferred();
                if self.control.has_inline.load(Ordering::SeqCst) {
                    return Poll::Ready(Turn::Inline);
                }
                if leave() {
                    return Poll::Ready(Turn::Leave);
                }
                expired.as_mut().poll(cx).map(|()| Turn::TimedOut)
            })
            .await
        })
    }

    /// Hands the runtime to the next waiting caller, else frees it.
    fn release(&'static self) {
        let mut ownership = self.ownership.lock();
        if let Some(next) = ownership.waiting.pop_front() {
            ownership.owner = RuntimeOwner::Caller;
            ownership.taken += 1;
            next.granted.store(true, Ordering::SeqCst);
            next.thread.unpark();
            ownership.let_waiting_poll();
            return;
        }
        ownership.owner = RuntimeOwner::Nobody;
        if background::running() {
            ownership.left_at = Some(Instant::now());
            if ownership.thread != LibraryThread::Watching {
                // Callback threads hear of a failure; every other thread drives its own calls.
                let _ = self.call_library_thread(ownership);
            }
        }
    }

    /// Has the owner run an inline queue's callback between two turns. The queue counts as background work
    /// for as long as it has events, so that there is an owner.
    pub fn run_inline_soon(&self, queue: Arc<Queue>) {
        self.control.inline.lock().push_back(queue);
        self.control.has_inline.store(true, Ordering::SeqCst);
        self.control.driver.wake();
    }

    /// Runs the inline callbacks that are due; false when another thread took the runtime meanwhile.
    pub(super) fn run_inline(&self) -> bool {
        self.control.has_inline.store(false, Ordering::SeqCst);
        if self.control.inline_running.swap(true, Ordering::SeqCst) {
            // The thread inside looks again when its callback returns.
            return true;
        }
        let losses = {
            let mut ownership = self.ownership.lock();
            ownership.callback_since = Some(Instant::now());
            ownership.losses
        };
        {
            let _running = InlineRunning(&self.control.inline_running);
            let _inside = InlineCallback::enter();
            loop {
                let Some(queue) = self.control.inline.lock().pop_front() else { break };
                queue.deliver_to_callback();
            }
        }
        let mut ownership = self.ownership.lock();
        let owns = ownership.losses == losses;
        if owns {
            ownership.callback_since = None;
        }
        drop(ownership);
        if !owns && !self.control.inline.lock().is_empty() {
            // The new owner may have passed over them.
            self.control.has_inline.store(true, Ordering::SeqCst);
            self.control.driver.wake();
        }
        owns
    }
}

/// Callbacks of inline queues run on this thread; a panic of the library's in one leaves nothing locked.
struct InlineRunning<'a>(&'a AtomicBool);

impl Drop for InlineRunning<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl Ownership {
    /// A caller owns the runtime now: those that wait poll their own futures meanwhile.
    fn let_waiting_poll(&self) {
        for waiter in &self.waiting {
            if !waiter.on_its_own.swap(true, Ordering::SeqCst) {
                waiter.thread.unpark();
            }
        }
    }

    /// Gives the runtime to `next` if its owner's inline callback has not returned for too long.
    pub(super) fn take_over(&mut self, next: RuntimeOwner) -> bool {
        if self.callback_since.is_none_or(|since| since.elapsed() < CALLBACK_LIMIT) {
            return false;
        }
        if self.owner == RuntimeOwner::Library {
            // That thread ends when its callback returns; another one is started when one is needed.
            self.thread = LibraryThread::NotStarted;
        }
        self.owner = next;
        self.callback_since = None;
        self.losses += 1;
        self.taken += 1;
        true
    }
}

/// Releases the runtime, also when a poll panics.
pub(super) struct OwnerGuard {
    driver: &'static Driver,
    owns: Cell<bool>,
}

impl OwnerGuard {
    pub(super) fn new(driver: &'static Driver) -> Self {
        Self { driver, owns: Cell::new(true) }
    }

    /// Another thread has the runtime already.
    pub(super) fn lost(&self) {
        self.owns.set(false);
    }
}

impl Drop for OwnerGuard {
    fn drop(&mut self) {
        if self.owns.get() {
            self.driver.release();
        }
    }
}

/// Takes a waiter off the list; a runtime that was granted meanwhile is passed on.
struct LeaveWaiting {
    driver: &'static Driver,
    waiter: Option<Arc<Waiter>>,
}

impl Drop for LeaveWaiting {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        let mut ownership = self.driver.ownership.lock();
        if waiter.granted.load(Ordering::SeqCst) {
            drop(ownership);
            self.driver.release();
        } else {
            ownership.waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
        }
    }
}
