//! An HTTPS server of the test's own, with certificates of the test's own authority. It answers every
//! request with the HTTP version it came by, and upgrades WebSockets, which echo.

use futures_util::{SinkExt, StreamExt};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, format!("authority {}", fastrand::u64(..)));
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes the authority's certificate for `caFile` or SSL_CERT_FILE.
    pub fn file(&self) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &self.pem).unwrap();
        file
    }

    fn config(&self, name: &str, expired: bool, alpn: &[&str]) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        if expired {
            params.not_before = rcgen::date_time_ymd(2001, 1, 1);
            params.not_after = rcgen::date_time_ymd(2002, 1, 1);
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    /// A server whose certificate is for `name`.
    pub async fn serve(&self, name: &str, expired: bool, alpn: &[&str]) -> Secure {
        Secure::start(self.config(name, expired, alpn), |stream| async move {
            let service = hyper::service::service_fn(answer);
            let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .await;
        })
        .await
    }

    /// The server at `target`, which speaks plain HTTP, behind TLS; the certificate is for `name`.
    pub async fn relay(&self, name: &str, target: SocketAddr) -> Secure {
        Secure::start(self.config(name, false, &["http/1.1"]), move |mut stream| async move {
            let Ok(mut server) = TcpStream::connect(target).await else { return };
            let _closed = copy_bidirectional(&mut stream, &mut server).await;
        })
        .await
    }
}

pub struct Secure {
    pub address: SocketAddr,
    connections: Arc<AtomicUsize>,
    used: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Secure {
    /// Hands every connection to `serve` once its client has sent something through it: a client may complete the
    /// handshake before it looks at the certificate.
    async fn start<F>(
        config: Arc<ServerConfig>,
        serve: impl Fn(BufReader<TlsStream<TcpStream>>) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(config);
        let (connections, used) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counted, uses) = (connections.clone(), used.clone());
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, uses, serve) = (acceptor.clone(), uses.clone(), serve.clone());
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let mut stream = BufReader::new(stream);
                    if stream.fill_buf().await.is_ok_and(|sent| !sent.is_empty()) {
                        uses.fetch_add(1, Ordering::SeqCst);
                        serve(stream).await;
                    }
                });
            }
        });
        Self { address, connections, used, task }
    }

    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections whose client accepted the certificate and sent something.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(mut request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let version = match request.version() {
        Version::HTTP_2 => "2",
        _ => "1.1",
    };
    let Some(key) = request.headers().get("sec-websocket-key").cloned() else {
        let bearer = request.headers().contains_key("authorization");
        let body = format!("{{\"http\":\"{version}\",\"bearer\":{bearer}}}");
        let mut response = Response::new(Full::new(body.into()));
        // `?headers=N` asks for so many of them.
        let headers =
            request.uri().query().and_then(|query| query.strip_prefix("headers=")?.parse().ok()).unwrap_or(0);
        for number in 0..headers {
            let name: HeaderName = format!("x-header-{number}").parse().unwrap();
            response.headers_mut().insert(name, HeaderValue::from_static("a"));
        }
        return Ok(response);
    };
    tokio::spawn(async move {
        let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
        let mut socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
        while let Some(Ok(message)) = socket.next().await {
            if message.is_text() || message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    Ok(Response::builder()
        .status(101)
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-accept", derive_accept_key(key.as_bytes()))
        .body(Full::default())
        .unwrap())
}
