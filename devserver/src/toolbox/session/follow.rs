//! A log over a WebSocket: from its beginning, then as it grows. It is read in chunks as fast as the client
//! takes them, so that neither a long log nor a slow client takes memory.

use super::command::{Command, Reader};
use super::format::LogFormat;
use super::label::Unlabeler;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;

const CHUNK_BYTES: usize = 256 * 1024;

/// The time limit for the client's own close frame.
const CLOSE_REPLY_TIMEOUT: Duration = Duration::from_secs(5);

pub async fn follow(socket: WebSocket, command: Arc<Command>, reader: Reader, format: LogFormat, live: bool) {
    let (mut sender, mut receiver) = socket.split();
    tokio::select! {
        sent = send(&mut sender, &command, reader, format, live) => if sent.is_none() { return },
        () = until_left(&mut receiver) => return,
    }
    // Unread data would make the kernel reset the connection and discard the last output.
    let _late = tokio::time::timeout(CLOSE_REPLY_TIMEOUT, until_left(&mut receiver)).await;
}

/// Reads until the client has left; answers pings, ignores all else.
async fn until_left(receiver: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = receiver.next().await {}
}

async fn send(
    sender: &mut SplitSink<WebSocket, Message>,
    command: &Command,
    mut reader: Reader,
    format: LogFormat,
    live: bool,
) -> Option<()> {
    let mut progress = command.watch();
    let mut unlabeler = Unlabeler::default();
    loop {
        let now = *progress.borrow_and_update();
        loop {
            let chunk = reader.next(now.length, CHUNK_BYTES).await.ok()?;
            if chunk.is_empty() {
                break;
            }
            let chunk = match format {
                LogFormat::Merged => {
                    let mut merged = Vec::with_capacity(chunk.len());
                    unlabeler.push(&chunk, |_, bytes| merged.extend_from_slice(bytes));
                    merged
                }
                LogFormat::Marked | LogFormat::Separate => chunk,
            };
            if !chunk.is_empty() {
                sender.send(Message::Binary(chunk.into())).await.ok()?;
            }
        }
        if now.is_over() || !live || progress.changed().await.is_err() {
            break;
        }
    }
    let mut rest = Vec::new();
    unlabeler.finish(|_, bytes| rest.extend_from_slice(bytes));
    if !rest.is_empty() {
        sender.send(Message::Binary(rest.into())).await.ok()?;
    }
    sender.send(Message::Close(Some(CloseFrame { code: 1000, reason: "".into() }))).await.ok()
}
