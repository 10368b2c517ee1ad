//! Sending a request, and its successful answer: the head, and the body whole or in pieces, within the idle limit.

use super::Answer;
use super::answer_head::AnswerHead;
use super::error_response;
use super::failure;
use super::origin::Permit;
use super::request::Request;
use super::retry;
use super::send::Payload;
use crate::client::error::{Error, Result};
use crate::client::{json, status};
use bytes::Bytes;
use serde::de::DeserializeOwned;

/// The most memory that is reserved for an announced Content-Length; beyond it the buffer grows with the body.
const PREALLOCATION_MAX_BYTES: u64 = 16 << 20;

/// A successful answer (2xx) whose body has not been read.
pub struct Response {
    request: Request,
    answer: Answer,
    /// Held until the body is read or dropped: so long the connection is in use.
    permit: Option<Permit>,
    received: u64,
    /// The first piece of the body, where it was looked at.
    looked_at: Option<Bytes>,
}

/// A result's JSON text (or `null`), of an answer as it came from the server. Has one spare byte of capacity, so that
/// a NUL can follow without a copy.
#[derive(Clone, Debug, Default)]
pub struct Json {
    pub text: Vec<u8>,
    /// Of the answer that it came with; `None` where the library wrote it.
    head: Option<AnswerHead>,
}

/// JSON that the library wrote.
impl From<Vec<u8>> for Json {
    fn from(text: Vec<u8>) -> Self {
        Self { text, head: None }
    }
}

impl Json {
    /// Other text in place of this answer's.
    pub(crate) fn rewritten(self, text: Vec<u8>) -> Self {
        Self { text, head: self.head }
    }

    /// The error of an answer that is not what was promised.
    pub(crate) fn error(&self, message: impl Into<String>) -> Error {
        let error = Error::new(status::PROTOCOL, message);
        match &self.head {
            Some(head) => head.complete(error),
            None => error,
        }
    }

    /// Parses it; `what` names in the error what it has to be.
    pub(crate) fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T> {
        json::read(&self.text).map_err(|error| {
            self.error(format!("the server's answer is not {what}: {}", json::describe(&error)))
        })
    }

    /// Accepts an answer whose first character is the given one: `{` or `[`.
    pub(crate) fn expect(self, first: u8, what: &str) -> Result<Self> {
        if self.text.trim_ascii_start().first() == Some(&first) {
            return Ok(self);
        }
        Err(self
            .error(format!("the server's answer is not {what}: is this Daytona's address, or a proxy's?")))
    }
}

impl Request {
    /// Sends it and waits for the head of a successful answer (2xx); any other is an error, and so is a web page,
    /// as a login or a proxy in between answers with status 200.
    pub async fn send(mut self) -> Result<Response> {
        let (answer, permit) = self.0.answered().await?;
        let response = Response::new(self, answer, permit);
        match response.may_be_page() {
            false => Ok(response),
            true => Box::pin(response.no_page()).await,
        }
    }

    /// Repeats a request whose answer was cut off, if that is allowed: idempotent, attempts left.
    async fn again(self, error: Error) -> Result<Response> {
        let request = &*self.0;
        let repeatable = retry::idempotent(&request.method) && !matches!(request.body, Payload::Once(_));
        let error = request.complete(error);
        if !repeatable || !request.pause(&error, None, retry::caller_deadline()).await {
            return Err(error);
        }
        self.send().await
    }
}

impl Response {
    pub(super) fn new(request: Request, answer: Answer, permit: Permit) -> Self {
        Self { request, answer, permit: Some(permit), received: 0, looked_at: None }
    }

    pub fn status(&self) -> u16 {
        self.answer.status().as_u16()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.answer.headers().get(name)?.to_str().ok()
    }

    /// The body's length, where the server said it.
    pub fn length(&self) -> Option<u64> {
        self.answer.content_length()
    }

