//! What the process operations send, and what they leave behind.

use crate::support::toolbox::{Reply, RequestInfo, Socket, Toolbox, not_found, ok, upgrade};
use crate::support::{call, client, context, isolated, open, until, until_idle};
use daytona::catalogue::{self, Outcome, TargetRef};
use daytona::client::{background, status};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

const EXECUTE: &str = "process/execute";

async fn executed(params: Value) -> Value {
    let toolbox = Toolbox::start(|_, _| ok(json!({"exitCode": 0, "result": ""}))).await;
    call(&toolbox.sandbox(json!({})).await, "process.execute", params).await.unwrap();
    toolbox.requests()[0].body.clone()
}

#[tokio::test]
async fn options_travel_as_fields_under_their_wire_names() {
    let body = executed(json!({"command": "echo", "cwd": "/a", "env": {"A": "$(id)"}, "timeout": 0.5})).await;
    assert_eq!(body, json!({"command": "echo", "cwd": "/a", "envs": {"A": "$(id)"}, "timeout": 1}));
    assert_eq!(executed(json!({"command": "echo"})).await, json!({"command": "echo"}));
    assert_eq!(executed(json!({"command": "echo", "timeout": 0})).await, json!({"command": "echo"}));
    assert_eq!(executed(json!({"command": "echo", "timeout": null})).await, json!({"command": "echo"}));
    assert_eq!(executed(json!({"command": "echo", "timeout": 2})).await["timeout"], 2);
}

#[tokio::test]
async fn the_answer_is_handed_through_as_it_came() {
    let answer = b"{ \"exitCode\": 0,  \"result\":\"a\\u0000\\u00e9\", \"newer\": [1.50] }";
    let toolbox = Toolbox::start(move |_, _| Reply::Raw("200 OK", answer.to_vec())).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let execute = catalogue::find("process.execute").unwrap().call.unwrap();
    let call = catalogue::Call {
        target: TargetRef::Sandbox(sandbox),
        params: br#"{"command":"true"}"#.to_vec(),
        context: context(),
    };
    let Outcome::Json(json) = execute(call).unwrap().await.unwrap() else { panic!("no JSON") };
    assert_eq!(json, answer);
}

#[tokio::test]
async fn a_command_killed_at_its_limit_is_408_and_not_our_own_timeout() {
    let body = json!({"statusCode": 408, "message": "request timeout: command execution timeout", "code": "REQUEST_TIMEOUT"});
    let toolbox = Toolbox::start(move |_, _| Reply::Json("408 Request Timeout", body.clone())).await;
    let params = json!({"command": "sleep 9", "timeout": 1});
    let error = call(&toolbox.sandbox(json!({})).await, "process.execute", params).await.unwrap_err();
    assert_eq!(
        (error.status(), error.detail().code.as_deref()),
        (status::HTTP_REQUEST_TIMEOUT, Some("REQUEST_TIMEOUT"))
    );
    assert_eq!(toolbox.count("POST", EXECUTE), 1, "what may have run is not run again");
}

#[tokio::test]
async fn a_server_that_does_not_answer_five_seconds_after_the_limit_is_given_up() {
    let toolbox = Toolbox::start(|_, _| Reply::Silence).await;
    let begun = std::time::Instant::now();
    let params = json!({"command": "sleep 9", "timeout": 0.1});
    let error = call(&toolbox.sandbox(json!({})).await, "process.execute", params).await.unwrap_err();
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(begun.elapsed() >= Duration::from_secs(6));
}

/// A toolbox for `process.run`: sessions come and go, the one command writes `log` and exits 5, or runs
/// for ever.
async fn sessions(log: &'static [u8], ends: bool) -> Toolbox {
    sessions_removed_so(log, ends, |_| Reply::Raw("204 No Content", Vec::new())).await
}

/// The same, where a session's DELETE is answered by how many times it was asked before.
async fn sessions_removed_so(log: &'static [u8], ends: bool, removed: fn(usize) -> Reply) -> Toolbox {
    Toolbox::start(move |asked, before| match (asked.method.as_str(), asked.path.split('/').nth(3)) {
        ("POST", None) => Reply::Json("201 Created", Value::Null),
        ("POST", Some("exec")) => Reply::Json("202 Accepted", json!({"cmdId": "c"})),
        ("DELETE", None) => removed(before),
        ("GET", Some("command")) if asked.path.contains("follow") => {
            upgrade(move |mut socket: Socket| async move {
                socket.send(Message::binary(log)).await.unwrap();
                while let Some(Ok(_)) = socket.next().await {}
            })
        }
        ("GET", Some("command")) if asked.path.ends_with("/logs") => Reply::Raw("200 OK", log.to_vec()),
        ("GET", Some("command")) if ends => ok(json!({"id": "c", "command": "", "exitCode": 5})),
        ("GET", Some("command")) => ok(json!({"id": "c", "command": ""})),
        _ => not_found(),
    })
    .await
}

