//! Snapshots: the organization's own records, and the default snapshot, which everybody has.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::records::{self, Record, Records};
use crate::isolation::SavedLayer;
use crate::sandbox::{DEFAULT_SNAPSHOT, Sandbox};
use crate::timestamp::now;
use axum::extract::Path;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub async fn create(call: ApiCall) -> Answer {
    let (request, name) = records::named_request(&call)?;
    let Some(image) = request["imageName"].as_str().filter(|image| !image.is_empty()) else {
        return Err(ApiError::bad_request("Must specify an image name"));
    };
    if find(&call, &name).is_some() {
        return Err(ApiError::conflict(format!("Snapshot with name \"{name}\" already exists")));
    }
    records::create(&call, |app| &app.snapshots, record(&call, &name, image, false), "active")
}

/// The default snapshot first.
pub async fn list(call: ApiCall) -> Answer {
    let mut items = vec![default_snapshot(&call)];
    items.extend(records::list(&call, &call.app.snapshots));
    let number = |key: &str, default: usize| {
        call.parameter(key).and_then(|text| text.parse().ok()).filter(|n| *n > 0).unwrap_or(default)
    };
    let (page, limit, total) = (number("page", 1), number("limit", 100), items.len());
    let items: Vec<_> = items.into_iter().skip((page - 1) * limit).take(limit).collect();
    let pages = total.div_ceil(limit);
    Ok(json_body(&json!({ "items": items, "total": total, "page": page, "totalPages": pages })))
}

pub async fn get(Path(id_or_name): Path<String>, call: ApiCall) -> Answer {
    read(&call, &id_or_name)
        .map(|snapshot| json_body(&snapshot))
        .ok_or_else(|| ApiError::not_found(format!("Snapshot with ID or name {id_or_name} not found")))
}

pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    if default_snapshot(&call).get("id") == Some(&json!(id)) {
        return Err(ApiError::forbidden("General snapshots cannot be deleted"));
    }
    let answer = records::delete(&call, &call.app.snapshots, &id, "Snapshot")?;
    call.app.snapshot_layers.lock().remove(&id);
    Ok(answer)
}

/// The files of the snapshot with this id or name; nothing where it has none but the machine's.
pub fn layer(call: &ApiCall, id_or_name: &str) -> Option<Arc<SavedLayer>> {
    let snapshot = find(call, id_or_name)?;
    call.app.snapshot_layers.lock().get(snapshot.get("id")?.as_str()?).cloned()
}

/// The snapshot with this id or name, the default one included.
pub fn find(call: &ApiCall, id_or_name: &str) -> Option<Record> {
    find_by(call, id_or_name, records::find)
}

/// The same, for a client's answer.
fn read(call: &ApiCall, id_or_name: &str) -> Option<Record> {
    find_by(call, id_or_name, records::read)
}

fn find_by(
    call: &ApiCall,
    id_or_name: &str,
    find: fn(&ApiCall, &Records, &str, &str) -> Option<Record>,
) -> Option<Record> {
    let default = default_snapshot(call);
    if [default.get("id"), default.get("name")].contains(&Some(&json!(id_or_name))) {
        return Some(default);
    }
    let snapshots = &call.app.snapshots;
    find(call, snapshots, "id", id_or_name).or_else(|| find(call, snapshots, "name", id_or_name))
}

fn default_snapshot(call: &ApiCall) -> Record {
    let mut snapshot = record(call, DEFAULT_SNAPSHOT, "daytonaio/sandbox:latest", true);
    snapshot.insert("id".into(), json!(call.app.default_snapshot_id));
    snapshot.insert("state".into(), json!("active"));
    snapshot.insert("lastUsedAt".into(), json!(now()));
    snapshot
}

/// A snapshot that is being made from a sandbox, of the sandbox's size.
pub fn of_sandbox(call: &ApiCall, name: &str, sandbox: &Sandbox) -> Record {
    let mut snapshot = record(call, name, "", false);
    snapshot.insert("state".into(), json!("snapshotting"));
    snapshot.insert("sourceSandboxId".into(), json!(sandbox.id));
    for (key, of_sandbox) in [("cpu", "cpu"), ("gpu", "gpu"), ("mem", "memory"), ("disk", "disk")] {
        snapshot.insert(key.into(), sandbox.get(of_sandbox));
    }
    let reference =
        format!("daytona-dev/snapshot:{}", snapshot.get("id").and_then(Value::as_str).unwrap_or_default());
    snapshot.insert("ref".into(), json!(reference));
    snapshot.insert("size".into(), Value::Null);
    snapshot
}

fn record(call: &ApiCall, name: &str, image: &str, general: bool) -> Record {
    let value = json!({
        "id": Uuid::new_v4().to_string(),
        "organizationId": call.organization.id,
        "general": general,
        "name": name,
        "imageName": image,
        "state": "pending",
        "size": 0.5,
        "entrypoint": null,
        "cpu": 1,
        "gpu": 0,
        "mem": 1,
        "disk": 3,
        "errorReason": null,
        "createdAt": now(),
        "updatedAt": now(),
        "lastUsedAt": null,
        "regionIds": ["local"],
        "ref": image,
        "sourceSandboxId": null,
        "sandboxClass": "container",
    });
    match value {
        Value::Object(record) => record,
        _ => Record::new(),
    }
}
