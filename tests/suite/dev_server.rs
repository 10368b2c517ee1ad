//! The client against a dev server: the operations as a binding calls them, over real sandboxes.

use crate::coverage;
use crate::support::{Collector, Running, call, client, context, made, open, soon};
use daytona::catalogue::{self, Outcome, Stream, TargetRef};
use daytona::client::Client;
use daytona::client::sandbox::Sandbox;
use daytona::client::stream::{Ended, ErrorContext, Io, input};
use daytona::{Error, Result};
use daytona_dev::{Options, Protocol, Server};
use serde_json::{Value, json};
use std::sync::Arc;

pub const BOTH: [Protocol; 2] = [Protocol::V0_205, Protocol::V0_190];

pub struct DevServer {
    pub server: Server,
    pub client: Client,
}

impl DevServer {
    pub async fn of(protocol: Protocol) -> Self {
        Self::with(Options { protocol, ..Options::default() }, json!({})).await
    }

    /// One whose sandboxes are isolated, as builds and volumes need it; None, and a line that tells of the skipped test,
    /// where the machine allows no isolation.
    pub async fn isolated(protocol: Protocol) -> Option<Self> {
        let server = Self::of(protocol).await;
        if !server.server.is_isolated() {
            let thread = std::thread::current();
            println!(
                "= isolation: {} skipped: it needs isolated sandboxes",
                thread.name().unwrap_or_default()
            );
            return None;
        }
        Some(server)
    }

    /// With `config` of its client.
    pub async fn with(options: Options, mut config: Value) -> Self {
        coverage::dev_server();
        let server = Server::start(options).await.unwrap();
        config["apiKey"] = json!(server.api_key());
        let client = client(server.api_url(), config);
        Self { server, client }
    }

    /// An operation of the client whose result is a sandbox.
    pub async fn sandbox(&self, operation: &str, params: Value) -> Result<(Sandbox, Value)> {
        let made = soon(made(&self.client, operation, params)).await;
        described(operation, made.as_ref().map(|(_, json)| json.clone()).map_err(Clone::clone)).ok();
        made
    }

    pub async fn create(&self, params: Value) -> Sandbox {
        self.sandbox("sandbox.create", params).await.unwrap().0
    }

    pub async fn refused(&self, operation: &str, params: Value) -> Error {
        match self.sandbox(operation, params.clone()).await {
            Ok((_, json)) => panic!("{operation} {params} is accepted: {json}"),
            Err(error) => error,
        }
    }

    pub async fn json(&self, operation: &str, params: Value) -> Result<Value> {
        let outcome = match self.outcome(operation, params).await {
            Err(error) => return described(operation, Err(error)),
            Ok(outcome) => outcome,
        };
        match outcome {
            Outcome::Json(json) => described(operation, Ok(parsed(&json))),
            Outcome::Null => described(operation, Ok(Value::Null)),
            _ => panic!("{operation} answers no JSON"),
        }
    }

    async fn outcome(&self, operation: &str, params: Value) -> Result<Outcome> {
        let function = catalogue::find(operation).unwrap_or_else(|| panic!("no operation {operation}")).call;
        let call = catalogue::Call {
            target: TargetRef::Client(self.client.clone()),
            params: params.to_string().into_bytes(),
            context: context(),
        };
        let outcome = soon(function.unwrap()(call)?).await?;
        coverage::shown(operation, &coverage::keys(&params));
        Ok(outcome)
    }

    /// sandbox.create as a stream: the build log, and the sandbox that ENDED carries.
    pub async fn create_stream(&self, params: Value) -> (Arc<Collector>, Result<(Sandbox, Value)>) {
        let (sink, ended) = stream(&self.client, "sandbox.create", params).await;
        (sink, ended.map(|ended| (ended.sandbox.expect("a sandbox"), parsed(&ended.json))))
    }

    /// snapshot.create as a stream: the build log, and the snapshot that ENDED carries.
    pub async fn snapshot_stream(&self, params: Value) -> (String, Result<Value>) {
        let (sink, ended) = stream(&self.client, "snapshot.create", params).await;
        (String::from_utf8(sink.all()).unwrap(), ended.map(|ended| parsed(&ended.json)))
    }
}

/// A stream of a client, to its end, held against what the catalogue says.
pub async fn stream(client: &Client, operation: &str, params: Value) -> (Arc<Collector>, Result<Ended>) {
    let sink = Arc::new(Collector::default());
    let function = catalogue::find(operation).unwrap().stream.unwrap();
    let (into, (_writer, input)) = (sink.clone(), input(1024));
    let stream = Stream {
        target: TargetRef::Client(client.clone()),
        params: params.to_string().into_bytes(),
        io: Box::new(move |_| Io { sink: into, input, error_context: ErrorContext::default() }),
    };
    let ended = match function(stream) {
        Ok(future) => soon(future).await,
        Err(error) => Err(error),
    };
    match (sink.opened(), &ended) {
        (Some(opened), Ok(ended)) => {
            coverage::shown(operation, &coverage::keys(&params));
            crate::described::event(operation, "opened", &parsed(&opened)).unwrap();
            crate::described::event(operation, "ended", &parsed(&ended.json)).unwrap();
        }
        (_, Err(error)) => crate::described::error(operation, error).unwrap(),
        _ => panic!("{operation} ended well and was never open"),
    }
    (sink, ended)
}

fn parsed(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

/// What an operation answered, held against what the catalogue says of it.
pub fn described(operation: &str, answer: Result<Value>) -> Result<Value> {
    let differs = match &answer {
        Ok(json) => crate::described::result(operation, json),
        Err(error) => crate::described::error(operation, error),
    };
    differs.expect("what the catalogue says");
    answer
}

/// An operation of a sandbox that has to succeed.
pub async fn ask(sandbox: &Sandbox, operation: &str, params: Value) -> Value {
    match described(operation, soon(call(sandbox, operation, params.clone())).await) {
        Ok(answer) => answer,
        Err(error) => panic!("{operation} {params}: {error}"),
    }
}

/// One that has to fail.
pub async fn fails(sandbox: &Sandbox, operation: &str, params: Value) -> Error {
    match described(operation, soon(call(sandbox, operation, params.clone())).await) {
        Ok(answer) => panic!("{operation} {params} succeeded: {answer}"),
        Err(error) => error,
    }
}

/// A stream that opens.
pub async fn opened(sandbox: &Sandbox, operation: &str, params: Value) -> Running {
    let running = open(sandbox, operation, params).unwrap();
    running.until_open().await;
    crate::described::event(operation, "opened", &parsed(&running.sink.opened().unwrap())).unwrap();
    running
}
