//! What the transport promises of WebSockets.

mod canned;

use canned::{accept, client, listen, soon};
use daytona::client::status;
use daytona::client::transport::{Message, Turn};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message as Wire;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

#[tokio::test]
async fn messages_travel_both_ways_and_the_close_frame_is_kept() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut socket = tokio_tungstenite::accept_async(accept(&listener).await).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Wire::Text(text) if text.as_str() == "bye" => {
                    let frame = CloseFrame { code: 4008.into(), reason: "timed out".into() };
                    socket.close(Some(frame)).await.unwrap();
                }
                Wire::Text(_) | Wire::Binary(_) => socket.send(message).await.unwrap(),
                _ => {}
            }
        }
    });
    let client = client(&url, json!({}));
    let mut socket = soon(client.transport().websocket(&format!("{url}/s"), &[])).await.unwrap();
    socket.send(Message::Binary(vec![0, 255, 1].into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Binary(vec![0, 255, 1].into())));
    socket.send(Message::Text("grüße".into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Text("grüße".into())));
    socket.send(Message::Text("bye".into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), None);
    let closed = socket.closed().unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (4008, "timed out"));
    assert!(matches!(soon(socket.turn(true)).await.unwrap(), Turn::Closed));
    assert!(socket.queue(Message::Binary("late".into())).is_err());
    soon(server).await.unwrap();
    let _ = status::CLOSED;
}
