//! What `daytona_free` frees.
//!
//! Small results are copied into memory of the C allocator. Large ones, and whatever is moved out of an
//! event, stay where they are: their address is remembered with what keeps them alive.

use crate::client::lock::{Mutex, MutexGuard};
use crate::ffi::exports::guard::stateless;
use bytes::Bytes;
use std::cell::Cell;
use std::collections::HashMap;
use std::ffi::{c_char, c_void};

/// Below this a copy costs less than remembering.
const SMALL_BYTES: usize = 1024;

type Remembered = HashMap<usize, Owned>;

/// Made at the first use, under its lock.
static OWNED: Mutex<Option<Remembered>> = Mutex::new(None);

/// Kept only to be dropped.
enum Owned {
    Text(#[allow(dead_code)] Vec<u8>),
    Moved(#[allow(dead_code)] Bytes),
}

/// Hands a text over, NUL-terminated beyond its length.
pub fn give(mut text: Vec<u8>) -> *mut c_char {
    if text.len() < SMALL_BYTES {
        return copy(&text);
    }
    text.push(0);
    let pointer = text.as_mut_ptr();
    OWNED.lock().get_or_insert_default().insert(pointer as usize, Owned::Text(text));
    pointer.cast()
}

/// Hands an event's data over without a copy. Behind a text stands its NUL already.
pub fn give_moved(data: Bytes) -> *mut c_char {
    if data.is_empty() {
        return copy(&data);
    }
    let pointer = data.as_ptr();
    let mut guard = OWNED.lock();
    let owned = guard.get_or_insert_default();
    // Two events may share an address only if they share their bytes; the second is a copy.
    if owned.contains_key(&(pointer as usize)) {
        drop(guard);
        return copy(&data);
    }
    owned.insert(pointer as usize, Owned::Moved(data));
    pointer.cast_mut().cast()
}

fn copy(bytes: &[u8]) -> *mut c_char {
    // SAFETY: the block is one byte longer than what is written into it.
    unsafe {
        let block = libc::malloc(bytes.len() + 1).cast::<u8>();
        if block.is_null() {
            std::alloc::handle_alloc_error(std::alloc::Layout::for_value(bytes));
        }
        block.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        block.add(bytes.len()).write(0);
        block.cast()
    }
}

/// Frees what the library handed out: results, errors, and data taken out of an event.
///
/// `pointer`: what a function stored in its `out`, `text`, `value`, `literal` or `data`; NULL is
/// allowed and does nothing. Texts of `daytona_version` and its like are static: never free them.
///
/// Any thread may call it, an inline callback too. It cannot fail.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_free(pointer: *mut c_void) {
    stateless(|| {
        let remembered = OWNED.lock().as_mut().and_then(|owned| owned.remove(&(pointer as usize)));
        if remembered.is_none() {
            // SAFETY: not remembered, so it is NULL or came from malloc in `copy`, and is freed once.
            unsafe { libc::free(pointer) };
        }
        Ok(())
    });
}

thread_local! {
    static HELD: Cell<Option<MutexGuard<'static, Option<Remembered>>>> = const { Cell::new(None) };
}

/// Holds the lock over a fork, so that the child finds the list whole.
pub fn before_fork() {
    HELD.set(Some(OWNED.lock()));
}

/// Gives it up, in the parent and in the child, on the thread that forked.
pub fn after_fork() {
    drop(HELD.take());
}
