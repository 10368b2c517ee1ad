//! Changes of state. The answer has the old state and the new `desiredState`; a second change while the two
//! differ is a conflict, except a start during an archive.

use super::ApiCall;
use super::create::check_size;
use super::error::{Answer, ApiError, json_body};
use crate::app_state::AppState;
use crate::sandbox::{Change, Sandbox};
use axum::extract::Path;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The shortest time that a sandbox stays in a state such as `starting`.
const MIN_TRANSITION: Duration = Duration::from_millis(120);
/// The longest wait for a client to read that state: three polls of a client, which are up to a second apart.
pub const OBSERVE_TIMEOUT: Duration = Duration::from_secs(3);

/// The time in a state such as `starting`: at least [`MIN_TRANSITION`], and until a client has read it or
/// [`OBSERVE_TIMEOUT`] has passed, so that a client on a busy machine does not miss it.
async fn transition(sandbox: &Sandbox) {
    let observed = tokio::time::timeout(OBSERVE_TIMEOUT, sandbox.observed());
    tokio::join!(sleep(MIN_TRANSITION), observed).0
}

fn in_progress() -> ApiError {
    ApiError::conflict("Sandbox state change in progress")
}

/// Begins a change from one of these states.
pub fn begin(sandbox: &Sandbox, from: &[&str], to: &str, refusal: &str) -> Result<Change, ApiError> {
    sandbox.begin(to, |states| match states {
        _ if !states.are_settled() => Err(in_progress()),
        _ if !from.contains(&states.state) => Err(ApiError::bad_request(refusal)),
        _ => Ok(()),
    })
}

/// Does what blocks, where it may.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The last step of a start.
pub async fn start_toolbox(sandbox: &Arc<Sandbox>, change: Change) {
    sandbox.touch();
    let starting = sandbox.clone();
    match blocking(move || starting.start_toolbox()).await {
        Ok(()) => sandbox.advance(change, [("state", json!("started"))]),
        Err(error) => {
            let reason = format!("the sandbox cannot start: {error}");
            fail(sandbox, change, "error", &reason) && sandbox.advance(change, [("recoverable", json!(true))])
        }
    };
}

/// Ends a change in a state that nobody wanted.
pub fn fail(sandbox: &Sandbox, change: Change, state: &str, reason: &str) -> bool {
    sandbox.advance(
        change,
        [("errorReason", json!(reason)), ("desiredState", json!(state)), ("state", json!(state))],
    )
}

pub async fn get(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let answer = json_body(&sandbox.json());
    sandbox.notify_observed();
    Ok(answer)
}

/// Allowed during an archive as well, which it supersedes. A paused sandbox goes on where it was.
pub async fn start(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let mut is_paused = false;
    let change = sandbox.begin("started", |states| {
        is_paused = states.state == "paused";
        let archiving = states.desired == "archived" && ["stopped", "archiving"].contains(&states.state);
        match states.state {
            _ if archiving => Ok(()),
            _ if !states.are_settled() => Err(in_progress()),
            "stopped" | "archived" | "paused" => Ok(()),
            _ => Err(ApiError::bad_request("Sandbox is not in valid state")),
        }
    })?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        let state = if is_paused { "resuming" } else { "starting" };
        if !sandbox.advance(change, [("state", json!(state))]) {
            return;
        }
        transition(&sandbox).await;
        if is_paused {
            resume(&sandbox, change).await;
        } else {
            start_toolbox(&sandbox, change).await;
        }
    });
    Ok(answer)
}

async fn resume(sandbox: &Arc<Sandbox>, change: Change) {
    let resumed = sandbox.clone();
    match blocking(move || resumed.resume()).await {
        Ok(()) => sandbox.advance(change, [("state", json!("started"))]),
        Err(error) => fail(sandbox, change, "error", &format!("the sandbox cannot resume: {error}")),
    };
}

pub async fn pause(Path(id): Path<String>, call: ApiCall) -> Answer {
    Ok(json_body(&pause_sandbox(&call.sandbox(&id)?)?))
}

