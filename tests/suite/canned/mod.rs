//! A server that answers what a test wrote down, byte by byte, and remembers what it was asked.

pub mod relay;
pub mod tls;

use daytona::client::Client;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// Counts all requests of the server, from 0.
    pub number: usize,
    /// Counts the connections, from 0.
    pub connection: usize,
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl RequestInfo {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What to do with a request.
pub enum Answer {
    /// Write these bytes and keep the connection.
    Keep(Vec<u8>),
    /// Write these bytes and close it.
    Close(Vec<u8>),
    /// Write these bytes and stay silent.
    Stall(Vec<u8>),
}

pub struct Server {
    pub address: std::net::SocketAddr,
    received: Arc<Mutex<Vec<RequestInfo>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub async fn start(answer: impl Fn(&RequestInfo) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let seen = received.clone();
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, connection, seen.clone(), answer.clone()));
            }
        });
        Self { address, received, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn requests(&self) -> Vec<RequestInfo> {
        self.received.lock().unwrap().clone()
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    connection: usize,
    seen: Arc<Mutex<Vec<RequestInfo>>>,
    answer: Arc<impl Fn(&RequestInfo) -> Answer>,
) {
    while let Some(mut request) = read(&mut stream).await {
        request.connection = connection;
        {
            let mut seen = seen.lock().unwrap();
            request.number = seen.len();
            seen.push(request.clone());
        }
        match answer(&request) {
            Answer::Keep(bytes) => {
                if stream.write_all(&bytes).await.is_err() {
                    return;
                }
            }
            Answer::Close(bytes) => {
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            Answer::Stall(bytes) => {
                let _ = stream.write_all(&bytes).await;
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Reads one request with its body.
pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<RequestInfo> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(RequestInfo { number: 0, connection: 0, line, headers, body })
}

/// An answer with a body of JSON.
pub fn json_answer(status: &str, body: &Value) -> Vec<u8> {
    with_headers(status, "Content-Type: application/json\r\n", body.to_string().as_bytes())
}

pub fn with_headers(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let mut answer =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    answer.extend_from_slice(body);
    answer
}

pub fn ok() -> Answer {
    Answer::Keep(json_answer("200 OK", &json!({"ok": true})))
}

pub const KEY: &str = "dtn_a-secret-key-of-the-tests";

/// A client for a canned server; `more` adds to its configuration. Nothing of the environment counts.
pub fn client(api: &str, more: Value) -> Client {
    let mut config = json!({"apiKey": KEY, "apiUrl": api, "proxy": "", "retries": 0});
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    Client::open(config.to_string().as_bytes()).unwrap()
}

/// Fails the test instead of hanging it.
pub async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), work).await.expect("this hangs")
}

/// A port that refuses connections, and is nobody else's, until the socket listens.
pub fn refusing() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// A loopback port, and its URL.
pub async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

pub async fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().await.unwrap().0
}
