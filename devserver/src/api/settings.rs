//! What can be set on a sandbox.

use super::Call;
use super::error::{Answer, Refusal, json_body};
use crate::world::now;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::json;

pub fn labels(call: &Call<'_>, id: &str) -> Answer {
    let sandbox = call.sandbox(id)?;
    let wish = call.json()?;
    let Some(labels) = wish["labels"].as_object() else {
        return Err(Refusal::bad_request("labels must be an object"));
    };
    sandbox.set("labels", labels.clone());
    Ok(json_body(&json!({ "labels": labels })))
}

pub fn public(call: &Call<'_>, id: &str, value: &str) -> Answer {
    let sandbox = call.sandbox(id)?;
    match value {
        "true" | "false" => sandbox.set("public", value == "true"),
        _ => return Err(Refusal::bad_request("Validation failed (boolean string is expected)")),
    }
    Ok(json_body(&sandbox.json()))
}

pub fn last_activity(call: &Call<'_>, id: &str) -> Answer {
    call.sandbox(id)?.set("lastActivityAt", now());
    Ok(StatusCode::CREATED.into_response())
}

/// `None`: no such setting.
pub fn interval(call: &Call<'_>, id: &str, setting: &str, minutes: &str) -> Option<Answer> {
    let (key, name, least) = match setting {
        "autostop" => ("autoStopInterval", "Auto-stop interval must be non-negative", 0),
        "autoarchive" => ("autoArchiveInterval", "Auto-archive interval must be non-negative", 0),
        "autodelete" => ("autoDeleteInterval", "", i64::MIN),
        "autopause" => ("autoPauseInterval", "Auto-pause interval must be non-negative", 0),
        "ttl" => ("ttlMinutes", "TTL must be non-negative", 0),
        _ => return None,
    };
    let set = || {
        let sandbox = call.sandbox(id)?;
        let minutes: i64 = minutes
            .parse()
            .map_err(|_| Refusal::bad_request("Validation failed (numeric string is expected)"))?;
        if minutes < least {
            return Err(Refusal::bad_request(name));
        }
        sandbox.set(key, minutes);
        Ok(json_body(&sandbox.json()))
    };
    Some(set())
}
