//! The control plane's errors: `{path, timestamp, statusCode, error, message}`.

use crate::timestamp::now;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

/// An error; its path is added where it is known.
#[derive(Clone)]
pub struct ApiError {
    pub status: StatusCode,
    pub message: String,
}

pub type Answer = Result<Response<Body>, ApiError>;

impl ApiError {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into() }
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }

    pub fn unprocessable(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, message: message.into() }
    }

    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, message: message.into() }
    }

    pub fn at(self, path: &str) -> Response<Body> {
        let reason = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "Too Many Requests",
            status => status.canonical_reason().unwrap_or("Error"),
        };
        let body = json!({
            "path": path,
            "timestamp": now(),
            "statusCode": self.status.as_u16(),
            "error": reason,
            "message": self.message,
        });
        let mut response = json_body(&body);
        *response.status_mut() = self.status;
        response
    }
}

/// Without its path, which the router's layer fills in.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A JSON response with the service's content type.
pub fn json_body(value: &impl serde::Serialize) -> Response<Body> {
    let body = serde_json::to_vec(value).unwrap_or_default();
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response()
}
