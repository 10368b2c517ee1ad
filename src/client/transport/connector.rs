//! Makes the connections: TLS roots, proxies, HTTP/2. Everything is made when first needed, so that
//! opening a client costs nothing and one that only speaks plain HTTP never reads a certificate.

use crate::client::background::cleaning;
use crate::client::config::{Config, Proxies};
use crate::client::error::{Error, Result};
use crate::client::status;
use parking_lot::RwLock;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a connection will be used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Requests,
    /// HTTP/1.1 only: what is upgraded to a WebSocket.
    Upgrade,
}

pub(super) struct Connectors {
    config: Arc<Config>,
    made: RwLock<Made>,
    making: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Made {
    closed: bool,
    plain: Option<reqwest::Client>,
    secure: Option<Secure>,
}

struct Secure {
    requests: reqwest::Client,
    upgrades: reqwest::Client,
}

impl Made {
    fn get(&self, https: bool, purpose: Use) -> Option<&reqwest::Client> {
        match (https, purpose) {
            (false, _) => self.plain.as_ref(),
            (true, Use::Requests) => self.secure.as_ref().map(|secure| &secure.requests),
            (true, Use::Upgrade) => self.secure.as_ref().map(|secure| &secure.upgrades),
        }
    }
}

impl Connectors {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, made: RwLock::default(), making: tokio::sync::Mutex::default() }
    }

    /// The connector for a scheme, made now if this is the first time.
    pub(super) async fn get(&self, scheme: &str, purpose: Use) -> Result<reqwest::Client> {
        let https = scheme == "https" || self.proxy_is_https();
        if cleaning() && self.made.read().closed {
            return self.once(https).await;
        }
        if let Some(client) = self.ready(https, purpose)? {
            return Ok(client);
        }
        let _one_at_a_time = self.making.lock().await;
        if let Some(client) = self.ready(https, purpose)? {
            return Ok(client);
        }
        if https {
            let secure = self.secure().await?;
            self.made.write().secure = Some(secure);
        } else {
            let plain = self.build(tls(RootCertStore::empty(), &[])?)?;
            self.made.write().plain = Some(plain);
        }
        self.ready(https, purpose)?.ok_or_else(closed)
    }

    /// For a clean-up after the client was closed: what a cancelled call left behind is removed
    /// all the same, over a connection that nobody keeps.
    async fn once(&self, https: bool) -> Result<reqwest::Client> {
        if https { Ok(self.secure().await?.requests) } else { self.build(tls(RootCertStore::empty(), &[])?) }
    }

    /// Drops every idle connection and makes no more, but for clean-ups.
    pub(super) fn close(&self) {
        *self.made.write() = Made { closed: true, ..Made::default() };
    }

    fn ready(&self, https: bool, purpose: Use) -> Result<Option<reqwest::Client>> {
        let made = self.made.read();
        if made.closed {
            return Err(closed());
        }
        Ok(made.get(https, purpose).cloned())
    }

    /// Then even plain requests need certificates, the proxy's.
    fn proxy_is_https(&self) -> bool {
        self.config.proxies.http.as_deref().is_some_and(|proxy| proxy.starts_with("https:"))
    }

    async fn secure(&self) -> Result<Secure> {
        let ca_file = self.config.ca_file.clone();
        // Reading and parsing the system's store takes milliseconds; whoever drives the runtime goes on.
        let roots = tokio::task::spawn_blocking(move || roots(ca_file))
            .await
            .map_err(|_| Error::new(status::TLS, "reading the certificate authorities was interrupted"))??;
        Ok(Secure {
            requests: self.build(tls(roots.clone(), &[b"h2", b"http/1.1"])?)?,
            upgrades: self.build(tls(roots, &[b"http/1.1"])?)?,
        })
    }

    fn build(&self, tls: ClientConfig) -> Result<reqwest::Client> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            // Redirects and retries are `Request`'s business: it knows the credential and the method.
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never().max_retries_per_request(0))
            .pool_idle_timeout(Duration::from_secs(90))
            .tcp_keepalive(Duration::from_secs(15))
            .http2_adaptive_window(true)
            .http2_keep_alive_interval(Duration::from_secs(20))
            .no_proxy();
        if let Some(limit) = self.config.connect_timeout {
            builder = builder.connect_timeout(limit);
        }
        for proxy in proxies(&self.config.proxies)? {
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|error| {
            Error::new(status::CONFIGURATION, format!("the connector could not be set up: {error}"))
        })
    }
}

fn closed() -> Error {
    Error::new(status::CLOSED, "the client is closed")
}

fn proxies(config: &Proxies) -> Result<Vec<reqwest::Proxy>> {
    let refused = |_| Error::new(status::CONFIGURATION, "the proxy's address is not usable");
    let except = || reqwest::NoProxy::from_string(&config.except);
    let mut proxies = Vec::new();
    if let Some(http) = &config.http {
        proxies.push(reqwest::Proxy::http(http.as_str()).map_err(refused)?.no_proxy(except()));
    }
    if let Some(https) = &config.https {
        proxies.push(reqwest::Proxy::https(https.as_str()).map_err(refused)?.no_proxy(except()));
    }
    Ok(proxies)
}

fn tls(roots: impl Into<Arc<RootCertStore>>, alpn: &[&[u8]]) -> Result<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::new(status::TLS, format!("TLS could not be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    Ok(config)
}

/// The system's authorities (or those of `SSL_CERT_FILE`) and the configured file's.
fn roots(ca_file: Option<PathBuf>) -> Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    let failure = system.errors.first().map(ToString::to_string);
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = ca_file {
        let unreadable =
            |what: String| Error::new(status::CONFIGURATION, format!("`caFile` {}: {what}", path.display()));
        let certificates: Vec<_> = CertificateDer::pem_file_iter(&path)
            .and_then(Iterator::collect)
            .map_err(|error| unreadable(format!("cannot be read as PEM: {error}")))?;
        let (added, _) = roots.add_parsable_certificates(certificates);
        if added == 0 {
            return Err(unreadable("holds no certificate".to_owned()));
        }
    }
    if roots.is_empty() {
        return Err(Error::new(
            status::TLS,
            format!(
                "no certificate authorities were found{}: install the system's, or point SSL_CERT_FILE or \
                 `caFile` at a PEM file",
                failure.map(|failure| format!(" ({failure})")).unwrap_or_default()
            ),
        ));
    }
    Ok(Arc::new(roots))
}
