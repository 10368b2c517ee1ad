//! Settings of one sandbox: labels, visibility, intervals.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use crate::timestamp::now;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

pub async fn labels(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let request = call.json()?;
    let Some(labels) = request["labels"].as_object() else {
        return Err(ApiError::bad_request("labels must be an object"));
    };
    sandbox.set("labels", labels.clone());
    Ok(json_body(&json!({ "labels": labels })))
}

pub async fn public(Path((id, value)): Path<(String, String)>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    match value.as_str() {
        "true" | "false" => sandbox.set("public", value == "true"),
        _ => return Err(ApiError::bad_request("Validation failed (boolean string is expected)")),
    }
    Ok(json_body(&sandbox.json()))
}

pub async fn last_activity(Path(id): Path<String>, call: ApiCall) -> Answer {
    call.sandbox(&id)?.set("lastActivityAt", now());
    Ok(StatusCode::CREATED.into_response())
}

pub async fn auto_stop(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    minutes_of(&call, &id, "autoStopInterval", "Auto-stop interval", &minutes)
}

pub async fn auto_archive(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    minutes_of(&call, &id, "autoArchiveInterval", "Auto-archive interval", &minutes)
}

pub async fn auto_pause(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    minutes_of(&call, &id, "autoPauseInterval", "Auto-pause interval", &minutes)
}

pub async fn ttl(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    minutes_of(&call, &id, "ttlMinutes", "TTL", &minutes)
}

/// A negative interval turns it off.
pub async fn auto_delete(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let minutes = whole(&minutes)?;
    sandbox.set("autoDeleteInterval", minutes);
    Ok(json_body(&sandbox.json()))
}

fn minutes_of(call: &ApiCall, id: &str, key: &str, name: &str, minutes: &str) -> Answer {
    let sandbox = call.sandbox(id)?;
    let minutes = whole(minutes)?;
    if minutes < 0 {
        return Err(ApiError::bad_request(format!("{name} must be non-negative")));
    }
    sandbox.set(key, minutes);
    Ok(json_body(&sandbox.json()))
}

fn whole(minutes: &str) -> Result<i64, ApiError> {
    minutes.parse().map_err(|_| ApiError::bad_request("Validation failed (numeric string is expected)"))
}
