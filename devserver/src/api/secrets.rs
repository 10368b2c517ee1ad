//! Secrets: records without their values. The service keeps a value to put it into requests to the secret's hosts;
//! this server changes no request that leaves a sandbox, and so keeps none.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::list::Sorted;
use super::records::{self, Record};
use crate::timestamp::now;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What every placeholder begins with.
pub const PLACEHOLDER: &str = "dtn_secret_";

pub async fn create(call: ApiCall) -> Answer {
    let request = call.json()?;
    let name = request["name"].as_str().ok_or_else(|| ApiError::bad_request("name must be a string"))?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(ApiError::bad_request("name must contain only letters, digits, hyphens and underscores"));
    }
    if request["value"].is_null() {
        return Err(ApiError::bad_request("value must be a string"));
    }
    let changes = changes(&request)?;
    if records::find(&call, &call.app.secrets, "name", name).is_some() {
        return Err(ApiError::conflict(format!("Secret with name {name} already exists")));
    }
    let fields = [
        ("id", json!(Uuid::new_v4().to_string())),
        ("name", json!(name)),
        ("organizationId", json!(call.organization.id)),
        ("placeholder", json!(format!("{PLACEHOLDER}{}", Uuid::new_v4().simple()))),
        ("hosts", json!([])),
        ("createdAt", json!(now())),
        ("updatedAt", json!(now())),
    ];
    let mut secret: Record = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    secret.extend(changes);
    let _observed = records::insert(&call.app.secrets, secret.clone());
    Ok((StatusCode::CREATED, json_body(&shown(secret))).into_response())
}

/// What a request changes; the value is looked at, and dropped.
fn changes(request: &Value) -> Result<Record, ApiError> {
    let mut changes = Record::new();
    for key in ["value", "description"] {
        match &request[key] {
            Value::Null => {}
            Value::String(text) if key == "description" => drop(changes.insert(key.into(), json!(text))),
            Value::String(text) if text.is_empty() => {
                return Err(ApiError::bad_request("value should not be empty"));
            }
            Value::String(_) => {}
            _ => return Err(ApiError::bad_request(format!("{key} must be a string"))),
        }
    }
    match &request["hosts"] {
        Value::Null => {}
        Value::Array(hosts)
            if hosts.iter().all(|host| host.as_str().is_some_and(|host| !host.is_empty())) =>
        {
            changes.insert("hosts".into(), json!(hosts));
        }
        _ => return Err(ApiError::bad_request("each value in hosts must be a string")),
    }
    Ok(changes)
}

/// The record as clients see it.
fn shown(mut secret: Record) -> Record {
    secret.remove("organizationId");
    secret
}

fn missing(id: &str) -> ApiError {
    ApiError::not_found(format!("Secret with ID {id} not found"))
}

pub async fn get(Path(id): Path<String>, call: ApiCall) -> Answer {
    let found = records::find(&call, &call.app.secrets, "id", &id);
    found.map(|secret| json_body(&shown(secret))).ok_or_else(|| missing(&id))
}

pub async fn update(Path(id): Path<String>, call: ApiCall) -> Answer {
    records::find(&call, &call.app.secrets, "id", &id).ok_or_else(|| missing(&id))?;
    let changes = changes(&call.json()?)?;
    records::change(&call.app.secrets, &id, |secret| {
        secret.extend(changes);
    });
    get(Path(id), call).await
}

pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    records::find(&call, &call.app.secrets, "id", &id).ok_or_else(|| missing(&id))?;
    records::remove(&call.app.secrets, &id);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The older list, in one piece.
pub async fn list(call: ApiCall) -> Answer {
    let secrets = sorted(&call)?.items;
    Ok(json_body(&secrets.into_iter().map(|(_, secret)| shown(secret)).collect::<Vec<_>>()))
}

pub async fn list_by_cursor(call: ApiCall) -> Answer {
    let found = sorted(&call)?;
    let total = found.items.len();
    let (items, next) = found.page(&call)?;
    let items: Vec<Record> = items.into_iter().map(shown).collect();
    Ok(json_body(&json!({ "items": items, "total": total, "nextCursor": next })))
}

/// The organization's secrets whose names have the wanted part, in the wanted order; else the newest first.
fn sorted(call: &ApiCall) -> Result<Sorted<Record>, ApiError> {
    let (key, descending) = call.order(&["name", "createdAt", "updatedAt"])?;
    let key = key.as_deref().unwrap_or("createdAt");
    let part = call.parameter("name").unwrap_or_default().to_lowercase();
    let text =
        |secret: &Record, key: &str| secret.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut found = records::list(call, &call.app.secrets);
    found.retain(|secret| text(secret, "name").to_lowercase().contains(&part));
    let place = |secret: &Record| [json!(text(secret, key)), json!(text(secret, "id"))];
    Ok(Sorted::new(found.into_iter().map(|secret| (place(&secret), secret)).collect(), descending))
}

/// The environment of `[{"ENV": "secret-name"}, ...]`: each variable with its secret's placeholder.
pub fn environment(call: &ApiCall, requested: &Value) -> Result<BTreeMap<String, String>, ApiError> {
    let refusal =
        || ApiError::bad_request("each value in secrets must map an environment variable to a secret");
    let mut environment = BTreeMap::new();
    for entry in requested.as_array().ok_or_else(|| ApiError::bad_request("secrets must be an array"))? {
        for (variable, name) in entry.as_object().ok_or_else(refusal)? {
            let name = name.as_str().ok_or_else(refusal)?;
            if variable.is_empty() || variable.contains(['=', '\0']) {
                return Err(ApiError::bad_request(format!("Invalid environment variable name: {variable}")));
            }
            let Some(secret) = records::find(call, &call.app.secrets, "name", name) else {
                return Err(ApiError::not_found(format!("Secret '{name}' not found")));
            };
            let placeholder = secret.get("placeholder").and_then(Value::as_str).unwrap_or_default();
            environment.insert(variable.clone(), placeholder.to_owned());
        }
    }
    Ok(environment)
}
