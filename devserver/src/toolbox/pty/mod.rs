//! Terminals: an interactive login shell each, behind a PTY, with any number of WebSocket clients.
//!
//! * `request`: parses and checks requests. `terminal`: a shell and its PTY.
//! * `broadcast`: output to all clients. `socket`: one client. `exit`: how a shell ended.

mod broadcast;
mod exit;
mod request;
mod socket;
mod terminal;

use super::error::{RequestInfo, no_upgrade};
use super::go_json;
use crate::Protocol;
use crate::toolbox::Machine;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use parking_lot::Mutex;
use request::CreatePty;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use terminal::Terminal;

/// A sandbox's terminals by id, each until its shell exits.
#[derive(Default)]
pub struct Ptys(Mutex<BTreeMap<String, Arc<Terminal>>>);

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

const NOT_FOUND: &str = "PTY session not found";

impl Ptys {
    /// Ends every terminal.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.0.lock());
        all.values().for_each(|terminal| terminal.kill());
    }

    fn get(&self, id: &str) -> Option<Arc<Terminal>> {
        self.0.lock().get(id).cloned()
    }

    /// `false`: there is one with that id.
    fn add(&self, terminal: &Arc<Terminal>) -> bool {
        let mut all = self.0.lock();
        let is_new = !all.contains_key(&terminal.id);
        if is_new {
            all.insert(terminal.id.clone(), terminal.clone());
        }
        is_new
    }

    /// Removes this terminal, not a later one with the same id.
    fn remove(&self, terminal: &Arc<Terminal>) {
        let mut all = self.0.lock();
        if all.get(&terminal.id).is_some_and(|there| Arc::ptr_eq(there, terminal)) {
            all.remove(&terminal.id);
        }
    }
}

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/process/pty", get(list).post(create))
        .route("/process/pty/create-connect", get(create_connect))
        .route("/process/pty/{id}", get(info).delete(delete))
        .route("/process/pty/{id}/resize", post(resize))
        .route("/process/pty/{id}/connect", get(connect))
}

fn answer(status: StatusCode, value: &Value) -> Response<Body> {
    (status, go_json::answer(value)).into_response()
}

fn already_exists(request_info: &RequestInfo, id: &str) -> Response<Body> {
    request_info.plain(StatusCode::CONFLICT, &format!("PTY session with ID '{id}' already exists"))
}

async fn list(State(machine): State<Arc<Machine>>) -> Response<Body> {
    let sessions: Vec<Value> = machine.ptys.0.lock().values().map(|terminal| terminal.json()).collect();
    answer(StatusCode::OK, &json!({ "sessions": sessions }))
}

async fn create(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    body: Bytes,
) -> Response<Body> {
    let request = match CreatePty::of_body(&body) {
        Ok(request) => request,
        Err(message) => return request_info.plain(StatusCode::BAD_REQUEST, &message),
    };
    let terminal = Terminal::new(&machine, request);
    if !machine.ptys.add(&terminal) {
        return already_exists(&request_info, &terminal.id);
    }
    if !terminal.lazy_start && terminal.start(&machine).is_err() {
        machine.ptys.remove(&terminal);
        return request_info.plain(StatusCode::INTERNAL_SERVER_ERROR, "failed to start PTY session");
    }
    answer(StatusCode::CREATED, &json!({ "sessionId": terminal.id }))
}

async fn info(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    Path(id): Path<String>,
) -> Response<Body> {
    match machine.ptys.get(&id) {
        Some(terminal) => answer(StatusCode::OK, &terminal.json()),
        None => request_info.plain(StatusCode::NOT_FOUND, NOT_FOUND),
    }
}

async fn delete(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    Path(id): Path<String>,
) -> Response<Body> {
    let Some(terminal) = machine.ptys.get(&id) else {
        return request_info.plain(StatusCode::NOT_FOUND, NOT_FOUND);
    };
    machine.ptys.remove(&terminal);
    // Blocks: it reads /proc until no process is left.
    let _ = tokio::task::spawn_blocking(move || terminal.kill()).await;
    answer(StatusCode::OK, &json!({ "message": "PTY session deleted" }))
}

async fn resize(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    Path(id): Path<String>,
    body: Bytes,
) -> Response<Body> {
    let (cols, rows) = match request::size_of_body(&body) {
        Ok(size) => size,
        Err(message) => return request_info.plain(StatusCode::BAD_REQUEST, &message),
    };
    let Some(terminal) = machine.ptys.get(&id) else {
        return request_info.plain(StatusCode::GONE, &format!("PTY session {id} not found"));
    };
    match terminal.resize(cols, rows) {
        Ok(()) => answer(StatusCode::OK, &terminal.json()),
        Err(message) => request_info.plain(StatusCode::INTERNAL_SERVER_ERROR, &message),
    }
}

async fn connect(
    State(machine): State<Arc<Machine>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response<Body> {
    let Ok(upgrade) = upgrade else { return no_upgrade() };
    let (upgrade, sends_exit) = socket::prepared(upgrade, machine.protocol, &headers);
    upgrade.on_upgrade(move |socket| async move {
        match subscribe(&machine, &id) {
            Ok((terminal, subscriber)) => socket::serve(socket, terminal, subscriber, sends_exit).await,
            Err(why) => socket::refuse(socket, &format!("Failed to connect to PTY session: {why}")).await,
        }
    })
}

/// Subscribes to a terminal, then starts its shell if that has not happened, so that no output is missed.
fn subscribe(machine: &Arc<Machine>, id: &str) -> Result<(Arc<Terminal>, broadcast::Subscriber), String> {
    let terminal = machine.ptys.get(id).ok_or_else(|| format!("PTY session {id} not found"))?;
    let subscriber = terminal
        .subscribe()
        .ok_or_else(|| format!("PTY session '{id}' has terminated and is no longer available"))?;
    match terminal.start(machine) {
        Ok(()) => Ok((terminal, subscriber)),
        Err(error) => Err(format!("failed to start PTY session: {error}")),
    }
}

/// Creates a terminal and connects to it. In 0.190 this path is the terminal with the id `create-connect`.
async fn create_connect(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response<Body> {
    if machine.protocol == Protocol::V0_190 {
        return info(State(machine), request_info, Path("create-connect".to_owned())).await;
    }
    let request = match CreatePty::of_query(query.as_deref().unwrap_or_default(), &headers) {
        Ok(request) => request,
        Err(message) => return request_info.plain(StatusCode::BAD_REQUEST, &message),
    };
    if machine.ptys.get(&request.id).is_some() {
        return already_exists(&request_info, &request.id);
    }
    let Ok(upgrade) = upgrade else { return no_upgrade() };
    let terminal = Terminal::new(&machine, request);
    if !machine.ptys.add(&terminal) {
        return already_exists(&request_info, &terminal.id);
    }
    let (upgrade, sends_exit) = socket::prepared(upgrade, machine.protocol, &headers);
    let forgotten = (machine.clone(), terminal.clone());
    upgrade
        // The client left before the upgrade was complete.
        .on_failed_upgrade(move |_| forgotten.0.ptys.remove(&forgotten.1))
        .on_upgrade(move |socket| async move {
            let started =
                terminal.subscribe().ok_or_else(|| "it was deleted".to_owned()).and_then(|subscriber| {
                    terminal.start(&machine).map(|()| subscriber).map_err(|error| error.to_string())
                });
            match started {
                Ok(subscriber) => socket::serve(socket, terminal, subscriber, sends_exit).await,
                Err(why) => {
                    machine.ptys.remove(&terminal);
                    socket::refuse(socket, &format!("Failed to start PTY session: {why}")).await;
                }
            }
        })
}
