//! One language server: its process, and what the daemon asks it.

use super::connection::{Connection, Failure};
use crate::processes;
use crate::toolbox::Machine;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::fmt;
use std::io;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;

/// How long a server may take to start, and to answer. Below the 60 s that clients wait.
const START_LIMIT: Duration = Duration::from_secs(50);
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long it may take to end by itself.
const END_LIMIT: Duration = Duration::from_secs(2);

/// How long the answers of a process that has ended are read on.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// Of what a server says on stderr only the end is kept, for messages.
const COMPLAINT_BYTES: usize = 2 << 10;

/// A program that serves languages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Program {
    Python,
    TypeScript,
}

impl Program {
    pub fn of(language: &str) -> Option<Self> {
        match language {
            "python" => Some(Self::Python),
            "typescript" | "javascript" => Some(Self::TypeScript),
            _ => None,
        }
    }

    fn command(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::Python => ("pylsp", &[]),
            Self::TypeScript => ("typescript-language-server", &["--stdio"]),
        }
    }

    /// How to have it.
    fn package(self) -> &'static str {
        match self {
            Self::Python => "the Python package python-lsp-server, Debian's python3-pylsp",
            Self::TypeScript => "the npm packages typescript-language-server and typescript",
        }
    }
}

pub struct LanguageServer {
    connection: Connection,
    /// True once the process has ended.
    process: watch::Receiver<bool>,
    group: Option<u32>,
    complaint: Arc<Mutex<Vec<u8>>>,
    has_workspace_symbols: bool,
}

pub enum StartError {
    NotInstalled(Program),
    Io(io::Error),
    /// It started, and did not get ready.
    NotReady(Failure, String),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInstalled(program) => {
                write!(f, "{} is not installed: install {}", program.command().0, program.package())
            }
            Self::Io(error) => error.fmt(f),
            Self::NotReady(failure, complaint) => write!(f, "{failure}{complaint}"),
        }
    }
}

impl LanguageServer {
    pub async fn start(machine: &Machine, program: Program, project: &str) -> Result<Self, StartError> {
        let (name, arguments) = program.command();
        let found = machine.program(name).ok_or(StartError::NotInstalled(program))?;
        let mut command = Command::new(found);
        command
            .args(arguments)
            .env_clear()
            .envs(machine.command_env())
            .current_dir(&machine.home)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().map_err(StartError::Io)?;
        let (Some(input), Some(output), Some(errors)) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take())
        else {
            return Err(StartError::Io(io::Error::other("the pipes are missing")));
        };
        let complaint = Arc::new(Mutex::new(Vec::new()));
        tokio::spawn(keep_the_end(errors, complaint.clone()));
        let connection = Connection::new(output, input);
        let mut server = Self {
            group: process.id(),
            process: waited_for(process, connection.ender()),
            connection,
            complaint,
            has_workspace_symbols: false,
        };
        match server.initialize(project).await {
            Ok(()) => Ok(server),
            Err(failure) => {
                server.kill().await;
                Err(StartError::NotReady(failure, server.complaint()))
            }
        }
    }

    async fn initialize(&mut self, project: &str) -> Result<(), Failure> {
        let params = json!({
            "processId": std::process::id(),
            "clientInfo": { "name": "daytona-dev", "version": env!("CARGO_PKG_VERSION") },
            "rootUri": format!("file://{project}"),
            // It would look for type declarations in a package registry.
            "initializationOptions": { "disableAutomaticTypingAcquisition": true },
            "capabilities": {
                "textDocument": {
                    "completion": {
                        "dynamicRegistration": true,
                        "completionItem": {
                            "snippetSupport": true,
                            "commitCharactersSupport": true,
                            "documentationFormat": ["markdown", "plaintext"],
                            "deprecatedSupport": true,
                            "preselectSupport": true,
                        },
                        "contextSupport": true,
                    },
                    "documentSymbol": {
                        "dynamicRegistration": true,
                        "symbolKind": { "valueSet": (1..=13).collect::<Vec<_>>() },
                    },
                },
                "workspace": { "symbol": { "dynamicRegistration": true } },
            },
        });
        let said = self.connection.request("initialize", params, START_LIMIT).await?;
        let provider = &said["capabilities"]["workspaceSymbolProvider"];
        self.has_workspace_symbols = provider.is_object() || provider == true;
        self.connection.notify("initialized", json!({}), ANSWER_LIMIT).await
    }

    pub fn has_ended(&self) -> bool {
        *self.process.borrow() || self.connection.has_ended()
    }

    /// Whether it can look for symbols in all files.
    pub fn has_workspace_symbols(&self) -> bool {
        self.has_workspace_symbols
    }

    pub async fn open(&self, uri: &str, language: &str, text: &str) -> Result<(), Failure> {
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.connection
            .notify("textDocument/didOpen", json!({ "textDocument": document }), ANSWER_LIMIT)
            .await
    }

    pub async fn close(&self, uri: &str) -> Result<(), Failure> {
        let params = json!({ "textDocument": { "uri": uri } });
        self.connection.notify("textDocument/didClose", params, ANSWER_LIMIT).await
    }

    /// The symbols of a document, as the daemon tells them; `null` where the server says so.
    pub async fn document_symbols(&self, uri: &str) -> Result<Value, Failure> {
        let params = json!({ "textDocument": { "uri": uri } });
        let symbols = self.connection.request("textDocument/documentSymbol", params, ANSWER_LIMIT).await?;
        Ok(as_symbols(&symbols))
    }

    pub async fn workspace_symbols(&self, query: &str) -> Result<Value, Failure> {
        let params = json!({ "query": query });
        let symbols = self.connection.request("workspace/symbol", params, ANSWER_LIMIT).await?;
        Ok(as_symbols(&symbols))
    }

    pub async fn completions(
        &self,
        uri: &str,
        position: &Value,
        context: Option<&Value>,
    ) -> Result<Value, Failure> {
        let mut params = json!({ "textDocument": { "uri": uri }, "position": position });
        if let Some(context) = context {
            params["context"] = context.clone();
        }
        let found = self.connection.request("textDocument/completion", params, ANSWER_LIMIT).await?;
        let (is_incomplete, items) = match &found {
            Value::Array(items) => (false, Some(items)),
            list => (list["isIncomplete"] == true, list["items"].as_array()),
        };
        let items = items.map(|items| items.iter().map(as_item).collect::<Vec<_>>());
        Ok(json!({ "isIncomplete": is_incomplete, "items": items }))
    }

    /// Asks it to end, and kills it when it does not.
    pub async fn stop(&self) {
        let asked = async {
            self.connection.request("shutdown", Value::Null, END_LIMIT).await?;
            self.connection.notify("exit", Value::Null, END_LIMIT).await
        };
        let mut process = self.process.clone();
        if asked.await.is_ok() {
            let _late = tokio::time::timeout(END_LIMIT, process.wait_for(|ended| *ended)).await;
        }
        self.kill().await;
    }

    /// Kills its process group and waits for the process.
    async fn kill(&self) {
        let mut process = self.process.clone();
        // Not waited for yet, so the number still is this group's.
        if !*process.borrow()
            && let Some(group) = self.group
        {
            processes::kill_group(group);
        }
        let _ended = process.wait_for(|ended| *ended).await;
    }

    /// The end of what it said on stderr, for a message.
    pub fn complaint(&self) -> String {
        let complaint = self.complaint.lock();
        match String::from_utf8_lossy(&complaint).trim() {
            "" => String::new(),
            said => format!("; it said: {said}"),
        }
    }
}

