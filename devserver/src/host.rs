//! Where a sandbox's toolbox runs, and the only way in which the server talks to it: a daemon in a container
//! of its own, reached over a Unix socket.

use crate::daemon;
use crate::isolation::Container;
use crate::toolbox::{MachineConfig, Resources};
use axum::body::Body;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version, header};
use axum::response::IntoResponse;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::UnixStream;
use tokio::process::ChildStderr;
use tokio_util::task::TaskTracker;

/// The toolbox of one started sandbox.
pub struct ToolboxHost {
    container: Arc<Mutex<dyn Container>>,
    client: Client<Dial, Body>,
    /// The WebSockets on which the daemon may have something to say.
    sockets: TaskTracker,
}

/// How long a sandbox has to tell its clients that it stops.
const STOP_GRACE: Duration = Duration::from_secs(1);

impl ToolboxHost {
    /// Starts the daemon. Blocks until it can be reached.
    pub fn start(container: Arc<Mutex<dyn Container>>, config: &MachineConfig) -> io::Result<Self> {
        let (path, stderr) = {
            let mut container = container.lock();
            container.start(serde_json::to_value(config)?)?;
            (container.socket(), container.take_stderr())
        };
        if let Some(stderr) = stderr {
            let id = config.sandbox_id.clone();
            let mut lines = BufReader::new(ChildStderr::from_std(stderr)?).lines();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    tracing::warn!("the daemon of sandbox {id}: {line}");
                }
            });
        }
        let client = Client::builder(TokioExecutor::new()).build(Dial { path: Arc::new(path) });
        Ok(Self { container, client, sockets: TaskTracker::new() })
    }

    /// Answers a request whose path is relative to the toolbox's base.
    pub async fn serve(&self, mut request: Request<Body>) -> Response<Body> {
        let target = request.uri().path_and_query().map_or("/", PathAndQuery::as_str);
        let Ok(uri) = format!("http://sandbox{}{target}", daemon::TOOLBOX).parse::<Uri>() else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let upgrades = request.headers().contains_key(header::UPGRADE);
        let client_side = upgrades.then(|| hyper::upgrade::on(&mut request));
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        if !upgrades {
            remove_connection_headers(request.headers_mut());
        }
        let Ok(mut response) = self.client.request(request).await else {
            return StatusCode::BAD_GATEWAY.into_response();
        };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            remove_connection_headers(response.headers_mut());
        } else if let Some(client_side) = client_side {
            let daemon_side = hyper::upgrade::on(&mut response);
            let speaks = self.sockets.token();
            tokio::spawn(async move {
                let (Ok(client_side), Ok(daemon_side)) = tokio::join!(client_side, daemon_side) else {
                    return;
                };
                let (mut from_client, mut to_client) = tokio::io::split(TokioIo::new(client_side));
                let (mut from_daemon, mut to_daemon) = tokio::io::split(TokioIo::new(daemon_side));
                let down = async {
                    let _gone = tokio::io::copy(&mut from_daemon, &mut to_client).await;
                    let _gone = to_client.shutdown().await;
                    drop(speaks);
                };
                let up = async {
                    let _gone = tokio::io::copy(&mut from_client, &mut to_daemon).await;
                    let _gone = to_daemon.shutdown().await;
                };
                tokio::join!(down, up);
            });
        }
        response.map(Body::new)
    }

    /// Ends sessions, terminals and processes, and waits until their clients have been told, or for a moment.
    pub async fn end_sockets(&self) {
        self.sockets.close();
        let told = async {
            if self.control(Method::POST, daemon::STOP, Body::empty()).await.is_ok() {
                self.sockets.wait().await;
            }
        };
        let _late = tokio::time::timeout(STOP_GRACE, told).await;
    }

    /// Tells the daemon of its new size.
    pub async fn resize(&self, resources: Resources) {
        let body = serde_json::to_vec(&resources).unwrap_or_default();
        if let Err(error) = self.control(Method::PUT, daemon::RESIZE, Body::from(body)).await {
            tracing::warn!("a sandbox was not told of its new size: {error}");
        }
    }

    /// Changes the environment of processes that start from now on.
    pub async fn update_env(&self, change: &serde_json::Value) -> io::Result<()> {
        let path = format!("{}/env", daemon::TOOLBOX);
        self.control(Method::POST, &path, Body::from(change.to_string())).await
    }

    /// A request of the control plane with an answer; `told` stands beside the body.
    pub async fn ask(&self, path: &str, told: Option<&[u8]>, body: Body) -> io::Result<Response<Body>> {
        let mut request = Request::builder().method(Method::POST).uri(format!("http://sandbox{path}"));
        if let Some(told) = told {
            let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, told);
            request = request.header(daemon::TOLD, encoded);
        }
        let request = request.body(body).map_err(io::Error::other)?;
        let response = self.client.request(request).await.map_err(io::Error::other)?;
        Ok(response.map(Body::new))
    }

    /// A request of the control plane to the daemon.
    async fn control(&self, method: Method, path: &str, body: Body) -> io::Result<()> {
        let request = Request::builder().method(method).uri(format!("http://sandbox{path}")).body(body);
        let request = request.map_err(io::Error::other)?;
        self.client.request(request).await.map(drop).map_err(io::Error::other)
    }

    /// Becomes ready once every process of the sandbox has ended.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + 'static {
        let ended = self.container.lock().ended();
        async move {
            if let Some(Ok(ended)) = ended {
                ended.await;
            }
        }
    }

    /// Ends every process of the sandbox. Blocks until they are gone.
    pub fn stop(&self) {
        self.container.lock().stop();
    }

    /// The root directory of the sandbox, seen from the machine.
    pub fn root(&self) -> Option<PathBuf> {
        self.container.lock().root()
    }
}

/// How many processes and threads a sandbox may have.
const MOST_PROCESSES: u64 = 1024;

/// The limits of a sandbox of this size.
pub fn limits(resources: &Resources) -> crate::isolation::Limits {
    crate::isolation::Limits {
        processors: resources.cpu as f64,
        memory_bytes: resources.memory_gib << 30,
        processes: MOST_PROCESSES,
    }
}

/// What belongs to one connection is not handed on to the next.
fn remove_connection_headers(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|name| name.trim().to_owned()))
        .collect();
    for name in named {
        headers.remove(name.as_str());
    }
    headers.remove(header::CONNECTION);
    headers.remove("keep-alive");
}

/// Connects to a daemon's socket.
#[derive(Clone)]
struct Dial {
    path: Arc<PathBuf>,
}

impl tower::Service<Uri> for Dial {
    type Response = TokioIo<Wire>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let path = self.path.clone();
        Box::pin(async move { Ok(TokioIo::new(Wire(crate::isolation::connect(&path).await?))) })
    }
}

/// A Unix socket as the HTTP client wants it.
struct Wire(UnixStream);

impl Connection for Wire {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
