//! What interpreter.run makes of every way in which its socket can end.

use crate::support::call;
use crate::support::toolbox::{Socket, Toolbox, upgrade};
use daytona::client::status;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// A run whose server sends these frames and then closes with that code, or drops the connection.
async fn run(frames: &'static [&'static str], close: Option<(u16, &'static str)>) -> daytona::Result<Value> {
    let toolbox = Toolbox::start(move |_, _| {
        upgrade(move |mut socket: Socket| async move {
            let first = socket.next().await.unwrap().unwrap();
            let first: Value = serde_json::from_slice(&first.into_data()).unwrap();
            assert_eq!(first, json!({"code": "c", "timeout": 2}));
            for frame in frames {
                socket.send(Message::text(*frame)).await.unwrap();
            }
            if let Some((code, reason)) = close {
                let frame = CloseFrame { code: code.into(), reason: reason.into() };
                socket.send(Message::Close(Some(frame))).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            }
        })
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    crate::support::soon(call(&sandbox, "interpreter.run", json!({"code": "c", "timeout": 1.5}))).await
}

const OUTPUT: &str = r#"{"type":"stdout","text":"a\ud800"}"#;
const COMPLETED: &str = r#"{"type":"control","text":"completed"}"#;
const INTERRUPTED: &str = r#"{"type":"control","text":"interrupted"}"#;

#[tokio::test]
async fn only_a_close_frame_ends_a_run_well() {
    let ran = run(&[OUTPUT, r#"{"type":"newer"}"#, COMPLETED], Some((1000, ""))).await.unwrap();
    assert_eq!(ran, json!({"stdout": "a\u{fffd}", "stderr": "", "error": null}));
    assert!(run(&[COMPLETED], Some((1001, ""))).await.is_ok());
    for frames in [&[OUTPUT][..], &[OUTPUT, COMPLETED]] {
        let error = run(frames, None).await.unwrap_err();
        assert_eq!((error.status(), error.detail().bytes), (status::CONNECTION, Some(4)));
    }
}

#[tokio::test]
async fn a_failure_of_which_the_worker_tells_nothing_is_one_without_words() {
    const FAILURE: &str = r#"{"type":"error","text":null,"name":null,"value":null,"traceback":null}"#;
    let ran = run(&[FAILURE, COMPLETED], Some((1000, ""))).await.unwrap();
    assert_eq!(ran["error"], json!({"name": "", "value": "", "traceback": ""}));
}

#[tokio::test]
async fn every_close_code_is_told_apart() {
    for (frames, code, reason, expected, said) in [
        (&[INTERRUPTED][..], 4008, "", status::HTTP_REQUEST_TIMEOUT, "keeps its variables"),
        (&[], 4008, "", status::HTTP_REQUEST_TIMEOUT, "was killed"),
        (&[INTERRUPTED], 4001, "", status::HTTP_REQUEST_TIMEOUT, "keeps its variables"),
        (&[], 1001, "worker process ended", status::HTTP_GONE, "worker"),
        (&[], 1008, "slow consumer", status::SLOW_CONSUMER, "not read in time"),
        (&[], 1008, "context not found: x", status::HTTP_NOT_FOUND, "context not found: x"),
        (&[], 1008, "code is required", status::HTTP_BAD_REQUEST, "code is required"),
        (&[], 1002, "invalid JSON payload", status::HTTP_BAD_REQUEST, "invalid JSON payload"),
        (&[], 1011, "no python", status::HTTP_INTERNAL_SERVER, "no python"),
        (&[], 4999, "odd", status::CONNECTION, "4999"),
    ] {
        let error = run(frames, Some((code, reason))).await.unwrap_err();
        assert_eq!(error.status(), expected, "{code} {reason}: {error:?}");
        assert!(error.detail().message.contains(said), "{code} {reason}: {error:?}");
    }
}

#[tokio::test]
async fn a_close_code_that_is_none_breaks_the_protocol_and_refuses_no_run() {
    for code in [0, 999, 1005, 1006, 1015, 9999] {
        let error = run(&[], Some((code, "why"))).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{code}: {error:?}");
        assert!(error.detail().message.contains("closed with a code that is none"), "{code}: {error:?}");
    }
}

#[tokio::test]
async fn a_frame_that_cannot_be_read_is_an_error() {
    assert_eq!(run(&["{"], Some((1000, ""))).await.unwrap_err().status(), status::PROTOCOL);
}

#[tokio::test]
async fn a_wrong_argument_sends_nothing() {
    let toolbox = Toolbox::start(|_, _| unreachable!()).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for params in [json!({"code": ""}), json!({"code": "c", "timeout": -1})] {
        let error = call(&sandbox, "interpreter.run", params).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT);
    }
    assert!(toolbox.requests().is_empty());
}
