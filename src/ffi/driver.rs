//! Who turns the one runtime of the process.
//!
//! The runtime is a current-thread one and has one seat. A caller that waits inside the library takes
//! the seat and drives: its call then costs no hop between threads. A named library thread takes it
//! whenever background work exists and no caller is inside. A caller who finds the library thread in
//! the seat has it handed over; one who finds another caller there polls his own future and inherits
//! the seat when that caller leaves.
//!
//! User code never runs inside the runtime: inline callbacks run between two of its turns.

use super::guard;
use super::lock::{Condvar, Mutex};
use super::platform::leave_signals_to_the_application;
use super::queue::Queue;
use crate::client::background::{self, ActivityGuard};
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

/// How long the library thread leaves the seat to a caller who was in it a moment ago and is expected
/// back: a loop over `queue_next` or `stream_read` then never pays for a hand-over.
const GRACE: Duration = Duration::from_micros(500);
/// How many looks at an unused seat before the library thread sleeps until it is called.
const LOOKS: u32 = 40;
/// How long a shutdown waits before it looks again: the last work may end without a notice.
const STOP_LOOK: Duration = Duration::from_millis(20);
/// A pool that is dropped wakes its connections, which then close.
const TURNS_TO_SETTLE: usize = 8;
/// Callbacks of managed languages need room.
const STACK_BYTES: usize = 2 << 20;

pub struct Driver {
    runtime: OnceLock<Runtime>,
    seat: Mutex<Seat>,
    library: Condvar,
    control: Control,
}

