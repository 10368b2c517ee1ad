//! What the pty operations promise on the wire, and when the wire does not.

use crate::support::toolbox::{Reply, RequestInfo, Socket, Toolbox, not_found, ok, upgrade};
use crate::support::{call, isolated, open, until, until_idle};
use base64::Engine;
use daytona::client::status;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const CONNECT: &str = "process/pty/t/connect";
const PTY: &str = "process/pty/t";

fn control(status: &str) -> Message {
    Message::text(json!({"type": "control", "status": status}).to_string())
}

async fn close(mut socket: Socket, code: u16, reason: &'static str) {
    let _ = socket.close(Some(CloseFrame { code: code.into(), reason: reason.into() })).await;
    while let Some(Ok(_)) = socket.next().await {}
}

async fn stay(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {}
}

/// A toolbox whose one terminal does `script` with each socket.
async fn terminal<F>(script: impl Fn(Socket) -> F + Clone + Send + Sync + 'static) -> Toolbox
where
    F: Future<Output = ()> + Send + 'static,
{
    Toolbox::start(move |asked, _| {
        let script = script.clone();
        match asked.path.as_str() {
            CONNECT => upgrade(script),
            path if path.starts_with("process/pty/create-connect?") => upgrade(script),
            PTY if asked.method == "DELETE" => ok(json!({"message": "PTY session deleted"})),
            _ => not_found(),
        }
    })
    .await
}

/// What came of pty.connect: output and ENDED, or the error.
async fn connected<F>(
    script: impl Fn(Socket) -> F + Clone + Send + Sync + 'static,
) -> (Vec<u8>, daytona::Result<Value>)
where
    F: Future<Output = ()> + Send + 'static,
{
    let toolbox = terminal(script).await;
    let stream = open(&toolbox.sandbox(json!({})).await, "pty.connect", json!({"id": "t"})).unwrap();
    let sink = stream.sink.clone();
    let ended = stream.ended().await;
    (sink.all(), ended)
}

#[tokio::test]
async fn a_terminal_is_made_and_attended_in_one_request() {
    let toolbox = terminal(|mut socket: Socket| async move {
        socket.send(control("connected")).await.unwrap();
        socket.send(Message::binary("hello")).await.unwrap();
        close(socket, 1000, r#"{"exitCode":0}"#).await;
    })
    .await;
    let params = json!({"id": "t", "cols": 120, "rows": 40, "cwd": "/a b", "env": {"A": "ü\n\""}});
    let stream = open(&toolbox.sandbox(json!({})).await, "pty.open", params).unwrap();
    let sink = stream.sink.clone();
    let ended = stream.ended().await.unwrap();
    assert_eq!(ended, json!({"exitCode": 0, "reason": null, "bytes": 5, "position": 5}));
    assert_eq!((sink.stdout(), sink.opened()), (b"hello".to_vec(), Some(br#"{"id":"t"}"#.to_vec())));
    let [asked] = &toolbox.requests()[..] else { panic!("{:?}", toolbox.requests()) };
    assert_eq!(asked.path, "process/pty/create-connect?id=t&cols=120&rows=40&cwd=%2Fa+b");
    let protocols: Vec<&str> = asked.header("sec-websocket-protocol").unwrap().split(", ").collect();
    assert_eq!(protocols[0], "X-Daytona-Pty-Exit-Control");
    let encoded = protocols[1].strip_prefix("X-Daytona-Pty-Envs~").unwrap();
    let decoded = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(encoded).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&decoded).unwrap(), json!({"A": "ü\n\""}));
}

/// Opens a terminal, closes the stream before the handshake is answered, and lets the server answer then.
async fn closed_before_the_answer(older: bool, first: Message) -> Toolbox {
    let answered = Arc::new(Notify::new());
    let held = answered.clone();
    let toolbox = Toolbox::start(move |asked, _| {
        let first = first.clone();
        let script = async move |mut socket: Socket| {
            let _ = socket.send(first).await;
            stay(socket).await;
        };
        match asked.path.as_str() {
            path if path.starts_with("process/pty/create-connect?") && !older => {
                Reply::After(held.clone(), Box::new(upgrade(script)))
            }
            "process/pty" => {
                let created = Reply::Json("201 Created", json!({"sessionId": "t"}));
                Reply::After(held.clone(), Box::new(created))
            }
            CONNECT => upgrade(script),
            PTY if asked.method == "DELETE" => ok(json!({"message": "PTY session deleted"})),
            _ => not_found(),
        }
    })
    .await;
    let stream = open(&toolbox.sandbox(json!({})).await, "pty.open", json!({"id": "t"})).unwrap();
    until("asked", async || toolbox.requests().len() == if older { 2 } else { 1 }).await;
    stream.drop_it().await;
    answered.notify_one();
    toolbox
}

#[tokio::test]
async fn a_terminal_whose_stream_is_closed_before_the_answer_is_killed() {
    for older in [false, true] {
        let toolbox = closed_before_the_answer(older, control("connected")).await;
        until("killed", async || toolbox.count("DELETE", PTY) == 1).await;
    }
}

#[test]
fn a_terminal_that_was_there_before_survives_a_stream_that_is_closed_before_the_answer() {
    let test =
        "pty::sockets::a_terminal_that_was_there_before_survives_a_stream_that_is_closed_before_the_answer";
    isolated(
        test,
        |_| {},
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let taken =
                    json!({"type": "control", "status": "error", "error": "PTY session t already exists"});
                let toolbox = closed_before_the_answer(false, Message::text(taken.to_string())).await;
                until_idle().await;
                assert_eq!(toolbox.count("DELETE", PTY), 0);
            });
        },
    );
}

