//! Language servers: real ones, one process for each language and project, started on request.
//!
//! * `connection`: JSON-RPC over a server's pipes. `language_server`: a process, and what the daemon asks it.
//! * `request`: the bodies and queries, and how each protocol refuses. `project`: looking for symbols in the files
//!   of a project, for a server that cannot.
//!
//! The 0.190 daemon starts the TypeScript server for every language, unless something was asked of that language
//! before; in 0.190 mode the answers are the same.

mod connection;
mod language_server;
mod project;
mod request;

use super::go_json;
use crate::Protocol;
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, ErrorResponse};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use connection::Failure;
use language_server::{LanguageServer, Program};
use parking_lot::Mutex;
use request::{Completion, Document, LspCall, Project};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// The largest file that is opened.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// A sandbox's language servers, by language and project path.
#[derive(Default)]
pub struct LanguageServers(Mutex<HashMap<(String, String), Arc<Slot>>>);

/// The place of one server.
struct Slot {
    program: Program,
    server: tokio::sync::Mutex<Option<Arc<LanguageServer>>>,
}

impl Slot {
    fn new(program: Program) -> Arc<Self> {
        Arc::new(Self { program, server: Default::default() })
    }
}

impl LanguageServers {
    /// Forgets every server. Their processes end with the machine's.
    pub fn clear(&self) {
        self.0.lock().clear();
    }

    fn remove(&self, project: &Project) -> Option<Arc<Slot>> {
        self.0.lock().remove(&project.key())
    }

    /// The slot of a project; `None`: no server speaks its language.
    fn slot(&self, protocol: Protocol, project: &Project, to_start: bool) -> Option<Arc<Slot>> {
        let mut slots = self.0.lock();
        if let Some(slot) = slots.get(&project.key()) {
            return Some(slot.clone());
        }
        let program = match (protocol, to_start) {
            (Protocol::V0_205 | Protocol::V0_226, _) => Program::of(&project.language_id),
            (Protocol::V0_190, true) => Some(Program::TypeScript),
            (Protocol::V0_190, false) => match project.language_id.as_str() {
                "python" => Some(Program::Python),
                "typescript" => Some(Program::TypeScript),
                _ => None,
            },
        };
        let slot = Slot::new(program?);
        // In 0.205 only a start leaves something behind.
        if to_start || protocol == Protocol::V0_190 {
            slots.insert(project.key(), slot.clone());
        }
        Some(slot)
    }
}

pub fn routes() -> Router<Arc<Machine>> {
    Router::new()
        .route("/lsp/start", post(start))
        .route("/lsp/stop", post(stop))
        .route("/lsp/did-open", post(did_open))
        .route("/lsp/did-close", post(did_close))
        .route("/lsp/completions", post(completions))
        .route("/lsp/document-symbols", get(document_symbols))
        .route("/lsp/workspacesymbols", get(workspace_symbols))
}

async fn start(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, project) = LspCall::read::<Project>(machine, request).await?;
    let servers = &call.machine().language_servers;
    let slot =
        servers.slot(call.protocol(), &project, true).ok_or_else(|| call.unknown_language(&project))?;
    // On a task of its own: a server must be kept also when the client leaves meanwhile.
    let machine = call.machine().clone();
    let starting = tokio::spawn(async move {
        let mut server = slot.server.lock().await;
        if server.as_ref().is_none_or(|server| server.has_ended()) {
            *server = Some(Arc::new(
                LanguageServer::start(&machine, slot.program, &project.path_to_project).await?,
            ));
        }
        Ok::<_, language_server::StartError>(())
    });
    match starting.await {
        Ok(Ok(())) => Ok(StatusCode::OK.into_response()),
        Ok(Err(error)) => Err(call.internal(&format!("error starting LSP server: {error}"))),
        Err(_) => Err(call.internal("error starting LSP server")),
    }
}

