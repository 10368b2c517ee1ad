//! The two fallback into a sandbox. Since 0.205 the body of `upload-v2` is the file itself; before, it is a form
//! with one field. Which one a daemon takes is learnt once, from the answer to a small upload or to a question
//! that changes nothing, and remembered with the sandbox.

use super::failure::is_no_route;
use super::form::Form;
use super::shaped;
use crate::client::error::{Error, Result};
use crate::client::sandbox::{Daemon, Sandbox};
use crate::client::status;
use crate::client::transport::{Body, Json, Request};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum UploadEndpoint {
    /// Since 0.205: the body is the file.
    RawBody,
    /// Before: the body is a form with one field.
    Multipart,
}

impl UploadEndpoint {
    fn path(self) -> &'static str {
        match self {
            Self::RawBody => "files/upload-v2",
            Self::Multipart => "files/upload",
        }
    }
}

/// A body of this size or less is its own question: sent the newer endpoint at once, and again if that fails.
const MAX_UNPROBED_BYTES: usize = 64 * 1024;

/// The endpoint that this sandbox's daemon takes.
pub(super) async fn endpoint(sandbox: &Sandbox) -> Result<UploadEndpoint> {
    match sandbox.daemon() {
        Daemon::Current => return Ok(UploadEndpoint::RawBody),
        Daemon::Older => return Ok(UploadEndpoint::Multipart),
        Daemon::Unknown => {}
    }
    match probe_daemon(sandbox).await {
        Ok(Daemon::Older) => Ok(UploadEndpoint::Multipart),
        Ok(_) => Ok(UploadEndpoint::RawBody),
        Err(error) if is_inconclusive(&error) => Ok(UploadEndpoint::RawBody),
        Err(error) => Err(error),
    }
}

/// Finds out how old the daemon is, by the description of the working directory: since 0.205 it has a
/// `path`. `/version` would not do, as builds from source have one of their own.
async fn probe_daemon(sandbox: &Sandbox) -> Result<Daemon> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Directory {
        is_dir: bool,
        path: Option<IgnoredAny>,
    }
    let limit = sandbox.client().config().idle_timeout;
    let request = sandbox.toolbox(Method::GET, "files/info").await?.query("path", ".");
    let json = request.deadline(limit).send().await?.answer().await?;
    let daemon = match serde_json::from_slice(&json.0) {
        Ok(Directory { is_dir: true, path: Some(_) }) => Daemon::Current,
        Ok(Directory { is_dir: true, path: None }) => Daemon::Older,
        _ => Daemon::Unknown,
    };
    sandbox.note_daemon(daemon);
    Ok(daemon)
}

/// Was the question refused, rather than the sandbox unreachable or the credential unknown? Then the upload
/// itself may still be accepted, and says more than the question if it is not.
fn is_inconclusive(error: &Error) -> bool {
    let by_daytona = matches!(error.detail().source.as_deref(), Some("DAYTONA_PROXY" | "DAYTONA_API"));
    let is_refusal = (400..500).contains(&error.status())
        && !matches!(
            error.status(),
            status::HTTP_AUTHENTICATION | status::HTTP_REQUEST_TIMEOUT | status::HTTP_RATE_LIMIT
        );
    is_refusal && !by_daytona
}

/// Bytes in memory; can be sent as often as need be.
pub(super) async fn send_bytes(sandbox: &Sandbox, path: &str, bytes: &Bytes) -> Result<Json> {
    let mut fallback = EndpointFallback::default();
    loop {
        let unprobed = bytes.len() <= MAX_UNPROBED_BYTES && sandbox.daemon() == Daemon::Unknown;
        let endpoint = if unprobed { UploadEndpoint::RawBody } else { self::endpoint(sandbox).await? };
        let request = self::request(sandbox, path, endpoint).await?;
        let request = match endpoint {
            UploadEndpoint::RawBody => request.bytes("application/octet-stream", bytes.clone()),
            UploadEndpoint::Multipart => {
                let chunks = stream::iter([Ok::<_, Error>(bytes.clone())]);
                form(request, Some(bytes.len() as u64), chunks)
            }
        };
        // The transport watches larger bodies by itself.
        let limit = sandbox.client().config().idle_timeout.filter(|_| bytes.len() <= MAX_UNPROBED_BYTES);
        match send(sandbox, endpoint, request.deadline(limit)).await {
            Err(error) if fallback.applies(sandbox, endpoint, &error) => {}
            // An older daemon refuses without reading the body, and its answer may be lost with the connection.
            Err(error) if unprobed && error.status() == status::CONNECTION => {
                match probe_daemon(sandbox).await {
                    Ok(Daemon::Older) => {}
                    _ => return Err(error),
                }
            }
            answer => return answer,
        }
    }
}

/// The request of a streamed upload. A length that is known is said.
pub(super) async fn streamed(
    sandbox: &Sandbox,
    path: &str,
    endpoint: UploadEndpoint,
    length: Option<u64>,
    chunks: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Result<Request> {
    let request = request(sandbox, path, endpoint).await?;
    Ok(match endpoint {
        UploadEndpoint::RawBody => {
            request.body("application/octet-stream", length, Body::wrap_stream(chunks))
        }
        UploadEndpoint::Multipart => form(request, length, chunks),
    })
}

async fn request(sandbox: &Sandbox, path: &str, endpoint: UploadEndpoint) -> Result<Request> {
    Ok(sandbox.toolbox(Method::POST, endpoint.path()).await?.query("path", path))
}

fn form(
    request: Request,
    length: Option<u64>,
    chunks: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Request {
    let form = Form::new();
    let (head, tail) = (form.file_head("file"), form.tail());
    let length = length.map(|length| length + (head.len() + tail.len()) as u64);
    // An error among the chunks ends the body there, without the tail: the server takes nothing.
    let body = stream::iter([Ok(head)]).chain(chunks).chain(stream::iter([Ok(tail)]));
    request.body(&form.content_type(), length, Body::wrap_stream(body))
}

/// What the daemon says of an upload: a description, nothing before 0.205.
pub(super) async fn send(sandbox: &Sandbox, endpoint: UploadEndpoint, request: Request) -> Result<Json> {
    let json = request.send().await?.json().await?;
    match endpoint {
        UploadEndpoint::Multipart => Ok(json),
        UploadEndpoint::RawBody => {
            let json = shaped(json, b'{', "an upload's")?;
            sandbox.note_daemon(Daemon::Current);
            Ok(json)
        }
    }
}

/// Each endpoint is tried once more at most: a daemon may have been replaced since it was asked.
#[derive(Default)]
pub(super) struct EndpointFallback {
    repeated: bool,
}

impl EndpointFallback {
    pub fn applies(&mut self, sandbox: &Sandbox, endpoint: UploadEndpoint, error: &Error) -> bool {
        if !is_no_route(error) || std::mem::replace(&mut self.repeated, true) {
            return false;
        }
        sandbox.note_daemon(match endpoint {
            UploadEndpoint::RawBody => Daemon::Older,
            UploadEndpoint::Multipart => Daemon::Unknown,
        });
        true
    }
}
