//! A dev server in process with one sandbox, and the client's operations on it by name.

use crate::coverage;
use crate::dev_server::{self, DevServer};
use crate::support::{self, Running};
use daytona::Result;
use daytona::catalogue::{self, Context, Outcome, TargetRef};
use daytona::client::sandbox::Sandbox;
use daytona::client::stream::ErrorContext;
use daytona_dev::outside::{Outside, as_owner_of};
use daytona_dev::{Options, Protocol};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// What may stand in a path, short of `/` and NUL.
pub const ODD_NAMES: [&str; 9] = [
    "with  spaces and + plus",
    "quotes \" and ' and `",
    "back\\slash",
    "new\nline\tand tab",
    "ü 日本語 🦀",
    "100% %41 & a=b ; #?",
    "..hidden",
    "-rf",
    "semi;colon=\"x\"; filename*=utf-8''y",
];

/// A [`DevServer`] with one sandbox of its own.
pub struct Fixture {
    dev_server: DevServer,
    pub sandbox: Sandbox,
    /// The sandbox's home as this machine sees it. Reading is free; what is made goes through [`Self::put`].
    pub home: PathBuf,
    /// A local directory of the test's own.
    pub local: tempfile::TempDir,
}

impl std::ops::Deref for Fixture {
    type Target = DevServer;

    fn deref(&self) -> &DevServer {
        &self.dev_server
    }
}

pub type Progress = Vec<(u64, Option<u64>)>;

impl Fixture {
    pub async fn of(protocol: Protocol, config: Value) -> Self {
        let dev_server = DevServer::with(Options { protocol, ..Options::default() }, config).await;
        let sandbox = dev_server.create(json!({})).await;
        let home = support::call(&sandbox, "sandbox.home_dir", json!({})).await.unwrap();
        let outside = Outside::of(&dev_server.server, sandbox.id()).unwrap();
        let home = outside.path(home["dir"].as_str().unwrap());
        Self { dev_server, sandbox, home, local: tempfile::tempdir().unwrap() }
    }

    /// This machine's number of a process that the sandbox knows by this one.
    pub fn process(&self, inside: &str) -> String {
        let process = Outside::of(&self.dev_server.server, self.sandbox.id()).unwrap().process(inside.trim());
        process.map_or("gone".to_owned(), |process| process.to_string())
    }

    /// Makes a file in the sandbox's home, past the toolbox.
    pub fn put(&self, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
        let path = self.home.join(path);
        as_owner_of(&self.home, || std::fs::write(path, content)).unwrap();
    }

    /// Makes a directory in the sandbox's home, and those above it, past the toolbox.
    pub fn put_directory(&self, path: impl AsRef<Path>) {
        let path = self.home.join(path);
        as_owner_of(&self.home, || std::fs::create_dir_all(path)).unwrap();
    }

    pub async fn new() -> Self {
        Self::of(Protocol::V0_205, json!({})).await
    }

    /// One of each protocol.
    pub async fn both() -> [Self; 2] {
        [Self::of(Protocol::V0_205, json!({})).await, Self::of(Protocol::V0_190, json!({})).await]
    }

    pub async fn call(&self, operation: &str, params: Value) -> Result<Value> {
        dev_server::described(operation, support::soon(support::call(&self.sandbox, operation, params)).await)
    }

    pub async fn does(&self, operation: &str, params: Value) -> Value {
        let shown = format!("{operation} {params}");
        self.call(operation, params).await.unwrap_or_else(|error| panic!("{shown}: {error:?}"))
    }

    pub async fn executes(&self, command: &str) -> Value {
        self.does("process.execute", json!({"command": command})).await
    }

    pub async fn runs(&self, params: Value) -> (String, String, i64) {
        let ran = self.does("process.run", params).await;
        let text = |key: &str| ran[key].as_str().unwrap().to_owned();
        (text("stdout"), text("stderr"), ran["exitCode"].as_i64().unwrap())
    }

    pub async fn sessions(&self) -> Value {
        self.does("session.list", json!({})).await
    }

