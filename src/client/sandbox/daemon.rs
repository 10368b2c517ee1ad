//! The generation of a sandbox's daemon, as its answers have shown. It may differ between sandboxes of one server:
//! each keeps the daemon that it was created with.

use super::Sandbox;
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::transport::{Request, Response};
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
            self.desktop_notes().forget();
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

/// Sends a request to a route that came with 0.205. Where the daemon is known to be older, nothing is sent.
/// `instead` is what the error advises.
pub(crate) async fn send_newer(
    sandbox: &Sandbox,
    operation: &str,
    instead: &str,
    request: Request,
) -> Result<Response> {
    if sandbox.daemon() == Daemon::Older {
        return Err(daemon_too_old(operation, instead));
    }
    match request.send().await {
        Ok(response) => {
            sandbox.note_daemon(Daemon::Current);
            Ok(response)
        }
        Err(error) if is_missing_route(&error) => {
            sandbox.note_daemon(Daemon::Older);
            Err(daemon_too_old(operation, instead))
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn daemon_too_old(what: &str, instead: &str) -> Error {
    Error::new(
        status::UNSUPPORTED,
        format!(
            "{what} needs a daemon of 0.205, and this sandbox's is older: {instead}, or make the sandbox on a \
             newer server"
        ),
    )
}
