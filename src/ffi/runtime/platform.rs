//! What differs between operating systems: a queue's descriptor, forks, signals.

pub use system::{Signal, WithoutSigpipe, leave_signals_to_the_application, prepare_for_forks};

#[cfg(unix)]
mod system {
    use crate::ffi::runtime::process::{after_fork, before_fork, in_child};
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    use std::io::{self, PipeReader, PipeWriter, Read, Write};
    use std::os::fd::{AsFd, IntoRawFd, OwnedFd};
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A pipe that is readable while something is waiting. Never an eventfd: every platform's poll knows pipes.
    pub struct Signal {
        reader: PipeReader,
        writer: PipeWriter,
        raised: bool,
    }

    impl Signal {
        /// Both ends are closed on exec and never block.
        pub fn new() -> io::Result<Self> {
            let (reader, writer) = io::pipe()?;
            for end in [reader.as_fd(), writer.as_fd()] {
                fcntl_setfl(end, fcntl_getfl(end)? | OFlags::NONBLOCK)?;
            }
            Ok(Self { reader, writer, raised: false })
        }

        /// A duplicate of the reading end, for the caller to own.
        pub fn duplicate(&self) -> io::Result<i64> {
            Ok(i64::from(OwnedFd::from(self.reader.try_clone()?).into_raw_fd()))
        }

        /// Makes it readable, also when the caller has read what made it so.
        pub fn raise(&mut self) {
            if !self.raised || self.is_empty() {
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

        fn is_empty(&self) -> bool {
            rustix::io::ioctl_fionread(&self.reader).is_ok_and(|waiting| waiting == 0)
        }
    }

    /// Where the linker can run it, this is done when the library is loaded: before any thread can be inside.
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
    #[used]
    #[unsafe(link_section = ".init_array")]
    static AT_LOAD: extern "C" fn() = {
        extern "C" fn at_load() {
            prepare_for_forks();
        }
        at_load
    };

    /// Has the state of the process handled around every fork. Once; before the first lock is taken.
    pub fn prepare_for_forks() {
        static PREPARED: AtomicBool = AtomicBool::new(false);
        if !PREPARED.swap(true, Ordering::SeqCst) {
            // SAFETY: the handlers live as long as the library, which is never unloaded.
            unsafe { libc::pthread_atfork(Some(before_fork), Some(after_fork), Some(in_child)) };
        }
    }

    /// Library threads take no signal that the application may want on a thread of its own, and never block
    /// those that a fault raises: .NET turns them into exceptions.
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

    /// Keeps SIGPIPE from this thread until it is dropped: writing to a connection that the peer has closed raises it,
    /// as vectored writes take no MSG_NOSIGNAL, and it would end a program that does not ignore it. Other systems than
    /// Linux have an option of the socket, which is set.
    pub struct WithoutSigpipe {
        #[cfg(any(target_os = "linux", target_os = "android"))]
        before: Option<libc::sigset_t>,
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    impl WithoutSigpipe {
        pub fn enter() -> Self {
            Self {}
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    impl WithoutSigpipe {
        pub fn enter() -> Self {
            // SAFETY: both sets are initialised before they are read; the mask is this thread's own.
            unsafe {
                let mut before = std::mem::zeroed();
                let changed = libc::pthread_sigmask(libc::SIG_BLOCK, &Self::set(), &mut before) == 0;
                let was_open = changed && libc::sigismember(&before, libc::SIGPIPE) == 0;
                Self { before: was_open.then_some(before) }
            }
        }

        fn set() -> libc::sigset_t {
            // SAFETY: the set is initialised by sigemptyset.
            unsafe {
                let mut set = std::mem::zeroed();
                libc::sigemptyset(&mut set);
                libc::sigaddset(&mut set, libc::SIGPIPE);
                set
            }
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    impl Drop for WithoutSigpipe {
        fn drop(&mut self) {
            let Some(before) = &self.before else { return };
            let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: the sets and the time are initialised. One that waits is taken, so that it is not raised now.
            unsafe {
                libc::sigtimedwait(&Self::set(), std::ptr::null_mut(), &at_once);
                libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut());
            }
        }
    }
}

#[cfg(not(unix))]
mod system {
    use std::io;

    /// There is no such signal.
    pub struct WithoutSigpipe;

    impl WithoutSigpipe {
        pub fn enter() -> Self {
            Self
        }
    }

    /// There is no descriptor to wait for; `daytona_queue_fd` answers IO.
    pub struct Signal(std::convert::Infallible);

    impl Signal {
        pub fn new() -> io::Result<Self> {
            Err(io::Error::new(io::ErrorKind::Unsupported, "this platform has no pipe that can be polled"))
        }

        pub fn duplicate(&self) -> io::Result<i64> {
            match self.0 {}
        }

        pub fn raise(&mut self) {
            match self.0 {}
        }

        pub fn clear(&mut self) {
            match self.0 {}
        }
    }

    /// Processes do not fork here.
    pub fn prepare_for_forks() {}

    /// Threads have no signal masks here.
    pub fn leave_signals_to_the_application() {}
}
