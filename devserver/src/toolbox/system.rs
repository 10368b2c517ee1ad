//! The endpoints about the sandbox itself: directories, version, ports, environment, metrics.

use super::call::{Answer, BAD_REQUEST, ToolboxCall};
use super::error::{self, RequestInfo};
use super::go_json::{self, FieldType, Shape};
use super::machine::{Machine, Resources};
use super::{port, usage};
use crate::Protocol;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::{Value, json};
use std::sync::Arc;

/// The ports that the daemon reports on.
const PORTS: std::ops::RangeInclusive<u16> = 3000..=9999;

const UPDATE_ENV: Shape = Shape {
    package: "toolbox",
    name: "UpdateEnvRequest",
    fields: &[
        ("set", FieldType::TextMap),
        ("unset", FieldType::Texts),
        ("unsetValuePrefix", FieldType::Text),
    ],
};

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/user-home-dir", get(home))
        .route("/work-dir", get(work_dir))
        // The former name.
        .route("/project-dir", get(work_dir))
        .route("/version", get(version))
        .route("/port", get(ports))
        .route("/port/{port}/in-use", get(in_use))
        .route("/env", post(set_env))
        .route("/system/metrics", get(metrics))
}

fn answer(value: &Value) -> Response<Body> {
    go_json::answer(value)
}

async fn home(State(machine): State<Arc<Machine>>) -> Response<Body> {
    answer(&json!({ "dir": machine.home }))
}

async fn work_dir(State(machine): State<Arc<Machine>>) -> Response<Body> {
    answer(&json!({ "dir": machine.work_dir }))
}

async fn version() -> Response<Body> {
    answer(&json!({ "version": "v0.0.0-dev" }))
}

async fn ports(State(machine): State<Arc<Machine>>) -> Response<Body> {
    let ports: Vec<u16> = port::listening(&machine).into_iter().filter(|port| PORTS.contains(port)).collect();
    answer(&json!({ "ports": ports }))
}

async fn in_use(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    Path(port): Path<String>,
) -> Response<Body> {
    match port.parse() {
        Ok(port) if PORTS.contains(&port) => {
            answer(&json!({ "isInUse": port::listening(&machine).contains(&port) }))
        }
        _ => request.empty(
            StatusCode::BAD_REQUEST,
            &format!("invalid port: must be a number from {} to {}", PORTS.start(), PORTS.end()),
        ),
    }
}

/// Changes the environment of processes that start from now on. Accepts any content type, as the daemon.
async fn set_env(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    if machine.protocol == Protocol::V0_190 {
        return Ok(error::no_route().await.into_response());
    }
    let call = ToolboxCall::read(machine, request).await?;
    let fields = call.fields(&UPDATE_ENV, &[])?;
    let set = fields.get("set").and_then(Value::as_object).cloned().unwrap_or_default();
    // No process could be started with one of these.
    let illegal = |(name, value): (&String, &Value)| {
        name.is_empty()
            || name.contains(['=', '\0'])
            || value.as_str().is_some_and(|text| text.contains('\0'))
    };
    if set.iter().any(illegal) {
        return Err(call.refuse(BAD_REQUEST, "bad request: names and values must be legal in an environment"));
    }
    let mut env = call.machine.env.lock();
    if let Some(prefix) = fields.get("unsetValuePrefix").and_then(Value::as_str).filter(|it| !it.is_empty()) {
        env.retain(|name, value| !value.starts_with(prefix) || set.contains_key(name));
    }
    for name in fields.get("unset").and_then(Value::as_array).into_iter().flatten() {
        env.remove(name.as_str().unwrap_or_default());
    }
    env.extend(set.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))));
    Ok(answer(&json!({ "message": "Environment updated successfully" })))
}

async fn metrics(State(machine): State<Arc<Machine>>) -> Response<Body> {
    if machine.protocol == Protocol::V0_190 {
        return error::no_route().await.into_response();
    }
    let Resources { cpu, memory_gib, .. } = machine.resources();
    // All three look at every process or file.
    let measured = {
        let machine = machine.clone();
        tokio::task::spawn_blocking(move || {
            (machine.cpu_use.percent(&machine, cpu), usage::memory(&machine), usage::disk(&machine))
        })
    };
    let (cpu_used, memory, (disk, disk_total)) = measured.await.unwrap_or_default();
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    answer(&json!({
        "cpuCount": cpu,
        "cpuUsedPct": cpu_used,
        "memTotal": memory_gib << 30,
        "memUsed": memory,
        "memCache": 0,
        "diskTotal": disk_total,
        "diskUsed": disk,
        "diskFree": disk_total.saturating_sub(disk),
        "timestamp": crate::timestamp::now(),
        "timestampUnix": now,
    }))
}
