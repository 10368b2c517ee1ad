//! The daemon's errors. It has several shapes: one JSON envelope, `{"error"}`, an empty body, plain text.

use crate::Protocol;
use crate::world::now;
use axum::body::Body;
use axum::http::{Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

/// No such route, or a wrong method: plain text, never 405.
pub async fn no_route() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain")], "404 page not found")
}

/// The envelope of process, code-run, git and session; the newer daemon also says that it is the source.
pub fn envelope(
    protocol: Protocol,
    status: StatusCode,
    code: &str,
    message: &str,
    method: &Method,
    path: &str,
) -> Response<Body> {
    let mut body = json!({
        "statusCode": status.as_u16(),
        "message": message,
        "code": code,
        "timestamp": now(),
        "path": path,
        "method": method.as_str(),
    });
    if protocol == Protocol::V0_205 {
        body["source"] = json!("DAYTONA_DAEMON");
    }
    let body = serde_json::to_vec(&body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Only the status says anything.
pub fn empty(status: StatusCode) -> Response<Body> {
    status.into_response()
}

/// `{"error": "..."}`, of terminals.
pub fn plain(status: StatusCode, message: &str) -> Response<Body> {
    let body = serde_json::to_vec(&json!({ "error": message })).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
