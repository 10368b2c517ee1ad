//! A request from its making to the head of its answer: headers, attempts, redirects, deadline.

use super::answer::{self, Asked};
use super::connector::Use;
use super::origin::{self, Permit};
use super::response::Response;
use super::upload::{self, Progress};
use super::{Socket, Transport, failure, parse, retry, socket, tunnel};
use crate::client::error::{Error, Result};
use crate::client::status;
use bytes::Bytes;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use reqwest::{Method, StatusCode, Version};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

const REDIRECTS: u32 = 5;
/// An error's explanation is not worth waiting longer for.
const ERROR_BODY_PATIENCE: Duration = Duration::from_secs(5);

/// A request to be. Retries, deadlines and the error envelope are [`Request::send`]'s business.
pub struct Request {
    pub(super) transport: Transport,
    method: Method,
    url: Result<Url>,
    headers: HeaderMap,
    body: Payload,
    limit: Option<Duration>,
    pub(super) idle: Option<Duration>,
    sandbox: Option<Box<str>>,
    authorized: bool,
    purpose: Use,
    attempts: u32,
}

enum Payload {
    None,
    Whole(Bytes),
    /// Gone after the first attempt that asked for it.
    Once(Option<reqwest::Body>),
}

/// The head of an answer that is no error, and the connection it holds.
type Answered = (reqwest::Response, Permit);

enum Outcome {
    Answered(Answered),
    Redirected(Url),
    Failed(Error, Again),
}

/// Whether another attempt makes sense, and how long to wait for it (`None`: a backoff).
enum Again {
    No,
    After(Option<Duration>),
}

impl Request {
    pub(super) fn new(transport: Transport, method: Method, url: &str) -> Self {
        Self {
            idle: transport.config().idle_timeout,
            transport,
            method,
            url: parse(url),
            headers: HeaderMap::new(),
            body: Payload::None,
            limit: None,
            sandbox: None,
            authorized: false,
            purpose: Use::Requests,
            attempts: 0,
        }
    }

    /// Appends a query parameter, form-encoded.
    pub fn query(mut self, key: &str, value: &str) -> Self {
        if let Ok(url) = &mut self.url {
            url.query_pairs_mut().append_pair(key, value);
        }
        self
    }

