//! Volumes: records, and a directory each, which sandboxes mount.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::lifecycle::OBSERVE_TIMEOUT;
use super::records::{self, Record};
use crate::app_state::AppState;
use crate::isolation::VolumeMount;
use crate::timestamp::now;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

pub async fn create(call: ApiCall) -> Answer {
    let request = call.json()?;
    let id = Uuid::new_v4().to_string();
    let name = match &request["name"] {
        Value::String(name) if name.is_empty() => id.clone(),
        Value::String(name) => name.clone(),
        _ => return Err(ApiError::bad_request("name must be a string")),
    };
    if named(&call, &name).is_some() {
        return Err(ApiError::bad_request(format!("Volume with name {name} already exists")));
    }
    let made = make_directory(&call.app.state_dir, &id);
    let fields = [
        ("id", json!(id)),
        ("name", json!(name)),
        ("organizationId", json!(call.organization.id)),
        ("state", json!("pending_create")),
        ("createdAt", json!(now())),
        ("updatedAt", json!(now())),
        ("lastUsedAt", Value::Null),
        ("errorReason", made.as_ref().err().map_or(Value::Null, |error| json!(error.to_string()))),
    ];
    let volume: Record = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    records::create(&call, |app| &app.volumes, volume, if made.is_ok() { "ready" } else { "error" })
}

/// The last used first, then the newest.
pub async fn list(call: ApiCall) -> Answer {
    let deleted = call.parameter("includeDeleted").as_deref() == Some("true");
    let mut volumes = records::list(&call, &call.app.volumes);
    volumes.retain(|volume| deleted || state(volume) != "deleted");
    let text = |volume: &Record, key: &str| volume.get(key).and_then(Value::as_str).map(str::to_owned);
    volumes.sort_by_key(|volume| std::cmp::Reverse((text(volume, "lastUsedAt"), text(volume, "createdAt"))));
    Ok(json_body(&volumes))
}

pub async fn get(Path(id): Path<String>, call: ApiCall) -> Answer {
    records::read(&call, &call.app.volumes, "id", &id)
        .map(|volume| json_body(&volume))
        .ok_or_else(|| ApiError::not_found(format!("Volume with ID {id} not found")))
}

pub async fn get_by_name(Path(name): Path<String>, call: ApiCall) -> Answer {
    let found = named(&call, &name).and_then(|volume| {
        records::read(&call, &call.app.volumes, "id", volume.get("id").and_then(Value::as_str)?)
    });
    found
        .map(|volume| json_body(&volume))
        .ok_or_else(|| ApiError::not_found(format!("Volume with name {name} not found")))
}

/// Refused while a sandbox has it; a stopped one has it too.
pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    // No sandbox is added meanwhile.
    let sandboxes = call.app.sandboxes.read();
    let Some(volume) = records::find(&call, &call.app.volumes, "id", &id) else {
        return Err(ApiError::not_found(format!("Volume with ID {id} not found")));
    };
    if !["ready", "error"].contains(&state(&volume)) {
        return Err(ApiError::bad_request(
            "Volume must be in 'ready' or 'error' state in order to be deleted",
        ));
    }
    let user = sandboxes
        .all
        .iter()
        .find(|sandbox| sandbox.text("desiredState") != "destroyed" && has(&sandbox.get("volumes"), &id));
    if let Some(sandbox) = user {
        let name = sandbox.name();
        return Err(ApiError::conflict(format!(
            "Volume cannot be deleted because it is in use by one or more sandboxes (e.g. {name})"
        )));
    }
    set_state(&call.app, &id, "pending_delete");
    drop(sandboxes);
    tokio::spawn(remove(call.app.clone(), id));
    Ok(StatusCode::OK.into_response())
}

/// How often it is looked whether a sandbox that is being deleted is gone.
const POLL: Duration = Duration::from_millis(20);

/// Removes what is in a volume, once no process can write there.
async fn remove(app: Arc<AppState>, id: String) {
    let is_held = || app.sandboxes.read().all.iter().any(|sandbox| has(&sandbox.get("volumes"), &id));
    while is_held() {
        sleep(POLL).await;
    }
    records::observed(&app.volumes, &id, OBSERVE_TIMEOUT).await;
    set_state(&app, &id, "deleting");
    let path = directory(&app.state_dir, &id);
    let removed = tokio::task::spawn_blocking(move || fs::remove_dir_all(path)).await;
    match removed.map_err(io::Error::other).and_then(|removed| removed) {
        Ok(()) => set_state(&app, &id, "deleted"),
        Err(error) => records::change(&app.volumes, &id, |volume| {
            volume.insert("state".into(), json!("error"));
            volume.insert("errorReason".into(), json!(error.to_string()));
        }),
    }
}

fn state(volume: &Record) -> &str {
    volume.get("state").and_then(Value::as_str).unwrap_or_default()
}

fn set_state(app: &AppState, id: &str, state: &str) {
    records::change(&app.volumes, id, |volume| drop(volume.insert("state".into(), json!(state))));
}

/// Whether the volume of that id is among a sandbox's.
fn has(volumes: &Value, id: &str) -> bool {
    volumes.as_array().into_iter().flatten().any(|volume| volume["volumeId"] == id)
}

/// The volume with that name. A deleted one has given it up.
fn named(call: &ApiCall, name: &str) -> Option<Record> {
    let volumes = records::list(call, &call.app.volumes);
    volumes.into_iter().find(|volume| volume.get("name") == Some(&json!(name)) && state(volume) != "deleted")
}

