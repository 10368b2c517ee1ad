//! `interpreter.run`: one piece of code. The server sends a JSON frame for each piece of output, and only the
//! close frame tells how the run ended.

use crate::client::collected::{Collected, text};
use crate::client::error::{Error, Result};
use crate::client::files::probe_daemon;
use crate::client::json;
use crate::client::operation::Context;
use crate::client::process::whole_seconds;
use crate::client::sandbox::{Daemon, Sandbox};
use crate::client::socket_io::{Frame, SocketIo};
use crate::client::stream::{Channel, Chunk, Ended, Io, Sink};
use crate::client::transport::{Json, Message};
use crate::client::{codes, status};
use bytes::Bytes;
use http::Method;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long after its limit a run may be silent: the server waits 2 s for interrupted code.
const SILENCE_GRACE: Duration = Duration::from_secs(7);

crate::params! {
    stream pub struct Run {
        /// The code; not empty.
        pub code: String,
        /// The context to run in; absent: the default one.
        pub context_id: Option<String>,
        /// Environment variables for the time of the run.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the server interrupts the code (status 408); 0:
        /// never. The server counts whole seconds: a fraction is rounded up.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub timeout: Option<f64> = 600.0,
    }
}

/// The result of a run.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "InterpreterResult"))]
pub struct Ran {
    /// What the code printed.
    pub stdout: String,
    /// What it wrote to sys.stderr.
    pub stderr: String,
    /// The exception that ended the code, else null.
    pub error: Option<RunFailure>,
}

/// An exception.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "InterpreterError"))]
pub struct RunFailure {
    /// Its class, as `ValueError`.
    pub name: String,
    /// Its text.
    pub value: String,
    /// Where it was raised.
    pub traceback: String,
}

/// A run that has begun, as OPENED tells it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "InterpreterOpened"))]
#[serde(rename_all = "camelCase")]
pub struct RunOpened {
    /// The context, null for the default one.
    pub context_id: Option<String>,
}

/// A run that ended, as ENDED tells it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "InterpreterEnded"))]
pub struct RunEnded {
    /// The bytes of all its data.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
    /// The same: the position of the last event.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub position: u64,
}

pub async fn run_stream(sandbox: Sandbox, params: Run, io: Io) -> Result<Ended> {
    drop(io.input);
    let (bytes, _) = perform(sandbox, params, io.sink, || None).await?;
    let ended = serde_json::json!({ "bytes": bytes, "position": bytes });
    Ok(Ended { json: ended.to_string().into_bytes(), position: Some(bytes), sandbox: None })
}

pub async fn run(sandbox: Sandbox, params: Run, _: Context) -> Result<Json> {
    let max_bytes = sandbox.client().config().max_result_bytes;
    let collected = Arc::new(Collected::new(max_bytes));
    let overflow = {
        let collected = collected.clone();
        move || collected.overflowed().then(|| too_large(max_bytes))
    };
    let (_, socket) = perform(sandbox, params, collected.clone(), overflow).await?;
    let output = collected.take();
    let error = output.structured.and_then(|error| serde_json::from_slice(&error).ok());
    let ran = Ran { stdout: text(output.stdout), stderr: text(output.stderr), error };
    let json = serde_json::to_vec(&ran).unwrap_or_default();
    if json.len() as u64 > max_bytes {
        return Err(socket.complete(too_large(max_bytes)));
    }
    Ok(json.into())
}

fn too_large(max_bytes: u64) -> Error {
    Error::new(
        status::PROTOCOL,
        format!(
            "the code's output is larger than {max_bytes} bytes, the bound on one result; the code runs on: run \
             it as a stream, let it print into a file, or raise `maxResultBytes`"
        ),
    )
}

