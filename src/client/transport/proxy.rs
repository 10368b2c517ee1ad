//! Which URLs take a proxy. reqwest decides it for each connection by the same rules; here they answer what
//! has to be known before: whether a WebSocket can get through, whether TLS is needed, whom to name.

use super::connector::ConnectionKind;
use crate::client::config::Proxies;
use crate::client::error::{Error, Result};
use crate::client::status;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{NoProxy, Proxy};
use url::Url;

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

    fn intercept(&self, to: &Url) -> Option<Intercept> {
        self.matcher.intercept(&Uri::try_from(to.as_str()).ok()?)
    }
}
