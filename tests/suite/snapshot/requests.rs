//! What the snapshot operations ask of the API, and what they make of its answers.

use crate::canned::{Answer, Server, client, json_answer, with_headers};
use crate::dev_server::stream;
use crate::support::{on_client, until_late};
use daytona::Error;
use daytona::client::status;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const ID: &str = "2b0e1c9e-6d7c-4f6a-9a44-0a8d1a4e9d11";

fn snapshot(state: &str) -> Value {
    json!({
        "id": ID, "organizationId": "o", "general": false, "name": "s", "state": state, "size": null,
        "entrypoint": null, "cpu": 1, "gpu": 0, "mem": 1, "disk": 3, "errorReason": null,
        "createdAt": "2026-01-01T00:00:00.000Z", "updatedAt": "2026-01-01T00:00:00.000Z", "lastUsedAt": null,
        "sourceSandboxId": null,
    })
}

fn object() -> Value {
    json!({"base": "debian:12", "steps": [{"run": "make"}]})
}

/// A server whose snapshot goes through these states, one a reading, the last for ever; the log as told.
async fn building(
    states: &'static [&'static str],
    log: impl Fn(usize) -> Answer + Send + Sync + 'static,
) -> Server {
    let (reading, opened) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |asked| {
        let line = asked.line.as_str();
        let answer = |body: Value| Answer::Keep(json_answer("200 OK", &body));
        if line.starts_with("POST /snapshots ") {
            answer(snapshot("pending"))
        } else if line.contains("/build-logs-url ") {
            let host = asked.header("host").unwrap();
            answer(json!({"url": format!("http://{host}/log")}))
        } else if line.starts_with("GET /log?follow=true ") {
            log(opened.fetch_add(1, Ordering::Relaxed))
        } else {
            assert!(line.starts_with(&format!("GET /snapshots/{ID} ")), "{line}");
            let now = reading.fetch_add(1, Ordering::Relaxed).min(states.len() - 1);
            answer(snapshot(states[now]))
        }
    })
    .await
}

fn chunked(text: &str, is_whole: bool) -> Vec<u8> {
    let end = if is_whole { "0\r\n\r\n" } else { "" };
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n{end}", text.len())
        .into_bytes()
}

#[tokio::test]
async fn a_name_and_an_object_go_into_the_fields_of_their_own() {
    let server = building(&["active"], |_| Answer::Keep(chunked("", true))).await;
    let with = client(&server.url(), json!({"target": "eu"}));
    let resources = json!({"cpu": 2, "memory": 4, "disk": 5, "gpu": 1, "gpuType": "H100"});
    let named = json!({"name": "s", "image": "debian:12", "entrypoint": ["a"], "resources": resources});
    on_client(&with, "snapshot.create", named).await.unwrap();
    let built = json!({"name": "s", "image": object(), "entrypoint": ["b", "c"], "regionId": "us"});
    on_client(&with, "snapshot.create", built).await.unwrap();
    let bodies: Vec<Value> = server
        .requests()
        .iter()
        .filter(|asked| asked.line.starts_with("POST"))
        .map(|asked| serde_json::from_slice(&asked.body).unwrap())
        .collect();
    assert_eq!(
        bodies[0],
        json!({
            "name": "s", "imageName": "debian:12", "entrypoint": ["a"], "regionId": "eu", "cpu": 2, "memory": 4,
            "disk": 5, "gpu": 1, "gpuType": ["H100"],
        })
    );
    let text = bodies[1]["buildInfo"]["dockerfileContent"].as_str().unwrap();
    assert!(text.starts_with("FROM debian:12\nRUN make\nENTRYPOINT "), "{text}");
    assert_eq!((&bodies[1]["regionId"], bodies[1].get("entrypoint")), (&json!("us"), None));
}

