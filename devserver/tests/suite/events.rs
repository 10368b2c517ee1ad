//! The event socket: Socket.IO 4 over a WebSocket.

use crate::client::DevServer;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Events(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Events {
    async fn open(dev_server: &DevServer, more: &str) -> Self {
        let url = dev_server.server.api_url().replacen("http", "ws", 1);
        let url = format!("{url}/socket.io/?EIO=4&transport=websocket{more}");
        let mut events = Self(connect_async(url).await.unwrap().0);
        let open = events.heard().await;
        let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
        assert!(open["sid"].is_string() && open["pingInterval"] == 25_000 && open["pingTimeout"] == 20_000);
        events
    }

    async fn connect(dev_server: &DevServer, more: &str, token: &str) -> Self {
        let mut events = Self::open(dev_server, more).await;
        events.say(&format!("40{}", json!({ "token": token }))).await;
        let answer = events.heard().await;
        assert!(answer.starts_with(r#"40{"sid":""#), "{answer}");
        events
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text.to_owned())).await.unwrap();
    }

    /// The next text; empty at the end.
    async fn heard(&mut self) -> String {
        let next = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => return text.to_string(),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return String::new(),
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), next).await.expect("silence")
    }

    async fn event(&mut self) -> (String, Value) {
        let text = self.heard().await;
        let array = text.strip_prefix("42").unwrap_or_else(|| panic!("no event: {text}"));
        serde_json::from_str(array).unwrap()
    }
}

#[tokio::test]
async fn every_change_of_an_organizations_sandboxes_is_told_in_order() {
    let dev_server = DevServer::new().await;
    let key = dev_server.server.api_key().to_owned();
    let mut events = Events::connect(&dev_server, "", &key).await;
    let organization = format!("&organizationId={}", dev_server.server.organization_id());
    let mut by_token = Events::connect(&dev_server, &organization, dev_server.server.jwt()).await;
    let mut strangers = Events::connect(&dev_server, "", dev_server.server.api_key_2()).await;
    let sandbox = dev_server.sandbox().await;
    dev_server.post(&format!("/sandbox/{}/stop", sandbox.id), json!({})).await;
    dev_server.wait_for(&sandbox.id, "stopped").await;
    dev_server.delete(&format!("/sandbox/{}", sandbox.id)).await;
    for events in [&mut events, &mut by_token] {
        let (name, made) = events.event().await;
        assert_eq!(
            (name.as_str(), &made["id"], &made["state"]),
            ("sandbox.created", &json!(sandbox.id), &json!("creating"))
        );
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "destroyed") {
            let (name, data) = events.event().await;
            assert_eq!(data["sandbox"]["id"], json!(sandbox.id));
            if name == "sandbox.state.updated" {
                assert_eq!(data["sandbox"]["state"], data["newState"]);
                seen.push(data["newState"].as_str().unwrap().to_owned());
            } else {
                assert_eq!(name, "sandbox.desired-state.updated");
                seen.push(format!("wants {}", data["newDesiredState"].as_str().unwrap()));
            }
        }
        assert_eq!(
            seen,
            ["started", "wants stopped", "stopping", "stopped", "wants destroyed", "destroying", "destroyed"]
        );
    }
    // Their own sandbox is the first that they hear of.
    let own = dev_server.http.post(format!("{}/sandbox", dev_server.server.api_url()));
    own.bearer_auth(dev_server.server.api_key_2()).json(&json!({"name": "theirs"})).send().await.unwrap();
    assert_eq!(strangers.event().await.1["name"], "theirs");
    // A client may leave by a packet of its own.
    strangers.say("41").await;
    while !strangers.heard().await.is_empty() {}
}

#[tokio::test]
async fn a_socket_without_a_right_to_events_gets_none() {
    let dev_server = DevServer::new().await;
    let wrong = json!({"token": "nonsense"});
    // A token needs its organization.
    let alone = json!({"token": dev_server.server.jwt()});
    for hello in [format!("40{wrong}"), format!("40{alone}"), "40".into(), "40{".into()] {
        let mut events = Events::open(&dev_server, "").await;
        events.say(&hello).await;
        assert_eq!(events.heard().await, r#"44{"message":"Unauthorized"}"#, "{hello}");
        assert_eq!(events.heard().await, "");
    }
    for query in ["", "?EIO=3&transport=websocket", "?EIO=4&transport=polling", "?EIO=4&transport=websocket"]
    {
        assert_eq!(dev_server.get(&format!("/socket.io/{query}")).await.0, 400, "{query}");
    }
}
