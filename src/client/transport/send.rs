//! A request on its way, until the head of its answer: attempts, redirects, deadline, and the error
//! that it ends with if none succeeds.

use super::body::{Body, UploadProgress};
use super::connection_kind::ConnectionKind;
use super::connector::PooledClient;
use super::error_response::{self, RequestInfo};
use super::headers::JSON;
use super::origin::{Origin, Permit};
use super::{Answer, Transport, failure, retry};
use crate::client::error::{Error, Result};
use crate::client::{log, status};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RANGE};
use http::{Method, StatusCode, Version};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

const REDIRECTS_MAX: u32 = 5;
/// Time to read the body of an error response.
const ERROR_BODY_TIMEOUT: Duration = Duration::from_secs(5);

/// What [`Request`](super::Request) builds. Boxed there, because it moves from function to function.
pub(super) struct PreparedRequest {
    pub(super) transport: Transport,
    pub(super) method: Method,
    pub(super) url: String,
    /// The first error of building it.
    pub(super) complaint: Option<Error>,
    /// Known from the first attempt on.
    pub(super) target: Option<Destination>,
    pub(super) headers: HeaderMap,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Payload,
    pub(super) limit: Option<Duration>,
    pub(super) idle: Option<Duration>,
    pub(super) sandbox: Option<Box<str>>,
    pub(super) authorized: bool,
    pub(super) anonymous: bool,
    pub(super) kind: ConnectionKind,
    pub(super) attempts: u32,
    /// When it was begun, known from then on.
    pub(super) begun: Option<Instant>,
    /// Which reqwest client sent it last.
    pub(super) generation: u64,
}

/// Retires the connections to a host when a request times out and nothing arrived from that host since the
/// request began: a connection that died silently would let one call after another time out.
struct SilenceGuard<'a> {
    request: &'a PreparedRequest,
    deadline: Option<Instant>,
}

impl SilenceGuard<'_> {
    fn answered(mut self) {
        self.deadline = None;
    }

    fn timed_out(&self) {
        if let Some(begun) = self.request.begun {
            self.request.retire_if_silent_since(begun);
        }
    }
}

impl Drop for SilenceGuard<'_> {
    /// Dropped unanswered: after its deadline that is a timeout, before it a cancelled call.
    fn drop(&mut self) {
        if self.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            self.timed_out();
        }
    }
}

#[derive(Clone)]
pub(super) struct Destination {
    pub(super) url: Url,
    pub(super) origin: Arc<Origin>,
}

pub(super) enum Payload {
    None,
    Whole(Bytes),
    /// A stream, which the first attempt that reads it uses up.
    Once(Option<Body>),
}

/// The head of an answer that is no error, and the connection it holds.
pub(super) type Answered = (Answer, Permit);

enum Attempt {
    Answered(Answered),
    /// The redirect itself is kept for the error of one too many.
    Redirected(Destination, Answer),
    Failed(Error, RetryDecision),
}

/// Whether another attempt makes sense, and how long to wait for it (`None`: a backoff).
enum RetryDecision {
    GiveUp,
    RetryAfter(Option<Duration>),
}

impl PreparedRequest {
    pub(super) async fn answered(&mut self) -> Result<Answered> {
        if let Some(error) = self.complaint.take() {
            return Err(self.complete(error));
        }
        if self.target.is_none() {
            let target = self.transport.target(&self.url).map_err(|error| self.complete(error))?;
            self.target = Some(target);
        }
        retry::note_attempts(self.attempts);
        let begun = Instant::now();
        self.begun = Some(begun);
        let answered = match self.limit {
            None => self.attempt(self.deadline()).await,
            Some(limit) => match timeout_at(begun + limit, self.attempt(self.deadline())).await {
                Ok(answered) => answered,
                Err(_) => Err(self.late(limit)),
            },
        };
        answered.map_err(|error| self.complete(error))
    }

    /// When its caller or its own limit ends it.
    fn deadline(&self) -> Option<Instant> {
        let own = self.limit.and_then(|limit| Some(self.begun? + limit));
        match (own, retry::caller_deadline()) {
            (Some(own), Some(callers)) => Some(own.min(callers)),
            (own, callers) => own.or(callers),
        }
    }

