//! Makes one connection: straight or through a proxy, encrypted or not. The pool above calls it with
//! nothing but scheme, host and port.
//!
//! A plain request goes to an HTTP proxy as it is. What needs the connection for itself, https and
//! WebSockets, asks for a tunnel: proxies do not forward an upgrade.

use super::tls::Trust;
use crate::client::config::{Config, Proxies};
use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::future::{Ready, ready};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

pub(super) type Failure = Box<dyn StdError + Send + Sync>;

/// How a connection will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Requests,
    /// HTTP/1.1 only: what is upgraded to a WebSocket.
    Upgrade,
}

/// Which URLs take a proxy.
pub(super) struct Routes(Matcher);

impl Routes {
    pub(super) fn new(config: &Proxies) -> Self {
        let mut matcher = Matcher::builder().no(config.except.as_str());
        if let Some(proxy) = &config.http {
            matcher = matcher.http(proxy.as_str());
        }
        if let Some(proxy) = &config.https {
            matcher = matcher.https(proxy.as_str());
        }
        Self(matcher.build())
    }

    pub(super) fn proxy(&self, to: &Uri) -> Option<Intercept> {
        self.0.intercept(to)
    }
}

#[derive(Clone)]
pub(super) struct Dialer(Arc<Plan>);

struct Plan {
    purpose: Use,
    tcp: HttpConnector,
    routes: Arc<Routes>,
    trust: Arc<Trust>,
    limit: Option<Duration>,
}

impl Dialer {
    pub(super) fn new(config: &Config, purpose: Use, routes: Arc<Routes>, trust: Arc<Trust>) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(config.connect_timeout);
        // A peer that vanished is noticed within a minute, whether or not bytes are under way.
        tcp.set_keepalive(Some(Duration::from_secs(15)));
        tcp.set_keepalive_interval(Some(Duration::from_secs(15)));
        tcp.set_keepalive_retries(Some(3));
        #[cfg(target_os = "linux")]
        tcp.set_tcp_user_timeout(Some(Duration::from_secs(30)));
        Self(Arc::new(Plan { purpose, tcp, routes, trust, limit: config.connect_timeout }))
    }
}

impl Service<Uri> for Dialer {
    type Response = Stream;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let plan = self.0.clone();
        Box::pin(async move {
            match plan.limit {
                None => plan.connect(to).await,
                Some(limit) => match tokio::time::timeout(limit, plan.connect(to)).await {
                    Ok(connected) => connected,
                    Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
                },
            }
        })
    }
}

impl Plan {
    async fn connect(&self, to: Uri) -> Result<Stream, Failure> {
        // First, because what is wrong with it is wrong with every host.
        let https = to.scheme() == Some(&Scheme::HTTPS);
        let tls = match (https, self.purpose) {
            (false, _) => None,
            (true, Use::Requests) => Some(self.trust.requests().await?),
            (true, Use::Upgrade) => Some(self.trust.upgrades().await?),
        };
        let stream = match self.routes.proxy(&to) {
            None => self.tcp(to.clone()).await?,
            Some(proxy) => {
                let hop = self.hop(&proxy).await?;
                match proxy.uri().scheme_str() {
                    Some("socks5") => socks(hop, &proxy, resolved(&to).await?).await?,
                    Some("socks5h") => socks(hop, &proxy, with_port(&to)?).await?,
                    _ if https || self.purpose == Use::Upgrade => {
                        tunnel(hop, &proxy, with_port(&to)?).await?
                    }
                    _ => hop.forwarding(),
                }
            }
        };
        match tls {
            Some(config) => Stream::secure(stream, config, &to).await,
            None => Ok(stream),
        }
    }

    async fn tcp(&self, to: Uri) -> Result<Stream, Failure> {
        Ok(Stream::Tcp { io: self.tcp.clone().call(to).await?, forwards: false })
    }

    /// The connection to the proxy itself.
    async fn hop(&self, proxy: &Intercept) -> Result<Stream, Failure> {
        let stream = self.tcp(proxy.uri().clone()).await?;
        if proxy.uri().scheme() != Some(&Scheme::HTTPS) {
            return Ok(stream);
        }
        Stream::secure(stream, self.trust.upgrades().await?, proxy.uri()).await
    }
}

