//! Which daemon a sandbox has, as far as its answers told. Sandboxes of one server may differ: each keeps
//! the daemon that it was made with.

use super::Sandbox;
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    Unknown,
    /// Knows what the hosted service of 0.205 knows.
    Current,
    /// The last self-hosted release, 0.190, or one before.
    Older,
}

#[derive(Default)]
pub(super) struct Noted(AtomicU8);

impl Sandbox {
    pub(crate) fn daemon(&self) -> Daemon {
        match self.0.daemon.0.load(Ordering::Relaxed) {
            1 => Daemon::Current,
            2 => Daemon::Older,
            _ => Daemon::Unknown,
        }
    }

    /// Remembers what an answer told. `Unknown` forgets: a sandbox that was started anew may have a newer
    /// daemon.
    pub(crate) fn note_daemon(&self, daemon: Daemon) {
        let number = match daemon {
            Daemon::Unknown => 0,
            Daemon::Current => 1,
            Daemon::Older => 2,
        };
        self.0.daemon.0.store(number, Ordering::Relaxed);
    }
}
