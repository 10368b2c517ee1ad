//! Warm pools: started sandboxes of a snapshot that wait for a create to take one. They are in the registry as all
//! others, with the `warmPoolId` of their pool until they are taken, and lists leave them out.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::lifecycle;
use super::records::{self, Record};
use super::snapshots;
use crate::app_state::{AppState, Registry};
use crate::sandbox::{Sandbox, defaults};
use crate::timestamp::now;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// The service bounds a pool by a quota; here it is the developer's machine that ends.
const MAX_POOL: i64 = 20;
/// The key of an unclaimed sandbox's pool.
const POOL: &str = "warmPoolId";

pub async fn create(call: ApiCall) -> Answer {
    let request = call.json()?;
    let Some(wanted) = request["snapshot"].as_str().filter(|wanted| !wanted.is_empty()) else {
        return Err(ApiError::bad_request("snapshot must be a string"));
    };
    let size = size(&request, 1)?;
    let target = match &request["target"] {
        Value::Null => "local",
        Value::String(target) => target,
        _ => return Err(ApiError::bad_request("target must be a string")),
    };
    let Some(snapshot) = snapshots::find(&call, wanted) else {
        return Err(ApiError::not_found(format!("Snapshot {wanted} not found")));
    };
    let of = |key: &str| snapshot.get(key).cloned().unwrap_or_default();
    if of("state") != "active" {
        return Err(ApiError::bad_request(format!("Snapshot {wanted} is not active")));
    }
    let is_same = |pool: &Record| {
        pool.get("snapshot") == Some(&of("name")) && pool.get("target") == Some(&json!(target))
    };
    if records::list(&call, &call.app.warm_pools).iter().any(is_same) {
        let message = format!("A warm pool for snapshot {wanted} in {target} already exists");
        return Err(ApiError::conflict(message));
    }
    let id = Uuid::new_v4().to_string();
    let fields = [
        ("id", json!(id)),
        ("organizationId", json!(call.organization.id)),
        ("snapshot", of("name")),
        ("target", json!(target)),
        ("pool", json!(size)),
        ("cpu", of("cpu")),
        ("mem", of("mem")),
        ("disk", of("disk")),
        ("osUser", json!("daytona")),
        ("env", json!({})),
        ("errorReason", Value::Null),
        ("createdAt", json!(now())),
        ("updatedAt", json!(now())),
    ];
    let pool: Record = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let _observed = records::insert(&call.app.warm_pools, pool.clone());
    adjust(&call, &id);
    Ok((StatusCode::CREATED, json_body(&shown(&call.app, pool))).into_response())
}

pub async fn list(call: ApiCall) -> Answer {
    let pools = records::list(&call, &call.app.warm_pools);
    Ok(json_body(&pools.into_iter().map(|pool| shown(&call.app, pool)).collect::<Vec<_>>()))
}

pub async fn update(Path(id): Path<String>, call: ApiCall) -> Answer {
    let size = size(&call.json()?, 0)?;
    find(&call, &id)?;
    records::change(&call.app.warm_pools, &id, |pool| drop(pool.insert("pool".into(), json!(size))));
    adjust(&call, &id);
    Ok(json_body(&shown(&call.app, find(&call, &id)?)))
}

pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    find(&call, &id)?;
    records::remove(&call.app.warm_pools, &id);
    adjust(&call, &id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn find(call: &ApiCall, id: &str) -> Result<Record, ApiError> {
    let found = records::find(call, &call.app.warm_pools, "id", id);
    found.ok_or_else(|| ApiError::not_found(format!("Warm pool with ID {id} not found")))
}

/// The size that a request asks for.
fn size(request: &Value, least: i64) -> Result<i64, ApiError> {
    match request["pool"].as_i64() {
        Some(size) if size < least => {
            Err(ApiError::bad_request(format!("pool must not be less than {least}")))
        }
        Some(size) if size > MAX_POOL => {
            Err(ApiError::bad_request(format!("Warm pool quota exceeded. Maximum allowed: {MAX_POOL}")))
        }
        Some(size) => Ok(size),
        None => Err(ApiError::bad_request("pool must be an integer number")),
    }
}

/// A pool with the number of its sandboxes that are ready.
fn shown(app: &AppState, mut pool: Record) -> Record {
    let id = pool.get("id").cloned().unwrap_or_default();
    let sandboxes = app.sandboxes.read();
    let ready =
        sandboxes.all.iter().filter(|sandbox| is_member(sandbox, &id) && sandbox.state() == "started");
    pool.insert("currentSize".into(), json!(ready.count()));
    pool
}

fn is_member(sandbox: &Sandbox, pool: &Value) -> bool {
    sandbox.get(POOL) == *pool && sandbox.text("desiredState") == "started"
}

/// Whether a sandbox waits in a pool.
pub fn waits(record: &Map<String, Value>) -> bool {
    record.get(POOL).is_some_and(|pool| !pool.is_null())
}

/// Starts the sandboxes that a pool lacks, or ends those that it has too many of; all of a pool that is gone.
pub fn adjust(call: &ApiCall, id: &str) {
    let app = &call.app;
    let pool = records::find(call, &app.warm_pools, "id", id);
    let wanted = pool.as_ref().and_then(|pool| pool.get("pool")).and_then(Value::as_u64).unwrap_or_default();
    let snapshot = pool.as_ref().and_then(|pool| pool.get("snapshot")).and_then(Value::as_str);
    let image = snapshot.and_then(|snapshot| snapshots::image(call, snapshot));
    let (mut started, mut ended) = (Vec::new(), Vec::new());
    {
        let mut sandboxes = app.sandboxes.write();
        let members = sandboxes.all.iter().filter(|sandbox| is_member(sandbox, &json!(id)));
        let mut members: Vec<Arc<Sandbox>> = members.cloned().collect();
        while members.len() as u64 > wanted {
            ended.extend(members.pop());
        }
        let Some(pool) = pool.filter(|_| (members.len() as u64) < wanted) else {
            drop(sandboxes);
            for sandbox in ended {
                let app = app.clone();
                tokio::spawn(async move { lifecycle::destroy(&app, sandbox).await });
            }
            return;
        };
        for _ in members.len() as u64..wanted {
            let mut record = defaults(app, &call.organization.id);
            for (key, value) in [
                (POOL, json!(id)),
                ("name", record.get("id").cloned().unwrap_or_default()),
                ("snapshot", pool.get("snapshot").cloned().unwrap_or_default()),
                ("target", pool.get("target").cloned().unwrap_or_default()),
                ("autoStopInterval", json!(0)),
            ] {
                record.insert(key.into(), value);
            }
            let sandbox = Sandbox::new(app, record, None);
            if let Some(image) = &image {
                sandbox.set_image(image);
            }
            sandboxes.insert(sandbox.clone());
            started.push(sandbox);
        }
    }
    for sandbox in started {
        let (app, id) = (app.clone(), id.to_owned());
        tokio::spawn(async move {
            lifecycle::start_toolbox(&sandbox, sandbox.first_change()).await;
            let reason = sandbox.get("errorReason");
            if !reason.is_null() {
                records::change(&app.warm_pools, &id, |pool| drop(pool.insert("errorReason".into(), reason)));
            }
        });
    }
}

/// What a sandbox that was taken from a pool has to have of the pool's, because it has started with it.
const STARTED_WITH: [&str; 7] = ["snapshot", "target", "user", "cpu", "memory", "disk", "gpu"];

/// Takes a sandbox of the organization's pools for the record of a create, if one fits: it gets what the request
/// gives it, and its pool gets another one from [`adjust`] with the id in the answer.
pub fn take(
    sandboxes: &mut Registry,
    organization: &str,
    record: &Map<String, Value>,
) -> Option<(Arc<Sandbox>, String)> {
    let is_plain = [
        "env",
        "volumes",
        "networkBlockAll",
        "networkAllowList",
        "domainAllowList",
        "linkedSandbox",
        "outboundProxyUrl",
        "spot",
        "buildInfo",
    ]
    .iter()
    .all(|key| match record.get(*key) {
        None | Some(Value::Null | Value::Bool(false)) => true,
        Some(Value::Array(items)) => items.is_empty(),
        Some(Value::Object(members)) => members.is_empty(),
        Some(_) => false,
    });
    if !is_plain {
        return None;
    }
    let fits = |sandbox: &&Arc<Sandbox>| {
        sandbox.organization == organization
            && !sandbox.get(POOL).is_null()
            && sandbox.state() == "started"
            && sandbox.text("desiredState") == "started"
            && STARTED_WITH
                .iter()
                .all(|key| record.get(*key).cloned().unwrap_or_default() == sandbox.get(key))
    };
    let sandbox = sandboxes.all.iter().find(fits)?.clone();
    let pool = sandbox.text(POOL);
    sandboxes.free_name(organization, &sandbox.name());
    sandbox.hand_over(record, &[POOL], &["id", "state", "desiredState", "runnerId"]);
    sandboxes.set_name(&sandbox);
    Some((sandbox, pool))
}
