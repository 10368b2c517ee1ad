//! Copies of a sandbox's files: forks, which begin with them at once, and snapshots, which keep them for
//! sandboxes to come. The copied sandbox is held while that lasts, and returns to its state.

use super::error::{Answer, ApiError, json_body};
use super::lifecycle::{begin, blocking, fail, needs_isolation, start_toolbox};
use super::{ApiCall, records, snapshots};
use crate::Protocol;
use crate::app_state::Fork;
use crate::build::Image;
use crate::isolation::SavedLayer;
use crate::sandbox::{Change, Sandbox};
use crate::timestamp::now;
use axum::extract::Path;
use serde_json::{Value, json};
use std::io;
use std::sync::Arc;
use uuid::Uuid;

/// Answers with the new sandbox, before it is started.
pub async fn fork(Path(id): Path<String>, call: ApiCall) -> Answer {
    let request = call.json()?;
    let name = match &request["name"] {
        Value::Null => None,
        Value::String(name) => Some(name.as_str()).filter(|name| !name.is_empty()),
        _ => return Err(ApiError::bad_request("name must be a string")),
    };
    let parent = call.sandbox(&id)?;
    if !parent.is_isolated() {
        return Err(needs_isolation("Forking"));
    }
    let mut record = match parent.json() {
        Value::Object(record) => record,
        _ => Default::default(),
    };
    let (own_id, time) = (Uuid::new_v4().to_string(), now());
    for (key, value) in [
        ("name", json!(name.unwrap_or(&own_id))),
        ("id", json!(own_id)),
        ("state", json!("creating")),
        ("desiredState", json!("started")),
        ("createdAt", json!(time)),
        ("updatedAt", json!(time)),
        ("lastActivityAt", json!(time)),
    ] {
        record.insert(key.into(), value);
    }
    let (change, child) = {
        let mut sandboxes = call.app.sandboxes.write();
        if let Some(name) = name.filter(|name| sandboxes.has_name(&call.organization.id, name)) {
            return Err(ApiError::conflict(format!("Sandbox with name {name} already exists")));
        }
        let refusal = "Sandbox must be in started state to fork";
        let change = begin(&parent, &["started"], "started", refusal)?;
        let child = Sandbox::new(&call.app, record, None);
        child.secrets.lock().clone_from(&parent.secrets.lock());
        sandboxes.insert(child.clone());
        (change, child)
    };
    call.app.forks.lock().push(Fork { parent: parent.clone(), child: child.clone() });
    parent.advance(change, [("state", json!("forking"))]);
    let answer = json_body(&child.json());
    tokio::spawn(async move {
        let saved = save(&parent).await;
        parent.return_to(change, "started");
        match saved {
            Ok(saved) => {
                child.set_image(&Image { layer: Some(Arc::new(saved)), config: parent.image_config() });
                start_toolbox(&child, child.first_change()).await;
            }
            Err(error) => {
                let reason = format!("the files of sandbox {} cannot be copied: {error}", parent.id);
                fail(&child, child.first_change(), "error", &reason);
            }
        }
    });
    Ok(answer)
}

async fn save(sandbox: &Arc<Sandbox>) -> io::Result<SavedLayer> {
    let saved = sandbox.clone();
    blocking(move || saved.save()).await
}

/// The most forks that are listed.
const MOST_FORKS: usize = 100;
/// The most ancestors that are listed.
const MOST_ANCESTORS: usize = 50;

/// Those that were forked from this sandbox; destroyed ones on request.
pub async fn forks(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let with_destroyed = call.parameter("includeDestroyed").as_deref() == Some("true");
    let forks = call.app.forks.lock();
    let children = forks.iter().filter(|fork| fork.parent.id == sandbox.id).map(|fork| fork.child.json());
    let children = children.filter(|child| with_destroyed || child["state"] != "destroyed");
    Ok(json_body(&children.take(MOST_FORKS).collect::<Vec<_>>()))
}

