//! Changes of state: the answer still has the old state and the new `desiredState`; a second change while
//! they differ is a conflict.

use super::Call;
use super::error::{Answer, Refusal, json_body};
use crate::sandbox::Sandbox;
use axum::extract::Path;
use serde_json::Value;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How long a change takes at least.
const STEP: Duration = Duration::from_millis(120);
/// How long it waits for a client to look.
const LOOKS: Duration = Duration::from_secs(1);

/// A change takes some time, and until a client has seen it under way: else a test on a busy machine could
/// come too late to see what it is about.
async fn under_way(sandbox: &Sandbox) {
    sleep(STEP).await;
    let began = Instant::now();
    while !sandbox.seen.load(Ordering::Acquire) && began.elapsed() < LOOKS {
        sleep(STEP / 10).await;
    }
}

/// Begins a change from one of these states.
fn begin(call: &Call, id: &str, from: &[&str], to: &str, refusal: &str) -> Result<Arc<Sandbox>, Refusal> {
    let sandbox = call.sandbox(&id)?;
    if sandbox.is_changing() {
        sandbox.seen.store(true, Ordering::Release);
        return Err(Refusal::conflict("Sandbox state change in progress"));
    }
    if !from.contains(&sandbox.state().as_str()) {
        return Err(Refusal::bad_request(refusal));
    }
    if !sandbox.desire(to) {
        return Err(Refusal::conflict("Sandbox state change in progress"));
    }
    Ok(sandbox)
}

/// The last step of a start. A delete that came meanwhile wins.
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

pub async fn look(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = call.sandbox(&id)?;
    sandbox.seen.store(true, Ordering::Release);
    Ok(json_body(&sandbox.json()))
}

pub async fn start(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = begin(&call, &id, &["stopped", "archived"], "started", "Sandbox is not in valid state")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(STEP / 2).await;
        sandbox.set("state", "starting");
        under_way(&sandbox).await;
        start_toolbox(&sandbox).await;
    });
    Ok(answer)
}

/// The processes end; the files stay. Asked politely they get a moment.
pub async fn stop(Path(id): Path<String>, call: Call) -> Answer {
    let refusal = "Sandbox is not in a stoppable state";
    let sandbox = begin(&call, &id, &["started"], "stopped", refusal)?;
    let answer = json_body(&sandbox.json());
    let deletes = sandbox.get("autoDeleteInterval") == 0;
    let world = call.world.clone();
    tokio::spawn(async move {
        sleep(STEP / 2).await;
        sandbox.set("state", "stopping");
        under_way(&sandbox).await;
        let killed = sandbox.clone();
        let _ = spawn_blocking(move || killed.stop_toolbox()).await;
        sandbox.set("state", "stopped");
        if deletes {
            world.sandboxes.write().free_name(&sandbox.organization, &sandbox.name());
            destroy(&world, sandbox).await;
        }
    });
    Ok(answer)
}

pub async fn archive(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = begin(&call, &id, &["stopped"], "archived", "Sandbox is not stopped")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(STEP / 2).await;
        sandbox.set("state", "archiving");
        under_way(&sandbox).await;
        sandbox.set("state", "archived");
    });
    Ok(answer)
}

pub async fn recover(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = begin(&call, &id, &["error"], "started", "Sandbox is not in error state")?;
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        under_way(&sandbox).await;
        sandbox.set("errorReason", Value::Null);
        start_toolbox(&sandbox).await;
    });
    Ok(answer)
}

/// What runs can only get more processors and memory; the disk changes while the sandbox is stopped.
pub async fn resize(Path(id): Path<String>, call: Call) -> Answer {
    let wish = call.json()?;
    let sandbox = call.sandbox(&id)?;
    let running = sandbox.state() == "started";
    let mut changes = Vec::new();
    for key in ["cpu", "memory", "disk"] {
        let value = &wish[key];
        if value.is_null() {
            continue;
        }
        if !value.is_u64() {
            return Err(Refusal::bad_request(format!("{key} must be an integer number")));
        }
        if *value == 0 {
            return Err(Refusal::bad_request(format!("{key} must not be less than 1")));
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
            return Err(Refusal::bad_request(refusal));
        }
        if *value != sandbox.get(key) {
            changes.push((key, value.clone()));
        }
    }
    if changes.is_empty() {
        return Err(Refusal::bad_request(
            "No resource changes specified - sandbox is already at the desired configuration",
        ));
    }
    let before = sandbox.state();
    let refusal = "Sandbox must be started or stopped to be resized";
    begin(&call, &id, &["started", "stopped"], &before, refusal)?;
    sandbox.resizing.store(true, Ordering::Release);
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move {
        sleep(STEP / 2).await;
        sandbox.set("state", "resizing");
        under_way(&sandbox).await;
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

/// The name is free at once; the sandbox itself goes when its processes have.
pub async fn delete(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = call.sandbox(&id)?;
    if sandbox.text("desiredState") == "destroyed" {
        return Err(Refusal::conflict("Sandbox state change in progress"));
    }
    let settled = !sandbox.is_changing();
    let unsettled_but_deletable = ["creating", "pending_build", "building_snapshot"];
    if !settled && !unsettled_but_deletable.contains(&sandbox.state().as_str()) {
        return Err(Refusal::conflict("Sandbox state change in progress"));
    }
    let name = sandbox.name();
    call.world.sandboxes.write().free_name(&sandbox.organization, &name);
    let milliseconds = time::OffsetDateTime::now_utc().unix_timestamp_nanos() / 1_000_000;
    sandbox.set("name", format!("DESTROYED_{name}_{milliseconds}"));
    sandbox.set("desiredState", "destroyed");
    let answer = json_body(&sandbox.json());
    let world = call.world.clone();
    tokio::spawn(async move { destroy(&world, sandbox).await });
    Ok(answer)
}

async fn destroy(world: &crate::world::World, sandbox: Arc<Sandbox>) {
    sandbox.set("desiredState", "destroyed");
    sandbox.set("state", "destroying");
    let gone = sandbox.clone();
    let _ = spawn_blocking(move || {
        gone.close_toolbox();
        gone.remove_files();
    })
    .await;
    sandbox.set("state", "destroyed");
    world.sandboxes.write().remove(&sandbox.id);
}
