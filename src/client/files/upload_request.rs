//! The upload endpoints. Since 0.205 the body of `upload-v2` is the file itself; before, it is a form with one
//! field. Which one a daemon has is learnt once, from the answer to a small upload or to a probe that changes
//! nothing, and remembered with the sandbox.

use super::failure::is_refused_by_the_sandbox;
use super::form::Form;
use crate::client::error::{Error, Result};
use crate::client::sandbox::{Daemon, Sandbox, is_missing_route};
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

/// Bodies up to this size go to the newer endpoint without probing the daemon, and again if it has none.
const MAX_UNPROBED_BYTES: usize = 64 * 1024;

/// The endpoint of this sandbox's daemon, probed once.
pub(super) async fn endpoint(sandbox: &Sandbox) -> Result<UploadEndpoint> {
    match sandbox.daemon() {
        Daemon::Current => return Ok(UploadEndpoint::RawBody),
        Daemon::Older => return Ok(UploadEndpoint::Multipart),
        Daemon::Unknown => {}
    }
    match probe_daemon(sandbox).await {
        Ok(Daemon::Older) => Ok(UploadEndpoint::Multipart),
        Ok(_) => Ok(UploadEndpoint::RawBody),
        // Sandbox and credential may be fine: the upload is tried, and its own answer decides.
        Err(error) if is_refused_by_the_sandbox(&error) => Ok(UploadEndpoint::RawBody),
        Err(error) => Err(error),
    }
}

/// Probes the daemon's age by the description of the working directory, which has a `path` since 0.205.
/// `/version` is not used: builds from source report versions of their own.
pub(crate) async fn probe_daemon(sandbox: &Sandbox) -> Result<Daemon> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Directory {
        is_dir: bool,
        path: Option<IgnoredAny>,
    }
    let limit = sandbox.client().config().idle_timeout;
    let request = sandbox.toolbox(Method::GET, "files/info").await?.query("path", ".");
    let json = request.deadline(limit).send().await?.json().await?;
    let daemon = match serde_json::from_slice(&json.text) {
        Ok(Directory { is_dir: true, path: Some(_) }) => Daemon::Current,
        Ok(Directory { is_dir: true, path: None }) => Daemon::Older,
        _ => Daemon::Unknown,
    };
    sandbox.note_daemon(daemon);
    Ok(daemon)
}

/// Uploads bytes in memory, which can be sent again.
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
        // The transport applies the idle limit to larger bodies itself.
        let limit = sandbox.client().config().idle_timeout.filter(|_| bytes.len() <= MAX_UNPROBED_BYTES);
        match send(sandbox, endpoint, request.deadline(limit)).await {
            Err(error) if fallback.applies(sandbox, endpoint, &error) => {}
            // An older daemon answers 404 without reading the body, and that may be lost with the connection.
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

/// The request of a streamed upload, with Content-Length where the length is known.
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
    let length = length.map(|length| length.saturating_add((head.len() + tail.len()) as u64));
    // After an error of a chunk the form has no end, so that the server stores nothing.
    let body = stream::iter([Ok(head)]).chain(chunks).chain(stream::iter([Ok(tail)]));
    request.body(&form.content_type(), length, Body::wrap_stream(body))
}

/// Sends an upload. The answer describes the file; before 0.205 it is empty.
pub(super) async fn send(sandbox: &Sandbox, endpoint: UploadEndpoint, request: Request) -> Result<Json> {
    let json = request.send().await?.json_or_null().await?;
    match endpoint {
        UploadEndpoint::Multipart => Ok(json),
        UploadEndpoint::RawBody => {
            let json = json.expect(b'{', "an upload's")?;
            sandbox.note_daemon(Daemon::Current);
            Ok(json)
        }
    }
}

/// Switches to the other endpoint, once an upload: a daemon may have been replaced since it was probed.
#[derive(Default)]
pub(super) struct EndpointFallback {
    repeated: bool,
}

impl EndpointFallback {
    pub fn applies(&mut self, sandbox: &Sandbox, endpoint: UploadEndpoint, error: &Error) -> bool {
        if !is_missing_route(error) || std::mem::replace(&mut self.repeated, true) {
            return false;
        }
        sandbox.note_daemon(match endpoint {
            UploadEndpoint::RawBody => Daemon::Older,
            UploadEndpoint::Multipart => Daemon::Unknown,
        });
        true
    }
}
