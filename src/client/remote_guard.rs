//! Things that an operation makes in a sandbox for its own use and removes again, whatever happens to the
//! operation: the session of `process.run`, the terminal of `pty.open`.

use super::background::spawn_cleanup;
use super::error::{Error, Result};
use super::sandbox::Sandbox;
use super::status;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A thing in a sandbox that can be removed.
pub(crate) trait Remote: Send + Sync + 'static {
    /// Asks the server to remove it; NOT_FOUND where the server knows none.
    fn remove(&self) -> impl Future<Output = Result<()>> + Send;
}

/// The pauses before the attempts of a clean-up in the background.
const PAUSES_MS: [u64; 4] = [0, 500, 2_000, 5_000];
/// The limit of a clean-up in the background, pauses and requests together.
const CLEANUP_LIMIT: Duration = Duration::from_secs(10);

/// Removes a remote thing in the background when it is dropped, unless it was disarmed: by a definite
/// refusal of the request that creates the thing, by the removal of the thing, or by its owner. Armed before
/// that request is sent, because a request that is not answered may have been acted upon.
pub(crate) struct RemoteGuard<R: Remote> {
    remote: Option<R>,
    creation: Creation,
}

/// How far the creation of the remote thing is.
#[derive(Clone, Copy, PartialEq)]
enum Creation {
    /// Not answered: the thing may still appear after a removal that did not find it.
    Pending,
    /// Answered by the server: a removal that does not find the thing is final.
    Settled,
}

impl<R: Remote> RemoteGuard<R> {
    /// Guards a thing whose creation is about to be requested.
    pub fn arm(remote: R) -> Self {
        Self { remote: Some(remote), creation: Creation::Pending }
    }

    /// Guards a thing that exists.
    pub fn of_existing(remote: R) -> Self {
        Self { remote: Some(remote), creation: Creation::Settled }
    }

    /// Awaits the request that creates the thing, and notes what its answer says about the thing.
    pub async fn created_by<T>(&mut self, request: impl Future<Output = Result<T>>) -> Result<T> {
        let answer = request.await;
        match &answer {
            Ok(_) => self.creation = Creation::Settled,
            Err(error) if !may_have_acted(error) => self.disarm(),
            Err(error) if is_answer_of_the_server(error) => self.creation = Creation::Settled,
            Err(_) => {}
        }
        answer
    }

    /// Leaves the thing where it is.
    pub fn disarm(&mut self) {
        self.remote = None;
    }

    /// Removes the thing now. A server that does not answer within the limit does not hold the caller up: the
    /// removal then goes on in the background.
    pub async fn remove(mut self, limit: Duration) {
        let Some(remote) = &self.remote else { return };
        if let Ok(answer) = timeout(limit, remote.remove()).await
            && is_final(&answer, self.creation)
        {
            self.disarm();
        }
    }
}

impl<R: Remote> Drop for RemoteGuard<R> {
    fn drop(&mut self) {
        let Some(remote) = self.remote.take() else { return };
        let creation = self.creation;
        spawn_cleanup(async move {
            let attempts = async {
                for pause_ms in PAUSES_MS {
                    sleep(Duration::from_millis(pause_ms)).await;
                    if is_final(&remote.remove().await, creation) {
                        break;
                    }
                }
            };
            let _ = timeout(CLEANUP_LIMIT, attempts).await;
        });
    }
}

/// Whether another attempt to remove a thing is pointless after this answer.
fn is_final(answer: &Result<()>, creation: Creation) -> bool {
    match answer {
        Ok(()) => true,
        Err(error) if error.status() == status::HTTP_NOT_FOUND => creation == Creation::Settled,
        Err(error) => matches!(error.detail().http_status, Some(400..=407 | 410..=428 | 430..=499)),
    }
}

/// The outcome of a deletion. One that was sent again and found nothing succeeded: the request before it had its
/// effect.
pub(crate) fn deleted<T>(answer: Result<T>) -> Result<()> {
    match answer {
        Err(error) if found_nothing_again(&error) => Ok(()),
        answer => answer.map(drop),
    }
}

/// The same inside of a sandbox: a proxy finds nothing where the sandbox has stopped.
pub(crate) async fn deleted_in<T>(sandbox: &Sandbox, answer: Result<T>) -> Result<()> {
    match answer {
        Err(error) if found_nothing_again(&error) && sandbox.is_started().await => Ok(()),
        answer => answer.map(drop),
    }
}

fn found_nothing_again(error: &Error) -> bool {
    error.status() == status::HTTP_NOT_FOUND && error.detail().attempts > 1
}

/// Whether the server may have acted on a request that failed like this. A 4xx is a definite refusal, except
/// for 408, which a proxy sends when it gave up waiting.
pub(crate) fn may_have_acted(error: &Error) -> bool {
    match error.status() {
        _ if error.detail().never_sent => false,
        408 => true,
        400..=499 => false,
        // Decided before anything is sent.
        status::INVALID_ARGUMENT | status::CONFIGURATION | status::UNSUPPORTED | status::CLOSED => false,
        status::TLS => false,
        _ => true,
    }
}

/// Whether the failure is the answer of the server itself. A proxy's 502 to 504 may come while the request
/// is still on its way to the server.
fn is_answer_of_the_server(error: &Error) -> bool {
    error.detail().http_status.is_some_and(|code| !matches!(code, 408 | 502..=504))
}

/// Awaits `work`, and lets it finish in the background when the caller goes away before: for a request whose
/// answer alone says what it created. `work` has to have an end of its own.
pub(crate) async fn finish_in_background<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> T {
    Unfinished(Some(Box::pin(work))).await
}

struct Unfinished<T: Send + 'static>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

impl<T: Send + 'static> Future for Unfinished<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(work) = &mut self.0 else { return Poll::Pending };
        let output = work.as_mut().poll(cx);
        if output.is_ready() {
            self.0 = None;
        }
        output
    }
}

impl<T: Send + 'static> Drop for Unfinished<T> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            spawn_cleanup(async move { drop(work.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_definite_refusal_proves_that_nothing_was_created() {
        for refusal in [400, 401, 403, 404, 405, 409, 410, 422, 426, 429, status::CLOSED, status::TLS] {
            assert!(!may_have_acted(&Error::new(refusal, "")), "{refusal}");
        }
        for unclear in [408, 500, 501, 502, 503, 504, status::CONNECTION, status::PROTOCOL, status::TIMEOUT] {
            assert!(may_have_acted(&Error::new(unclear, "")), "{unclear}");
        }
        let mut unconnected = Error::new(status::CONNECTION, "");
        unconnected.detail_mut().never_sent = true;
        assert!(!may_have_acted(&unconnected));
    }
}
