//! Which thread drives the process's one runtime.
//!
//! The runtime is a current-thread one: one thread at a time owns and drives it. A caller that waits inside
//! the library takes it when it is free, so that its call costs no hop between threads. A named library
//! thread takes it whenever background work exists and no caller is inside. A caller that finds the library
//! thread in possession has the runtime handed over; one that finds another caller polls its own future and
//! inherits the runtime when that caller leaves.
//!
//! User code never runs inside the runtime: inline callbacks run between two of its turns.

use crate::client::background::{self, ActivityGuard};
use crate::ffi::events::queue::Queue;
use crate::ffi::exports::guard;
use crate::ffi::runtime::lock::{Condvar, Mutex};
use crate::ffi::runtime::platform::leave_signals_to_the_application;
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

/// How long the library thread leaves a free runtime alone after a caller left it: a loop over `queue_next`
/// or `stream_read` then never pays for a hand-over.
const RETURN_GRACE: Duration = Duration::from_micros(500);
/// After this many checks of an unused runtime the library thread sleeps until it is notified.
const IDLE_CHECKS: u32 = 40;
/// A shutdown checks again after this time: the last work may end without a notification.
const STOP_CHECK: Duration = Duration::from_millis(20);
/// Turns of the runtime in which the connections of a dropped pool wake and close.
const DRAIN_TURNS: usize = 8;
/// The stack of library threads; callbacks of managed languages run on it.
const STACK_BYTES: usize = 2 << 20;

pub struct Driver {
    runtime: OnceLock<Runtime>,
    ownership: Mutex<Ownership>,
    library: Condvar,
    control: Control,
}

struct Ownership {
    owner: RuntimeOwner,
    waiting: VecDeque<Arc<Waiter>>,
    thread: LibraryThread,
    /// When a caller left that may be back soon.
    left_at: Option<Instant>,
    /// Counts the callers that took the runtime: the library thread sees by it that it is in use.
    taken: u64,
    stopping: bool,
    /// Counts how often the library thread ended.
    ended: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RuntimeOwner {
    Nobody,
    Caller,
    Library,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LibraryThread {
    NotStarted,
    Asleep,
    /// Checks the runtime's owner periodically: a caller drove a moment ago.
    Watching,
    Driving,
}

/// What the owner is asked to do beside driving.
struct Control {
    driver: AtomicWaker,
    yield_runtime: AtomicBool,
    has_inline: AtomicBool,
    inline: Mutex<VecDeque<Arc<Queue>>>,
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

enum Turn<T> {
    Done(T),
    TimedOut,
    Inline,
    Leave,
}

thread_local! {
    static INLINE: Cell<bool> = const { Cell::new(false) };
}

/// Is this thread inside an inline callback?
pub fn in_inline_callback() -> bool {
    INLINE.get()
}

/// The hook of [`background::on_change`].
pub fn work_changed() {
    let Some(process) = crate::ffi::runtime::process::existing() else { return };
    if background::running() {
        process.driver.ensure_driver(false);
    } else {
        process.driver.control.driver.wake();
    }
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
                stopping: false,
                ended: 0,
            }),
            library: Condvar::new(),
            control: Control {
                driver: AtomicWaker::new(),
                yield_runtime: AtomicBool::new(false),
                has_inline: AtomicBool::new(false),
                inline: Mutex::new(VecDeque::new()),
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
            for work in std::mem::take(&mut *self.control.deferred.lock()) {
                tokio::spawn(work);
            }
        }
    }

    /// Has the runtime driven for a few turns soon, in which connections of a closed client end.
    pub fn drain(&self) {
        let Some(runtime) = self.runtime.get() else { return };
        let work = ActivityGuard::begin();
        runtime.spawn(async move {
            for _ in 0..DRAIN_TURNS {
                tokio::task::yield_now().await;
            }
            drop(work);
        });
    }

