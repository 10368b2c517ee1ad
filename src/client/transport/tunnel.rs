//! WebSockets to plain `http://` servers through an HTTP proxy. The connector hands such a proxy the
//! request itself, and most proxies do not forward an upgrade; what they do is CONNECT, as they
//! would for https.

use crate::client::config::Config;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioExecutor;
use reqwest::Url;
use std::error::Error as StdError;
use std::io;

pub(super) type Failure = Box<dyn StdError + Send + Sync>;

/// The proxy that a URL is reached through.
fn proxy(url: &Url, config: &Config) -> Option<Intercept> {
    let proxies = &config.proxies;
    let mut matcher = Matcher::builder().no(proxies.except.as_str());
    matcher = match (url.scheme(), &proxies.http, &proxies.https) {
        ("http", Some(proxy), _) => matcher.http(proxy.as_str()),
        ("https", _, Some(proxy)) => matcher.https(proxy.as_str()),
        _ => return None,
    };
    matcher.build().intercept(&url.as_str().parse().ok()?)
}

/// Host and port of that proxy, for messages.
pub(super) fn proxy_host(url: &Url, config: &Config) -> Option<String> {
    Some(proxy(url, config)?.uri().authority()?.to_string())
}

/// The way through the proxy, where this URL takes one that must be asked for a tunnel.
pub(super) fn through(url: &Url, config: &Config) -> Option<Tunnel<HttpConnector>> {
    if url.scheme() != "http" {
        return None;
    }
    let proxy = proxy(url, config).filter(|proxy| proxy.uri().scheme_str() == Some("http"))?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.set_connect_timeout(config.connect_timeout);
    let tunnel = Tunnel::new(proxy.uri().clone(), connector);
    Some(match proxy.basic_auth() {
        Some(credentials) => tunnel.with_auth(credentials.clone()),
        None => tunnel,
    })
}

/// Sends a request without body through a tunnel of its own.
pub(super) async fn execute(
    tunnel: Tunnel<HttpConnector>,
    request: &reqwest::Request,
    config: &Config,
) -> Result<reqwest::Response, Failure> {
    let mut asked = hyper::Request::new(String::new());
    *asked.method_mut() = request.method().clone();
    *asked.uri_mut() = request.url().as_str().parse()?;
    *asked.headers_mut() = request.headers().clone();
    // The connection is made, used once and handed over: there is nothing to pool.
    let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(tunnel);
    let answered = client.request(asked);
    let answer = match config.connect_timeout {
        None => answered.await?,
        Some(limit) => match tokio::time::timeout(limit, answered).await {
            Ok(answered) => answered?,
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        },
    };
    Ok(answer.map(reqwest::Body::wrap).into())
}
