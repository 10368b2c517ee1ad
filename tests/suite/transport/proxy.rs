//! What the transport promises of proxies: HTTP and SOCKS, requests and WebSockets, and hosts that
//! are reached without one.

use crate::canned::{Server, client, ok, soon};
use daytona::client::status;
use daytona::client::transport::Message;
use daytona::client::transport::Method;
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that leads every name to one server, and remembers what it was asked.
struct Proxy {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Http,
    /// Answers every CONNECT with this status.
    Refusing(&'static str),
    Socks,
}

impl Proxy {
    async fn start(kind: Kind, target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match kind {
                    Kind::Http => tokio::spawn(http(stream, target, seen.clone())),
                    Kind::Refusing(status) => tokio::spawn(refuse(stream, status)),
                    Kind::Socks => tokio::spawn(socks(stream, target, seen.clone())),
                };
            }
        });
        Self { address, asked, task }
    }

    fn requests(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn http(mut stream: TcpStream, target: SocketAddr, seen: Arc<Mutex<Vec<String>>>) {
    let Some(asked) = crate::canned::read(&mut stream).await else { return };
    let credentials = asked.header("proxy-authorization").unwrap_or("-").to_owned();
    seen.lock().unwrap().push(format!("{} {credentials}", asked.line));
    let mut server = TcpStream::connect(target).await.unwrap();
    if asked.line.starts_with("CONNECT") {
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
    } else {
        let mut head = format!("{}\r\n", asked.line);
        // As a proxy must, it forwards nothing that is between it and its client.
        for (name, value) in
            asked.headers.iter().filter(|(name, _)| name != "connection" && name != "upgrade")
        {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        server.write_all(format!("{head}\r\n").as_bytes()).await.unwrap();
        server.write_all(&asked.body).await.unwrap();
    }
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}

async fn refuse(mut stream: TcpStream, status: &'static str) {
    if crate::canned::read(&mut stream).await.is_some() {
        let answer = crate::canned::with_headers(status, "", b"");
        let _ = stream.write_all(&answer).await;
    }
}

async fn socks(mut stream: TcpStream, target: SocketAddr, seen: Arc<Mutex<Vec<String>>>) {
    assert_eq!(stream.read_u8().await.unwrap(), 5);
    let mut methods = vec![0; stream.read_u8().await.unwrap() as usize];
    stream.read_exact(&mut methods).await.unwrap();
    stream.write_all(&[5, 0]).await.unwrap();
    let mut request = [0; 4];
    stream.read_exact(&mut request).await.unwrap();
    let mut host = match request[3] {
        1 => vec![0; 4],
        3 => vec![0; stream.read_u8().await.unwrap() as usize],
        other => panic!("address type {other}"),
    };
    stream.read_exact(&mut host).await.unwrap();
    let port = stream.read_u16().await.unwrap();
    seen.lock().unwrap().push(format!("{}:{port}", String::from_utf8_lossy(&host)));
    stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80]).await.unwrap();
    let mut server = TcpStream::connect(target).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut server).await;
}

/// Echoes WebSocket messages.
async fn echo() -> (SocketAddr, tokio::task::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                if message.is_binary() {
                    socket.send(message).await.unwrap();
                }
            }
        }
    });
    (address, task)
}

async fn echoes(client: &daytona::client::Client, url: &str) {
    let mut socket = soon(client.transport().websocket(url, &[])).await.unwrap();
    socket.send(Message::Binary("abc".into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Binary("abc".into())));
}

const API: &str = "http://api.daytona.invalid:3000/api";

