//! What the transport promises of WebSockets.

use crate::canned::{Answer, KEY, Server, accept, client, json_answer, listen, soon, with_headers};
use daytona::client::status;
use daytona::client::transport::Method;
use daytona::client::transport::{Message, Socket, SocketEvent};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Wire;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

/// A socket to a server that does `serve` with its end.
async fn socket<F: Future<Output = ()> + Send + 'static>(
    serve: impl FnOnce(WebSocketStream<TcpStream>) -> F + Send + 'static,
) -> Socket {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let limits = WebSocketConfig::default().max_frame_size(None).max_message_size(None);
        let stream = accept(&listener).await;
        serve(tokio_tungstenite::accept_async_with_config(stream, Some(limits)).await.unwrap()).await;
    });
    let client = client(&url, json!({}));
    soon(client.transport().websocket(&format!("{url}/s"), &[])).await.unwrap()
}

/// Answers a handshake by hand, then writes `bytes` and drops the connection.
async fn raw(bytes: Vec<u8>) -> Socket {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        let asked = crate::canned::read(&mut stream).await.unwrap();
        let accepted = derive_accept_key(asked.header("sec-websocket-key").unwrap().as_bytes());
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Accept: {accepted}\r\nSec-WebSocket-Protocol: b\r\n\r\n"
        );
        // In one write: the first frames may come together with the head.
        stream.write_all(&[head.as_bytes(), &bytes].concat()).await.unwrap();
    });
    let client = client(&url, json!({}));
    let offered = ["a".to_owned(), "b".to_owned()];
    soon(client.transport().websocket(&url.replace("http:", "ws:"), &offered)).await.unwrap()
}

#[tokio::test]
async fn messages_travel_both_ways_and_the_close_frame_is_kept() {
    let mut socket = socket(|mut socket| async move {
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
    })
    .await;
    socket.send(Message::Binary(vec![0, 255, 1].into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Binary(vec![0, 255, 1].into())));
    socket.send(Message::Text("grüße".into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Text("grüße".into())));
    socket.send(Message::Text("bye".into())).await.unwrap();
    assert_eq!(soon(socket.next()).await.unwrap(), None);
    let closed = socket.closed().unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (4008, "timed out"));
    assert!(matches!(soon(socket.next_event(true)).await.unwrap(), SocketEvent::Closed));
    assert!(socket.queue(Message::Binary("late".into())).is_err());
}

#[tokio::test]
async fn a_handshake_carries_the_same_headers_and_offers_subprotocols() {
    let server =
        Server::start(|_| Answer::Keep(json_answer("404 Not Found", &json!({"error": "no such PTY"})))).await;
    let client = client(&server.url(), json!({"headers": {"X-Team": "a"}}));
    let offered = ["X-Daytona-Pty-Exit-Control".to_owned(), "second".to_owned()];
    let error =
        soon(client.transport().websocket(&format!("{}/s", server.url()), &offered)).await.err().unwrap();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
    assert!(error.to_string().starts_with("no such PTY"), "{error}");
    let asked = &server.requests()[0];
    assert_eq!(asked.line, "GET /s HTTP/1.1");
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(asked.header("x-daytona-sdk-version"), Some(daytona::PROTOCOL_VERSION));
    assert_eq!(asked.header("x-team"), Some("a"));
    assert_eq!(asked.header("sec-websocket-protocol"), Some("X-Daytona-Pty-Exit-Control, second"));
    assert_eq!(asked.header("sec-websocket-version"), Some("13"));
}

#[tokio::test]
async fn what_comes_with_the_handshake_is_not_lost() {
    let mut socket = raw(b"\x82\x03abc\x88\x05\x03\xf3bye".to_vec()).await;
    assert_eq!(socket.protocol(), Some("b"));
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Binary("abc".into())));
    assert_eq!(soon(socket.next()).await.unwrap(), None);
    assert_eq!(socket.closed().unwrap().code, 1011);
    assert_eq!(socket.closed().unwrap().reason, "bye");
}

#[tokio::test]
async fn an_end_without_close_frame_is_a_lost_connection() {
    let mut socket = raw(b"\x82\x03abc\x82\x09half".to_vec()).await;
    assert!(soon(socket.next()).await.unwrap().is_some());
    let error = soon(socket.next()).await.unwrap_err();
    assert_eq!(error.status(), status::CONNECTION);
    assert!(socket.closed().is_none());
}

