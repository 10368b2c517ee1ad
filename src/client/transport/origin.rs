//! The hosts a client talks to: which of them may see the credential, and how many connections each
//! may have. An origin is scheme, host and port, as in a browser.

use crate::client::error::{Error, Result};
use crate::client::status;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::{Position, Url};

/// `https://host:port`, the default port left out, as the parser normalizes it.
pub(super) fn text(url: &Url) -> &str {
    &url[..Position::BeforePath]
}

/// Host and port for messages: no scheme, no credentials.
pub(super) fn authority(url: &Url) -> String {
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        _ => String::new(),
    }
}

pub(super) struct Origins {
    known: RwLock<HashMap<Box<str>, Arc<Origin>>>,
    api_is_https: bool,
    connections: usize,
}

pub(super) struct Origin {
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
    pub(super) fn new(api: &Url, connections: usize) -> Self {
        let origins = Self { known: RwLock::default(), api_is_https: api.scheme() == "https", connections };
        origins.of(api).trusted.store(true, Ordering::Relaxed);
        origins
    }

    pub(super) fn of(&self, url: &Url) -> Arc<Origin> {
        let name = text(url);
        if let Some(origin) = self.known.read().get(name) {
            return origin.clone();
        }
        let mut known = self.known.write();
        known.entry(name.into()).or_insert_with(|| Arc::new(Origin::new(self.connections))).clone()
    }

    /// From now on the credential goes to this URL's origin too.
    pub(super) fn trust(&self, url: &Url) -> Result<()> {
        self.permit_credential(url)?;
        self.of(url).trusted.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Refuses what would send the credential in the clear although the API is encrypted.
    pub(super) fn permit_credential(&self, url: &Url) -> Result<()> {
        if self.api_is_https && url.scheme() != "https" {
            return Err(Error::new(
                status::PROTOCOL,
                format!(
                    "the API is https but names {} without encryption: the credential is not sent there; \
                     have the server's toolbox and proxy URLs corrected",
                    text(url)
                ),
            ));
        }
        Ok(())
    }
}

impl Origin {
    fn new(connections: usize) -> Self {
        // Requests keep a share that sockets, which live long, cannot take away.
        let sockets = connections.saturating_sub((connections / 8).max(1)).max(1);
        Self {
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