#[tokio::test]
async fn requests_go_through_an_http_proxy_with_its_credentials() {
    let server = Server::start(|_| ok()).await;
    let proxy = Proxy::start(Kind::Http, server.address).await;
    let client = client(API, json!({"proxy": format!("http://user:pass@{}", proxy.address)}));
    soon(client.request(Method::POST, "a").json(&json!({"b": 1})).send()).await.unwrap();
    let line = "POST http://api.daytona.invalid:3000/api/a HTTP/1.1 Basic dXNlcjpwYXNz";
    assert_eq!(proxy.requests(), [line]);
    assert_eq!(server.requests()[0].body, br#"{"b":1}"#);
    assert!(server.requests()[0].header("authorization").is_some());
}

#[tokio::test]
async fn a_websocket_without_tls_through_an_http_proxy_is_refused_before_anything_is_sent() {
    let (address, server) = echo().await;
    let proxy = Proxy::start(Kind::Http, address).await;
    let client = client(API, json!({"proxy": format!("http://user:pass@{}", proxy.address), "retries": 2}));
    for url in ["http://api.daytona.invalid:3000/s", "ws://api.daytona.invalid:3000/s"] {
        let error = soon(client.transport().websocket(url, &[])).await.err().unwrap();
        assert_eq!((error.status(), error.detail().attempts), (status::UNSUPPORTED, 0), "{error}");
        for word in [&*proxy.address.to_string(), "https", "socks5", "noProxy"] {
            assert!(error.to_string().contains(word), "{error}");
        }
        assert!(!error.to_string().contains("pass@"), "{error}");
    }
    assert!(proxy.requests().is_empty());
    server.abort();
}

#[tokio::test]
async fn https_and_its_websockets_go_through_an_http_proxy_by_connect() {
    let authority = crate::canned::tls::Authority::new();
    let file = authority.file();
    let server = authority.serve("api.daytona.invalid", false, &["h2", "http/1.1"]).await;
    let proxy = Proxy::start(Kind::Http, server.address).await;
    let api = "https://api.daytona.invalid/api";
    let more = json!({"caFile": file.path(), "proxy": proxy.address.to_string()});
    let client = client(api, more);
    let answer = soon(client.request(Method::GET, "a").send()).await.unwrap().json().await.unwrap();
    assert_eq!(answer.text, br#"{"http":"2","bearer":true}"#);
    echoes(&client, "https://api.daytona.invalid/s").await;
    assert_eq!(proxy.requests(), ["CONNECT api.daytona.invalid:443 HTTP/1.1 -"; 2]);
}

#[tokio::test]
async fn requests_and_websockets_go_through_a_socks_proxy() {
    let server = Server::start(|_| ok()).await;
    let proxy = Proxy::start(Kind::Socks, server.address).await;
    let by_socks = client(API, json!({"proxy": format!("socks5h://{}", proxy.address)}));
    soon(by_socks.request(Method::GET, "a").send()).await.unwrap();
    assert_eq!(proxy.requests(), ["api.daytona.invalid:3000"]);
    let (address, server) = echo().await;
    let proxy = Proxy::start(Kind::Socks, address).await;
    let by_socks = client(API, json!({"proxy": format!("socks5h://{}", proxy.address)}));
    echoes(&by_socks, "http://api.daytona.invalid:3000/s").await;
    assert_eq!(proxy.requests(), ["api.daytona.invalid:3000"]);
    server.abort();
}

#[tokio::test]
async fn some_hosts_are_reached_without_the_proxy() {
    let server = Server::start(|_| ok()).await;
    let (address, echo) = echo().await;
    let proxy = Proxy::start(Kind::Http, server.address).await;
    for list in ["127.0.0.1", "a.example, 127.0.0.0/8", "*"] {
        let more = json!({"proxy": format!("http://{}", proxy.address), "noProxy": list});
        let client = client(&server.url(), more);
        soon(client.request(Method::GET, "a").send()).await.unwrap();
        echoes(&client, &format!("http://{address}/s")).await;
    }
    assert!(proxy.requests().is_empty());
    echo.abort();
}

#[tokio::test]
async fn a_proxy_that_refuses_or_is_down_is_said_to_be_the_one() {
    let file = crate::canned::tls::Authority::new().file();
    for (answer, word) in [
        ("407 Proxy Authentication Required", "407"),
        ("403 Forbidden", "403 Forbidden"),
        ("405 Method Not Allowed", "405 Method Not Allowed"),
    ] {
        let refusing = Proxy::start(Kind::Refusing(answer), "127.0.0.1:1".parse().unwrap()).await;
        let proxy = format!("http://{}", refusing.address);
        let more = json!({"caFile": file.path(), "proxy": proxy, "retries": 2});
        let refused = client("https://api.daytona.invalid", more);
        let error = soon(refused.request(Method::POST, "a").send()).await.err().unwrap();
        assert_eq!((error.status(), error.detail().attempts), (status::CONNECTION, 1), "{error}");
        assert!(error.to_string().contains("proxy") && error.to_string().contains(word), "{error}");
    }
    let (_socket, url) = crate::canned::refusing();
    let down = client(API, json!({"proxy": url}));
    let error = soon(down.request(Method::GET, "a").send()).await.err().unwrap();
    assert_eq!(error.status(), status::CONNECTION);
    assert!(error.to_string().contains("proxy"), "{error}");
}
