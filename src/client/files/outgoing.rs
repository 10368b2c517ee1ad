//! The two ways into a sandbox. Since 0.205 the body of `upload-v2` is the file itself; before, it is a form
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
pub(super) enum Way {
    Raw,
    Form,
}

/// A body of this size or less is its own question: sent the newer way at once, and again if that fails.
const SMALL: usize = 64 * 1024;

const RAW: &str = "files/upload-v2";
const FORM: &str = "files/upload";

/// The way that this sandbox's daemon takes.
pub(super) async fn way(sandbox: &Sandbox) -> Result<Way> {
    match sandbox.daemon() {
        Daemon::Current => return Ok(Way::Raw),
        Daemon::Older => return Ok(Way::Form),
        Daemon::Unknown => {}
    }
    match ask(sandbox).await {
        Ok(Daemon::Older) => Ok(Way::Form),
        Ok(_) => Ok(Way::Raw),
        Err(error) if is_inconclusive(&error) => Ok(Way::Raw),
        Err(error) => Err(error),
    }
}

/// Finds out how old the daemon is, by the description of the working directory: since 0.205 it has a
/// `path`. `/version` would not do, as builds from source have one of their own.
async fn ask(sandbox: &Sandbox) -> Result<Daemon> {
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
    let mut ways = Ways::default();
    loop {
        let unasked = bytes.len() <= SMALL && sandbox.daemon() == Daemon::Unknown;
        let way = if unasked { Way::Raw } else { way(sandbox).await? };
        let request = self::request(sandbox, path, way).await?;
        let request = match way {
            Way::Raw => request.bytes("application/octet-stream", bytes.clone()),
            Way::Form => {
                let pieces = stream::iter([Ok::<_, Error>(bytes.clone())]);
                form(request, Some(bytes.len() as u64), pieces)
            }
        };
        // The transport watches larger bodies by itself.
        let limit = sandbox.client().config().idle_timeout.filter(|_| bytes.len() <= SMALL);
        match answered(sandbox, way, request.deadline(limit)).await {
            Err(error) if ways.is_worth_another(sandbox, way, &error) => {}
            // An older daemon refuses without reading the body, and its answer may be lost with the connection.
            Err(error) if unasked && error.status() == status::CONNECTION => match ask(sandbox).await {
                Ok(Daemon::Older) => {}
                _ => return Err(error),
            },
            answer => return answer,
        }
    }
}

/// The request of a streamed upload. A length that is known is said.
pub(super) async fn streamed(
    sandbox: &Sandbox,
    path: &str,
    way: Way,
    length: Option<u64>,
    pieces: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Result<Request> {
    let request = request(sandbox, path, way).await?;
    Ok(match way {
        Way::Raw => request.body("application/octet-stream", length, Body::wrap_stream(pieces)),
        Way::Form => form(request, length, pieces),
    })
}

async fn request(sandbox: &Sandbox, path: &str, way: Way) -> Result<Request> {
    let endpoint = if way == Way::Raw { RAW } else { FORM };
    Ok(sandbox.toolbox(Method::POST, endpoint).await?.query("path", path))
}

fn form(
    request: Request,
    length: Option<u64>,
    pieces: impl Stream<Item = Result<Bytes>> + Send + 'static,
) -> Request {
    let form = Form::new();
    let (head, tail) = (form.file_head("file"), form.tail());
    let length = length.map(|length| length + (head.len() + tail.len()) as u64);
    // An error among the pieces ends the body there, without the tail: the server takes nothing.
    let body = stream::iter([Ok(head)]).chain(pieces).chain(stream::iter([Ok(tail)]));
    request.body(&form.content_type(), length, Body::wrap_stream(body))
}

/// What the daemon says of an upload: a description, nothing before 0.205.
pub(super) async fn answered(sandbox: &Sandbox, way: Way, request: Request) -> Result<Json> {
    let json = request.send().await?.json().await?;
    match way {
        Way::Form => Ok(json),
        Way::Raw => {
            let json = shaped(json, b'{', "an upload's")?;
            sandbox.note_daemon(Daemon::Current);
            Ok(json)
        }
    }
}

/// Each way is tried once more at most: a daemon may have been replaced since it was asked.
#[derive(Default)]
pub(super) struct Ways {
    repeated: bool,
}

impl Ways {
    pub fn is_worth_another(&mut self, sandbox: &Sandbox, way: Way, error: &Error) -> bool {
        if !is_no_route(error) || std::mem::replace(&mut self.repeated, true) {
            return false;
        }
        sandbox.note_daemon(match way {
            Way::Raw => Daemon::Older,
            Way::Form => Daemon::Unknown,
        });
        true
    }
}
