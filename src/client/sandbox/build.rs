//! The build log of a sandbox that is made from an image.

use super::Sandbox;
use crate::client::error::Result;
use crate::client::stream::{Channel, Io};
use http::Method;
use std::time::Duration;

/// How often the state is read while the build has not begun.
const PENDING: Duration = Duration::from_secs(1);
/// Silence after which the state is read: a log that stays open does not keep a create from ending.
const SILENCE: Duration = Duration::from_secs(2);

/// Where a log is read, and how far.
#[derive(Default)]
pub(super) struct Log {
    position: u64,
}

/// Sends the build log until the build is over. A log that cannot be read costs nothing but the log.
pub(super) async fn follow(sandbox: &Sandbox, io: &Io, mut log: Log) -> Result<()> {
    while sandbox.reading().state == "pending_build" {
        tokio::time::sleep(PENDING).await;
        sandbox.reread().await?;
    }
    if is_over(sandbox) && !was_built(sandbox) {
        return Ok(());
    }
    let Some(url) = log_url(sandbox).await else { return Ok(()) };
    if sandbox.client().transport().trust(&url).is_err() {
        return Ok(());
    }
    let request = sandbox.client().transport().request(Method::GET, &url).query("follow", "true").idle(None);
    let Ok(mut response) = request.send().await else { return Ok(()) };
    let mut terminal_readings = 0;
    loop {
        match tokio::time::timeout(SILENCE, response.chunk()).await {
            Ok(Ok(Some(chunk))) => {
                log.position += chunk.len() as u64;
                io.send(Channel::Stdout, chunk, log.position).await;
            }
            Ok(Ok(None) | Err(_)) => return Ok(()),
            Err(_) => {
                sandbox.reread().await?;
                terminal_readings = if is_over(sandbox) { terminal_readings + 1 } else { 0 };
                if terminal_readings >= 2 {
                    return Ok(());
                }
            }
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
