//! What exists once a process, and what a fork does to it.
//!
//! Everything lives behind one pointer that the child of a fork finds empty: it never looks at the
//! parent's tables, whose locks another thread may have held. The child's own tables begin where the
//! parent's ended, so that a number alone says that a handle was made before the fork.

use crate::catalogue;
use crate::client::background;
use crate::client::lock::{Mutex, MutexGuard};
use crate::ffi::calls::pending_call::PendingCall;
use crate::ffi::calls::target::{ClientTarget, SandboxTarget};
use crate::ffi::events::callback::WaitGraph;
use crate::ffi::events::delivered::DeliveredPayloads;
use crate::ffi::events::queue::Queue;
use crate::ffi::exports::guard;
use crate::ffi::exports::log;
use crate::ffi::exports::memory;
use crate::ffi::runtime::driver::Driver;
use crate::ffi::runtime::handle::{Table, Tag};
use crate::ffi::runtime::library_thread;
use crate::ffi::runtime::platform;
use crate::ffi::streams::stream::Stream;
use std::cell::Cell;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The library's state in this process.
pub struct Process {
    pub clients: Table<Arc<ClientTarget>>,
    pub sandboxes: Table<Arc<SandboxTarget>>,
    pub calls: Table<Arc<PendingCall>>,
    pub streams: Table<Arc<Stream>>,
    pub queues: Table<Arc<Queue>>,
    pub driver: Driver,
    /// Delivered data outside of a queue.
    pub delivered_payloads: DeliveredPayloads,
    /// Who waits for whose callback.
    pub waits: WaitGraph,
    /// Where log lines go.
    pub logging: Mutex<Option<log::Listener>>,
}

impl Process {
    /// Waits for a callback that runs on another thread with an event of a stream that is closed already.
    pub fn wait_for_callback_of_stream(&self, handle: u64) {
        if let Some(stream) = self.delivered_payloads.delivering(handle) {
            stream.wait_for_callback();
        }
        for queue in self.queues.all().iter().chain(&self.delivered_payloads.closed_queues()) {
            queue.wait_for_callback(Some(handle));
        }
    }
}

static CURRENT: AtomicPtr<Process> = AtomicPtr::new(null_mut());
/// Where the tables of this process begin, in the order of the tags.
static BASES: [AtomicU32; 5] = [const { AtomicU32::new(0) }; 5];
/// Held while the state or the runtime is made and while the process forks: no child finds the work half done.
static CREATION: Mutex<()> = Mutex::new(());

/// No thread forks meanwhile.
pub(super) fn creation() -> MutexGuard<'static, ()> {
    CREATION.lock()
}

/// This process's state, made at the first use. It is never freed.
pub fn current() -> &'static Process {
    match existing() {
        Some(process) => process,
        None => create(),
    }
}

/// This process's state, if anything has been used yet.
pub fn existing() -> Option<&'static Process> {
    // SAFETY: the pointer is null or came from Box::leak in `create`, and what it points to is never freed.
    unsafe { CURRENT.load(Ordering::Acquire).as_ref() }
}

#[cold]
fn create() -> &'static Process {
    platform::prepare_for_forks();
    let _creation = CREATION.lock();
    if let Some(process) = existing() {
        return process;
    }
    background::on_change(library_thread::work_changed);
    guard::keep_panics_quiet();
    log::listen();
    // What is initialised at its first use is used here, under the lock.
    let _ = catalogue::find("");
    let [clients, sandboxes, calls, streams, queues] =
        BASES.each_ref().map(|base| base.load(Ordering::Relaxed));
    let process: &'static Process = Box::leak(Box::new(Process {
        clients: Table::new(Tag::Client, clients),
        sandboxes: Table::new(Tag::Sandbox, sandboxes),
        calls: Table::new(Tag::Call, calls),
        streams: Table::new(Tag::Stream, streams),
        queues: Table::new(Tag::Queue, queues),
        driver: Driver::new(),
        delivered_payloads: DeliveredPayloads::default(),
        waits: WaitGraph::default(),
        logging: Mutex::new(None),
    }));
    CURRENT.store(std::ptr::from_ref(process).cast_mut(), Ordering::Release);
    process
}

thread_local! {
    static HELD: Cell<Option<MutexGuard<'static, ()>>> = const { Cell::new(None) };
}

/// Runs before a fork, on the thread that forks.
pub extern "C" fn before_fork() {
    HELD.set(Some(CREATION.lock()));
    memory::before_fork();
}

/// Runs after a fork in the parent, on the thread that forked.
pub extern "C" fn after_fork() {
    memory::after_fork();
    drop(HELD.take());
}

/// Runs after a fork in the child, on the thread that forked, where nothing may wait for a lock.
pub extern "C" fn in_child() {
    after_fork();
    if let Some(parent) = existing() {
        let issued = [
            parent.clients.issued(),
            parent.sandboxes.issued(),
            parent.calls.issued(),
            parent.streams.issued(),
            parent.queues.issued(),
        ];
        for (base, issued) in BASES.iter().zip(issued) {
            base.store(issued, Ordering::Relaxed);
        }
    }
    CURRENT.store(null_mut(), Ordering::Release);
    background::forget();
    log::forget();
}
