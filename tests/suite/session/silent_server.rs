//! A server that accepts requests and never answers, or stalls within an answer: every operation ends. What has no
//! `timeoutMs` here ends by the client's own limits.

use crate::support::toolbox::{Reply, Toolbox, ok};
use crate::support::{call, client, made, open, soon};
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use serde_json::{Value, json};

const CALLS: [(&str, &str); 25] = [
    ("process.run", r#"{"command":"true"}"#),
    ("process.run", r#"{"command":"true","timeout":0.2}"#),
    ("process.execute", r#"{"command":"true","timeoutMs":300}"#),
    ("process.code_run", r#"{"code":"1","language":"python","timeoutMs":300}"#),
    ("session.execute", r#"{"id":"s","command":"true"}"#),
    ("session.execute", r#"{"id":"s","command":"true","runAsync":true}"#),
    ("session.create", r#"{"id":"s","timeoutMs":300}"#),
    ("session.delete", r#"{"id":"s","timeoutMs":300}"#),
    ("session.get", r#"{"id":"s","timeoutMs":300}"#),
    ("session.list", r#"{"timeoutMs":300}"#),
    ("session.command", r#"{"id":"s","commandId":"c","timeoutMs":300}"#),
    ("session.logs", r#"{"id":"s","commandId":"c","timeoutMs":300}"#),
    ("session.input", r#"{"id":"s","commandId":"c","data":"x","timeoutMs":300}"#),
    ("session.entrypoint", r#"{"timeoutMs":300}"#),
    ("session.entrypoint_logs", r#"{"timeoutMs":300}"#),
    ("pty.create", r#"{"id":"p","timeoutMs":300}"#),
    ("pty.list", r#"{"timeoutMs":300}"#),
    ("pty.info", r#"{"id":"p","timeoutMs":300}"#),
    ("pty.resize", r#"{"id":"p","cols":80,"rows":24,"timeoutMs":300}"#),
    ("pty.kill", r#"{"id":"p","timeoutMs":300}"#),
    ("sandbox.start", r#"{"timeoutMs":300}"#),
    ("sandbox.delete", r#"{"timeoutMs":300}"#),
    ("sandbox.refresh", r#"{"timeoutMs":300}"#),
    ("sandbox.home_dir", r#"{"timeoutMs":300}"#),
    ("sandbox.preview_link", r#"{"port":80,"timeoutMs":300}"#),
];

const STREAMS: [(&str, &str); 5] = [
    ("process.run", r#"{"command":"true"}"#),
    ("session.follow", r#"{"id":"s","commandId":"c"}"#),
    ("session.entrypoint_follow", "{}"),
    ("pty.open", r#"{"id":"p"}"#),
    ("pty.connect", r#"{"id":"p"}"#),
];

/// Operations that need no body of the answer: half of one is as good as all of it.
const BODILESS: [&str; 4] = ["session.create", "session.delete", "session.input", "pty.kill"];

async fn sandbox(toolbox: &Toolbox) -> Sandbox {
    toolbox.sandbox(json!({"idleTimeoutMs": 300, "connectTimeoutMs": 300})).await
}

#[tokio::test]
async fn no_operation_waits_for_ever_for_a_server_that_never_answers() {
    let toolbox = Toolbox::start_api(|_, _| Reply::Silence).await;
    let sandbox = sandbox(&toolbox).await;
    let calls = CALLS.map(|(operation, params)| {
        let sandbox = &sandbox;
        async move {
            let params: Value = serde_json::from_str(params).unwrap();
            let error = call(sandbox, operation, params.clone()).await.unwrap_err();
            assert_eq!(error.status(), status::TIMEOUT, "{operation} {params}: {error:?}");
        }
    });
    soon(futures_util::future::join_all(calls)).await;
    for (operation, params) in STREAMS {
        let stream = open(&sandbox, operation, serde_json::from_str(params).unwrap()).unwrap();
        let error = stream.failed().await;
        assert_eq!(error.status(), status::TIMEOUT, "{operation}: {error:?}");
    }
}

#[tokio::test]
async fn no_operation_waits_for_ever_for_the_second_half_of_an_answer() {
    let toolbox = Toolbox::start_api(|_, _| Reply::Half).await;
    let sandbox = sandbox(&toolbox).await;
    let calls = CALLS.map(|(operation, params)| {
        let sandbox = &sandbox;
        async move {
            let params: Value = serde_json::from_str(params).unwrap();
            match call(sandbox, operation, params.clone()).await {
                Ok(answer) => assert!(BODILESS.contains(&operation), "{operation} {params}: {answer}"),
                Err(error) => assert_eq!(error.status(), status::TIMEOUT, "{operation} {params}: {error:?}"),
            }
        }
    });
    soon(futures_util::future::join_all(calls)).await;
    for (operation, params) in STREAMS {
        let stream = open(&sandbox, operation, serde_json::from_str(params).unwrap()).unwrap();
        let error = stream.failed().await;
        // That a handshake was not accepted is told by the head of its answer; a busy machine may get to the end of the
        // wait for the explanation and to the handshake's limit at once.
        let refused = operation != "process.run" && error.status() == status::PROTOCOL;
        assert!(refused || error.status() == status::TIMEOUT, "{operation}: {error:?}");
    }
}

#[tokio::test]
async fn what_is_looked_up_for_an_operation_without_a_limit_has_one() {
    let toolbox = Toolbox::start_api(|_, _| Reply::Silence).await;
    let config = json!({"idleTimeoutMs": 300});
    // The sandbox itself: where its toolbox is.
    let api = client(&toolbox.url, config.clone());
    let (unread, _) = made(&api, "sandbox.attach", json!({"sandbox": "sb-1"})).await.unwrap();
    let known = toolbox.sandbox(config).await;
    for (sandbox, operation, params) in [
        (&unread, "process.execute", json!({"command": "true"})),
        (&unread, "files.read", json!({"path": "f"})),
        // What the daemon can do.
        (&known, "process.code_run", json!({"code": "1", "language": "python", "argv": ["a b"]})),
        (&known, "git.clone", json!({"url": "https://a/b", "path": "b", "depth": 1})),
    ] {
        let error = soon(call(sandbox, operation, params)).await.unwrap_err();
        assert_eq!(error.status(), status::TIMEOUT, "{operation}: {error:?}");
    }
}

#[tokio::test]
async fn a_session_command_ends_when_the_server_falls_silent_and_not_while_it_answers() {
    // The command is never answered; the first checks of its session are.
    let toolbox = Toolbox::start(|asked, before| match (asked.method.as_str(), before) {
        ("GET", 0 | 1) => ok(json!({"sessionId": "s", "commands": []})),
        ("POST", _) if asked.body["command"] == ":" => ok(json!({"cmdId": "c"})),
        _ => Reply::Silence,
    })
    .await;
    let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 1000})).await;
    let error = call(&sandbox, "session.execute", json!({"id": "s", "command": "make"})).await.unwrap_err();
    assert_eq!(error.status(), status::TIMEOUT, "{error:?}");
    assert_eq!(error.detail().sandbox_id.as_deref(), Some("sb-1"));
    assert!(toolbox.count("GET", "process/session/s") > 2);
}