struct Seat {
    holder: Holder,
    waiting: VecDeque<Arc<Waiter>>,
    thread: LibraryThread,
    /// When a caller left who may be back soon.
    left_at: Option<Instant>,
    /// Counts callers that took the seat, for the library thread to see that it is in use.
    taken: u64,
    stopping: bool,
    /// Counts how often the library thread ended.
    ended: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Nobody,
    Caller,
    Library,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum LibraryThread {
    NotStarted,
    Asleep,
    /// Looks at the seat every now and then: a caller was in it a moment ago.
    Watching,
    Driving,
}

/// What whoever drives is asked to do beside driving.
struct Control {
    driver: AtomicWaker,
    yield_seat: AtomicBool,
    has_inline: AtomicBool,
    inline: Mutex<VecDeque<Arc<Queue>>>,
    has_begun: AtomicBool,
    begun: Mutex<Vec<Begun>>,
}

/// Activity that was begun outside of the runtime and that it has not heard of.
type Begun = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A caller without the seat.
struct Waiter {
    thread: Thread,
    granted: AtomicBool,
    /// The seat is another caller's, perhaps for long: this one has to poll its own future.
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
    let Some(process) = super::process::existing() else { return };
    if background::running() {
        process.driver.attend(false);
    } else {
        process.driver.control.driver.wake();
    }
}

impl Driver {
    pub fn new() -> Self {
        Self {
            runtime: OnceLock::new(),
            seat: Mutex::new(Seat {
                holder: Holder::Nobody,
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
                yield_seat: AtomicBool::new(false),
                has_inline: AtomicBool::new(false),
                inline: Mutex::new(VecDeque::new()),
                has_begun: AtomicBool::new(false),
                begun: Mutex::new(Vec::new()),
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

    /// Gives work to whoever drives, or will: the caller has [`Driver::attend`] see to it that somebody
    /// does. To spawn it from here would wake the poller of the runtime by a system call for each; what
    /// is begun while nobody waits there is found when somebody does.
    pub fn begin(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.control.begun.lock().push(Box::pin(work));
        self.control.has_begun.store(true, Ordering::SeqCst);
        // After the callback this thread turns the runtime again, and looks.
        if !in_inline_callback() && self.seat.lock().holder != Holder::Nobody {
            self.control.driver.wake();
        }
    }

    /// Inside the runtime, where spawning wakes nobody.
    fn spawn_begun(&self) {
        if self.control.has_begun.swap(false, Ordering::SeqCst) {
            for work in std::mem::take(&mut *self.control.begun.lock()) {
                tokio::spawn(work);
            }
        }
    }

    /// Has the runtime turned a few times soon: connections that nobody needs any more end in it.
    pub fn settle(&self) {
        let Some(runtime) = self.runtime.get() else { return };
        let work = ActivityGuard::begin();
        runtime.spawn(async move {
            for _ in 0..TURNS_TO_SETTLE {
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
            let mut seat = self.seat.lock();
            match seat.holder {
                Holder::Nobody => {
                    seat.holder = Holder::Caller;
                    seat.taken += 1;
                    None
                }
                Holder::Caller | Holder::Library => {
                    let by_library = seat.holder == Holder::Library;
                    let waiter = Arc::new(Waiter {
                        thread: thread::current(),
                        granted: AtomicBool::new(false),
                        on_its_own: AtomicBool::new(!by_library),
                    });
                    seat.waiting.push_back(waiter.clone());
                    if by_library {
                        self.control.yield_seat.store(true, Ordering::SeqCst);
                    }
                    Some((waiter, by_library))
                }
            }
        };
        if let Some((waiter, by_library)) = waiter {
            if by_library {
                self.control.driver.wake();
            }
            match self.wait_for_seat(runtime, &waiter, future.as_mut(), deadline) {
                Poll::Ready(early) => return Ok(early),
                Poll::Pending => {}
            }
        }
        Ok(self.drive(runtime, future, deadline))
    }

    /// Waits without the seat. Ready: the future was, or the deadline came. Pending: the seat is ours.
    fn wait_for_seat<F: Future>(
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
            // The library thread hands over at once: work begun here would only hop to it and back.
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
        let _seat = SeatGuard { driver: self };
        loop {
            match self.turn(runtime, future.as_mut(), deadline, || false) {
                Turn::Done(output) => return Some(output),
                Turn::TimedOut | Turn::Leave => return None,
                Turn::Inline => self.run_inline(),
            }
        }
    }

    /// Drives until the future is ready or something else is wanted of the one who drives.
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
                self.spawn_begun();
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

    /// Gives the seat to the next waiting caller, else frees it.
    fn release(&self) {
        let mut seat = self.seat.lock();
        if let Some(next) = seat.waiting.pop_front() {
            seat.holder = Holder::Caller;
            seat.taken += 1;
            next.granted.store(true, Ordering::SeqCst);
            next.thread.unpark();
            for other in &seat.waiting {
                if !other.on_its_own.swap(true, Ordering::SeqCst) {
                    other.thread.unpark();
                }
            }
            return;
        }
        seat.holder = Holder::Nobody;
        if background::running() {
            seat.left_at = Some(Instant::now());
            if seat.thread != LibraryThread::Watching {
                self.call_library_thread(&mut seat);
            }
        }
    }

    /// Sees to it that somebody drives. `consumer_expected`: a thread is about to wait in the library
    /// and will drive itself, so the library thread need not hurry.
    pub fn attend(&self, consumer_expected: bool) {
        let mut seat = self.seat.lock();
        if seat.holder != Holder::Nobody {
            return;
        }
        seat.left_at = consumer_expected.then(Instant::now);
        if !(consumer_expected && seat.thread == LibraryThread::Watching) {
            self.call_library_thread(&mut seat);
        }
    }

    fn call_library_thread(&self, seat: &mut Seat) {
        if seat.thread == LibraryThread::NotStarted {
            let started = thread::Builder::new()
                .name("daytona".into())
                .stack_size(STACK_BYTES)
                .spawn(|| super::process::current().driver.library_thread());
            // Without a thread to be had, callers still drive their own calls.
            if started.is_ok() {
                seat.thread = LibraryThread::Watching;
            }
        } else {
            self.library.notify_one();
        }
    }

    fn library_thread(&self) {
        leave_signals_to_the_application();
        let ended = guard::catch(|| self.attend_seat());
        if ended.is_err() {
            self.seat.lock().thread = LibraryThread::NotStarted;
        }
    }

    fn attend_seat(&self) {
        let Ok(runtime) = self.start() else { return };
        let mut seat = self.seat.lock();
        let mut last_taken = seat.taken;
        let mut looks = 0;
        loop {
            if seat.stopping && !background::running() {
                seat.thread = LibraryThread::NotStarted;
                seat.stopping = false;
                seat.ended += 1;
                self.library.notify_all();
                return;
            }
            let grace_left = match seat.left_at {
                Some(at) => GRACE.saturating_sub(at.elapsed()),
                None => Duration::ZERO,
            };
            let free = seat.holder == Holder::Nobody;
            if free && background::running() && grace_left.is_zero() {
                seat.holder = Holder::Library;
                seat.thread = LibraryThread::Driving;
                drop(seat);
                self.drive_background(runtime);
                seat = self.seat.lock();
                seat.thread = LibraryThread::Watching;
                seat.left_at = None;
                (looks, last_taken) = (0, seat.taken);
                continue;
            }
            // While callers come and go, or may come back, look again soon; else sleep until called.
            looks = if seat.taken == last_taken { looks + 1 } else { 0 };
            last_taken = seat.taken;
            if (free && background::running()) || looks < LOOKS {
                seat.thread = LibraryThread::Watching;
                seat = self.library.wait_for(seat, if grace_left.is_zero() { GRACE } else { grace_left });
            } else {
                seat.thread = LibraryThread::Asleep;
                seat = self.library.wait(seat);
                looks = 0;
            }
        }
    }

    /// The library thread's turn: until the work is done or a caller wants the seat.
    fn drive_background(&self, runtime: &Runtime) {
        let _seat = SeatGuard { driver: self };
        let mut never = pin!(pending::<()>());
        loop {
            let leave = || self.control.yield_seat.load(Ordering::SeqCst) || !background::running();
            match self.turn(runtime, never.as_mut(), None, leave) {
                Turn::Inline => self.run_inline(),
                Turn::Leave | Turn::Done(()) | Turn::TimedOut => {
                    self.control.yield_seat.store(false, Ordering::SeqCst);
                    return;
                }
            }
        }
    }

    /// Has an inline queue's callback run by whoever drives, between two turns. The queue holds
    /// background work for as long as it has events, so somebody does.
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

    /// Ends the library thread once no work is left; false when that takes longer than the deadline. It
    /// goes on ending after that, so that asking again finds it gone. Activity that began in this `epoch`, and
    /// the thread that was started for it, is others'.
    pub fn stop(&self, epoch: usize, deadline: Option<Instant>) -> bool {
        let mut seat = self.seat.lock();
        let ended = seat.ended;
        loop {
            let thread_is_gone =
                seat.thread == LibraryThread::NotStarted || seat.ended != ended || background::running();
            if !background::older_running(epoch) && thread_is_gone {
                seat.stopping = false;
                return true;
            }
            seat.stopping = true;
            self.library.notify_all();
            let slice = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => return false,
                left => left.map_or(STOP_LOOK, |left| left.min(STOP_LOOK)),
            };
            seat = self.library.wait_for(seat, slice);
        }
    }
}

/// Leaves the seat, also when a poll panics.
struct SeatGuard<'a> {
    driver: &'a Driver,
}

impl Drop for SeatGuard<'_> {
    fn drop(&mut self) {
        self.driver.release();
    }
}

/// Takes a waiter off the list; a seat that was granted meanwhile is passed on.
struct LeaveWaiting<'a> {
    driver: &'a Driver,
    waiter: Option<Arc<Waiter>>,
}

impl Drop for LeaveWaiting<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter.take() else { return };
        let mut seat = self.driver.seat.lock();
        if waiter.granted.load(Ordering::SeqCst) {
            drop(seat);
            self.driver.release();
        } else {
            seat.waiting.retain(|other| !Arc::ptr_eq(other, &waiter));
        }
    }
}
