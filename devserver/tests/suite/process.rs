//! Commands and code runs, beyond what the recordings show.

use crate::toolbox::{Toolbox, runs, until};
use daytona_dev::Protocol;
use daytona_dev::outside::as_owner_of;
use reqwest::Method;
use serde_json::json;

/// Runs a command and returns its output.
async fn result(toolbox: &Toolbox, command: &str) -> String {
    let answer = toolbox.json(Method::POST, "/process/execute", json!({"command": command})).await.1;
    answer["result"].as_str().unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_limit_kills_the_group_and_answers_408() {
    let toolbox = Toolbox::new().await;
    let command = "(sleep 300; true) & sleep 300 & echo $! > child; cat";
    let body = json!({"command": command, "timeout": 1});
    let (status, answer) = toolbox.json(Method::POST, "/process/execute", body).await;
    assert_eq!((status, answer["code"].as_str()), (408, Some("PROCESS_EXECUTION_TIMEOUT")));
    assert_eq!(answer["source"], "DAYTONA_DAEMON");
    assert!(answer.get("result").is_none());
    let child = result(&toolbox, "cat child").await;
    until("the child is gone", async || !runs(&toolbox.process(&child))).await;
}

#[tokio::test]
async fn an_environment_is_updated_for_what_starts_later() {
    let body = json!({"env": {"GONE": "1", "KEPT": "2", "SECRET": "ph_3", "RENEWED": "ph_4"}});
    let toolbox = Toolbox::of(Protocol::V0_205, body).await;
    let update = json!({"set": {"NEW": "a b", "RENEWED": "5"}, "unset": ["GONE"], "unsetValuePrefix": "ph_"});
    // As the official clients send it: without a content type.
    let request = toolbox.request(Method::POST, "/env").body(update.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(answer, json!({"message": "Environment updated successfully"}));
    let seen = result(&toolbox, "echo ${GONE-none} $KEPT ${SECRET-none} $RENEWED $NEW").await;
    assert_eq!(seen, "none 2 none 5 a b");
    for wrong in [json!({"set": []}), json!({"set": {"A": 1}}), json!({"unset": "A"}), json!([])] {
        let (status, answer) = toolbox.json(Method::POST, "/env", wrong.clone()).await;
        assert_eq!((status, &answer["code"]), (400, &json!("INVALID_REQUEST_BODY")), "{wrong}");
    }
    for illegal in [json!({"A": "a\0b"}), json!({"A=B": "x"}), json!({"": "x"})] {
        let (status, answer) = toolbox.json(Method::POST, "/env", json!({ "set": illegal })).await;
        assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "{answer}");
    }
    assert_eq!(result(&toolbox, "echo $NEW").await, "a b");
}

#[tokio::test]
async fn metrics_have_the_names_of_the_specification() {
    let toolbox = Toolbox::new().await;
    let before = toolbox.json(Method::GET, "/system/metrics", json!(null)).await.1;
    as_owner_of(&toolbox.home, || std::fs::write(toolbox.home.join("big"), vec![1; 1 << 20])).unwrap();
    let (status, after) = toolbox.json(Method::GET, "/system/metrics", json!(null)).await;
    assert_eq!(status, 200);
    for name in ["cpuCount", "memTotal", "memUsed", "memCache", "diskTotal", "diskFree", "timestampUnix"] {
        assert!(after[name].is_u64(), "{name} {after}");
    }
    assert!(after["cpuUsedPct"].is_f64() && after["timestamp"].is_string(), "{after}");
    let used = |metrics: &serde_json::Value| metrics["diskUsed"].as_u64().unwrap();
    assert_eq!(used(&after) - used(&before), 1 << 20);
}

#[tokio::test]
async fn the_mark_of_a_sandbox_cannot_be_taken_from_a_command() {
    let toolbox = Toolbox::new().await;
    let body = json!({"command": "echo $DAYTONA_SANDBOX_ID", "envs": {"DAYTONA_SANDBOX_ID": "other"}});
    let (_, answer) = toolbox.json(Method::POST, "/process/execute", body).await;
    assert_eq!(answer["result"], format!("{}\n", toolbox.id));
}

#[tokio::test]
async fn a_deleted_sandbox_leaves_no_process() {
    let toolbox = Toolbox::new().await;
    let detached = result(&toolbox, "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $!").await;
    toolbox.json(Method::POST, "/process/session", json!({"sessionId": "s"})).await;
    let unmarked = json!({"command": "env -i sleep 300 & echo $! > unmarked; wait", "runAsync": true});
    toolbox.json(Method::POST, "/process/session/s/exec", unmarked).await;
    let unmarked = toolbox.written("unmarked").await;
    let waiting = {
        let request =
            toolbox.request(Method::POST, "/process/execute").json(&json!({"command": "sleep 300"}));
        tokio::spawn(request.send())
    };
    let (detached, unmarked) = (toolbox.process(&detached), toolbox.process(&unmarked));
    assert!(runs(&detached) && runs(&unmarked));
    toolbox.delete_sandbox().await;
    until("both are gone", async || !runs(&detached) && !runs(&unmarked)).await;
    // A client that waits for one of its commands gets an answer, of whatever kind.
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_no_process() {
    let toolbox = Toolbox::new().await;
    let detached = result(&toolbox, "setsid sleep 300 >/dev/null 2>&1 </dev/null & echo $!").await;
    toolbox.json(Method::POST, "/process/session", json!({"sessionId": "s"})).await;
    let in_session = json!({"command": "setsid sleep 300 & echo $! > child; wait", "runAsync": true});
    toolbox.json(Method::POST, "/process/session/s/exec", in_session).await;
    let in_session = toolbox.written("child").await;
    let (detached, in_session) = (toolbox.process(&detached), toolbox.process(&in_session));
    assert!(runs(&detached) && runs(&in_session));
    drop(toolbox);
    assert!(!runs(&detached) && !runs(&in_session));
}

#[tokio::test]
async fn a_command_of_megabytes_and_output_nobody_expects_pass() {
    let toolbox = Toolbox::new().await;
    let long = "x".repeat(3 << 20);
    assert_eq!(result(&toolbox, &format!("a='{long}'; echo ${{#a}}")).await, (3 << 20).to_string());
    // The shell has ended before its input was read.
    assert_eq!(result(&toolbox, &format!("echo early; exit\n: {long}")).await, "early");
}

#[tokio::test]
async fn what_code_is_made_of_means_nothing_to_the_shell() {
    let toolbox = Toolbox::new().await;
    let odd = "it's \"$HOME\" `id` \\ \u{e4}";
    let body = json!({"code": "import sys; print(sys.argv[1])", "language": "python", "argv": [odd]});
    let (_, answer) = toolbox.json(Method::POST, "/process/code-run", body).await;
    assert_eq!((answer["exitCode"].as_i64(), answer["result"].as_str().unwrap().trim()), (Some(0), odd));
    // Code that mentions matplotlib runs under a driver, which must not be visible.
    let code = "# matplotlib\nimport sys\ndef f(): raise ValueError(sys.argv)\nf()";
    let body = json!({"code": code, "language": "python", "argv": ["a"]});
    let (_, answer) = toolbox.json(Method::POST, "/process/code-run", body).await;
    let expected = "Traceback (most recent call last):\n  File \"<stdin>\", line 4, in <module>\n  \
                    File \"<stdin>\", line 3, in f\nValueError: ['-', 'a']\n";
    assert_eq!(answer, json!({"exitCode": 1, "result": expected}));
}

#[tokio::test]
async fn typescript_runs_under_ts_node_with_the_options_of_the_daemon() {
    let toolbox = Toolbox::new().await;
    let make = "mkdir bin && printf '#!/bin/sh\nprintf \"[%%s]\" \"$@\"\n' >bin/ts-node && chmod 755 bin/ts-node; pwd";
    let path = format!("{}/bin:{}", result(&toolbox, make).await, std::env::var("PATH").unwrap());
    toolbox.json(Method::POST, "/env", json!({"set": {"PATH": path}})).await;
    let code = "const quote: string = \"it's\"";
    let body = json!({"language": "typescript", "code": code, "argv": ["a b"]});
    let (status, answer) = toolbox.json(Method::POST, "/process/code-run", body).await;
    let arguments = format!(r#"[-T][-O][{{"module":"CommonJS"}}][--eval][{code}][a b]"#);
    assert_eq!((status, answer["result"].as_str()), (200, Some(arguments.as_str())));
}
