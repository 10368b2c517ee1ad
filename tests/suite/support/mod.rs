//! What the tests of streams share: a consumer that collects and can refuse room, and a toolbox whose
//! every answer a test writes down, WebSockets included.

mod isolated;
pub mod toolbox;

pub use isolated::isolated;

use crate::{coverage, described};
use daytona::catalogue::{self, Context, Outcome, Stream, StreamFuture, TargetRef};
use daytona::client::sandbox::Sandbox;
use daytona::client::stream::{Channel, Chunk, Ended, ErrorContext, Input, InputWriter, Io, Sink, input};
use daytona::client::{Client, background};
use daytona::{Error, Result};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::Duration;
use tokio::task::JoinHandle;

pub const KEY: &str = "dtn_a-secret-key-of-the-tests";

/// A client of that API; `more` adds to its configuration. Nothing of the environment counts.
pub fn client(api: &str, more: Value) -> Client {
    let mut config = json!({"apiKey": KEY, "apiUrl": api, "proxy": "", "retries": 0, "events": false});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    Client::open(config.to_string().as_bytes()).unwrap()
}

/// A sandbox whose toolbox is known, so that no request is needed.
pub async fn sandbox(client: &Client, toolbox_proxy: &str) -> Sandbox {
    let sandbox = json!({"id": "sb-1", "state": "started", "toolboxProxyUrl": toolbox_proxy});
    made(client, "sandbox.attach", json!({ "sandbox": sandbox })).await.unwrap().0
}

/// An operation of the client that answers a sandbox.
pub async fn made(client: &Client, operation: &str, params: Value) -> Result<(Sandbox, Value)> {
    let function = catalogue::find(operation).unwrap_or_else(|| panic!("no operation {operation}")).call;
    let call = catalogue::Call {
        target: TargetRef::Client(client.clone()),
        params: params.to_string().into_bytes(),
        context: context(),
    };
    let outcome = function.unwrap()(call)?.await?;
    coverage::shown(operation, &coverage::keys(&params));
    match outcome {
        Outcome::NewSandbox(TargetRef::Sandbox(sandbox), json) => {
            Ok((sandbox, serde_json::from_slice(&json).unwrap()))
        }
        _ => panic!("{operation} makes no sandbox"),
    }
}

pub fn context() -> Context {
    Context { body: Default::default(), error_context: ErrorContext::default(), progress: None }
}

/// A sandbox operation by its name; `null` where it answers nothing.
pub async fn call(sandbox: &Sandbox, operation: &str, params: Value) -> Result<Value> {
    let function = catalogue::find(operation).unwrap_or_else(|| panic!("no operation {operation}")).call;
    let call = catalogue::Call {
        target: TargetRef::Sandbox(sandbox.clone()),
        params: params.to_string().into_bytes(),
        context: context(),
    };
    let outcome = function.unwrap()(call)?.await?;
    coverage::shown(operation, &coverage::keys(&params));
    match outcome {
        Outcome::Json(json) => Ok(serde_json::from_slice(&json).unwrap()),
        Outcome::Null => Ok(Value::Null),
        _ => panic!("{operation} answers no JSON"),
    }
}

/// An operation of a client by its name; a text as a JSON text, `null` where it answers nothing.
pub async fn on_client(client: &Client, operation: &str, params: Value) -> Result<Value> {
    let function = catalogue::find(operation).unwrap_or_else(|| panic!("no operation {operation}")).call;
    let call = catalogue::Call {
        target: TargetRef::Client(client.clone()),
        params: params.to_string().into_bytes(),
        context: context(),
    };
    let outcome = soon(function.unwrap()(call)?).await?;
    coverage::shown(operation, &coverage::keys(&params));
    match outcome {
        Outcome::Json(json) | Outcome::NewSandbox(_, json) => Ok(serde_json::from_slice(&json).unwrap()),
        Outcome::Text(text) => Ok(text.into()),
        Outcome::Null => Ok(Value::Null),
        Outcome::Bytes(_) => panic!("{operation} answers no JSON"),
    }
}

/// Fails the test instead of hanging it.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), work).await.expect("this hangs")
}

/// Waits until it is so.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..1200 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}

/// Waits until it is so, then lets the clock jump: what has this limit meets it now, and not on a busy machine before.
pub async fn until_late(limit_ms: u64, what: &str, condition: impl AsyncFn() -> bool) {
    until(what, condition).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(limit_ms)).await;
    tokio::time::resume();
}

/// Waits until no clean-up runs in the background: of any test, because the count is the process's.
pub async fn until_idle() {
    until("no clean-up runs", async || !background::running()).await;
}

/// An open stream and what came of it.
pub struct Running {
    pub sink: Arc<Collector>,
    pub writer: InputWriter,
    operation: String,
    /// The arguments and options that it was opened with.
    keys: String,
    task: JoinHandle<Result<Ended>>,
}

