//! Waiting for a state, against a server whose readings a test wrote down.

use crate::canned::{Answer, RequestInfo, Server, json_answer};
use crate::support::{call, client, made, sandbox, soon, until_late};
use daytona::client::error::{Error, Result};
use daytona::client::status;
use serde_json::{Value, json};

/// A server whose sandbox reads like this, one reading after the other; the last stays. Changes are
/// answered with the first.
async fn reads(readings: Vec<Value>) -> Server {
    let next = std::sync::atomic::AtomicUsize::new(0);
    Server::start(move |asked: &RequestInfo| {
        let number = match asked.line.starts_with("GET") {
            true => next.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(readings.len() - 1),
            false => 0,
        };
        let mut reading = readings[number].clone();
        match reading["status"].as_str() {
            Some(refusal) => Answer::Keep(json_answer(refusal, &json!({"message": "oops"}))),
            None => {
                reading["id"] = json!("sb-1");
                Answer::Keep(json_answer("200 OK", &reading))
            }
        }
    })
    .await
}

fn states(states: &[&str]) -> Vec<Value> {
    states.iter().map(|state| json!({"state": state})).collect()
}

const LIMIT_MS: u64 = 30_000;

/// A wait for the start that meets its limit after so many requests.
async fn is_late(server: &Server, requests: usize) -> Error {
    let wait = asks(server, "sandbox.wait_for_start", json!({"timeoutMs": LIMIT_MS}));
    let asked = until_late(LIMIT_MS, "asked", async || server.requests().len() >= requests);
    tokio::join!(wait, asked).0.unwrap_err()
}

async fn asks(server: &Server, operation: &str, params: Value) -> Result<Value> {
    let sandbox = sandbox(&client(&server.url(), json!({})), &server.url()).await;
    soon(call(&sandbox, operation, params)).await
}

#[tokio::test]
async fn a_stale_error_is_looked_at_again_before_it_is_believed() {
    for stale in ["error", "build_failed"] {
        let server = reads(states(&["starting", stale, "starting", stale, "started"])).await;
        let read = asks(&server, "sandbox.wait_for_start", json!({})).await.unwrap();
        assert_eq!(read["state"], "started");
        let mut readings = states(&["starting"]);
        readings.push(json!({"state": stale, "errorReason": "no disk"}));
        let error = asks(&reads(readings).await, "sandbox.wait_for_start", json!({})).await.unwrap_err();
        assert_eq!(error.status(), status::SANDBOX_FAILED);
        assert!(error.detail().message.contains("no disk"), "{error}");
        assert_eq!(error.detail().sandbox_id.as_deref(), Some("sb-1"));
    }
}

#[tokio::test]
async fn a_state_that_nobody_knows_is_just_another_one() {
    let server = reads(states(&["levitating", "levitating", "started"])).await;
    assert_eq!(asks(&server, "sandbox.wait_for_start", json!({})).await.unwrap()["state"], "started");
    let server = reads(states(&["started", "levitating"])).await;
    let read = asks(&server, "sandbox.wait", json!({"states": ["levitating"]})).await.unwrap();
    assert_eq!(read["state"], "levitating");
}

