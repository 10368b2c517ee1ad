//! Snapshots, volumes and the storage's address, as far as sandboxes need them.

use super::Call;
use super::error::{Answer, Refusal, json_body};
use crate::timestamp::now;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

type Things = Mutex<BTreeMap<String, Map<String, Value>>>;

/// How long a thing takes to become usable.
const STEP: Duration = Duration::from_millis(500);

pub async fn list_volumes(call: Call) -> Answer {
    Ok(json_body(&own(&call, &call.world.volumes)))
}

pub async fn volume(Path(id): Path<String>, call: Call) -> Answer {
    find(&call, &call.world.volumes, "id", &id)
        .map(|volume| json_body(&volume))
        .ok_or_else(|| Refusal::not_found(format!("Volume with ID {id} not found")))
}

pub async fn volume_by_name(Path(name): Path<String>, call: Call) -> Answer {
    find(&call, &call.world.volumes, "name", &name)
        .map(|volume| json_body(&volume))
        .ok_or_else(|| Refusal::not_found(format!("Volume with name {name} not found")))
}

pub async fn delete_volume(Path(id): Path<String>, call: Call) -> Answer {
    delete(&call, &call.world.volumes, &id, "Volume")
}

pub async fn snapshot(Path(id): Path<String>, call: Call) -> Answer {
    find_snapshot(&call, &id)
        .map(|snapshot| json_body(&snapshot))
        .ok_or_else(|| Refusal::not_found(format!("Snapshot with ID or name {id} not found")))
}

pub async fn delete_snapshot(Path(id): Path<String>, call: Call) -> Answer {
    delete(&call, &call.world.snapshots, &id, "Snapshot")
}

/// Where image contexts are uploaded to, and with which key.
pub async fn push_access(call: Call) -> Answer {
    Ok(json_body(&json!({
        "accessKey": Uuid::new_v4().simple().to_string(),
        "secret": Uuid::new_v4().simple().to_string(),
        "sessionToken": Uuid::new_v4().simple().to_string(),
        "storageUrl": format!("{}/s3", call.world.base),
        "organizationId": call.organization.id,
        "bucket": "rig",
        "region": "us-east-1",
    })))
}

pub fn has_snapshot(call: &Call, name: &str) -> bool {
    find_snapshot(call, name).is_some()
}

fn own(call: &Call, things: &Things) -> Vec<Map<String, Value>> {
    let things = things.lock();
    let own =
        things.values().filter(|thing| thing.get("organizationId") == Some(&json!(call.organization.id)));
    own.cloned().collect()
}

fn find(call: &Call, things: &Things, key: &str, value: &str) -> Option<Map<String, Value>> {
    own(call, things).into_iter().find(|thing| thing.get(key) == Some(&json!(value)))
}

fn delete(call: &Call, things: &Things, id: &str, what: &str) -> Answer {
    if find(call, things, "id", id).is_none() {
        return Err(Refusal::not_found(format!("{what} with ID {id} not found")));
    }
    things.lock().remove(id);
    Ok(StatusCode::OK.into_response())
}

fn name(call: &Call) -> Result<(Value, String), Refusal> {
    let wish = call.json()?;
    let name = wish["name"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(Refusal::bad_request("name should not be empty"));
    }
    Ok((wish, name))
}

/// Keeps a thing that becomes usable a little later.
fn keep(
    call: &Call,
    which: fn(&crate::world::World) -> &Things,
    thing: Value,
    ready: &'static str,
) -> Answer {
    let id = thing["id"].as_str().unwrap_or_default().to_owned();
    let Value::Object(record) = thing else { return Err(Refusal::bad_request("no object")) };
    which(&call.world).lock().insert(id.clone(), record.clone());
    let world = call.world.clone();
    tokio::spawn(async move {
        tokio::time::sleep(STEP).await;
        if let Some(thing) = which(&world).lock().get_mut(&id) {
            thing.insert("state".into(), json!(ready));
        }
    });
    Ok(json_body(&record))
}

pub async fn create_volume(call: Call) -> Answer {
    let (_, name) = name(&call)?;
    if find(&call, &call.world.volumes, "name", &name).is_some() {
        return Err(Refusal::bad_request(format!("Volume with name {name} already exists")));
    }
    let volume = json!({
        "id": Uuid::new_v4().to_string(),
        "name": name,
        "organizationId": call.organization.id,
        "state": "pending_create",
        "createdAt": now(),
        "updatedAt": now(),
        "lastUsedAt": null,
        "errorReason": null,
    });
    keep(&call, |world| &world.volumes, volume, "ready")
}

fn described(call: &Call, name: &str, image: &str, general: bool) -> Value {
    json!({
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
    })
}

pub async fn create_snapshot(call: Call) -> Answer {
    let (wish, name) = name(&call)?;
    let Some(image) = wish["imageName"].as_str().filter(|image| !image.is_empty()) else {
        return Err(Refusal::bad_request("Must specify an image name"));
    };
    if find_snapshot(&call, &name).is_some() {
        return Err(Refusal::conflict(format!("Snapshot with name \"{name}\" already exists")));
    }
    keep(&call, |world| &world.snapshots, described(&call, &name, image, false), "active")
}

fn find_snapshot(call: &Call, id_or_name: &str) -> Option<Map<String, Value>> {
    let snapshots = &call.world.snapshots;
    find(call, snapshots, "id", id_or_name).or_else(|| find(call, snapshots, "name", id_or_name))
}

/// The organization's own, after the general one.
pub async fn list_snapshots(call: Call) -> Answer {
    let mut general = described(&call, crate::sandbox::DEFAULT_SNAPSHOT, "daytonaio/sandbox:latest", true);
    general["state"] = json!("active");
    general["lastUsedAt"] = json!(now());
    let mut items = vec![general];
    items.extend(own(&call, &call.world.snapshots).into_iter().map(Value::Object));
    let number = |key: &str, default: usize| {
        call.parameter(key).and_then(|text| text.parse().ok()).filter(|n| *n > 0).unwrap_or(default)
    };
    let (page, limit, total) = (number("page", 1), number("limit", 100), items.len());
    let items: Vec<Value> = items.into_iter().skip((page - 1) * limit).take(limit).collect();
    let pages = total.div_ceil(limit);
    Ok(json_body(&json!({ "items": items, "total": total, "page": page, "totalPages": pages })))
}
