//! Snapshots: the organization's own records, and the default snapshot, which everybody has.

use super::ApiCall;
use super::create::check_size;
use super::error::{Answer, ApiError, json_body};
use super::records::{self, Record, Records};
use crate::app_state::AppState;
use crate::build::{Build, Image, ImageConfig, Progress, Source};
use crate::sandbox::{DEFAULT_SNAPSHOT, Sandbox};
use crate::timestamp::now;
use axum::extract::Path;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

pub async fn create(call: ApiCall) -> Answer {
    let (request, name) = records::named_request(&call)?;
    if !is_name(&name) {
        return Err(ApiError::bad_request(
            "Invalid snapshot name format. May contain letters, digits, dots, colons, and dashes",
        ));
    }
    let info = request.get("buildInfo").filter(|info| !info.is_null());
    let image = request["imageName"].as_str().filter(|image| !image.is_empty());
    let record = match (info, image) {
        (Some(_), Some(_)) => {
            return Err(ApiError::bad_request("Cannot specify an image name when using a build info entry"));
        }
        (Some(info), None) => {
            if !request["entrypoint"].is_null() {
                let message = "Cannot specify an entrypoint when using a build info entry";
                return Err(ApiError::bad_request(message));
            }
            if info["dockerfileContent"].as_str().is_none_or(|text| text.trim().is_empty()) {
                return Err(ApiError::bad_request("buildInfo.dockerfileContent should not be empty"));
            }
            let mut info = info.clone();
            let reference = source(&call, &info, 1).image_name();
            info["createdAt"] = json!(now());
            info["updatedAt"] = info["createdAt"].clone();
            info["snapshotRef"] = json!(reference);
            let mut record = record(&call, &name, "", false);
            record.insert("ref".into(), json!(reference));
            record.insert("buildInfo".into(), info);
            record
        }
        (None, Some(image)) => {
            check_image(image)?;
            let mut record = record(&call, &name, image, false);
            record.insert("entrypoint".into(), entrypoint(&request)?);
            record
        }
        (None, None) => {
            let message = "Must specify an image name when not using a build info entry";
            return Err(ApiError::bad_request(message));
        }
    };
    let record = with_resources(record, &request)?;
    if find(&call, &name).is_some() {
        let message = format!("Snapshot with name \"{name}\" already exists for this organization");
        return Err(ApiError::conflict(message));
    }
    let id = text(&record, "id").to_owned();
    let Some(info) = record.get("buildInfo") else {
        let words = record.get("entrypoint").and_then(Value::as_array).cloned().unwrap_or_default();
        let entrypoint = words.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
        let config = ImageConfig { entrypoint, ..ImageConfig::default() };
        call.app.snapshot_images.lock().insert(id, Arc::new(Image { layer: None, config }));
        return records::create(&call, |app| &app.snapshots, record, "active");
    };
    let disk_gib = record.get("disk").and_then(Value::as_u64).unwrap_or(1);
    let build = call.app.builds.start(&call.app, source(&call, info, disk_gib));
    call.app.snapshot_builds.lock().insert(id.clone(), build.clone());
    let answer = json_body(&record);
    records::insert(&call.app.snapshots, record);
    tokio::spawn(follow(call.app.clone(), id, build));
    Ok(answer)
}

/// Writes to a snapshot's record how its build goes.
async fn follow(app: Arc<AppState>, id: String, build: Arc<Build>) {
    const GIB: f64 = 1_073_741_824.0;
    let mut progress = build.progress();
    loop {
        let now_at = progress.borrow_and_update().clone();
        let set = |state: &str| {
            records::update(&app.snapshots, &id, [("state", json!(state)), ("updatedAt", json!(now()))])
        };
        match now_at {
            Progress::Waiting => {}
            Progress::Running => drop(set("building")),
            Progress::Done(image) => {
                let size = image.layer.as_ref().map_or(0.0, |layer| layer.size_bytes() as f64 / GIB);
                let entrypoint = Some(image.config.command_line()).filter(|words| !words.is_empty());
                let words = [("size", json!(size)), ("entrypoint", json!(entrypoint))];
                if records::update(&app.snapshots, &id, words) {
                    app.snapshot_images.lock().insert(id.clone(), image);
                    set("active");
                }
                return;
            }
            Progress::Failed(reason) => {
                records::update(&app.snapshots, &id, [("errorReason", json!(reason))]);
                set("build_failed");
                return;
            }
        }
        if progress.changed().await.is_err() {
            set("error");
            return;
        }
    }
}

/// What a request asks to build.
pub fn source(call: &ApiCall, info: &Value, disk_gib: u64) -> Source {
    let hashes = info["contextHashes"].as_array().into_iter().flatten();
    Source {
        organization: call.organization.id.clone(),
        dockerfile: info["dockerfileContent"].as_str().unwrap_or_default().to_owned(),
        context_hashes: hashes.filter_map(|hash| hash.as_str().map(str::to_owned)).collect(),
        disk_gib,
    }
}

fn text<'a>(record: &'a Record, key: &str) -> &'a str {
    record.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn is_name(name: &str) -> bool {
    let is_allowed = |letter: char| letter.is_ascii_alphanumeric() || "._-:/@".contains(letter);
    name.chars().all(is_allowed) && name.starts_with(|letter: char| letter.is_ascii_alphanumeric())
}