/// Waits for a process and then ends its connection: a child of it may hold the pipes open for ever.
fn waited_for(mut process: Child, end: impl FnOnce() + Send + 'static) -> watch::Receiver<bool> {
    let (ended, receiver) = watch::channel(false);
    tokio::spawn(async move {
        let _status = process.wait().await;
        ended.send_replace(true);
        // Its last answers may still be in the pipe.
        tokio::time::sleep(LAST_ANSWERS).await;
        end();
    });
    receiver
}

async fn keep_the_end(mut errors: impl AsyncRead + Unpin, kept: Arc<Mutex<Vec<u8>>>) {
    let mut piece = [0; 1024];
    while let Ok(length @ 1..) = errors.read(&mut piece).await {
        let mut kept = kept.lock();
        kept.extend_from_slice(&piece[..length]);
        let surplus = kept.len().saturating_sub(COMPLAINT_BYTES);
        kept.drain(..surplus);
    }
}

/// What the daemon keeps of symbols: kind, place and name.
fn as_symbols(symbols: &Value) -> Value {
    let Some(symbols) = symbols.as_array() else { return Value::Null };
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    let position = |position: &Value| json!({ "character": number(&position["character"]), "line": number(&position["line"]) });
    let as_symbol = |symbol: &Value| {
        let location = &symbol["location"];
        let range = &location["range"];
        json!({
            "kind": number(&symbol["kind"]),
            "location": {
                "range": { "end": position(&range["end"]), "start": position(&range["start"]) },
                "uri": location["uri"].as_str().unwrap_or_default(),
            },
            "name": symbol["name"].as_str().unwrap_or_default(),
        })
    };
    symbols.iter().map(as_symbol).collect()
}

/// What the daemon keeps of a completion, in its order.
fn as_item(item: &Value) -> Value {
    let mut kept = Map::new();
    kept.insert("label".to_owned(), item["label"].as_str().unwrap_or_default().into());
    if let Some(kind) = item["kind"].as_i64() {
        kept.insert("kind".to_owned(), kind.into());
    }
    for key in ["detail", "documentation", "sortText", "filterText", "insertText"] {
        let value = &item[key];
        if value.is_string() || key == "documentation" && !value.is_null() {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    kept.into()
}
