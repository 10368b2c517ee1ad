//! Queues that are drained by a callback: on a thread of their own, or inline on whichever thread
//! drives the runtime. Either way serially, never inside the runtime and under no lock.

use crate::client::lock::Mutex;
use crate::client::status;
use crate::ffi::events::event::{Event, EventKind, Owner, daytona_event_t};
use crate::ffi::events::queue::Queue;
use crate::ffi::events::stream_slot::Hold;
use crate::ffi::runtime::driver::STACK_BYTES;
use crate::ffi::runtime::wait::in_inline_callback;
use std::cell::Cell;
use std::ffi::c_void;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread::{self, Thread, ThreadId};
use std::time::{Duration, Instant};

/// What a queue's owner is called with; the return value holds DATA back when it is
/// DAYTONA_WOULD_BLOCK, and ends `daytona_stream_each` when it is another non-zero.
///
/// Nothing may unwind or jump out of it: no C++ exception, no longjmp, no exit or kill of its thread (as
/// Ruby's Thread#kill does). A callback that does not return keeps its queue from ever calling again, and
/// daytona_close of that queue waits for it.
pub type daytona_callback_t =
    Option<unsafe extern "C" fn(context: *mut c_void, event: *const daytona_event_t) -> i32>;

/// A callback with its context.
#[derive(Clone, Copy)]
pub struct Callback {
    function: unsafe extern "C" fn(*mut c_void, *const daytona_event_t) -> i32,
    context: *mut c_void,
}

// SAFETY: the header demands that callback and context may be used on any thread, one at a time.
unsafe impl Send for Callback {}
// SAFETY: as above; the library serialises the calls of one queue.
unsafe impl Sync for Callback {}

impl Callback {
    /// # Safety
    /// The function may be called with `context` on any thread, until its queue is closed or its stream
    /// drained, and nothing unwinds or jumps out of it.
    pub unsafe fn new(function: daytona_callback_t, context: *mut c_void) -> Option<Self> {
        Some(Self { function: function?, context })
    }

    pub fn run(&self, event: &daytona_event_t) -> i32 {
        CALLBACKS.set(CALLBACKS.get() + 1);
        // SAFETY: the event and its data outlive the call; the function keeps the contract of `new`.
        let answer = unsafe { (self.function)(self.context, event) };
        CALLBACKS.set(CALLBACKS.get() - 1);
        answer
    }
}

thread_local! {
    static CALLBACKS: Cell<u32> = const { Cell::new(0) };
}

/// Is this thread inside any callback?
pub fn in_callback() -> bool {
    CALLBACKS.get() > 0
}

/// A callback under way.
pub struct Running {
    pub thread: ThreadId,
    /// The stream whose event it got, or 0.
    pub stream: u64,
}

/// Wakes the callback thread.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// After this time without an event a callback thread that drives tries to start the library thread.
const THREAD_RETRY: Duration = Duration::from_secs(1);
/// How many inline events are delivered before the runtime gets another turn.
const INLINE_BATCH: usize = 256;

impl Queue {
    /// Starts the thread of a callback queue.
    pub fn start_thread(self: &Arc<Self>) -> std::io::Result<()> {
        let queue = self.clone();
        thread::Builder::new().name("daytona-callback".into()).stack_size(STACK_BYTES).spawn(move || {
            crate::ffi::runtime::platform::leave_signals_to_the_application();
            queue.run_thread();
        })?;
        Ok(())
    }

