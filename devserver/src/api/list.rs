//! Both lists of sandboxes: by cursor, and by page as older clients ask for it.

use super::error::{Answer, ApiError, json_body};
use super::{ApiCall, warm_pools};
use crate::Protocol;
use crate::sandbox::Sandbox;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 200;
/// Keys that the items of the cursor list do not have.
const OMITTED_IN_LISTS: [&str; 7] = [
    "env",
    "volumes",
    "buildInfo",
    "backupCreatedAt",
    "linkedSandboxId",
    "outboundProxyUrl",
    "otelEndpointOverride",
];

/// The states that the filter accepts.
const STATES: [&str; 22] = [
    "creating",
    "restoring",
    "destroyed",
    "destroying",
    "started",
    "stopped",
    "starting",
    "stopping",
    "error",
    "build_failed",
    "pending_build",
    "building_snapshot",
    "unknown",
    "pulling_snapshot",
    "archived",
    "archiving",
    "resizing",
    "snapshotting",
    "forking",
    "pausing",
    "paused",
    "resuming",
];

pub async fn by_cursor(call: ApiCall) -> Answer {
    let limit = limit(&call)?;
    let start = match call.parameter("cursor") {
        None => 0,
        Some(cursor) => offset(&cursor).ok_or_else(|| ApiError::bad_request("Invalid cursor"))?,
    };
    let mut found = find(&call)?;
    sort(&call, &mut found, &["name", "cpu", "memoryGib", "diskGib", "lastActivityAt", "createdAt"])?;
    let cursor = page_cursor(start + limit, found.len());
    let items: Vec<Value> =
        found.into_iter().skip(start).take(limit).map(|item| brief(item.json())).collect();
    Ok(json_body(&json!({ "items": items, "nextCursor": cursor })))
}

pub async fn by_page(call: ApiCall) -> Answer {
    let limit = limit(&call)?;
    let page = match call.parameter("page") {
        None => 1,
        Some(text) => match text.parse::<usize>() {
            Ok(page) if page > 0 => page,
            _ => return Err(ApiError::bad_request("page must not be less than 1")),
        },
    };
    let mut found = find(&call)?;
    let keys = ["id", "name", "state", "snapshot", "region", "updatedAt", "createdAt", "lastActivityAt"];
    sort(&call, &mut found, &keys)?;
    let total = found.len();
    let items: Vec<Value> =
        found.into_iter().skip((page - 1) * limit).take(limit).map(|item| item.json()).collect();
    Ok(json_body(&json!({
        "items": items,
        "total": total,
        "page": page,
        "totalPages": total.div_ceil(limit),
    })))
}

pub fn limit(call: &ApiCall) -> Result<usize, ApiError> {
    match call.parameter("limit") {
        None => Ok(DEFAULT_LIMIT),
        Some(text) => match text.parse::<i64>() {
            Ok(limit) if limit < 1 => Err(ApiError::bad_request("limit must not be less than 1")),
            Ok(limit) if limit > MAX_LIMIT as i64 => {
                Err(ApiError::bad_request("limit must not be greater than 200"))
            }
            Ok(limit) => Ok(limit as usize),
            Err(_) => Err(ApiError::bad_request("limit must be an integer number")),
        },
    }
}

/// The position that a cursor stands for.
pub fn offset(cursor: &str) -> Option<usize> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?.parse().ok()
}

/// The cursor of the page that begins there, unless it is behind the last item.
pub fn page_cursor(start: usize, total: usize) -> Option<String> {
    (start < total).then(|| URL_SAFE_NO_PAD.encode(start.to_string()))
}

