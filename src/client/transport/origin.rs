//! The hosts a client talks to: which of them may see the credential, and how many connections each
//! may have. An origin is scheme, host and port, as in a browser.

use super::allowance::{Allowance, Allowed};
use super::headers::{CommonHeaders, OriginHeaders};
use crate::client::error::{Error, Result};
use crate::client::lock::RwLock;
use crate::client::status;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use url::Url;

pub(super) struct Origins {
    /// A handful: the API, the toolbox proxies, an object store.
    known: RwLock<Vec<Arc<Origin>>>,
    api_is_https: bool,
    connections: usize,
}

pub(super) struct Origin {
    https: bool,
    name: Box<str>,
    port: u16,
    /// With the path `/`.
    root: Url,
    recent: RecentUrls,
    identified: OnceLock<OriginHeaders>,
    anonymous: OnceLock<OriginHeaders>,
    /// `name:port`, for messages.
    pub(super) host: Box<str>,
    trusted: AtomicBool,
    connections: Arc<Allowance>,
    /// How many connections are held by open streams and transfers, which end when their users say so.
    held: watch::Sender<usize>,
    limit: usize,
    made: Instant,
    /// Microseconds from `made` to the last time that something arrived from there.
    heard: AtomicU64,
}

/// A connection in use; dropped, the next request gets it.
pub(super) struct Permit {
    origin: Arc<Origin>,
    /// Counted among those that open streams and transfers hold.
    held: bool,
    _connection: Allowed,
}

impl Origins {
    pub(super) fn new(api_is_https: bool, connections: usize) -> Self {
        Self { known: RwLock::default(), api_is_https, connections }
    }

    /// The URL of a text that begins with a known origin: only what follows has to be parsed, which is a
    /// third of the work.
    pub(super) fn resolve(&self, text: &str) -> Option<(Url, Arc<Origin>)> {
        let known = self.known.read();
        known.iter().find_map(|origin| {
            let path = text.strip_prefix(origin.root.as_str())?;
            // Two slashes would begin another host.
            if path.starts_with(['/', '\\']) {
                return None;
            }
            let path = &text[origin.root.as_str().len() - 1..];
            let url = origin.recent.get_or_parse(text, || origin.root.join(path).ok())?;
            Some((url, origin.clone()))
        })
    }

    pub(super) fn of(&self, url: &Url) -> Result<Arc<Origin>> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("a URL with credentials in it cannot be requested"));
        }
        let (Some(name), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(Error::invalid("a URL without host cannot be requested"));
        };
        let https = url.scheme() == "https";
        let is = |known: &&Arc<Origin>| known.https == https && known.port == port && *known.name == *name;
        if let Some(known) = self.known.read().iter().find(is) {
            return Ok(known.clone());
        }
        let mut known = self.known.write();
        if let Some(known) = known.iter().find(is) {
            return Ok(known.clone());
        }
        let root = url.join("/").map_err(|error| Error::invalid(error.to_string()))?;
        let origin = Arc::new(Origin::new(root, name, port, self.connections));
        known.push(origin.clone());
        Ok(origin)
    }

    /// From now on the credential goes to this URL's origin too.
    pub(super) fn trust(&self, url: &Url) -> Result<()> {
        let origin = self.of(url)?;
        self.permit_credential(&origin)?;
        origin.trusted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Refuses what would send the credential in the clear although the API is encrypted.
    pub(super) fn permit_credential(&self, origin: &Origin) -> Result<()> {
        if self.api_is_https && !origin.https {
            return Err(Error::new(
                status::PROTOCOL,
                format!(
                    "the API is https but names http://{} without encryption: the credential is not sent \
                     there; have the server's toolbox and proxy URLs corrected",
                    origin.host
                ),
            ));
        }
        Ok(())
    }
}

