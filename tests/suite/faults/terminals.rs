//! pty.open and pty.connect: an exit is only what the server reported as one, and a terminal that nobody
//! got to see is gone.

use super::case::{Fails, Matrix, Promise, Truth, fault, fixture};
use crate::fixture::Fixture;
use crate::support;
use daytona::client::status;
use serde_json::{Value, json};
use std::time::Duration;

/// The shell prints this, but never as it was typed.
const TYPED: &[u8] = b"printf 'wh%s\\n' ole; exit 3\n";

const CELLS: [(&str, Promise); 22] = [
    ("cut", Fails(status::CONNECTION)),
    ("cut-after", Fails(status::CONNECTION)),
    ("stall", Fails(status::TIMEOUT)),
    ("delay=50", Truth),
    ("split", Truth),
    // Not acted upon, and says when to come back.
    ("status=429", Truth),
    ("status=502", Fails(502)),
    ("html=502", Fails(502)),
    ("empty=503", Fails(503)),
    ("status=500", Fails(500)),
    ("html=500", Fails(500)),
    ("html=200", Fails(status::PROTOCOL)),
    ("empty=200", Fails(status::PROTOCOL)),
    ("garbage", Fails(status::PROTOCOL)),
    ("ws-drop=0", Fails(status::CONNECTION)),
    ("ws-drop=1", Fails(status::CONNECTION)),
    ("ws-drop=2", Fails(status::CONNECTION)),
    ("ws-close=1008", Fails(status::SLOW_CONSUMER)),
    ("ws-close=1011", Fails(status::CONNECTION)),
    ("ws-close=4008", Fails(status::CONNECTION)),
    ("ws-silent=1", Fails(status::CONNECTION)),
    ("ws-silent=2", Fails(status::CONNECTION)),
];

async fn attended(fixture: &Fixture, operation: &str, id: &str) -> daytona::Result<Value> {
    let terminal = fixture.open(operation, json!({"id": id}));
    let _ = terminal.writer.write(TYPED);
    let sink = terminal.sink.clone();
    let ended = terminal.ended().await?;
    let said = String::from_utf8_lossy(&sink.all()).contains("whole\r\n");
    Ok(json!([ended["exitCode"], said]))
}

async fn remove(fixture: &Fixture, id: &str) {
    let _ = fixture.call("pty.kill", json!({"id": id})).await;
}

#[tokio::test]
async fn a_terminal_ends_with_its_true_exit_or_an_error() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let truth = json!([3, true]);
    for (number, (kind, promise)) in CELLS.into_iter().enumerate() {
        let id = format!("open-{number}");
        let fault = fault(kind, "/pty/create-connect", Some(1));
        matrix
            .case(&fixture, "pty.open", &fault, promise, &truth, async || {
                attended(&fixture, "pty.open", &id).await
            })
            .await;
        // Never seen by its user, so killed; one that was can be joined again. Of a handshake that was
        // lost on its way nobody knows whose terminal that is.
        if !matches!(kind, "cut-after") && !kind.starts_with("ws-") || kind == "ws-drop=0" {
            support::until(&fault, async || fixture.call("pty.info", json!({"id": id})).await.is_err()).await;
        }
        remove(&fixture, &id).await;
    }
    matrix.end();
}

#[tokio::test]
async fn a_terminal_whose_stream_is_closed_before_it_is_open_leaves_its_id_free() {
    let fixture = fixture().await;
    fixture.server.fault("delay=200@/pty/create-connect");
    for pause_ms in [0, 10, 50, 150, 199, 201, 250] {
        let stream = fixture.open("pty.open", json!({"id": "t"}));
        // At different moments of the handshake.
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        stream.drop_it().await;
        support::until_idle().await;
        let there = fixture.call("pty.list", json!({})).await.unwrap();
        assert_eq!(there, json!({"sessions": []}), "closed after {pause_ms} ms");
    }
}

#[tokio::test]
async fn a_terminal_that_was_lost_is_joined_again() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let truth = json!([3, true]);
    for (number, (kind, promise)) in CELLS.into_iter().enumerate() {
        let id = format!("connect-{number}");
        fixture.call("pty.create", json!({"id": id})).await.unwrap();
        let fault = fault(kind, &format!("/pty/{id}/connect"), Some(1));
        let run = async || attended(&fixture, "pty.connect", &id).await;
        matrix.case(&fixture, "pty.connect", &fault, promise, &truth, run).await;
        if !kind.starts_with("ws-") && matches!(promise, Fails(_)) {
            // Nothing was typed into it yet.
            assert_eq!(attended(&fixture, "pty.connect", &id).await.unwrap(), truth, "{fault}");
        }
        remove(&fixture, &id).await;
    }
    matrix.end();
}