#[tokio::test]
async fn an_older_server_makes_it_lazily_so_that_the_first_output_is_not_lost() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        "process/pty" => Reply::Json("201 Created", json!({"sessionId": "t"})),
        CONNECT => upgrade(|mut socket: Socket| async move {
            socket.send(control("connected")).await.unwrap();
            close(socket, 1000, "").await;
        }),
        _ => Reply::Json("404 Not Found", json!({"error": "PTY session not found"})),
    })
    .await;
    let params = json!({"id": "t", "env": {"A": "1"}});
    let stream = open(&toolbox.sandbox(json!({})).await, "pty.open", params).unwrap();
    assert_eq!(stream.ended().await.unwrap()["exitCode"], 0);
    let asked = toolbox.requests();
    assert!(asked[0].path.starts_with("process/pty/create-connect?"));
    assert!(asked[1].is("POST", "process/pty"));
    assert_eq!(
        asked[1].body,
        json!({"id": "t", "cols": 80, "rows": 24, "envs": {"A": "1"}, "lazyStart": true})
    );
    assert!(asked[2].is("GET", CONNECT));
    assert_eq!(asked.len(), 3, "an exited terminal is not killed");
}

#[tokio::test]
async fn an_environment_too_long_for_a_header_travels_in_a_body() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        "process/pty" => Reply::Json("201 Created", json!({"sessionId": "t"})),
        CONNECT => upgrade(|socket: Socket| close(socket, 1000, "")),
        _ => panic!("{asked:?}"),
    })
    .await;
    let long = "x".repeat(100_000);
    let stream =
        open(&toolbox.sandbox(json!({})).await, "pty.open", json!({"id": "t", "env": {"A": long}})).unwrap();
    assert_eq!(stream.ended().await.unwrap()["exitCode"], 0);
    assert_eq!(toolbox.requests()[0].body["envs"]["A"], long);
}

#[tokio::test]
async fn the_exit_is_taken_from_the_control_message_first() {
    let (_, ended) = connected(|mut socket: Socket| async move {
        socket.send(control("connected")).await.unwrap();
        let exited = json!({"type": "control", "status": "exited", "exitCode": 130, "exitReason": "Ctrl+C"});
        socket.send(Message::text(exited.to_string())).await.unwrap();
        socket.send(Message::binary("late output")).await.unwrap();
        // The connection breaks; how the shell ended is known all the same.
    })
    .await;
    let ended = ended.unwrap();
    assert_eq!(
        (&ended["exitCode"], &ended["reason"], &ended["bytes"]),
        (&json!(130), &json!("Ctrl+C"), &json!(11))
    );
}

#[tokio::test]
async fn a_terminal_that_exits_at_once_may_never_say_that_it_was_connected() {
    let (_, ended) = connected(|mut socket: Socket| async move {
        let exited = json!({"type": "control", "status": "exited", "exitCode": 7});
        socket.send(Message::text(exited.to_string())).await.unwrap();
        // Nor is there a close frame.
        stay(socket).await;
    })
    .await;
    assert_eq!(ended.unwrap()["exitCode"], 7);
}

