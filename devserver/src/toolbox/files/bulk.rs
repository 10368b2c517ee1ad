//! Many files in one request: uploads as pairs of form fields, downloads as parts of a multipart body. A
//! file that fails is reported beside those that do not.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
};

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json as object};
use tokio::sync::mpsc;

use super::{
    call::{FileCall, RequestedPath, blocking, field, is_special, json, parent},
    change::make_directories,
    disposition,
    error::{FileError, go_error, go_path_error},
    multipart::{Form, FormError},
    sink::Sink,
    source::Source,
    upload::first_missing,
};
use crate::Protocol;

const BOUNDARY: &str = "DAYTONA-FILE-BOUNDARY";
/// The longest path, as in Linux.
const MAX_PATH_BYTES: usize = 4096;

#[derive(Serialize)]
struct Uploaded {
    path: String,
    bytes: u64,
}

/// The result of an upload; `files` is null if no file was written.
#[derive(Default)]
struct BulkReport {
    errors: Vec<String>,
    files: Option<Vec<Uploaded>>,
}

pub async fn upload(call: FileCall) -> Result<Response, FileError> {
    let Some(form) = Form::of(&call.headers, call.body) else {
        return Ok(json(StatusCode::BAD_REQUEST, &object!({ "errors": ["invalid multipart form"] })));
    };
    let report = receive(form, &call.machine.work_dir).await;
    Ok(if report.errors.is_empty() {
        json(StatusCode::OK, &object!({ "files": report.files }))
    } else {
        json(StatusCode::BAD_REQUEST, &object!({ "errors": report.errors, "files": report.files }))
    })
}

async fn receive(mut form: Form, home: &Path) -> BulkReport {
    let mut report = BulkReport::default();
    let mut paths = HashMap::new();
    let mut waiting = Waiting::default();
    loop {
        let name = match form.next_part().await {
            Ok(Some(name)) => name,
            Ok(None) => break,
            Err(error) => {
                waiting.write(&mut report, home).await;
                report.errors.push(format!("reading part: multipart: NextPart: {error}"));
                break;
            }
        };
        let index = |end: &str| Some(name.strip_suffix(end)?.trim_start_matches("files[").to_owned());
        if let Some(index) = index("].path") {
            let refused = match text(&mut form).await {
                Ok(path) if path.trim().is_empty() => "empty path".to_owned(),
                Ok(path) => {
                    paths.insert(index, path.trim().to_owned());
                    continue;
                }
                Err(message) => message,
            };
            waiting.write(&mut report, home).await;
            report.errors.push(format!("path[{index}]: {refused}"));
        } else if let Some(index) = index("].file") {
            let Some(path) = paths.get(&index) else {
                waiting.write(&mut report, home).await;
                report.errors.push(format!("file[{index}]: missing .path metadata"));
                continue;
            };
            let path = path.clone();
            match small(&mut form).await {
                Part::Whole(content) => {
                    waiting.bytes += content.len();
                    waiting.files.push((path, content));
                    if waiting.files.len() >= GROUP_FILES || waiting.bytes >= GROUP_BYTES {
                        waiting.write(&mut report, home).await;
                    }
                }
                Part::Begun(begun, broken) => {
                    waiting.write(&mut report, home).await;
                    let written = receive_one(&mut form, begun, broken, Path::new(&path), home).await;
                    report.add(path, written);
                }
            }
        }
    }
    waiting.write(&mut report, home).await;
    form.drain().await;
    report
}

