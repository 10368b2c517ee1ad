//! Everything that goes over the wire: requests and WebSockets by reqwest, with this library's headers,
//! retries, limits and errors. A caller has a URL and wants an answer.
//!
//! The rules, so that no caller has to think of them: the credential goes to the API's origin, to
//! the origins that the API named ([`Transport::trust`]) and nowhere else; a redirect is followed
//! only where that holds and the method stays; what may have been acted upon is repeated only if it
//! is idempotent; no answer is a success that is not one.

mod answer;
mod attempt;
mod body;
mod connector;
mod failure;
mod origin;
mod proxy;
mod request;
mod response;
mod retry;
mod socket;
mod tls;

pub(super) use answer::NO_BODY;
pub use body::Body;
pub use http::Method;
pub use request::Request;
pub(crate) use response::shaped;
pub use response::{Json, Response};
pub use retry::{TimedOut, caller_deadline, timeout_at, within};
pub use socket::{Closed, Message, Socket, Turn};

use super::background::ActivityGuard;
use super::config::{Config, Credential};
use super::error::{Error, Result};
use connector::Connectors;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderValue, USER_AGENT};
use origin::Origins;
use parking_lot::Mutex;
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
    /// What a trusted origin gets: identity, credential, the configured headers.
    identified: HeaderMap,
    /// What every other origin gets.
    anonymous: HeaderMap,
    /// Requests that wait for an answer now.
    in_flight: AtomicUsize,
    /// Held once an HTTP/2 connection exists, until the client is closed: the server's pings and
    /// settings on it want answers between calls too.
    http2: Mutex<Option<ActivityGuard>>,
}

impl Transport {
    pub(crate) fn new(config: Arc<Config>) -> Self {
        let origins = Origins::new(config.api.scheme() == "https", config.max_connections_per_host);
        // The configuration's URL is one, and trusting one's own API cannot fail.
        let _ = parse(&config.api_url).and_then(|api| origins.trust(&api));
        Self(Arc::new(Shared {
            connectors: Connectors::new(config.clone()),
            origins,
            identified: identified(&config),
            anonymous: anonymous(&config),
            in_flight: AtomicUsize::new(0),
            http2: Mutex::default(),
            config,
        }))
    }

    /// `url` is absolute. Headers of identity and credential are added when its origin may have them.
    pub fn request(&self, method: Method, url: &str) -> Request {
        Request::new(self.clone(), method, url)
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

    /// A server may have closed an idle connection while nobody drove the runtime, which then does
    /// not know it, and a POST on that connection would be lost. One turn of the driver tells it.
    /// While other requests are in flight somebody is driving.
    async fn turn_driver(&self) {
        if self.0.in_flight.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
    }

    fn target(&self, url: &str) -> Result<attempt::Target> {
        if let Some((url, origin)) = self.0.origins.resolve(url) {
            return Ok(attempt::Target { url, origin });
        }
        let url = parse(url)?;
        let origin = self.0.origins.of(&url)?;
        Ok(attempt::Target { url, origin })
    }

    fn in_flight(&self) -> InFlight<'_> {
        self.0.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.0.in_flight)
    }

    fn hold_http2(&self) {
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
    if matches!(name, "" | "." | "..") {
        return Err(Error::invalid(format!("`{name}` cannot be an id or name: no URL can hold it")));
    }
    let encoded: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    Ok(encoded.replace('+', "%20"))
}

fn parse(url: &str) -> Result<Url> {
    let unusable = |why: String| Error::invalid(format!("not a URL that can be requested: {why}"));
    let parse = |text: &str| Url::parse(text).map_err(|error| unusable(error.to_string()));
    let parsed = parse(url)?;
    match parsed.scheme() {
        "http" | "https" => Ok(parsed),
        // The socket's scheme is HTTP's with another first letter or two.
        "ws" | "wss" => parse(&parsed.as_str().replacen("ws", "http", 1)),
        other => Err(unusable(format!("the scheme `{other}` is not spoken"))),
    }
}

/// An answer's head, its body still on the way.
type Answer = reqwest::Response;

fn identified(config: &Config) -> HeaderMap {
    let mut headers = config.headers.clone();
    // Room for what a request adds, so that no copy of this map has to grow its table.
    headers.reserve(16);
    // `Config` has checked that both texts can be headers.
    if let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {}", config.credential.secret())) {
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
    }
    if let (Credential::Jwt(_), Some(organization)) = (&config.credential, &config.organization)
        && let Ok(organization) = HeaderValue::from_str(organization)
    {
        headers.insert("x-daytona-organization-id", organization);
    }
    headers.insert("x-daytona-source", HeaderValue::from_static("libdaytona"));
    headers.insert("x-daytona-sdk-version", HeaderValue::from_static(crate::PROTOCOL_VERSION));
    headers.insert(USER_AGENT, config.user_agent.clone());
    headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    headers
}

fn anonymous(config: &Config) -> HeaderMap {
    HeaderMap::from_iter([(USER_AGENT, config.user_agent.clone()), (ACCEPT_ENCODING, IDENTITY)])
}

/// Nothing is decompressed here: answers are asked for as they are.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
