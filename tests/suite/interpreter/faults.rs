//! What befalls interpreter.run between the request and the close frame: silence, cuts, frames that are none, close
//! codes that nobody knows, and servers that are no interpreter. Each is an error in time, never a wrong success.

use crate::support::toolbox::{Reply, Socket, Toolbox, ok, upgrade};
use crate::support::{call, open, soon};
use daytona::client::status;
use daytona::{Error, Result};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// The run as a call, on a server that answers its handshake so.
async fn run(reply: impl Fn() -> Reply + Send + Sync + 'static, config: Value) -> Result<Value> {
    let toolbox = Toolbox::start(move |_, _| reply()).await;
    let sandbox = toolbox.sandbox(config).await;
    soon(call(&sandbox, "interpreter.run", json!({"code": "c", "timeout": 1}))).await
}

/// The run as a stream and as a call, which have to fail alike.
async fn fails(reply: impl Fn() -> Reply + Clone + Send + Sync + 'static, config: Value) -> Error {
    let streaming = reply.clone();
    let toolbox = Toolbox::start(move |_, _| streaming()).await;
    let sandbox = toolbox.sandbox(config.clone()).await;
    let running = open(&sandbox, "interpreter.run", json!({"code": "c", "timeout": 1})).unwrap();
    let (ended, ran) = tokio::join!(running.ended(), run(reply, config));
    let (ended, ran) = (ended.unwrap_err(), ran.unwrap_err());
    assert_eq!(ended.status(), ran.status(), "{ended} and {ran}");
    ran
}

/// Reads what is to run, sends these messages, and closes or drops the connection.
fn sends(messages: Vec<Message>, close: Option<u16>) -> impl Fn() -> Reply + Clone + Send + Sync + 'static {
    move || {
        let messages = messages.clone();
        upgrade(move |mut socket: Socket| async move {
            socket.next().await.unwrap().unwrap();
            for message in messages {
                socket.send(message).await.unwrap();
            }
            if let Some(code) = close {
                let frame = CloseFrame { code: code.into(), reason: "".into() };
                socket.send(Message::Close(Some(frame))).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            }
        })
    }
}

fn output() -> Message {
    Message::text(r#"{"type":"stdout","text":"out"}"#)
}

#[tokio::test]
async fn silence_has_an_end_before_and_after_the_handshake_and_after_output() {
    let silent = || Reply::Silence;
    let limited = json!({"connectTimeoutMs": 300});
    let quiet = |messages: Vec<Message>| {
        move || {
            let messages = messages.clone();
            upgrade(move |mut socket: Socket| async move {
                for message in messages {
                    socket.send(message).await.unwrap();
                }
                while let Some(Ok(_)) = socket.next().await {}
            })
        }
    };
    let (handshake, first, later) = tokio::join!(
        fails(silent, limited),
        fails(quiet(Vec::new()), json!({})),
        fails(quiet(vec![output()]), json!({})),
    );
    assert_eq!(handshake.status(), status::TIMEOUT, "{handshake}");
    for silence in [first, later] {
        assert_eq!(silence.status(), status::TIMEOUT, "{silence}");
        assert!(silence.detail().message.contains("silent"), "{silence}");
    }
}

#[tokio::test]
async fn a_run_that_waits_for_its_turn_is_waited_for_as_long_as_an_older_daemon_answers() {
    // The description of a directory has a path since 0.205.
    for (directory, waits) in [
        (Some(json!({"isDir": true})), true),
        (Some(json!({"isDir": true, "path": "/home"})), false),
        (None, false),
    ] {
        let toolbox = Toolbox::start(move |asked, _| match asked.path.as_str() {
            path if path.starts_with("files/info") => directory.clone().map_or(Reply::Silence, ok),
            // Reads on, and answers pings, when its turn has come.
            _ => upgrade(async |mut socket: Socket| {
                socket.next().await.unwrap().unwrap();
                tokio::time::sleep(Duration::from_secs(2)).await;
                socket.send(output()).await.unwrap();
                socket.send(Message::Close(None)).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            }),
        })
        .await;
        let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 300, "connectTimeoutMs": 500})).await;
        let ran = soon(call(&sandbox, "interpreter.run", json!({"code": "c", "timeout": 0}))).await;
        match ran {
            Ok(ran) => assert!(waits && ran["stdout"] == "out", "{ran}"),
            Err(error) => assert!(!waits && error.status() == status::CONNECTION, "{error}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_read_the_code_is_given_up() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        path if path.starts_with("files/info") => Reply::Silence,
        _ => upgrade(async |_: Socket| std::future::pending().await),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 300, "connectTimeoutMs": 500})).await;
    // More than the buffers of the connection hold.
    let params = json!({"code": "#".repeat(8 << 20), "timeout": 0});
    let error = soon(call(&sandbox, "interpreter.run", params)).await.unwrap_err();
    // Not by the system, which would end it after 30 s or more.
    assert!(error.status() == status::CONNECTION && error.to_string().contains("not even a pong"), "{error}");
}

#[tokio::test]
async fn a_cut_is_a_lost_connection_wherever_it_comes() {
    for messages in [Vec::new(), vec![output()], vec![output(), output()]] {
        let count = messages.len() as u64;
        let error = fails(sends(messages, None), json!({})).await;
        assert_eq!((error.status(), error.detail().bytes), (status::CONNECTION, Some(3 * count)), "{error}");
        assert!(error.detail().message.contains("may run on"), "{error}");
    }
}

#[tokio::test]
async fn a_frame_that_is_none_is_a_protocol_error() {
    for garbage in ["", "null", "[]", "{}", "{\"type\":1}", "{\"type\":\"stdout\",\"text\":{}}", "<html>"] {
        let error = fails(sends(vec![output(), Message::text(garbage)], Some(1000)), json!({})).await;
        assert_eq!(error.status(), status::PROTOCOL, "{garbage}: {error}");
    }
    let error = fails(sends(vec![Message::binary(vec![0xff, 0xfe, 0])], Some(1000)), json!({})).await;
    assert_eq!(error.status(), status::PROTOCOL, "{error}");
}

#[tokio::test]
async fn a_close_code_that_nobody_knows_is_a_lost_connection() {
    for code in [1003, 1007, 1009, 1012, 1013, 3000, 4000, 4009] {
        let error = fails(sends(vec![output()], Some(code)), json!({})).await;
        assert_eq!(error.status(), status::CONNECTION, "{code}: {error}");
        assert!(error.detail().message.contains(&code.to_string()), "{code}: {error}");
    }
}

#[tokio::test]
async fn a_server_that_is_no_interpreter_is_said() {
    for (line, body, expected) in [
        ("200 OK", &b"{}"[..], status::PROTOCOL),
        ("401 Unauthorized", b"", status::HTTP_AUTHENTICATION),
        ("403 Forbidden", b"<html>", status::HTTP_FORBIDDEN),
        ("404 Not Found", b"404 page not found", status::HTTP_NOT_FOUND),
        ("502 Bad Gateway", b"<html><title>nginx</title></html>", status::HTTP_BAD_GATEWAY),
        ("503 Service Unavailable", b"", status::HTTP_SERVICE_UNAVAILABLE),
    ] {
        let error = fails(move || Reply::Raw(line, body.to_vec()), json!({})).await;
        assert_eq!(error.status(), expected, "{line}: {error}");
    }
}
