//! One WebSocket client of a terminal: output as binary frames, input as it comes, then the exit.

use super::broadcast::{Received, Subscriber};
use super::terminal::Terminal;
use crate::Protocol;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";

/// The largest message that a client may send.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// The largest message that is read at all: up to it, the client is closed with 1009.
const MAX_READ_BYTES: usize = 16 << 20;

const CLOSE_TOO_BIG: u16 = 1009;
const CLOSE_POLICY: u16 = 1008;

/// The time limit for sending the close frame to a client that does not read.
const CLOSE_SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The time limit for the client's own close frame.
const CLOSE_REPLY_TIMEOUT: Duration = Duration::from_secs(2);

/// The upgrade with the daemon's limits, and whether the client requested a control frame for the exit.
pub fn prepared(
    upgrade: WebSocketUpgrade,
    protocol: Protocol,
    headers: &HeaderMap,
) -> (WebSocketUpgrade, bool) {
    let mut upgrade = upgrade.max_message_size(MAX_READ_BYTES).max_frame_size(MAX_READ_BYTES);
    let sends_exit =
        protocol >= Protocol::V0_205 && offered(headers).any(|protocol| protocol == EXIT_CONTROL);
    if sends_exit {
        upgrade.set_selected_protocol(HeaderValue::from_static(EXIT_CONTROL));
    }
    (upgrade, sends_exit)
}

/// The subprotocols that a client offers.
pub fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Sends the error and drops the connection without a close frame.
pub async fn refuse(mut socket: WebSocket, why: &str) {
    let control = json!({ "type": "control", "status": "error", "error": why });
    if socket.send(text(control.to_string())).await.is_ok() {
        // Unread input would make the kernel reset the connection and discard the frame.
        let unread = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = timeout(Duration::from_millis(50), unread).await;
    }
}

pub async fn serve(socket: WebSocket, terminal: Arc<Terminal>, mut subscriber: Subscriber, sends_exit: bool) {
    let (mut sink, mut stream) = socket.split();
    let close_frame = tokio::select! {
        close_frame = send_output(&mut sink, &terminal, &mut subscriber, sends_exit) => close_frame,
        close_frame = read_input(&mut stream, &terminal) => close_frame,
    };
    drop(subscriber);
    let Some(close_frame) = close_frame else { return };
    let sent = timeout(CLOSE_SEND_TIMEOUT, sink.send(Message::Close(Some(close_frame)))).await;
    if matches!(sent, Ok(Ok(()))) {
        let reply = async { while let Some(Ok(_)) = stream.next().await {} };
        let _ = timeout(CLOSE_REPLY_TIMEOUT, reply).await;
    }
}

/// Sends all output, then returns the close frame. `None`: the connection is gone.
async fn send_output(
    sink: &mut SplitSink<WebSocket, Message>,
    terminal: &Terminal,
    subscriber: &mut Subscriber,
    sends_exit: bool,
) -> Option<CloseFrame> {
    let connected = json!({ "type": "control", "status": "connected" });
    sink.send(text(connected.to_string())).await.ok()?;
    loop {
        let mut received = Some(subscriber.receive().await);
        // Everything queued goes out in one flush.
        while let Some(Received::Output(output)) = received {
            sink.feed(Message::Binary(output)).await.ok()?;
            received = subscriber.try_receive();
        }
        sink.flush().await.ok()?;
        match received {
            Some(Received::TooSlow) => {
                return Some(CloseFrame {
                    code: CLOSE_POLICY,
                    reason: Utf8Bytes::from_static("slow consumer"),
                });
            }
            Some(Received::End) => {
                let exit = terminal.exit()?;
                if sends_exit {
                    sink.send(text(exit.control())).await.ok()?;
                }
                return Some(exit.close());
            }
            Some(Received::Output(_)) | None => {}
        }
    }
}

/// Writes all input to the terminal, until the client leaves or sends too large a message.
async fn read_input(stream: &mut SplitStream<WebSocket>, terminal: &Terminal) -> Option<CloseFrame> {
    loop {
        let typed = match stream.next().await?.ok()? {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => {
                // tungstenite sends the reply with the next read.
                let _ = timeout(CLOSE_REPLY_TIMEOUT, stream.next()).await;
                return None;
            }
        };
        if typed.len() > MAX_MESSAGE_BYTES {
            return Some(CloseFrame { code: CLOSE_TOO_BIG, reason: Utf8Bytes::default() });
        }
        terminal.write(typed).await;
    }
}

fn text(text: String) -> Message {
    Message::Text(text.into())
}
