//! The reqwest clients: one whose connections requests share, and one for the connections that WebSockets
//! take for themselves, which speaks HTTP/1.1 only. Neither exists until it is used, so opening a client of
//! this library costs nothing. Each runtime has its own, because a connection stands still while its runtime is not
//! driven, and ends with it.

use super::connection_kind::ConnectionKind;
use super::proxy::ProxyMatcher;
use super::tls::TlsConfig;
use crate::client::background::in_cleanup;
use crate::client::blocking;
use crate::client::config::Config;
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::per_runtime::PerRuntime;
use crate::client::status;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// An unused connection is closed after this time.
const POOL_IDLE: Duration = Duration::from_secs(90);
/// TCP keep-alive: a peer that vanished is noticed within a minute, whether or not bytes are under way.
const TCP_KEEPALIVE: Duration = Duration::from_secs(15);
const TCP_KEEPALIVE_RETRIES: u32 = 3;
/// Sent bytes that the peer does not acknowledge for so long end the connection.
#[cfg(target_os = "linux")]
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);
/// Between pings on an HTTP/2 connection with open streams.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(20);

/// glibc keeps twice the size of the largest block that was freed.
const FREED_BLOCK_BYTES: usize = 1 << 20;

/// The most headers of an HTTP/1.1 answer. Servers and proxies limit theirs to 100 or 200. hyper fills two tables of this
/// length with 32 bytes a header for each answer, so a higher limit costs every call.
pub(super) const RESPONSE_HEADERS_MAX: usize = 256;
/// The most bytes of an answer's head, which over HTTP/1.1 is what hyper's buffer holds.
pub(super) const RESPONSE_HEAD_MAX_BYTES: u32 = 400 << 10;

pub(super) struct Connectors {
    config: Arc<Config>,
    pub(super) proxies: ProxyMatcher,
    pub(super) tls: TlsConfig,
    clients: Mutex<Clients>,
    generations: AtomicU64,
}

enum Clients {
    Open(PerRuntime<Pools>),
    Closed,
}

#[derive(Default)]
struct Pools {
    requests: Option<PooledClient>,
    upgrades: Option<PooledClient>,
}

/// A reqwest client, and which of the successive clients of its kind it is.
#[derive(Clone)]
pub(super) struct PooledClient {
    pub(super) client: reqwest::Client,
    pub(super) generation: u64,
}

impl Connectors {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self {
            proxies: ProxyMatcher::new(&config.proxies),
            tls: TlsConfig::new(config.authorities.clone()),
            clients: Mutex::new(Clients::Open(PerRuntime::default())),
            generations: AtomicU64::new(0),
            config,
        }
    }

    /// The client for requests of this kind. After the close a clean-up still gets one, over connections
    /// that are not pooled, so that what a cancelled call left behind is removed.
    pub(super) fn get(&self, kind: ConnectionKind) -> Result<PooledClient> {
        match &mut *self.clients.lock() {
            Clients::Closed if in_cleanup() => self.build(kind),
            Clients::Closed => Err(closed()),
            Clients::Open(pools) => {
                let Pools { requests, upgrades } = pools.current()?;
                let place = if kind == ConnectionKind::Requests { requests } else { upgrades };
                match place {
                    Some(made) => Ok(made.clone()),
                    None => Ok(place.insert(self.build(kind)?).clone()),
                }
            }
        }
    }

    /// Has a new client take the place of the one of this generation, so that none of its connections is used
    /// again. What runs on them goes on.
    pub(super) fn retire(&self, generation: u64) {
        if let Clients::Open(pools) = &mut *self.clients.lock() {
            for Pools { requests, .. } in pools.all() {
                requests.take_if(|current| current.generation == generation);
            }
        }
    }

    /// Drops every idle connection and makes no more, except for clean-ups.
    pub(super) fn close(&self) {
        let clients = std::mem::replace(&mut *self.clients.lock(), Clients::Closed);
        drop(clients);
    }

    fn build(&self, kind: ConnectionKind) -> Result<PooledClient> {
        keep_freed_memory();
        let unusable =
            |error: reqwest::Error| Error::new(status::CONFIGURATION, format!("no HTTP client: {error}"));
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.client_config(kind)?)
            .redirect(reqwest::redirect::Policy::none())
            // With a budget of retries each request would be copied beforehand.
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .no_proxy()
            .dns_resolver(Resolver)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_keepalive(TCP_KEEPALIVE)
            .tcp_keepalive_interval(TCP_KEEPALIVE)
            .tcp_keepalive_retries(TCP_KEEPALIVE_RETRIES)
            .http1_max_headers(RESPONSE_HEADERS_MAX)
            .http2_max_header_list_size(RESPONSE_HEAD_MAX_BYTES)
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(HTTP2_PING_INTERVAL);
        #[cfg(target_os = "linux")]
        {
            builder = builder.tcp_user_timeout(TCP_USER_TIMEOUT);
        }
        if let Some(limit) = self.config.connect_timeout {
            builder = builder.connect_timeout(limit);
        }
        if kind == ConnectionKind::Upgrade {
            builder = builder.pool_max_idle_per_host(0);
        }
        for proxy in self.proxies.for_reqwest().map_err(unusable)? {
            builder = builder.proxy(proxy);
        }
        Ok(PooledClient {
            client: builder.build().map_err(unusable)?,
            generation: self.generations.fetch_add(1, Ordering::Relaxed),
        })
    }
}

/// Looks names up as reqwest itself does, which panics where no thread can be started.
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = blocking::begin(move || (name.as_str(), 0).to_socket_addrs()).await??;
            Ok(Box::new(found) as Addrs)
        })
    }
}

/// Until a larger block was freed once, glibc returns the end of its heap to the system whenever 128 KiB of it are
/// free. An answer of about that size then costs system calls and page faults, each time anew.
fn keep_freed_memory() {
    std::hint::black_box(Vec::<u8>::with_capacity(FREED_BLOCK_BYTES));
}

fn closed() -> Error {
    Error::new(status::CLOSED, "the client is closed")
}