/// Holds every process where it is; the memory stays theirs. The answer has the state `pausing` already.
pub fn pause_sandbox(sandbox: &Arc<Sandbox>) -> Result<Value, ApiError> {
    if !sandbox.is_isolated() {
        return Err(needs_isolation("Pausing"));
    }
    let change = begin(sandbox, &["started"], "paused", "Sandbox must be in started state to pause")?;
    sandbox.advance(change, [("state", json!("pausing"))]);
    let (answer, sandbox) = (sandbox.json(), sandbox.clone());
    tokio::spawn(async move {
        transition(&sandbox).await;
        let pausing = sandbox.clone();
        if let Err(error) = blocking(move || pausing.pause()).await {
            tracing::warn!("sandbox {} cannot pause: {error}", sandbox.id);
            sandbox.advance(change, [("desiredState", json!("started")), ("state", json!("started"))]);
        } else {
            sandbox.advance(change, [("state", json!("paused"))]);
        }
    });
    Ok(answer)
}

/// The refusal of what only a sandbox with processes and files of its own can do.
pub fn needs_isolation(what: &str) -> ApiError {
    ApiError::unprocessable(format!(
        "{what} is not supported for this sandbox: it needs isolation, and this server runs without"
    ))
}

pub async fn stop(Path(id): Path<String>, call: ApiCall) -> Answer {
    Ok(json_body(&stop_sandbox(&call.app, &call.sandbox(&id)?)?))
}

/// Ends the processes and keeps the files. The sandbox as it is when this begins.
pub fn stop_sandbox(app: &Arc<AppState>, sandbox: &Arc<Sandbox>) -> Result<Value, ApiError> {
    let change = begin(sandbox, &["started", "paused"], "stopped", "Sandbox is not in a stoppable state")?;
    let answer = sandbox.json();
    let is_ephemeral = sandbox.get("autoDeleteInterval") == 0;
    let (app, sandbox) = (app.clone(), sandbox.clone());
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        if !sandbox.advance(change, [("state", json!("stopping"))]) {
            return;
        }
        transition(&sandbox).await;
        end_sockets(&sandbox).await;
        let stopping = sandbox.clone();
        let _ = spawn_blocking(move || stopping.stop_toolbox()).await;
        if sandbox.advance(change, [("state", json!("stopped"))]) && is_ephemeral {
            app.sandboxes.write().free_name(&sandbox.organization, &sandbox.name());
            destroy(&app, sandbox).await;
        }
    });
    Ok(answer)
}

pub async fn archive(Path(id): Path<String>, call: ApiCall) -> Answer {
    Ok(json_body(&archive_sandbox(&call.sandbox(&id)?)?))
}

/// Gives back what the stopped sandbox holds beside its files. The sandbox as it is when this begins.
pub fn archive_sandbox(sandbox: &Arc<Sandbox>) -> Result<Value, ApiError> {
    let change = begin(sandbox, &["stopped"], "archived", "Sandbox is not stopped")?;
    let answer = sandbox.json();
    let sandbox = sandbox.clone();
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        if sandbox.advance(change, [("state", json!("archiving"))]) {
            transition(&sandbox).await;
            let archived = sandbox.clone();
            if let Err(error) = blocking(move || archived.archive()).await {
                tracing::warn!("the files of sandbox {} stay in memory: {error}", sandbox.id);
            }
            sandbox.advance(change, [("state", json!("archived"))]);
        }
    });
    Ok(answer)
}

/// Starts a sandbox again whose start failed; with `skipStart` it is stopped instead.
pub async fn recover(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let skip_start = call.parameter("skipStart").as_deref() == Some("true");
    let desired = if skip_start { "stopped" } else { "started" };
    if sandbox.get("recoverable") != true {
        return Err(ApiError::bad_request("Sandbox is not in a recoverable state"));
    }
    let change = begin(&sandbox, &["error"], desired, "Sandbox must be in error state to recover")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        transition(&sandbox).await;
        let cleared = [("errorReason", Value::Null), ("recoverable", json!(false))];
        if !sandbox.advance(change, cleared) {
            return;
        }
        if skip_start {
            sandbox.advance(change, [("state", json!("stopped"))]);
        } else {
            start_toolbox(&sandbox, change).await;
        }
    });
    Ok(answer)
}

