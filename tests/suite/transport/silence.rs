//! What the transport promises of connections that die without a word.

use crate::canned::relay::Relay;
use crate::canned::tls::Authority;
use crate::canned::{Answer, Server, client, ok, soon};
use daytona::client::Client;
use daytona::client::status;
use daytona::client::transport::{Method, timeout_at};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

async fn get(client: &Client) -> daytona::Result<()> {
    client.request(Method::GET, "a").send().await?.json().await.map(drop)
}

/// Connections of the client through the relay, `wanted` or more.
async fn warm_up(client: &Client, relay: &Relay, wanted: usize) {
    while relay.connections() < wanted {
        for answer in soon(futures_util::future::join_all((0..8).map(|_| get(client)))).await {
            answer.unwrap();
        }
    }
}

/// One call meets a time limit, its own or its caller's; the next one has to succeed.
async fn dies_and_recovers(client: &Client, relay: &Relay, own: bool) {
    relay.freeze();
    let limit = Duration::from_millis(500);
    if own {
        let request = client.request(Method::GET, "a").deadline(Some(limit));
        let error = soon(request.send()).await.err().unwrap();
        assert_eq!(error.status(), status::TIMEOUT, "{error}");
    } else {
        let timed_out = soon(timeout_at(Instant::now() + limit, get(client))).await;
        assert_eq!(timed_out.unwrap_err().attempts, 1);
    }
    soon(get(client)).await.unwrap();
}

#[tokio::test]
async fn after_a_call_timed_out_in_silence_no_older_http_1_connection_is_used() {
    let server = Server::start(|_| ok()).await;
    let relay = Relay::start(server.address).await;
    let client = client(&format!("http://{}", relay.address), json!({}));
    warm_up(&client, &relay, 3).await;
    dies_and_recovers(&client, &relay, true).await;
    dies_and_recovers(&client, &relay, false).await;
}

#[tokio::test]
async fn after_a_call_timed_out_in_silence_no_older_http_2_connection_is_used() {
    let authority = Authority::new();
    let file = authority.file();
    let server = authority.serve("localhost", false, &["h2", "http/1.1"]).await;
    let relay = Relay::start(server.address).await;
    let url = format!("https://localhost:{}", relay.address.port());
    let client = client(&url, json!({"caFile": file.path()}));
    warm_up(&client, &relay, 1).await;
    dies_and_recovers(&client, &relay, true).await;
    dies_and_recovers(&client, &relay, false).await;
    client.close();
}

#[tokio::test]
async fn a_body_that_stood_still_in_silence_retires_its_connections_too() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":";
    let server = Server::start(|asked| match asked.line.contains("/half") {
        true => Answer::Stall(begun.to_vec()),
        false => ok(),
    })
    .await;
    let relay = Relay::start(server.address).await;
    let client = client(&format!("http://{}", relay.address), json!({"idleTimeoutMs": 300}));
    warm_up(&client, &relay, 3).await;
    let half = soon(client.request(Method::GET, "half").send()).await.unwrap();
    relay.freeze();
    assert_eq!(soon(half.json()).await.unwrap_err().status(), status::TIMEOUT);
    soon(get(&client)).await.unwrap();
}

#[tokio::test]
async fn a_call_that_times_out_ends_no_running_request() {
    let server = Server::start(|asked| match asked.line.contains("/half") {
        true => Answer::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha".to_vec()),
        false if asked.line.contains("/never") => Answer::Stall(Vec::new()),
        false => ok(),
    })
    .await;
    let client = client(&server.url(), json!({}));
    let mut running = soon(client.request(Method::GET, "half").send()).await.unwrap();
    assert_eq!(soon(running.chunk()).await.unwrap().unwrap(), "ha");
    let never = client.request(Method::GET, "never").deadline(Some(Duration::from_millis(300)));
    assert_eq!(soon(never.send()).await.err().unwrap().status(), status::TIMEOUT);
    let rest = tokio::time::timeout(Duration::from_millis(300), running.chunk()).await;
    assert!(rest.is_err(), "it is still open, and waits");
    soon(get(&client)).await.unwrap();
}
