//! What waits for a state have in common: how often they read it, which failed readings they bear, and that they end
//! before their caller gives up, because their own error says more than its.

use super::error::{Error, Result};
use super::status;
use super::transport::caller_deadline;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// The pause between two readings, at first and at most.
pub(crate) const PAUSE: Duration = Duration::from_millis(100);
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A reading that is not answered for so long is a failed one: the wait goes on beside it.
pub(crate) const READ_LIMIT: Duration = Duration::from_secs(5);
/// Failed readings in a row that end a wait, or the following of a build's log.
pub(crate) const FAILED_READS_MAX: u32 = 10;
/// The last look begins this long before the caller gives up.
const LAST_LOOK: Duration = Duration::from_millis(250);
/// A look that is still under way this long before the caller gives up is given up itself.
const LAST_MOMENT: Duration = Duration::from_millis(100);

/// A wait under way.
pub(crate) struct Polling {
    began: Instant,
    last_look: Option<Instant>,
    last_moment: Option<Instant>,
    /// The last look was taken.
    is_over: bool,
    /// How many readings have failed in a row, and why the last of them did.
    failed: u32,
    failure: Option<Error>,
}

impl Polling {
    pub(crate) fn begin() -> Self {
        let began = Instant::now();
        let before_deadline = |margin: Duration| {
            caller_deadline().map(|deadline| deadline - margin.min(deadline.duration_since(began) / 4))
        };
        let (last_look, last_moment) = (before_deadline(LAST_LOOK), before_deadline(LAST_MOMENT));
        Self { began, last_look, last_moment, is_over: false, failed: 0, failure: None }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// What was read; nothing where that failed and the next reading may not: by a lost connection, a server or proxy
    /// that stumbled, unless it was met too often.
    pub(crate) async fn look<T>(&mut self, reading: impl Future<Output = Result<T>>) -> Result<Option<T>> {
        self.is_over = self.last_look.is_some_and(|at| Instant::now() >= at);
        let read = match self.last_moment {
            None => reading.await,
            // The caller gives up wherever this waits.
            Some(at) if Instant::now() >= at => return Ok(None),
            Some(at) => match timeout_at(at, reading).await {
                Ok(read) => read,
                Err(_) => {
                    self.is_over = true;
                    return Ok(None);
                }
            },
        };
        match read {
            Ok(read) => {
                (self.failed, self.failure) = (0, None);
                Ok(Some(read))
            }
            Err(error) => {
                self.failed += 1;
                let may_pass = error.detail().retryable || matches!(error.status(), status::PROTOCOL | 500..);
                if !may_pass || self.failed >= FAILED_READS_MAX {
                    return Err(error);
                }
                self.failure = Some(error);
                Ok(None)
            }
        }
    }

    /// When to look again, after this pause if there is time for it; nothing after the last look.
    pub(crate) fn next_look(&self, pause: Duration) -> Option<Instant> {
        let now = Instant::now();
        let next = now + pause;
        // The process may have been held up past it.
        let is_over = self.is_over || self.last_moment.is_some_and(|at| now >= at);
        (!is_over).then(|| self.last_look.map_or(next, |at| next.min(at.max(now))))
    }

    /// The error of a wait that took too long: how far it came, why the last reading failed if it did, what to do.
    pub(crate) fn late(self, so_far: String, advice: &str) -> Error {
        let (why, attempts) = match &self.failure {
            Some(failure) => {
                let detail = failure.detail();
                (format!(", and the last reading failed: {}", detail.message), detail.attempts)
            }
            None => (String::new(), 1),
        };
        let mut error = Error::new(status::TIMEOUT, format!("{so_far}{why}; {advice}"));
        error.detail_mut().attempts = attempts;
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::transport::within;
    use futures_util::FutureExt;

    const LIMIT: Duration = Duration::from_secs(3);

    /// Else the caller gives up first, and nobody is told how far it came.
    #[tokio::test(start_paused = true)]
    async fn a_process_that_was_held_up_past_its_deadline_waits_no_more() {
        let held_up = async {
            tokio::time::advance(2 * LIMIT).await;
            Ok("read")
        };
        within(Some(Instant::now() + LIMIT), async {
            let mut polling = Polling::begin();
            assert_eq!(polling.look(held_up).await.unwrap(), Some("read"));
            assert_eq!(polling.next_look(PAUSE), None);
            let looked = polling.look(std::future::pending::<Result<()>>()).now_or_never();
            assert_eq!(looked.expect("no wait").unwrap(), None);
        })
        .await;
    }
}