#[tokio::test]
async fn a_log_whose_connection_is_cut_goes_on_without_losing_or_repeating_a_byte() {
    let states = &["building", "building", "building", "building", "active"];
    let server = building(states, |number| match number {
        0 => Answer::Close(chunked("one\ntw", false)),
        1 => Answer::Close(with_headers("502 Bad Gateway", "", b"<html>")),
        2 => Answer::Close(chunked("one\ntwo\nthr", false)),
        _ => Answer::Keep(chunked("one\ntwo\nthree\n", true)),
    })
    .await;
    let params = json!({"name": "s", "image": object()});
    let (sink, ended) = stream(&client(&server.url(), json!({})), "snapshot.create", params).await;
    assert_eq!(serde_json::from_slice::<Value>(&ended.unwrap().json).unwrap()["state"], "active");
    assert_eq!(String::from_utf8(sink.stdout()).unwrap(), "one\ntwo\nthree\n");
    assert_eq!(sink.chunks().last().unwrap().position, 14);
}

#[tokio::test]
async fn a_log_that_is_not_there_yet_is_asked_for_again() {
    for missing in ["404 Not Found", "429 Too Many Requests"] {
        let states = &["building", "building", "building", "active"];
        let server = building(states, move |number| match number {
            0 | 1 => Answer::Keep(json_answer(missing, &json!({"message": "no runner"}))),
            _ => Answer::Keep(chunked("late\n", true)),
        })
        .await;
        let params = json!({"name": "s", "image": object()});
        let (sink, ended) = stream(&client(&server.url(), json!({})), "snapshot.create", params).await;
        assert!(ended.is_ok());
        assert_eq!(sink.stdout(), b"late\n", "{missing}");
    }
}

#[tokio::test]
async fn a_log_that_stays_open_or_never_comes_does_not_outlast_the_build() {
    for log in [chunked("some\n", false), Vec::new()] {
        let states = &["building", "building", "active"];
        let is_there = !log.is_empty();
        let server = building(states, move |_| Answer::Stall(log.clone())).await;
        let params = json!({"name": "s", "image": object()});
        let (sink, ended) = stream(&client(&server.url(), json!({})), "snapshot.create", params).await;
        assert!(ended.is_ok());
        assert_eq!(sink.stdout(), if is_there { &b"some\n"[..] } else { b"" });
    }
}

#[tokio::test]
async fn a_call_asks_for_no_log_and_a_failure_that_is_stale_is_none() {
    let states = &["pending", "error", "building", "build_failed", "active"];
    let server = building(states, |_| panic!("nobody asked for it")).await;
    let params = json!({"name": "s", "image": object()});
    let made = on_client(&client(&server.url(), json!({})), "snapshot.create", params).await.unwrap();
    assert_eq!(made["state"], "active");
}

#[tokio::test]
async fn a_snapshot_that_fails_is_told_with_its_reason() {
    let server = Server::start(|asked| {
        let mut failed = snapshot(if asked.line.starts_with("POST") { "pending" } else { "build_failed" });
        failed["errorReason"] = json!("line 2: no such file");
        Answer::Keep(json_answer("200 OK", &failed))
    })
    .await;
    let params = json!({"name": "s", "image": "debian:12"});
    let error = on_client(&client(&server.url(), json!({})), "snapshot.create", params).await.unwrap_err();
    assert_eq!(error.status(), status::SANDBOX_FAILED);
    let message = &error.detail().message;
    assert!(message.contains("build_failed: line 2: no such file") && message.contains("snapshot.delete"));
}

/// A create that meets its limit after so many requests.
async fn is_late(server: &Server, requests: usize) -> Error {
    let limit_ms = 30_000;
    let params = json!({"name": "s", "image": "debian:12", "timeoutMs": limit_ms});
    let client = client(&server.url(), json!({}));
    let create = on_client(&client, "snapshot.create", params);
    let asked = until_late(limit_ms, "asked", async || server.requests().len() >= requests);
    tokio::join!(create, asked).0.unwrap_err()
}

#[tokio::test]
async fn a_timeout_tells_the_state() {
    let server = building(&["building"], |_| panic!("nobody asked for it")).await;
    let error = is_late(&server, 3).await;
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("snapshot s is still building"), "{error}");
}

