//! A log over a WebSocket: from its beginning, then as it grows. Frames are as large as what is there: a
//! log of any length passes in parts, and a reader that is slow holds nothing but its own socket.

use super::command::{Command, Reader};
use super::label::Unlabelled;
use super::version::Level;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;

const PART: usize = 256 * 1024;

/// For the other side's half of the farewell.
const FAREWELL: Duration = Duration::from_secs(5);

pub async fn follow(socket: WebSocket, command: Arc<Command>, reader: Reader, level: Level, live: bool) {
    let (mut sender, mut receiver) = socket.split();
    tokio::select! {
        sent = send(&mut sender, &command, reader, level, live) => if sent.is_none() { return },
        () = until_left(&mut receiver) => return,
    }
    // Closing at once with something of theirs unread would take the last output away from them.
    let _late = tokio::time::timeout(FAREWELL, until_left(&mut receiver)).await;
}

/// Hears pings and the end; what else is said means nothing here.
async fn until_left(receiver: &mut SplitStream<WebSocket>) {
    while let Some(Ok(_)) = receiver.next().await {}
}

async fn send(
    sender: &mut SplitSink<WebSocket, Message>,
    command: &Command,
    mut reader: Reader,
    level: Level,
    live: bool,
) -> Option<()> {
    let mut progress = command.watch();
    let mut unlabelled = Unlabelled::default();
    loop {
        let now = *progress.borrow_and_update();
        loop {
            let part = reader.next(now.length, PART).await.ok()?;
            if part.is_empty() {
                break;
            }
            let part = match level {
                Level::Merged => {
                    let mut merged = Vec::with_capacity(part.len());
                    unlabelled.push(&part, |_, bytes| merged.extend_from_slice(bytes));
                    merged
                }
                Level::Marked | Level::Apart => part,
            };
            if !part.is_empty() {
                sender.send(Message::Binary(part.into())).await.ok()?;
            }
        }
        if now.is_over() || !live || progress.changed().await.is_err() {
            break;
        }
    }
    let mut rest = Vec::new();
    unlabelled.finish(|_, bytes| rest.extend_from_slice(bytes));
    if !rest.is_empty() {
        sender.send(Message::Binary(rest.into())).await.ok()?;
    }
    sender.send(Message::Close(Some(CloseFrame { code: 1000, reason: "".into() }))).await.ok()
}
