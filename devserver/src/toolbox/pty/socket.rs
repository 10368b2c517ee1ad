//! One client at a terminal: output as binary frames, input as it comes, and the exit at the end.

use super::audience::{Heard, Seat};
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
const MESSAGE_MOST: usize = 64 * 1024;
/// What is read of a larger one, so that its sender can be told.
const READ_MOST: usize = 16 << 20;

const TOO_BIG: u16 = 1009;
const POLICY: u16 = 1008;

/// How long a close frame may take to a client that does not read.
const FAREWELL: Duration = Duration::from_secs(30);
/// How long the client's own close frame may take.
const REPLY: Duration = Duration::from_secs(2);

/// The upgrade with the daemon's limits, and whether the client is told of the exit by a frame of its own.
pub fn prepared(
    upgrade: WebSocketUpgrade,
    protocol: Protocol,
    headers: &HeaderMap,
) -> (WebSocketUpgrade, bool) {
    let mut upgrade = upgrade.max_message_size(READ_MOST).max_frame_size(READ_MOST);
    let tells_exit =
        protocol == Protocol::V0_205 && offered(headers).any(|protocol| protocol == EXIT_CONTROL);
    if tells_exit {
        upgrade.set_selected_protocol(HeaderValue::from_static(EXIT_CONTROL));
    }
    (upgrade, tells_exit)
}

/// The subprotocols that a client offers.
pub fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Says why not, and drops the connection without a close frame.
pub async fn refuse(mut socket: WebSocket, why: &str) {
    let control = json!({ "type": "control", "status": "error", "error": why });
    if socket.send(text(control.to_string())).await.is_ok() {
        // What the client typed meanwhile has to be read, or the kernel throws the frame away with it.
        let unread = async { while let Some(Ok(_)) = socket.recv().await {} };
        let _ = timeout(Duration::from_millis(50), unread).await;
    }
}

pub async fn attend(socket: WebSocket, terminal: Arc<Terminal>, mut seat: Seat, tells_exit: bool) {
    let (mut sink, mut stream) = socket.split();
    let farewell = tokio::select! {
        farewell = speak(&mut sink, &terminal, &mut seat, tells_exit) => farewell,
        farewell = listen(&mut stream, &terminal) => farewell,
    };
    drop(seat);
    let Some(farewell) = farewell else { return };
    let told = timeout(FAREWELL, sink.send(Message::Close(Some(farewell)))).await;
    if matches!(told, Ok(Ok(()))) {
        let reply = async { while let Some(Ok(_)) = stream.next().await {} };
        let _ = timeout(REPLY, reply).await;
    }
}

/// Everything that is heard, then how it ends. `None`: the connection is gone.
async fn speak(
    sink: &mut SplitSink<WebSocket, Message>,
    terminal: &Terminal,
    seat: &mut Seat,
    tells_exit: bool,
) -> Option<CloseFrame> {
    let connected = json!({ "type": "control", "status": "connected" });
    sink.send(text(connected.to_string())).await.ok()?;
    loop {
        let mut heard = Some(seat.hear().await);
        // What waits already goes out together.
        while let Some(Heard::Output(output)) = heard {
            sink.feed(Message::Binary(output)).await.ok()?;
            heard = seat.hear_now();
        }
        sink.flush().await.ok()?;
        match heard {
            Some(Heard::Cut) => {
                return Some(CloseFrame { code: POLICY, reason: Utf8Bytes::from_static("slow consumer") });
            }
            Some(Heard::End) => {
                let exit = terminal.exit()?;
                if tells_exit {
                    sink.send(text(exit.control())).await.ok()?;
                }
                return Some(exit.close());
            }
            Some(Heard::Output(_)) | None => {}
        }
    }
}

/// Everything that is typed, until the client leaves or says too much at once.
async fn listen(stream: &mut SplitStream<WebSocket>, terminal: &Terminal) -> Option<CloseFrame> {
    loop {
        let typed = match stream.next().await?.ok()? {
            Message::Binary(bytes) => bytes,
            Message::Text(text) => text.into(),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => {
                // The answer to it goes out with the next read.
                let _ = timeout(REPLY, stream.next()).await;
                return None;
            }
        };
        if typed.len() > MESSAGE_MOST {
            return Some(CloseFrame { code: TOO_BIG, reason: Utf8Bytes::default() });
        }
        terminal.write(typed).await;
    }
}

fn text(text: String) -> Message {
    Message::Text(text.into())
}