#[tokio::test]
async fn a_timeout_tells_the_state_also_where_the_server_has_fallen_silent() {
    let server = Server::start(|asked| match asked.line.starts_with("POST") {
        true => Answer::Keep(json_answer("200 OK", &snapshot("pending"))),
        false => Answer::Stall(Vec::new()),
    })
    .await;
    let error = is_late(&server, 2).await;
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("snapshot s is still pending"), "{error}");
}

#[tokio::test]
async fn a_failure_that_could_not_be_read_again_is_not_read_twice() {
    let server = Server::start(|asked| match asked.number {
        0 => Answer::Keep(json_answer("200 OK", &snapshot("error"))),
        1 => Answer::Keep(json_answer("503 Service Unavailable", &json!({"message": "busy"}))),
        _ => Answer::Keep(json_answer("200 OK", &snapshot("active"))),
    })
    .await;
    let params = json!({"name": "s", "image": "debian:12"});
    let client = client(&server.url(), json!({"retries": 0}));
    assert_eq!(on_client(&client, "snapshot.create", params).await.unwrap()["state"], "active");
}

#[tokio::test]
async fn what_a_change_names_is_resolved_to_an_id() {
    let server = Server::start(|asked| {
        let line = asked.line.as_str();
        let is_change = !line.starts_with("GET");
        Answer::Keep(if is_change && line.contains("00000000-0000-0000-0000-000000000000") {
            json_answer("404 Not Found", &json!({"message": "no such id"}))
        } else if line.starts_with("DELETE") || line.contains("/deactivate") {
            with_headers("200 OK", "", b"")
        } else {
            json_answer("200 OK", &snapshot("inactive"))
        })
    })
    .await;
    let client = client(&server.url(), json!({}));
    let looks_like_an_id = "00000000-0000-0000-0000-000000000000";
    for (operation, key) in
        [("snapshot.delete", "idOrName"), ("snapshot.activate", "id"), ("snapshot.deactivate", "id")]
    {
        let action = match operation {
            "snapshot.delete" => String::new(),
            other => format!("/{}", other.trim_start_matches("snapshot.")),
        };
        let method = if action.is_empty() { "DELETE" } else { "POST" };
        let change = |id: &str| format!("{method} /snapshots/{id}{action} HTTP/1.1");
        let read = |name: &str| format!("GET /snapshots/{name} HTTP/1.1");
        for (given, asked) in [
            (ID, vec![change(ID)]),
            ("team/my image", vec![read("team%2Fmy%20image"), change(ID)]),
            (looks_like_an_id, vec![change(looks_like_an_id), read(looks_like_an_id), change(ID)]),
        ] {
            let before = server.requests().len();
            on_client(&client, operation, json!({ key: given })).await.unwrap();
            let lines: Vec<String> =
                server.requests()[before..].iter().map(|asked| asked.line.clone()).collect();
            assert_eq!(lines, asked, "{operation}");
        }
    }
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_sent() {
    let server = Server::start(|asked| panic!("{asked:?}")).await;
    let client = client(&server.url(), json!({}));
    for (operation, params, part) in [
        ("snapshot.create", json!({"name": " ", "image": "a"}), "`name` is empty"),
        ("snapshot.create", json!({"name": "a", "image": ""}), "`image` is empty"),
        ("snapshot.create", json!({"name": "a", "image": "a\nRUN b"}), "one line"),
        ("snapshot.create", json!({"name": "a", "image": {"bas": "x"}}), "bas"),
        ("snapshot.create", json!({"name": "a"}), "image"),
        ("snapshot.create", json!({"name": "a", "image": "b", "resources": {"cpus": 1}}), "cpus"),
        ("snapshot.get", json!({"idOrName": ""}), "empty"),
        ("snapshot.delete", json!({"idOrName": ""}), "empty"),
        ("snapshot.list", json!({"page": 0}), "`page`"),
        ("snapshot.list", json!({"limit": 201}), "`limit`"),
    ] {
        let error = on_client(&client, operation, params.clone()).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{params}: {error}");
        assert!(error.detail().message.contains(part), "{params}: {error}");
    }
}
