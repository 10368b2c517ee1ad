//! Changes of state. The answer has the old state and the new `desiredState`; a second change while the two
//! differ is a conflict.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use crate::sandbox::Sandbox;
use axum::extract::Path;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// The shortest time that a sandbox stays in a state such as `starting`.
const MIN_TRANSITION: Duration = Duration::from_millis(120);
/// The longest wait for a client to read that state.
const OBSERVE_TIMEOUT: Duration = Duration::from_secs(1);

/// The time in a state such as `starting`: at least [`MIN_TRANSITION`], and until a client has read it or
/// [`OBSERVE_TIMEOUT`] has passed, so that a client on a busy machine does not miss it.
async fn transition(sandbox: &Sandbox) {
    sleep(MIN_TRANSITION).await;
    let began = Instant::now();
    while !sandbox.seen.load(Ordering::Acquire) && began.elapsed() < OBSERVE_TIMEOUT {
        sleep(MIN_TRANSITION / 10).await;
    }
}

/// Begins a change from one of these states.
fn begin(call: &ApiCall, id: &str, from: &[&str], to: &str, refusal: &str) -> Result<Arc<Sandbox>, ApiError> {
    let sandbox = call.sandbox(&id)?;
    if sandbox.is_changing() {
        sandbox.seen.store(true, Ordering::Release);
        return Err(ApiError::conflict("Sandbox state change in progress"));
    }
    if !from.contains(&sandbox.state().as_str()) {
        return Err(ApiError::bad_request(refusal));
    }
    if !sandbox.desire(to) {
        return Err(ApiError::conflict("Sandbox state change in progress"));
    }
    Ok(sandbox)
}

/// The last step of a start. A delete that was requested meanwhile wins.
pub async fn start_toolbox(sandbox: &Arc<Sandbox>) {
    let starting = sandbox.clone();
    let started = spawn_blocking(move || starting.start_toolbox()).await.map_err(io::Error::other);
    match started.and_then(|started| started) {
        _ if sandbox.text("desiredState") != "started" => {}
        Ok(()) => sandbox.set("state", "started"),
        Err(error) => {
            sandbox.set("errorReason", format!("the sandbox cannot start: {error}"));
            sandbox.set("desiredState", "error");
            sandbox.set("state", "error");
        }
    }
}

pub async fn get(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    sandbox.seen.store(true, Ordering::Release);
    Ok(json_body(&sandbox.json()))
}

pub async fn start(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = begin(&call, &id, &["stopped", "archived"], "started", "Sandbox is not in valid state")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        sandbox.set("state", "starting");
        transition(&sandbox).await;
        start_toolbox(&sandbox).await;
    });
    Ok(answer)
}

/// Ends the processes and keeps the files.
pub async fn stop(Path(id): Path<String>, call: ApiCall) -> Answer {
    let refusal = "Sandbox is not in a stoppable state";
    let sandbox = begin(&call, &id, &["started"], "stopped", refusal)?;
    let answer = json_body(&sandbox.json());
    let deletes = sandbox.get("autoDeleteInterval") == 0;
    let app = call.app.clone();
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        sandbox.set("state", "stopping");
        transition(&sandbox).await;
        let killed = sandbox.clone();
        let _ = spawn_blocking(move || killed.stop_toolbox()).await;
        sandbox.set("state", "stopped");
        if deletes {
            app.sandboxes.write().free_name(&sandbox.organization, &sandbox.name());
            destroy(&app, sandbox).await;
        }
    });
    Ok(answer)
}

pub async fn archive(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = begin(&call, &id, &["stopped"], "archived", "Sandbox is not stopped")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        sandbox.set("state", "archiving");
        transition(&sandbox).await;
        sandbox.set("state", "archived");
    });
    Ok(answer)
}

pub async fn recover(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = begin(&call, &id, &["error"], "started", "Sandbox is not in error state")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        transition(&sandbox).await;
        sandbox.set("errorReason", Value::Null);
        start_toolbox(&sandbox).await;
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
        if !value.is_u64() {
            return Err(ApiError::bad_request(format!("{key} must be an integer number")));
        }
        if *value == 0 {
            return Err(ApiError::bad_request(format!("{key} must not be less than 1")));
        }
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
    begin(&call, &id, &["started", "stopped"], &before, refusal)?;
    sandbox.resizing.store(true, Ordering::Release);
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(MIN_TRANSITION / 2).await;
        sandbox.set("state", "resizing");
        transition(&sandbox).await;
        for (key, value) in changes {
            sandbox.set(key, value);
        }
        if let Some(toolbox) = sandbox.toolbox() {
            toolbox.resize(sandbox.resources());
        }
        sandbox.set("state", before);
        sandbox.resizing.store(false, Ordering::Release);
    });
    Ok(answer)
}

/// Frees the name at once; the sandbox is `destroyed` when its processes have ended.
pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    if sandbox.text("desiredState") == "destroyed" {
        return Err(ApiError::conflict("Sandbox state change in progress"));
    }
    let settled = !sandbox.is_changing();
    let unsettled_but_deletable = ["creating", "pending_build", "building_snapshot"];
    if !settled && !unsettled_but_deletable.contains(&sandbox.state().as_str()) {
        return Err(ApiError::conflict("Sandbox state change in progress"));
    }
    let name = sandbox.name();
    call.app.sandboxes.write().free_name(&sandbox.organization, &name);
    let milliseconds = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    sandbox.set("name", format!("DESTROYED_{name}_{milliseconds}"));
    sandbox.set("desiredState", "destroyed");
    let answer = json_body(&sandbox.json());
    let app = call.app.clone();
    tokio::spawn(async move { destroy(&app, sandbox).await });
    Ok(answer)
}

async fn destroy(app: &crate::app_state::AppState, sandbox: Arc<Sandbox>) {
    sandbox.set("desiredState", "destroyed");
    sandbox.set("state", "destroying");
    let gone = sandbox.clone();
    let _ = spawn_blocking(move || {
        gone.close_toolbox();
        gone.remove_files();
    })
    .await;
    sandbox.set("state", "destroyed");
    app.sandboxes.write().remove(&sandbox.id);
}