/// Runs the code, its output into `sink`, until it ends or `overflow` has an error for it, and answers how many bytes that were and the socket that they came by.
async fn perform(
    sandbox: Sandbox,
    params: Run,
    sink: Arc<dyn Sink>,
    overflow: impl Fn() -> Option<Error>,
) -> Result<(u64, SocketIo)> {
    if params.code.is_empty() {
        return Err(Error::invalid("interpreter.run: `code` is empty"));
    }
    let timeout = whole_seconds("interpreter.run", params.timeout())?;
    let limit = timeout.map(|seconds| Duration::from_secs(seconds.into()));
    let mut request = serde_json::json!({ "code": params.code });
    if let Some(id) = &params.context_id {
        request["contextId"] = id.as_str().into();
    }
    if let Some(env) = &params.env {
        request["envs"] = serde_json::json!(env);
    }
    if params.timeout.is_some() {
        request["timeout"] = timeout.unwrap_or_default().into();
    }
    let handshake = sandbox.toolbox(Method::GET, "process/interpreter/execute").await?;
    let mut socket = handshake.deadline(Some(sandbox.client().connect_limit())).websocket(&[]).await?;
    // Sent while its answer is waited for, so that the idle limit counts for both.
    socket.queue(Message::Text(request.to_string().into()))?;
    sink.opened(serde_json::json!({ "contextId": params.context_id }).to_string().into_bytes());
    let mut run = Running { socket: SocketIo::new(socket), sink, limit, bytes: 0, interrupted: false };
    run.read_to_end(&sandbox, overflow).await.map_err(|error| {
        let mut error = run.socket.complete(error);
        let detail = error.detail_mut();
        detail.bytes = Some(run.bytes);
        detail.position = Some(run.bytes);
        detail.sandbox_id.get_or_insert_with(|| sandbox.id().to_owned());
        error
    })?;
    Ok((run.bytes, run.socket))
}

/// Whether a socket without a pong may be one that waits for its turn in its context: a daemon before 0.205 answers no
/// ping meanwhile, but other requests.
async fn may_wait_for_its_turn(sandbox: &Sandbox) -> bool {
    matches!(probe_daemon(sandbox).await, Ok(Daemon::Older))
}

/// A message of the worker; what it has no value for is null or absent.
#[derive(Deserialize)]
struct Output {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    name: Option<String>,
    value: Option<String>,
    traceback: Option<String>,
}

struct Running {
    socket: SocketIo,
    sink: Arc<dyn Sink>,
    limit: Option<Duration>,
    bytes: u64,
    /// The code took notice of an interrupt, so that its context goes on.
    interrupted: bool,
}