fn deleted(toolbox: &Toolbox) -> Vec<RequestInfo> {
    toolbox.requests().into_iter().filter(|asked| asked.method == "DELETE").collect()
}

fn session(toolbox: &Toolbox) -> String {
    let create = &toolbox.requests()[0];
    assert!(create.is("POST", "process/session"));
    create.body["sessionId"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_run_removes_its_session_before_it_answers() {
    let toolbox = sessions(b"\x01\x01\x01out \xff\n\x02\x02\x02err\n", true).await;
    let ran =
        call(&toolbox.sandbox(json!({})).await, "process.run", json!({"command": "make"})).await.unwrap();
    assert_eq!(ran, json!({"exitCode": 5, "stdout": "out \u{fffd}\n", "stderr": "err\n"}));
    let [delete] = &deleted(&toolbox)[..] else { panic!("{:?}", toolbox.requests()) };
    assert_eq!(delete.path, format!("process/session/{}", session(&toolbox)));
}

#[tokio::test]
async fn a_run_collects_no_more_than_the_bound_and_is_ended_beyond_it() {
    // A command that never ends: nothing but the bound ends the run.
    let toolbox = sessions(b"\x01\x01\x01twelve bytes\n\x02\x02\x02and more\n", false).await;
    let sandbox = toolbox.sandbox(json!({"maxResultBytes": 20})).await;
    let error = call(&sandbox, "process.run", json!({"command": "yes"})).await.unwrap_err();
    assert_eq!(error.status(), status::PROTOCOL);
    assert!(error.detail().message.contains("maxResultBytes"), "{error}");
    assert_eq!(deleted(&toolbox).len(), 1);
    // A stream collects nothing.
    let stream = open(&sandbox, "process.run", json!({"command": "yes"})).unwrap();
    stream.until_output("and more").await;
}

#[tokio::test]
async fn output_beyond_the_bound_is_never_lost_behind_the_commands_end() {
    // What fits is small enough for a result, so that only the dropped rest can tell.
    let log = format!("\x01\x01\x01fits\n\x02\x02\x02{}\n", "x".repeat(100));
    let toolbox = sessions(log.leak().as_bytes(), true).await;
    let sandbox = toolbox.sandbox(json!({"maxResultBytes": 80})).await;
    let error = call(&sandbox, "process.run", json!({"command": "make"})).await.unwrap_err();
    assert_eq!(error.status(), status::PROTOCOL);
    assert!(error.detail().message.contains("maxResultBytes"), "{error}");
}

#[tokio::test]
async fn a_run_whose_session_is_hard_to_remove_still_tells_its_result_and_tries_again() {
    let busy = |before: usize| match before {
        0 => Reply::Raw("503 Service Unavailable", Vec::new()),
        _ => Reply::Raw("204 No Content", Vec::new()),
    };
    let gone = |_| not_found();
    for (removed, asked) in [(busy as fn(usize) -> Reply, 2), (gone, 1)] {
        let toolbox = sessions_removed_so(b"\x01\x01\x01out\n", true, removed).await;
        let sandbox = toolbox.sandbox(json!({})).await;
        let ran = call(&sandbox, "process.run", json!({"command": "make"})).await.unwrap();
        assert_eq!(ran, json!({"exitCode": 5, "stdout": "out\n", "stderr": ""}));
        until("deleted", async || deleted(&toolbox).len() == asked).await;
    }
}

#[tokio::test]
async fn a_cancelled_run_deletes_its_session_also_when_the_client_is_closed() {
    for close in [false, true] {
        let toolbox = sessions(b"\x01\x01\x01out\n", false).await;
        let sandbox = toolbox.sandbox(json!({})).await;
        let stream = open(&sandbox, "process.run", json!({"command": "sleep 99"})).unwrap();
        stream.until_output("out").await;
        if close {
            sandbox.client().close();
        }
        stream.drop_it().await;
        until("deleted", async || deleted(&toolbox).len() == 1).await;
    }
}

/// A refused session does not exist, so nothing is sent for it, and a shutdown has nothing to wait for.
#[test]
fn a_refused_run_sends_no_clean_up() {
    let test = "process::requests::a_refused_run_sends_no_clean_up";
    isolated(
        test,
        |_| {},
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                for line in [
                    "400 Bad Request",
                    "401 Unauthorized",
                    "403 Forbidden",
                    "404 Not Found",
                    "409 Conflict",
                    "429 Too Many Requests",
                ] {
                    let toolbox =
                        Toolbox::start(move |_, _| Reply::Json(line, json!({"message": "no"}))).await;
                    let sandbox = toolbox.sandbox(json!({})).await;
                    let error = call(&sandbox, "process.run", json!({"command": "x"})).await.unwrap_err();
                    assert!(line.starts_with(&error.status().to_string()), "{line}: {error:?}");
                    until_idle().await;
                    assert_eq!(deleted(&toolbox).len(), 0, "{line}");
                }
            });
        },
    );
}

