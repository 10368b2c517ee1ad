//! Turns an answer that is not a success into one [`Error`], from each shape of body that servers and
//! proxies use: the API's JSON, the daemon's two, HTML, plain text, none.

use super::{Transport, retry};
use crate::client::error::Error;
use crate::client::json;
use crate::client::status;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, LOCATION};
use serde_json::{Map, Value};

/// As much of an error's body as is read, unless it begins as a JSON object does.
pub(super) const TEXT_BODY_MAX_BYTES: usize = 64 << 10;
/// As much of one that does: its `code` and `source` may stand behind a long message.
pub(super) const JSON_BODY_MAX_BYTES: usize = 16 << 20;
/// The most of the server's message that an error shows.
const MESSAGE_MAX_CHARS: usize = 10_000;
/// The most of a text without structure that an error shows.
const TEXT_MAX_CHARS: usize = 1_000;

/// The message of an error response without a body; an operation that knows the reason replaces it.
pub(in crate::client) const NO_BODY: &str = "the answer had no body";

/// The request, for messages: `POST /sandbox`, without the query, which may hold a signature.
pub(super) struct RequestInfo<'a> {
    pub method: &'a http::Method,
    pub host: &'a str,
    pub path: &'a str,
    /// It went to the API, and `apiUrl` has no path segment `api`.
    pub without_api_segment: bool,
}

/// The error of an answer with this status, headers and (the beginning of the) body.
pub(super) fn error(request: &RequestInfo<'_>, code: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let number = i32::from(code.as_u16());
    let retry_after = retry::after(headers);
    let envelope = Envelope::read(headers, body);
    let RequestInfo { method, host, path, .. } = request;
    let mut error = if (400..600).contains(&number) {
        let advice = envelope.advice(number, request, retry_after.is_some());
        let what = envelope.message.unwrap_or_else(|| {
            let reason = code.canonical_reason().unwrap_or("unnamed status");
            match envelope.shape {
                Shape::Html => {
                    format!("{reason}: a proxy's HTML page instead of Daytona's answer{}", envelope.title)
                }
                Shape::Encoded => {
                    format!("{reason}: the answer is compressed, although that was not asked for")
                }
                _ => format!("{reason}: {NO_BODY}"),
            }
        });
        Error::new(number, format!("{what} ({method} {path} at {host}: HTTP {number}{advice})"))
    } else if code.is_redirection()
        && let Some(target) = headers.get(LOCATION).and_then(|location| location.to_str().ok())
    {
        let target = target.split('?').next().unwrap_or(target);
        Error::new(
            status::PROTOCOL,
            format!(
                "{method} {path} at {host} was redirected ({number}) to {target}: the credential is not \
                 carried to another origin and no method is changed; check `apiUrl`"
            ),
        )
    } else {
        Error::new(
            status::PROTOCOL,
            format!("{method} {path} at {host} was answered with the unexpected status {number}"),
        )
    };
    let detail = error.detail_mut();
    detail.code = envelope.code;
    detail.source = envelope.source;
    detail.retryable = matches!(number, 425 | 429 | 502 | 503 | 504);
    detail.retry_after_ms = retry_after.map(|wait| wait.as_millis() as u64);
    of_answer(error, code.as_u16(), headers)
}

/// The same error with what the answer's head says, whatever its status.
pub(super) fn of_answer(mut error: Error, code: u16, headers: &HeaderMap) -> Error {
    let detail = error.detail_mut();
    detail.http_status = Some(code);
    detail.request_id = request_id(headers);
    detail.headers = Some(listed(headers));
    error
}

/// The same error with the attempts and the sandbox of its request, and without the credential.
pub(super) fn of_request(
    mut error: Error,
    attempts: u32,
    sandbox: Option<&str>,
    transport: &Transport,
) -> Error {
    let detail = error.detail_mut();
    detail.attempts = attempts;
    if detail.sandbox_id.is_none() {
        detail.sandbox_id = sandbox.map(str::to_owned);
    }
    scrub(&mut error, transport.config().credential.secret());
    error
}

