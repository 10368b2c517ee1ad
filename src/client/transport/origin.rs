//! The hosts a client talks to: which of them may see the credential, and how many connections each
//! may have. An origin is scheme, host and port, as in a browser.

use crate::client::error::{Error, Result};
use crate::client::status;
use http::Uri;
use http::header::HeaderValue;
use http::uri::Scheme;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

pub(super) struct Origins {
    /// Few: the API, the toolbox proxies, a store. Found by the spelling in use, which saves parsing.
    known: RwLock<Vec<Known>>,
    api_is_https: bool,
    connections: usize,
}

struct Known {
    https: bool,
    authority: Box<str>,
    origin: Arc<Origin>,
}

pub(super) struct Origin {
    https: bool,
    /// `host:port`, for messages.
    pub(super) host: Box<str>,
    pub(super) host_header: HeaderValue,
    trusted: AtomicBool,
    connections: Arc<Semaphore>,
    sockets: Arc<Semaphore>,
    limit: usize,
}

/// A connection in use; dropped, the next request gets it.
pub(super) struct Permit(
    #[allow(dead_code)] OwnedSemaphorePermit,
    #[allow(dead_code)] Option<OwnedSemaphorePermit>,
);

impl Origins {
    pub(super) fn new(api_is_https: bool, connections: usize) -> Self {
        Self { known: RwLock::default(), api_is_https, connections }
    }

    pub(super) fn of(&self, uri: &Uri) -> Result<Arc<Origin>> {
        let https = uri.scheme() == Some(&Scheme::HTTPS);
        let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        let spelled = |known: &&Known| known.https == https && *known.authority == *authority;
        if let Some(known) = self.known.read().iter().find(spelled) {
            return Ok(known.origin.clone());
        }
        self.meet(https, authority)
    }

    /// An origin in a spelling not seen before: perhaps an old one with its default port.
    fn meet(&self, https: bool, authority: &str) -> Result<Arc<Origin>> {
        let scheme = if https { "https" } else { "http" };
        let url = Url::parse(&format!("{scheme}://{authority}/"))
            .map_err(|error| Error::invalid(format!("not a URL that can be requested: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::invalid("a URL with credentials in it cannot be requested"));
        }
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(Error::invalid("a URL without host cannot be requested"));
        };
        let full = format!("{host}:{port}");
        let mut known = self.known.write();
        let origin = match known.iter().find(|known| known.https == https && *known.origin.host == *full) {
            Some(known) => known.origin.clone(),
            None => {
                let header = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
                let header = HeaderValue::from_str(&header)
                    .map_err(|_| Error::invalid("this host cannot be written into a request"))?;
                Arc::new(Origin::new(https, full.into(), header, self.connections))
            }
        };
        known.push(Known { https, authority: authority.into(), origin: origin.clone() });
        Ok(origin)
    }

    /// From now on the credential goes to this URL's origin too.
    pub(super) fn trust(&self, uri: &Uri) -> Result<()> {
        let origin = self.of(uri)?;
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
    fn new(https: bool, host: Box<str>, host_header: HeaderValue, connections: usize) -> Self {
        // Requests keep a share that sockets, which live long, cannot take away.
        let sockets = connections.saturating_sub((connections / 8).max(1)).max(1);
        Self {
            https,
            host,
            host_header,
            trusted: AtomicBool::new(false),
            connections: Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS))),
            sockets: Arc::new(Semaphore::new(sockets.min(Semaphore::MAX_PERMITS))),
            limit: connections,
        }
    }

    pub(super) fn is_trusted(&self) -> bool {
        self.trusted.load(Ordering::Relaxed)
    }

    /// Waits for a connection to be free; whoever calls has a deadline of his own.
    pub(super) async fn connection(&self) -> Permit {
        Permit(take(&self.connections).await, None)
    }

    /// As [`Origin::connection`], for one that is kept: sockets end when their users say so, so the
    /// wait is bounded.
    pub(super) async fn socket(&self, patience: Option<Duration>) -> Result<Permit> {
        let both = async {
            let socket = take(&self.sockets).await;
            let connection = if self.limit > 1 { Some(take(&self.connections).await) } else { None };
            Permit(socket, connection)
        };
        match patience {
            None => Ok(both.await),
            Some(patience) => tokio::time::timeout(patience, both).await.map_err(|_| {
                let mut error = Error::new(
                    status::TIMEOUT,
                    format!(
                        "all connections to this host are in use by open streams: close some, or raise \
                         `maxConnectionsPerHost` (now {})",
                        self.limit
                    ),
                );
                error.detail_mut().retryable = true;
                error
            }),
        }
    }
}

async fn take(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match semaphore.clone().acquire_owned().await {
        Ok(permit) => permit,
        // Nobody closes these semaphores.
        Err(_) => std::future::pending().await,
    }
}