#[test]
fn a_run_that_reached_no_server_leaves_nothing_to_clean_up() {
    let test = "process::requests::a_run_that_reached_no_server_leaves_nothing_to_clean_up";
    isolated(
        test,
        |_| {},
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (_socket, url) = crate::canned::refusing();
                let sandbox = crate::support::sandbox(&client(&url, json!({})), &url).await;
                let error = call(&sandbox, "process.run", json!({"command": "x"})).await.unwrap_err();
                assert_eq!(error.status(), status::CONNECTION, "{error:?}");
                assert!(!background::running());
            });
        },
    );
}

#[test]
fn a_clean_up_that_the_server_does_not_answer_has_an_end() {
    let test = "process::requests::a_clean_up_that_the_server_does_not_answer_has_an_end";
    isolated(
        test,
        |_| {},
        || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let toolbox = Toolbox::start(|_, _| Reply::Silence).await;
                let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 100})).await;
                call(&sandbox, "process.run", json!({"command": "x"})).await.unwrap_err();
                until_idle().await;
                assert!(!deleted(&toolbox).is_empty());
            });
        },
    );
}

#[tokio::test]
async fn a_session_that_the_server_failed_to_make_is_looked_for_once() {
    let toolbox = Toolbox::start(|asked, _| match asked.method.as_str() {
        "POST" => Reply::Json("500 Internal Server Error", json!({"message": "no"})),
        _ => not_found(),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let error = call(&sandbox, "process.run", json!({"command": "x"})).await.unwrap_err();
    assert_eq!(error.status(), 500);
    until("deleted", async || deleted(&toolbox).len() == 1).await;
}

#[tokio::test]
async fn a_run_cancelled_while_its_session_is_made_deletes_it_when_it_appears() {
    let toolbox = Toolbox::start(|asked, before| match asked.method.as_str() {
        "POST" => Reply::Silence,
        // The create that was under way is done by the second time.
        "DELETE" if before > 0 => Reply::Raw("204 No Content", Vec::new()),
        _ => not_found(),
    })
    .await;
    let stream = open(&toolbox.sandbox(json!({})).await, "process.run", json!({"command": "true"})).unwrap();
    until("asked", async || !toolbox.requests().is_empty()).await;
    stream.drop_it().await;
    until("deleted", async || deleted(&toolbox).len() == 2).await;
}

#[tokio::test]
async fn a_run_that_reaches_its_limit_is_killed_and_says_how_far_it_came() {
    let toolbox = sessions(b"\x01\x01\x01out\n", false).await;
    let params = json!({"command": "sleep 99", "timeout": 0.7});
    let stream = open(&toolbox.sandbox(json!({})).await, "process.run", params).unwrap();
    let error = stream.failed().await;
    assert_eq!(
        (error.status(), error.detail().code.as_deref()),
        (status::HTTP_REQUEST_TIMEOUT, Some("PROCESS_EXECUTION_TIMEOUT"))
    );
    assert_eq!((error.detail().bytes, error.detail().position), (Some(4), Some(7)));
    assert_eq!(deleted(&toolbox).len(), 1);
}

#[tokio::test]
async fn a_failed_run_leaves_no_session() {
    let toolbox = Toolbox::start(|asked, _| match asked.method.as_str() {
        "POST" if asked.path == "process/session" => Reply::Json("201 Created", Value::Null),
        "POST" => Reply::Raw("500 Internal Server Error", b"<html>".to_vec()),
        _ => Reply::Raw("204 No Content", Vec::new()),
    })
    .await;
    let params = json!({"command": "true"});
    let error = call(&toolbox.sandbox(json!({})).await, "process.run", params).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_INTERNAL_SERVER);
    assert_eq!(deleted(&toolbox).len(), 1);
}

#[tokio::test]
async fn what_cannot_run_is_refused_before_anything_is_sent() {
    let toolbox = Toolbox::start(|asked: &RequestInfo, _| panic!("{asked:?}")).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for (operation, params) in [
        ("process.run", json!({"command": " "})),
        ("process.run", json!({"command": "a\u{0}b"})),
        ("process.run", json!({"command": "a", "env": {"A-B": ""}})),
        ("process.run", json!({"command": "a", "timeout": -1})),
        ("process.execute", json!({"command": "a", "timeout": -0.5})),
        ("process.execute", json!({"command": "a", "envs": {}})),
        ("process.execute", json!({"command": 1})),
    ] {
        let error = call(&sandbox, operation, params.clone()).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{params}");
    }
}

#[tokio::test]
async fn arguments_arrive_whole_also_where_the_daemon_gives_them_to_a_shell() {
    // Plain words go at once; others wait for what one with a space became.
    let odd = json!(["a b", "d'e", "", "$(id)"]);
    for (argv, seen, sent) in [
        (json!(["a", "--b=c"]), None, vec![json!(["a", "--b=c"])]),
        (odd.clone(), Some("a b"), vec![json!(["a b"]), odd.clone()]),
        (odd, Some("a"), vec![json!(["a b"]), json!(["'a b'", "'d'\\''e'", "''", "'$(id)'"])]),
    ] {
        let toolbox = Toolbox::start(move |_, _| {
            ok(json!({"exitCode": 0, "result": format!("{}\n", seen.unwrap_or(""))}))
        })
        .await;
        let params = json!({"code": "1", "language": "python", "argv": argv});
        call(&toolbox.sandbox(json!({})).await, "process.code_run", params).await.unwrap();
        let asked: Vec<_> = toolbox.requests().iter().map(|asked| asked.body["argv"].clone()).collect();
        assert_eq!(asked, sent);
    }
}

#[tokio::test]
async fn input_waits_for_a_command_that_has_not_begun_and_not_for_one_that_is_over() {
    let none = "internal server error: failed to open input pipe: open /x: no such file or directory";
    let over = json!({"message": "gone: command has already completed with exit code 0"});
    for (described, expected, offers) in
        [(json!({"id": "c"}), 0, 3), (json!({"id": "c", "exitCode": 0}), status::HTTP_GONE, 2)]
    {
        let over = over.clone();
        let toolbox = Toolbox::start(move |asked, before| match asked.method.as_str() {
            "GET" => ok(described.clone()),
            // Only now that its exit code was asked for.
            _ if before == 1 && described["exitCode"] == 0 => Reply::Json("410 Gone", over.clone()),
            _ if before < 2 => Reply::Json("500 Internal Server Error", json!({"message": none})),
            _ => Reply::Raw("204 No Content", Vec::new()),
        })
        .await;
        let params = json!({"id": "s", "commandId": "c", "data": "hello"});
        let given = call(&toolbox.sandbox(json!({})).await, "session.input", params).await;
        assert_eq!(given.map_or_else(|error| error.status(), |_| 0), expected);
        assert_eq!(toolbox.count("POST", "process/session/s/command/c/input"), offers);
    }
}

#[tokio::test]
async fn an_answer_without_an_exit_code_is_not_a_command_that_succeeded() {
    for answer in ["", "{}", r#"{"result":"\"exitCode\":0"}"#, r#"{"exitCode":null,"result":""}"#, "[]"] {
        let toolbox = Toolbox::start(move |_, _| Reply::Raw("200 OK", answer.into())).await;
        let sandbox = toolbox.sandbox(json!({})).await;
        for (operation, params) in [
            ("process.execute", json!({"command": "x"})),
            ("process.code_run", json!({"code": "1", "language": "python"})),
        ] {
            let error = call(&sandbox, operation, params).await.unwrap_err();
            assert_eq!(error.status(), status::PROTOCOL, "{operation}: {answer}");
        }
    }
}