/// The error for a success whose body is not JSON.
pub(super) fn not_json(request: &RequestInfo<'_>, code: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let RequestInfo { method, host, path, .. } = request;
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("no content type");
    let begin: String = String::from_utf8_lossy(&body[..body.len().min(120)])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(80)
        .collect();
    Error::new(
        status::PROTOCOL,
        format!(
            "{method} {path} at {host} was answered with {code} but not with JSON ({kind}, beginning \
             `{begin}`): is this Daytona's address, or a proxy's or login page's?"
        ),
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Json,
    Html,
    Text,
    /// The error of an S3 store.
    Xml,
    /// Compressed: nothing of it can be read.
    Encoded,
    Empty,
}

struct Envelope {
    shape: Shape,
    message: Option<String>,
    /// Of an HTML page, as ` ("...")`.
    title: String,
    code: Option<String>,
    source: Option<String>,
}

impl Envelope {
    fn read(headers: &HeaderMap, body: &[u8]) -> Self {
        let mut envelope =
            Self { shape: Shape::Empty, message: None, title: String::new(), code: None, source: None };
        let body = body.trim_ascii();
        if body.is_empty() {
            return envelope;
        }
        if coding(headers).is_some() {
            envelope.shape = Shape::Encoded;
            return envelope;
        }
        if let Ok(Value::Object(object)) = json::read(body) {
            envelope.shape = Shape::Json;
            envelope.fill(&object);
            return envelope;
        }
        let text = String::from_utf8_lossy(body);
        if text.contains("<Error>") && element(&text, "Code").is_some() {
            envelope.shape = Shape::Xml;
            envelope.code = element(&text, "Code").map(str::to_owned);
            envelope.message = element(&text, "Message").or(element(&text, "Code")).map(str::to_owned);
            return envelope;
        }
        let html = headers
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"text/html"))
            || body.first() == Some(&b'<');
        if html {
            envelope.shape = Shape::Html;
            if let Some(title) = title(&text) {
                envelope.title = format!(" (\"{title}\")");
            }
        } else {
            envelope.shape = Shape::Text;
            envelope.message = Some(text.chars().take(TEXT_MAX_CHARS).collect());
        }
        envelope
    }

    /// What can be done about the status.
    fn advice(&self, number: i32, request: &RequestInfo<'_>, says_when: bool) -> &'static str {
        // Daytona's own refusals are JSON.
        let foreign = matches!(self.shape, Shape::Html | Shape::Text);
        match number {
            // The sandbox itself has answered: what it could not reach, and what refused it, is somewhere else.
            401 | 403 if self.code.as_deref() == Some("GIT_AUTH_FAILED") => {
                "; the remote repository refuses the credential: check `username` and `password`"
            }
            401 | 403 | 502 | 504 if self.source.is_some() => "",
            401 if request.path.contains("/git/") => {
                "; the remote repository refuses `username` and `password`, or the server the API key"
            }
            _ if self.shape == Shape::Xml => "",
            401 | 403 if foreign => {
                "; not in Daytona's words: a proxy, firewall or login page on the way answered, check `proxy`, \
                 `noProxy` and `apiUrl`"
            }
            401 => "; check `apiKey` or DAYTONA_API_KEY, and that it belongs to this server",
            403 if self.shape == Shape::Json => "; the credential does not allow this",
            403 => "; the credential does not allow this, or a proxy on the way refuses it",
            404 if self.code.is_none() && request.without_api_segment => {
                "; `apiUrl` has no `/api`, with which the path of Daytona's API ends: is it missing?"
            }
            407 => "; the proxy asks for credentials: give them in the URL of `proxy`",
            429 if says_when => "; wait for `retryAfterMs`",
            502 | 504 => "; the sandbox may be stopped, stopping or out of memory",
            429 | 503 => "; try again later",
            _ => "",
        }
    }

    fn fill(&mut self, object: &Map<String, Value>) {
        self.message = ["message", "error", "errors", "details"]
            .iter()
            .find_map(|key| object.get(*key).and_then(words))
            .map(|message| with_reasons(message, object))
            .map(|message| match message.char_indices().nth(MESSAGE_MAX_CHARS) {
                Some((end, _)) => format!("{}...", &message[..end]),
                None => message,
            })
            .or_else(|| {
                Some(Value::Object(object.clone()).to_string().chars().take(TEXT_MAX_CHARS).collect())
            });
        self.code = ["code", "error_code"].iter().find_map(|key| match object.get(*key) {
            Some(Value::String(code)) if !code.is_empty() => Some(code.clone()),
            Some(Value::Number(code)) => Some(code.to_string()),
            _ => None,
        });
        self.source = object.get("source").and_then(Value::as_str).map(str::to_owned);
    }
}

