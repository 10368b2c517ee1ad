//! Snapshots, volumes, secrets and warm pools as stored: their JSON by id, each with the organization that owns it.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::lifecycle::OBSERVE_TIMEOUT;
use crate::app_state::AppState;
use crate::timestamp::now;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

pub type Record = Map<String, Value>;
pub type Records = Mutex<BTreeMap<String, Stored>>;

pub struct Stored {
    record: Record,
    /// Notified when a client has read the record by itself.
    observed: Arc<Notify>,
}

/// The shortest time between a create and its final state.
const READY_DELAY: Duration = Duration::from_millis(500);

/// Those of the caller's organization.
pub fn list(call: &ApiCall, records: &Records) -> Vec<Record> {
    let owner = json!(call.organization.id);
    let records = records.lock();
    let own = records.values().filter(|stored| stored.record.get("organizationId") == Some(&owner));
    own.map(|stored| stored.record.clone()).collect()
}

/// Finds a record for a client's answer.
pub fn read(call: &ApiCall, records: &Records, key: &str, value: &str) -> Option<Record> {
    let found = find(call, records, key, value)?;
    let id = found.get("id").and_then(Value::as_str).unwrap_or_default();
    if let Some(stored) = records.lock().get(id) {
        stored.observed.notify_waiters();
    }
    Some(found)
}

pub fn find(call: &ApiCall, records: &Records, key: &str, value: &str) -> Option<Record> {
    list(call, records).into_iter().find(|record| record.get(key) == Some(&json!(value)))
}

/// Changes a record that is there.
pub fn change(records: &Records, id: &str, change: impl FnOnce(&mut Record)) {
    if let Some(stored) = records.lock().get_mut(id) {
        change(&mut stored.record);
        stored.record.insert("updatedAt".into(), json!(now()));
    }
}

pub fn remove(records: &Records, id: &str) -> Option<Record> {
    records.lock().remove(id).map(|stored| stored.record)
}

/// Returns once a client has read the record by itself, or after `limit`.
pub async fn observed(records: &Records, id: &str, limit: Duration) {
    let observed = records.lock().get(id).map(|stored| stored.observed.clone());
    if let Some(observed) = observed {
        let _unread = timeout(limit, observed.notified()).await;
    }
}

pub fn delete(call: &ApiCall, records: &Records, id: &str, noun: &str) -> Answer {
    if find(call, records, "id", id).is_none() {
        return Err(ApiError::not_found(format!("{noun} with ID {id} not found")));
    }
    records.lock().remove(id);
    Ok(StatusCode::OK.into_response())
}

/// The body of a create, and the name in it.
pub fn named_request(call: &ApiCall) -> Result<(Value, String), ApiError> {
    let request = call.json()?;
    let name = request["name"].as_str().unwrap_or_default().to_owned();
    if name.is_empty() {
        return Err(ApiError::bad_request("name should not be empty"));
    }
    Ok((request, name))
}

/// Stores a new record, answers with it, and gives it its final state after [`READY_DELAY`], and when a client
/// has read it or [`OBSERVE_TIMEOUT`] has passed, so that a client on a busy machine sees the first state.
pub fn create(
    call: &ApiCall,
    records: fn(&AppState) -> &Records,
    record: Record,
    ready_state: &'static str,
) -> Answer {
    let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let observed = insert(records(&call.app), record.clone());
    let app = call.app.clone();
    tokio::spawn(async move {
        tokio::join!(sleep(READY_DELAY), timeout(OBSERVE_TIMEOUT, observed.notified())).0;
        update(records(&app), &id, [("state", json!(ready_state))]);
    });
    Ok(json_body(&record))
}

/// Stores a record under its id. The answer is notified when a client has read the record by itself.
pub fn insert(records: &Records, record: Record) -> Arc<Notify> {
    let id = record.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let observed = Arc::new(Notify::new());
    records.lock().insert(id, Stored { record, observed: observed.clone() });
    observed
}

/// Writes to a record; `false`: it is deleted.
pub fn update<const N: usize>(records: &Records, id: &str, values: [(&str, Value); N]) -> bool {
    let mut records = records.lock();
    let Some(stored) = records.get_mut(id) else { return false };
    for (key, value) in values {
        stored.record.insert(key.into(), value);
    }
    true
}
