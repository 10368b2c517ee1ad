//! Which URLs take a proxy. reqwest decides it for each connection by the same rules; here they answer what
//! has to be known before: whether a WebSocket can get through, whether TLS is needed, whom to name.

use super::connection_kind::ConnectionKind;
use crate::client::blocking;
use crate::client::config::Proxies;
use crate::client::error::{Error, Result};
use crate::client::status;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{NoProxy, Proxy};
use std::net::ToSocketAddrs;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use url::Url;

/// For asking a proxy once more why it refuses a tunnel.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(2);
const STATUS_LINE_MAX_BYTES: u64 = 1024;

pub(super) struct ProxyMatcher {
    config: Proxies,
    matcher: Matcher,
}

impl ProxyMatcher {
    pub(super) fn new(config: &Proxies) -> Self {
        let mut matcher = Matcher::builder().no(config.except.as_str());
        if let Some(proxy) = &config.http {
            matcher = matcher.http(proxy.as_str());
        }
        if let Some(proxy) = &config.https {
            matcher = matcher.https(proxy.as_str());
        }
        Self { config: config.clone(), matcher: matcher.build() }
    }

    /// The same rules for a reqwest client.
    pub(super) fn for_reqwest(&self) -> reqwest::Result<Vec<Proxy>> {
        let exceptions = || NoProxy::from_string(&self.config.except);
        let mut proxies = Vec::new();
        if let Some(proxy) = &self.config.http {
            proxies.push(Proxy::http(proxy.as_str())?.no_proxy(exceptions()));
        }
        if let Some(proxy) = &self.config.https {
            proxies.push(Proxy::https(proxy.as_str())?.no_proxy(exceptions()));
        }
        Ok(proxies)
    }

    /// `host:port` of the proxy that serves this URL, if any.
    pub(super) fn authority(&self, to: &Url) -> Option<String> {
        let proxy = self.intercept(to)?;
        Some(proxy.uri().authority().map(ToString::to_string).unwrap_or_default())
    }

    /// Whether a connection to this URL may need TLS, be it only to the proxy.
    pub(super) fn may_need_tls(&self, to: &Url) -> bool {
        let https = |proxy: &Option<String>| proxy.as_ref().is_some_and(|proxy| proxy.starts_with("https:"));
        to.scheme() == "https" || https(&self.config.http)
    }

    /// Refuses a `ws://` URL that takes an HTTP proxy: proxies do not forward an upgrade, and a tunnel is
    /// made for encrypted connections only.
    pub(super) fn check(&self, to: &Url, kind: ConnectionKind) -> Result<()> {
        if kind == ConnectionKind::Requests || to.scheme() != "http" || self.config.http.is_none() {
            return Ok(());
        }
        let Some(proxy) = self.intercept(to) else { return Ok(()) };
        if proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks")) {
            return Ok(());
        }
        let host = to.host_str().unwrap_or_default();
        let proxy = proxy.uri().authority().map(ToString::to_string).unwrap_or_default();
        Err(Error::new(
            status::UNSUPPORTED,
            format!(
                "a WebSocket without TLS to {host} cannot pass the HTTP proxy {proxy}: give an https `apiUrl`, \
                 a socks5 proxy, or name {host} in `noProxy`"
            ),
        ))
    }

    /// The status with which an HTTP proxy refuses a tunnel to this URL, as `403 Forbidden`. reqwest's error
    /// does not tell it, so the proxy is asked once more. A proxy that is itself reached by TLS is not.
    pub(super) async fn refusal(&self, to: &Url) -> Option<String> {
        let proxy = self.intercept(to)?;
        let host = proxy.uri().host()?.trim_matches(['[', ']']).to_owned();
        let port = proxy.uri().port_u16().unwrap_or(80);
        if proxy.uri().scheme_str() != Some("http") {
            return None;
        }
        let target = format!("{}:{}", to.host_str()?, to.port_or_known_default()?);
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
        if let Some(credentials) = proxy.basic_auth() {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(credentials.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let ask = async {
            let addresses = blocking::begin(move || (host, port).to_socket_addrs()).await.ok()?.ok()?;
            let mut stream = TcpStream::connect(addresses.as_slice()).await.ok()?;
            stream.write_all(&request).await.ok()?;
            let mut line = String::new();
            BufReader::new(stream.take(STATUS_LINE_MAX_BYTES)).read_line(&mut line).await.ok()?;
            let status = line.strip_prefix("HTTP/")?.split_once(' ')?.1.trim();
            let refused = !status.starts_with('2') && status.as_bytes().first()?.is_ascii_digit();
            refused.then(|| status.to_owned())
        };
        tokio::time::timeout(REFUSAL_TIMEOUT, ask).await.ok().flatten()
    }

    fn intercept(&self, to: &Url) -> Option<Intercept> {
        self.matcher.intercept(&Uri::try_from(to.as_str()).ok()?)
    }
}