    fn run_thread(self: Arc<Self>) {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            while self.deliver_one() {}
            {
                let mut state = self.state.lock();
                if Self::is_over(&state) {
                    return;
                }
                Self::set_consumer(&mut state, waker.clone());
                if !state.events.is_empty() {
                    continue;
                }
            }
            if self.process.driver.lacks_thread() {
                self.drive_instead();
            } else {
                thread::park();
            }
        }
    }

    /// Drives until there is an event, because no library thread could be started; and tries again to start
    /// one every now and then.
    fn drive_instead(&self) {
        let until = Instant::now() + THREAD_RETRY;
        let ready = poll_fn(|cx| self.poll_ready(cx));
        if let Ok(None) = self.process.driver.run(ready, Some(until)) {
            // It wakes this thread again if it fails.
            let _ = self.process.driver.ensure_driver(false);
        }
    }

    /// An inline queue's turn, between two turns of the runtime.
    pub fn deliver_to_callback(self: &Arc<Self>) {
        self.state.lock().scheduled = false;
        for _ in 0..INLINE_BATCH {
            if !self.deliver_one() {
                return;
            }
        }
        let mut state = self.state.lock();
        if !state.events.is_empty() && !state.scheduled {
            state.scheduled = true;
            self.process.driver.run_inline_soon(self.clone());
        }
    }

    /// Gives the callback the next event; false when there is none.
    fn deliver_one(self: &Arc<Self>) -> bool {
        let Some(callback) = self.callback else { return false };
        let event = {
            let mut state = self.state.lock();
            if state.closed {
                return false;
            }
            let Some(event) = self.pop(&mut state) else {
                let wakers = self.after_removal(&mut state);
                drop(state);
                wakers.into_iter().for_each(Waker::wake);
                return false;
            };
            let stream = match &event.owner {
                Owner::Stream(stream) => {
                    stream.slot.lock().hold = Hold::None;
                    stream.handle
                }
                _ => 0,
            };
            state.running = Some(Running { thread: thread::current().id(), stream });
            event
        };
        self.delivered.lock().payloads.push(event.payload.clone());
        let answer = callback.run(&event.view(self.payload_key()));
        self.delivered.lock().clear();
        self.finish(event, answer);
        true
    }

    fn finish(&self, event: Event, answer: i32) {
        let (wakers, closed, awaited) = {
            let mut state = self.state.lock();
            state.running = None;
            let awaited = state.closers > 0;
            if awaited {
                self.process.waits.end(self.handle, thread::current().id());
            }
            if answer == status::WOULD_BLOCK && event.kind == EventKind::Data && !state.closed {
                self.hold(&mut state, event);
            }
            (self.after_removal(&mut state), state.closed, awaited)
        };
        if closed {
            self.process.delivered_payloads.release(self);
        }
        // A system call, whether anybody waits or not.
        if awaited {
            self.idle.notify_all();
        }
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Waits for a callback that runs on another thread: any, or one with this stream's event. Never
    /// waits for one's own, nor inside an inline callback.
    pub fn wait_for_callback(&self, stream: Option<u64>) {
        if in_inline_callback() {
            return;
        }
        let me = thread::current().id();
        let waits = &self.process.waits;
        let mut state = self.state.lock();
        while let Some(running) = &state.running
            && running.thread != me
            && stream.is_none_or(|it| it == running.stream)
            && waits.begin(self.handle, me, running.thread)
        {
            state.closers += 1;
            state = self.idle.wait(state);
            state.closers -= 1;
            waits.leave(self.handle, me);
        }
    }
}

/// Who waits for whose callback to return. Callbacks that close each other's queues would wait for each
/// other for ever: the thread that would close the cycle does not wait.
#[derive(Default)]
pub struct WaitGraph(Mutex<Vec<Wait>>);

struct Wait {
    /// The queue or stream whose callback it is.
    of: u64,
    waiting: ThreadId,
    running: ThreadId,
}

impl WaitGraph {
    /// Notes that a thread waits for another's callback; false when that one waits for it already.
    pub fn begin(&self, of: u64, waiting: ThreadId, running: ThreadId) -> bool {
        let mut waits = self.0.lock();
        let mut at = running;
        while let Some(next) = waits.iter().find(|wait| wait.waiting == at) {
            at = next.running;
            if at == waiting {
                return false;
            }
        }
        waits.push(Wait { of, waiting, running });
        true
    }

    /// The callback has returned: from now on nobody waits for its thread because of it.
    pub fn end(&self, of: u64, running: ThreadId) {
        self.0.lock().retain(|wait| wait.of != of || wait.running != running);
    }

    /// A thread woke up.
    pub fn leave(&self, of: u64, waiting: ThreadId) {
        self.0.lock().retain(|wait| wait.of != of || wait.waiting != waiting);
    }
}