fn directory(state_dir: &FilePath, id: &str) -> PathBuf {
    state_dir.join("volumes").join(id)
}

fn make_directory(state_dir: &FilePath, id: &str) -> io::Result<()> {
    let path = directory(state_dir, id);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o777))
}

/// Where sandboxes may not mount anything.
const SYSTEM_DIRECTORIES: [&str; 9] =
    ["/proc", "/sys", "/dev", "/boot", "/etc", "/bin", "/sbin", "/lib", "/lib64"];

/// The volumes of a create request, each with its id in place of a name.
pub fn resolve(call: &ApiCall, requested: &Value) -> Result<Vec<Value>, ApiError> {
    let Some(requested) = requested.as_array() else {
        return Err(ApiError::bad_request("volumes must be an array"));
    };
    let mut resolved = Vec::new();
    let mut paths = BTreeSet::new();
    for volume in requested {
        let text = |key: &str| {
            let refusal =
                || ApiError::bad_request(format!("volumes.{}.{key} must be a string", resolved.len()));
            volume[key].as_str().ok_or_else(refusal)
        };
        let (reference, mount_path) = (text("volumeId")?, text("mountPath")?);
        let by_id = records::find(call, &call.app.volumes, "id", &reference.to_lowercase());
        let Some(found) =
            by_id.filter(|volume| state(volume) != "deleted").or_else(|| named(call, reference))
        else {
            return Err(ApiError::not_found(format!("Volume '{reference}' not found")));
        };
        if state(&found) != "ready" {
            let (name, state) =
                (found.get("name").and_then(Value::as_str).unwrap_or_default(), state(&found));
            let message = format!("Volume '{name}' is not in a ready state. Current state: {state}");
            return Err(ApiError::bad_request(message));
        }
        check_mount_path(mount_path)?;
        let mut volume = Map::from_iter([
            ("volumeId".to_owned(), found.get("id").cloned().unwrap_or_default()),
            ("mountPath".to_owned(), json!(mount_path)),
        ]);
        match &requested[resolved.len()]["subpath"] {
            Value::Null => {}
            Value::String(subpath) => {
                check_subpath(subpath)?;
                volume.insert("subpath".to_owned(), json!(subpath));
            }
            other => {
                return Err(ApiError::bad_request(format!("Invalid subpath {other} (must be a string)")));
            }
        }
        if !paths.insert(mount_path.trim_end_matches('/')) {
            return Err(ApiError::bad_request(format!("Duplicate mount point: {mount_path}")));
        }
        resolved.push(Value::Object(volume));
    }
    if !resolved.is_empty() && call.app.isolation.plan().is_none() {
        return Err(ApiError::bad_request(
            "Volumes cannot be mounted: the sandboxes of this daytona-dev are not isolated, and a mount path would \
             be a path of the machine itself",
        ));
    }
    Ok(resolved)
}

fn check_mount_path(path: &str) -> Result<(), ApiError> {
    let is_in =
        |system: &str| path.strip_prefix(system).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let why = match path {
        _ if !path.starts_with('/') => "must be absolute",
        "/" | "//" => "cannot mount to the root directory",
        _ if path.split('/').any(|part| part == "." || part == "..") => {
            "cannot contain relative path components"
        }
        _ if path[1..].contains("//") => "cannot contain consecutive slashes",
        _ if SYSTEM_DIRECTORIES.into_iter().any(is_in) => "cannot mount to system directory",
        _ if path.contains('\0') => "cannot contain NUL",
        _ => return Ok(()),
    };
    Err(ApiError::bad_request(format!("Invalid mount path {path} ({why})")))
}

fn check_subpath(subpath: &str) -> Result<(), ApiError> {
    let why = match subpath {
        _ if subpath.starts_with('/') => "S3 key prefixes cannot start with /",
        _ if subpath.contains("..") => "cannot contain .. for security",
        _ if subpath.contains("//") => "cannot contain consecutive slashes",
        _ if subpath.contains('\0') => "cannot contain NUL",
        _ => return Ok(()),
    };
    Err(ApiError::bad_request(format!("Invalid subpath \"{subpath}\" ({why})")))
}

/// Marks the volumes of a new sandbox as used, unless one is being deleted by now.
pub fn use_all(app: &AppState, volumes: &Value) -> Result<(), ApiError> {
    let ids = volumes.as_array().into_iter().flatten().filter_map(|volume| volume["volumeId"].as_str());
    for id in ids {
        let mut is_ready = false;
        records::change(&app.volumes, id, |volume| {
            is_ready = state(volume) == "ready";
            volume.insert("lastUsedAt".into(), json!(now()));
        });
        if !is_ready {
            return Err(ApiError::not_found(format!("Volume '{id}' not found")));
        }
    }
    Ok(())
}

/// A sandbox's volumes as its container mounts them.
pub fn mounts(state_dir: &FilePath, volumes: &Value) -> Vec<VolumeMount> {
    let volumes = volumes.as_array().into_iter().flatten();
    let mount = |volume: &Value| {
        Some(VolumeMount {
            target: volume["mountPath"].as_str()?.into(),
            source: directory(state_dir, volume["volumeId"].as_str()?),
            subpath: volume["subpath"].as_str().unwrap_or_default().into(),
        })
    };
    volumes.filter_map(mount).collect()
}