#[tokio::test]
async fn a_close_frame_without_code_is_1005() {
    let mut socket = raw(b"\x88\x00".to_vec()).await;
    assert_eq!(soon(socket.next()).await.unwrap(), None);
    assert_eq!(socket.closed().unwrap().code, 1005);
}

#[tokio::test]
async fn what_is_no_websocket_is_a_protocol_error() {
    // Reserved bits, no known kind of frame, one that is masked, a text that is not UTF-8, a ping that is too long.
    let long = [&b"\x89\x7e\x00\x7e"[..], &[0; 126]].concat();
    for frame in [&b"\xf2\x01a"[..], b"\x83\x01a", b"\x82\x81abcda", b"\x81\x01\xff", &long] {
        let error = soon(raw(frame.to_vec()).await.next()).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{frame:?}: {error}");
    }
    let pretended = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n";
    for answer in [pretended.into(), with_headers("200 OK", "", b"{}")] {
        let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
        let client = client(&server.url(), json!({}));
        let error = soon(client.transport().websocket(&server.url(), &[])).await.err().unwrap();
        assert_eq!(error.status(), status::PROTOCOL, "{error}");
    }
}

#[tokio::test]
async fn a_handshake_is_repeated_only_if_it_did_not_arrive() {
    for answer in [Answer::Close(Vec::new()), Answer::Keep(with_headers("503 Unavailable", "", b""))] {
        let (bytes, close) = match answer {
            Answer::Close(bytes) => (bytes, true),
            Answer::Keep(bytes) | Answer::Stall(bytes) => (bytes, false),
        };
        let server =
            Server::start(
                move |_| if close { Answer::Close(bytes.clone()) } else { Answer::Keep(bytes.clone()) },
            )
            .await;
        let client = client(&server.url(), json!({"retries": 3}));
        assert!(soon(client.transport().websocket(&server.url(), &[])).await.is_err());
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_meets_its_deadline() {
    let server = Server::start(|_| Answer::Stall(Vec::new())).await;
    let client = client(&server.url(), json!({"connectTimeoutMs": 100}));
    let error = soon(client.transport().websocket(&server.url(), &[])).await.err().unwrap();
    assert_eq!(error.status(), status::TIMEOUT);
    let request = client.request(Method::GET, "s").deadline(Some(Duration::from_millis(50)));
    let error = soon(request.websocket(&[])).await.err().unwrap();
    assert!(error.to_string().contains("50 ms"), "{error}");
}

#[tokio::test]
async fn pings_are_answered_while_reading() {
    let mut socket = socket(|mut socket| async move {
        socket.send(Wire::Ping("are you there".into())).await.unwrap();
        loop {
            if let Wire::Pong(data) = socket.next().await.unwrap().unwrap() {
                socket.send(Wire::Binary(data)).await.unwrap();
            }
        }
    })
    .await;
    assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Binary("are you there".into())));
}

#[tokio::test]
async fn a_message_of_64_mib_is_received_and_a_larger_one_refused() {
    const LIMIT: usize = 64 << 20;
    for (fragments, each) in [(1, LIMIT), (64, 1 << 20)] {
        let mut socket = raw_fragments(fragments, each).await;
        let received = soon(socket.next()).await.unwrap().unwrap();
        assert_eq!(received.data().len(), LIMIT);
        assert!(received.data().iter().all(|&byte| byte == 7));
    }
    for (fragments, each) in [(1, LIMIT + 1), (65, 1 << 20)] {
        let error = soon(raw_fragments(fragments, each).await.next()).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{error}");
        assert!(error.to_string().contains("67108864"), "{error}");
    }
}

async fn raw_fragments(count: usize, each: usize) -> Socket {
    let mut bytes = Vec::new();
    for number in 0..count {
        let opcode = if number == 0 { 2 } else { 0 };
        let last = if number + 1 == count { 0x80 } else { 0 };
        bytes.extend([last | opcode, 127]);
        bytes.extend((each as u64).to_be_bytes());
        bytes.resize(bytes.len() + each, 7);
    }
    raw(bytes).await
}

