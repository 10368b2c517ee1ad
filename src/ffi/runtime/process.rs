//! What exists once a process, and what a fork does to it.
//!
//! Everything lives behind one pointer that the child of a fork finds empty: it never looks at the
//! parent's tables, whose locks another thread may have held. The child's own tables begin where the
//! parent's ended, so that a number alone says that a handle was made before the fork.

use crate::client::background;
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
use crate::ffi::runtime::lock::Mutex;
use crate::ffi::runtime::platform;
use crate::ffi::streams::stream::Stream;
use std::ptr::null_mut;
use std::sync::Arc;
use std::sync::Once;
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

static CURRENT: AtomicPtr<Process> = AtomicPtr::new(null_mut());
/// Where the tables of this process begin, in the order of the tags.
static BASES: [AtomicU32; 5] = [const { AtomicU32::new(0) }; 5];
static FORK_HANDLERS: Once = Once::new();
static HOOKS: Once = Once::new();

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

/// Sees to it that a child finds the library usable. Once a process, before the first lock.
pub fn prepare_for_forks() {
    FORK_HANDLERS.call_once(|| platform::at_fork(memory::before_fork, memory::after_fork, in_child));
}

#[cold]
fn create() -> &'static Process {
    prepare_for_forks();
    HOOKS.call_once(|| {
        background::on_change(library_thread::work_changed);
        guard::keep_panics_quiet();
    });
    let [clients, sandboxes, calls, streams, queues] =
        BASES.each_ref().map(|base| base.load(Ordering::Relaxed));
    let fresh = Box::into_raw(Box::new(Process {
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
    match CURRENT.compare_exchange(null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: just made, and published: nobody frees it.
        Ok(_) => unsafe { &*fresh },
        Err(theirs) => {
            // SAFETY: another thread was first; `fresh` was never published, `theirs` is never freed.
            unsafe {
                drop(Box::from_raw(fresh));
                &*theirs
            }
        }
    }
}

/// Runs in the child, on the thread that forked, where nothing may wait for a lock.
extern "C" fn in_child() {
    memory::after_fork();
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
    // Names that are made up have to differ from the parent's.
    fastrand::seed(platform::fresh_seed());
}
