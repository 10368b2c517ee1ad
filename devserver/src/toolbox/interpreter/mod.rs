//! The interpreter: Python code that runs in lasting contexts, with its output as it happens.
//!
//! * `worker`: the Python process of a context, and the script that runs in it. `context`: the queue of a
//!   context and what happens at a time limit. `run`: one run and its WebSocket.

mod context;
mod run;
mod worker;

use super::error::{RequestInfo, no_upgrade};
use super::go_json::{self, FieldType, Shape};
use crate::toolbox::Machine;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{Response, StatusCode};
use axum::routing::{any, get};
use context::Context;
use futures_util::StreamExt;
use parking_lot::Mutex;
use run::{CLOSE_INTERNAL, CLOSE_POLICY, ExecuteRequest, Job, close_frame};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use worker::StartError;

/// The context of runs that name none. It starts with the first of them and is in no list.
const DEFAULT: &str = "default";

/// Code may be long.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

const CREATE: Shape = Shape {
    package: "interpreter",
    name: "CreateContextRequest",
    fields: &[("cwd", FieldType::Text), ("language", FieldType::Text)],
};

/// A sandbox's contexts, in the order of their creation.
#[derive(Default)]
pub struct Interpreters(Mutex<Vec<Arc<Context>>>);

impl Interpreters {
    /// Ends every context.
    pub fn clear(&self) {
        std::mem::take(&mut *self.0.lock()).iter().for_each(|context| context.stop());
    }

    fn find(&self, id: &str) -> Option<Arc<Context>> {
        self.0.lock().iter().find(|context| context.id == id).cloned()
    }

    fn remove(&self, id: &str) -> Option<Arc<Context>> {
        let mut all = self.0.lock();
        let at = all.iter().position(|context| context.id == id)?;
        Some(all.remove(at))
    }

    fn default_context(&self, machine: &Arc<Machine>) -> Result<Arc<Context>, StartError> {
        let mut all = self.0.lock();
        if let Some(context) = all.iter().find(|context| context.id == DEFAULT) {
            return Ok(context.clone());
        }
        let context = Context::start(machine, DEFAULT.to_owned(), machine.work_dir.clone())?;
        all.push(context.clone());
        Ok(context)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled => f.write_str("python3 is not installed: install the package python3"),
            Self::Io(error) => write!(f, "failed to start Python worker: {error}"),
        }
    }
}

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/process/interpreter/context", get(list).post(create))
        .route("/process/interpreter/context/{id}", axum::routing::delete(delete))
        .route("/process/interpreter/execute", any(execute))
}

async fn list(State(machine): State<Arc<Machine>>) -> Response<Body> {
    let all = machine.interpreters.0.lock();
    let contexts: Vec<Value> =
        all.iter().filter(|context| context.id != DEFAULT).map(|context| context.json()).collect();
    go_json::answer(&json!({ "contexts": contexts }))
}

async fn create(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    body: Bytes,
) -> Response<Body> {
    let fields = match CREATE.decode(&body) {
        Ok(fields) => fields,
        Err(complaint) => {
            let message = format!("bad request: invalid request payload: {complaint}");
            return request_info.empty(StatusCode::BAD_REQUEST, &message);
        }
    };
    let text = |key: &str| fields.get(key).and_then(Value::as_str);
    if let Some(language) = text("language").filter(|language| *language != "python") {
        let message = format!("bad request: unsupported language: {language} (only 'python' is supported)");
        return request_info.empty(StatusCode::BAD_REQUEST, &message);
    }
    let cwd = machine.work_dir.join(text("cwd").unwrap_or_default());
    // Without a trailing slash where `cwd` is empty.
    let cwd: std::path::PathBuf = cwd.components().collect();
    if !cwd.is_dir() {
        let message = format!("failed to start context: chdir {}: no such directory", cwd.display());
        return request_info.empty(StatusCode::INTERNAL_SERVER_ERROR, &message);
    }
    match Context::start(&machine, uuid::Uuid::new_v4().to_string(), cwd) {
        Ok(context) => {
            machine.interpreters.0.lock().push(context.clone());
            go_json::answer(&context.json())
        }
        Err(error @ StartError::NotInstalled) => {
            request_info.plain(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
        }
        Err(error) => {
            let message = format!("failed to start context: {error}");
            request_info.empty(StatusCode::INTERNAL_SERVER_ERROR, &message)
        }
    }
}

async fn delete(
    State(machine): State<Arc<Machine>>,
    request_info: RequestInfo,
    Path(id): Path<String>,
) -> Response<Body> {
    if id == DEFAULT {
        return request_info.empty(StatusCode::BAD_REQUEST, "bad request: cannot delete default context");
    }
    let Some(context) = machine.interpreters.remove(&id) else {
        let message = format!("not found: context with ID '{id}' not found");
        return request_info.empty(StatusCode::NOT_FOUND, &message);
    };
    context.stop();
    context.stopped().await;
    go_json::answer(&json!({ "message": "Context deleted successfully" }))
}

async fn execute(
    State(machine): State<Arc<Machine>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response<Body> {
    let Ok(upgrade) = upgrade else { return no_upgrade() };
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    upgrade.on_upgrade(move |socket| run_on(machine, socket))
}

async fn run_on(machine: Arc<Machine>, mut socket: WebSocket) {
    let first = loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => break text.as_bytes().to_vec(),
            Some(Ok(Message::Binary(bytes))) => break bytes.to_vec(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Close(_)) | Err(_)) | None => {
                // tungstenite sends the reply to a close frame with the next read.
                let _gone = socket.recv().await;
                return;
            }
        }
    };
    match start(&machine, &first).await {
        Ok(output) => {
            let (sender, receiver) = socket.split();
            run::serve(sender, receiver, output).await;
        }
        Err((code, reason)) => {
            let _left = socket.send(Message::Close(Some(close_frame(code, &reason)))).await;
            let reply = async { while let Some(Ok(_)) = socket.recv().await {} };
            let _late = tokio::time::timeout(std::time::Duration::from_secs(2), reply).await;
        }
    }
}

/// Queues the run that a first message asks for; or a close code and reason.
async fn start(machine: &Arc<Machine>, message: &[u8]) -> Result<run::Output, (u16, String)> {
    let request = ExecuteRequest::parse(message).map_err(|(code, reason)| (code, reason.to_owned()))?;
    let missing = |id: &str| (CLOSE_POLICY, format!("context not found: {id}"));
    let context = match &request.context_id {
        Some(id) => machine.interpreters.find(id).ok_or_else(|| missing(id))?,
        None => machine
            .interpreters
            .default_context(machine)
            .map_err(|error| (CLOSE_INTERNAL, format!("failed to get default context: {error}")))?,
    };
    let (job, output) = Job::new(request);
    context.run(job).await.map_err(|_| missing(&context.id))?;
    Ok(output)
}