impl Origin {
    fn new(root: Url, name: &str, port: u16, connections: usize) -> Self {
        Self {
            https: root.scheme() == "https",
            root,
            recent: RecentUrls::default(),
            identified: OnceLock::new(),
            anonymous: OnceLock::new(),
            name: name.into(),
            port,
            host: format!("{name}:{port}").into(),
            trusted: AtomicBool::new(false),
            connections: Arc::new(Allowance::new(connections)),
            held: watch::Sender::new(0),
            limit: connections,
            made: Instant::now(),
            heard: AtomicU64::new(0),
        }
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Relaxed)
    }

    /// The headers of a request to it, with the credential or without.
    pub(super) fn headers(&self, common: &CommonHeaders, identified: bool) -> &OriginHeaders {
        let made = if identified { &self.identified } else { &self.anonymous };
        made.get_or_init(|| common.for_origin(&self.root, identified))
    }

    /// Something arrived from this host.
    pub(super) fn hear(&self) {
        self.heard.store(self.made.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// Whether nothing arrived from this host since then.
    pub(super) fn silent_since(&self, then: Instant) -> bool {
        self.made + Duration::from_micros(self.heard.load(Ordering::Relaxed)) < then
    }

    /// Waits for a connection to be free. Behind other requests the wait has no limit of its own; while
    /// open streams and transfers hold every connection, it ends after `limit`.
    pub(super) async fn connection(self: &Arc<Self>, limit: Option<Duration>) -> Result<Permit> {
        let connection = match self.connections.try_take() {
            Some(connection) => connection,
            // Boxed because it is rare: unboxed it would enlarge the future of every call.
            None => Box::pin(self.wait(limit)).await?,
        };
        Ok(Permit { origin: self.clone(), held: false, _connection: connection })
    }

    async fn wait(&self, limit: Option<Duration>) -> Result<Allowed> {
        tokio::select! {
            biased;
            connection = self.connections.take() => Ok(connection),
            () = self.held_throughout(limit) => Err(self.exhausted()),
        }
    }

    /// Returns once open streams and transfers have held every connection for `limit`.
    async fn held_throughout(&self, limit: Option<Duration>) {
        let Some(limit) = limit else { return std::future::pending().await };
        let mut held = self.held.subscribe();
        loop {
            // The sender lives in `self`, so neither wait can fail.
            let _ = held.wait_for(|held| *held >= self.limit).await;
            if tokio::time::timeout(limit, held.wait_for(|held| *held < self.limit)).await.is_err() {
                return;
            }
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.connections.try_take().is_none()
    }

    pub(super) fn exhausted(&self) -> Error {
        let (limit, held, host) = (self.limit, *self.held.borrow(), &self.host);
        let mut error = Error::new(
            status::TIMEOUT,
            format!(
                "every connection that {host} may have ({limit}) is in use, {held} of them by open streams and \
                 transfers: close some, or raise `maxConnectionsPerHost`"
            ),
        );
        error.detail_mut().retryable = true;
        error
    }
}

/// URLs that were parsed before, by their texts: parsing one costs ten times as much as copying it, and programs
/// call the same few operations of the same sandboxes. A URL with a query is not kept.
#[derive(Default)]
struct RecentUrls([RwLock<Option<RecentUrl>>; 16]);

type RecentUrl = (Box<str>, Url);

impl RecentUrls {
    fn get_or_parse(&self, text: &str, parse: impl FnOnce() -> Option<Url>) -> Option<Url> {
        let last = text.bytes().next_back().unwrap_or_default();
        let place = &self.0[(text.len() ^ usize::from(last)) % self.0.len()];
        if let Some((known, url)) = &*place.read()
            && **known == *text
        {
            return Some(url.clone());
        }
        let url = parse()?;
        if url.query().is_none() {
            *place.write() = Some((text.into(), url.clone()));
        }
        Some(url)
    }
}

impl Permit {
    /// From now on an open stream or transfer holds the connection.
    pub(super) fn mark_held(&mut self) {
        if !self.held {
            self.held = true;
            self.origin.held.send_modify(|held| *held += 1);
            self.origin.connections.grow_by_one();
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.held {
            self.origin.held.send_modify(|held| *held -= 1);
        }
    }
}
