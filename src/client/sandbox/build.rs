//! The build log of a sandbox that is made from an image.

use super::Sandbox;
use crate::client::stream::{Channel, Io};
use http::Method;
use std::pin::pin;
use std::time::Duration;

/// How often the state is read while the build has not begun.
const PENDING_PAUSE: Duration = Duration::from_secs(1);
/// Silence of the log after which the state is read, so that a log that stays open does not keep a create from
/// ending.
const SILENCE_BEFORE_READ: Duration = Duration::from_secs(2);
/// The limit for reading the state.
const READ_LIMIT: Duration = Duration::from_secs(5);

/// How far the log has been read.
#[derive(Default)]
pub(super) struct Log {
    position: u64,
}

/// Streams the build log until the build is over. A log that cannot be read does not fail the create.
pub(super) async fn follow(sandbox: &Sandbox, io: &Io, mut log: Log) {
    while sandbox.reading().state == "pending_build" {
        tokio::time::sleep(PENDING_PAUSE).await;
        if sandbox.reread_within(Some(READ_LIMIT)).await.is_err() {
            return;
        }
    }
    if is_over(sandbox) && !was_built(sandbox) {
        return;
    }
    let Some(Some(url)) = during_build(sandbox, log_url(sandbox)).await else { return };
    if sandbox.client().transport().trust(&url).is_err() {
        return;
    }
    let request = sandbox.client().transport().request(Method::GET, &url).query("follow", "true").idle(None);
    let Some(Ok(mut response)) = during_build(sandbox, request.send()).await else { return };
    while let Some(Ok(Some(chunk))) = during_build(sandbox, response.chunk()).await {
        log.position += chunk.len() as u64;
        io.send(Channel::Stdout, chunk, log.position).await;
    }
}

/// Awaits `coming` for as long as the build lasts: `None` once two readings of the state say that it is over, or
/// one fails.
async fn during_build<T>(sandbox: &Sandbox, coming: impl Future<Output = T>) -> Option<T> {
    let mut coming = pin!(coming);
    let mut readings_after_end = 0;
    loop {
        if let Ok(come) = tokio::time::timeout(SILENCE_BEFORE_READ, coming.as_mut()).await {
            return Some(come);
        }
        sandbox.reread_within(Some(READ_LIMIT)).await.ok()?;
        readings_after_end = if is_over(sandbox) { readings_after_end + 1 } else { 0 };
        if readings_after_end == 2 {
            return None;
        }
    }
}

async fn log_url(sandbox: &Sandbox) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Answer {
        url: String,
    }
    let request = sandbox.request(Method::GET, "/build-logs-url").ok()?;
    let answer = request.send().await.ok()?.json().await.ok()?;
    serde_json::from_slice::<Answer>(&answer.0).ok().map(|answer| answer.url)
}

fn is_over(sandbox: &Sandbox) -> bool {
    matches!(
        sandbox.reading().state.as_str(),
        "started" | "starting" | "error" | "build_failed" | "destroyed"
    )
}

/// Only what was built from an image has a log.
fn was_built(sandbox: &Sandbox) -> bool {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Built {
        build_info: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Built>(&sandbox.info().0).is_ok_and(|built| built.build_info.is_some())
}