/// A started sandbox can only grow in CPU and memory; its disk changes only while it is stopped.
pub async fn resize(Path(id): Path<String>, call: ApiCall) -> Answer {
    let request = call.json()?;
    let sandbox = call.sandbox(&id)?;
    let running = sandbox.state() == "started";
    let mut changes = Vec::new();
    for key in ["cpu", "memory", "disk"] {
        let value = &request[key];
        if value.is_null() {
            continue;
        }
        check_size(key, value)?;
        let less = value.as_u64() < sandbox.get(key).as_u64();
        let refusal = match key {
            "disk" if running => Some("Disk resize can only be performed on a stopped sandbox"),
            "disk" if less => Some("Sandbox disk size cannot be decreased"),
            "memory" if running && less => Some("Sandbox must be in stopped state to decrease memory"),
            "cpu" if running && less => {
                Some("Sandbox must be in stopped state to decrease the number of CPU cores")
            }
            _ => None,
        };
        if let Some(refusal) = refusal {
            return Err(ApiError::bad_request(refusal));
        }
        if *value != sandbox.get(key) {
            changes.push((key, value.clone()));
        }
    }
    if changes.is_empty() {
        return Err(ApiError::bad_request(
            "No resource changes specified - sandbox is already at the desired configuration",
        ));
    }
    let before = sandbox.state();
    let refusal = "Sandbox must be started or stopped to be resized";
    let change = begin(&sandbox, &["started", "stopped"], &before, refusal)?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        sandbox.advance(change, [("state", json!("resizing"))]);
        transition(&sandbox).await;
        let size = |key: &str| changes.iter().find(|(changed, _)| *changed == key);
        let disk_gib = size("disk").and_then(|(_, value)| value.as_u64());
        let resized = sandbox.clone();
        let grown = match disk_gib {
            Some(disk_gib) => blocking(move || resized.grow(disk_gib)).await,
            None => Ok(()),
        };
        match grown {
            Ok(()) => {
                for (key, value) in changes {
                    sandbox.set(key, value);
                }
                sandbox.set_limits().await;
            }
            Err(error) => tracing::warn!("the disk of sandbox {} cannot grow: {error}", sandbox.id),
        }
        sandbox.return_to(change, &before);
    });
    Ok(answer)
}

pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    Ok(json_body(&delete_sandbox(&call.app, &call.sandbox(&id)?)?))
}

/// Frees the name at once; the sandbox is `destroyed` when its processes have ended. Supersedes a first
/// start. The sandbox as it is when this begins.
pub fn delete_sandbox(app: &Arc<AppState>, sandbox: &Arc<Sandbox>) -> Result<Value, ApiError> {
    sandbox.begin("destroyed", |states| match states.state {
        _ if states.desired == "destroyed" => Err(in_progress()),
        _ if states.are_settled() => Ok(()),
        "creating" | "pending_build" | "building_snapshot" => Ok(()),
        _ => Err(in_progress()),
    })?;
    let name = sandbox.name();
    app.sandboxes.write().free_name(&sandbox.organization, &name);
    let milliseconds = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    sandbox.set("name", format!("DESTROYED_{name}_{milliseconds}"));
    let answer = sandbox.json();
    let (app, sandbox) = (app.clone(), sandbox.clone());
    tokio::spawn(async move { destroy(&app, sandbox).await });
    Ok(answer)
}

/// Tells the clients of a sandbox's sockets that it ends. One that is paused goes on for that long.
async fn end_sockets(sandbox: &Arc<Sandbox>) {
    if let Some(toolbox) = sandbox.toolbox() {
        let resumed = sandbox.clone();
        let _ = spawn_blocking(move || resumed.resume()).await;
        toolbox.end_sockets().await;
    }
}

pub async fn destroy(app: &AppState, sandbox: Arc<Sandbox>) {
    sandbox.set("desiredState", "destroyed");
    sandbox.set("state", "destroying");
    end_sockets(&sandbox).await;
    let deleted = sandbox.clone();
    let _ = spawn_blocking(move || deleted.delete()).await;
    sandbox.set("state", "destroyed");
    app.sandboxes.write().remove(&sandbox.id);
}
