//! Access from outside: preview links, the toolbox's address, signing keys, object storage.

use super::ApiCall;
use super::error::{Answer, ApiError, json_body};
use crate::Protocol;
use crate::app_state::random_key;
use crate::store;
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;
use uuid::Uuid;

fn port(text: &str) -> Result<u16, ApiError> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(ApiError::bad_request("Invalid port")),
    }
}

pub async fn preview(Path((id, text)): Path<(String, String)>, call: ApiCall) -> Answer {
    let (sandbox, port) = (call.sandbox(&id)?, port(&text)?);
    Ok(json_body(&json!({
        "sandboxId": sandbox.id,
        "url": format!("http://{port}-{}.localhost:{}", sandbox.id, call.app.port),
        "token": sandbox.preview_token,
    })))
}

pub async fn signed_preview(Path((id, text)): Path<(String, String)>, call: ApiCall) -> Answer {
    let (sandbox, port) = (call.sandbox(&id)?, port(&text)?);
    let seconds = match call.parameter("expiresInSeconds") {
        None => 60,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=86_400).contains(seconds))
            .ok_or_else(|| ApiError::bad_request("expiresInSeconds must be between 1 and 86400"))?,
    };
    let token = Uuid::new_v4().simple().to_string();
    let expires = time::OffsetDateTime::now_utc().unix_timestamp() + seconds;
    sandbox.signed_previews.lock().insert(token.clone(), (port, expires));
    Ok(json_body(&json!({
        "sandboxId": sandbox.id,
        "port": port,
        "token": token,
        "url": format!("http://{port}-{token}.localhost:{}", call.app.port),
    })))
}

pub async fn expire_preview(Path((id, _, token)): Path<(String, String, String)>, call: ApiCall) -> Answer {
    call.sandbox(&id)?.signed_previews.lock().remove(&token);
    Ok(axum::http::StatusCode::OK.into_response())
}

pub async fn toolbox_proxy_url(Path(id): Path<String>, call: ApiCall) -> Answer {
    call.sandbox(&id)?;
    Ok(json_body(&json!({ "url": format!("{}/toolbox", call.app.base) })))
}

/// The key as text, not as JSON.
pub async fn signing_key(Path(id): Path<String>, call: ApiCall) -> Answer {
    let key = call.sandbox(&id)?.signing_key.lock().clone();
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], key).into_response())
}

pub async fn rotate_signing_key(Path(id): Path<String>, call: ApiCall) -> Answer {
    let key = random_key();
    *call.sandbox(&id)?.signing_key.lock() = key.clone();
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], key).into_response())
}

/// Where image contexts are uploaded to, and with which key. The last self-hosted release names no region.
pub async fn object_storage(call: ApiCall) -> Answer {
    let access = call.app.store.hand_out(&call.organization.id);
    let mut answer = json!({
        "accessKey": access.key_id,
        "secret": access.secret,
        "sessionToken": access.token,
        "storageUrl": call.app.base,
        "organizationId": call.organization.id,
        "bucket": store::BUCKET,
    });
    if call.app.protocol >= Protocol::V0_205 {
        answer["region"] = json!(store::REGION);
    }
    Ok(json_body(&answer))
}
