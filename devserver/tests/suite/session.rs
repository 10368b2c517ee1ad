//! Sessions, beyond what the recordings show.

use crate::toolbox::{Toolbox, read_to_end, runs, until};
use daytona_dev::Protocol;
use reqwest::Method;
use serde_json::{Value, json};

async fn with_session() -> Toolbox {
    let toolbox = Toolbox::new().await;
    let (status, _) = toolbox.json(Method::POST, "/process/session", json!({"sessionId": "s"})).await;
    assert_eq!(status, 201);
    toolbox
}

async fn executes(toolbox: &Toolbox, command: &str) -> Value {
    toolbox.json(Method::POST, "/process/session/s/exec", json!({"command": command})).await.1
}

/// The path of a command that was started.
async fn starts(toolbox: &Toolbox, command: &str) -> String {
    let body = json!({"command": command, "runAsync": true, "suppressInputEcho": true});
    let (status, started) = toolbox.json(Method::POST, "/process/session/s/exec", body).await;
    assert_eq!(status, 202);
    format!("/process/session/s/command/{}", started["cmdId"].as_str().unwrap())
}

#[tokio::test]
async fn directory_variables_functions_and_options_last() {
    let toolbox = with_session().await;
    executes(&toolbox, "cd /tmp; V='a b'; f() { echo \"f $1 $V\"; }; shopt -s nullglob; alias x=y").await;
    let executed = executes(&toolbox, "pwd; f 1; echo /no/such/*; echo end").await;
    assert_eq!(executed["stdout"], "/tmp\nf 1 a b\n\nend\n");
    // The next command waits for this one, and takes its input from nowhere else.
    starts(&toolbox, "sleep 0.3; cd /").await;
    assert_eq!(executes(&toolbox, "pwd; cat").await["stdout"], "/\n");
}

#[tokio::test]
async fn a_follower_hears_everything_from_the_beginning_then_live() {
    let toolbox = with_session().await;
    let command = starts(&toolbox, "echo one; echo two >&2; read go; echo got $go").await;
    let logs = format!("{command}/logs");
    let has_both = async || toolbox.json(Method::GET, &logs, Value::Null).await.1["stderr"] == "two\n";
    until("both lines are there", has_both).await;
    let mut early = toolbox.follow(&format!("{logs}?follow=true"), "0.205.1").await;
    let mut merged = toolbox.follow(&format!("{logs}?follow=true"), "0.26.0").await;
    let now = read_to_end(&mut toolbox.follow(&logs, "0.205.1").await).await;
    assert_eq!((now.0.len(), now.2), (14, Some(1000)), "without follow it ends with what there is");
    let (status, _) = toolbox.json(Method::POST, &format!("{command}/input"), json!({"data": "on"})).await;
    assert_eq!(status, 204);
    let (bytes, _, close) = read_to_end(&mut early).await;
    assert!(bytes.ends_with(b"\x01\x01\x01got on\n") && bytes.len() == 14 + 10, "{bytes:?}");
    assert_eq!(close, Some(1000));
    let (bytes, _, close) = read_to_end(&mut merged).await;
    assert_eq!((bytes.len(), bytes.contains(&1), close), (8 + 7, false, Some(1000)));
}

#[tokio::test]
async fn a_long_log_comes_in_few_frames_with_a_marker_at_each_line() {
    let toolbox = with_session().await;
    let command = starts(&toolbox, "yes 'sixteen letters.' | head -n 300000").await;
    let (bytes, frames, close) =
        read_to_end(&mut toolbox.follow(&format!("{command}/logs?follow=true"), "0.205.1").await).await;
    assert_eq!((bytes.len(), close), (20 * 300_000, Some(1000)));
    assert!(bytes.chunks(20).all(|line| line == b"\x01\x01\x01sixteen letters.\n"));
    assert!(frames < 3000, "{frames} frames");
    // The same as text, in chunks.
    let text = toolbox.request(Method::GET, &format!("{command}/logs")).send().await.unwrap();
    assert_eq!(text.bytes().await.unwrap().len(), 17 * 300_000);
}