async fn tunnel(hop: Stream, proxy: &Intercept, to: Uri) -> Result<Stream, Failure> {
    let mut tunnel = Tunnel::new(proxy.uri().clone(), Dialed(Some(hop)));
    if let Some(credentials) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(credentials.clone());
    }
    Ok(tunnel.call(to).await?)
}

async fn socks(hop: Stream, proxy: &Intercept, to: Uri) -> Result<Stream, Failure> {
    let mut socks = SocksV5::new(proxy.uri().clone(), Dialed(Some(hop)));
    if let Some((user, password)) = proxy.raw_auth() {
        socks = socks.with_auth(user.to_owned(), password.to_owned());
    }
    Ok(socks.call(to).await?)
}

/// Proxies are told the port; what asks them takes 443 where there is none.
fn with_port(to: &Uri) -> Result<Uri, Failure> {
    let port = port(to);
    authority(to, &format!("{}:{port}", to.host().unwrap_or_default()))
}

/// For a SOCKS proxy that is to get addresses, not names.
async fn resolved(to: &Uri) -> Result<Uri, Failure> {
    let host = to.host().unwrap_or_default().trim_matches(['[', ']']);
    let mut found = tokio::net::lookup_host((host, port(to)))
        .await
        .map_err(|error| io::Error::other(format!("dns error: {error}")))?;
    let address = found.next().ok_or_else(|| io::Error::other("dns error: no address"))?;
    authority(to, &address.to_string())
}

fn port(to: &Uri) -> u16 {
    let default = if to.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    to.port_u16().unwrap_or(default)
}

fn authority(to: &Uri, authority: &str) -> Result<Uri, Failure> {
    let scheme = to.scheme_str().unwrap_or("http");
    Ok(Uri::builder().scheme(scheme).authority(authority).path_and_query("/").build()?)
}

/// A connection that is there already, for handshakes that expect to make it.
struct Dialed(Option<Stream>);

impl Service<Uri> for Dialed {
    type Response = Stream;
    type Error = io::Error;
    type Future = Ready<io::Result<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

/// A connection. The second kind may lie over any other: TLS to a server through TLS to a proxy.
pub(super) enum Stream {
    Tcp { io: TokioIo<TcpStream>, forwards: bool },
    Tls { io: Box<TokioIo<TlsStream<TokioIo<Stream>>>>, forwards: bool },
}

impl Stream {
    async fn secure(self, config: Arc<rustls::ClientConfig>, to: &Uri) -> Result<Self, Failure> {
        let host = to.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let name = rustls::pki_types::ServerName::try_from(host)?;
        let io = tokio_rustls::TlsConnector::from(config).connect(name, TokioIo::new(self)).await?;
        Ok(Self::Tls { io: Box::new(TokioIo::new(io)), forwards: false })
    }

    /// Leads to a proxy that wants whole URLs.
    fn forwarding(mut self) -> Self {
        let (Self::Tcp { forwards, .. } | Self::Tls { forwards, .. }) = &mut self;
        *forwards = true;
        self
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tcp { forwards, .. } => Connected::new().proxy(*forwards),
            Self::Tls { io, forwards } => {
                let connected = Connected::new().proxy(*forwards);
                match io.inner().get_ref().1.alpn_protocol() {
                    Some(b"h2") => connected.negotiated_h2(),
                    _ => connected,
                }
            }
        }
    }
}

impl Read for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp { io, .. } => Pin::new(io).poll_read(cx, buffer),
            Self::Tls { io, .. } => Pin::new(io).poll_read(cx, buffer),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp { io, .. } => Pin::new(io).poll_write(cx, data),
            Self::Tls { io, .. } => Pin::new(io).poll_write(cx, data),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp { io, .. } => Pin::new(io).poll_write_vectored(cx, data),
            Self::Tls { io, .. } => Pin::new(io).poll_write_vectored(cx, data),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp { io, .. } => io.is_write_vectored(),
            Self::Tls { io, .. } => io.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp { io, .. } => Pin::new(io).poll_flush(cx),
            Self::Tls { io, .. } => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp { io, .. } => Pin::new(io).poll_shutdown(cx),
            Self::Tls { io, .. } => Pin::new(io).poll_shutdown(cx),
        }
    }
}
