//! POST /sandbox: the service's checks of a request, then the build and the first start.

use super::error::{Answer, ApiError, json_body};
use super::lifecycle::{fail, start_toolbox};
use super::{ApiCall, network, secrets, snapshots, volumes, warm_pools};
use crate::Protocol;
use crate::build::{Build, Progress};
use crate::sandbox::{Sandbox, defaults};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest that the answer to a create waits for the start.
const CREATE_TIMEOUT: Duration = Duration::from_secs(30);
/// Keys of a create request that go into the record as they are.
const COPIED_KEYS: [&str; 12] = [
    "user",
    "env",
    "labels",
    "public",
    "networkBlockAll",
    "networkAllowList",
    "domainAllowList",
    "target",
    "gpuType",
    "spot",
    "outboundProxyUrl",
    "otelEndpointOverride",
];

pub async fn create(call: ApiCall) -> Answer {
    let body = call.json()?;
    let Value::Object(request) = body else { return Err(ApiError::bad_request("Expected an object")) };
    let record = record(&call, &request)?;
    let secrets = match request.get("secrets").filter(|secrets| !secrets.is_null()) {
        Some(requested) if call.app.protocol >= Protocol::V0_205 => secrets::environment(&call, requested)?,
        _ => BTreeMap::new(),
    };
    let snapshot = record.get("snapshot").and_then(Value::as_str).unwrap_or_default();
    let image = snapshots::image(&call, snapshot);
    let sandbox = {
        let mut sandboxes = call.app.sandboxes.write();
        let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
        if sandboxes.has_name(&call.organization.id, name) {
            return Err(ApiError::conflict(format!("Sandbox with name {name} already exists")));
        }
        let plain = !request.contains_key("secrets") && !request.contains_key("ttlMinutes");
        let warm = plain.then(|| warm_pools::take(&mut sandboxes, &call.organization.id, &record)).flatten();
        if let Some((sandbox, pool)) = warm {
            drop(sandboxes);
            warm_pools::adjust(&call, &pool);
            return Ok(json_body(&sandbox.json()));
        }
        if let Some(requested) = record.get("volumes") {
            volumes::use_all(&call.app, requested)?;
        }
        let sandbox = Sandbox::new(&call.app, record, None);
        let ttl = request.get("ttlMinutes").and_then(Value::as_u64);
        if let Some(minutes) = ttl.filter(|_| call.app.protocol >= Protocol::V0_205) {
            sandbox.set_ttl(call.app.minute, u32::try_from(minutes).unwrap_or(u32::MAX));
        }
        *sandbox.secrets.lock() = secrets;
        sandboxes.insert(sandbox.clone());
        sandbox
    };
    if let Some(image) = image {
        sandbox.set_image(&image);
    }
    let Some(info) = request.get("buildInfo").filter(|info| !info.is_null()) else {
        let starting = sandbox.clone();
        let making = tokio::spawn(async move { start_toolbox(&starting, starting.first_change()).await });
        let _ = tokio::time::timeout(CREATE_TIMEOUT, making).await;
        return Ok(json_body(&sandbox.json()));
    };
    // A build answers at once: its client follows the log.
    let answer = json_body(&sandbox.json());
    let source = snapshots::source(&call, info, sandbox.resources().disk_gib);
    let build = call.app.builds.start(&call.app, source);
    *sandbox.build.lock() = Some(build.clone());
    tokio::spawn(build_and_start(sandbox, build));
    Ok(answer)
}

