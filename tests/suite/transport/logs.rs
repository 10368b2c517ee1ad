//! What the log tells of a client's work, and what it never does.

use crate::canned::{Answer, Server, client, json_answer, ok, soon};
use crate::support::isolated;
use daytona::client::log;
use daytona::client::transport::Method;
use serde_json::json;
use std::sync::Mutex;

static LINES: Mutex<Vec<(i32, String)>> = Mutex::new(Vec::new());

/// The log is the process's: other tests would write into it.
#[test]
fn requests_retries_and_their_reasons_are_told_without_credentials() {
    isolated(
        "transport::logs::requests_retries_and_their_reasons_are_told_without_credentials",
        |_| {},
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(one_request_that_fails_once_and_one_unheard());
        },
    );
}

async fn one_request_that_fails_once_and_one_unheard() {
    log::deliver_to(|level, line| LINES.lock().unwrap().push((level, line.to_owned())));
    let key = "dtn_sesame_open";
    let server = Server::start(move |asked| match asked.number {
        0 => Answer::Keep(json_answer("503 X", &json!({"message": format!("no room for {key}")}))),
        2 => Answer::Keep(json_answer("409 X", &json!({}))),
        _ => ok(),
    })
    .await;
    let client = client(&server.url(), json!({"apiKey": key, "retries": 1}));
    log::set_level(log::DEBUG);
    soon(client.request(Method::GET, "a").query("signature", "secret").send()).await.unwrap();
    let link = "sandbox/s/ports/1/signed-preview-url/secret/expire";
    let error = soon(client.request(Method::POST, link).send()).await.err().unwrap();
    assert!(
        error.to_string().contains("/signed-preview-url") && !error.to_string().contains("secret"),
        "{error}"
    );
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