#[tokio::test]
async fn the_close_reason_tells_the_exit_whatever_the_close_code_is() {
    for (code, reason, expected) in [
        (1000, r#"{"exitCode":0}"#, json!([0, null])),
        (1000, "", json!([0, null])),
        (1011, r#"{"exitCode":3,"exitReason":"non-zero exit"}"#, json!([3, "non-zero exit"])),
        (1011, r#"{"exitCode":-1,"exitReason":"non-zero exit"}"#, json!([-1, "non-zero exit"])),
        (1011, r#"{"exitCode":137,"exitReason":"SIGKILL"}"#, json!([137, "SIGKILL"])),
        (1001, r#"{"exitCode":130,"exitReason":"Ctrl+C"}"#, json!([130, "Ctrl+C"])),
    ] {
        let (output, ended) = connected(move |mut socket: Socket| async move {
            socket.send(control("connected")).await.unwrap();
            socket.send(Message::binary("x")).await.unwrap();
            close(socket, code, reason).await;
        })
        .await;
        let ended = ended.unwrap();
        assert_eq!(json!([ended["exitCode"], ended["reason"]]), expected, "{code} {reason}");
        assert_eq!(output, b"x");
    }
}

#[tokio::test]
async fn a_lost_connection_is_never_an_exit() {
    let lost = |code: Option<u16>| async move {
        connected(move |mut socket: Socket| async move {
            socket.send(control("connected")).await.unwrap();
            socket.send(Message::binary("abc")).await.unwrap();
            if let Some(code) = code {
                close(socket, code, "going").await;
            }
        })
        .await
    };
    for code in [None, Some(1001), Some(1011), Some(4008)] {
        let (output, ended) = lost(code).await;
        let error = ended.unwrap_err();
        assert_eq!(error.status(), status::CONNECTION, "{code:?} {error}");
        assert_eq!((error.detail().bytes, error.detail().position), (Some(3), Some(3)));
        assert_eq!((error.detail().exit_code, output), (None, b"abc".to_vec()));
    }
}

#[tokio::test]
async fn a_server_that_breaks_the_protocol_of_sockets_is_no_lost_connection() {
    for frame in [&b"\x83\x01a"[..], b"\x81\x01\xff"] {
        let (_, ended) = connected(move |mut socket: Socket| async move {
            socket.send(control("connected")).await.unwrap();
            socket.get_mut().write_all(frame).await.unwrap();
        })
        .await;
        let error = ended.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{error}");
        assert!(error.detail().message.contains("broke the WebSocket protocol"), "{error}");
        assert!(!error.detail().retryable, "{error}");
    }
}

#[tokio::test]
async fn a_reader_that_was_cut_is_told_so() {
    let (_, ended) = connected(|mut socket: Socket| async move {
        socket.send(control("connected")).await.unwrap();
        close(socket, 1008, "slow consumer").await;
    })
    .await;
    assert_eq!(ended.unwrap_err().status(), status::SLOW_CONSUMER);
}

#[tokio::test]
async fn a_missing_pty_is_not_found() {
    let (_, ended) = connected(|mut socket: Socket| async move {
        let error = "Failed to connect to PTY session: PTY session t not found";
        let error = json!({"type": "control", "status": "error", "error": error});
        socket.send(Message::text(error.to_string())).await.unwrap();
        // Drops without a close frame, as the daemon does.
    })
    .await;
    let error = ended.unwrap_err();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
    assert!(error.detail().message.contains("\"t\""), "{error}");
}

#[tokio::test]
async fn text_that_is_no_control_message_is_output() {
    let (output, ended) = connected(|mut socket: Socket| async move {
        socket.send(Message::binary("early ")).await.unwrap();
        socket.send(control("connected")).await.unwrap();
        socket.send(Message::text("text ")).await.unwrap();
        socket.send(Message::text(r#"{"type":"data"}"#)).await.unwrap();
        socket.send(control("something new")).await.unwrap();
        socket.send(Message::binary(vec![0xff, 0xc3])).await.unwrap();
        close(socket, 1000, "").await;
    })
    .await;
    assert_eq!(ended.unwrap()["exitCode"], 0);
    assert_eq!(output, b"early text {\"type\":\"data\"}\xff\xc3");
}

#[tokio::test]
async fn a_terminal_that_never_says_that_it_is_there_times_out_and_is_killed() {
    let toolbox = terminal(stay).await;
    let sandbox = toolbox.sandbox(json!({"connectTimeoutMs": 300})).await;
    let stream = open(&sandbox, "pty.open", json!({"id": "t"})).unwrap();
    assert_eq!(stream.failed().await.status(), status::TIMEOUT);
    until("killed", async || toolbox.count("DELETE", PTY) == 1).await;
}

#[tokio::test]
async fn closing_pty_open_kills_the_terminal_and_closing_pty_connect_does_not() {
    let connected = |mut socket: Socket| async move {
        socket.send(control("connected")).await.unwrap();
        stay(socket).await;
    };
    for (operation, kills) in [("pty.open", 1), ("pty.connect", 0)] {
        let toolbox = terminal(connected).await;
        let stream = open(&toolbox.sandbox(json!({})).await, operation, json!({"id": "t"})).unwrap();
        stream.until_open().await;
        stream.drop_it().await;
        if kills > 0 {
            until("killed", async || toolbox.count("DELETE", PTY) == kills).await;
        } else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(toolbox.count("DELETE", PTY), 0);
        }
    }
}

#[tokio::test]
async fn closing_the_client_does_not_keep_the_terminal_from_being_killed() {
    let toolbox = terminal(|mut socket: Socket| async move {
        socket.send(control("connected")).await.unwrap();
        stay(socket).await;
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let stream = open(&sandbox, "pty.open", json!({"id": "t"})).unwrap();
    stream.until_open().await;
    sandbox.client().close();
    stream.drop_it().await;
    until("killed", async || toolbox.count("DELETE", PTY) == 1).await;
    let error = call(&sandbox, "pty.list", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::CLOSED);
}

#[tokio::test]
async fn an_id_that_is_taken_is_a_conflict_and_nobody_is_killed() {
    let toolbox =
        Toolbox::start(|_, _| Reply::Json("409 Conflict", json!({"error": "already exists"}))).await;
    let stream = open(&toolbox.sandbox(json!({})).await, "pty.open", json!({"id": "t"})).unwrap();
    assert_eq!(stream.failed().await.status(), status::HTTP_CONFLICT);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(toolbox.requests().len(), 1);
}

#[tokio::test]
async fn input_arrives_in_order_in_messages_the_daemon_takes_while_the_output_is_held_back() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let largest = Arc::new(AtomicUsize::new(0));
    let pings = Arc::new(AtomicUsize::new(0));
    let (into, size, pinged) = (received.clone(), largest.clone(), pings.clone());
    let toolbox = terminal(move |mut socket: Socket| {
        let (into, size, pinged) = (into.clone(), size.clone(), pinged.clone());
        async move {
            socket.send(control("connected")).await.unwrap();
            socket.send(Message::binary("held back")).await.unwrap();
            while let Some(Ok(message)) = socket.next().await {
                pinged.fetch_add(usize::from(message.is_ping()), Ordering::SeqCst);
                if let Message::Binary(data) = message {
                    size.fetch_max(data.len(), Ordering::SeqCst);
                    into.lock().unwrap().extend_from_slice(&data);
                }
            }
        }
    })
    .await;
    let stream = open(&toolbox.sandbox(json!({})).await, "pty.connect", json!({"id": "t"})).unwrap();
    stream.sink.refuse_room();
    stream.until_open().await;
    let input: Vec<u8> = (0..700_000_u32).map(|at| (at % 251) as u8).collect();
    assert_eq!(stream.writer.write(&input).unwrap(), input.len());
    // Not by the first ping, which would push on what lies still.
    until("all arrived", async || received.lock().unwrap().len() == input.len()).await;
    assert_eq!(pings.load(Ordering::SeqCst), 0, "input that nobody sent");
    assert_eq!(*received.lock().unwrap(), input);
    assert_eq!(largest.load(Ordering::SeqCst), 65_536);
    assert!(stream.sink.all().is_empty());
}

#[tokio::test]
async fn sizes_that_no_terminal_has_are_refused_before_anything_is_sent() {
    let toolbox = Toolbox::start(|asked: &RequestInfo, _| panic!("{asked:?}")).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for size in [0, -1, 1001, 70_000] {
        for params in
            [json!({"id": "t", "cols": size, "rows": 24}), json!({"id": "t", "cols": 80, "rows": size})]
        {
            for operation in ["pty.create", "pty.resize"] {
                let error = call(&sandbox, operation, params.clone()).await.unwrap_err();
                assert_eq!(error.status(), status::INVALID_ARGUMENT);
                assert!(error.detail().message.contains(&size.to_string()), "{error}");
            }
            let error = open(&sandbox, "pty.open", params).unwrap().failed().await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT);
        }
    }
}