#[tokio::test]
async fn a_sandbox_destroyed_while_waited_for_says_why() {
    for (field, code, word) in [
        ("queueTimedOutAt", Some("QUEUE_TIMEOUT"), "nothing is left to clean up"),
        ("spotEvictedAt", Some("SPOT_EVICTED"), "spot capacity"),
        ("updatedAt", None, "was destroyed"),
    ] {
        let mut readings = states(&["pending_build"]);
        readings.push(json!({"state": "destroyed", field: "2026-01-01T00:00:00Z"}));
        let error = asks(&reads(readings).await, "sandbox.wait_for_start", json!({})).await.unwrap_err();
        assert_eq!((error.status(), error.detail().code.as_deref()), (status::SANDBOX_FAILED, code));
        assert!(error.detail().message.contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_deadline_is_told_with_the_state_last_read_and_the_sandbox() {
    let server = reads(states(&["pending_build"])).await;
    let error = is_late(&server, 2).await;
    assert_eq!((error.status(), error.detail().sandbox_id.as_deref()), (status::TIMEOUT, Some("sb-1")));
    assert!(error.detail().message.contains("pending_build"), "{error}");
}

#[tokio::test]
async fn a_deadline_is_told_with_what_the_last_reading_failed_with() {
    let mut readings = states(&["starting"]);
    readings.push(json!({"status": "502 Bad Gateway"}));
    let error = is_late(&reads(readings).await, 3).await;
    assert_eq!(error.status(), status::TIMEOUT);
    let message = &error.detail().message;
    assert!(
        message.contains("sb-1 is still starting") && message.contains("reading failed: oops"),
        "{error}"
    );
    assert!(error.detail().attempts > 0, "{error:?}");
}

#[tokio::test]
async fn a_deadline_is_told_with_the_state_last_read_also_where_the_server_has_fallen_silent() {
    let server = Server::start(|asked: &RequestInfo| match asked.number {
        0 => Answer::Keep(json_answer("200 OK", &json!({"id": "sb-1", "state": "starting"}))),
        _ => Answer::Stall(Vec::new()),
    })
    .await;
    let error = is_late(&server, 2).await;
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("sb-1 is still starting"), "{error}");
}

#[tokio::test]
async fn a_deadline_before_the_first_reading_does_not_name_a_state() {
    let server = Server::start(|_: &RequestInfo| Answer::Close(Vec::new())).await;
    let client = client(&server.url(), json!({}));
    let (sandbox, _) = made(&client, "sandbox.attach", json!({"sandbox": "sb-1"})).await.unwrap();
    let error = soon(call(&sandbox, "sandbox.wait", json!({"states": ["started"], "timeoutMs": 600})))
        .await
        .unwrap_err();
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("sandbox sb-1 could not be read within"), "{error}");
}

#[tokio::test]
async fn a_resize_is_not_over_while_the_size_is_the_old_one() {
    let size = |state: &str, cpu: u32| json!({"state": state, "cpu": cpu, "memory": 1, "disk": 3});
    // The first reading is the server's first answer: neither the new size nor `resizing` yet.
    let readings = vec![size("started", 1), size("started", 1), size("resizing", 1), size("started", 4)];
    let read =
        asks(&reads(readings).await, "sandbox.resize", json!({"resources": {"cpu": 4}})).await.unwrap();
    assert_eq!((&read["state"], &read["cpu"]), (&json!("started"), &json!(4)));
}

#[tokio::test]
async fn gone_is_what_a_stop_and_a_delete_wanted_and_a_start_did_not() {
    for (operation, params) in [("sandbox.stop", json!({})), ("sandbox.delete", json!({"wait": true}))] {
        let mut readings = states(&["started"]);
        readings.push(json!({"status": "404 Not Found"}));
        readings[0]["cpu"] = json!(2);
        let read = asks(&reads(readings).await, operation, params).await.unwrap();
        assert_eq!(read, json!({"id": "sb-1", "state": "destroyed", "cpu": 2}), "{operation}");
    }
    // One that has failed reads so until its deletion begins.
    let server = reads(states(&["error", "error", "error", "destroying", "destroyed"])).await;
    let read = asks(&server, "sandbox.delete", json!({"wait": true})).await.unwrap();
    assert_eq!(read["state"], "destroyed");
    let server = reads(states(&["error", "error", "destroying", "error"])).await;
    let error = asks(&server, "sandbox.delete", json!({"wait": true})).await.unwrap_err();
    assert_eq!(error.status(), status::SANDBOX_FAILED, "{error}");
    let mut readings = states(&["stopped"]);
    readings.push(json!({"status": "404 Not Found"}));
    let error = asks(&reads(readings).await, "sandbox.start", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
}

#[tokio::test]
async fn a_change_under_way_is_waited_for_whichever_status_says_so() {
    for refusal in ["409 Conflict", "400 Bad Request"] {
        let server = Server::start(move |asked: &RequestInfo| {
            Answer::Keep(match (asked.line.starts_with("POST"), asked.number) {
                (true, 0..=1) => {
                    json_answer(refusal, &json!({"message": "Sandbox state change in progress"}))
                }
                (true, _) => json_answer("200 OK", &json!({"id": "sb-1", "state": "stopped"})),
                (false, _) => json_answer("200 OK", &json!({"id": "sb-1", "state": "started"})),
            })
        })
        .await;
        assert_eq!(asks(&server, "sandbox.start", json!({})).await.unwrap()["state"], "started");
        let posts = server.requests().iter().filter(|asked| asked.line.starts_with("POST")).count();
        assert_eq!(posts, 3, "{refusal}");
    }
    // Another refusal with that status is one.
    let server =
        Server::start(|_| Answer::Keep(json_answer("409 Conflict", &json!({"message": "no"})))).await;
    assert_eq!(asks(&server, "sandbox.start", json!({})).await.unwrap_err().status(), status::HTTP_CONFLICT);
    assert_eq!(server.requests().len(), 1);
}
