//! What the volume operations ask of the API, and what they make of its answers.

use crate::canned::{Answer, RequestInfo, Server, client, json_answer};
use crate::support::{on_client, until_late};
use daytona::client::status;
use daytona::{Error, Result};
use serde_json::{Value, json};

const ID: &str = "0e4b1c5e-3d4f-4f0a-9a5e-7d1f3b2c4a6d";

fn volume(state: &str) -> Value {
    json!({
        "id": ID, "name": "data", "organizationId": "o", "state": state, "createdAt": "t", "updatedAt": "t",
        "errorReason": null,
    })
}

fn found(state: &str) -> Answer {
    Answer::Keep(json_answer("200 OK", &volume(state)))
}

fn missing() -> Answer {
    Answer::Keep(json_answer("404 Not Found", &json!({"statusCode": 404, "message": "Volume not found"})))
}

/// An operation of a client of this server.
async fn asks(server: &Server, operation: &str, params: Value) -> Result<Value> {
    on_client(&client(&server.url(), json!({})), operation, params).await
}

fn lines(server: &Server) -> Vec<String> {
    let line = |asked: &RequestInfo| asked.line.trim_end_matches(" HTTP/1.1").to_owned();
    server.requests().iter().map(line).collect()
}

#[tokio::test]
async fn what_looks_like_an_id_is_read_by_id_and_then_by_name() {
    let server = Server::start(|asked| match asked.line.contains("by-name") {
        true => found("ready"),
        false => missing(),
    })
    .await;
    let client = client(&server.url(), json!({}));
    for name in [ID, "my data"] {
        on_client(&client, "volume.get", json!({ "idOrName": name })).await.unwrap();
    }
    let expected = [
        format!("GET /volumes/{ID}"),
        format!("GET /volumes/by-name/{ID}"),
        "GET /volumes/by-name/my%20data".into(),
    ];
    assert_eq!(lines(&server), expected);
}

#[tokio::test]
async fn a_name_is_resolved_before_a_delete_and_an_id_is_not() {
    let server = Server::start(|asked| match asked.line.starts_with("GET") {
        true => found("ready"),
        false => Answer::Keep(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_vec()),
    })
    .await;
    let client = client(&server.url(), json!({}));
    for name in [ID, "data"] {
        assert_eq!(
            on_client(&client, "volume.delete", json!({ "idOrName": name })).await.unwrap(),
            Value::Null
        );
    }
    let delete = format!("DELETE /volumes/{ID}");
    assert_eq!(lines(&server), [delete.clone(), "GET /volumes/by-name/data".into(), delete]);
}

#[tokio::test]
async fn a_deletion_sent_again_succeeds_when_the_first_one_is_under_way_and_one_refused_at_once_does_not() {
    let refusal = || {
        let words = "Volume must be in 'ready' or 'error' state in order to be deleted";
        Answer::Keep(json_answer("400 Bad Request", &json!({"statusCode": 400, "message": words})))
    };
    // The first answer is lost: the library sends the request again, and reads the volume when that is refused.
    for (state, succeeds) in [
        (Some("pending_delete"), true),
        (Some("deleting"), true),
        (Some("deleted"), true),
        (None, true),
        (Some("creating"), false),
    ] {
        let server = Server::start(move |asked| match asked.number {
            0 => Answer::Close(Vec::new()),
            1 => refusal(),
            _ => state.map_or_else(missing, found),
        })
        .await;
        let client = client(&server.url(), json!({"retries": 1}));
        let answer = on_client(&client, "volume.delete", json!({ "idOrName": ID })).await;
        match succeeds {
            true => drop(answer.unwrap()),
            false => assert_eq!(answer.unwrap_err().status(), status::HTTP_BAD_REQUEST),
        }
    }
    // Refused at once: the server's answer.
    let server = Server::start(move |asked| match asked.line.starts_with("DELETE") {
        true => refusal(),
        false => found("deleting"),
    })
    .await;
    let error = asks(&server, "volume.delete", json!({ "idOrName": ID })).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_BAD_REQUEST);
    assert_eq!(lines(&server), [format!("DELETE /volumes/{ID}")]);
}

