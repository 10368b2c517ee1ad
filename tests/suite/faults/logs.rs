//! session.follow and process.run: the log is whole in its channels, the exit code the true one, the
//! command ran once, and no session of a run stays.

use super::case::{Fails, Matrix, Promise, Truth, fault, fixture};
use crate::fixture::Fixture;
use crate::support;
use daytona::client::status;
use serde_json::{Value, json};

const COMMAND: &str =
    "echo ran >> effects; for i in 1 2 3; do echo out $i; echo err $i >&2; sleep 0.05; done; (exit 3)";

/// What breaks sockets: every one of these costs only another socket, or a request for the log.
const SOCKETS: [&str; 9] = [
    "ws-drop=0",
    "ws-drop=1",
    "ws-drop=2",
    "ws-close=1008",
    "ws-close=1011",
    "ws-close=4008",
    "ws-silent=0",
    "ws-silent=1",
    "split",
];
/// What refuses them.
const HANDSHAKES: [&str; 12] = [
    "cut",
    "cut-after",
    "stall",
    "delay=50",
    "status=429",
    "status=502",
    "html=502",
    "empty=503",
    "status=500",
    "html=200",
    "empty=200",
    "garbage",
];

async fn followed(fixture: &Fixture, command: &str) -> daytona::Result<Value> {
    let stream = fixture.open("session.follow", json!({"id": "s", "commandId": command}));
    let sink = stream.sink.clone();
    let ended = stream.ended().await?;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ok(json!([text(sink.stdout()), text(sink.stderr()), ended["exitCode"]]))
}

#[tokio::test]
async fn a_log_is_followed_to_its_true_end_past_every_fault() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.call("session.create", json!({"id": "s"})).await.unwrap();
    let truth = json!(["out 1\nout 2\nout 3\n", "err 1\nerr 2\nerr 3\n", 3]);
    for (kind, strikes) in SOCKETS.map(|kind| (kind, 3)).into_iter().chain(HANDSHAKES.map(|kind| (kind, 1))) {
        let fault = fault(kind, "/logs?follow", Some(strikes));
        let run = async || {
            let execute = json!({"id": "s", "command": COMMAND, "runAsync": true});
            let command = fixture.call("session.execute", execute).await?["cmdId"].clone();
            followed(&fixture, command.as_str().unwrap()).await
        };
        matrix.case(&fixture, "session.follow", &fault, Truth, &truth, run).await;
    }
    // Without any socket, and with questions about the command that fail.
    for fault in
        ["status=503@/logs?follow", "ws-drop=0@/logs?follow", "cut@/command/*5", "status=502@/command/*4"]
    {
        let run = async || {
            let execute = json!({"id": "s", "command": COMMAND, "runAsync": true});
            let command = fixture.call("session.execute", execute).await?["cmdId"].clone();
            followed(&fixture, command.as_str().unwrap()).await
        };
        matrix.case(&fixture, "session.follow", fault, Truth, &truth, run).await;
    }
    matrix.end();
}

#[tokio::test]
async fn a_run_ends_with_its_true_output_or_an_error_and_leaves_no_session() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    let truth = json!({"exitCode": 3, "stdout": "out 1\nout 2\nout 3\n", "stderr": "err 1\nerr 2\nerr 3\n"});
    let effects =
        || std::fs::read_to_string(fixture.home.join("effects")).map_or(0, |text| text.lines().count());
    // Making the session answers nothing that is needed: a body that breaks is not missed. A connection that is closed
    // when it is idle may be closed just as the command is sent, which no client can know.
    let making: [(&str, Promise); 9] = [
        ("cut", Fails(status::CONNECTION)),
        ("cut-after", Fails(status::CONNECTION)),
        ("stall", Fails(status::TIMEOUT)),
        ("split", Truth),
        ("status=429", Truth),
        ("status=502", Fails(502)),
        ("html=503", Fails(503)),
        ("empty=504", Fails(504)),
        ("status=500", Fails(500)),
    ];
    let starting: [(&str, Promise); 16] = [
        ("cut", Fails(status::CONNECTION)),
        ("cut-after", Fails(status::CONNECTION)),
        ("cut-body=0", Fails(status::CONNECTION)),
        ("cut-body=5", Fails(status::CONNECTION)),
        ("stall", Fails(status::TIMEOUT)),
        ("stall-body=5", Fails(status::TIMEOUT)),
        ("split", Truth),
        ("close-idle=30", Truth),
        ("status=429", Truth),
        ("status=502", Fails(502)),
        ("html=502", Fails(502)),
        ("empty=504", Fails(504)),
        ("status=500", Fails(500)),
        ("html=200", Fails(status::PROTOCOL)),
        ("empty=200", Fails(status::PROTOCOL)),
        ("garbage", Fails(status::PROTOCOL)),
    ];
    let mut cells: Vec<(String, Promise)> = Vec::new();
    cells.extend(making.map(|(kind, promise)| (fault(kind, "/process/session", Some(1)), promise)));
    cells.extend(starting.map(|(kind, promise)| (fault(kind, "/exec", Some(1)), promise)));
    cells.extend(SOCKETS.map(|kind| (fault(kind, "/logs?follow", Some(3)), Truth)));
    cells.extend(HANDSHAKES.map(|kind| (fault(kind, "/logs?follow", Some(1)), Truth)));
    for (fault, promise) in cells {
        let before = effects();
        // Without `timeoutMs`: a server that does not answer is given up by the run itself.
        let run = async || fixture.call("process.run", json!({"command": COMMAND})).await;
        matrix.case(&fixture, "process.run", &fault, promise, &truth, run).await;
        support::until(&fault, async || {
            fixture.call("session.list", json!({})).await.is_ok_and(|list| list == json!([]))
        })
        .await;
        let ran = effects() - before;
        let once = ran <= 1 && (ran == 1 || matches!(promise, Fails(_)));
        matrix.check(once, || format!("{fault}: it ran {ran} times"));
    }
    matrix.end();
}
