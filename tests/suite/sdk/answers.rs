//! What the Rust SDK makes of answers.

use crate::canned::{Answer, Server, json_answer};
use crate::support::soon;
use daytona::types::ClientConfig;
use daytona::{Client, ErrorClass};
use serde_json::json;

#[tokio::test]
async fn a_field_of_another_type_is_named() {
    let answer = json_answer("200 OK", &json!({ "sessions": null }));
    let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
    let config =
        ClientConfig { api_key: Some("key".into()), api_url: Some(server.url()), ..ClientConfig::default() };
    let info = json!({ "id": "the-box", "name": "box", "state": "started", "toolboxProxyUrl": server.url() });
    let sandbox = Client::new(config).unwrap().attach(info).await.unwrap();
    let error = soon(sandbox.pty().list().into_future()).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Protocol);
    assert_eq!(error.detail().operation, Some("pty.list"));
    assert!(error.to_string().contains("sessions: invalid type: null"), "{error}");
}
