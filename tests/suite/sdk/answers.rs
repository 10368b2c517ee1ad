//! What the Rust SDK makes of answers.

use crate::canned::{Answer, Server, json_answer, with_headers};
use crate::support::soon;
use daytona::types::ClientConfig;
use daytona::{Client, ErrorClass, Sandbox};
use serde_json::{Value, json};
use std::time::Duration;

/// A sandbox whose toolbox answers so, whatever it is asked.
async fn answered(answer: Vec<u8>) -> (Server, Sandbox) {
    let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
    let config =
        ClientConfig { api_key: Some("key".into()), api_url: Some(server.url()), ..ClientConfig::default() };
    let info = json!({ "id": "the-box", "name": "box", "state": "started", "toolboxProxyUrl": server.url() });
    let sandbox = Client::new(config).unwrap().attach(info).await.unwrap();
    (server, sandbox)
}

#[tokio::test]
async fn a_field_of_another_type_is_named() {
    let (_server, sandbox) = answered(json_answer("200 OK", &json!({ "sessions": null }))).await;
    let error = soon(sandbox.pty().list().into_future()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Protocol);
    assert_eq!(error.detail().operation, Some("pty.list"));
    assert!(error.to_string().contains("sessions: invalid type: null"), "{error}");
}

#[tokio::test]
async fn an_answer_that_is_nested_too_deep_is_told_as_such() {
    let tree = format!(r#"{{"root":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    let (_server, sandbox) = answered(with_headers("200 OK", "", tree.as_bytes())).await;
    let error = soon(sandbox.operation("computer.a11y_tree", json!({})).into_future()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Protocol);
    assert!(error.to_string().contains("computer.a11y_tree is nested deeper than 128 levels"), "{error}");
}

#[tokio::test]
async fn the_longest_duration_is_as_good_as_no_limit() {
    let (server, sandbox) = answered(json_answer("200 OK", &json!({ "exitCode": 0, "result": "" }))).await;
    let limited = sandbox.process().execute("true").timeout(Duration::MAX).time_limit(Duration::MAX);
    soon(limited.into_future()).await.unwrap();
    let asked: Value = serde_json::from_slice(&server.requests()[0].body).unwrap();
    assert_eq!(asked["timeout"], u32::MAX);
}
