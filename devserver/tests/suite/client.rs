//! A client of the dev server that shares no code with the library, so that a mistake made in both shows.

use daytona_dev::outside::{Outside, as_owner_of};
use daytona_dev::{Options, Protocol, Server};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A longer wait means that the server hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A client without a proxy.
pub fn http() -> ClientBuilder {
    // Only the first one of a process is installed.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy()
}

pub struct DevServer {
    pub server: Server,
    pub http: Client,
}

impl DevServer {
    pub async fn with(options: Options) -> Self {
        Self::around(Server::start(options).await.unwrap())
    }

    pub fn around(server: Server) -> Self {
        let http = http().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { server, http }
    }

    pub async fn new() -> Self {
        Self::with(Options::default()).await
    }

    pub async fn of(protocol: Protocol) -> Self {
        Self::with(Options { protocol, ..Options::default() }).await
    }

    /// `http://127.0.0.1:PORT`
    pub fn base(&self) -> String {
        self.server.api_url().strip_suffix("/api").unwrap().to_owned()
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.server.api_url()))
            .bearer_auth(self.server.api_key())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        status_and_body(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        status_and_body(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        status_and_body(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    pub async fn sandbox(&self) -> Sandbox<'_> {
        let (status, json) = self.post("/sandbox", json!({})).await;
        assert_eq!((status, &json["state"]), (200, &json!("started")), "{json}");
        Sandbox { dev_server: self, id: json["id"].as_str().unwrap().to_owned() }
    }

    pub async fn wait_for(&self, id: &str, state: &str) -> Value {
        for _ in 0..4800 {
            let (_, json) = self.get(&format!("/sandbox/{id}")).await;
            if json["state"] == state {
                return json;
            }
            sleep(Duration::from_millis(25)).await;
        }
        panic!("{id} never was {state}");
    }
}

/// Status and body, as JSON or else as text.
pub async fn status_and_body(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Waits until a condition holds. The limit is for what never comes: a busy machine takes its time.
pub async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    for _ in 0..4800 {
        if condition().await {
            return;
        }
        sleep(Duration::from_millis(25)).await;
    }
    panic!("never: {what}");
}

pub struct Sandbox<'a> {
    pub dev_server: &'a DevServer,
    pub id: String,
}

impl Sandbox<'_> {
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/toolbox/{}{path}", self.dev_server.base(), self.id);
        self.dev_server.http.request(method, url).bearer_auth(self.dev_server.server.api_key())
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        status_and_body(self.request(Method::GET, path).send().await.unwrap()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        status_and_body(self.request(Method::POST, path).json(&body).send().await.unwrap()).await
    }

    pub async fn delete(&self, path: &str) -> (u16, Value) {
        status_and_body(self.request(Method::DELETE, path).send().await.unwrap()).await
    }

    pub async fn home(&self) -> String {
        self.get("/user-home-dir").await.1["dir"].as_str().unwrap().to_owned()
    }

    /// The home as this machine sees it.
    pub async fn home_outside(&self) -> PathBuf {
        Outside::of(&self.dev_server.server, &self.id).unwrap().path(self.home().await)
    }

    /// Writes a file in the home, from outside.
    pub async fn write(&self, name: &str, text: &str) {
        let home = self.home_outside().await;
        as_owner_of(&home, || std::fs::write(home.join(name), text)).unwrap();
    }

    /// Opens a WebSocket; an error is the status and body of a refused upgrade.
    pub async fn try_socket(&self, path: &str, protocols: &[&str]) -> Result<Socket, (u16, Value)> {
        let base = self.dev_server.base().replacen("http", "ws", 1);
        let mut request = format!("{base}/toolbox/{}{path}", self.id).into_client_request().unwrap();
        let bearer = format!("Bearer {}", self.dev_server.server.api_key());
        request.headers_mut().insert("authorization", bearer.parse().unwrap());
        if !protocols.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocols.join(", ").parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((stream, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                let protocol = protocol.map(|value| value.to_str().unwrap().to_owned());
                Ok(Socket { stream, protocol, received: Received::default() })
            }
            // tungstenite requires that one of its protocols is selected; 0.190 selects none.
            Err(Error::Protocol(_)) if !protocols.is_empty() => {
                panic!("none of {protocols:?} was selected")
            }
            Err(Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                let body = serde_json::from_slice(body).unwrap_or_default();
                Err((response.status().as_u16(), body))
            }
            Err(error) => panic!("{path}: {error}"),
        }
    }

    pub async fn socket(&self, path: &str) -> Socket {
        self.try_socket(path, &[]).await.unwrap_or_else(|refused| panic!("{path}: {refused:?}"))
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum End {
    Closed(u16, String),
    Lost,
}

#[derive(Debug, Default)]
pub struct Received {
    pub texts: Vec<String>,
    pub bytes: Vec<u8>,
    pub end: Option<End>,
}

pub struct Socket {
    pub stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The selected subprotocol.
    pub protocol: Option<String>,
    pub received: Received,
}

impl Socket {
    pub async fn say(&mut self, text: &str) {
        self.stream.send(Message::binary(text.as_bytes().to_vec())).await.unwrap();
    }

    /// Receives one message; `false`: the end.
    pub async fn receive(&mut self) -> bool {
        let message = timeout(ANSWER_TIMEOUT, self.stream.next()).await;
        match message.unwrap_or_else(|_| panic!("silence after {:?}", self.received)) {
            Some(Ok(Message::Text(text))) => self.received.texts.push(text.to_string()),
            Some(Ok(Message::Binary(bytes))) => self.received.bytes.extend_from_slice(&bytes),
            Some(Ok(Message::Close(frame))) => {
                self.received.end = Some(frame.map_or(End::Closed(1005, String::new()), |frame| {
                    End::Closed(frame.code.into(), frame.reason.to_string())
                }));
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => {
                self.received.end.get_or_insert(End::Lost);
                return false;
            }
        }
        self.received.end.is_none()
    }

    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.received.bytes).into_owned()
    }

    pub async fn until_output(&mut self, wanted: &str) {
        while !self.output().contains(wanted) {
            assert!(self.receive().await, "ended without {wanted:?}: {:?}", self.received);
        }
    }

    pub async fn until_text(&mut self, wanted: &str) {
        while !self.received.texts.iter().any(|text| text.contains(wanted)) {
            assert!(self.receive().await, "ended without {wanted:?}: {:?}", self.received);
        }
    }

    /// Receives everything to the end.
    pub async fn ended(mut self) -> Received {
        while self.receive().await {}
        self.received
    }
}
