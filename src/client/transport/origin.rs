//! The hosts a client talks to: which of them may see the credential, and how many connections each
//! may have. An origin is scheme, host and port, as in a browser.

use crate::client::error::{Error, Result};
use crate::client::status;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

pub(super) struct Origins {
    /// Few: the API, the toolbox proxies, a store.
    known: RwLock<Vec<Arc<Origin>>>,
    api_is_https: bool,
    connections: usize,
}

pub(super) struct Origin {
    https: bool,
    name: Box<str>,
    port: u16,
    /// `name:port`, for messages.
    pub(super) host: Box<str>,
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
        let origin = Arc::new(Origin::new(https, name, port, self.connections));
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
    fn new(https: bool, name: &str, port: u16, connections: usize) -> Self {
        // Requests keep a share that sockets, which live long, cannot take away.
        let sockets = connections.saturating_sub((connections / 8).max(1)).max(1);
        Self {
            https,
            name: name.into(),
            port,
            host: format!("{name}:{port}").into(),
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
