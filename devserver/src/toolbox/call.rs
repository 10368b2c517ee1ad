//! A request about processes, sessions or code, with its whole body, and the error envelope of its answer.

use super::{error, go_json};
use crate::Protocol;
use crate::toolbox::Machine;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The largest body.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

pub struct ToolboxCall {
    pub machine: Arc<Machine>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    method: Method,
    path: String,
}

/// An error response.
pub struct ErrorResponse(Box<Response<Body>>);

impl From<Response<Body>> for ErrorResponse {
    fn from(response: Response<Body>) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for ErrorResponse {
    fn into_response(self) -> Response<Body> {
        *self.0
    }
}

pub type Answer = Result<Response<Body>, ErrorResponse>;

/// A status and the error code in its envelope.
pub type ErrorCode = (StatusCode, &'static str);

pub const BAD_REQUEST: ErrorCode = (StatusCode::BAD_REQUEST, "BAD_REQUEST");
pub const INVALID_BODY: ErrorCode = (StatusCode::BAD_REQUEST, "INVALID_REQUEST_BODY");
pub const FORBIDDEN: ErrorCode = (StatusCode::FORBIDDEN, "FORBIDDEN");
pub const NOT_FOUND: ErrorCode = (StatusCode::NOT_FOUND, "NOT_FOUND");
pub const CONFLICT: ErrorCode = (StatusCode::CONFLICT, "CONFLICT");
pub const INTERNAL: ErrorCode = (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR");

impl ToolboxCall {
    pub async fn read(machine: Arc<Machine>, request: Request<Body>) -> Result<Self, ErrorResponse> {
        let (parts, body) = request.into_parts();
        let mut call = Self::new(machine, parts.method, parts.uri.path(), parts.headers);
        match to_bytes(body, MAX_BODY_BYTES).await {
            Ok(body) => call.body = body.into(),
            Err(error) => return Err(call.refuse(BAD_REQUEST, &format!("bad request: {error}"))),
        }
        Ok(call)
    }

    pub fn new(machine: Arc<Machine>, method: Method, path: &str, headers: HeaderMap) -> Self {
        let path = percent_decode_str(path).decode_utf8_lossy().into_owned();
        Self { machine, headers, body: Vec::new(), method, path }
    }

    pub fn is_0_190(&self) -> bool {
        self.machine.protocol == Protocol::V0_190
    }

    pub fn refuse(&self, (status, code): ErrorCode, message: &str) -> ErrorResponse {
        error::envelope(self.machine.protocol, status, code, message, &self.method, &self.path).into()
    }

    /// The fields of the body; an error if a required one is missing.
    pub fn fields(
        &self,
        shape: &go_json::Shape,
        required: &[&str],
    ) -> Result<Map<String, Value>, ErrorResponse> {
        let complain = |complaint: &str| {
            // Structs whose messages differ from all others.
            let (kind, prefix) = match (shape.package, shape.name) {
                (_, "ExecuteRequest") => (BAD_REQUEST, "bad request: invalid request body"),
                ("git", _) => (INVALID_BODY, "invalid body request: invalid request body"),
                _ => (INVALID_BODY, "invalid body request"),
            };
            self.refuse(kind, &format!("{prefix}: {complaint}"))
        };
        let fields = shape.decode(&self.body).map_err(|complaint| complain(&complaint))?;
        match shape.missing(&fields, required) {
            Some(complaint) => Err(complain(&complaint)),
            None => Ok(fields),
        }
    }
}
