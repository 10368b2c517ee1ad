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
pub(crate) struct FailedReads {
    count: u32,
    last: Option<Error>,
}

impl FailedReads {
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Bears what the next reading may not meet again, a lost connection, a server or proxy that stumbled, unless it
    /// was met too often.
    pub(crate) fn bear(&mut self, error: Error) -> Result<()> {
        self.count += 1;
        let may_pass = error.detail().retryable || matches!(error.status(), status::PROTOCOL | 500..);
        if !may_pass || self.count >= FAILED_READS_MAX {
            return Err(error);
        }
        self.last = Some(error);
        Ok(())
    }

    /// The error of a wait that took too long: how far it came, why the last reading failed if it did, what to do.
    pub(crate) fn late(self, so_far: String, advice: &str) -> Error {
        let (why, attempts) = match &self.last {
            Some(last) => {
                let detail = last.detail();
                (format!(", and the last reading failed: {}", detail.message), detail.attempts)
            }
            None => (String::new(), 1),
        };
        let mut error = Error::new(status::TIMEOUT, format!("{so_far}{why}; {advice}"));
        error.detail_mut().attempts = attempts;
        error
    }
}
