//! The daemon of one sandbox: its whole toolbox over a Unix socket, in a process of the sandbox's own.
//!
//! The server's requests come below `/toolbox` as the client sent them, and what the control plane changes
//! below `/control`, where no client's request leads.

use crate::build;
use crate::toolbox::{self, Machine, MachineConfig, Resources};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, Uri};
use axum::response::IntoResponse;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::convert::Infallible;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

/// What the control plane tells a daemon that runs.
pub const RESIZE: &str = "/control/resources";
/// Asks for the end of every session, terminal and process, told to who follows them.
pub const STOP: &str = "/control/stop";
/// What a request says beside its body, in base64.
pub const TOLD: &str = "x-daytona-dev-told";
/// The part of an image build inside its container.
const BUILD: &str = "/control/build/";
/// Where the toolbox is.
pub const TOOLBOX: &str = "/toolbox";

/// Serves until the process ends.
pub fn run(listener: UnixListener, config: Value) {
    let config: MachineConfig = match serde_json::from_value(config) {
        Ok(config) => config,
        Err(error) => return eprintln!("daytona-dev: no configuration: {error}"),
    };
    // One sandbox has little to do at a time: one thread, and a second one for what blocks.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            if let Err(error) = runtime.block_on(serve(listener, config)) {
                eprintln!("daytona-dev: cannot serve a sandbox: {error}");
            }
        }
        Err(error) => eprintln!("daytona-dev: cannot start: {error}"),
    }
}

async fn serve(listener: UnixListener, config: MachineConfig) -> std::io::Result<()> {
    let mut config = config;
    for directory in [&config.home, &config.log_dir] {
        std::fs::create_dir_all(directory)?;
    }
    if let Some(user) = config.user.take() {
        let account = build::worker::Account::find(&user).map_err(std::io::Error::other)?;
        std::os::unix::fs::chown(&config.log_dir, Some(account.uid.as_raw()), Some(account.gid.as_raw()))?;
        config.home = account.become_it()?;
    }
    listener.set_nonblocking(true)?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let machine = Machine::start(config);
    let router = toolbox::router(machine.clone());
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptor is free.
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let (machine, router) = (machine.clone(), router.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request: Request<hyper::body::Incoming>| {
                let (machine, router) = (machine.clone(), router.clone());
                async move { Ok::<_, Infallible>(answer(machine, router, request.map(Body::new)).await) }
            });
            let _gone =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades().await;
        });
    }
}

async fn answer(machine: Arc<Machine>, router: Router, mut request: Request<Body>) -> Response<Body> {
    match request.uri().path() {
        RESIZE => return resize(&machine, request.into_body()).await,
        STOP => {
            let _ended = tokio::task::spawn_blocking(move || machine.stop()).await;
            return StatusCode::NO_CONTENT.into_response();
        }
        path if path.starts_with(BUILD) => return build::worker::answer(&machine, request).await,
        _ => {}
    }
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let Some(Ok(uri)) = target.strip_prefix(TOOLBOX).map(str::parse::<Uri>) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    *request.uri_mut() = uri;
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}

async fn resize(machine: &Machine, body: Body) -> Response<Body> {
    let body = to_bytes(body, 1024).await.unwrap_or_default();
    match serde_json::from_slice::<Resources>(&body) {
        Ok(resources) => {
            machine.resize(resources);
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}