async fn stop(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, project) = LspCall::read::<Project>(machine, request).await?;
    let slot = call.machine().language_servers.remove(&project);
    let server = match slot {
        Some(slot) => slot.server.lock().await.take(),
        None => None,
    };
    let Some(server) = server else {
        let language = &project.language_id;
        return Err(call.internal(&format!("error stopping LSP server: no server for language: {language}")));
    };
    let stopping = tokio::spawn(async move { server.stop().await });
    let _panicked = stopping.await;
    Ok(StatusCode::OK.into_response())
}

async fn did_open(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, document) = LspCall::read::<Document>(machine, request).await?;
    let (server, slot_language) = started(&call, &document.project).await?;
    let path = document.uri.strip_prefix("file://").unwrap_or(&document.uri);
    let path = call.machine().work_dir.join(path);
    let text = read_file(&path).await.map_err(|error| {
        call.bad_request(&format!("failed to read file: open {}: {error}", path.display()))
    })?;
    let opened = server.open(&document.uri, slot_language, &text).await;
    opened.map_err(|failure| failed(&call, &server, failure))?;
    Ok(StatusCode::OK.into_response())
}

async fn read_file(path: &std::path::Path) -> std::io::Result<String> {
    let metadata = tokio::fs::metadata(path).await?;
    if !metadata.is_file() || metadata.len() > MAX_FILE_BYTES {
        return Err(std::io::Error::other("not a file, or larger than 16 MiB"));
    }
    Ok(String::from_utf8_lossy(&tokio::fs::read(path).await?).into_owned())
}

async fn did_close(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, document) = LspCall::read::<Document>(machine, request).await?;
    let (server, _) = started(&call, &document.project).await?;
    let closed = server.close(&document.uri).await;
    closed.map_err(|failure| failed(&call, &server, failure))?;
    Ok(StatusCode::OK.into_response())
}

async fn completions(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, completion) = LspCall::read::<Completion>(machine, request).await?;
    let (server, _) = started(&call, &completion.project).await?;
    let position = json!({ "line": completion.position.line, "character": completion.position.character });
    let found = server.completions(&completion.uri, &position, completion.context.as_ref()).await;
    Ok(go_json::answer(&found.map_err(|failure| failed(&call, &server, failure))?))
}

async fn document_symbols(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, query) = LspCall::query(machine, request, "uri")?;
    let (server, _) = started(&call, &query.project).await?;
    let found = server.document_symbols(&query.value).await;
    Ok(go_json::answer(&found.map_err(|failure| failed(&call, &server, failure))?))
}

async fn workspace_symbols(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, query) = LspCall::query(machine, request, "query")?;
    let (server, _) = started(&call, &query.project).await?;
    let found = if server.has_workspace_symbols() || call.protocol() == Protocol::V0_190 {
        server.workspace_symbols(&query.value).await
    } else {
        let root = call.machine().work_dir.join(&query.project.path_to_project);
        project::symbols(&server, root, &query.value).await
    };
    Ok(go_json::answer(&found.map_err(|failure| failed(&call, &server, failure))?))
}

/// The server of a project, and the language that it opens documents in.
async fn started<'a>(
    call: &LspCall,
    project: &'a Project,
) -> Result<(Arc<LanguageServer>, &'a str), ErrorResponse> {
    let servers = &call.machine().language_servers;
    let slot = servers.slot(call.protocol(), project, false).ok_or_else(|| call.unknown_language(project))?;
    let server = slot.server.lock().await.clone().ok_or_else(|| call.not_initialized())?;
    let language = match (call.protocol(), slot.program) {
        (Protocol::V0_205 | Protocol::V0_226, _) => &project.language_id,
        (Protocol::V0_190, Program::Python) => "python",
        (Protocol::V0_190, Program::TypeScript) => "typescript",
    };
    if call.protocol() >= Protocol::V0_205 && server.has_ended() {
        return Err(call.ended(&server.complaint()));
    }
    Ok((server, language))
}

fn failed(call: &LspCall, server: &LanguageServer, failure: Failure) -> ErrorResponse {
    match failure {
        Failure::Ended => call.bad_request(&format!("{failure}: start it again{}", server.complaint())),
        Failure::Silent(_) => call.silent(&failure.to_string()),
        Failure::Refused(..) => call.bad_request(&failure.to_string()),
    }
}
