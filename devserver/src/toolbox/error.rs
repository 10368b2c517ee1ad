//! The daemon's error bodies, of which there are four: a JSON envelope, `{"error"}`, nothing, plain text.

use crate::Protocol;
use crate::timestamp::now;
use crate::toolbox::Machine;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Method, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;

/// The answer to an unknown route or method: plain text, never 405.
pub async fn no_route() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain")], "404 page not found")
}

/// The answer to a request for a WebSocket that is none.
pub fn no_upgrade() -> Response<Body> {
    let headers = [(header::SEC_WEBSOCKET_VERSION, "13")];
    (StatusCode::BAD_REQUEST, headers, "Bad Request\n").into_response()
}

/// The envelope of process, code-run, git and session; since 0.205 with a `source`.
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
    if protocol >= Protocol::V0_205 {
        body["source"] = json!("DAYTONA_DAEMON");
    }
    let body = serde_json::to_vec(&body).unwrap_or_default();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// The request's method and path, which errors of the newer daemon repeat.
pub struct RequestInfo {
    protocol: Protocol,
    method: Method,
    path: String,
}

impl FromRequestParts<Arc<Machine>> for RequestInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, machine: &Arc<Machine>) -> Result<Self, Infallible> {
        let path = parts.uri.path().to_owned();
        Ok(Self { protocol: machine.protocol, method: parts.method.clone(), path })
    }
}

impl RequestInfo {
    /// 0.190: `{"error": "..."}`; 0.205: the envelope.
    pub fn plain(&self, status: StatusCode, message: &str) -> Response<Body> {
        if self.protocol >= Protocol::V0_205 {
            return self.envelope(status, message);
        }
        self.json(status, &json!({ "error": message }))
    }

    /// A body of the handler's own, as gin writes it.
    pub fn json(&self, status: StatusCode, body: &Value) -> Response<Body> {
        let body = serde_json::to_vec(body).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
    }

    /// 0.190: an empty body; 0.205: the envelope.
    pub fn empty(&self, status: StatusCode, message: &str) -> Response<Body> {
        match self.protocol {
            Protocol::V0_205 | Protocol::V0_226 => self.envelope(status, message),
            Protocol::V0_190 => status.into_response(),
        }
    }

    pub fn is_0_190(&self) -> bool {
        self.protocol == Protocol::V0_190
    }

    /// The envelope with that code, or else the status's own.
    pub fn coded(&self, status: StatusCode, code: Option<&str>, message: &str) -> Response<Body> {
        let own = status.canonical_reason().unwrap_or_default().to_uppercase().replace(' ', "_");
        envelope(self.protocol, status, code.unwrap_or(&own), message, &self.method, &self.path)
    }

    fn envelope(&self, status: StatusCode, message: &str) -> Response<Body> {
        self.coded(status, None, message)
    }
}
