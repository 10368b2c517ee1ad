//! Volumes: records only, nothing is mounted.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use super::records::{self, Record};
use crate::timestamp::now;
use axum::extract::Path;
use serde_json::{Value, json};
use uuid::Uuid;

pub async fn create(call: ApiCall) -> Answer {
    let (_, name) = records::named_request(&call)?;
    if records::find(&call, &call.app.volumes, "name", &name).is_some() {
        return Err(ApiError::bad_request(format!("Volume with name {name} already exists")));
    }
    let fields = [
        ("id", json!(Uuid::new_v4().to_string())),
        ("name", json!(name)),
        ("organizationId", json!(call.organization.id)),
        ("state", json!("pending_create")),
        ("createdAt", json!(now())),
        ("updatedAt", json!(now())),
        ("lastUsedAt", Value::Null),
        ("errorReason", Value::Null),
    ];
    let volume: Record = fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    records::create(&call, |app| &app.volumes, volume, "ready")
}

pub async fn list(call: ApiCall) -> Answer {
    Ok(json_body(&records::list(&call, &call.app.volumes)))
}

pub async fn get(Path(id): Path<String>, call: ApiCall) -> Answer {
    records::read(&call, &call.app.volumes, "id", &id)
        .map(|volume| json_body(&volume))
        .ok_or_else(|| ApiError::not_found(format!("Volume with ID {id} not found")))
}

pub async fn get_by_name(Path(name): Path<String>, call: ApiCall) -> Answer {
    records::read(&call, &call.app.volumes, "name", &name)
        .map(|volume| json_body(&volume))
        .ok_or_else(|| ApiError::not_found(format!("Volume with name {name} not found")))
}

pub async fn delete(Path(id): Path<String>, call: ApiCall) -> Answer {
    records::delete(&call, &call.app.volumes, &id, "Volume")
}
