//! The event socket: what comes over it, and that nothing depends on it.

use crate::dev_server::{DevServer, ask, opened};
use crate::support::toolbox::{Reply, RequestInfo, Socket, Toolbox, ok, upgrade};
use crate::support::{Collector, Running, call, client, made, open, soon, until};
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use daytona_dev::{Options, Protocol};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

/// The events that a stream has delivered.
fn delivered(sink: &Collector) -> Vec<Value> {
    sink.chunks().iter().map(|chunk| serde_json::from_slice(&chunk.data).unwrap()).collect()
}

fn states(sink: &Collector) -> Vec<String> {
    let events = delivered(sink);
    let changes = events.iter().filter(|event| event["event"] == "sandbox.state.updated");
    changes.map(|event| event["data"]["newState"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_stream_has_every_change_of_its_sandbox_and_no_other_and_ends_with_it() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let server = DevServer::of(protocol).await;
        let (sandbox, other) = (server.create(json!({})).await, server.create(json!({})).await);
        let events = opened(&sandbox, "sandbox.events", json!({})).await;
        ask(&other, "sandbox.stop", json!({})).await;
        ask(&sandbox, "sandbox.stop", json!({})).await;
        ask(&sandbox, "sandbox.start", json!({})).await;
        ask(&sandbox, "sandbox.delete", json!({"wait": true})).await;
        let sink = events.sink.clone();
        let ended = events.ended().await.unwrap();
        assert_eq!(states(&sink), ["stopping", "stopped", "starting", "started", "destroying", "destroyed"]);
        let all = delivered(&sink);
        assert_eq!(ended, json!({"events": all.len(), "reason": "destroyed"}));
        assert!(all.iter().all(|event| event["data"]["sandbox"]["id"] == sandbox.id()), "{all:?}");
        let wanted = |event: &&Value| event["event"] == "sandbox.desired-state.updated";
        let wanted: Vec<_> =
            all.iter().filter(wanted).map(|event| &event["data"]["newDesiredState"]).collect();
        assert_eq!(wanted, ["stopped", "started", "destroyed"]);
        server.client.close();
    }
}

#[tokio::test]
async fn waits_by_events_reach_their_states() {
    let server = DevServer::with(Options::default(), json!({"events": true})).await;
    let sandbox = server.create(json!({})).await;
    assert_eq!(ask(&sandbox, "sandbox.stop", json!({})).await["state"], "stopped");
    assert_eq!(ask(&sandbox, "sandbox.start", json!({})).await["state"], "started");
    let gone = ask(&sandbox, "sandbox.delete", json!({"wait": true})).await;
    assert_eq!(gone["id"], sandbox.id());
    server.client.close();
}

/// A service with one sandbox whose state a test sets, and an event socket of the test's making.
struct Service {
    server: Toolbox,
    state: Arc<std::sync::Mutex<&'static str>>,
    sockets: Arc<AtomicUsize>,
}

fn sandbox_json(state: &str) -> Value {
    json!({"id": "sb-1", "name": "n", "state": state})
}

impl Service {
    /// `socket` gets the number of sockets that came before.
    async fn start(socket: impl Fn(usize) -> Reply + Send + Sync + 'static) -> Self {
        let (state, sockets) = (Arc::new(std::sync::Mutex::new("starting")), Arc::new(AtomicUsize::new(0)));
        let (now, opened) = (state.clone(), sockets.clone());
        let server = Toolbox::start_api(move |asked: &RequestInfo, _| match asked.path.split('?').next() {
            Some("/socket.io/") => socket(opened.fetch_add(1, Ordering::SeqCst)),
            _ => ok(sandbox_json(*now.lock().unwrap())),
        })
        .await;
        Self { server, state, sockets }
    }

    async fn sandbox(&self) -> Sandbox {
        let client = client(&self.server.url, json!({"events": true}));
        made(&client, "sandbox.attach", json!({"sandbox": sandbox_json("starting")})).await.unwrap().0
    }

    fn set(&self, state: &'static str) {
        *self.state.lock().unwrap() = state;
    }

    fn readings(&self) -> usize {
        self.server.all_requests().iter().filter(|asked| asked.path == "/sandbox/sb-1").count()
    }
}

async fn say(socket: &mut Socket, text: &str) {
    let _gone = socket.send(Message::text(text.to_owned())).await;
}

async fn heard(socket: &mut Socket) -> String {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return text.to_string(),
            Some(Ok(_)) => {}
            _ => return String::new(),
        }
    }
}

