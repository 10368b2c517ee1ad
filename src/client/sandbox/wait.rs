//! Waiting for a state: by events where the client uses them, with a slow poll behind; else by polling, often at
//! first, then less so. Passing poll errors are tolerated, a failure is
//! believed only after a second look, and unknown states are just other states.

use super::Sandbox;
use super::nothing::Nothing;
use crate::client::error::{Error, Result};
use crate::client::event_socket::{Notice, Subscription};
use crate::client::operation::Context;
use crate::client::polling::{PAUSE, PAUSE_MAX, Polling, READ_LIMIT};
use crate::client::status;
use crate::client::transport::Json;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long polls stay that close together.
const FAST_POLLING: Duration = Duration::from_secs(5);
/// The pause between polls while events come.
const POLL_BEHIND_EVENTS: Duration = Duration::from_secs(1);

crate::params! {
    pub struct Wait {
        /// The states to wait for; the first that is reached ends the wait.
        #[cfg_attr(feature = "schema", schemars(with = "Vec<crate::client::known::SandboxState>"))]
        pub states: Vec<String>,
    }
}

/// What a wait is for.
pub(super) struct Goal<'a> {
    /// For messages.
    pub name: &'a str,
    pub reached: &'a (dyn Fn(&super::Reading) -> bool + Sync),
    /// A sandbox that is gone is what was wanted.
    pub gone_is_good: bool,
    /// Error states end the wait.
    pub failure_ends: bool,
}

/// Waits, reading the sandbox again and again; the reading that ended it is the one kept.
pub(super) async fn until(sandbox: &Sandbox, goal: Goal<'_>) -> Result<()> {
    until_past(sandbox, false, goal).await
}

/// The same. With `had_failed` the first readings may have the error state that it was in before: an error counts once
/// that was left.
async fn until_past(sandbox: &Sandbox, mut had_failed: bool, goal: Goal<'_>) -> Result<()> {
    let (mut polling, mut pause, mut suspected) = (Polling::begin(), PAUSE, false);
    let mut events = None;
    loop {
        match polling.look(sandbox.reread_within(Some(READ_LIMIT))).await {
            Ok(Some(())) => {
                let reading = sandbox.reading();
                // A listener is told that the socket is connected, so that nothing from before is missed.
                if events.is_none() && sandbox.client().config().events {
                    events = Some(sandbox.client().subscribe(&reading.id));
                }
                if (goal.reached)(&reading) || (goal.gone_is_good && reading.state == "destroyed") {
                    return Ok(());
                }
                had_failed &= reading.has_failed();
                // An error state may be stale: it counts when seen twice.
                let failed = (goal.failure_ends && reading.has_failed() && !had_failed)
                    || reading.state == "destroyed";
                if failed && (suspected || reading.state == "destroyed") {
                    return Err(reading.failure(goal.name));
                }
                suspected = failed;
            }
            Ok(None) => {}
            Err(error) if error.status() == status::HTTP_NOT_FOUND && goal.gone_is_good => {
                return sandbox.note_destroyed();
            }
            Err(error) => return Err(error),
        }
        // A failure that is suspected is looked at again soon, events or not.
        let connected = !suspected && events.as_ref().is_some_and(Subscription::is_connected);
        let Some(next) = polling.next_look(if connected { POLL_BEHIND_EVENTS } else { pause }) else {
            return Err(late(sandbox, goal.name, polling));
        };
        pause_until(next, events.as_mut()).await;
        if polling.elapsed() > FAST_POLLING {
            pause = pause.mul_f64(1.1).min(PAUSE_MAX);
        }
    }
}

/// Ends at that time, or when the sandbox may have changed.
async fn pause_until(at: Instant, events: Option<&mut Subscription>) {
    let Some(events) = events else { return sleep_until(at).await };
    let changed = async {
        // A connection that failed is no news.
        while let Notice::Failed(_) = events.next().await {}
        events.clear();
    };
    tokio::select! {
        () = sleep_until(at) => {}
        () = changed => {}
    }
}

fn late(sandbox: &Sandbox, wanted: &str, polling: Polling) -> Error {
    let (state, id, elapsed) = (sandbox.reading().state, sandbox.id(), polling.elapsed().as_millis());
    let so_far = match state.is_empty() {
        // Attached by its id, and no reading came.
        true => format!("sandbox {id} could not be read within {elapsed} ms, and may not be {wanted}"),
        false => format!("sandbox {id} is still {state} after {elapsed} ms, not {wanted}"),
    };
    let mut error = polling.late(so_far, "raise `timeoutMs`, or wait again with sandbox.wait");
    error.detail_mut().sandbox_id = Some(sandbox.id().to_owned());
    error
}

