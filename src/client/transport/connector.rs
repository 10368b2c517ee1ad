//! The pools: connections that requests share, and the ones that WebSockets take for themselves.
//! Neither holds anything until it is used, so opening a client costs nothing.

use super::body::Body;
use super::dial::{Dialer, Routes, Use};
use super::tls::Trust;
use crate::client::background::in_cleanup;
use crate::client::config::Config;
use crate::client::error::{Error, Result};
use crate::client::status;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::RwLock;
use std::sync::Arc;
use std::time::Duration;

/// Handed out behind a pointer, because it is large: a request's future would have room for a copy.
pub(super) type Pool = Client<Dialer, Body>;

pub(super) struct Connectors {
    config: Arc<Config>,
    pub(super) routes: Arc<Routes>,
    trust: Arc<Trust>,
    /// None once the client is closed.
    pools: RwLock<Option<Pools>>,
}

struct Pools {
    requests: Arc<Pool>,
    upgrades: Arc<Pool>,
}

impl Connectors {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let routes = Arc::new(Routes::new(&config.proxies));
        let trust = Arc::new(Trust::new(config.authorities.clone()));
        let connectors = Self { config, routes, trust, pools: RwLock::default() };
        let requests = connectors.pool(Use::Requests);
        let upgrades = connectors.pool(Use::Upgrade);
        *connectors.pools.write() = Some(Pools { requests, upgrades });
        connectors
    }

    /// What sends a request of this purpose. After the client was closed a clean-up still gets one,
    /// over connections that nobody keeps: what a cancelled call left behind is removed all the same.
    pub(super) fn get(&self, purpose: Use) -> Result<Arc<Pool>> {
        match (&*self.pools.read(), purpose) {
            (Some(pools), Use::Requests) => Ok(pools.requests.clone()),
            (Some(pools), Use::Upgrade) => Ok(pools.upgrades.clone()),
            (None, _) if in_cleanup() => Ok(self.pool(purpose)),
            (None, _) => Err(Error::new(status::CLOSED, "the client is closed")),
        }
    }

    /// Drops every idle connection and makes no more, but for clean-ups.
    pub(super) fn close(&self) {
        let pools = self.pools.write().take();
        drop(pools);
    }

    fn pool(&self, purpose: Use) -> Arc<Pool> {
        let dialer = Dialer::new(&self.config, purpose, self.routes.clone(), self.trust.clone());
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(Duration::from_secs(20));
        if purpose == Use::Upgrade {
            builder.pool_max_idle_per_host(0);
        }
        Arc::new(builder.build(dialer))
    }
}