    /// Runs `future` on this thread until it is ready, driving when possible; `None` at the deadline.
    /// Must not be called from an inline callback.
    pub fn run<F: Future>(&self, future: F, deadline: Option<Instant>) -> io::Result<Option<F::Output>> {
        let runtime = self.start()?;
        let mut future = pin!(future);
        let waiter = {
            let mut ownership = self.ownership.lock();
            match ownership.owner {
                RuntimeOwner::Nobody => {
                    ownership.owner = RuntimeOwner::Caller;
                    ownership.taken += 1;
                    None
                }
                RuntimeOwner::Caller | RuntimeOwner::Library => {
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
            }
        };
        if let Some((waiter, by_library)) = waiter {
            if by_library {
                self.control.driver.wake();
            }
            match self.wait_for_runtime(runtime, &waiter, future.as_mut(), deadline) {
                Poll::Ready(early) => return Ok(early),
                Poll::Pending => {}
            }
        }
        Ok(self.drive(runtime, future, deadline))
    }

    /// Waits for the runtime. Ready: the future completed, or the deadline came. Pending: this thread owns
    /// the runtime now.
    fn wait_for_runtime<F: Future>(
        &self,
        runtime: &Runtime,
        waiter: &Arc<Waiter>,
        mut future: Pin<&mut F>,
        deadline: Option<Instant>,
    ) -> Poll<Option<F::Output>> {
        let mut leave = LeaveWaiting { driver: self, waiter: Some(waiter.clone()) };
        let waker = Waker::from(waiter.clone());
        loop {
            if waiter.granted.load(Ordering::SeqCst) {
                leave.waiter = None;
                return Poll::Pending;
            }
            // The library thread hands over at once: a poll here would only hop to it and back.
            if waiter.on_its_own.load(Ordering::SeqCst) {
                let _inside = runtime.enter();
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return Poll::Ready(Some(output));
                }
            }
            match deadline {
                None => thread::park(),
                Some(deadline) => {
                    let now = Instant::now();
                    if now >= deadline {
                        return Poll::Ready(None);
                    }
                    thread::park_timeout(deadline - now);
                }
            }
        }
    }

    fn drive<F: Future>(
        &self,
        runtime: &Runtime,
        mut future: Pin<&mut F>,
        deadline: Option<Instant>,
    ) -> Option<F::Output> {
        let _owner = OwnerGuard { driver: self };
        loop {
            match self.turn(runtime, future.as_mut(), deadline, || false) {
                Turn::Done(output) => return Some(output),
                Turn::TimedOut | Turn::Leave => return None,
                Turn::Inline => self.run_inline(),
            }
        }
    }

