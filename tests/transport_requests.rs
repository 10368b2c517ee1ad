//! What the transport promises of requests and their answers.

mod canned;

use canned::{Server, client, ok, soon};
use daytona::PROTOCOL_VERSION;
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn every_request_identifies_itself() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({"userAgent": "my-app/2", "headers": {"X-Team": "a"}}));
    let answer = soon(client.request(Method::POST, "sandbox").json(&json!({"a": 1})).send()).await.unwrap();
    assert_eq!(answer.json().await.unwrap().0, br#"{"ok":true}"#);
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "POST /sandbox HTTP/1.1");
    assert_eq!(asked.body, br#"{"a":1}"#);
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {}", canned::KEY).as_str()));
    assert_eq!(asked.header("x-daytona-source"), Some("libdaytona"));
    assert_eq!(asked.header("x-daytona-sdk-version"), Some(PROTOCOL_VERSION));
    assert_eq!(
        asked.header("user-agent"),
        Some(format!("libdaytona/{} my-app/2", daytona::VERSION).as_str())
    );
    assert_eq!(asked.header("x-daytona-organization-id"), None);
    assert_eq!(asked.header("x-team"), Some("a"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
}
