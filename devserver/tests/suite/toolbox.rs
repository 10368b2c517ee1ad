//! A dev server with one started sandbox, and requests to its toolbox.

use daytona_dev::outside::Outside;
use daytona_dev::{Options, Protocol, Server};
use futures_util::StreamExt;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

pub type Socket = WebSocketStream<reqwest::Upgraded>;

pub struct Toolbox {
    pub id: String,
    /// As this machine sees it.
    pub home: PathBuf,
    url: String,
    client: Client,
    server: Server,
}

impl Toolbox {
    pub async fn new() -> Self {
        Self::of(Protocol::V0_205, json!({})).await
    }

    /// With the sandbox that this create request makes.
    pub async fn of(protocol: Protocol, body: Value) -> Self {
        let server = Server::start(Options { protocol, ..Options::default() }).await.unwrap();
        let client = crate::client::http().build().unwrap();
        let created = client.post(format!("{}/sandbox", server.api_url())).bearer_auth(server.api_key());
        let sandbox: Value = parsed(created.json(&body).send().await.unwrap()).await;
        let id = sandbox["id"].as_str().unwrap().to_owned();
        let url = format!("{}/{id}", sandbox["toolboxProxyUrl"].as_str().unwrap());
        let mut toolbox = Self { id, home: PathBuf::new(), url, client, server };
        until("the sandbox is started", async || toolbox.sandbox("").await["state"] == "started").await;
        let (_, home) = toolbox.json(Method::GET, "/user-home-dir", Value::Null).await;
        toolbox.home = toolbox.outside().path(home["dir"].as_str().unwrap());
        toolbox
    }

    pub fn outside(&self) -> Outside {
        Outside::of(&self.server, &self.id).unwrap()
    }

    /// This machine's number of a process of the sandbox.
    pub fn process(&self, inside: &str) -> String {
        self.outside().process(inside).map_or("gone".to_owned(), |process| process.to_string())
    }

    async fn sandbox(&self, path: &str) -> Value {
        let url = format!("{}/sandbox/{}{path}", self.server.api_url(), self.id);
        parsed(self.client.get(url).bearer_auth(self.server.api_key()).send().await.unwrap()).await
    }

    pub async fn delete_sandbox(&self) {
        let url = format!("{}/sandbox/{}", self.server.api_url(), self.id);
        self.client.delete(url).bearer_auth(self.server.api_key()).send().await.unwrap();
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(self.server.api_key())
    }

    /// Sends as a client of the newest version; `null`: no body.
    pub async fn json(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        let mut request = self.request(method, path).header("X-Daytona-SDK-Version", "0.205.1");
        if !body.is_null() {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), parsed(response).await)
    }

    /// Follows a log as a client of that version.
    pub async fn follow(&self, path: &str, version: &str) -> Socket {
        let request = self
            .request(Method::GET, path)
            .header("X-Daytona-SDK-Version", version)
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
        let upgraded = request.send().await.unwrap().upgrade().await.unwrap();
        WebSocketStream::from_raw_socket(upgraded, Role::Client, None).await
    }

    /// A file that a command writes a line into.
    pub async fn written(&self, name: &str) -> String {
        let file = self.home.join(name);
        let is_written = async || std::fs::read(&file).is_ok_and(|text| text.ends_with(b"\n"));
        until("the file is written", is_written).await;
        std::fs::read_to_string(&file).unwrap().trim().to_owned()
    }
}

async fn parsed(response: Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default()
}

/// The bytes, the number of frames, and the close code; `None`: the connection was lost.
pub async fn read_to_end(socket: &mut Socket) -> (Vec<u8>, usize, Option<u16>) {
    let (mut bytes, mut frames) = (Vec::new(), 0);
    loop {
        let message = tokio::time::timeout(Duration::from_secs(60), socket.next()).await;
        match message.expect("the socket is silent for ever") {
            Some(Ok(Message::Binary(part))) => {
                bytes.extend_from_slice(&part);
                frames += 1;
            }
            Some(Ok(Message::Close(frame))) => {
                return (bytes, frames, frame.map(|frame| frame.code.into()));
            }
            Some(Ok(other)) => assert!(!other.is_text(), "{other:?}"),
            Some(Err(_)) | None => return (bytes, frames, None),
        }
    }
}

/// Whether the process runs; a zombie does not.
pub fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits until a condition holds.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..2400 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never: {what}");
}
