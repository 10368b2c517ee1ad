//! Both lists of sandboxes: by cursor, and by page as older clients ask for it.

use super::error::{Answer, ApiError, json_body};
use super::{ApiCall, warm_pools};
use crate::Protocol;
use crate::sandbox::Sandbox;
use crate::timestamp;
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
    let keys = ["name", "cpu", "memoryGib", "diskGib", "lastActivityAt", "createdAt"];
    let (found, next) = sort(&call, find(&call)?, &keys)?.page(&call)?;
    let items: Vec<Value> = found.into_iter().map(|item| brief(item.json())).collect();
    Ok(json_body(&json!({ "items": items, "nextCursor": next })))
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
    let keys = ["id", "name", "state", "snapshot", "region", "updatedAt", "createdAt", "lastActivityAt"];
    let found = sort(&call, find(&call)?, &keys)?.items;
    let (total, start) = (found.len(), (page - 1).saturating_mul(limit));
    let items: Vec<Value> = found.into_iter().skip(start).take(limit).map(|(_, item)| item.json()).collect();
    Ok(json_body(&json!({
        "items": items,
        "total": total,
        "page": page,
        "totalPages": total.div_ceil(limit),
    })))
}

fn limit(call: &ApiCall) -> Result<usize, ApiError> {
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

/// Where an item stands in a list: the value that the list is sorted by, and one that no other item has.
pub type Place = [Value; 2];

fn compare(a: &Place, b: &Place, descending: bool) -> Ordering {
    let values = |a: &Value, b: &Value| match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.as_str().unwrap_or_default().cmp(b.as_str().unwrap_or_default()),
    };
    let order = values(&a[0], &b[0]).then_with(|| values(&a[1], &b[1]));
    if descending { order.reverse() } else { order }
}

/// A sorted list, of which a cursor names the last item that its client has. No item is left out or given twice
/// where others are deleted meanwhile.
pub struct Sorted<T> {
    pub items: Vec<(Place, T)>,
    descending: bool,
}

impl<T> Sorted<T> {
    pub fn new(mut items: Vec<(Place, T)>, descending: bool) -> Self {
        items.sort_by(|a, b| compare(&a.0, &b.0, descending));
        Self { items, descending }
    }

    /// The items that a request asks for, and the cursor of the next page.
    pub fn page(mut self, call: &ApiCall) -> Result<(Vec<T>, Option<String>), ApiError> {
        let limit = limit(call)?;
        if let Some(cursor) = call.parameter("cursor") {
            let place: Option<Place> =
                URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|json| serde_json::from_slice(&json).ok());
            let last = place.ok_or_else(|| ApiError::bad_request("Invalid cursor"))?;
            self.items.retain(|(place, _)| compare(place, &last, self.descending).is_gt());
        }
        let more = self.items.len() > limit;
        self.items.truncate(limit);
        let last = self.items.last().filter(|_| more);
        let next = last.map(|(place, _)| URL_SAFE_NO_PAD.encode(json!(place).to_string()));
        Ok((self.items.into_iter().map(|(_, item)| item).collect(), next))
    }
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
    let one_of = [
        ("state", values("states")),
        ("snapshot", values("snapshots")),
        ("target", regions),
        ("sandboxClass", values("sandboxClasses")),
    ];
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
    let flags = [("public", call.parameter("isPublic")), ("recoverable", call.parameter("isRecoverable"))];
    let times = [
        ("createdAt", call.time("createdAtAfter")?, call.time("createdAtBefore")?),
        ("lastActivityAt", call.time("lastEventAfter")?, call.time("lastEventBefore")?),
        ("autoDestroyAt", call.time("autoDestroyAtAfter")?, call.time("autoDestroyAtBefore")?),
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
            && flags.iter().all(|(key, wanted)| {
                let is_set = record.get(*key) == Some(&json!(true));
                wanted.as_deref().is_none_or(|wanted| is_set == (wanted == "true"))
            })
            && times.iter().all(|(key, after, before)| {
                // No time at all lies neither before nor after.
                let within =
                    |at| after.is_none_or(|after| at > after) && before.is_none_or(|before| at < before);
                (after.is_none() && before.is_none()) || timestamp::parse(text(key)).is_some_and(within)
            })
    };
    let sandboxes = call.app.sandboxes.read();
    let own = sandboxes.all.iter().filter(|sandbox| sandbox.organization == call.organization.id);
    Ok(own.filter(|sandbox| passes(sandbox)).cloned().collect())
}

/// Sorts by the requested key, which has to be one of `keys`; without one, newest first.
fn sort(call: &ApiCall, found: Vec<Arc<Sandbox>>, keys: &[&str]) -> Result<Sorted<Arc<Sandbox>>, ApiError> {
    let (sort, descending) = call.order(keys)?;
    let key = match sort.as_deref() {
        Some("memoryGib") => "memory",
        Some("diskGib") => "disk",
        Some("region") => "target",
        Some(other) => other,
        None => "",
    };
    let place = |sandbox: &Sandbox| [sandbox.get(key), json!(sandbox.number)];
    Ok(Sorted::new(found.into_iter().map(|sandbox| (place(&sandbox), sandbox)).collect(), descending))
}

fn brief(mut item: Value) -> Value {
    if let Value::Object(record) = &mut item {
        record.retain(|key, _| !OMITTED_IN_LISTS.contains(&key.as_str()));
    }
    item
}
