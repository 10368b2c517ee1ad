//! Compares a recorded WebSocket with a live one: the server's messages, and the end.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, protocol::Role},
};

use super::{
    order,
    recording::{Exchange, Frame},
    scene,
    template::{Templates, shortened},
};

/// How long the one who does not read does so: longer than the server here waits for it.
const SILENCE: Duration = Duration::from_secs(25);
/// The silence after which the server is taken to hang.
const HANGS: Duration = Duration::from_secs(60);
/// The silence after which a shell is taken to wait for input.
const QUIET: Duration = Duration::from_millis(500);
/// The output of a shell after the recorder has turned off its prompt.
const READY: &str = "READY\r\n";

pub struct Socket {
    stream: WebSocketStream<reqwest::Upgraded>,
    received: Received,
}

/// The server's messages.
#[derive(Default)]
struct Received {
    texts: Vec<String>,
    bytes: Vec<u8>,
    end: Option<End>,
}

impl Received {
    fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.bytes.is_empty()
    }
}

#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed { code: u16, reason: String },
    Lost,
    LeftByUs,
}

impl Socket {
    pub async fn over(upgraded: reqwest::Upgraded) -> Self {
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await;
        Self { stream, received: Received::default() }
    }

    /// Sends what the recorder sent.
    pub async fn play(&mut self, exchange: &Exchange, id: &str) {
        for frame in &exchange.response.frames {
            match frame.kind.as_str() {
                "(client sent)" => {
                    self.listen(QUIET).await;
                    let message = match (&frame.hex, cut_text(frame)) {
                        (Some(_), _) => Message::binary(frame.bytes()),
                        (None, text) => Message::text(text.replace("<uuid>", id)),
                    };
                    // If the server has closed, the next read shows it.
                    let _closed = self.stream.send(message).await;
                    if exchange.name == "a reader that does not read" && !frame.bytes().starts_with(b"PS1=") {
                        sleep(SILENCE).await;
                    }
                }
                "(client closed)" => {
                    self.listen(QUIET).await;
                    let _closed = self.stream.close(None).await;
                    self.received.end = Some(End::LeftByUs);
                }
                _ => {}
            }
        }
    }

    /// Receives until the server has sent something, or has ended.
    pub async fn await_output(&mut self) {
        while self.received.is_empty() && self.received.end.is_none() {
            self.receive().await;
        }
    }

    /// Receives until the server has been silent for this long, or has ended.
    pub async fn listen(&mut self, silence: Duration) {
        while self.received.end.is_none() {
            if timeout_at(Instant::now() + silence, self.receive()).await.is_err() {
                return;
            }
        }
    }

    /// Receives one message.
    async fn receive(&mut self) {
        match self.stream.next().await {
            Some(Ok(Message::Text(text))) => self.received.texts.push(text.to_string()),
            Some(Ok(Message::Binary(bytes))) => self.received.bytes.extend_from_slice(&bytes),
            Some(Ok(Message::Close(frame))) => {
                self.received.end =
                    Some(frame.map_or(End::Closed { code: 1005, reason: String::new() }, |frame| {
                        End::Closed { code: frame.code.into(), reason: frame.reason.to_string() }
                    }));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => self.received.end = Some(End::Lost),
        }
    }

    /// Receives to the end and returns all differences.
    pub async fn differences(
        mut self,
        area: &str,
        exchange: &Exchange,
        templates: &Templates,
    ) -> Vec<String> {
        // No answer ever came.
        let gave_up = exchange.response.frames.iter().any(|frame| frame.kind == "(recorder gave up)");
        self.listen(if gave_up { scene::NO_ANSWER_TIMEOUT } else { HANGS }).await;
        let mut found = Vec::new();
        let frames = &exchange.response.frames;
        let controls: Vec<_> = frames.iter().filter_map(|frame| frame.json.clone()).collect();
        let received = self
            .received
            .texts
            .iter()
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())));
        templates.differences("text frames", &controls.into(), &received.collect(), &mut found);
        let recorded: String = frames
            .iter()
            .filter(|frame| frame.kind == "binary")
            .filter_map(|frame| frame.text.as_deref())
            .collect();
        let answered = String::from_utf8_lossy(&self.received.bytes).into_owned();
        let (recorded, answered) = match area {
            "session" => (order::by_channel(&recorded), order::by_channel(&answered)),
            _ => (from_ready(&recorded), from_ready(&answered)),
        };
        if !templates.matches(&recorded, &answered) {
            found.push(format!(
                "binary frames: recorded {:?}, answered {:?}",
                shortened(&recorded),
                shortened(&answered)
            ));
        }
        let end = recorded_end(frames);
        if end != self.received.end {
            found.push(format!("end: recorded {end:?}, answered {:?}", self.received.end));
        }
        found
    }
}

fn recorded_end(frames: &[Frame]) -> Option<End> {
    frames.iter().find_map(|frame| match frame.kind.as_str() {
        "close" => Some(End::Closed {
            code: frame.code.unwrap_or_default(),
            reason: frame.reason.clone().unwrap_or_default(),
        }),
        "lost" => Some(End::Lost),
        "(client closed)" => Some(End::LeftByUs),
        _ => None,
    })
}

/// The output after [`READY`]; what precedes it depends on the shell.
fn from_ready(output: &str) -> String {
    output.split_once(READY).map_or(output, |(_, rest)| rest).to_owned()
}

/// A sent text; one that the recording has shortened is filled up with its last letter.
fn cut_text(frame: &Frame) -> String {
    let text = frame.text.clone().unwrap_or_default();
    let Some((start, rest)) = text.split_once("<... ") else {
        return text;
    };
    let length: usize = rest.split(' ').next().unwrap().parse().unwrap();
    let last = start.chars().next_back().unwrap();
    let missing = length - start.chars().count();
    format!("{start}{}", String::from(last).repeat(missing))
}