/// The organization's sandboxes that pass every filter.
fn find(call: &ApiCall) -> Result<Vec<Arc<Sandbox>>, ApiError> {
    let query = call.query();
    let values = |name: &str| -> Vec<String> {
        query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect()
    };
    let labels: Map<String, Value> = match call.parameter("labels") {
        None => Map::new(),
        Some(text) => {
            serde_json::from_str(&text).map_err(|_| ApiError::bad_request("Invalid labels JSON format"))?
        }
    };
    let mut regions = values("regions");
    regions.extend(values("regionIds"));
    if let Some(unknown) = values("states").iter().find(|state| !STATES.contains(&state.as_str())) {
        return Err(ApiError::bad_request(format!("each value in states must be a valid state: {unknown}")));
    }
    let one_of = [("state", values("states")), ("snapshot", values("snapshots")), ("target", regions)];
    let starts = |key: &str| call.parameter(key).map(|text| text.to_lowercase());
    let prefixes = [("id", starts("id")), ("name", starts("name"))];
    let bound_from = |least: f64, name: &str| match call.parameter(name).map(|text| text.parse::<f64>()) {
        None => Ok(None),
        Some(Ok(bound)) if bound >= least => Ok(Some(bound)),
        Some(_) => Err(ApiError::bad_request(format!("{name} must not be less than {least}"))),
    };
    let bound = |name: &str| bound_from(1.0, name);
    let gpu_bound = |name: &str| match call.app.protocol {
        Protocol::V0_190 | Protocol::V0_205 => Ok(None),
        Protocol::V0_226 => bound_from(0.0, name),
    };
    let bounds = [
        ("cpu", bound("minCpu")?, bound("maxCpu")?),
        ("memory", bound("minMemoryGiB")?, bound("maxMemoryGiB")?),
        ("disk", bound("minDiskGiB")?, bound("maxDiskGiB")?),
        ("gpu", gpu_bound("minGpu")?, gpu_bound("maxGpu")?),
    ];
    let errored = call.parameter("includeErroredDeleted").as_deref() == Some("true");
    let warm = call.parameter("includeWarm").as_deref() == Some("true");
    let public = call.parameter("isPublic");
    let times = [
        ("createdAt", call.parameter("createdAtAfter"), call.parameter("createdAtBefore")),
        ("lastActivityAt", call.parameter("lastEventAfter"), call.parameter("lastEventBefore")),
    ];
    let passes = |sandbox: &Arc<Sandbox>| {
        let Value::Object(record) = sandbox.json() else { return false };
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
        let number = |key: &str| record.get(key).and_then(Value::as_f64).unwrap_or_default();
        if warm_pools::waits(&record) && !warm {
            return false;
        }
        let gone = text("desiredState") == "destroyed" && !errored;
        !gone
            && labels.iter().all(|(key, value)| record.get("labels").is_some_and(|it| it[key] == *value))
            && one_of.iter().all(|(key, any)| any.is_empty() || any.iter().any(|it| it == text(key)))
            && prefixes.iter().all(|(key, prefix)| {
                prefix.as_deref().is_none_or(|prefix| text(key).to_lowercase().starts_with(prefix))
            })
            && bounds.iter().all(|(key, least, most)| {
                least.is_none_or(|least| number(key) >= least) && most.is_none_or(|most| number(key) <= most)
            })
            && public.as_deref().is_none_or(|public| sandbox.is_public() == (public == "true"))
            && times.iter().all(|(key, after, before)| {
                after.as_deref().is_none_or(|after| text(key) > after)
                    && before.as_deref().is_none_or(|before| text(key) < before)
            })
    };
    let sandboxes = call.app.sandboxes.read();
    let own = sandboxes.all.iter().filter(|sandbox| sandbox.organization == call.organization.id);
    Ok(own.filter(|sandbox| passes(sandbox)).cloned().collect())
}

/// Sorts by the requested key, which has to be one of `keys`; without one, newest first.
fn sort(call: &ApiCall, found: &mut [Arc<Sandbox>], keys: &[&str]) -> Result<(), ApiError> {
    let descending = match call.parameter("order").as_deref() {
        Some("asc") => false,
        Some("desc") | None => true,
        Some(_) => return Err(ApiError::bad_request("order must be one of the following values: asc, desc")),
    };
    let Some(sort) = call.parameter("sort") else {
        if descending {
            found.reverse();
        }
        return Ok(());
    };
    if !keys.contains(&sort.as_str()) {
        let keys = keys.join(", ");
        return Err(ApiError::bad_request(format!("sort must be one of the following values: {keys}")));
    }
    let key = match sort.as_str() {
        "memoryGib" => "memory",
        "diskGib" => "disk",
        "region" => "target",
        other => other,
    };
    let compare = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.as_str().unwrap_or_default().cmp(b.as_str().unwrap_or_default()),
    };
    found.sort_by(|a, b| {
        let order: Ordering = compare(&a.get(key), &b.get(key));
        if descending { order.reverse() } else { order }
    });
    Ok(())
}

fn brief(mut item: Value) -> Value {
    if let Value::Object(record) = &mut item {
        record.retain(|key, _| !OMITTED_IN_LISTS.contains(&key.as_str()));
    }
    item
}
