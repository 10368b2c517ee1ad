//! One request about processes, sessions or code: what was asked, with its whole body, and the envelope
//! of its refusals.

use super::{error, go_json};
use crate::Protocol;
use crate::toolbox::Machine;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use axum::response::IntoResponse;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};
use std::sync::Arc;

/// A command of many megabytes fits.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

pub struct Call {
    pub machine: Arc<Machine>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    method: Method,
    path: String,
}

/// A request answered by saying why it is not served.
pub struct Refusal(Box<Response<Body>>);

impl From<Response<Body>> for Refusal {
    fn from(response: Response<Body>) -> Self {
        Self(Box::new(response))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        *self.0
    }
}

pub type Answer = Result<Response<Body>, Refusal>;

/// A status with the code that names it.
pub type Kind = (StatusCode, &'static str);

pub const BAD_REQUEST: Kind = (StatusCode::BAD_REQUEST, "BAD_REQUEST");
pub const INVALID_BODY: Kind = (StatusCode::BAD_REQUEST, "INVALID_REQUEST_BODY");
pub const NOT_FOUND: Kind = (StatusCode::NOT_FOUND, "NOT_FOUND");
pub const CONFLICT: Kind = (StatusCode::CONFLICT, "CONFLICT");
pub const INTERNAL: Kind = (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_SERVER_ERROR");

impl Call {
    pub async fn read(machine: Arc<Machine>, request: Request<Body>) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let mut call = Self::new(machine, parts.method, parts.uri.path(), parts.headers);
        match to_bytes(body, BODY_LIMIT).await {
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

    pub fn refuse(&self, (status, code): Kind, message: &str) -> Refusal {
        error::envelope(self.machine.protocol, status, code, message, &self.method, &self.path).into()
    }

    /// The body's fields, of which some are required.
    pub fn fields(&self, shape: &go_json::Shape, required: &[&str]) -> Result<Map<String, Value>, Refusal> {
        let complain = |complaint: &str| {
            // The one struct that is not read by the daemon's common way.
            let (kind, prefix) = match shape.name {
                "ExecuteRequest" => (BAD_REQUEST, "bad request: invalid request body"),
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
