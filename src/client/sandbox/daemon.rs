//! The generation of a sandbox's daemon, as its answers have shown. It may differ between sandboxes of one server:
//! each keeps the daemon that it was created with.

use super::Sandbox;
use crate::client::error::Error;
use std::sync::atomic::{AtomicU8, Ordering};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Daemon {
    Unknown,
    /// Has the endpoints of the hosted service, 0.205.
    Current,
    /// The last self-hosted release, 0.190, or an earlier one.
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

    /// Stores what an answer has shown; `Unknown` after a start, which may bring a newer daemon.
    pub(crate) fn note_daemon(&self, daemon: Daemon) {
        if daemon == Daemon::Unknown {
            self.computer_notes().forget();
        }
        let number = match daemon {
            Daemon::Unknown => 0,
            Daemon::Current => 1,
            Daemon::Older => 2,
        };
        self.0.daemon.0.store(number, Ordering::Relaxed);
    }
}

/// Whether the daemon lacks the route. Go's router answers in plain text, all others in JSON or HTML.
pub(crate) fn is_missing_route(error: &Error) -> bool {
    let detail = error.detail();
    detail.http_status == Some(404)
        && detail.code.is_none()
        && detail.source.is_none()
        && detail.message.contains("404 page not found")
}
