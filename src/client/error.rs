//! The one error of the library: what happened, to what, and what to do about it.

use super::status;
use serde::Serialize;
use std::fmt;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure. Its JSON form is what every binding reports.
#[derive(Clone)]
pub struct Error(Box<Detail>);

/// Everything that is known about a failure; the field names are the error JSON's.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Detail {
    /// A number of [`status`].
    pub status: i32,
    pub name: &'static str,
    pub message: String,
    /// The server's own code, as `FILE_NOT_FOUND`.
    pub code: Option<String>,
    /// `DAYTONA_API`, `DAYTONA_DAEMON` or `DAYTONA_PROXY`, where the server says it.
    pub source: Option<String>,
    pub operation: Option<&'static str>,
    pub http_status: Option<u16>,
    pub request_id: Option<String>,
    /// Whether the same call may succeed when repeated as it is.
    pub retryable: bool,
    pub retry_after_ms: Option<u64>,
    /// How often the request was sent.
    pub attempts: u32,
    pub sandbox_id: Option<String>,
    /// The unique name that a create sent, where the id is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_name: Option<String>,
    /// The response's headers, never the request's; null where there was no response.
    pub headers: Option<serde_json::Map<String, serde_json::Value>>,
    /// Of a stream: bytes delivered, where to resume, and how the remote side ended where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Error {
    /// An error with this status and message; the rest is set through [`Error::detail_mut`].
    pub fn new(status: i32, message: impl Into<String>) -> Self {
        Self(Box::new(Detail {
            status,
            name: status::name(status),
            message: message.into(),
            ..Detail::default()
        }))
    }

    /// A bad argument; nothing was sent.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(status::INVALID_ARGUMENT, message)
    }

    pub fn status(&self) -> i32 {
        self.0.status
    }

    pub fn detail(&self) -> &Detail {
        &self.0
    }

    pub fn detail_mut(&mut self) -> &mut Detail {
        &mut self.0
    }

    /// The error JSON.
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}
