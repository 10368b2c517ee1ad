//! What the log tells of a client's work, and what it never does.

mod canned;

use canned::{Answer, Server, client, json_answer, ok, soon};
use daytona::client::log;
use daytona::client::transport::Method;
use serde_json::json;
use std::sync::Mutex;

static LINES: Mutex<Vec<(i32, String)>> = Mutex::new(Vec::new());

#[tokio::test]
async fn requests_retries_and_their_reasons_are_told_without_credentials() {
    log::deliver_to(|level, line| LINES.lock().unwrap().push((level, line.to_owned())));
    let key = "dtn_sesame_open";
    let server = Server::start(move |asked| match asked.number {
        0 => Answer::Keep(json_answer("503 X", &json!({"message": format!("no room for {key}")}))),
        _ => ok(),
    })
    .await;
    let client = client(&server.url(), json!({"apiKey": key, "retries": 1}));
    log::set_level(log::DEBUG);
    soon(client.request(Method::GET, "a").query("signature", "secret").send()).await.unwrap();
    log::set_level(log::OFF);
    soon(client.request(Method::GET, "b").send()).await.unwrap();
    let lines = LINES.lock().unwrap();
    let told = |level: i32, part: &str| lines.iter().any(|(at, line)| *at == level && line.contains(part));
    assert!(told(log::DEBUG, "/a at 127.0.0.1"), "{lines:?}");
    assert!(told(log::DEBUG, ": SERVICE_UNAVAILABLE after "), "{lines:?}");
    assert!(told(log::WARN, "no room for [credential]"), "{lines:?}");
    assert!(told(log::DEBUG, ": 200 after "), "{lines:?}");
    for (_, line) in lines.iter() {
        assert!(!line.contains(key) && !line.contains("secret") && !line.contains("/b "), "{line}");
    }
}
