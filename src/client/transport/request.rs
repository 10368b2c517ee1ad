//! The builder of a request, and its upgrade to a WebSocket. `response` sends it.

use super::answer_head::AnswerHead;
use super::body::Body;
use super::connection_kind::ConnectionKind;
use super::error_response::RequestInfo;
use super::headers::JSON;
use super::send::{Payload, PreparedRequest};
use super::{Socket, Transport, socket};
use crate::client::error::{Error, Result};
use bytes::Bytes;
use http::Method;
use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Builds a request. [`Request::send`] applies retries and deadlines, and reads error responses.
pub struct Request(pub(super) Box<PreparedRequest>);

impl Request {
    pub(super) fn new(transport: Transport, method: Method, url: String) -> Self {
        Self(Box::new(PreparedRequest {
            idle: transport.config().idle_timeout,
            transport,
            method,
            url,
            complaint: None,
            target: None,
            headers: HeaderMap::new(),
            content_type: None,
            body: Payload::None,
            limit: None,
            sandbox: None,
            authorized: false,
            anonymous: false,
            kind: ConnectionKind::Requests,
            attempts: 0,
            begun: None,
            generation: 0,
        }))
    }

    /// Appends a query parameter, form-encoded.
    pub fn query(mut self, key: &str, value: &str) -> Self {
        let url = &mut self.0.url;
        url.push(if url.contains('?') { '&' } else { '?' });
        let start = url.len();
        url::form_urlencoded::Serializer::for_suffix(url, start).append_pair(key, value);
        self
    }

    /// Appends those of the query parameters that have a value.
    pub fn query_given<'a, T: std::fmt::Display>(
        self,
        parameters: impl IntoIterator<Item = (&'a str, Option<T>)>,
    ) -> Self {
        let given = parameters.into_iter().filter_map(|(key, value)| Some((key, value?)));
        given.fold(self, |request, (key, value)| request.query(key, &value.to_string()))
    }

    /// Sets a header, in place of one the library sets.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.0.headers.insert(name, value);
            }
            _ => self.0.fail(Error::invalid(format!("the header {name} cannot carry this value"))),
        }
        self
    }

    /// A JSON body.
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.0.whole(JSON, json.into()),
            Err(error) => {
                self.0.fail(Error::invalid(format!("the request cannot be written as JSON: {error}")))
            }
        }
        self
    }

    /// A JSON body of those of the fields that have a value.
    pub fn json_given<'a>(self, fields: impl IntoIterator<Item = (&'a str, Option<Value>)>) -> Self {
        let given = fields.into_iter().filter_map(|(key, value)| Some((key, value?)));
        self.json(&given.collect::<BTreeMap<_, _>>())
    }

    /// A raw body that can be sent again by a retry.
    pub fn bytes(mut self, content_type: &str, body: Bytes) -> Self {
        match HeaderValue::from_str(content_type) {
            Ok(content_type) => self.0.whole(content_type, body),
            Err(_) => self.0.fail(Error::invalid("the content type cannot be a header")),
        }
        self
    }

    /// A body that can be sent once: no retry after the connection was made. While it is sent the
    /// idle limit applies.
    pub fn body(mut self, content_type: &str, length: Option<u64>, body: impl Into<Body>) -> Self {
        self = self.header("content-type", content_type);
        if let Some(length) = length {
            self.0.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.0.body = match body.into().in_memory() {
            Ok(bytes) => Payload::Whole(bytes),
            Err(body) => Payload::Once(Some(body)),
        };
        self
    }

    /// Limits the time to the answer's head, attempts and waits together (`None`: no limit, as when
    /// this is not called). Afterwards the idle limit counts.
    pub fn deadline(mut self, limit: Option<Duration>) -> Self {
        self.0.limit = limit;
        self
    }

    /// How long the body may stand still, in place of the configured `idleTimeoutMs` (`None`: for ever).
    pub fn idle(mut self, limit: Option<Duration>) -> Self {
        self.0.idle = limit;
        self
    }

    /// Limits the whole answer where a limit is given: the time to its head, and how long the body may stand still.
    pub fn answered_within(mut self, limit: Option<Duration>) -> Self {
        if let Some(limit) = limit {
            self.0.limit = Some(limit);
            self.0.idle = Some(self.0.idle.map_or(limit, |idle| idle.min(limit)));
        }
        self
    }

    /// The sandbox that errors of this request name.
    pub fn sandbox(mut self, id: &str) -> Self {
        self.0.sandbox = Some(id.into());
        self
    }

    /// Sends the credential with this one request although its origin is not trusted: a URL that the
    /// API named for it (build logs).
    pub fn authorized(mut self) -> Self {
        self.0.authorized = true;
        self
    }

    /// Sends nothing of the client's identity, although its origin may be trusted: what has its own signature.
    pub fn anonymous(mut self) -> Self {
        self.0.anonymous = true;
        self
    }

    /// Upgrades to a WebSocket; `protocols` are offered as subprotocols. Only an attempt that did not
    /// reach the server is repeated: a handshake may create things.
    pub async fn websocket(mut self, protocols: &[String]) -> Result<Socket> {
        let request = &mut *self.0;
        let handshake = socket::Handshake::new();
        request.kind = ConnectionKind::Upgrade;
        if let Err(error) = handshake.headers(&mut request.headers, protocols) {
            request.fail(error);
        }
        let (answer, permit) = request.answered().await?;
        let host = request.host().to_owned();
        let head = AnswerHead::new(request, &answer);
        handshake.complete(answer, head, permit, host, request.idle).await
    }

    pub(super) fn idle_limit(&self) -> Option<Duration> {
        self.0.idle
    }

    pub(super) fn max_result_bytes(&self) -> u64 {
        self.0.transport.config().max_result_bytes
    }

    /// Something of the body arrived.
    pub(super) fn hear(&self) {
        self.0.hear();
    }

    pub(super) fn body_timed_out(&self, idle: Duration) {
        self.0.body_timed_out(idle);
    }

    pub(super) fn host(&self) -> &str {
        self.0.host()
    }

    pub(super) fn info(&self) -> RequestInfo<'_> {
        self.0.info()
    }

    pub(super) fn complete(&self, error: Error) -> Error {
        self.0.complete(error)
    }
}