    /// Sets a header, in place of one the library sets.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value)) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.fail(Error::invalid(format!("the header {name} cannot carry this value"))),
        }
        self
    }

    /// A JSON body.
    pub fn json(mut self, body: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(body) {
            Ok(json) => self.whole(HeaderValue::from_static("application/json"), json.into()),
            Err(error) => {
                self.fail(Error::invalid(format!("the request cannot be written as JSON: {error}")))
            }
        }
        self
    }

    /// A raw body that can be sent again by a retry.
    pub fn bytes(mut self, content_type: &str, body: Bytes) -> Self {
        match HeaderValue::from_str(content_type) {
            Ok(content_type) => self.whole(content_type, body),
            Err(_) => self.fail(Error::invalid("the content type cannot be a header")),
        }
        self
    }

    /// A body that can be sent once: no retry after the connection was made. While it is sent the
    /// idle limit applies.
    pub fn body(mut self, content_type: &str, length: Option<u64>, body: reqwest::Body) -> Self {
        self = self.header("content-type", content_type);
        if let Some(length) = length {
            self.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.body = Payload::Once(Some(body));
        self
    }

    /// Limits the time to the answer's head, attempts and waits together (`None`: no limit, as when
    /// this is not called). Afterwards the idle limit counts.
    pub fn deadline(mut self, limit: Option<Duration>) -> Self {
        self.limit = limit;
        self
    }

    /// How long the body may stand still, in place of the configured `idleTimeoutMs` (`None`: for ever).
    pub fn idle(mut self, limit: Option<Duration>) -> Self {
        self.idle = limit;
        self
    }

    /// For errors.
    pub fn sandbox(mut self, id: &str) -> Self {
        self.sandbox = Some(id.into());
        self
    }

    /// Sends the credential with this one request although its origin is not trusted: a URL that the
    /// API named for it (build logs).
    pub fn authorized(mut self) -> Self {
        self.authorized = true;
        self
    }

    /// Sends it and waits for the head of a successful answer (2xx); any other is an error.
    pub async fn send(mut self) -> Result<Response> {
        let (answer, permit) = self.answered().await?;
        Ok(Response::new(self, answer, permit))
    }

    /// Upgrades to a WebSocket; `protocols` are offered as subprotocols. Only an attempt that did not
    /// reach the server is repeated: a handshake may create things.
    pub async fn websocket(mut self, protocols: &[String]) -> Result<Socket> {
        let handshake = socket::Handshake::new();
        self.purpose = Use::Upgrade;
        if let Err(error) = handshake.headers(&mut self.headers, protocols) {
            self.fail(error);
        }
        let (answer, permit) = self.answered().await?;
        let host = self.host();
        handshake.complete(answer, permit, host, self.idle).await.map_err(|error| self.complete(error))
    }

    /// Repeats a request whose answer was cut off, if that is allowed: idempotent, attempts left.
    pub(super) async fn again(self, error: Error) -> Result<Response> {
        let repeatable = retry::idempotent(&self.method) && !matches!(self.body, Payload::Once(_));
        if !repeatable || !self.pause(None).await {
            return Err(self.complete(error));
        }
        self.send().await
    }

    async fn answered(&mut self) -> Result<Answered> {
        if let Err(error) = &self.url {
            return Err(self.complete(error.clone()));
        }
        let answered = match self.limit {
            None => self.attempt(retry::caller_deadline()).await,
            Some(limit) => {
                let own = Instant::now() + limit;
                let deadline = retry::caller_deadline().map_or(own, |callers| callers.min(own));
                match timeout_at(own, self.attempt(Some(deadline))).await {
                    Ok(answered) => answered,
                    Err(_) => Err(self.late(limit)),
                }
            }
        };
        answered.map_err(|error| self.complete(error))
    }

    /// Attempts until one is answered, or none is left.
    async fn attempt(&mut self, deadline: Option<Instant>) -> Result<Answered> {
        let mut redirects = 0;
        loop {
            self.attempts += 1;
            match self.once().await {
                Outcome::Answered(answered) => return Ok(answered),
                Outcome::Redirected(_) if redirects == REDIRECTS => {
                    return Err(Error::new(
                        status::PROTOCOL,
                        format!("{} {} was redirected more than {REDIRECTS} times", self.method, self.path()),
                    ));
                }
                Outcome::Redirected(url) => {
                    redirects += 1;
                    self.attempts -= 1;
                    self.url = Ok(url);
                }
                Outcome::Failed(error, Again::No) => return Err(error),
                Outcome::Failed(error, Again::After(wait)) => {
                    if !self.pause_until(wait, deadline).await {
                        return Err(error);
                    }
                }
            }
        }
    }

    async fn pause(&self, wait: Option<Duration>) -> bool {
        self.pause_until(wait, retry::caller_deadline()).await
    }

    /// Waits before the next attempt; false when there is none left or no time for it.
    async fn pause_until(&self, wait: Option<Duration>, deadline: Option<Instant>) -> bool {
        if self.attempts > self.transport.config().retries || matches!(self.body, Payload::Once(None)) {
            return false;
        }
        let wait = wait.unwrap_or_default().max(retry::backoff(self.attempts));
        if !retry::affordable(wait, deadline) {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }

    /// One attempt.
    async fn once(&mut self) -> Outcome {
        let transport = self.transport.clone();
        let (client, permit, mut request) = match self.prepare(&transport).await {
            Ok(ready) => ready,
            Err(error) => return Outcome::Failed(error, Again::No),
        };
        if let (Use::Upgrade, Ok(url)) = (self.purpose, &self.url)
            && let Some(tunnel) = tunnel::through(url, transport.config())
        {
            return match tunnel::execute(tunnel, &request, transport.config()).await {
                Ok(answer) => self.judge(answer, permit).await,
                Err(error) => self.lost(error.as_ref()),
            };
        }
        transport.turn_driver().await;
        let _in_flight = transport.in_flight();
        let progress = self.attach_body(&mut request);
        let answered = match &progress {
            None => client.execute(request).await,
            Some(progress) => match progress.watch(client.execute(request), self.idle).await {
                Some(answered) => answered,
                None => return Outcome::Failed(self.stalled(progress), Again::No),
            },
        };
        if let (Payload::Once(body), Some(progress)) = (&mut self.body, &progress) {
            *body = progress.untouched();
        }
        match answered {
            Ok(answer) => self.judge(answer, permit).await,
            Err(error) => self.lost(&error),
        }
    }

    async fn prepare(&self, transport: &Transport) -> Result<(reqwest::Client, Permit, reqwest::Request)> {
        let url = self.url.as_ref().map_err(Error::clone)?;
        let shared = &transport.0;
        let origin = shared.origins.of(url);
        let mut identified = origin.is_trusted();
        if self.authorized && !identified {
            shared.origins.permit_credential(url)?;
            identified = true;
        }
        let client = shared.connectors.get(url.scheme(), self.purpose).await?;
        let permit = match self.purpose {
            Use::Requests => origin.connection().await,
            Use::Upgrade => origin.socket(shared.config.connect_timeout).await?,
        };
        let mut request = reqwest::Request::new(self.method.clone(), url.clone());
        let headers = request.headers_mut();
        headers.clone_from(if identified { &shared.identified } else { &shared.anonymous });
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        Ok((client, permit, request))
    }

    fn attach_body(&mut self, request: &mut reqwest::Request) -> Option<Progress> {
        match &mut self.body {
            Payload::None => None,
            Payload::Whole(bytes) => {
                let (body, progress) = upload::whole(bytes.clone());
                *request.body_mut() = Some(body);
                progress
            }
            Payload::Once(body) => {
                let (body, progress) = upload::watched(body.take()?);
                *request.body_mut() = Some(body);
                Some(progress)
            }
        }
    }

    async fn judge(&self, answer: reqwest::Response, permit: Permit) -> Outcome {
        if answer.version() == Version::HTTP_2 {
            self.transport.hold_http2();
        }
        let code = answer.status();
        let expected = match self.purpose {
            Use::Requests => code.is_success(),
            Use::Upgrade => code == StatusCode::SWITCHING_PROTOCOLS,
        };
        if expected {
            return Outcome::Answered((answer, permit));
        }
        if code.is_redirection()
            && let Some(url) = self.redirected(&answer)
        {
            return Outcome::Redirected(url);
        }
        let headers = answer.headers().clone();
        let body = explanation(answer).await;
        let host = self.host();
        let asked = Asked { method: &self.method, host: &host, path: self.path() };
        let error = answer::error(&asked, code, &headers, &body);
        let repeat = match self.purpose {
            Use::Requests => retry::may_repeat_answer(&self.method, code),
            Use::Upgrade => code == StatusCode::TOO_MANY_REQUESTS,
        };
        let again = if repeat { Again::After(retry::after(&headers)) } else { Again::No };
        Outcome::Failed(error, again)
    }

    /// No answer came.
    fn lost(&self, error: &(dyn std::error::Error + 'static)) -> Outcome {
        let config = self.transport.config();
        let proxy = self.url.as_ref().ok().and_then(|url| tunnel::proxy_host(url, config));
        let (error, reach) = failure::explain(error, &self.host(), proxy.as_deref(), config.connect_timeout);
        let repeat = match self.purpose {
            Use::Requests => retry::may_repeat(&self.method, reach),
            Use::Upgrade => reach == failure::Reach::NotSent,
        };
        Outcome::Failed(error, if repeat { Again::After(None) } else { Again::No })
    }

    /// Where a redirect leads, if it may be followed: same origin, same method, a body to send again.
    fn redirected(&self, answer: &reqwest::Response) -> Option<Url> {
        let url = self.url.as_ref().ok()?;
        let kept = matches!(self.method, Method::GET | Method::HEAD);
        let follow = match answer.status().as_u16() {
            301 | 302 => kept,
            303 => kept,
            307 | 308 => true,
            _ => false,
        };
        if !follow || matches!(self.body, Payload::Once(_)) {
            return None;
        }
        let location = answer.headers().get(LOCATION)?.to_str().ok()?;
        let mut next = url.join(location).ok()?;
        if origin::text(&next) != origin::text(url) || !next.username().is_empty() {
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
        (next != *url).then_some(next)
    }

    fn late(&self, limit: Duration) -> Error {
        let mut error = Error::new(
            status::TIMEOUT,
            format!(
                "{} {} at {} was not answered within {} ms",
                self.method,
                self.path(),
                self.host(),
                limit.as_millis()
            ),
        );
        error.detail_mut().retryable = retry::idempotent(&self.method);
        error
    }

    fn stalled(&self, progress: &Progress) -> Error {
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

    fn whole(&mut self, content_type: HeaderValue, body: Bytes) {
        self.headers.insert(CONTENT_TYPE, content_type);
        self.body = Payload::Whole(body);
    }

    /// What is wrong with a request shows when it is sent; the first complaint counts.
    fn fail(&mut self, error: Error) {
        if self.url.is_ok() {
            self.url = Err(error);
        }
    }

    pub(super) fn host(&self) -> String {
        self.url.as_ref().map(origin::authority).unwrap_or_default()
    }

    pub(super) fn path(&self) -> &str {
        self.url.as_ref().map(Url::path).unwrap_or_default()
    }

    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Adds what every error of this request says, and takes out what none may.
    pub(super) fn complete(&self, mut error: Error) -> Error {
        let detail = error.detail_mut();
        detail.attempts = self.attempts;
        if detail.sandbox_id.is_none() {
            detail.sandbox_id = self.sandbox.as_deref().map(str::to_owned);
        }
        answer::scrub(&mut error, self.transport.config().credential.secret());
        error
    }
}

/// The beginning of an error's body, as far as it comes.
async fn explanation(mut answer: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    let _ = timeout(ERROR_BODY_PATIENCE, async {
        while body.len() < answer::BODY_LIMIT {
            match answer.chunk().await {
                Ok(Some(chunk)) => {
                    let room = answer::BODY_LIMIT - body.len();
                    body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                }
                _ => break,
            }
        }
    })
    .await;
    body
}
