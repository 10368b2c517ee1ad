//! The one error of the library: what happened, to what, and what to do about it.

use super::status;
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// The outcome of whatever can fail here.
///
/// ```
/// async fn host(sandbox: daytona::Sandbox) -> daytona::Result<String> {
///     Ok(sandbox.process().execute("hostname").await?.result)
/// }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure. Its JSON form is what every binding reports.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let error = daytona::Echo::default().error(404).message("there is no such file").await.unwrap_err();
/// assert!(error.is(daytona::ErrorClass::NotFound));
/// assert_eq!(error.to_string(), "there is no such file");
/// assert_eq!((error.status(), error.detail().operation), (404, Some("echo.error")));
/// # }
/// ```
#[derive(Clone, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<ErrorDetail>);

/// Everything that is known about a failure: the error JSON.
///
/// ```
/// let error = daytona::Error::new(503, "the server is being updated");
/// let detail: &daytona::ErrorDetail = error.detail();
/// assert_eq!((detail.status, detail.name, detail.retryable), (503, "SERVICE_UNAVAILABLE", false));
/// ```
#[derive(Clone, Debug, Default, Serialize, thiserror::Error)]
#[error("{message}")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Error"))]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// The status: 1 to 99 happened on this side, 400 to 599 is the server's HTTP status.
    pub status: i32,
    /// The status's name without prefix, as `NOT_FOUND`; `HTTP` for a number without a name.
    pub name: &'static str,
    /// What happened, to what, and what to do about it.
    pub message: String,
    /// The finer reason, as `FILE_NOT_FOUND`; null where there is none. A server's own codes pass as they are.
    pub code: Option<String>,
    /// Who made the error; null where the server does not say, and for the library's own.
    #[cfg_attr(feature = "schema", schemars(with = "Option<super::known::ErrorSource>"))]
    pub source: Option<String>,
    /// The operation, as `files.read`; null outside of one.
    pub operation: Option<&'static str>,
    /// The HTTP status of the answer; null where there was none.
    pub http_status: Option<u16>,
    /// The id that the server gave the request; null where it gave none.
    pub request_id: Option<String>,
    /// Whether the same call may succeed when repeated as it is.
    pub retryable: bool,
    /// When to repeat it; null where the server does not say.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "ms")))]
    pub retry_after_ms: Option<u64>,
    /// How often the request was sent.
    pub attempts: u32,
    /// The sandbox's UUID; null where none was involved, or it is not known.
    pub sandbox_id: Option<String>,
    /// The unique name that a create sent; absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox_name: Option<String>,
    /// The response's headers, never the request's; null where there was no response.
    #[cfg_attr(feature = "schema", schemars(with = "Option<std::collections::BTreeMap<String, String>>"))]
    pub headers: Option<serde_json::Map<String, serde_json::Value>>,
    /// Of a stream: bytes delivered. Absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: Option<u64>,
    /// Of a stream: where to resume. Absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub position: Option<u64>,
    /// Of a stream: the exit code, where the remote side ended before the stream failed. Absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Of a stream: why the remote side ended. Absent elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether the request certainly never reached the server. Not part of its JSON.
    #[serde(skip)]
    pub(crate) never_sent: bool,
    /// The failure below, where there is one: what `source()` of the error gives. Not part of its JSON.
    #[serde(skip)]
    #[source]
    pub(crate) cause: Option<Cause>,
}

/// A failure of another library, shared because errors are cloned.
pub(crate) type Cause = Arc<dyn std::error::Error + Send + Sync>;

impl Error {
    /// An error with this status and message; the rest is set through [`Error::detail_mut`].
    ///
    /// ```
    /// let error = daytona::Error::new(404, "there is no such file");
    /// assert_eq!(error.to_string(), "there is no such file");
    /// ```
    pub fn new(status: i32, message: impl Into<String>) -> Self {
        Self(Box::new(ErrorDetail {
            status,
            name: status::name(status),
            message: message.into(),
            ..ErrorDetail::default()
        }))
    }

    /// A bad argument; nothing was sent.
    ///
    /// ```
    /// let error = daytona::Error::invalid("`path` has to be a text");
    /// assert!(error.is(daytona::ErrorClass::InvalidArgument));
    /// ```
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(status::INVALID_ARGUMENT, message)
    }

    /// The same error with the failure below it.
    pub(crate) fn caused_by(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.0.cause = Some(Arc::new(cause));
        self
    }

    /// The error of work that panicked.
    #[cfg(any(feature = "ffi", feature = "sdk"))]
    pub(crate) fn panicked(what: &str) -> Self {
        let message =
            format!("the library panicked ({what}); this is a bug of libdaytona, the process can go on");
        Self::new(status::PANIC, message)
    }

    /// Its status: 1 to 99 happened on this side, 400 to 599 is the server's HTTP status.
    ///
    /// ```
    /// assert_eq!(daytona::Error::new(404, "there is no such file").status(), 404);
    /// ```
    pub fn status(&self) -> i32 {
        self.0.status
    }

    /// Whether an answer came to its end, whatever it said.
    pub(crate) fn is_answered(&self) -> bool {
        self.0.http_status.is_some() && !matches!(self.0.status, status::CONNECTION | status::TIMEOUT)
    }

    /// Everything that is known about it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> daytona::Result<()> {
    /// let error = daytona::Echo::default().error(404).await.unwrap_err();
    /// assert_eq!(error.detail().operation, Some("echo.error"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn detail(&self) -> &ErrorDetail {
        &self.0
    }

    /// The same, to be set: for errors that a program makes itself.
    ///
    /// ```
    /// let mut error = daytona::Error::new(404, "there is no such file");
    /// error.detail_mut().retryable = true;
    /// assert!(error.detail().retryable);
    /// ```
    pub fn detail_mut(&mut self) -> &mut ErrorDetail {
        &mut self.0
    }

    /// The error JSON.
    ///
    /// ```
    /// let error = daytona::Error::new(404, "there is no such file");
    /// let json: serde_json::Value = serde_json::from_slice(&error.json()).expect("JSON");
    /// assert_eq!(json["message"], "there is no such file");
    /// ```
    pub fn json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
