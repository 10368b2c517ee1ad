//! What a sandbox says of itself: directories, version, ports, environment, metrics; and its own proxy to
//! its ports.

use super::call::{Answer, Call};
use super::error::{self, Asked};
use super::go_json::{Kind, Shape};
use crate::Protocol;
use crate::preview::{forward, listening_ports};
use crate::sandbox::Sandbox;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use serde_json::{Value, json};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;

/// The ports that the daemon looks at.
const PORTS: std::ops::RangeInclusive<u16> = 3000..=9999;

const UPDATE_ENV: Shape = Shape {
    package: "toolbox",
    name: "UpdateEnvRequest",
    fields: &[("set", Kind::TextMap), ("unset", Kind::Texts), ("unsetValuePrefix", Kind::Text)],
};

pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
        .route("/user-home-dir", get(home))
        .route("/work-dir", get(home))
        // Its old name.
        .route("/project-dir", get(home))
        .route("/version", get(version))
        .route("/port", get(ports))
        .route("/port/{port}/in-use", get(in_use))
        .route("/env", post(set_env))
        .route("/system/metrics", get(metrics))
        .route("/proxy/{port}/{*path}", any(proxy))
        .route("/proxy/{port}/", any(proxy_root))
}

fn answer(value: &Value) -> Response<Body> {
    crate::api::error::json_body(value)
}

async fn home(State(sandbox): State<Arc<Sandbox>>) -> Response<Body> {
    answer(&json!({ "dir": sandbox.home }))
}

async fn version() -> Response<Body> {
    answer(&json!({ "version": "v0.0.0-dev" }))
}

async fn ports(State(sandbox): State<Arc<Sandbox>>) -> Response<Body> {
    let ports: Vec<u16> = listening_ports(&sandbox).into_iter().filter(|port| PORTS.contains(port)).collect();
    answer(&json!({ "ports": ports }))
}

async fn in_use(
    State(sandbox): State<Arc<Sandbox>>,
    asked: Asked,
    Path(port): Path<String>,
) -> Response<Body> {
    match port.parse() {
        Ok(port) if PORTS.contains(&port) => {
            answer(&json!({ "isInUse": listening_ports(&sandbox).contains(&port) }))
        }
        _ => asked.empty(
            StatusCode::BAD_REQUEST,
            &format!("invalid port: must be a number from {} to {}", PORTS.start(), PORTS.end()),
        ),
    }
}

/// What is started from now on has the change; the daemon reads the body whatever its content type is.
async fn set_env(State(sandbox): State<Arc<Sandbox>>, request: Request) -> Answer {
    if sandbox.protocol == Protocol::V0_190 {
        return Ok(error::no_route().await.into_response());
    }
    let call = Call::read(sandbox, request).await?;
    let fields = call.fields(&UPDATE_ENV, &[])?;
    let set = fields.get("set").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut env = call.sandbox.env.lock();
    if let Some(prefix) = fields.get("unsetValuePrefix").and_then(Value::as_str).filter(|it| !it.is_empty()) {
        env.retain(|name, value| !value.starts_with(prefix) || set.contains_key(name));
    }
    for name in fields.get("unset").and_then(Value::as_array).into_iter().flatten() {
        env.remove(name.as_str().unwrap_or_default());
    }
    env.extend(set.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    Ok(answer(&json!({ "message": "Environment updated successfully" })))
}

async fn metrics(State(sandbox): State<Arc<Sandbox>>) -> Response<Body> {
    if sandbox.protocol == Protocol::V0_190 {
        return error::no_route().await.into_response();
    }
    let gib = 1024 * 1024 * 1024;
    let size = |key: &str| sandbox.get(key).as_u64().unwrap_or(1) * gib;
    let (memory, disk) = (resident(&sandbox), occupied(&sandbox.home));
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    answer(&json!({
        "cpuCount": sandbox.get("cpu"),
        "cpuUsedPct": 0.0,
        "memTotal": size("memory"),
        "memUsed": memory,
        "memCache": 0,
        "diskTotal": size("disk"),
        "diskUsed": disk,
        "diskFree": size("disk").saturating_sub(disk),
        "timestamp": crate::world::now(),
        "timestampUnix": now,
    }))
}

/// The bytes of memory that a sandbox's processes have.
fn resident(sandbox: &Sandbox) -> u64 {
    let page = 4096;
    let processes = sandbox.processes();
    processes
        .iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/statm")).ok())
        .filter_map(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok())
        .map(|pages| pages * page)
        .sum()
}

/// The bytes of disk that a directory has, not counting where links lead.
fn occupied(directory: &std::path::Path) -> u64 {
    let block = 512;
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => occupied(&entry.path()),
        Ok(metadata) => metadata.blocks() * block,
        Err(_) => 0,
    };
    entries.map(size).sum()
}

async fn proxy(
    State(sandbox): State<Arc<Sandbox>>,
    Path((port, path)): Path<(String, String)>,
    request: Request,
) -> Response<Body> {
    to_port(&sandbox, &port, &path, request).await
}

async fn proxy_root(
    State(sandbox): State<Arc<Sandbox>>,
    Path(port): Path<String>,
    request: Request,
) -> Response<Body> {
    to_port(&sandbox, &port, "", request).await
}

async fn to_port(sandbox: &Arc<Sandbox>, port: &str, path: &str, request: Request) -> Response<Body> {
    let Ok(number) = port.parse() else {
        let message = format!(
            "bad request: failed to parse target URL: parse \"http://localhost:{port}/{path}\": invalid port \":{port}\" after host"
        );
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        return error::envelope(
            sandbox.protocol,
            StatusCode::BAD_REQUEST,
            "BAD_REQUEST",
            &message,
            &method,
            &path,
        );
    };
    if !listening_ports(sandbox).contains(&number) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    forward(number, &format!("/{path}"), request).await
}
