//! A toolbox of one sandbox that answers what a test wrote down.

use super::{client, sandbox};
use daytona::client::sandbox::Sandbox;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

pub type Socket = WebSocketStream<TcpStream>;

/// One request as it arrived; `path` begins behind the sandbox's id.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl RequestInfo {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }
}

pub enum Reply {
    /// Status line and JSON.
    Json(&'static str, Value),
    Raw(&'static str, Vec<u8>),
    /// Upgrades, then does this.
    Socket(Box<dyn FnOnce(Socket) -> BoxFuture<'static, ()> + Send>),
    /// Waits before the reply.
    After(Arc<Notify>, Box<Reply>),
    /// Never answers.
    Silence,
    /// Answers with the beginning of a JSON object, and stalls.
    Half,
}

pub fn ok(json: Value) -> Reply {
    Reply::Json("200 OK", json)
}

pub fn not_found() -> Reply {
    Reply::Json(
        "404 Not Found",
        json!({"statusCode": 404, "message": "not found: nothing", "code": "NOT_FOUND"}),
    )
}

pub fn upgrade<F>(script: impl FnOnce(Socket) -> F + Send + 'static) -> Reply
where
    F: Future<Output = ()> + Send + 'static,
{
    Reply::Socket(Box::new(move |socket| Box::pin(script(socket))))
}

pub struct Toolbox {
    pub url: String,
    received: Arc<Mutex<Vec<RequestInfo>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Toolbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Toolbox {
    /// `answer` gets the number of equal requests (method and path) that came before. The API's answer about the
    /// sandbox, asked for after some failures, is that it is started.
    pub async fn start(answer: impl Fn(&RequestInfo, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_api(move |asked, before| match asked.path.as_str() {
            "/sandbox/sb-1" => ok(json!({"id": "sb-1", "state": "started"})),
            _ => answer(asked, before),
        })
        .await
    }

    /// The same, with the API's answers as well.
    pub async fn start_api(answer: impl Fn(&RequestInfo, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (received.clone(), Arc::new(answer));
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, seen.clone(), answer.clone()));
            }
        });
        Self { url, received, task }
    }

    pub async fn sandbox(&self, config: Value) -> Sandbox {
        sandbox(&client(&self.url, config), &self.url).await
    }

    /// Every request, those to the API included.
    pub fn all_requests(&self) -> Vec<RequestInfo> {
        self.received.lock().unwrap().clone()
    }

    /// The requests to the toolbox.
    pub fn requests(&self) -> Vec<RequestInfo> {
        let received = self.received.lock().unwrap();
        received.iter().filter(|request| request.path != "/sandbox/sb-1").cloned().collect()
    }

    pub fn count(&self, method: &str, path: &str) -> usize {
        self.requests().iter().filter(|request| request.is(method, path)).count()
    }
}

async fn serve(
    mut stream: TcpStream,
    seen: Arc<Mutex<Vec<RequestInfo>>>,
    answer: Arc<impl Fn(&RequestInfo, usize) -> Reply>,
) {
    while let Some(asked) = read(&mut stream).await {
        let reply = {
            let mut seen = seen.lock().unwrap();
            let before = seen.iter().filter(|other| other.is(&asked.method, &asked.path)).count();
            seen.push(asked.clone());
            answer(&asked, before)
        };
        let reply = match reply {
            Reply::After(event, reply) => {
                event.notified().await;
                *reply
            }
            reply => reply,
        };
        let (status, kind, body) = match reply {
            Reply::After(..) => panic!("one wait is enough"),
            Reply::Json(status, json) => (status, "application/json", json.to_string().into_bytes()),
            Reply::Raw(status, body) => (status, "text/plain; charset=utf-8", body),
            Reply::Silence => std::future::pending().await,
            Reply::Half => {
                let half =
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{\"exit";
                stream.write_all(half).await.unwrap();
                std::future::pending().await
            }
            Reply::Socket(script) => {
                let key = asked.header("sec-websocket-key").expect("a handshake");
                let head = format!(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: {}\r\n\r\n",
                    derive_accept_key(key.as_bytes())
                );
                stream.write_all(head.as_bytes()).await.unwrap();
                script(WebSocketStream::from_raw_socket(stream, Role::Server, None).await).await;
                return;
            }
        };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        // In one write: no limit of the client's for the body begins before it is there.
        if stream.write_all(&[head.as_bytes(), &body].concat()).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<RequestInfo> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let path = target.strip_prefix("/sb-1/").unwrap_or(target).to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Some(RequestInfo { method, path, headers, body })
}
