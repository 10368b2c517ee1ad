//! Terminals: an interactive login shell each, behind a real PTY, attended by any number of WebSockets.
//!
//! * `wish`: what a request asks for, and what it is refused for. `terminal`: a shell and its PTY.
//! * `audience`: who hears the output, and who is cut for not listening. `socket`: one of them.
//! * `exit`: how a shell ended, in the words of the wire.

mod audience;
mod exit;
mod socket;
mod terminal;
mod wish;

use super::error::Asked;
use super::go_json;
use crate::Protocol;
use crate::toolbox::Machine;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use terminal::Terminal;
use wish::Wish;

/// A sandbox's terminals by id. One whose shell has exited is not there any more.
#[derive(Default)]
pub struct Ptys(Mutex<BTreeMap<String, Arc<Terminal>>>);

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

const NOT_FOUND: &str = "PTY session not found";

impl Ptys {
    /// Ends everything, before the processes are killed.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.0.lock());
        all.values().for_each(|terminal| terminal.kill());
    }

    fn get(&self, id: &str) -> Option<Arc<Terminal>> {
        self.0.lock().get(id).cloned()
    }

    /// Takes the terminal in, unless there is one of that id.
    fn add(&self, terminal: &Arc<Terminal>) -> bool {
        let mut all = self.0.lock();
        let is_new = !all.contains_key(&terminal.id);
        if is_new {
            all.insert(terminal.id.clone(), terminal.clone());
        }
        is_new
    }

    /// Forgets this terminal, not a later one of the same id.
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

fn taken(asked: &Asked, id: &str) -> Response<Body> {
    asked.plain(StatusCode::CONFLICT, &format!("PTY session with ID '{id}' already exists"))
}

async fn list(State(machine): State<Arc<Machine>>) -> Response<Body> {
    let sessions: Vec<Value> = machine.ptys.0.lock().values().map(|terminal| terminal.json()).collect();
    answer(StatusCode::OK, &json!({ "sessions": sessions }))
}

async fn create(State(machine): State<Arc<Machine>>, asked: Asked, body: Bytes) -> Response<Body> {
    let wish = match Wish::of_body(&body) {
        Ok(wish) => wish,
        Err(message) => return asked.plain(StatusCode::BAD_REQUEST, &message),
    };
    let terminal = Terminal::new(&machine, wish);
    if !machine.ptys.add(&terminal) {
        return taken(&asked, &terminal.id);
    }
    if !terminal.lazy_start && terminal.start(&machine).is_err() {
        machine.ptys.remove(&terminal);
        return asked.plain(StatusCode::INTERNAL_SERVER_ERROR, "failed to start PTY session");
    }
    answer(StatusCode::CREATED, &json!({ "sessionId": terminal.id }))
}

async fn info(State(machine): State<Arc<Machine>>, asked: Asked, Path(id): Path<String>) -> Response<Body> {
    match machine.ptys.get(&id) {
        Some(terminal) => answer(StatusCode::OK, &terminal.json()),
        None => asked.plain(StatusCode::NOT_FOUND, NOT_FOUND),
    }
}

async fn delete(State(machine): State<Arc<Machine>>, asked: Asked, Path(id): Path<String>) -> Response<Body> {
    let Some(terminal) = machine.ptys.get(&id) else {
        return asked.plain(StatusCode::NOT_FOUND, NOT_FOUND);
    };
    machine.ptys.remove(&terminal);
    // Reads /proc, as often as it takes.
    let _ = tokio::task::spawn_blocking(move || terminal.kill()).await;
    answer(StatusCode::OK, &json!({ "message": "PTY session deleted" }))
}

async fn resize(
    State(machine): State<Arc<Machine>>,
    asked: Asked,
    Path(id): Path<String>,
    body: Bytes,
) -> Response<Body> {
    let (cols, rows) = match wish::size_of_body(&body) {
        Ok(size) => size,
        Err(message) => return asked.plain(StatusCode::BAD_REQUEST, &message),
    };
    let Some(terminal) = machine.ptys.get(&id) else {
        return asked.plain(StatusCode::GONE, &format!("PTY session {id} not found"));
    };
    match terminal.resize(cols, rows) {
        Ok(()) => answer(StatusCode::OK, &terminal.json()),
        Err(message) => asked.plain(StatusCode::INTERNAL_SERVER_ERROR, &message),
    }
}

async fn connect(
    State(machine): State<Arc<Machine>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response<Body> {
    let Ok(upgrade) = upgrade else { return no_upgrade() };
    let (upgrade, tells_exit) = socket::prepared(upgrade, machine.protocol, &headers);
    upgrade.on_upgrade(move |socket| async move {
        match seat(&machine, &id) {
            Ok((terminal, seat)) => socket::attend(socket, terminal, seat, tells_exit).await,
            Err(why) => socket::refuse(socket, &format!("Failed to connect to PTY session: {why}")).await,
        }
    })
}

/// A seat at a terminal; the first one starts a lazy shell, and so misses none of its output.
fn seat(machine: &Arc<Machine>, id: &str) -> Result<(Arc<Terminal>, audience::Seat), String> {
    let terminal = machine.ptys.get(id).ok_or_else(|| format!("PTY session {id} not found"))?;
    let seat = terminal
        .seat()
        .ok_or_else(|| format!("PTY session '{id}' has terminated and is no longer available"))?;
    match terminal.start(machine) {
        Ok(()) => Ok((terminal, seat)),
        Err(error) => Err(format!("failed to start PTY session: {error}")),
    }
}

/// Makes a terminal and attends it, in one request: not in 0.190, where the name is some terminal's id.
async fn create_connect(
    State(machine): State<Arc<Machine>>,
    asked: Asked,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Upgrade,
) -> Response<Body> {
    if machine.protocol == Protocol::V0_190 {
        return info(State(machine), asked, Path("create-connect".to_owned())).await;
    }
    let wish = match Wish::of_query(query.as_deref().unwrap_or_default(), &headers) {
        Ok(wish) => wish,
        Err(message) => return asked.plain(StatusCode::BAD_REQUEST, &message),
    };
    if machine.ptys.get(&wish.id).is_some() {
        return taken(&asked, &wish.id);
    }
    let Ok(upgrade) = upgrade else { return no_upgrade() };
    let terminal = Terminal::new(&machine, wish);
    if !machine.ptys.add(&terminal) {
        return taken(&asked, &terminal.id);
    }
    let (upgrade, tells_exit) = socket::prepared(upgrade, machine.protocol, &headers);
    let forgotten = (machine.clone(), terminal.clone());
    upgrade
        // A client that left before it had its answer leaves nothing behind.
        .on_failed_upgrade(move |_| forgotten.0.ptys.remove(&forgotten.1))
        .on_upgrade(move |socket| async move {
            let started = terminal
                .seat()
                .ok_or_else(|| "it was deleted".to_owned())
                .and_then(|seat| terminal.start(&machine).map(|()| seat).map_err(|error| error.to_string()));
            match started {
                Ok(seat) => socket::attend(socket, terminal, seat, tells_exit).await,
                Err(why) => {
                    machine.ptys.remove(&terminal);
                    socket::refuse(socket, &format!("Failed to start PTY session: {why}")).await;
                }
            }
        })
}

fn no_upgrade() -> Response<Body> {
    let headers = [(header::SEC_WEBSOCKET_VERSION, "13")];
    (StatusCode::BAD_REQUEST, headers, "Bad Request\n").into_response()
}