/// The new sandbox's record, or the error of the first check that fails.
fn record(call: &ApiCall, request: &Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let given = |key: &str| request.get(key).filter(|value| !value.is_null());
    let mut record = defaults(&call.app, &call.organization.id);
    for key in COPIED_KEYS {
        if let Some(value) = request.get(key).filter(|value| !value.is_null()) {
            record.insert(key.into(), value.clone());
        }
    }
    let texts = ["name", "snapshot", "user", "target", "outboundProxyUrl", "otelEndpointOverride"];
    if let Some(key) = texts.into_iter().find(|key| given(key).is_some_and(|value| !value.is_string())) {
        return Err(ApiError::bad_request(format!("{key} must be a string")));
    }
    network::lists(request)?;
    for key in ["env", "labels"] {
        let Some(pairs) = given(key).map(|value| texts_by_name(key, value)).transpose()? else { continue };
        let has_nul = |(name, value): (&String, &Value)| {
            name.contains('\0') || value.as_str().is_some_and(|value| value.contains('\0'))
        };
        if pairs.iter().any(has_nul) {
            return Err(ApiError::bad_request(format!("{key} must not contain NUL")));
        }
    }
    for key in ["public", "networkBlockAll", "spot"] {
        if given(key).is_some_and(|value| !value.is_boolean()) {
            return Err(ApiError::bad_request(format!("{key} must be a boolean value")));
        }
    }
    if call.app.protocol >= Protocol::V0_226 {
        newer_fields(request, &mut record)?;
    }
    let built = request.get("buildInfo").is_some_and(|info| !info.is_null());
    if built && given("snapshot").is_some() {
        return Err(ApiError::bad_request("Cannot specify a snapshot when using a build info entry"));
    }
    if let Some(linked) = given("linkedSandbox") {
        let linked =
            linked.as_str().ok_or_else(|| ApiError::bad_request("linkedSandbox must be a string"))?;
        record.insert("linkedSandboxId".into(), json!(call.sandbox(linked)?.id));
    }
    if built && given("linkedSandbox").is_some() {
        return Err(ApiError::bad_request("Cannot link a sandbox when using a build info entry"));
    }
    for key in ["cpu", "gpu", "memory", "disk"] {
        let Some(value) = given(key) else { continue };
        check_size(key, value)?;
        record.insert(key.into(), value.clone());
    }
    let resources = ["cpu", "gpu", "memory", "disk", "gpuType"];
    if !built && resources.iter().any(|key| given(key).is_some()) {
        return Err(ApiError::bad_request("Cannot specify Sandbox resources when using a snapshot"));
    }
    intervals(request, &mut record)?;
    if let Some(requested) = given("volumes") {
        record.insert("volumes".into(), volumes::resolve(call, requested)?.into());
    }
    if let Some(name) = request.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        record.insert("name".into(), json!(name));
    } else {
        let id = record.get("id").cloned().unwrap_or_default();
        record.insert("name".into(), id);
    }
    if let Some(wanted) = request.get("snapshot").and_then(Value::as_str) {
        let Some(snapshot) = snapshots::find(call, wanted) else {
            let advice = "Did you add it through the Daytona Dashboard?";
            return Err(ApiError::bad_request(format!("Snapshot {wanted} not found. {advice}")));
        };
        match snapshot.get("state").and_then(Value::as_str) {
            Some("active") => {}
            state => {
                let state = state.unwrap_or("unknown");
                return Err(ApiError::bad_request(format!("Snapshot {wanted} is {state}")));
            }
        }
        record.insert("snapshot".into(), snapshot.get("name").cloned().unwrap_or_default());
        for (key, of_snapshot) in [("cpu", "cpu"), ("gpu", "gpu"), ("memory", "mem"), ("disk", "disk")] {
            if let Some(size) = snapshot.get(of_snapshot).filter(|size| size.is_u64()) {
                record.insert(key.into(), size.clone());
            }
        }
    }
    if built {
        let mut info = request.get("buildInfo").cloned().unwrap_or_default();
        if info["dockerfileContent"].as_str().is_none_or(|text| text.trim().is_empty()) {
            return Err(ApiError::bad_request("buildInfo.dockerfileContent should not be empty"));
        }
        info["createdAt"] = record.get("createdAt").cloned().unwrap_or_default();
        info["updatedAt"] = info["createdAt"].clone();
        info["snapshotRef"] = json!(snapshots::source(call, &info, 1).image_name());
        record.remove("snapshot");
        record.insert("buildInfo".into(), info);
        record.insert("state".into(), json!("pending_build"));
    }
    Ok(record)
}

/// Refuses what is no size of a sandbox, and what is beyond the limits that the service has of its organizations: here
/// so high that only a mistake exceeds them.
pub fn check_size(key: &str, value: &Value) -> Result<(), ApiError> {
    let (name, most, unit) = match key {
        "cpu" => ("CPU", 1 << 10, ""),
        "memory" => ("Memory", 1 << 14, "GB"),
        "disk" => ("Disk", 1 << 16, "GB"),
        _ => ("GPU", 1 << 10, ""),
    };
    if !value.is_u64() && !value.is_i64() {
        return Err(ApiError::bad_request(format!("{key} must be an integer number")));
    }
    let least = i64::from(key != "gpu");
    match value.as_i64() {
        Some(number) if number < least => {
            Err(ApiError::bad_request(format!("{key} must not be less than {least}")))
        }
        Some(number) if number <= most => Ok(()),
        _ => Err(ApiError::forbidden(format!(
            "{name} request {value}{unit} exceeds maximum allowed per sandbox ({most}{unit})."
        ))),
    }
}

