//! Errors of the desktop. 0.190 answers `{"error"}`, with the reason as `details` for some and a `code` for others;
//! 0.205 the envelope.

pub use super::super::error::RequestInfo;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use serde_json::json;
use std::io;
use x11rb::errors::{ConnectError, ConnectionError, ReplyError};

pub type Answer = Result<Response<Body>, Response<Body>>;

/// Why something was not done.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    /// The code of the envelope; absent: the status's own.
    code: Option<&'static str>,
    /// What was attempted, where the daemon says it apart from the reason.
    about: Option<&'static str>,
    /// The code of 0.190, which has one for the accessibility tree alone.
    former_code: Option<&'static str>,
    /// What 0.190 has as `error` beside a `message`, and its status.
    former: Option<(&'static str, StatusCode)>,
    reason: String,
}

impl Failure {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self { status, code: None, about: None, former_code: None, former: None, reason: reason.into() }
    }

    pub fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }

    pub fn not_found(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, reason)
    }

    pub fn internal(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, reason)
    }

    /// Something is missing in the sandbox.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, reason)
    }

    /// The desktop was not started.
    pub fn not_started() -> Self {
        Self::bad_request("empty display string")
    }

    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    pub fn unavailable(self) -> Self {
        self.status(StatusCode::SERVICE_UNAVAILABLE)
    }

    pub fn about(mut self, what: &'static str) -> Self {
        self.about = Some(what);
        self
    }

    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    pub fn former_code(mut self, code: &'static str) -> Self {
        self.former_code = Some(code);
        self
    }

    /// What 0.190 has as `error` beside a `message`, and its status.
    pub fn formerly(mut self, error: &'static str, status: StatusCode) -> Self {
        self.former = Some((error, status));
        self
    }

    pub fn answer(&self, request: &RequestInfo) -> Response<Body> {
        let Self { status, code, about, former_code, former, reason } = self;
        if !request.is_0_190() {
            let message = about.map_or_else(|| reason.clone(), |about| format!("{about}: {reason}"));
            return request.coded(*status, *code, &message);
        }
        let (status, body) = match (former, about, former_code) {
            (Some(("", status)), ..) => (*status, json!({ "error": reason })),
            (Some((error, status)), ..) => (*status, json!({ "error": error, "message": reason })),
            (None, Some(about), _) => (*status, json!({ "details": reason, "error": about })),
            (None, None, Some(code)) => (*status, json!({ "code": code, "error": reason })),
            (None, None, None) => (*status, json!({ "error": reason })),
        };
        request.json(status, &body)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::internal(error.to_string())
    }
}

/// A display that is gone is as good as none that was started.
impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        Self::bad_request(format!("cannot connect to the display: {error}"))
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self::internal(format!("the display is gone: {error}"))
    }
}

impl From<ReplyError> for Failure {
    fn from(error: ReplyError) -> Self {
        Self::internal(format!("the display refuses: {error}"))
    }
}
