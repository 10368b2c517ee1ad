//! `/socket.io/`: events over Socket.IO 4, whose frames are texts on a WebSocket. A client that is connected gets
//! the events of its organization; it sends nothing but its credential and answers to pings.

use crate::app_state::AppState;
use crate::events::Event;
use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until, timeout};
use uuid::Uuid;

const PING_INTERVAL: Duration = Duration::from_secs(25);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a client may take to show its credential.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(45);

/// The transport `websocket` alone, as the service.
pub async fn connect(
    State(app): State<Arc<AppState>>,
    Query(query): Query<HashMap<String, String>>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response<Body> {
    let refuse = |code: u8, message: &str| {
        (StatusCode::BAD_REQUEST, axum::Json(json!({ "code": code, "message": message }))).into_response()
    };
    if query.get("EIO").map(String::as_str) != Some("4") {
        return refuse(5, "Unsupported protocol version");
    }
    if query.get("transport").map(String::as_str) != Some("websocket") {
        return refuse(0, "Transport unknown");
    }
    match upgrade {
        Ok(upgrade) => upgrade.on_upgrade(move |socket| async move {
            let _gone = serve(&app, query.get("organizationId").map(String::as_str), socket).await;
        }),
        Err(_) => refuse(3, "Bad request"),
    }
}

/// The client has gone.
struct Gone;

async fn say(socket: &mut WebSocket, text: String) -> Result<(), Gone> {
    socket.send(Message::text(text)).await.map_err(|_| Gone)
}

async fn serve(app: &AppState, named: Option<&str>, mut socket: WebSocket) -> Result<(), Gone> {
    let open = json!({
        "sid": Uuid::new_v4().simple().to_string(),
        "upgrades": [],
        "pingInterval": PING_INTERVAL.as_millis() as u64,
        "pingTimeout": PING_TIMEOUT.as_millis() as u64,
        "maxPayload": 1_000_000,
    });
    say(&mut socket, format!("0{open}")).await?;
    let Ok(Some(Ok(Message::Text(hello)))) = timeout(CONNECT_TIMEOUT, socket.recv()).await else {
        return Err(Gone);
    };
    #[derive(Deserialize)]
    struct Credential {
        token: String,
    }
    let credential = hello.strip_prefix("40").and_then(|json| serde_json::from_str::<Credential>(json).ok());
    let organization = credential.and_then(|credential| app.organization(&credential.token, named));
    let Some(organization) = organization else {
        say(&mut socket, r#"44{"message":"Unauthorized"}"#.into()).await?;
        return close(socket).await;
    };
    // Before the client knows that it is connected, so that it misses nothing from then on.
    let events = app.events.subscribe();
    say(&mut socket, format!("40{}", json!({ "sid": Uuid::new_v4().simple().to_string() }))).await?;
    follow(&organization.id, events, socket).await
}

async fn follow(
    organization: &str,
    mut events: Receiver<Arc<Event>>,
    mut socket: WebSocket,
) -> Result<(), Gone> {
    let mut heard = Instant::now();
    let mut ping = Instant::now() + PING_INTERVAL;
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Ok(event) if event.organization == organization => {
                    let frame: [&Value; 2] = [&json!(event.name), &event.data];
                    say(&mut socket, format!("42{}", serde_json::to_string(&frame).unwrap_or_default())).await?;
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return close(socket).await,
            },
            message = socket.recv() => match message {
                Some(Ok(Message::Text(text))) => {
                    heard = Instant::now();
                    if text == "41" || text == "1" {
                        return close(socket).await;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Gone),
                Some(Ok(_)) => {}
            },
            () = sleep_until(ping) => {
                if heard.elapsed() > PING_INTERVAL + PING_TIMEOUT {
                    return close(socket).await;
                }
                say(&mut socket, "2".into()).await?;
                ping = Instant::now() + PING_INTERVAL;
            }
        }
    }
}

async fn close(mut socket: WebSocket) -> Result<(), Gone> {
    let frame = CloseFrame { code: 1000, reason: "".into() };
    socket.send(Message::Close(Some(frame))).await.map_err(|_| Gone)
}