#[tokio::test]
async fn deleting_ends_followers_with_1000_and_every_process() {
    let toolbox = with_session().await;
    let command = starts(&toolbox, "setsid sleep 300 & echo $! > child; echo start; sleep 300").await;
    let child = toolbox.written("child").await;
    let mut follower = toolbox.follow(&format!("{command}/logs?follow=true"), "0.205.1").await;
    let logs = format!("{command}/logs");
    let started = async || toolbox.json(Method::GET, &logs, Value::Null).await.1["stdout"] == "start\n";
    until("it has started", started).await;
    let (status, _) = toolbox.json(Method::DELETE, "/process/session/s", Value::Null).await;
    assert_eq!(status, 204);
    assert!(!runs(&toolbox.process(&child)), "it left its group, but not its session");
    let (bytes, _, close) = read_to_end(&mut follower).await;
    assert_eq!((bytes, close), (b"\x01\x01\x01start\n".to_vec(), Some(1000)));
    assert!(!toolbox.home.join(".daytona/sessions/s").exists());
}

#[tokio::test]
async fn a_shell_that_ended_is_told_by_code_in_the_newer_protocol() {
    let toolbox = with_session().await;
    let command = starts(&toolbox, "printf half; exit 5").await;
    // Asynchronous: a synchronous command in a shell that is about to end is never answered.
    let probe = json!({"command": ":", "runAsync": true});
    let is_over = async || {
        let probed = toolbox.json(Method::POST, "/process/session/s/exec", probe.clone()).await;
        probed.1["code"] == "SESSION_ENDED"
    };
    until("the shell has ended", is_over).await;
    let (_, described) = toolbox.json(Method::GET, &command, Value::Null).await;
    assert!(described.get("exitCode").is_none(), "its code is lost: {described}");
    let logs = format!("{command}/logs");
    let is_whole = async || toolbox.json(Method::GET, &logs, Value::Null).await.1["stdout"] == "half\n";
    until("its output is there", is_whole).await;
}

#[tokio::test]
async fn errors_of_the_newer_protocol_have_code_and_source() {
    let toolbox = with_session().await;
    let exec = |id: &str| format!("/process/session/{id}/exec");
    for (path, body, status, code) in [
        (exec("nope"), json!({"command": "true"}), 404, "NOT_FOUND"),
        (exec("s"), json!({"command": ""}), 400, "INVALID_REQUEST_BODY"),
        (exec("entrypoint"), json!({"command": "true"}), 400, "BAD_REQUEST"),
    ] {
        let (answered, error) = toolbox.json(Method::POST, &path, body).await;
        assert_eq!((answered, error["code"].as_str()), (status, Some(code)), "{path}");
        assert_eq!((&error["source"], &error["path"]), (&json!("DAYTONA_DAEMON"), &json!(path)));
    }
}

#[tokio::test]
async fn odd_session_ids_cannot_leave_their_directory() {
    let toolbox = Toolbox::new().await;
    let beside_the_home = || {
        let entries = std::fs::read_dir(toolbox.home.parent().unwrap()).unwrap().flatten();
        entries.map(|entry| entry.file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    let before = beside_the_home();
    for id in ["..", ".", "it's $HOME", "a/../../b", "\u{0}", &"x".repeat(300)] {
        let (status, _) = toolbox.json(Method::POST, "/process/session", json!({"sessionId": id})).await;
        assert_eq!(status, 201, "{id:?}");
    }
    let path = "/process/session/it%27s%20%24HOME/exec";
    let (_, executed) = toolbox.json(Method::POST, path, json!({"command": "echo in"})).await;
    assert_eq!(executed["stdout"], "in\n");
    let (_, sessions) = toolbox.json(Method::GET, "/process/session", Value::Null).await;
    assert_eq!(sessions.as_array().unwrap().len(), 6);
    assert_eq!(beside_the_home(), before);
}

#[tokio::test]
async fn the_entrypoint_of_an_image_runs_with_the_sandbox() {
    let dockerfile =
        "FROM x\nENTRYPOINT [\"sh\", \"-c\", \"echo it is $0; echo bad >&2; exit 6\"]\nCMD [\"I\"]\n";
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let body = json!({"buildInfo": {"dockerfileContent": dockerfile, "contextHashes": []}});
        let toolbox = Toolbox::of(protocol, body).await;
        let mut follower = toolbox.follow("/process/session/entrypoint/logs?follow=true", "0.30.0").await;
        let (bytes, _, close) = read_to_end(&mut follower).await;
        let (out, error) = ("\x01\x01\x01it is I\n", "\x02\x02\x02bad\n");
        let text = String::from_utf8(bytes).unwrap();
        assert!(text == format!("{out}{error}") || text == format!("{error}{out}"), "{text:?}");
        assert_eq!(close, Some(1000));
        let (_, session) = toolbox.json(Method::GET, "/process/session/entrypoint", Value::Null).await;
        assert_eq!(session["commands"][0]["exitCode"], 6);
    }
}