/// A terminal that echoes: it stops reading when nobody reads what it writes.
#[tokio::test]
async fn a_peer_that_writes_before_it_reads_on_does_not_stop_the_socket() {
    const TOTAL: usize = 32 << 20;
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        let mut socket = tokio_tungstenite::accept_async(accept(&listener).await).await.unwrap();
        while let Some(Ok(message)) = socket.next().await {
            if message.is_binary() {
                socket.send(message).await.unwrap();
            }
        }
    });
    let client = client(&url, json!({}));
    let mut socket = soon(client.transport().websocket(&url, &[])).await.unwrap();
    let piece = bytes::Bytes::from(vec![1; 128 << 10]);
    let (mut sent, mut received) = (0, 0);
    while received < TOTAL {
        match soon(socket.next_event(sent < TOTAL)).await.unwrap() {
            SocketEvent::Message(message) => received += message.data().len(),
            SocketEvent::Writable => {
                socket.queue(Message::Binary(piece.clone())).unwrap();
                sent += piece.len();
            }
            SocketEvent::Closed => panic!("closed after {received} bytes"),
        }
    }
    assert_eq!((sent, received), (TOTAL, TOTAL));
}

#[tokio::test]
async fn a_socket_nobody_reads_is_still_pinged() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut socket = tokio_tungstenite::accept_async(accept(&listener).await).await.unwrap();
        let mut pings = 0;
        while pings < 3 {
            pings += usize::from(socket.next().await.unwrap().unwrap().is_ping());
        }
    });
    // The idle limit sets the pace of the pings.
    let client = client(&url, json!({"idleTimeoutMs": 60}));
    let mut socket = soon(client.transport().websocket(&url, &[])).await.unwrap();
    tokio::select! {
        () = socket.keep_alive() => unreachable!(),
        served = soon(server) => served.unwrap(),
    }
}

#[tokio::test]
async fn closing_sends_a_close_frame_with_code_and_reason() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut socket = tokio_tungstenite::accept_async(accept(&listener).await).await.unwrap();
        loop {
            if let Some(Ok(Wire::Close(frame))) = socket.next().await {
                return frame.map(|frame| (u16::from(frame.code), frame.reason.to_string()));
            }
        }
    });
    let client = client(&url, json!({}));
    let mut socket = soon(client.transport().websocket(&url, &[])).await.unwrap();
    soon(socket.close(1000, "done")).await;
    assert_eq!(soon(server).await.unwrap(), Some((1000, "done".to_owned())));
}

#[tokio::test]
async fn dropping_a_socket_drops_its_connection() {
    let (listener, url) = listen().await;
    let server = tokio::spawn(async move {
        let mut stream = accept(&listener).await;
        let asked = crate::canned::read(&mut stream).await.unwrap();
        let accepted = derive_accept_key(asked.header("sec-websocket-key").unwrap().as_bytes());
        let head = format!(
            "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accepted}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
    });
    let client = client(&url, json!({}));
    drop(soon(client.transport().websocket(&url, &[])).await.unwrap());
    soon(server).await.unwrap();
}

/// A server that upgrades whatever asks for it.
async fn upgrading() -> String {
    let (listener, url) = listen().await;
    tokio::spawn(async move {
        loop {
            let stream = accept(&listener).await;
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while socket.next().await.is_some() {}
            });
        }
    });
    url
}

#[tokio::test]
async fn as_many_sockets_can_be_open_as_there_may_be_connections() {
    let url = upgrading().await;
    for cap in [1, 3] {
        let client = client(&url, json!({"maxConnectionsPerHost": cap, "connectTimeoutMs": 5000}));
        let open = || client.transport().websocket(&url, &[]);
        let mut sockets = Vec::new();
        for _ in 0..cap {
            sockets.push(soon(open()).await.unwrap());
        }
        let request = client.transport().request(Method::GET, &url);
        for error in [soon(open()).await.err().unwrap(), soon(request.send()).await.err().unwrap()] {
            assert_eq!((error.status(), error.detail().attempts), (status::TIMEOUT, 0), "{error}");
            assert!(error.to_string().contains("maxConnectionsPerHost"), "{error}");
        }
        sockets.pop();
        soon(open()).await.unwrap();
    }
}