/// Reads a part that is a path.
async fn text(form: &mut Form) -> Result<String, String> {
    let mut text = Vec::new();
    while let Some(chunk) = form.chunk().await.map_err(unexpected_end)? {
        if text.len() + chunk.len() > MAX_PATH_BYTES {
            return Err("path is too long".to_owned());
        }
        text.extend_from_slice(&chunk);
    }
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Go's message for a form that ends within a part.
fn unexpected_end(error: FormError) -> String {
    match error {
        FormError::Truncated => "unexpected EOF".to_owned(),
        other => other.to_string(),
    }
}

impl BulkReport {
    fn add(&mut self, path: String, written: Result<u64, String>) {
        match written {
            Ok(bytes) => self.files.get_or_insert_default().push(Uploaded { path, bytes }),
            Err(message) => self.errors.push(format!("{path}: {message}")),
        }
    }
}

/// Files of this size are written together: a hop to a thread for each costs more than the writing.
const SMALL_BYTES: usize = 64 * 1024;
const GROUP_FILES: usize = 64;
const GROUP_BYTES: usize = 1 << 20;

/// Small files that have arrived whole and are still to be written.
#[derive(Default)]
struct Waiting {
    files: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl Waiting {
    async fn write(&mut self, report: &mut BulkReport, home: &Path) {
        if self.files.is_empty() {
            return;
        }
        let Self { files, .. } = std::mem::take(self);
        let home = home.to_owned();
        let written = tokio::task::spawn_blocking(move || {
            let write = |(path, content): (String, Vec<u8>)| {
                let place = RequestedPath { requested: (&path).into(), real: home.join(&path) };
                let written = create(&place, &home).and_then(|mut file| {
                    file.write_all(&content).map_err(|error| format!("write: {}", go_error(&error)))
                });
                (path, written.map(|()| content.len() as u64))
            };
            files.into_iter().map(write).collect::<Vec<_>>()
        });
        match written.await {
            Ok(written) => written.into_iter().for_each(|(path, written)| report.add(path, written)),
            Err(error) => report.errors.push(error.to_string()),
        }
    }
}

/// The beginning of a file.
enum Part {
    Whole(Vec<u8>),
    /// More follows, unless the form broke off in it.
    Begun(Vec<u8>, Option<String>),
}

async fn small(form: &mut Form) -> Part {
    let mut content = Vec::new();
    loop {
        match form.chunk().await {
            Ok(Some(chunk)) => content.extend_from_slice(&chunk),
            Ok(None) => return Part::Whole(content),
            Err(error) => return Part::Begun(content, Some(unexpected_end(error))),
        }
        if content.len() > SMALL_BYTES {
            return Part::Begun(content, None);
        }
    }
}

/// Writes to the destination directly, so that an interrupted upload leaves a partial file, as in the daemon.
async fn receive_one(
    form: &mut Form,
    begun: Vec<u8>,
    broken: Option<String>,
    requested: &Path,
    home: &Path,
) -> Result<u64, String> {
    let place = RequestedPath { requested: requested.to_owned(), real: home.join(requested) };
    let home = home.to_owned();
    let file = tokio::task::spawn_blocking(move || create(&place, &home))
        .await
        .map_err(|error| error.to_string())??;
    let mut sink = Sink::new(file);
    sink.push(begun.into()).await.map_err(|error| format!("write: {}", go_error(&error)))?;
    let broken = loop {
        if broken.is_some() {
            break broken;
        }
        match form.chunk().await {
            Ok(Some(chunk)) => {
                sink.push(chunk).await.map_err(|error| format!("write: {}", go_error(&error)))?
            }
            Ok(None) => break None,
            Err(error) => break Some(unexpected_end(error)),
        }
    };
    let written = sink.finish().await.map_err(|error| format!("write: {}", go_error(&error)))?;
    broken.map_or(Ok(written), |why| Err(format!("write: {why}")))
}

fn create(place: &RequestedPath, home: &Path) -> Result<File, String> {
    // Most directories exist.
    if let Ok(file) = File::create(&place.real) {
        return Ok(file);
    }
    let directory = parent(&place.requested);
    make_directories(&parent(&place.real), 0o755).map_err(|error| {
        let failed_at = first_missing(&directory, home);
        format!("mkdir {}: {}", directory.display(), go_path_error("mkdir", &failed_at, &error))
    })?;
    File::create(&place.real)
        .map_err(|error| format!("create: {}", go_path_error("open", &place.requested, &error)))
}

pub async fn download(call: FileCall) -> Result<Response, FileError> {
    let (machine, method, is_0_190) = (call.machine.clone(), call.method.clone(), call.is_0_190());
    let body = call.json().await;
    let is_json = body.is_ok();
    let paths = body.ok().and_then(|body| {
        let paths = field(&body, "paths")?.as_array()?;
        paths.iter().map(|path| path.as_str().map(PathBuf::from)).collect::<Option<Vec<_>>>()
    });
    let Some(paths) = paths.filter(|paths| !paths.is_empty()) else {
        const WANTED: &str = "request body must be {\"paths\": [ ... ]} and non-empty";
        if !is_0_190 {
            return Err(FileError::invalid_body(WANTED));
        }
        let mut refused = json(StatusCode::BAD_REQUEST, &object!({ "error": WANTED }));
        if !is_json {
            // The daemon's framework has set this content type before its handler answers.
            let text = HeaderValue::from_static("text/plain; charset=utf-8");
            refused.headers_mut().insert(CONTENT_TYPE, text);
        }
        return Ok(refused);
    };
    // One chunk is sent while the next is read.
    let (parts, sent) = mpsc::channel(2);
    tokio::spawn(async move {
        let places = paths
            .into_iter()
            .map(|requested| RequestedPath { real: machine.work_dir.join(&requested), requested });
        // A body without the closing boundary shows the client that something is missing.
        if let Err(Some(error)) = send_parts(places, machine.protocol, &method, &parts).await {
            let _client_left = parts.send(Err(error)).await;
        }
    });
    let body = futures_util::stream::unfold(sent, |mut sent| async { Some((sent.recv().await?, sent)) });
    let mut response = Body::from_stream(body).into_response();
    let content_type = HeaderValue::from_static("multipart/form-data; boundary=DAYTONA-FILE-BOUNDARY");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// `Err(None)`: the client has disconnected. `Err(Some(_))`: a file failed in the middle of its part.
async fn send_parts(
    places: impl Iterator<Item = RequestedPath>,
    protocol: Protocol,
    method: &Method,
    parts: &mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), Option<io::Error>> {
    let send = |bytes: Bytes| async move { parts.send(Ok(bytes)).await.map_err(|_| None) };
    let mut separator = "";
    for place in places {
        let opened = {
            let place = place.clone();
            blocking(move || Ok(open(&place))).await
        };
        let mut head =
            format!("{separator}--{BOUNDARY}\r\nContent-Disposition: form-data; name=").into_bytes();
        separator = "\r\n";
        match opened {
            Ok(Ok((file, size))) => {
                head.extend_from_slice(b"\"file\"; ");
                head.extend(disposition::names(&place.requested));
                head.extend_from_slice(
                    format!(
                        "\r\nContent-Length: {size}\r\nContent-Type: {}\r\n\r\n",
                        content_type(&place.requested)
                    )
                    .as_bytes(),
                );
                send(head.into()).await?;
                // As the daemon does: the length is what the file system said.
                let mut source = Source::to_end(file, size);
                while let Some(chunk) = source.next().await {
                    send(chunk.map_err(Some)?).await?;
                }
            }
            Ok(Err(failure)) => {
                head.extend_from_slice(b"\"error\"; ");
                head.extend(disposition::names(&place.requested));
                head.extend_from_slice(b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n");
                head.extend(failure.envelope(&place.requested, protocol, method).to_string().into_bytes());
                send(head.into()).await?;
            }
            Err(refusal) => return Err(Some(io::Error::other(refusal.message))),
        }
    }
    send(format!("\r\n--{BOUNDARY}--\r\n").into()).await
}

struct PartFailure {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl PartFailure {
    fn envelope(&self, path: &Path, protocol: Protocol, method: &Method) -> Value {
        let mut envelope = object!({
            "statusCode": self.status.as_u16(),
            "message": self.message,
            "code": self.code,
            "timestamp": super::info::now(),
            "path": path.to_string_lossy(),
            "method": method.as_str(),
        });
        if protocol != Protocol::V0_190 {
            envelope["source"] = "DAYTONA_DAEMON".into();
        }
        envelope
    }
}

/// Reads the size from the opened file, so that size and content are of the same one.
fn open(place: &RequestedPath) -> Result<(File, u64), PartFailure> {
    let requested = place.requested.display();
    let invalid = |why: String| PartFailure {
        status: StatusCode::BAD_REQUEST,
        code: "INVALID_FILE_PATH",
        message: format!("invalid file path: {why}"),
    };
    if place.requested.as_os_str().is_empty() {
        return Err(invalid("path is empty".to_owned()));
    }
    if is_special(&place.real) {
        return Err(invalid(format!("path is not a regular file: {requested}")));
    }
    let opened = File::open(&place.real).and_then(|file| file.metadata().map(|metadata| (file, metadata)));
    match opened {
        Ok((_, metadata)) if metadata.is_dir() => {
            Err(invalid(format!("path points to a directory: {requested}")))
        }
        Ok((file, metadata)) => Ok((file, metadata.len())),
        Err(error) => Err(match error.kind() {
            io::ErrorKind::NotFound => PartFailure {
                status: StatusCode::NOT_FOUND,
                code: "FILE_NOT_FOUND",
                message: format!("file not found: {requested}"),
            },
            io::ErrorKind::PermissionDenied => PartFailure {
                status: StatusCode::FORBIDDEN,
                code: "FILE_ACCESS_DENIED",
                message: format!("permission denied: {requested}"),
            },
            _ => PartFailure {
                status: StatusCode::INTERNAL_SERVER_ERROR,
                code: "FILE_READ_FAILED",
                message: format!("failed to open file: {}", go_path_error("open", &place.requested, &error)),
            },
        }),
    }
}

fn content_type(path: &Path) -> String {
    let guessed = mime_guess::from_path(path).first_or_octet_stream();
    if guessed.type_() == mime_guess::mime::TEXT {
        format!("{guessed}; charset=utf-8")
    } else {
        guessed.to_string()
    }
}