impl Running {
    async fn read_to_end(&mut self, sandbox: &Sandbox, overflow: impl Fn() -> Option<Error>) -> Result<()> {
        let mut completed = false;
        let from_now = |limit| Instant::now() + limit + SILENCE_GRACE;
        let mut silent_at = self.limit.map(from_now);
        loop {
            let silence = async {
                match silent_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let frame = tokio::select! {
                biased;
                frame = poll_fn(|cx| self.socket.poll_frame(cx, None)) => frame,
                () = silence => return Err(self.silent()),
            };
            match frame {
                Frame::Text(data) | Frame::Binary(data) => {
                    silent_at = self.limit.map(from_now);
                    completed |= self.output(&data).await?;
                    if let Some(error) = overflow() {
                        return Err(error);
                    }
                }
                Frame::Closed { code: 1000 | 1005, .. } => return Ok(()),
                // Some servers end with it what had completed.
                Frame::Closed { code: 1001, .. } if completed => return Ok(()),
                Frame::Closed { code, reason } => return Err(self.closed(code, &reason)),
                Frame::Lost { .. } if self.socket.is_unheard() && may_wait_for_its_turn(sandbox).await => {
                    self.socket.forgive_silence();
                }
                Frame::Lost { status, why } => {
                    let flooded = status == status::CONNECTION && self.bytes > 0;
                    return Err(lost(status, &why, if flooded { FLOODED } else { "" }));
                }
            }
        }
    }

    /// Takes a frame; true for the one that says that the code has completed.
    async fn output(&mut self, frame: &[u8]) -> Result<bool> {
        let output: Output = json::read(frame).map_err(|error| {
            let why = json::describe(&error);
            Error::new(status::PROTOCOL, format!("the interpreter sent a frame that cannot be read: {why}"))
        })?;
        let text = output.text.unwrap_or_default();
        match output.kind.as_str() {
            "stdout" => self.deliver(Channel::Stdout, text.into_bytes()).await,
            "stderr" => self.deliver(Channel::Stderr, text.into_bytes()).await,
            "error" => {
                let [name, value, traceback] =
                    [output.name, output.value, output.traceback].map(Option::unwrap_or_default);
                let failure = RunFailure { name, value, traceback };
                self.deliver(Channel::Structured, serde_json::to_vec(&failure).unwrap_or_default()).await;
            }
            "control" => {
                self.interrupted |= text == "interrupted";
                return Ok(text == "completed");
            }
            // Of a newer server.
            _ => {}
        }
        Ok(false)
    }

    async fn deliver(&mut self, channel: Channel, data: Vec<u8>) {
        if data.is_empty() {
            return;
        }
        tokio::task::consume_budget().await;
        tokio::select! {
            biased;
            () = poll_fn(|cx| self.sink.poll_room(cx)) => {}
            () = self.socket.keep_alive(None) => {}
        }
        self.bytes += data.len() as u64;
        self.sink.data(Chunk { channel, data: Bytes::from(data), position: self.bytes });
    }

    fn silent(&self) -> Error {
        let limit = self.limit.unwrap_or_default().as_secs();
        Error::new(
            status::TIMEOUT,
            format!(
                "the interpreter has been silent for longer than the run's limit of {limit} s: other runs keep \
                 the context busy, or its worker has died and answers nothing any more; create another context"
            ),
        )
    }

    fn closed(&self, code: u16, reason: &str) -> Error {
        let said = reason.escape_debug();
        match code {
            4001 | 4008 => {
                let limit = self.limit.unwrap_or_default().as_secs();
                let state = match self.interrupted {
                    true => "its context keeps its variables",
                    false => {
                        "it ignored that, or wrote more than 1 MiB at once to a daemon of 0.190, and its worker was \
                         killed: the context has lost its variables"
                    }
                };
                let message = format!(
                    "the code was interrupted at its limit of {limit} s, by itself, or by the deletion of its \
                     context; {state}"
                );
                let mut error = Error::new(status::HTTP_REQUEST_TIMEOUT, message);
                error.detail_mut().code = Some(codes::PROCESS_EXECUTION_TIMEOUT.to_owned());
                error
            }
            1001 => {
                let message = format!(
                    "the interpreter's worker ended (\"{said}\"): the context has lost its variables, and on \
                     servers of 0.190 answers nothing any more; create another context"
                );
                let mut error = Error::new(status::HTTP_GONE, message);
                error.detail_mut().code = Some(codes::SESSION_ENDED.to_owned());
                error
            }
            1008 if reason.contains("slow consumer") => Error::new(
                status::SLOW_CONSUMER,
                "the run was cut by the server because its output was not read in time; the code runs on",
            ),
            1008 if reason.contains("not found") => Error::new(
                status::HTTP_NOT_FOUND,
                format!("the interpreter refused the run: {said}; it was deleted, or never made"),
            ),
            1002 | 1008 => {
                Error::new(status::HTTP_BAD_REQUEST, format!("the interpreter refused the run: {said}"))
            }
            1011 => Error::new(
                status::HTTP_INTERNAL_SERVER,
                format!("the interpreter could not run the code: {said}"),
            ),
            code => lost(status::CONNECTION, &format!("it was closed with code {code} \"{said}\""), ""),
        }
    }
}

/// What a daemon of 0.190 does without a close frame once 1,024 pieces of output wait.
const FLOODED: &str =
    ". A daemon of 0.190 also cuts what prints faster than it can send: print less, or into a file";

fn lost(status: i32, why: &str, also: &str) -> Error {
    Error::new(
        status,
        format!(
            "the connection to the interpreter was lost: {why}; the code may run on, its output is lost{also}"
        ),
    )
}
