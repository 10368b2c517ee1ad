//! One run of code and its WebSocket: the request in the first message, frames, and the close code.

use super::worker::Frame;
use crate::Protocol;
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// The time limit of code that gives none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10 * 60);

/// A reader that is this many frames behind and takes none for `READER_PATIENCE` is cut: on a busy machine it may get no
/// turn for seconds. The 0.190 daemon has no patience, and no close frame for it either.
const WAITING_FRAMES: usize = 1024;
const READER_PATIENCE: Duration = Duration::from_secs(10);

/// The time limit for what still waits when a run has ended, and for the client's own close frame.
const CLOSE_SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CLOSE_REPLY_TIMEOUT: Duration = Duration::from_secs(2);

const CLOSE_NORMAL: u16 = 1000;
const CLOSE_GOING_AWAY: u16 = 1001;
pub const CLOSE_PROTOCOL: u16 = 1002;
pub const CLOSE_POLICY: u16 = 1008;
pub const CLOSE_INTERNAL: u16 = 1011;
const CLOSE_TIMEOUT: u16 = 4008;

/// The longest reason of a close frame.
const REASON_BYTES: usize = 123;

const EXECUTE: Shape = Shape {
    package: "interpreter",
    name: "ExecuteRequest",
    fields: &[
        ("code", FieldType::Text),
        ("contextId", FieldType::Text),
        ("timeout", FieldType::Int),
        ("envs", FieldType::TextMap),
    ],
};

/// The first message of a socket.
pub struct ExecuteRequest {
    pub code: String,
    pub context_id: Option<String>,
    pub envs: BTreeMap<String, String>,
    /// `None`: no limit.
    pub timeout: Option<Duration>,
}

impl ExecuteRequest {
    /// Or the close code and reason.
    pub fn parse(message: &[u8]) -> Result<Self, (u16, &'static str)> {
        let fields = EXECUTE.decode(message).map_err(|_| (CLOSE_PROTOCOL, "invalid JSON payload"))?;
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        let code = text("code").filter(|code| !code.is_empty()).ok_or((CLOSE_POLICY, "code is required"))?;
        let timeout = match fields.get("timeout").and_then(Value::as_i64) {
            None => Some(DEFAULT_TIMEOUT),
            Some(0) => None,
            Some(seconds) => {
                let negative = (CLOSE_POLICY, "timeout must be greater than or equal to 0");
                Some(Duration::from_secs(u64::try_from(seconds).map_err(|_| negative)?))
            }
        };
        let envs = fields.get("envs").and_then(Value::as_object).into_iter().flatten();
        let envs = envs.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned()));
        Ok(Self { code, context_id: text("contextId"), envs: envs.collect(), timeout })
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Completed,
    /// By its time limit, by the deletion of its context, or by its own KeyboardInterrupt.
    Interrupted,
    /// It ignored the interrupt, so that its worker was killed.
    Killed,
    /// Its worker ended by itself.
    Died,
    /// Its context was deleted.
    Deleted,
    NotStarted(String),
}

/// Code that waits in a context or runs there.
pub struct Job {
    pub code: String,
    pub envs: BTreeMap<String, String>,
    pub timeout: Option<Duration>,
    frames: Option<mpsc::Sender<Message>>,
    close: Option<oneshot::Sender<CloseFrame>>,
}

impl Job {
    /// A job, and the other end of it for [`serve`].
    pub fn new(request: ExecuteRequest) -> (Self, Output) {
        let (frames, waiting) = mpsc::channel(WAITING_FRAMES);
        let (close, closed) = oneshot::channel();
        let ExecuteRequest { code, envs, timeout, .. } = request;
        (Self { code, envs, timeout, frames: Some(frames), close: Some(close) }, Output { waiting, closed })
    }

    /// Sends a frame, unless the client has left; cuts a client that does not read.
    pub async fn send(&mut self, frame: &Frame, protocol: Protocol) {
        let Some(frames) = &self.frames else { return };
        let Frame { kind, text, name, value, traceback } = frame;
        let json =
            json!({ "type": kind, "text": text, "name": name, "value": value, "traceback": traceback });
        let text = String::from_utf8(go_json::written(&json)).unwrap_or_default();
        let message = Message::Text(text.into());
        if protocol == Protocol::V0_190 {
            if frames.try_send(message).is_err() {
                (self.frames, self.close) = (None, None);
            }
            return;
        }
        match frames.send_timeout(message, READER_PATIENCE).await {
            Ok(()) => {}
            Err(mpsc::error::SendTimeoutError::Closed(_)) => self.frames = None,
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                self.close_with(CLOSE_POLICY, "slow consumer");
            }
        }
    }

    pub fn end(mut self, outcome: Outcome, protocol: Protocol) {
        match outcome {
            Outcome::Completed => self.close_with(CLOSE_NORMAL, ""),
            Outcome::Interrupted => self.close_with(CLOSE_TIMEOUT, ""),
            Outcome::Killed => {
                let reason = match protocol {
                    Protocol::V0_190 => "",
                    Protocol::V0_205 | Protocol::V0_226 => {
                        "the code ignored the interrupt and its worker was killed: state lost"
                    }
                };
                self.close_with(CLOSE_TIMEOUT, reason);
            }
            Outcome::Died => self.close_with(CLOSE_GOING_AWAY, "worker process ended"),
            Outcome::Deleted => self.close_with(CLOSE_GOING_AWAY, "context shutdown"),
            Outcome::NotStarted(reason) => self.close_with(CLOSE_INTERNAL, &reason),
        }
    }

    fn close_with(&mut self, code: u16, reason: &str) {
        self.frames = None;
        if let Some(close) = self.close.take() {
            let _left = close.send(close_frame(code, reason));
        }
    }
}

/// What is to be sent to the client of a job.
pub struct Output {
    waiting: mpsc::Receiver<Message>,
    closed: oneshot::Receiver<CloseFrame>,
}

/// Sends a job's frames until it ends or the client leaves.
pub async fn serve(
    mut sender: SplitSink<WebSocket, Message>,
    mut receiver: SplitStream<WebSocket>,
    output: Output,
) {
    tokio::select! {
        sent = send(&mut sender, output) => if sent.is_none() { return },
        // Answers pings, ignores all else. The code of a client that has left runs on.
        () = async { while let Some(Ok(_)) = receiver.next().await {} } => return,
    }
    let reply = async { while let Some(Ok(_)) = receiver.next().await {} };
    let _late = timeout(CLOSE_REPLY_TIMEOUT, reply).await;
}

async fn send(sender: &mut SplitSink<WebSocket, Message>, mut output: Output) -> Option<()> {
    while let Some(message) = output.waiting.recv().await {
        sender.feed(message).await.ok()?;
        // Everything that waits goes out in one flush.
        if output.waiting.is_empty() {
            sender.flush().await.ok()?;
        }
    }
    let close = output.closed.await.ok()?;
    timeout(CLOSE_SEND_TIMEOUT, sender.send(Message::Close(Some(close)))).await.ok()?.ok()
}

pub fn close_frame(code: u16, reason: &str) -> CloseFrame {
    let mut end = reason.len().min(REASON_BYTES);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    CloseFrame { code, reason: reason[..end].to_owned().into() }
}
