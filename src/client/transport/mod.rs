//! Everything that goes over the wire: requests and WebSockets by reqwest, with this library's headers,
//! retries, limits and errors. A caller has a URL and wants an answer.
//!
//! The rules: the credential goes to the API's origin and to those that the API named
//! ([`Transport::trust`]), nowhere else; a redirect is followed only within its origin and with its method;
//! a request that the server may have processed is sent again only if it is idempotent; a success is a 2xx
//! of the expected shape.

mod allowance;
mod answer_head;
mod body;
mod connection_kind;
mod connector;
mod error_response;
mod failure;
mod frame_reads;
mod headers;
mod origin;
mod proxy;
mod request;
mod response;
mod retry;
mod send;
mod socket;
mod tls;

pub(crate) use answer_head::AnswerHead;
pub use body::Body;
pub(super) use error_response::NO_BODY;
pub use http::Method;
pub use request::Request;
pub use response::{Json, Response};
pub(crate) use retry::backoff;
pub use retry::{TimedOut, caller_deadline, timeout_at, within};
pub use socket::{Closed, Message, Socket, SocketEvent};

use super::background::ActivityGuard;
use super::config::Config;
use super::error::{Error, Result};
use crate::client::lock::Mutex;
use connector::Connectors;
use headers::CommonHeaders;
use origin::Origins;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use url::Url;

/// Shared by a client and all its sandboxes. Lazy: making one opens no connection and reads no file.
#[derive(Clone)]
pub struct Transport(Arc<Shared>);

struct Shared {
    config: Arc<Config>,
    connectors: Connectors,
    origins: Origins,
    headers: CommonHeaders,
    /// Requests that wait for an answer now.
    in_flight: AtomicUsize,
    /// Set by the first HTTP/2 answer, until the client is closed: keeps the runtime driven between calls,
    /// so that the server's pings and settings are answered.
    http2: Mutex<Option<ActivityGuard>>,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let origins = Origins::new(config.api.scheme() == "https", config.max_connections_per_host);
        // The URL was checked by `Config`, and the API's own origin is always trusted.
        let _ = parse(&config.api_url).and_then(|api| origins.trust(&api));
        Self(Arc::new(Shared {
            connectors: Connectors::new(config.clone()),
            origins,
            headers: CommonHeaders::new(&config),
            in_flight: AtomicUsize::new(0),
            http2: Mutex::default(),
            config,
        }))
    }

    /// `url` is absolute. Headers of identity and credential are added when its origin may have them.
    pub fn request(&self, method: Method, url: impl Into<String>) -> Request {
        Request::new(self.clone(), method, url.into())
    }

    /// Opens a WebSocket at an `http(s)://` URL with the same headers, proxy and roots, within the
    /// connect limit. For other limits or headers: [`Request::websocket`].
    pub async fn websocket(&self, url: &str, protocols: &[String]) -> Result<Socket> {
        self.request(Method::GET, url).deadline(self.config().connect_timeout).websocket(protocols).await
    }

    /// Lets the credential go to the origin of a URL that the API named (`toolboxProxyUrl`, a build
    /// log). Fails where that would carry it over http although the API is https.
    pub fn trust(&self, url: &str) -> Result<()> {
        self.0.origins.trust(&parse(url)?)
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Drops idle connections; requests that begin afterwards answer CLOSED.
    pub fn close(&self) {
        self.0.connectors.close();
        self.0.http2.lock().take();
    }

    /// Polls the I/O driver once before a pooled connection is used. A server may have closed an idle
    /// connection while no thread drove the runtime; without the poll a POST on it would be lost. While
    /// other requests are in flight the runtime is driven anyway.
    async fn turn_driver(&self) {
        if self.0.in_flight.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }

    fn target(&self, url: &str) -> Result<send::Destination> {
        if let Some((url, origin)) = self.0.origins.resolve(url) {
            return Ok(send::Destination { url, origin });
        }
        let url = parse(url)?;
        let origin = self.0.origins.of(&url)?;
        Ok(send::Destination { url, origin })
    }

    fn in_flight(&self) -> InFlight<'_> {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.0.in_flight)
    }

    fn keep_http2_driven(&self) {
        self.0.http2.lock().get_or_insert_with(ActivityGuard::begin);
    }
}

struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One segment of a path, encoded: a name that a user chose.
pub fn segment(name: &str) -> Result<String> {
    if name.is_empty() {
        return Err(Error::invalid("an id or name is empty: give one that is not"));
    }
    if matches!(name, "." | "..") {
        return Err(Error::invalid(format!("`{name}` cannot be an id or name: no URL can hold it")));
    }
    Ok(utf8_percent_encode(name, SEGMENT).to_string())
}

/// What is encoded in a path segment: all but RFC 3986's unreserved characters and `*`.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'*');

fn parse(url: &str) -> Result<Url> {
    let unusable = |why: String| Error::invalid(format!("not a URL that can be requested: {why}"));
    let parse = |text: &str| Url::parse(text).map_err(|error| unusable(error.to_string()));
    let parsed = parse(url)?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        // ws is http, wss is https.
        "ws" | "wss" => parse(&parsed.as_str().replacen("ws", "http", 1)),
        other => Err(unusable(format!("the scheme `{other}` is not spoken"))),
    }
}

/// An answer's head, its body still on the way.
type Answer = reqwest::Response;