/// Opens a stream operation; an error before anything is sent comes at once.
pub fn open(sandbox: &Sandbox, operation: &str, params: Value) -> Result<Running> {
    let sink = Arc::new(Collector::default());
    let (writer, reader) = input(1 << 20);
    let keys = coverage::keys(&params);
    let future = future(sandbox, operation, params, sink.clone(), reader)?;
    Ok(Running { sink, writer, operation: operation.to_owned(), keys, task: tokio::spawn(future) })
}

pub fn future(
    sandbox: &Sandbox,
    operation: &str,
    params: Value,
    sink: Arc<Collector>,
    input: Input,
) -> Result<StreamFuture> {
    let function = catalogue::find(operation).unwrap_or_else(|| panic!("no operation {operation}")).stream;
    function.unwrap()(Stream {
        target: TargetRef::Sandbox(sandbox.clone()),
        params: params.to_string().into_bytes(),
        io: Box::new(move |_| Io { sink, input, error_context: ErrorContext::default() }),
    })
}

impl Running {
    /// ENDED's JSON, or the error, held against what the catalogue says.
    pub async fn ended(self) -> Result<Value> {
        let ended = soon(self.task).await.expect("the stream panicked");
        let parsed = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap();
        match ended {
            Ok(ended) => {
                coverage::shown(&self.operation, &self.keys);
                let json = parsed(&ended.json);
                described::event(&self.operation, "opened", &parsed(&self.sink.opened().unwrap())).unwrap();
                described::event(&self.operation, "ended", &json).unwrap();
                described::channels(&self.operation, &self.sink.chunks()).unwrap();
                Ok(json)
            }
            Err(error) => {
                described::error(&self.operation, &error).unwrap();
                Err(error)
            }
        }
    }

    pub async fn failed(self) -> Error {
        match self.ended().await {
            Ok(json) => panic!("the stream ended well: {json}"),
            Err(error) => error,
        }
    }

    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// What closing the stream does to its future.
    pub async fn drop_it(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    pub async fn until_output(&self, wanted: &str) {
        until(wanted, async || String::from_utf8_lossy(&self.sink.all()).contains(wanted)).await;
    }

    pub async fn until_open(&self) {
        until("open", async || self.sink.opened().is_some()).await;
        coverage::shown(&self.operation, &self.keys);
    }
}

/// Collects a stream's chunks, and refuses room when told.
#[derive(Default)]
pub struct Collector(Mutex<Collecting>);

#[derive(Default)]
struct Collecting {
    opened: Option<Vec<u8>>,
    chunks: Vec<Chunk>,
    paused: bool,
    waiting: Option<Waker>,
}

impl Collector {
    pub fn opened(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap().opened.clone()
    }

    pub fn chunks(&self) -> Vec<Chunk> {
        self.0.lock().unwrap().chunks.clone()
    }

    pub fn of(&self, channel: Channel) -> Vec<u8> {
        let collecting = self.0.lock().unwrap();
        collecting
            .chunks
            .iter()
            .filter(|chunk| chunk.channel == channel)
            .flat_map(|chunk| chunk.data.to_vec())
            .collect()
    }

    pub fn stdout(&self) -> Vec<u8> {
        self.of(Channel::Stdout)
    }

    pub fn stderr(&self) -> Vec<u8> {
        self.of(Channel::Stderr)
    }

    pub fn all(&self) -> Vec<u8> {
        self.0.lock().unwrap().chunks.iter().flat_map(|chunk| chunk.data.to_vec()).collect()
    }

    pub fn refuse_room(&self) {
        self.0.lock().unwrap().paused = true;
    }

    pub fn give_room(&self) {
        let mut collecting = self.0.lock().unwrap();
        collecting.paused = false;
        if let Some(waiting) = collecting.waiting.take() {
            waiting.wake();
        }
    }
}

impl Sink for Collector {
    fn opened(&self, json: Vec<u8>) {
        let mut collecting = self.0.lock().unwrap();
        assert!(collecting.opened.is_none(), "opened twice");
        assert!(collecting.chunks.is_empty(), "data before it was open");
        collecting.opened = Some(json);
    }

    fn poll_room(&self, cx: &mut std::task::Context<'_>) -> Poll<()> {
        let mut collecting = self.0.lock().unwrap();
        if !collecting.paused {
            return Poll::Ready(());
        }
        collecting.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    fn data(&self, chunk: Chunk) {
        let mut collecting = self.0.lock().unwrap();
        assert!(collecting.opened.is_some(), "data before it was open");
        assert!(!collecting.paused, "data without room");
        collecting.chunks.push(chunk);
    }
}