/// The sandbox that this one was forked from, also when it is destroyed.
pub async fn parent(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    match parent_of(&call, &sandbox.id) {
        Some(parent) => Ok(json_body(&parent.json())),
        None => Err(ApiError::not_found(format!("Parent sandbox not found for sandbox {id}"))),
    }
}

/// The oldest first.
pub async fn ancestors(Path(id): Path<String>, call: ApiCall) -> Answer {
    let mut next = call.sandbox(&id)?.id.clone();
    let mut ancestors = Vec::new();
    while let Some(parent) = parent_of(&call, &next).filter(|_| ancestors.len() < MOST_ANCESTORS) {
        ancestors.push(parent.json());
        next = parent.id.clone();
    }
    ancestors.reverse();
    Ok(json_body(&ancestors))
}

fn parent_of(call: &ApiCall, id: &str) -> Option<Arc<Sandbox>> {
    let forks = call.app.forks.lock();
    forks.iter().find(|fork| fork.child.id == id).map(|fork| fork.parent.clone())
}

/// Answers with the sandbox in the state `snapshotting`; the snapshot is there once that is over.
pub async fn snapshot(Path(id): Path<String>, call: ApiCall) -> Answer {
    let (request, name) = records::named_request(&call)?;
    match &request["includeMemory"] {
        Value::Null | Value::Bool(false) => {}
        Value::Bool(true) => {
            return Err(ApiError::bad_request("Container sandboxes do not support memory snapshots"));
        }
        _ => return Err(ApiError::bad_request("includeMemory must be a boolean value")),
    }
    let sandbox = call.sandbox(&id)?;
    if !sandbox.is_isolated() {
        return Err(needs_isolation("Snapshotting"));
    }
    if snapshots::find(&call, &name).is_some() {
        return Err(ApiError::conflict(format!("Snapshot with name \"{name}\" already exists")));
    }
    let before = sandbox.state();
    let refusal = "Sandbox must be in started or stopped state to create a snapshot";
    let change = begin(&sandbox, &["started", "stopped"], &before, refusal)?;
    sandbox.advance(change, [("state", json!("snapshotting"))]);
    let record = snapshots::of_sandbox(&call, &name, &sandbox);
    // The last self-hosted release has no such state of a snapshot, and stores it once it is made.
    let shown = call.app.protocol != Protocol::V0_190;
    if shown {
        records::insert(&call.app.snapshots, record.clone());
    }
    let answer = json_body(&sandbox.json());
    tokio::spawn(async move { take_snapshot(&call, &sandbox, change, &before, record, shown).await });
    Ok(answer)
}

async fn take_snapshot(
    call: &ApiCall,
    sandbox: &Arc<Sandbox>,
    change: Change,
    before: &str,
    mut record: records::Record,
    shown: bool,
) {
    const GIB: f64 = 1_073_741_824.0;
    let snapshots = &call.app.snapshots;
    let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    match save(sandbox).await {
        Ok(saved) => {
            let size = json!(saved.size_bytes() as f64 / GIB);
            let image = Image { layer: Some(Arc::new(saved)), config: sandbox.image_config() };
            call.app.snapshot_images.lock().insert(id.clone(), Arc::new(image));
            let ready = [("size", size), ("state", json!("active")), ("updatedAt", json!(now()))];
            if !shown {
                record.extend(ready.map(|(key, value)| (key.to_owned(), value)));
                records::insert(snapshots, record);
            } else if !records::update(snapshots, &id, ready) {
                // Deleted meanwhile.
                call.app.snapshot_images.lock().remove(&id);
            }
        }
        Err(error) => {
            tracing::warn!("no snapshot of sandbox {}: {error}", sandbox.id);
            records::update(
                snapshots,
                &id,
                [("state", json!("error")), ("errorReason", json!(error.to_string()))],
            );
        }
    }
    sandbox.return_to(change, before);
}
