//! System calls of every Unix that neither nix nor rustix offers, each as a safe function.

use nix::errno::Errno;
use nix::libc;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Restores the default action of every signal that this process was started to ignore: what it runs would
/// ignore it as well. Only SIGPIPE stays ignored, as Rust's own start wants it.
pub fn stop_ignoring_signals() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    for number in Signal::iterator() {
        if ![Signal::SIGKILL, Signal::SIGSTOP, Signal::SIGPIPE].contains(&number) {
            // SAFETY: no handler is installed; the process has one thread and has set none itself.
            let _refused = unsafe { signal(number, SigHandler::SigDfl) };
        }
    }
}

/// Makes a number stand for what another descriptor stands for, whatever it was before.
pub fn replace(with: BorrowedFd<'_>, number: RawFd) -> io::Result<()> {
    // SAFETY: both are numbers; no owner of `number` uses it afterwards.
    Ok(Errno::result(unsafe { libc::dup2(with.as_raw_fd(), number) }).map(drop)?)
}

/// Becomes ready once a descriptor is readable.
pub fn readable(fd: OwnedFd) -> io::Result<impl Future<Output = ()> + Send + 'static> {
    // SAFETY: an owned descriptor stays open, and the same file, for as long as its owner lives.
    let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?;
    Ok(async move {
        let _ready = fd.readable().await;
    })
}
