//! The listener, the faults of its connections, and the routes: health, faults, API, toolbox, object store, previews.

use crate::Options;
use crate::api::error::ApiError;
use crate::app_state::AppState;
use crate::faults::{self, Connection, FaultKind, Faults, FaultyStream, SocketFault};
use crate::isolation::{self, Isolation, StateDirectory};
use crate::proxy::preview;
use crate::rate::RateLimit;
use crate::store::Store;
use crate::{api, proxy, upkeep};
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use axum::routing::any;
use http_body_util::BodyExt;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// A running server. Dropping it ends every process and removes its directory.
pub struct Server {
    shared: Arc<ServerState>,
    accepting: JoinHandle<()>,
    api_url: String,
    /// Ends every connection.
    closing: CancellationToken,
    /// Removes the directory when dropped.
    _state: StateDirectory,
}

/// How many sandboxes are ended at once.
const CLOSING_THREADS: usize = 16;

struct ServerState {
    app: Arc<AppState>,
    faults: Faults,
    /// A clone is with each connection that `close-idle` struck.
    idle_to_close: Arc<()>,
    routes: Router,
}

impl Server {
    pub async fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await?;
        let (wanted, plan, binary) = (options.isolation, options.plan, options.binary.clone());
        let parent = options.state_dir.clone().unwrap_or_else(std::env::temp_dir);
        let prepared = tokio::task::spawn_blocking(move || {
            let state = StateDirectory::create(&parent)?;
            let binary = isolation::find_binary(binary)?;
            let isolation = match plan {
                Some(plan) => Isolation::find_among(wanted, vec![plan], &binary, state.path())?,
                None => Isolation::find(wanted, &binary, state.path())?,
            };
            Ok::<_, io::Error>((state, isolation))
        });
        let (state, isolation) = prepared.await.map_err(io::Error::other)??;
        let port = listener.local_addr()?.port();
        let app = Arc::new(AppState::new(&options, port, state.path().to_owned(), isolation));
        let rate = options.rate_limit.map(|requests| Arc::new(RateLimit::new(requests)));
        let shared = Arc::new(ServerState {
            routes: routes(app.clone(), rate),
            app,
            faults: Faults::new(options.faults.clone()),
            idle_to_close: Arc::new(()),
        });
        let closing = CancellationToken::new();
        tokio::spawn(closing.clone().run_until_cancelled_owned(upkeep::run(Arc::downgrade(&shared.app))));
        let accepting = tokio::spawn(accept(listener, shared.clone(), closing.clone()));
        let api_url = format!("{}/api", shared.app.base);
        Ok(Self { shared, accepting, api_url, closing, _state: state })
    }

    pub fn api_url(&self) -> &str {
        &self.api_url
    }

    /// The first organization's key.
    pub fn api_key(&self) -> &str {
        &self.shared.app.organizations[0].key
    }

    /// The second organization's key.
    pub fn api_key_2(&self) -> &str {
        &self.shared.app.organizations[1].key
    }

    /// A user's token, good for both organizations together with an organization's id.
    pub fn jwt(&self) -> &str {
        &self.shared.app.jwt
    }

    pub fn organization_id(&self) -> &str {
        &self.shared.app.organizations[0].id
    }

    /// Adds rules, as `KIND[=VALUE]@PATH[*COUNT]`.
    pub fn fault(&self, rule: &str) {
        let body = serde_json::to_vec(&[rule]).unwrap_or_default();
        let answer = self.shared.faults.configure(&body);
        assert_eq!(answer.status(), StatusCode::NO_CONTENT, "{rule:?} is not a fault");
    }

    /// How many of the connections that `close-idle` struck are still open.
    pub fn idle_to_close(&self) -> usize {
        Arc::strong_count(&self.shared.idle_to_close) - 1
    }

    /// What is isolated less than it could be, and what is not limited; a line each.
    pub fn notes(&self) -> Vec<String> {
        self.shared.app.isolation.notes()
    }

    /// Whether sandboxes are kept from the machine.
    pub fn is_isolated(&self) -> bool {
        self.shared.app.isolation.plan().is_some()
    }

    /// The root directory of a started sandbox, as this machine sees it: `/` without isolation.
    pub fn sandbox_root(&self, id: &str) -> Option<PathBuf> {
        self.shared.app.sandboxes.read().by_id(id)?.root()
    }

    pub async fn stop(self) {}
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
        self.closing.cancel();
        self.shared.app.builds.end();
        let sandboxes = self.shared.app.sandboxes.read().all.clone();
        // In parallel: the kernel waits now and then while it takes one apart.
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..sandboxes.len().min(CLOSING_THREADS) {
                scope.spawn(|| {
                    while let Some(sandbox) = sandboxes.get(next.fetch_add(1, Ordering::Relaxed)) {
                        sandbox.delete();
                    }
                });
            }
        });
    }
}