    /// The whole body as JSON text. Checked to be UTF-8 that begins and ends as JSON does, not parsed; an empty one is
    /// PROTOCOL. A body that is cut off is asked for again where that is allowed.
    pub async fn json(self) -> Result<Json> {
        let (response, body) = self.whole_result().await?;
        response.checked(body)
    }

    /// The same, `null` when empty.
    pub async fn json_or_null(self) -> Result<Json> {
        let (response, body) = self.whole_result().await?;
        let is_empty = body.trim_ascii().is_empty();
        response.checked(if is_empty { b"null".to_vec() } else { body })
    }

    /// The whole body as JSON text of an object; `what` names in the error what it has to be.
    pub async fn object(self, what: &str) -> Result<Json> {
        self.json().await?.expect(b'{', what)
    }

    /// The whole body as JSON text of a list; `what` names in the error what it has to be.
    pub async fn list(self, what: &str) -> Result<Json> {
        self.json().await?.expect(b'[', what)
    }

    /// The whole body, read into one buffer. A body that is cut off is asked for again where that is
    /// allowed.
    pub async fn bytes(self) -> Result<Vec<u8>> {
        Ok(self.whole(u64::MAX).await?.1)
    }

    /// The next piece of the body, within the idle limit; `None` at its end. The connection counts as held by
    /// an open stream from the first call on: when the body ends is its reader's to say.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some(permit) = &mut self.permit {
            permit.mark_held();
        }
        self.next_chunk().await
    }

    async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some(first) = self.looked_at.take() {
            return Ok(Some(first));
        }
        let next = self.answer.chunk();
        let next = match self.request.idle_limit() {
            None => next.await,
            Some(limit) => match tokio::time::timeout(limit, next).await {
                Ok(next) => next,
                Err(_) => {
                    self.request.body_timed_out(limit);
                    return Err(self.complete(self.silent(limit.as_millis())));
                }
            },
        };
        match next {
            Ok(Some(chunk)) => {
                self.request.hear();
                self.received += chunk.len() as u64;
                Ok(Some(chunk))
            }
            Ok(None) => {
                self.permit = None;
                Ok(None)
            }
            Err(error) => {
                let error = failure::truncated(error, self.request.host(), self.received);
                Err(self.complete(error))
            }
        }
    }

    fn checked(self, mut body: Vec<u8>) -> Result<Json> {
        if !looks_like_json(&body) {
            return Err(self.not_json(&body));
        }
        body.reserve_exact(1);
        Ok(self.into_json(body))
    }

    fn into_json(mut self, text: Vec<u8>) -> Json {
        Json { text, head: Some(AnswerHead::taken(&self.request.0, &mut self.answer)) }
    }

    /// What an error that is found after the body was read tells of the answer.
    pub(crate) fn head(&self) -> AnswerHead {
        AnswerHead::new(&self.request.0, &self.answer)
    }

    /// An error that was found in the answer, with its head and its request.
    pub(crate) fn complete(&self, error: Error) -> Error {
        let error = error_response::of_answer(error, self.status(), self.answer.headers());
        self.request.complete(error)
    }

    /// A JSON body, which `maxResultBytes` bounds.
    async fn whole_result(self) -> Result<(Self, Vec<u8>)> {
        let bound = self.request.max_result_bytes();
        self.whole(bound).await
    }

    async fn whole(mut self, max_bytes: u64) -> Result<(Self, Vec<u8>)> {
        loop {
            match self.read(max_bytes).await {
                Ok(body) => return Ok((self, body)),
                // Boxed because it is rare: unboxed it would enlarge the future of every call.
                Err(error) => self = Box::pin(self.asked_again(error)).await?,
            }
        }
    }

    /// The answer to the same request once more, if the body of this one was cut off.
    async fn asked_again(self, error: Error) -> Result<Self> {
        if error.status() != status::CONNECTION {
            return Err(error);
        }
        drop(self.permit);
        self.request.again(error).await
    }

    async fn read(&mut self, max_bytes: u64) -> Result<Vec<u8>> {
        let length = self.answer.content_length();
        if length.is_some_and(|length| length > max_bytes) {
            return Err(self.too_large(max_bytes));
        }
        let mut body =
            Vec::with_capacity(length.map_or(0, |length| length.min(PREALLOCATION_MAX_BYTES) as usize + 1));
        while let Some(chunk) = self.next_chunk().await? {
            if self.received > max_bytes {
                return Err(self.too_large(max_bytes));
            }
            if body.capacity() - body.len() <= chunk.len() {
                // Doubles, but never past the announced end and the NUL behind it.
                let rest = length.map_or(usize::MAX, |length| {
                    usize::try_from(length).unwrap_or(usize::MAX).saturating_sub(body.len()).saturating_add(1)
                });
                body.reserve_exact(body.len().max(8 * 1024).min(rest).max(chunk.len() + 1));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn too_large(&self, max_bytes: u64) -> Error {
        let info = self.request.info();
        self.complete(Error::new(
            status::PROTOCOL,
            format!(
                "the answer to {} {} at {} is larger than {max_bytes} bytes, the bound on one result: ask for \
                 less at a time, or raise `maxResultBytes`",
                info.method, info.path, info.host
            ),
        ))
    }

    fn silent(&self, limit_ms: u128) -> Error {
        let mut error = Error::new(
            status::TIMEOUT,
            format!(
                "{} fell silent in the middle of the answer: nothing for {limit_ms} ms after {} bytes; \
                 `idleTimeoutMs` is the limit",
                self.request.host(),
                self.received
            ),
        );
        error.detail_mut().retryable = true;
        error
    }

    /// Whether it calls itself HTML and is not a file's content.
    fn may_be_page(&self) -> bool {
        let html = |kind: &str| kind.get(..9).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html"));
        self.header("content-type").is_some_and(html) && self.header("content-disposition").is_none()
    }

    /// Refuses a web page. The API calls a bare text HTML as well, so that the beginning of the body decides.
    async fn no_page(mut self) -> Result<Self> {
        self.looked_at = match self.next_chunk().await {
            Ok(first) => first,
            Err(error) => return self.asked_again(error).await,
        };
        match &self.looked_at {
            Some(first) if first.trim_ascii_start().starts_with(b"<") => Err(self.not_json(first)),
            _ => Ok(self),
        }
    }

    fn not_json(&self, body: &[u8]) -> Error {
        let info = self.request.info();
        self.complete(error_response::not_json(&info, self.status(), self.answer.headers(), body))
    }
}

/// Tells JSON from HTML, plain text and half an answer without parsing it.
fn looks_like_json(body: &[u8]) -> bool {
    let trimmed = body.trim_ascii();
    let (Some(first), Some(last)) = (trimmed.first(), trimmed.last()) else { return false };
    let shaped = match first {
        b'{' => *last == b'}',
        b'[' => *last == b']',
        b'"' => trimmed.len() > 1 && *last == b'"',
        // Scalars are short, and `not found` begins as `null` does.
        _ => trimmed.len() < 64 && serde_json::from_slice::<serde::de::IgnoredAny>(trimmed).is_ok(),
    };
    // Callers take the text as NUL-terminated UTF-8, so neither may pass.
    shaped && memchr::memchr(0, body).is_none() && std::str::from_utf8(body).is_ok()
}

#[cfg(test)]
mod tests {
    use super::looks_like_json;

    #[test]
    fn json_of_every_kind_is_known() {
        for json in [&b"{}"[..], b" [1,2]\n", b"\"text\"", b"12.5e3", b"true", b"null", b"-1"] {
            assert!(looks_like_json(json), "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for other in [
            &b"<html></html>"[..],
            b"not found",
            b"{\"a\":1",
            b"[1,2",
            b"\"",
            b"\"half",
            b"OK",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\0\"}",
        ] {
            assert!(!looks_like_json(other), "{}", String::from_utf8_lossy(other));
        }
    }
}