/// The handshake, with limits for silence in ms.
async fn greets(socket: &mut Socket, interval: u64, limit: u64) {
    say(socket, &format!(r#"0{{"sid":"s","upgrades":[],"pingInterval":{interval},"pingTimeout":{limit}}}"#))
        .await;
    let token = heard(socket).await;
    assert_eq!(token, format!("40{}", json!({"token": crate::support::KEY})));
    say(socket, r#"40{"sid":"x"}"#).await;
}

fn updated(old: &str, new: &str) -> String {
    let data = json!({"sandbox": sandbox_json(new), "oldState": old, "newState": new});
    format!("42{}", json!(["sandbox.state.updated", data]))
}

#[tokio::test]
async fn a_wait_reads_the_state_when_an_event_says_so_and_seldom_otherwise() {
    let started = Arc::new(Notify::new());
    let goes = started.clone();
    let service = Service::start(move |_| {
        let goes = goes.clone();
        upgrade(async move |mut socket| {
            greets(&mut socket, 25_000, 20_000).await;
            goes.notified().await;
            say(&mut socket, &updated("starting", "started")).await;
            // A ping is answered.
            say(&mut socket, "2").await;
            assert_eq!(heard(&mut socket).await, "3");
            std::future::pending().await
        })
    })
    .await;
    let sandbox = service.sandbox().await;
    let waiting = tokio::spawn({
        let sandbox = sandbox.clone();
        async move { call(&sandbox, "sandbox.wait_for_start", json!({})).await }
    });
    until("it waits", async || service.readings() >= 2).await;
    service.set("started");
    started.notify_one();
    assert_eq!(soon(waiting).await.unwrap().unwrap()["state"], "started");
    let asked = service.server.all_requests();
    let path = &asked.iter().find(|asked| asked.path.starts_with("/socket.io/")).unwrap().path;
    let query = "EIO=4&transport=websocket&source=libdaytona&sdkVersion=";
    assert!(path.starts_with(&format!("/socket.io/?{query}")), "{path}");
    sandbox.client().close();
}

/// Every way in which an event socket can be of no use.
fn useless(kind: &'static str) -> Reply {
    match kind {
        "refused" => Reply::Json("404 Not Found", json!({"message": "Cannot GET"})),
        "html" => Reply::Raw("200 OK", b"<html>".to_vec()),
        "silence" => Reply::Silence,
        _ => upgrade(async move |mut socket| match kind {
            "silent socket" => std::future::pending().await,
            "garbage" => {
                say(&mut socket, "<html>").await;
                std::future::pending().await
            }
            "binary" => {
                let _gone = socket.send(Message::binary(vec![0, 159, 146, 150])).await;
                std::future::pending().await
            }
            "credential" => {
                say(&mut socket, r#"0{"pingInterval":25000,"pingTimeout":20000}"#).await;
                heard(&mut socket).await;
                say(&mut socket, r#"44{"message":"Unauthorized"}"#).await;
            }
            "garbage later" => {
                greets(&mut socket, 25_000, 20_000).await;
                say(&mut socket, "42[").await;
                std::future::pending().await
            }
            "silent later" => {
                greets(&mut socket, 50, 50).await;
                std::future::pending().await
            }
            "closed" => {
                greets(&mut socket, 25_000, 20_000).await;
                say(&mut socket, "41").await;
                let _gone = socket.close(None).await;
            }
            _ => greets(&mut socket, 25_000, 20_000).await,
        }),
    }
}

const USELESS: [&str; 10] = [
    "refused",
    "html",
    "silence",
    "silent socket",
    "garbage",
    "binary",
    "credential",
    "garbage later",
    "silent later",
    "closed",
];

#[tokio::test]
async fn a_socket_that_is_of_no_use_leaves_a_wait_to_its_polls() {
    for kind in USELESS.into_iter().chain(["cut"]) {
        let service = Service::start(move |_| useless(kind)).await;
        let sandbox = service.sandbox().await;
        let waiting = tokio::spawn({
            let sandbox = sandbox.clone();
            async move { call(&sandbox, "sandbox.wait_for_start", json!({})).await }
        });
        until("it waits", async || service.readings() >= 2).await;
        service.set("started");
        assert_eq!(soon(waiting).await.unwrap().unwrap()["state"], "started", "{kind}");
        sandbox.client().close();
    }
}

#[tokio::test]
async fn a_stream_that_cannot_be_connected_says_why() {
    for (kind, expected) in [
        ("refused", status::HTTP_NOT_FOUND),
        ("html", status::PROTOCOL),
        ("garbage", status::PROTOCOL),
        ("credential", status::HTTP_AUTHENTICATION),
        // Within the limit of 5 s.
        ("silent socket", status::TIMEOUT),
    ] {
        let service = Service::start(move |_| useless(kind)).await;
        let sandbox = service.sandbox().await;
        let failed = open(&sandbox, "sandbox.events", json!({})).unwrap().failed().await;
        assert_eq!(failed.status(), expected, "{kind}: {failed}");
        assert!(!failed.detail().message.contains(crate::support::KEY), "{failed}");
        sandbox.client().close();
    }
}

async fn stream(service: &Service) -> Running {
    opened(&service.sandbox().await, "sandbox.events", json!({})).await
}

#[tokio::test]
async fn a_lost_socket_is_made_again_and_what_was_missed_is_delivered() {
    for kind in ["cut", "closed", "garbage later", "silent later"] {
        let service = Service::start(move |before| match before {
            0 => useless(kind),
            _ => upgrade(async move |mut socket| {
                greets(&mut socket, 25_000, 20_000).await;
                say(&mut socket, &updated("started", "destroyed")).await;
                std::future::pending().await
            }),
        })
        .await;
        let events = stream(&service).await;
        // While no socket is there, for the first is lost by now or soon.
        service.set("started");
        let sink = events.sink.clone();
        let ended = events.ended().await.unwrap();
        assert_eq!(states(&sink), ["started", "destroyed"], "{kind}");
        assert_eq!(
            (ended["events"].as_u64(), service.sockets.load(Ordering::SeqCst)),
            (Some(2), 2),
            "{kind}"
        );
    }
}

#[tokio::test]
async fn a_reader_of_events_that_is_too_slow_is_told_so() {
    let service = Service::start(|_| {
        upgrade(async |mut socket| {
            greets(&mut socket, 25_000, 20_000).await;
            for _ in 0..2000 {
                say(&mut socket, &updated("a", "b")).await;
                say(&mut socket, &updated("b", "a")).await;
            }
            std::future::pending().await
        })
    })
    .await;
    let sandbox = service.sandbox().await;
    let events = open(&sandbox, "sandbox.events", json!({})).unwrap();
    events.sink.refuse_room();
    events.until_open().await;
    // All of it has arrived once the second socket's worth of events is through.
    let other = open(&sandbox, "sandbox.events", json!({})).unwrap();
    until("they came", async || other.sink.chunks().len() > 1500 || other.is_finished()).await;
    events.sink.give_room();
    assert_eq!(events.failed().await.status(), status::SLOW_CONSUMER);
    other.drop_it().await;
    sandbox.client().close();
}

#[tokio::test]
async fn one_socket_serves_all_of_a_client_and_a_closed_client_has_none() {
    let server = DevServer::with(Options::default(), json!({"events": true})).await;
    let (one, two) = (server.create(json!({})).await, server.create(json!({})).await);
    let first = opened(&one, "sandbox.events", json!({})).await;
    let second = opened(&two, "sandbox.events", json!({})).await;
    let (stopped, also) =
        tokio::join!(call(&one, "sandbox.stop", json!({})), call(&two, "sandbox.stop", json!({})));
    assert!(stopped.is_ok() && also.is_ok());
    first.until_output("stopped").await;
    second.until_output("stopped").await;
    first.drop_it().await;
    second.drop_it().await;
    server.client.close();
    let failed = open(&one, "sandbox.events", json!({})).unwrap().failed().await;
    assert_eq!(failed.status(), status::CLOSED);
}
