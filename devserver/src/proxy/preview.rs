//! The preview proxy: `http://{port}-{sandboxId or token}.localhost:PORT/` leads to a port that a process of
//! the sandbox listens on. Bodies are streamed, upgrades pass through.

use crate::app_state::AppState;
use crate::sandbox::Sandbox;
use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::response::IntoResponse;
use std::sync::Arc;

/// The port and the sandbox's id or token in a preview's host name.
pub struct Target {
    port: u16,
    name: String,
}

/// `None`: the host is not a preview's.
pub fn target(headers: &HeaderMap) -> Option<Target> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let label = host.split(':').next()?.strip_suffix(".localhost")?;
    let (port, name) = label.split_once('-')?;
    Some(Target { port: port.parse().ok()?, name: name.to_owned() })
}

pub async fn serve(app: &Arc<AppState>, target: Target, request: Request<Body>) -> Response<Body> {
    let Some(sandbox) = allowed(app, &target, &request) else {
        return (StatusCode::NOT_FOUND, "no such preview, or access denied\n").into_response();
    };
    let state = sandbox.state();
    if !super::runs(&state) {
        return (StatusCode::BAD_REQUEST, format!("sandbox {} is {state}\n", sandbox.id)).into_response();
    }
    sandbox.touch();
    let path = format!("/proxy/{}{}", target.port, request.uri().path());
    let response = super::forward(&sandbox, &path, request).await;
    // The daemon's answer for a port without a listener is empty.
    if response.status() == StatusCode::BAD_GATEWAY && response.body().size_hint().exact() == Some(0) {
        let message = format!("nothing in sandbox {} listens on port {}\n", sandbox.id, target.port);
        return (StatusCode::BAD_GATEWAY, message).into_response();
    }
    response
}

/// The sandbox, if it is public or the request has its token, a key of its organization, or a signed link.
fn allowed(app: &AppState, target: &Target, request: &Request<Body>) -> Option<Arc<Sandbox>> {
    let sandboxes = app.sandboxes.read();
    if let Some(sandbox) = sandboxes.by_id(&target.name) {
        let token = request.headers().get("x-daytona-preview-token").and_then(|token| token.to_str().ok());
        let query = request.uri().query().unwrap_or_default();
        let in_query = format!("DAYTONA_SANDBOX_AUTH_KEY={}", sandbox.preview_token);
        let known = sandbox.is_public()
            || token == Some(sandbox.preview_token.as_str())
            || query.split('&').any(|pair| pair == in_query)
            || crate::api::authenticate(app, request.headers())
                .is_ok_and(|organization| organization.id == sandbox.organization);
        return known.then_some(sandbox);
    }
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let signed = |sandbox: &&Arc<Sandbox>| {
        let links = sandbox.signed_previews.lock();
        links.get(&target.name).is_some_and(|(port, expires)| *port == target.port && *expires > now)
    };
    sandboxes.all.iter().find(signed).cloned()
}
