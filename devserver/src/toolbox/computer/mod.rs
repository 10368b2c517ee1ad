//! The desktop: a real X display of the sandbox's own, started on demand, with a window manager.
//!
//! * `desktop`: which programs it consists of, starting and stopping them. `program`: one of them. `number`: the
//!   display's number. `display`: the connection to the X server, screens and windows.
//! * `screenshot`, `picture`: pictures of the screen. `mouse`, `keyboard`, `keys`: input through XTEST.
//!   `recording`: videos by ffmpeg. `accessibility`: the tree of widgets. `failure`: how each protocol answers an
//!   error.
//!
//! The names of the programs are those of the official image; the window manager, openbox, stands for its xfce4.
//! x11vnc and novnc (websockify) run where they are installed. Sandboxes share the machine's network, so that
//! these listen on loopback, on the first free ports from those of the official image on.

mod accessibility;
mod desktop;
mod display;
mod failure;
mod keyboard;
mod keys;
mod mouse;
mod number;
mod picture;
mod program;
mod recording;
mod screenshot;

pub use desktop::Desktop;

use super::{error, go_json};
use crate::Protocol;
use crate::toolbox::Machine;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::Response;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use failure::{Answer, Failure, RequestInfo};
use serde_json::json;
use std::sync::Arc;

pub fn routes(machine: &Arc<Machine>) -> Router<Arc<Machine>> {
    let newer = mouse::newer_routes()
        .merge(keyboard::newer_routes())
        .route_layer(from_fn_with_state(machine.clone(), only_0_226));
    Router::new()
        .route("/computeruse/start", post(start))
        .route("/computeruse/stop", post(stop))
        .route("/computeruse/status", get(status))
        .route("/computeruse/process-status", get(status))
        .route("/computeruse/process/{name}/status", get(process_status))
        .route("/computeruse/process/{name}/logs", get(process_logs))
        .route("/computeruse/process/{name}/errors", get(process_errors))
        .route("/computeruse/process/{name}/restart", post(process_restart))
        .route("/computeruse/display/info", get(display::info))
        .route("/computeruse/display/windows", get(display::windows))
        .merge(screenshot::routes())
        .merge(mouse::routes())
        .merge(keyboard::routes())
        .merge(recording::routes())
        .merge(accessibility::routes())
        .merge(newer)
}

/// Daemons before it do not have these routes.
async fn only_0_226(State(machine): State<Arc<Machine>>, request: Request, next: Next) -> Response<Body> {
    match machine.protocol {
        Protocol::V0_226 => next.run(request).await,
        Protocol::V0_190 | Protocol::V0_205 => error::no_route().await.into_response(),
    }
}

async fn start(State(machine): State<Arc<Machine>>, request: RequestInfo) -> Answer {
    let failed = |failure: Failure| failure.about("Failed to start computer use").answer(&request);
    machine.desktop.start(&machine).await.map_err(failed)?;
    Ok(go_json::answer(&json!({
        "message": "Computer use processes started successfully",
        "status": machine.desktop.statuses(&machine),
    })))
}

async fn stop(State(machine): State<Arc<Machine>>, request: RequestInfo) -> Answer {
    let failed = |failure: Failure| failure.about("Failed to stop computer use").answer(&request);
    machine.desktop.stop().await.map_err(failed)?;
    Ok(go_json::answer(&json!({
        "message": "Computer use processes stopped successfully",
        "status": machine.desktop.statuses(&machine),
    })))
}

async fn status(State(machine): State<Arc<Machine>>, request: RequestInfo) -> Answer {
    let status = machine.desktop.status(&machine).map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&json!({ "status": status })))
}

async fn process_status(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    Path(name): Path<String>,
) -> Answer {
    let program = machine
        .desktop
        .program(&name)
        .map_err(|failure| failure.unavailable().about("Failed to get process status").answer(&request))?;
    Ok(go_json::answer(&json!({ "processName": name, "running": program.is_running() })))
}

async fn process_logs(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    Path(name): Path<String>,
) -> Answer {
    let program = machine.desktop.program(&name).map_err(|failure| failure.answer(&request))?;
    let logs = program.output(&machine, "log").map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&json!({ "logs": logs, "processName": name })))
}

async fn process_errors(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    Path(name): Path<String>,
) -> Answer {
    let program = machine.desktop.program(&name).map_err(|failure| failure.answer(&request))?;
    let errors = program.output(&machine, "err").map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&json!({ "errors": errors, "processName": name })))
}

async fn process_restart(
    State(machine): State<Arc<Machine>>,
    request: RequestInfo,
    Path(name): Path<String>,
) -> Answer {
    machine.desktop.restart(&machine, &name).await.map_err(|failure| failure.answer(&request))?;
    Ok(go_json::answer(&json!({
        "message": format!("Process {name} restarted successfully"),
        "processName": name,
    })))
}

/// `{}`
fn nothing() -> Response<Body> {
    go_json::answer(&json!({}))
}

/// Work with the X server, which blocks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Failure::internal(format!("the work with the display ended early: {error}"))),
    }
}
