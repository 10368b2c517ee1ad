//! What differs between operating systems: pipes and their descriptors, fork, signals. Here: Unix.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd};

/// A pipe that says whether something is waiting. Never an eventfd: every platform's poll knows pipes.
pub struct Signal {
    reader: File,
    writer: File,
    raised: bool,
}

impl Signal {
    pub fn new() -> io::Result<Self> {
        let mut ends = [0; 2];
        // SAFETY: `ends` has room for the two descriptors.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: pipe2 succeeded: both descriptors are open and nobody else's.
        let [reader, writer] = ends.map(|end| File::from(unsafe { OwnedFd::from_raw_fd(end) }));
        Ok(Self { reader, writer, raised: false })
    }

    /// A duplicate of the reading end, for the caller to own.
    pub fn duplicate(&self) -> io::Result<i64> {
        Ok(i64::from(self.reader.try_clone()?.into_raw_fd()))
    }

    /// Makes it readable, also when somebody else read what made it so.
    pub fn raise(&mut self) {
        if !self.raised || self.waiting_bytes() == 0 {
            // A full pipe is readable, which is all that is wanted.
            let _ = self.writer.write(&[1]);
            self.raised = true;
        }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        if !self.raised {
            return;
        }
        let mut bytes = [0; 64];
        while matches!(self.reader.read(&mut bytes), Ok(read) if read == bytes.len()) {}
        self.raised = false;
    }

    fn waiting_bytes(&self) -> i32 {
        let mut waiting = 0;
        // SAFETY: FIONREAD stores one int.
        unsafe { libc::ioctl(self.reader.as_raw_fd(), libc::FIONREAD, &mut waiting) };
        waiting
    }
}

/// Has these run around every fork: before it, after it in the parent, after it in the child.
pub fn at_fork(before: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: the handlers live as long as the library, which is never unloaded.
    unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
}

/// A number that no other process has at this time. Takes no lock and no memory.
pub fn fresh_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(std::process::id())
}

/// Library threads take no signal that the application may want on a thread of its own, and never
/// block those that a fault raises: .NET turns them into exceptions.
pub fn leave_signals_to_the_application() {
    // SAFETY: the set is initialised by sigfillset before it is read; the mask is this thread's own.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&mut set);
        for fault in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL] {
            libc::sigdelset(&mut set, fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
    }
}