/// An object whose values are all texts.
pub fn texts_by_name<'r>(key: &str, value: &'r Value) -> Result<&'r Map<String, Value>, ApiError> {
    let pairs = value.as_object().ok_or_else(|| ApiError::bad_request(format!("{key} must be an object")))?;
    match pairs.iter().find(|(_, value)| !value.is_string()) {
        Some((name, _)) => Err(ApiError::bad_request(format!("{key}.{name} must be a string"))),
        None => Ok(pairs),
    }
}

/// Fields that came with 0.226, and that the servers before it ignore.
fn newer_fields(request: &Map<String, Value>, record: &mut Map<String, Value>) -> Result<(), ApiError> {
    let given = |key: &str| request.get(key).filter(|value| !value.is_null());
    if let Some(minutes) = given("queueTimeout") {
        match minutes.as_i64() {
            Some(1..) => drop(record.insert("queueTimeout".into(), minutes.clone())),
            Some(_) => return Err(ApiError::bad_request("queueTimeout must not be less than 1")),
            None => return Err(ApiError::bad_request("queueTimeout must be an integer number")),
        }
    }
    if let Some(kvm) = given("kvm") {
        if !kvm.is_boolean() {
            return Err(ApiError::bad_request("kvm must be a boolean value"));
        }
        record.insert("kvm".into(), kvm.clone());
    }
    Ok(())
}

/// The intervals in minutes, and which of them exclude each other.
fn intervals(request: &Map<String, Value>, record: &mut Map<String, Value>) -> Result<(), ApiError> {
    let known = [
        ("autoStopInterval", "Auto-stop interval", 0),
        ("autoPauseInterval", "Auto-pause interval", 0),
        ("autoArchiveInterval", "Auto-archive interval", 0),
        ("ttlMinutes", "TTL", 0),
        ("autoDeleteInterval", "", i64::MIN),
    ];
    for (key, name, least) in known {
        let Some(value) = request.get(key).filter(|value| !value.is_null()) else { continue };
        match value.as_i64() {
            // Shown as the time when it ends.
            Some(minutes) if minutes >= least && key == "ttlMinutes" => {}
            Some(minutes) if minutes >= least => drop(record.insert(key.into(), json!(minutes))),
            Some(_) => return Err(ApiError::bad_request(format!("{name} must be non-negative"))),
            None => return Err(ApiError::bad_request(format!("{key} must be an integer number"))),
        };
    }
    let minutes_of = |key: &str| request.get(key).and_then(Value::as_i64);
    if minutes_of("autoPauseInterval").is_some_and(|minutes| minutes > 0) {
        if minutes_of("autoStopInterval").is_some_and(|minutes| minutes > 0) {
            return Err(ApiError::bad_request(
                "At most one of autoStopInterval and autoPauseInterval may be non-zero",
            ));
        }
        if minutes_of("autoDeleteInterval") == Some(0) {
            return Err(ApiError::bad_request("Auto-pause is not allowed for ephemeral sandboxes"));
        }
    }
    Ok(())
}

/// Waits for the image, then starts the sandbox.
async fn build_and_start(sandbox: Arc<Sandbox>, build: Arc<Build>) {
    let change = sandbox.first_change();
    let mut progress = build.progress();
    loop {
        let now = progress.borrow_and_update().clone();
        match now {
            Progress::Waiting => {}
            Progress::Running => {
                if !sandbox.advance(change, [("state", json!("building_snapshot"))]) {
                    return;
                }
            }
            Progress::Done(image) => {
                sandbox.set_image(&image);
                return start_toolbox(&sandbox, change).await;
            }
            Progress::Failed(reason) => {
                fail(&sandbox, change, "build_failed", &reason);
                return;
            }
        }
        if progress.changed().await.is_err() {
            fail(&sandbox, change, "build_failed", "the build has ended");
            return;
        }
    }
}