    /// Drives until the future is ready or the owner has something else to do.
    fn turn<F: Future>(
        &self,
        runtime: &Runtime,
        mut future: Pin<&mut F>,
        deadline: Option<Instant>,
        leave: impl Fn() -> bool,
    ) -> Turn<F::Output> {
        runtime.block_on(async {
            let expired = pin!(async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => pending().await,
                }
            });
            let mut expired = expired;
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
    fn release(&self) {
        let mut ownership = self.ownership.lock();
        if let Some(next) = ownership.waiting.pop_front() {
            ownership.owner = RuntimeOwner::Caller;
            ownership.taken += 1;
            next.granted.store(true, Ordering::SeqCst);
            next.thread.unpark();
            for other in &ownership.waiting {
                if !other.on_its_own.swap(true, Ordering::SeqCst) {
                    other.thread.unpark();
                }
            }
            return;
        }
        ownership.owner = RuntimeOwner::Nobody;
        if background::running() {
            ownership.left_at = Some(Instant::now());
            if ownership.thread != LibraryThread::Watching {
                self.call_library_thread(&mut ownership);
            }
        }
    }

    /// Makes sure that a thread drives. `consumer_expected`: a thread is about to wait in the library and
    /// will drive itself, so that the library thread can wait a little.
    pub fn ensure_driver(&self, consumer_expected: bool) {
        let mut ownership = self.ownership.lock();
        if ownership.owner != RuntimeOwner::Nobody {
            return;
        }
        ownership.left_at = consumer_expected.then(Instant::now);
        if !(consumer_expected && ownership.thread == LibraryThread::Watching) {
            self.call_library_thread(&mut ownership);
        }
    }

    fn call_library_thread(&self, ownership: &mut Ownership) {
        if ownership.thread == LibraryThread::NotStarted {
            let started = thread::Builder::new()
                .name("daytona".into())
                .stack_size(STACK_BYTES)
                .spawn(|| crate::ffi::runtime::process::current().driver.library_thread());
            // Without a thread to be had, callers still drive their own calls.
            if started.is_ok() {
                ownership.thread = LibraryThread::Watching;
            }
        } else {
            self.library.notify_one();
        }
    }

    fn library_thread(&self) {
        leave_signals_to_the_application();
        let ended = guard::catch(|| self.run_library_thread());
        if ended.is_err() {
            self.ownership.lock().thread = LibraryThread::NotStarted;
        }
    }

    fn run_library_thread(&self) {
        let Ok(runtime) = self.start() else { return };
        let mut ownership = self.ownership.lock();
        let mut last_taken = ownership.taken;
        let mut idle_checks = 0;
        loop {
            if ownership.stopping && !background::running() {
                ownership.thread = LibraryThread::NotStarted;
                ownership.stopping = false;
                ownership.ended += 1;
                self.library.notify_all();
                return;
            }
            let grace_left = match ownership.left_at {
                Some(at) => RETURN_GRACE.saturating_sub(at.elapsed()),
                None => Duration::ZERO,
            };
            let free = ownership.owner == RuntimeOwner::Nobody;
            if free && background::running() && grace_left.is_zero() {
                ownership.owner = RuntimeOwner::Library;
                ownership.thread = LibraryThread::Driving;
                drop(ownership);
                self.drive_background(runtime);
                ownership = self.ownership.lock();
                ownership.thread = LibraryThread::Watching;
                ownership.left_at = None;
                (idle_checks, last_taken) = (0, ownership.taken);
                continue;
            }
            // While callers come and go, or may come back, check again soon; else sleep until notified.
            idle_checks = if ownership.taken == last_taken { idle_checks + 1 } else { 0 };
            last_taken = ownership.taken;
            if (free && background::running()) || idle_checks < IDLE_CHECKS {
                ownership.thread = LibraryThread::Watching;
                ownership = self
                    .library
                    .wait_for(ownership, if grace_left.is_zero() { RETURN_GRACE } else { grace_left });
            } else {
                ownership.thread = LibraryThread::Asleep;
                ownership = self.library.wait(ownership);
                idle_checks = 0;
            }
        }
    }

    /// The library thread drives until the work is done or a caller wants the runtime.
    fn drive_background(&self, runtime: &Runtime) {
        let _owner = OwnerGuard { driver: self };
        let mut never = pin!(pending::<()>());
        loop {
            let leave = || self.control.yield_runtime.load(Ordering::SeqCst) || !background::running();
            match self.turn(runtime, never.as_mut(), None, leave) {
                Turn::Inline => self.run_inline(),
                Turn::Leave | Turn::Done(()) | Turn::TimedOut => {
                    self.control.yield_runtime.store(false, Ordering::SeqCst);
                    return;
                }
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

    fn run_inline(&self) {
        self.control.has_inline.store(false, Ordering::SeqCst);
        INLINE.set(true);
        loop {
            let Some(queue) = self.control.inline.lock().pop_front() else { break };
            queue.deliver_to_callback();
        }
        INLINE.set(false);
    }

    /// Ends the library thread once no work is left; false when that takes longer than the deadline, and it
    /// then ends later. Work that was begun in this `epoch`, and the thread started for it, are not waited for.
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
            ownership = self.library.wait_for(ownership, slice);
        }
    }
}

/// Releases the runtime, also when a poll panics.
struct OwnerGuard<'a> {
    driver: &'a Driver,
}

impl Drop for OwnerGuard<'_> {
    fn drop(&mut self) {
        self.driver.release();
    }
}

/// Takes a waiter off the list; a runtime that was granted meanwhile is passed on.
struct LeaveWaiting<'a> {
    driver: &'a Driver,
    waiter: Option<Arc<Waiter>>,
}

impl Drop for LeaveWaiting<'_> {
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
