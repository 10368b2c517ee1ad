//! What a sandbox says of itself: directories, version, ports, environment, metrics; and its own proxy to
//! its ports.

use super::error::{self, Asked};
use crate::Protocol;
use crate::preview::{forward, listening_ports};
use crate::sandbox::Sandbox;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;

/// The ports that the daemon looks at.
const PORTS: std::ops::RangeInclusive<u16> = 3000..=9999;

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

async fn set_env(
    State(sandbox): State<Arc<Sandbox>>,
    asked: Asked,
    body: Option<Json<Value>>,
) -> Response<Body> {
    if sandbox.protocol == Protocol::V0_190 {
        return error::no_route().await.into_response();
    }
    let Some(Json(body)) = body else {
        return asked.plain(StatusCode::BAD_REQUEST, "bad request: invalid request body");
    };
    let mut env = sandbox.env.lock();
    for name in body["unset"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        env.remove(name);
    }
    for (name, value) in body["set"].as_object().into_iter().flatten() {
        if let Some(value) = value.as_str() {
            env.insert(name.clone(), value.to_owned());
        }
    }
    StatusCode::OK.into_response()
}

async fn metrics(State(sandbox): State<Arc<Sandbox>>) -> Response<Body> {
    if sandbox.protocol == Protocol::V0_190 {
        return error::no_route().await.into_response();
    }
    let processes = sandbox.processes();
    let page = 4096;
    let resident: u64 = processes
        .iter()
        .filter_map(|pid| std::fs::read_to_string(format!("/proc/{pid}/statm")).ok())
        .filter_map(|statm| statm.split(' ').nth(1)?.parse::<u64>().ok())
        .map(|pages| pages * page)
        .sum();
    let gib = 1024 * 1024 * 1024;
    answer(&json!({
        "cpuCount": sandbox.get("cpu"),
        "cpuUsedPct": 0.0,
        "memUsedBytes": resident,
        "memTotalBytes": sandbox.get("memory").as_u64().unwrap_or(1) * gib,
        "diskTotalBytes": sandbox.get("disk").as_u64().unwrap_or(1) * gib,
        "timestamp": crate::world::now(),
    }))
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