async fn accept(listener: TcpListener, shared: Arc<ServerState>, closing: CancellationToken) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        tokio::spawn(closing.clone().run_until_cancelled_owned(serve_connection(stream, shared.clone())));
    }
}

async fn serve_connection(stream: TcpStream, shared: Arc<ServerState>) {
    let connection = Arc::new(Connection::default());
    let wire = TokioIo::new(FaultyStream::new(stream, connection.clone()));
    let at = connection.clone();
    let service = service_fn(move |request| {
        let (shared, connection) = (shared.clone(), at.clone());
        async move {
            let answering = connection.begin();
            let answer = shared.answer(request.map(Body::new), &connection).await?;
            Ok::<_, Cut>(answer.map(|body| faults::of_answer(body, answering)))
        }
    });
    // Without a timer, which would close a connection after 30 idle seconds, perhaps just as it is used.
    let serving = http1::Builder::new().serve_connection(wire, service).with_upgrades();
    tokio::select! {
        biased; // What has arrived is taken before the connection is called idle.
        _ = serving => {}
        () = connection.too_idle() => {}
    }
}

/// A fault: the connection is dropped without an answer.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection was cut")
    }
}

impl std::error::Error for Cut {}

impl ServerState {
    /// The answer with all faults that apply to the request.
    async fn answer(
        self: Arc<Self>,
        request: Request<Body>,
        connection: &Connection,
    ) -> Result<Response<Body>, Cut> {
        let path = request.uri().path().to_owned();
        if path == "/faults" && request.method() == Method::POST {
            return Ok(self.configure(request).await);
        }
        let target = request.uri().path_and_query().map_or(path.as_str(), |target| target.as_str());
        let faults = self.faults.take(target);
        for kind in &faults {
            match *kind {
                FaultKind::Cut => return Err(Cut),
                FaultKind::Stall => std::future::pending().await,
                FaultKind::Delay(time) => tokio::time::sleep(time).await,
                FaultKind::CloseIdle(time) => connection.close_idle(time, self.idle_to_close.clone()),
                FaultKind::Split => connection.split(),
                FaultKind::WsDrop(frames) => connection.socket(frames, SocketFault::Drop),
                FaultKind::WsSilent(frames) => connection.socket(frames, SocketFault::Silence),
                FaultKind::WsClose(code) => connection.socket(1, SocketFault::Close(code)),
                _ => {}
            }
            if let Some(replacement) = faults::replacement(*kind) {
                let _ = request.into_body().collect().await;
                return Ok(replacement);
            }
        }
        let mut response = self.route(request).await;
        for kind in faults {
            if kind == FaultKind::CutAfter {
                return Err(Cut);
            }
            response = faults::apply(kind, response);
        }
        Ok(response)
    }

    async fn configure(&self, request: Request<Body>) -> Response<Body> {
        if let Err(refusal) = api::authenticate(&self.app, request.headers()) {
            return refusal.at("/faults");
        }
        match request.into_body().collect().await {
            Ok(body) => self.faults.configure(&body.to_bytes()),
            Err(_) => StatusCode::BAD_REQUEST.into_response(),
        }
    }

    async fn route(&self, request: Request<Body>) -> Response<Body> {
        if let Some(target) = preview::target(request.headers()) {
            return preview::serve(&self.app, target, request).await;
        }
        if Store::is_meant(&request) {
            return self.app.store.serve(request).await;
        }
        self.routes.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

/// All routes except previews, which the host name selects.
fn routes(app: Arc<AppState>, rate: Option<Arc<RateLimit>>) -> Router {
    let health = ([(header::CONTENT_TYPE, "application/json")], r#"{"status":"ok"}"#);
    let limit = from_fn(move |request, next| limit(rate.clone(), request, next));
    Router::new()
        .merge(proxy::router(app.clone()))
        .merge(api::proxied_logs(app.clone()))
        .nest("/api", api::router(app))
        .fallback(async |request: Request<Body>| {
            let path = request.uri().path();
            ApiError::not_found(format!("Cannot {} {path}", request.method())).at(path)
        })
        .layer(limit)
        .route("/health", any(async move || health))
}

/// Applies the rate limit: refuses a key's request or adds the rate limit headers to its answer.
async fn limit(rate: Option<Arc<RateLimit>>, request: Request<Body>, next: Next) -> Response<Body> {
    let (Some(rate), Some(bearer)) = (rate, api::bearer(request.headers())) else {
        return next.run(request).await;
    };
    let decision = rate.count(bearer);
    let mut response = if decision.refused {
        let status = StatusCode::TOO_MANY_REQUESTS;
        ApiError { status, message: "Rate limit exceeded".into() }.at(request.uri().path())
    } else {
        next.run(request).await
    };
    response.headers_mut().extend(decision.headers);
    response
}
