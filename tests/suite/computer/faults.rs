//! The desktop's operations against servers that misbehave: no hang, no wrong success, no local file that is not
//! the whole one.

use crate::canned::{Answer, Server, with_headers};
use crate::support::{self, call, client, sandbox, soon};
use daytona::client::status;
use daytona::{Error, Result};
use serde_json::{Value, json};
use std::path::Path;

const IDLE_MS: u64 = 2000;

/// The beginning of a good answer of 999 bytes.
fn half(operation: &str) -> Vec<u8> {
    let kind = if operation == "computer.recording_download" { "video/mp4" } else { "application/json" };
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: 999\r\n\r\n{{\"screenshot\":\"aaaa")
        .into_bytes()
}

async fn run(server: &Server, operation: &str, local: &Path) -> Result<Value> {
    let client = client(&server.url(), json!({"idleTimeoutMs": IDLE_MS}));
    let sandbox = sandbox(&client, &server.url()).await;
    let params = match operation {
        "computer.recording_download" => json!({"id": "r", "localPath": local.join("video.mp4")}),
        "computer.key_type" => json!({"text": "a", "timeoutMs": 3 * IDLE_MS}),
        _ => json!({"timeoutMs": 3 * IDLE_MS}),
    };
    soon(call(&sandbox, operation, params)).await
}

async fn fails(server: &Server, operation: &str) -> Error {
    let local = tempfile::tempdir().unwrap();
    let error = run(server, operation, local.path()).await.expect_err(operation);
    crate::described::error(operation, &error).unwrap();
    support::until("nothing is left", async || std::fs::read_dir(local.path()).unwrap().next().is_none())
        .await;
    error
}

const OPERATIONS: [&str; 5] = [
    "computer.start",
    "computer.screenshot",
    "computer.screenshot_image",
    "computer.key_type",
    "computer.recording_download",
];

#[tokio::test]
async fn a_server_that_says_nothing_or_falls_silent_is_a_timeout() {
    for operation in OPERATIONS {
        for begin in [Vec::new(), half(operation)] {
            let server = Server::start(move |_| Answer::Stall(begin.clone())).await;
            assert_eq!(fails(&server, operation).await.status(), status::TIMEOUT, "{operation}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_cut_is_never_a_success() {
    for operation in OPERATIONS {
        let begin = half(operation);
        let server = Server::start(move |_| Answer::Close(begin.clone())).await;
        assert_eq!(fails(&server, operation).await.status(), status::CONNECTION, "{operation}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_the_answer_is_a_protocol_error_and_no_file() {
    for operation in OPERATIONS {
        let page = with_headers("200 OK", "Content-Type: text/html\r\n", b"<html>log in</html>");
        let server = Server::start(move |_| Answer::Keep(page.clone())).await;
        assert_eq!(fails(&server, operation).await.status(), status::PROTOCOL, "{operation}");
        let page = with_headers("502 Bad Gateway", "Content-Type: text/html\r\n", b"<html>no</html>");
        let server = Server::start(move |_| Answer::Keep(page.clone())).await;
        assert_eq!(fails(&server, operation).await.status(), status::HTTP_BAD_GATEWAY, "{operation}");
    }
}

#[tokio::test]
async fn an_array_in_place_of_an_object_is_a_protocol_error() {
    for operation in ["computer.start", "computer.screenshot", "computer.screenshot_image"] {
        let array = with_headers("200 OK", "Content-Type: application/json\r\n", b"[]");
        let server = Server::start(move |_| Answer::Keep(array.clone())).await;
        assert_eq!(fails(&server, operation).await.status(), status::PROTOCOL, "{operation}");
    }
}