    /// With the progress that it reported.
    pub async fn with_progress(&self, operation: &str, params: Value) -> (Result<Value>, Progress) {
        let progress = Arc::new(Mutex::new(Vec::new()));
        let list = progress.clone();
        let context = Context {
            body: Default::default(),
            error_context: ErrorContext::default(),
            progress: Some(Arc::new(move |moved, total| list.lock().unwrap().push((moved, total)))),
        };
        let outcome = support::soon(self.outcome(operation, params, context)).await;
        let json = outcome.map(|outcome| match outcome {
            Outcome::Json(json) => serde_json::from_slice(&json).unwrap(),
            _ => panic!("{operation} answers no JSON"),
        });
        let progress = progress.lock().unwrap().clone();
        (json, progress)
    }

    pub async fn outcome(&self, operation: &str, params: Value, context: Context) -> Result<Outcome> {
        let call = catalogue::Call {
            target: TargetRef::Sandbox(self.sandbox.clone()),
            params: params.to_string().into_bytes(),
            context,
        };
        let outcome = catalogue::find(operation).unwrap().call.unwrap()(call)?.await?;
        coverage::shown(operation, &coverage::keys(&params));
        Ok(outcome)
    }

    pub async fn write(&self, path: &str, body: impl Into<Vec<u8>>) -> Result<Value> {
        let body: Vec<u8> = body.into();
        let context = Context { body: body.into(), ..support::context() };
        let written = self.outcome("files.write", json!({ "path": path }), context);
        match support::soon(written).await? {
            Outcome::Json(json) => Ok(serde_json::from_slice(&json).unwrap()),
            _ => panic!("files.write answers no JSON"),
        }
    }

    pub async fn read(&self, path: &str) -> Result<Vec<u8>> {
        let read = self.outcome("files.read", json!({ "path": path }), support::context());
        match support::soon(read).await? {
            Outcome::Bytes(bytes) => Ok(bytes),
            _ => panic!("files.read answers no bytes"),
        }
    }

    pub fn open(&self, operation: &str, params: Value) -> Running {
        support::open(&self.sandbox, operation, params).unwrap()
    }

    /// Waits until every connection is closed that the fault `close-idle` struck, and the client had time to see it.
    pub async fn until_idle_is_closed(&self) {
        support::until("idle connections are closed", async || self.server.idle_to_close() == 0).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }

    /// What was asked for with `server.fault` happens no more.
    pub async fn clear_faults(&self) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let host = self.server.api_url().trim_start_matches("http://").trim_end_matches("/api");
        let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
        let request = format!(
            "POST /faults HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {}\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\n[]",
            self.server.api_key()
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }

    /// Writes everything to a stream, in pieces.
    pub async fn feed(running: &Running, content: &[u8]) -> Result<()> {
        let mut rest = content;
        while !rest.is_empty() {
            let taken = running.writer.write(&rest[..rest.len().min(100_000)])?;
            rest = &rest[taken..];
            if taken == 0 {
                let (progress, room) = tokio::sync::oneshot::channel::<()>();
                running.writer.on_room(move || drop(progress));
                let _ = support::soon(room).await;
            }
        }
        Ok(())
    }

    /// A local file with that content.
    pub fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.local.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// A local path where nothing is yet.
    pub fn place(&self, name: &str) -> String {
        self.local.path().join(name).to_str().unwrap().to_owned()
    }

    /// Every local file and directory, below the test's own directory.
    pub fn left(&self) -> Vec<String> {
        names(self.local.path())
    }

    /// Everything in the sandbox's home.
    pub fn remote(&self) -> Vec<String> {
        names(&self.home)
    }
}

pub fn names(root: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(directory) = pending.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            found.push(entry.path().strip_prefix(root).unwrap().to_string_lossy().into_owned());
            if entry.file_type().unwrap().is_dir() {
                pending.push(entry.path());
            }
        }
    }
    found.sort();
    found
}

/// Bytes of which no two stretches are alike, with beginnings of boundaries in between.
pub fn content(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes: Vec<u8> = (0..length)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u8
        })
        .collect();
    for (at, chunk) in bytes.chunks_mut(5000).enumerate() {
        let traps = [&b"\r\n--DAYTONA-FILE-BOUNDARY--\r\n"[..], b"\r\n--", b"\0\xff\r"];
        let trap = traps[at % traps.len()];
        let most = trap.len().min(chunk.len());
        chunk[..most].copy_from_slice(&trap[..most]);
    }
    bytes
}