pub(super) async fn until_started(sandbox: &Sandbox) -> Result<()> {
    let reached = |reading: &super::Reading| reading.state == "started";
    until(sandbox, Goal { name: "started", reached: &reached, gone_is_good: false, failure_ends: true }).await
}

pub(super) async fn until_stopped(sandbox: &Sandbox) -> Result<()> {
    let reached = |reading: &super::Reading| matches!(reading.state.as_str(), "stopped" | "archived");
    until(sandbox, Goal { name: "stopped", reached: &reached, gone_is_good: true, failure_ends: true }).await
}

/// A pause that the server gave up is a sandbox that is started again.
pub(super) async fn until_paused(sandbox: &Sandbox) -> Result<()> {
    let pausing = AtomicBool::new(sandbox.reading().state == "pausing");
    let reached = |reading: &super::Reading| match reading.state.as_str() {
        "pausing" => {
            pausing.store(true, Ordering::Relaxed);
            false
        }
        // The first answer may have the state from before.
        "started" => pausing.load(Ordering::Relaxed),
        state => matches!(state, "paused" | "stopped" | "archiving" | "archived"),
    };
    until(sandbox, Goal { name: "paused", reached: &reached, gone_is_good: false, failure_ends: true })
        .await?;
    let reading = sandbox.reading();
    if reading.state == "started" { Err(reading.failure("paused")) } else { Ok(()) }
}

/// The first answer has `snapshotting` already.
pub(super) async fn until_snapshotted(sandbox: &Sandbox) -> Result<()> {
    let reached = |reading: &super::Reading| reading.state != "snapshotting" && !reading.has_failed();
    until(sandbox, Goal { name: "snapshotted", reached: &reached, gone_is_good: false, failure_ends: true })
        .await
}

pub(super) async fn until_recovered(sandbox: &Sandbox, skips_start: bool) -> Result<()> {
    let name = if skips_start { "stopped" } else { "started" };
    let reached = |reading: &super::Reading| reading.state == name;
    let goal = Goal { name, reached: &reached, gone_is_good: false, failure_ends: true };
    until_past(sandbox, sandbox.reading().has_failed(), goal).await
}

pub(super) async fn until_destroyed(sandbox: &Sandbox) -> Result<()> {
    let reached = |reading: &super::Reading| reading.state == "destroyed";
    let goal = Goal { name: "destroyed", reached: &reached, gone_is_good: true, failure_ends: true };
    until_past(sandbox, sandbox.reading().has_failed(), goal).await
}

pub(super) async fn until_resized(sandbox: &Sandbox, wanted: Option<&super::Resources>) -> Result<()> {
    let reached = |reading: &super::Reading| {
        let has = |wanted: Option<u32>, value: Option<f64>| {
            wanted.is_none_or(|wanted| value.is_none_or(|value| value == f64::from(wanted)))
        };
        reading.state != "resizing"
            && wanted.is_none_or(|wanted| {
                has(wanted.cpu, reading.cpu)
                    && has(wanted.memory, reading.memory)
                    && has(wanted.disk, reading.disk)
            })
    };
    until(sandbox, Goal { name: "resized", reached: &reached, gone_is_good: false, failure_ends: true }).await
}

pub async fn wait(sandbox: Sandbox, params: Wait, _: Context) -> Result<Json> {
    if params.states.is_empty() {
        return Err(Error::invalid("sandbox.wait: `states` is empty; name at least one state"));
    }
    let wanted = &params.states;
    let name = wanted.join(" or ");
    let goal = Goal {
        name: &name,
        reached: &|reading| wanted.contains(&reading.state),
        gone_is_good: wanted.iter().any(|state| state == "destroyed"),
        failure_ends: !wanted.iter().any(|state| state == "error" || state == "build_failed"),
    };
    until(&sandbox, goal).await?;
    Ok(sandbox.info())
}

pub async fn wait_for_start(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    until_started(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn wait_for_stop(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    until_stopped(&sandbox).await?;
    Ok(sandbox.info())
}

pub async fn wait_for_resize(sandbox: Sandbox, _: Nothing, _: Context) -> Result<Json> {
    until_resized(&sandbox, None).await?;
    Ok(sandbox.info())
}
