//! The proxy in front of the sandboxes: requests to a toolbox, and previews of a sandbox's ports. It checks
//! who may pass and whether the sandbox runs; the answer comes from the sandbox's [`ToolboxHost`].
//!
//! [`ToolboxHost`]: crate::host::ToolboxHost

pub mod preview;
mod signature;

use crate::Protocol;
use crate::api;
use crate::app_state::AppState;
use crate::sandbox::Sandbox;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use axum::routing::any;
use hyper::upgrade::OnUpgrade;
use serde_json::json;
use std::sync::Arc;

pub fn router(app: Arc<AppState>) -> Router {
    let mut router = Router::new();
    for route in ["/toolbox/{id}", "/toolbox/{id}/", "/toolbox/{id}/{*path}"] {
        router = router.route(route, any(toolbox));
    }
    // The former path through the API, which the last self-hosted release still has.
    if app.protocol == Protocol::V0_190 {
        for route in
            ["/api/toolbox/{id}/toolbox", "/api/toolbox/{id}/toolbox/", "/api/toolbox/{id}/toolbox/{*path}"]
        {
            router = router.route(route, any(toolbox_through_api));
        }
    }
    router.with_state(app)
}

async fn toolbox(State(app): State<Arc<AppState>>, request: Request) -> Response<Body> {
    let (id, path) = split(request.uri(), "/toolbox/", "/");
    serve_toolbox(&app, &id, &path, request).await
}

async fn toolbox_through_api(State(app): State<Arc<AppState>>, request: Request) -> Response<Body> {
    let (id, path) = split(request.uri(), "/api/toolbox/", "/toolbox");
    serve_toolbox(&app, &id, &path, request).await
}

/// The sandbox's id and the path below its toolbox's base, still encoded.
fn split(uri: &Uri, prefix: &str, base: &str) -> (String, String) {
    let rest = uri.path().strip_prefix(prefix).unwrap_or_default();
    let at = rest.find(base).unwrap_or(rest.len());
    let path = &rest[at..];
    let path = if base == "/" { path } else { path.strip_prefix(base).unwrap_or_default() };
    (rest[..at].to_owned(), if path.is_empty() { "/".to_owned() } else { path.to_owned() })
}

async fn serve_toolbox(app: &AppState, id: &str, path: &str, request: Request) -> Response<Body> {
    let sandbox = app.sandboxes.read().by_id(id);
    let signed = sandbox.as_ref().is_some_and(|sandbox| {
        let key = sandbox.signing_key.lock().clone();
        signature::is_signed(&key, request.method(), path, request.uri())
    });
    let organization = match api::authenticate(app, request.headers()) {
        Ok(organization) => Some(organization),
        Err(_) if signed => None,
        Err(_) => return refuse(StatusCode::UNAUTHORIZED, "unauthorized"),
    };
    let theirs = |sandbox: &Arc<Sandbox>| organization.is_none_or(|its| sandbox.organization == its.id);
    let Some(sandbox) = sandbox.filter(|sandbox| signed || theirs(sandbox)) else {
        return refuse(StatusCode::NOT_FOUND, &format!("sandbox {id} not found"));
    };
    match sandbox.state().as_str() {
        state if runs(state) && sandbox.toolbox().is_some() => {
            sandbox.touch();
            forward(&sandbox, path, request).await
        }
        "started" => refuse(StatusCode::BAD_GATEWAY, "bad gateway"),
        "destroyed" | "destroying" => refuse(StatusCode::NOT_FOUND, &format!("sandbox {id} not found")),
        "stopping" | "starting" => refuse(StatusCode::BAD_GATEWAY, "bad gateway"),
        _ => refuse(StatusCode::BAD_REQUEST, "no IP address found. Is the Sandbox started?"),
    }
}

/// Whether a sandbox's processes run in this state.
fn runs(state: &str) -> bool {
    matches!(state, "started" | "forking" | "snapshotting" | "resizing")
}

/// Sends a request to the sandbox's toolbox with this path and the request's query.
async fn forward(sandbox: &Sandbox, path: &str, mut request: Request) -> Response<Body> {
    let Some(toolbox) = sandbox.toolbox() else { return refuse(StatusCode::BAD_GATEWAY, "bad gateway") };
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(target) = format!("{path}{query}").parse::<PathAndQuery>() else {
        return refuse(StatusCode::BAD_REQUEST, "bad request");
    };
    *request.uri_mut() = Uri::from(target);
    // Keeps only the connection, for upgrades; the path parameters of this router are not the toolbox's.
    let connection = request.extensions_mut().remove::<OnUpgrade>();
    request.extensions_mut().clear();
    if let Some(connection) = connection {
        request.extensions_mut().insert(connection);
    }
    toolbox.serve(request).await
}

fn refuse(status: StatusCode, message: &str) -> Response<Body> {
    let body = json!({ "statusCode": status.as_u16(), "message": message, "source": "DAYTONA_PROXY" });
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