    /// Attempts until one is answered, or none is left.
    async fn attempt(&mut self, deadline: Option<Instant>) -> Result<Answered> {
        let mut redirects = 0;
        loop {
            let begun = log::listens(log::DEBUG).then(Instant::now);
            let outcome = self.once(deadline).await;
            if let Some(begun) = begun {
                self.log(&outcome, begun.elapsed());
            }
            match outcome {
                Attempt::Answered(answered) => return Ok(answered),
                Attempt::Redirected(_, answer) if redirects == REDIRECTS_MAX => {
                    let (method, path) = (&self.method, self.path());
                    let message = format!("{method} {path} was redirected more than {REDIRECTS_MAX} times");
                    let error = Error::new(status::PROTOCOL, message);
                    return Err(error_response::of_answer(error, answer.status().as_u16(), answer.headers()));
                }
                Attempt::Redirected(target, _) => {
                    redirects += 1;
                    self.attempts -= 1;
                    self.target = Some(target);
                }
                Attempt::Failed(error, RetryDecision::GiveUp) => return Err(error),
                Attempt::Failed(error, RetryDecision::RetryAfter(wait)) => {
                    let error = self.complete(error);
                    if !self.pause(&error, wait, deadline).await {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn log(&self, outcome: &Attempt, took: Duration) {
        let end = match outcome {
            Attempt::Answered((answer, _)) => answer.status().as_str().to_owned(),
            Attempt::Redirected(target, _) => format!("redirected to {}", shown_path(&target.url)),
            Attempt::Failed(error, _) => status::name(error.status()).to_owned(),
        };
        log::line(log::DEBUG, || {
            let (method, path, host) = (&self.method, self.path(), self.host());
            format!("{method} {path} at {host}: {end} after {} ms", took.as_millis())
        });
    }

    /// Waits before the next attempt; false when there is none left or no time for it.
    pub(super) async fn pause(
        &self,
        error: &Error,
        wait: Option<Duration>,
        deadline: Option<Instant>,
    ) -> bool {
        if self.attempts > self.transport.config().retries || matches!(self.body, Payload::Once(None)) {
            return false;
        }
        let wait = wait.unwrap_or_default().max(retry::backoff(self.attempts));
        if !retry::affordable(wait, deadline) {
            return false;
        }
        log::line(log::WARN, || {
            let (method, path, message) = (&self.method, self.path(), &error.detail().message);
            format!(
                "{method} {path}, attempt {}: {message}; the next in {} ms",
                self.attempts,
                wait.as_millis()
            )
        });
        tokio::time::sleep(wait).await;
        true
    }

    /// One attempt: prepares the request, sends it and waits for the head of its answer.
    async fn once(&mut self, deadline: Option<Instant>) -> Attempt {
        let transport = self.transport.clone();
        let (client, permit, mut request) = match self.prepare(&transport).await {
            Ok(ready) => ready,
            Err(error) => return Attempt::Failed(error, RetryDecision::GiveUp),
        };
        self.attempts += 1;
        retry::note_attempts(self.attempts);
        transport.turn_driver().await;
        let _in_flight = transport.in_flight();
        let (body, progress) = match self.payload() {
            None => (None, None),
            Some(body) => {
                let (body, progress) = body.watch();
                (Some(body.into_reqwest()), progress)
            }
        };
        *request.body_mut() = body;
        self.generation = client.generation;
        let silence = SilenceGuard { request: self, deadline };
        let answering = client.client.execute(request);
        let answered = match &progress {
            None => answering.await,
            Some(progress) => match progress.watch(answering, self.idle).await {
                Some(answered) => answered,
                None => {
                    silence.timed_out();
                    return Attempt::Failed(self.stalled(progress), RetryDecision::GiveUp);
                }
            },
        };
        silence.answered();
        if let (Payload::Once(body), Some(progress)) = (&mut self.body, &progress) {
            *body = progress.untouched();
        }
        match answered {
            Ok(answer) => {
                self.hear();
                self.judge(answer, permit).await
            }
            Err(error) => self.lost(error).await,
        }
    }

    async fn prepare(&self, transport: &Transport) -> Result<(PooledClient, Permit, reqwest::Request)> {
        let Some(target) = &self.target else { return Err(self.unsent()) };
        let shared = &transport.0;
        let origin = &target.origin;
        let mut identified = origin.is_trusted() && !self.anonymous;
        if self.authorized && !identified {
            shared.origins.permit_credential(origin)?;
            identified = true;
        }
        let connectors = &shared.connectors;
        connectors.proxies.check(&target.url, self.kind)?;
        let client = connectors.get(self.kind)?;
        if connectors.proxies.may_need_tls(&target.url) {
            connectors.tls.load().await?;
        }
        let mut permit = origin.connection(shared.config.connect_timeout).await?;
        // Sockets and uploads last as long as their users say.
        if matches!(self.kind, ConnectionKind::Upgrade) || matches!(self.body, Payload::Once(_)) {
            permit.mark_held();
        }
        let mut request = reqwest::Request::new(self.method.clone(), target.url.clone());
        let headers = request.headers_mut();
        let common = origin.headers(&shared.headers, identified);
        match (&self.body, &self.content_type) {
            (Payload::Whole(body), Some(content_type)) if *content_type == JSON => {
                *headers = common.json(body.len());
            }
            (_, content_type) => {
                *headers = common.plain();
                if let Some(content_type) = content_type {
                    headers.insert(CONTENT_TYPE, content_type.clone());
                }
            }
        }
        let expects_length = matches!(self.method, Method::POST | Method::PUT | Method::PATCH);
        if expects_length && matches!(self.body, Payload::None) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        Ok((client, permit, request))
    }

    fn payload(&mut self) -> Option<Body> {
        match &mut self.body {
            Payload::None => None,
            Payload::Whole(bytes) => Some(bytes.clone().into()),
            Payload::Once(body) => Some(body.take().unwrap_or_default()),
        }
    }

    async fn judge(&self, mut answer: Answer, permit: Permit) -> Attempt {
        if answer.version() == Version::HTTP_2 {
            self.transport.keep_http2_driven();
        }
        let code = answer.status();
        let expected = match self.kind {
            ConnectionKind::Requests => code.is_success(),
            ConnectionKind::Upgrade => code == StatusCode::SWITCHING_PROTOCOLS,
        };
        if expected {
            let range = self.headers.contains_key(RANGE);
            return match error_response::unasked(|| self.info(), code, answer.headers(), range) {
                Some(error) => Attempt::Failed(error, RetryDecision::GiveUp),
                None => Attempt::Answered((answer, permit)),
            };
        }
        if code.is_redirection()
            && let Some(target) = self.redirected(&answer)
        {
            return Attempt::Redirected(target, answer);
        }
        let body = explanation(&mut answer).await;
        let headers = answer.headers();
        let error = error_response::error(&self.info(), code, headers, &body);
        let repeat = match self.kind {
            ConnectionKind::Requests => retry::may_repeat_answer(&self.method, code),
            ConnectionKind::Upgrade => code == StatusCode::TOO_MANY_REQUESTS,
        };
        let again =
            if repeat { RetryDecision::RetryAfter(retry::after(headers)) } else { RetryDecision::GiveUp };
        Attempt::Failed(error, again)
    }

    /// The attempt ended without an answer.
    async fn lost(&self, error: reqwest::Error) -> Attempt {
        let Some(target) = &self.target else { return Attempt::Failed(self.unsent(), RetryDecision::GiveUp) };
        let proxies = &self.transport.0.connectors.proxies;
        let proxy = proxies.authority(&target.url);
        let refusal =
            if failure::is_refused_tunnel(&error) { proxies.refusal(&target.url).await } else { None };
        let limit = self.transport.config().connect_timeout;
        let route =
            failure::Route { host: self.host(), proxy: proxy.as_deref(), refusal: refusal.as_deref() };
        let (error, reach) = failure::explain(error, &route, limit);
        let repeat = match self.kind {
            ConnectionKind::Requests => retry::may_repeat(&self.method, reach),
            ConnectionKind::Upgrade => reach == failure::SendState::NotSent,
        };
        Attempt::Failed(error, if repeat { RetryDecision::RetryAfter(None) } else { RetryDecision::GiveUp })
    }

    /// Where a redirect leads, if it may be followed: same origin, same method, a body to send again.
    fn redirected(&self, answer: &Answer) -> Option<Destination> {
        let target = self.target.as_ref()?;
        let kept = matches!(self.method, Method::GET | Method::HEAD);
        let follow = match answer.status().as_u16() {
            301..=303 => kept,
            307 | 308 => true,
            _ => false,
        };
        if !follow || matches!(self.body, Payload::Once(_)) {
            return None;
        }
        let url = &target.url;
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let mut next = url.join(location).ok()?;
        if next.origin() != url.origin() || !next.username().is_empty() || next.password().is_some() {
            return None;
        }
        // A daemon behind a proxy knows only its own part of the path; its redirect that adds or
        // drops a trailing slash must keep the proxy's part.
        let (from, to) = (url.path().trim_end_matches('/'), next.path().trim_end_matches('/'));
        if !to.is_empty() && from.len() > to.len() && from.ends_with(to) {
            let slash = if next.path().ends_with('/') { "/" } else { "" };
            let path = format!("{from}{slash}");
            next.set_path(&path);
        }
        if next.query().is_none() {
            next.set_query(url.query());
        }
        if next == *url {
            return None;
        }
        Some(Destination { url: next, origin: target.origin.clone() })
    }

    /// Something of the answer arrived.
    pub(super) fn hear(&self) {
        if let Some(target) = &self.target {
            target.origin.hear();
        }
    }

    /// Retires the connections to a host that sent nothing for the idle limit of a body.
    pub(super) fn body_timed_out(&self, idle: Duration) {
        if let Some(since) = Instant::now().checked_sub(idle) {
            self.retire_if_silent_since(since);
        }
    }

    fn retire_if_silent_since(&self, since: Instant) {
        if self.target.as_ref().is_some_and(|target| target.origin.silent_since(since)) {
            self.transport.0.connectors.retire(self.generation);
        }
    }

    fn unsent(&self) -> Error {
        Error::invalid("the request has no target")
    }

    fn late(&self, limit: Duration) -> Error {
        let (method, path, host, limit_ms) = (&self.method, self.path(), self.host(), limit.as_millis());
        let waits = self.target.as_ref().filter(|target| self.attempts == 0 && target.origin.is_full());
        if let Some(target) = waits {
            let mut error = target.origin.exhausted();
            let detail = error.detail_mut();
            detail.message = format!("{method} {path} was not sent within {limit_ms} ms: {}", detail.message);
            return error;
        }
        let message = format!("{method} {path} at {host} was not answered within {limit_ms} ms");
        let mut error = Error::new(status::TIMEOUT, message);
        error.detail_mut().retryable = retry::idempotent(&self.method);
        error
    }

    fn stalled(&self, progress: &UploadProgress) -> Error {
        let limit = self.idle.unwrap_or_default().as_millis();
        Error::new(
            status::TIMEOUT,
            format!(
                "{} stopped taking the upload: nothing moved for {limit} ms after {} bytes; \
                 `idleTimeoutMs` is the limit",
                self.host(),
                progress.moved()
            ),
        )
    }

    pub(super) fn whole(&mut self, content_type: HeaderValue, body: Bytes) {
        self.content_type = Some(content_type);
        self.body = Payload::Whole(body);
    }

    /// Keeps the first error of building the request; sending returns it.
    pub(super) fn fail(&mut self, error: Error) {
        self.complaint.get_or_insert(error);
    }

    pub(super) fn host(&self) -> &str {
        self.target.as_ref().map(|target| &*target.origin.host).unwrap_or_default()
    }

    /// For messages.
    fn path(&self) -> &str {
        self.target.as_ref().map(|target| shown_path(&target.url)).unwrap_or_default()
    }

    pub(super) fn info(&self) -> RequestInfo<'_> {
        let api = &self.transport.config().api;
        let without_api_segment = !api.path().split('/').any(|segment| segment == "api")
            && self.target.as_ref().is_some_and(|target| target.url.origin() == api.origin());
        RequestInfo { method: &self.method, host: self.host(), path: self.path(), without_api_segment }
    }

    /// Adds the attempts and the sandbox to an error of this request, and removes the credential.
    pub(super) fn complete(&self, error: Error) -> Error {
        error_response::of_request(error, self.attempts, self.sandbox.as_deref(), &self.transport)
    }
}

/// The path for messages, without the token that the one of a signed link has.
fn shown_path(url: &Url) -> &str {
    let path = url.path();
    path.find("/signed-preview-url/").map_or(path, |at| &path[..at + "/signed-preview-url".len()])
}

/// The beginning of an error response's body, as much as arrives in time.
async fn explanation(answer: &mut Answer) -> Vec<u8> {
    let mut body = Vec::new();
    let _ = timeout(ERROR_BODY_TIMEOUT, async {
        while let Ok(Some(chunk)) = answer.chunk().await {
            body.extend_from_slice(&chunk);
            let json = body.trim_ascii_start().starts_with(b"{");
            let most =
                if json { error_response::JSON_BODY_MAX_BYTES } else { error_response::TEXT_BODY_MAX_BYTES };
            if body.len() >= most {
                body.truncate(most);
                break;
            }
        }
    })
    .await;
    body
}
