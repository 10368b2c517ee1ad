//! How a sandbox is reached from outside: preview links, the toolbox's address, build logs, keys.

use super::Call;
use super::error::{Answer, Refusal, json_body};
use crate::sandbox::Sandbox;
use crate::world::random_key;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::header;
use axum::response::IntoResponse;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

fn port(text: &str) -> Result<u16, Refusal> {
    match text.parse() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(Refusal::bad_request("Invalid port")),
    }
}

pub async fn preview(Path((id, text)): Path<(String, String)>, call: Call) -> Answer {
    let (sandbox, port) = (call.sandbox(&id)?, port(&text)?);
    Ok(json_body(&json!({
        "sandboxId": sandbox.id,
        "url": format!("http://{port}-{}.localhost:{}", sandbox.id, call.world.port),
        "token": sandbox.preview_token,
    })))
}

pub async fn signed_preview(Path((id, text)): Path<(String, String)>, call: Call) -> Answer {
    let (sandbox, port) = (call.sandbox(&id)?, port(&text)?);
    let seconds = match call.parameter("expiresInSeconds") {
        None => 60,
        Some(text) => text
            .parse()
            .ok()
            .filter(|seconds| (1..=86_400).contains(seconds))
            .ok_or_else(|| Refusal::bad_request("expiresInSeconds must be between 1 and 86400"))?,
    };
    let token = Uuid::new_v4().simple().to_string();
    let expires = time::OffsetDateTime::now_utc().unix_timestamp() + seconds;
    sandbox.signed_previews.lock().insert(token.clone(), (port, expires));
    Ok(json_body(&json!({
        "sandboxId": sandbox.id,
        "port": port,
        "token": token,
        "url": format!("http://{port}-{token}.localhost:{}", call.world.port),
    })))
}

pub async fn expire_preview(Path((id, _, token)): Path<(String, String, String)>, call: Call) -> Answer {
    call.sandbox(&id)?.signed_previews.lock().remove(&token);
    Ok(axum::http::StatusCode::OK.into_response())
}

pub async fn toolbox_proxy_url(Path(id): Path<String>, call: Call) -> Answer {
    call.sandbox(&id)?;
    Ok(json_body(&json!({ "url": format!("{}/toolbox", call.world.base) })))
}

pub async fn build_logs_url(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = call.sandbox(&id)?;
    if !sandbox.get("buildInfo").is_object() {
        return Err(Refusal::not_found(format!("Sandbox with ID {} has no build info", sandbox.id)));
    }
    Ok(json_body(&json!({
        "url": format!("{}/api/sandbox/{}/build-logs", call.world.base, sandbox.id),
    })))
}

/// The log so far, or with `?follow=true` until the build is over.
pub async fn build_logs(Path(id): Path<String>, call: Call) -> Answer {
    let sandbox = call.sandbox(&id)?;
    let follow = call.parameter("follow").as_deref() == Some("true");
    let body = Body::from_stream(futures_util::stream::unfold(0, move |sent| {
        let sandbox = sandbox.clone();
        async move { next_piece(&sandbox, sent, follow).await }
    }));
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response())
}

async fn next_piece(
    sandbox: &Arc<Sandbox>,
    sent: usize,
    follow: bool,
) -> Option<(Result<Bytes, std::io::Error>, usize)> {
    loop {
        let building = matches!(sandbox.state().as_str(), "pending_build" | "building_snapshot");
        let piece = sandbox.build_log.lock().get(sent..).unwrap_or_default().to_owned();
        if !piece.is_empty() {
            let sent = sent + piece.len();
            return Some((Ok(piece.into()), sent));
        }
        if !follow || !building {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The bare key, which is no JSON.
pub async fn signing_key(Path(id): Path<String>, call: Call) -> Answer {
    let key = call.sandbox(&id)?.signing_key.lock().clone();
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], key).into_response())
}

pub async fn rotate_signing_key(Path(id): Path<String>, call: Call) -> Answer {
    let key = random_key();
    *call.sandbox(&id)?.signing_key.lock() = key.clone();
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], key).into_response())
}
