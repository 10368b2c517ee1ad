//! Settings of one sandbox: labels, visibility, intervals.

use super::ApiCall;
use super::create::texts_by_name;
use super::error::{Answer, ApiError, json_body};
use crate::Protocol;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Value, json};

pub async fn labels(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let request = call.json()?;
    let labels = texts_by_name("labels", &request["labels"])?;
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
    let sandbox = call.sandbox(&id)?;
    // The kind of activity, which the last self-hosted release does not read.
    if call.app.protocol >= Protocol::V0_205
        && !matches!(call.json()?["activityType"], Value::Null | Value::String(_))
    {
        return Err(ApiError::bad_request("activityType must be a string"));
    }
    sandbox.touch();
    Ok(StatusCode::CREATED.into_response())
}

pub async fn auto_stop(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    minutes_of(&call, &id, "autoStopInterval", "Auto-stop interval", &minutes)
}

pub async fn auto_archive(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    minutes_of(&call, &id, "autoArchiveInterval", "Auto-archive interval", &minutes)
}

pub async fn auto_pause(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    if whole(&minutes)? > 0 && sandbox.get("autoDeleteInterval") == 0 {
        return Err(ApiError::bad_request("Auto-pause is not allowed for ephemeral sandboxes"));
    }
    minutes_of(&call, &id, "autoPauseInterval", "Auto-pause interval", &minutes)
}

/// Counted from now on; 0 turns it off.
pub async fn ttl(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    match u32::try_from(whole(&minutes)?) {
        Ok(minutes) => sandbox.set_ttl(call.app.minute, minutes),
        Err(_) => return Err(ApiError::bad_request("TTL must be non-negative")),
    }
    Ok(json_body(&sandbox.json()))
}

/// A negative interval turns it off.
pub async fn auto_delete(Path((id, minutes)): Path<(String, String)>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let minutes = whole(&minutes)?;
    sandbox.set("autoDeleteInterval", minutes);
    Ok(json_body(&sandbox.json()))
}

/// Replaces the secrets; new processes of a started sandbox have the new placeholders.
pub async fn secrets(Path(id): Path<String>, call: ApiCall) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let environment = super::secrets::environment(&call, &call.json()?["secrets"])?;
    sandbox.secrets.lock().clone_from(&environment);
    if let Some(toolbox) = sandbox.toolbox() {
        let change = json!({ "set": environment, "unsetValuePrefix": super::secrets::PLACEHOLDER });
        if let Err(error) = toolbox.update_env(&change).await {
            tracing::warn!("sandbox {} was not told of its secrets: {error}", sandbox.id);
        }
    }
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