fn check_image(image: &str) -> Result<(), ApiError> {
    let refusal = |text: &str| Err(ApiError::bad_request(text));
    if let Some((_, digest)) = image.split_once("@sha256:") {
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if is_digest {
            Ok(())
        } else {
            refusal("Invalid digest format. Must be image@sha256:64_hex_characters")
        };
    }
    if !image.contains(':') || image.trim_end().ends_with(':') {
        return refusal("Image name must include a tag (e.g., ubuntu:22.04) or digest (@sha256:...)");
    }
    if image.ends_with(":latest") {
        return refusal("Images with tag \":latest\" are not allowed");
    }
    if !is_name(image) {
        return refusal(
            "Invalid image name format. Must be lowercase, may contain digits, dots, dashes, \
             and single slashes between components",
        );
    }
    Ok(())
}

fn entrypoint(request: &Value) -> Result<Value, ApiError> {
    match &request["entrypoint"] {
        Value::Null => Ok(Value::Null),
        Value::Array(words) if words.iter().all(Value::is_string) => Ok(json!(words)),
        _ => Err(ApiError::bad_request("each value in entrypoint must be a string")),
    }
}

fn with_resources(mut record: Record, request: &Value) -> Result<Record, ApiError> {
    for (key, stored) in [("cpu", "cpu"), ("gpu", "gpu"), ("memory", "mem"), ("disk", "disk")] {
        if let Some(value) = request.get(key).filter(|value| !value.is_null()) {
            check_size(key, value)?;
            record.insert(stored.into(), value.clone());
        }
    }
    Ok(record)
}

/// In the wanted order; else those made last first, and the default snapshot last.
pub async fn list(call: ApiCall) -> Answer {
    let number = |key: &str, default: usize, most: usize| match call.parameter(key) {
        None => Ok(default),
        Some(text) => match text.parse() {
            Ok(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(ApiError::bad_request(format!("{key} must be a number from 1 to {most}"))),
        },
    };
    let (page, limit) = (number("page", 1, usize::MAX)?, number("limit", 100, 200)?);
    let mut items = records::list(&call, &call.app.snapshots);
    items.sort_by(|a, b| text(b, "createdAt").cmp(text(a, "createdAt")));
    items.push(default_snapshot(&call));
    let (key, descending) = call.order(&["name", "state", "lastUsedAt", "createdAt"])?;
    if key.is_some() || !descending {
        let key = key.as_deref().unwrap_or("createdAt");
        items.sort_by(|a, b| text(a, key).cmp(text(b, key)));
        if descending {
            items.reverse();
        }
    }
    if let Some(name) = call.parameter("name").map(|name| name.to_lowercase()) {
        items.retain(|item| text(item, "name").to_lowercase().contains(&name));
    }
    if let Some(sandbox) = call.parameter("sourceSandboxId") {
        items.retain(|item| text(item, "sourceSandboxId") == sandbox);
    }
    let total = items.len();
    let items: Vec<_> = items.into_iter().skip((page - 1).saturating_mul(limit)).take(limit).collect();
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
    call.app.snapshot_images.lock().remove(&id);
    call.app.snapshot_builds.lock().remove(&id);
    Ok(answer)
}

/// By id. Sandboxes can be made of it again, after a moment.
pub async fn activate(Path(id): Path<String>, call: ApiCall) -> Answer {
    let state = state_of(&call, &id)?;
    match state.as_str() {
        "inactive" => {}
        "active" => return Err(ApiError::bad_request(format!("Snapshot {id} is already active"))),
        state => {
            let message = format!("Snapshot {id} cannot be activated - it is in {state} state");
            return Err(ApiError::bad_request(message));
        }
    }
    records::update(&call.app.snapshots, &id, [("state", json!("pending")), ("updatedAt", json!(now()))]);
    let app = call.app.clone();
    let snapshot = find(&call, &id).unwrap_or_default();
    tokio::spawn(async move {
        tokio::time::sleep(ACTIVATION).await;
        records::update(&app.snapshots, &id, [("state", json!("active")), ("updatedAt", json!(now()))]);
    });
    Ok(json_body(&snapshot))
}

/// By id. No sandbox can be made of it until it is activated.
pub async fn deactivate(Path(id): Path<String>, call: ApiCall) -> Answer {
    if default_snapshot(&call).get("id") == Some(&json!(id)) {
        return Err(ApiError::forbidden("You cannot deactivate a general snapshot"));
    }
    state_of(&call, &id)?;
    records::update(&call.app.snapshots, &id, [("state", json!("inactive")), ("updatedAt", json!(now()))]);
    Ok(axum::http::StatusCode::NO_CONTENT.into_response())
}

/// How long an activation takes.
const ACTIVATION: std::time::Duration = std::time::Duration::from_millis(150);

fn state_of(call: &ApiCall, id: &str) -> Result<String, ApiError> {
    let found = find(call, id).filter(|record| text(record, "id") == id);
    let found = found.ok_or_else(|| ApiError::not_found(format!("Snapshot {id} not found")))?;
    Ok(text(&found, "state").to_owned())
}

/// What the snapshot with this id or name has; nothing where that is the machine's files alone.
pub fn image(call: &ApiCall, id_or_name: &str) -> Option<Arc<Image>> {
    let snapshot = find(call, id_or_name)?;
    call.app.snapshot_images.lock().get(text(&snapshot, "id")).cloned()
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