#[tokio::test]
async fn a_volume_in_use_is_a_conflict_with_the_servers_words() {
    let words = "Volume cannot be deleted because it is in use by one or more sandboxes (e.g. x)";
    let server = Server::start(move |_| {
        Answer::Keep(json_answer("409 Conflict", &json!({"statusCode": 409, "message": words})))
    })
    .await;
    let error = asks(&server, "volume.delete", json!({ "idOrName": ID }));
    let error = error.await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_CONFLICT);
    assert!(error.detail().message.contains(words), "{error:?}");
}

#[tokio::test]
async fn a_wait_tolerates_passing_errors_and_ends_when_the_volume_is_ready() {
    let server = Server::start(|asked| match asked.number {
        0 => found("pending_create"),
        1 => Answer::Keep(json_answer("503 X", &json!({"message": "busy"}))),
        2 => found("creating"),
        _ => found("ready"),
    })
    .await;
    let volume = asks(&server, "volume.wait", json!({"idOrName": "data"}));
    assert_eq!(volume.await.unwrap()["state"], "ready");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_wait_fails_with_the_reason_of_a_volume_that_failed() {
    for (state, reason, said) in [
        ("error", json!("no space"), "no space"),
        ("error", json!(null), "without a reason"),
        ("deleting", json!(null), "deleting"),
    ] {
        let server = Server::start(move |_| {
            let mut volume = volume(state);
            volume["errorReason"] = reason.clone();
            Answer::Keep(json_answer("200 OK", &volume))
        })
        .await;
        let error = asks(&server, "volume.wait", json!({"idOrName": "data"}));
        let error = error.await.unwrap_err();
        assert_eq!(error.status(), status::SANDBOX_FAILED);
        assert!(error.detail().message.contains(said), "{error:?}");
        assert_eq!(server.requests().len(), 1);
    }
}

/// A wait that meets its limit once the second request is there.
async fn is_late(server: &Server) -> Error {
    let limit_ms = 30_000;
    let wait = asks(server, "volume.wait", json!({"idOrName": "data", "timeoutMs": limit_ms}));
    let asked = until_late(limit_ms, "asked", async || server.requests().len() >= 2);
    tokio::join!(wait, asked).0.unwrap_err()
}

#[tokio::test]
async fn a_wait_that_is_too_short_tells_the_state() {
    let server = Server::start(|_| found("creating")).await;
    let error = is_late(&server).await;
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("still creating"), "{error:?}");
}

#[tokio::test]
async fn a_wait_tells_the_state_also_where_the_server_has_fallen_silent() {
    let server = Server::start(|asked| match asked.number {
        0 => found("creating"),
        _ => Answer::Stall(Vec::new()),
    })
    .await;
    let error = is_late(&server).await;
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.detail().message.contains("volume data is still creating"), "{error:?}");
}

#[tokio::test]
async fn an_answer_of_another_shape_is_an_error_of_the_protocol() {
    for (operation, params, answer) in [
        ("volume.create", json!({"name": "n"}), json!([])),
        ("volume.list", json!({}), json!({})),
        ("volume.get", json!({"idOrName": "n"}), json!("x")),
        ("volume.wait", json!({"idOrName": "n"}), json!({"id": 5})),
        ("region.list", json!({}), json!({})),
        ("secret.list", json!({}), json!([])),
        ("warm_pool.list", json!({}), json!({})),
    ] {
        let server = Server::start(move |_| Answer::Keep(json_answer("200 OK", &answer))).await;
        let error = asks(&server, operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{operation}: {error:?}");
    }
}

#[tokio::test]
async fn odd_answers_and_cut_ones_are_errors() {
    let html =
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>";
    for (answer, expected) in [
        (Answer::Keep as fn(Vec<u8>) -> Answer, status::HTTP_BAD_GATEWAY),
        (Answer::Close, status::CONNECTION),
        (Answer::Stall, status::TIMEOUT),
    ] {
        let server = Server::start(move |_| match expected {
            status::HTTP_BAD_GATEWAY => answer(html.to_vec()),
            status::CONNECTION => answer(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n[{\"id\"".to_vec()),
            _ => answer(Vec::new()),
        })
        .await;
        let limit = if expected == status::TIMEOUT { 400 } else { 60_000 };
        for (operation, params) in [
            ("volume.list", json!({"timeoutMs": limit})),
            ("secret.get", json!({"id": "i", "timeoutMs": limit})),
        ] {
            let error = asks(&server, operation, params).await.unwrap_err();
            assert_eq!(error.status(), expected, "{operation}: {error:?}");
        }
    }
}
