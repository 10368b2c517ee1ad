//! The log of an image build, of a sandbox or a snapshot: followed until the build is over, resumed where a
//! connection is cut. A log that cannot be read fails nothing.

use super::Client;
use super::error::Result;
use super::polling::{FAILED_READS_MAX, PAUSE_MAX};
use super::status;
use super::stream::{Channel, Io};
use super::transport::Json;
use bytes::Bytes;
use http::Method;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// The first pause between readings of the state while the build has not begun, and before the log is opened again.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause before a log that has ended during the build is opened again: it comes from its start.
const REOPEN_MAX: Duration = Duration::from_secs(8);
/// Silence of the log after which the state is read, so that a log that stays open does not outlast the build.
const SILENCE_BEFORE_READ: Duration = Duration::from_secs(2);
/// How often the log is opened anew after the build is over, without a byte that is new.
const ATTEMPTS_AFTER_END: u32 = 3;

/// How far a build is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing builds yet.
    Waiting,
    Building,
    /// The state is a final one.
    Over,
}

/// Something that is being built.
pub(super) trait Built: Sync {
    fn client(&self) -> &Client;
    /// As last read.
    fn phase(&self) -> Phase;
    /// Reads the state again, within [`READ_LIMIT`](super::polling::READ_LIMIT).
    fn reread(&self) -> impl Future<Output = Result<()>> + Send;
    /// Asks where the log is.
    fn log_url(&self) -> impl Future<Output = Result<Json>> + Send;
}

/// Sends the log as stdout until the build is over.
pub(super) async fn follow(built: &impl Built, io: &Io) {
    let mut log = Log { position: 0 };
    let (mut pause, mut attempts) = (PAUSE, 0);
    while built.phase() == Phase::Waiting {
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
        if reread(built).await.is_none() {
            return;
        }
    }
    pause = PAUSE;
    loop {
        let before = log.position;
        let was_over = built.phase() == Phase::Over;
        let outcome = log.read(built, io).await;
        if log.position > before {
            (pause, attempts) = (PAUSE, 0);
        }
        // A log that ends after the build is whole, and one that there is not will not come any more.
        let is_done = match outcome {
            Outcome::BuildOver => true,
            Outcome::Ended | Outcome::Missing => was_over,
            Outcome::Cut => false,
        };
        if is_done {
            return;
        }
        let open_again = Instant::now() + pause;
        pause = (pause * 2).min(REOPEN_MAX);
        loop {
            if reread(built).await.is_none() {
                return;
            }
            if built.phase() == Phase::Over {
                attempts += 1;
                if attempts > ATTEMPTS_AFTER_END {
                    return;
                }
                break;
            }
            if Instant::now() >= open_again {
                break;
            }
            sleep_until(open_again.min(Instant::now() + PAUSE_MAX)).await;
        }
        if was_over {
            sleep(PAUSE).await;
        }
    }
}

/// Reads the state, and again where that fails: nothing once it has failed too often.
async fn reread(built: &impl Built) -> Option<()> {
    for _ in 0..FAILED_READS_MAX {
        match built.reread().await {
            Ok(()) => return Some(()),
            Err(error) if error.status() == status::HTTP_NOT_FOUND => return None,
            Err(_) => sleep(PAUSE_MAX).await,
        }
    }
    None
}

/// How far the log has been read.
struct Log {
    position: u64,
}

enum Outcome {
    /// To its end.
    Ended,
    /// The connection was lost.
    Cut,
    /// There is none, or none yet.
    Missing,
    /// It stays open although the build is over.
    BuildOver,
}

impl Log {
    /// Opens the log and sends what is new. A server sends it from the start each time.
    async fn read(&mut self, built: &impl Built, io: &Io) -> Outcome {
        let url = match during_build(built, built.log_url()).await {
            Some(Ok(answer)) => address(&answer),
            Some(Err(error)) => return missing_or_cut(error.status()),
            None => return Outcome::BuildOver,
        };
        let Some(url) = url else { return Outcome::Missing };
        let transport = built.client().transport();
        if transport.trust(&url).is_err() {
            return Outcome::Missing;
        }
        let request = transport.request(Method::GET, &url).query("follow", "true").idle(None);
        let mut response = match during_build(built, request.send()).await {
            Some(Ok(response)) => response,
            Some(Err(error)) => return missing_or_cut(error.status()),
            None => return Outcome::BuildOver,
        };
        let mut known = self.position;
        loop {
            match during_build(built, response.chunk()).await {
                None => return Outcome::BuildOver,
                Some(Err(_)) => return Outcome::Cut,
                Some(Ok(None)) => return Outcome::Ended,
                Some(Ok(Some(chunk))) => {
                    let chunk = fresh(chunk, &mut known);
                    if !chunk.is_empty() {
                        self.position += chunk.len() as u64;
                        io.send(Channel::Stdout, chunk, self.position).await;
                    }
                }
            }
        }
    }
}

/// What of a chunk is not among the first `known` bytes, which are counted down.
fn fresh(mut chunk: Bytes, known: &mut u64) -> Bytes {
    let skipped = usize::try_from(*known).unwrap_or(usize::MAX).min(chunk.len());
    *known -= skipped as u64;
    chunk.split_off(skipped)
}

fn missing_or_cut(status: i32) -> Outcome {
    if (400..500).contains(&status) { Outcome::Missing } else { Outcome::Cut }
}

fn address(answer: &Json) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        url: String,
    }
    super::json::read::<Answer>(&answer.text).ok().map(|answer| answer.url)
}

/// Awaits `coming` for as long as the build lasts: nothing once two readings of the state say that it is over.
async fn during_build<T>(built: &impl Built, coming: impl Future<Output = T>) -> Option<T> {
    let mut coming = pin!(coming);
    let mut readings_after_end = 0;
    loop {
        if let Ok(come) = timeout(SILENCE_BEFORE_READ, coming.as_mut()).await {
            return Some(come);
        }
        // A reading that fails says nothing of the build.
        if built.reread().await.is_ok() {
            readings_after_end = if built.phase() == Phase::Over { readings_after_end + 1 } else { 0 };
        }
        if readings_after_end == 2 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fresh;
    use bytes::Bytes;

    #[test]
    fn what_is_known_is_skipped_wherever_the_chunks_end() {
        let mut known = 5;
        let read: Vec<Bytes> = ["abc", "", "def", "g"]
            .map(|text| fresh(Bytes::from_static(text.as_bytes()), &mut known))
            .to_vec();
        assert_eq!(read, ["", "", "f", "g"]);
        assert_eq!(known, 0);
    }
}