/// The message with the reason and the remedy that the daemon gives beside it, as for the desktop.
fn with_reasons(mut message: String, object: &Map<String, Value>) -> String {
    for reason in ["details", "solution"].iter().filter_map(|key| object.get(*key)?.as_str()) {
        let reason = reason.trim();
        if !reason.is_empty() && !message.contains(reason) {
            message.push_str(if message.ends_with(['.', '!', '?']) { " " } else { ": " });
            message.push_str(reason);
        }
    }
    message
}

/// The text of a message that may be a text, a list of them (validation), or an object around one.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().filter_map(words).collect();
            (!list.is_empty()).then(|| list.join("; "))
        }
        Value::Object(object) => object.get("message").and_then(words),
        _ => None,
    }
}

/// The text of the first element of that name.
fn element<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let begin = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = begin + xml[begin..].find(&format!("</{name}>"))?;
    Some(xml[begin..end].trim()).filter(|text| !text.is_empty())
}

fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let begin = lower.find("<title>")? + "<title>".len();
    let end = begin + lower[begin..].find("</title>")?;
    let title = html[begin..end].split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty()).then(|| title.chars().take(120).collect())
}

/// The coding of the body, where it is another than the `identity` that every request asks for.
pub(super) fn coding(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .map(str::trim)
        .find(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
}

/// A success that is not what was asked for: compressed, or a part of the whole.
pub(super) fn unasked<'a>(
    request: impl FnOnce() -> RequestInfo<'a>,
    code: StatusCode,
    headers: &HeaderMap,
    range: bool,
) -> Option<Error> {
    let what = if let Some(coding) = coding(headers) {
        format!("in the coding `{coding}`, although `identity` was asked for")
    } else if code == StatusCode::PARTIAL_CONTENT && !range {
        "with a part (206), although the whole was asked for".to_owned()
    } else {
        return None;
    };
    let RequestInfo { method, host, path, .. } = request();
    let error = Error::new(
        status::PROTOCOL,
        format!("{method} {path} at {host} was answered {what}: a proxy on the way changes the answers"),
    );
    Some(of_answer(error, code.as_u16(), headers))
}

fn request_id(headers: &HeaderMap) -> Option<String> {
    [
        "x-daytona-request-id",
        "x-request-id",
        "request-id",
        "x-correlation-id",
        "x-amzn-requestid",
        "x-amz-request-id",
        "cf-ray",
    ]
    .iter()
    .find_map(|name| headers.get(*name))
    .and_then(|value| value.to_str().ok())
    .map(str::to_owned)
}

/// The answer's headers; cookies are credentials and stay out.
fn listed(headers: &HeaderMap) -> Map<String, Value> {
    let mut map = Map::new();
    for (name, value) in headers {
        if matches!(name.as_str(), "set-cookie" | "set-cookie2") {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        match map.get_mut(name.as_str()) {
            Some(Value::String(before)) => {
                before.push_str(", ");
                before.push_str(&value);
            }
            _ => {
                map.insert(name.as_str().to_owned(), Value::String(value));
            }
        }
    }
    map
}

/// Removes a secret from every text of an error, in case the server echoed it.
fn scrub(error: &mut Error, secret: &str) {
    // A shorter secret could be part of ordinary words.
    if secret.len() < 6 {
        return;
    }
    let clean = |text: &mut String| {
        if text.contains(secret) {
            *text = text.replace(secret, "[credential]");
        }
    };
    let detail = error.detail_mut();
    clean(&mut detail.message);
    for text in [&mut detail.code, &mut detail.source, &mut detail.request_id].into_iter().flatten() {
        clean(text);
    }
    for value in detail.headers.iter_mut().flat_map(|headers| headers.values_mut()) {
        if let Value::String(text) = value {
            clean(text);
        }
    }
}
