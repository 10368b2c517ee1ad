//! What waits for a state have in common: how often they read it, and which failed readings they bear.

use super::error::{Error, Result};
use super::status;
use std::time::Duration;

/// The pause between two readings, at first and at most.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Failed readings in a row that end a wait.
const FAILED_READS_MAX: u32 = 10;

/// The readings that have failed in a row.
#[derive(Default)]
pub(crate) struct FailedReads(u32);

impl FailedReads {
    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }

    /// Bears what the next reading may not meet again, a lost connection, a server or proxy that stumbled, unless it
    /// was met too often.
    pub(crate) fn bear(&mut self, error: Error) -> Result<()> {
        self.0 += 1;
        let may_pass = error.detail().retryable || matches!(error.status(), status::PROTOCOL | 500..);
        if may_pass && self.0 < FAILED_READS_MAX { Ok(()) } else { Err(error) }
    }
}
