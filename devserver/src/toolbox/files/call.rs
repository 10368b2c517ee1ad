//! One request about files: its query, its body and its machine; and the forms of its answer.

use std::{
    ffi::OsString,
    future::Future,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use axum::{
    Json,
    body::Body,
    extract::{FromRequest, Request},
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode;
use serde::Serialize;
use serde_json::Value;

use super::error::FileError;
use crate::{Protocol, toolbox::machine::Machine};

/// The largest JSON body.
const MAX_JSON_BYTES: usize = 64 * 1024 * 1024;

pub struct FileCall {
    pub machine: Arc<Machine>,
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Body,
}

/// A path as the client sent it, which answers contain, and the real path below it.
#[derive(Debug, Clone)]
pub struct RequestedPath {
    pub requested: PathBuf,
    pub real: PathBuf,
}

impl<S: Send + Sync> FromRequest<S> for FileCall
where
    Arc<Machine>: axum::extract::FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self {
            machine: axum::extract::FromRef::from_ref(state),
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }
}

impl FileCall {
    pub fn is_0_190(&self) -> bool {
        self.machine.protocol == Protocol::V0_190
    }

    /// The first value of a query key, which need not be UTF-8; an empty one counts as absent.
    pub fn query(&self, key: &str) -> Option<OsString> {
        query_value(self.uri.query().unwrap_or_default(), key)
    }

    pub fn text(&self, key: &str) -> Option<String> {
        self.query(key).map(|value| value.to_string_lossy().into_owned())
    }

    pub fn place(&self, requested: impl Into<PathBuf>) -> RequestedPath {
        let requested = requested.into();
        RequestedPath { real: self.machine.work_dir.join(&requested), requested }
    }

    /// The path in a required query key.
    pub fn required_place(&self, key: &str) -> Result<RequestedPath, FileError> {
        self.query(key)
            .map(|path| self.place(path))
            .ok_or_else(|| FileError::bad_request(format!("{key} is required")))
    }

    /// The first JSON value of the body; like Go's decoder, ignores what follows.
    pub async fn json(self) -> Result<Value, FileError> {
        let bytes = axum::body::to_bytes(self.body, MAX_JSON_BYTES)
            .await
            .map_err(|error| FileError::invalid_body(format!("invalid request body: {error}")))?;
        serde_json::Deserializer::from_slice(&bytes)
            .into_iter::<Value>()
            .next()
            .unwrap_or_else(|| Ok(Value::Null))
            .map_err(|error| FileError::invalid_body(format!("invalid request body: {error}")))
    }
}

/// The first value of `key` in a query string, with `+` as a space; empty counts as absent.
pub fn query_value(query: &str, key: &str) -> Option<OsString> {
    query
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name) == key.as_bytes()).then(|| decoded(value))
        })
        .next()
        .filter(|value| !value.is_empty())
        .map(OsString::from_vec)
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode(text.replace('+', " ").as_bytes()).collect()
}

/// A field of a JSON object as Go finds it: in any case, the last one counts.
pub fn field<'a>(object: &'a Value, key: &str) -> Option<&'a Value> {
    let fields = object.as_object()?;
    fields.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

/// JSON with the daemon's content type.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let mut response = (status, Json(value)).into_response();
    response.headers_mut().insert(
        axum::http::header::CONTENT_TYPE,
        axum::http::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    response
}

/// Whether it is a device, a pipe or a socket: opening a named pipe would wait for its other end.
pub fn is_special(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// Runs disk access on a blocking thread.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(FileError::internal(format!("file operation ended early: {error}"))))
}

/// Makes an axum handler of a function that may fail; errors take the form of the sandbox's protocol.
pub fn handler<F, R>(
    answer: F,
) -> impl Fn(FileCall) -> Pin<Box<dyn Future<Output = Response> + Send>> + Clone + Send + Sync + 'static
where
    F: Fn(FileCall) -> R + Clone + Send + Sync + 'static,
    R: Future<Output = Result<Response, FileError>> + Send + 'static,
{
    move |call: FileCall| {
        let (protocol, method, uri) = (call.machine.protocol, call.method.clone(), call.uri.clone());
        let answered = answer(call);
        Box::pin(async move {
            answered.await.unwrap_or_else(|refusal| response(&refusal, protocol, &method, &uri))
        })
    }
}

/// The directory part of a path, or `.`, as Go's `filepath.Dir`.
pub fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
        Some(parent) => parent.to_owned(),
        None => path.to_owned(),
    }
}

/// 0.190: the status with an empty body; 0.205: the envelope.
fn response(refusal: &FileError, protocol: Protocol, method: &Method, uri: &Uri) -> Response {
    if refusal.is_no_such_route() {
        let text = [(axum::http::header::CONTENT_TYPE, "text/plain")];
        return (StatusCode::NOT_FOUND, text, "404 page not found").into_response();
    }
    if protocol == Protocol::V0_190 {
        return refusal.status.into_response();
    }
    json(
        refusal.status,
        &serde_json::json!({
            "statusCode": refusal.status.as_u16(),
            "message": refusal.message,
            "code": refusal.code,
            "source": "DAYTONA_DAEMON",
            "timestamp": super::info::now(),
            "path": uri.path(),
            "method": method.as_str(),
        }),
    )
}
