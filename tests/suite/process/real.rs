//! Commands, sessions and code over real processes: the client against the dev server, in both of its
//! protocols where they differ.

use crate::dev_server::{DevServer, ask};
use crate::fixture::Fixture;
use crate::support::{open, until};
use daytona::client::status;
use daytona_dev::Protocol;
use serde_json::{Value, json};
use std::path::Path;

/// Whether a process of that number still runs.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

async fn written(file: &Path) -> String {
    until("the file is written", async || std::fs::read(file).is_ok_and(|text| text.ends_with(b"\n"))).await;
    std::fs::read_to_string(file).unwrap()
}

#[tokio::test]
async fn execute_takes_a_directory_variables_and_any_bytes() {
    let fixture = Fixture::new().await;
    let params =
        json!({"command": "pwd; echo \"$A\"; echo err >&2; exit 3", "cwd": "/tmp", "env": {"A": "x'\"\n$y"}});
    let executed = fixture.does("process.execute", params).await;
    assert_eq!(executed, json!({"exitCode": 3, "result": "/tmp\nx'\"\n$y\nerr\n"}));
    let nowhere = fixture.does("process.execute", json!({"command": "pwd", "cwd": "/no/such"})).await;
    assert_eq!(nowhere["exitCode"], -1);
    let long = "x".repeat(100_000);
    let executed = fixture.executes(&format!("a='{long}'; echo ${{#a}}")).await;
    assert_eq!(executed["result"], "100000\n");
}

#[tokio::test]
async fn a_run_needs_no_more_than_one_connection() {
    let fixture = Fixture::of(Protocol::V0_205, json!({"maxConnectionsPerHost": 1})).await;
    let (stdout, _, code) = fixture.runs(json!({"command": "echo a; exit 3"})).await;
    assert_eq!((stdout.as_str(), code), ("a\n", 3));
}

/// Names with a meaning of their own in bash, and names that are the library's own elsewhere.
const ODD_VARIABLES: [&str; 29] = [
    "UID",
    "EUID",
    "GROUPS",
    "DIRSTACK",
    "SHELLOPTS",
    "BASHOPTS",
    "PPID",
    "POSIXLY_CORRECT",
    "BASH_VERSINFO",
    "BASH_VERSION",
    "BASH_ARGV0",
    "BASH_ENV",
    "BASH",
    "COMP_WORDBREAKS",
    "ENV",
    "FUNCNAME",
    "HOSTNAME",
    "IFS",
    "LINENO",
    "OLDPWD",
    "OPTIND",
    "PS4",
    "PWD",
    "SHELL",
    "SHLVL",
    "TMOUT",
    "_",
    "c",
    "p",
];

#[tokio::test]
async fn a_runs_environment_equals_that_of_execute() {
    let fixture = Fixture::new().await;
    let command = "env -0 | sort -z | base64 -w 0";
    for name in [""].into_iter().chain(ODD_VARIABLES) {
        let value = if name == "SHELLOPTS" { "braceexpand" } else { "7" };
        let env = if name.is_empty() { json!({}) } else { json!({ name: value }) };
        let params = json!({"command": command, "env": env, "cwd": "/tmp"});
        let executed = fixture.does("process.execute", params.clone()).await;
        let (stdout, stderr, code) = fixture.runs(params).await;
        let executed = executed["result"].as_str().unwrap().trim_end();
        assert_eq!((stdout.trim_end(), code), (executed, 0), "{name}: {stderr}");
        assert_eq!(stderr, "", "{name}");
    }
}

#[tokio::test]
async fn a_command_at_its_limit_is_killed_with_its_children_in_both_protocols() {
    for (protocol, code) in
        [(Protocol::V0_205, "PROCESS_EXECUTION_TIMEOUT"), (Protocol::V0_190, "REQUEST_TIMEOUT")]
    {
        let fixture = Fixture::of(protocol, json!({})).await;
        let command = "sleep 300 & echo $! > child; echo partial; sleep 300";
        let params = json!({"command": command, "timeout": 0.5});
        let error = fixture.call("process.execute", params).await.unwrap_err();
        assert_eq!(
            (error.status(), error.detail().code.as_deref()),
            (status::HTTP_REQUEST_TIMEOUT, Some(code))
        );
        let child = fixture.process(&written(&fixture.home.join("child")).await);
        until("the child is gone", async || !runs(&child)).await;
    }
}

#[tokio::test]
async fn code_runs_in_the_sandboxs_language_or_the_one_named() {
    let fixture = Fixture::new().await;
    let code = "import sys, os; print(sys.argv[1:], os.environ['K']); sys.exit(4)";
    let params = json!({"code": code, "argv": ["a b", "d'e"], "env": {"K": "v"}});
    let ran = fixture.does("process.code_run", params).await;
    assert_eq!(ran, json!({"exitCode": 4, "result": "['a b', \"d'e\"] v\n"}));
    let params =
        json!({"code": "console.log(1 + 1, process.argv[1])", "language": "javascript", "argv": ["x"]});
    let ran = fixture.does("process.code_run", params).await;
    assert_eq!(ran, json!({"exitCode": 0, "result": "2 x\n"}));
    let params = json!({"code": "import time; time.sleep(300)", "timeout": 0.5});
    let error = fixture.call("process.code_run", params).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_REQUEST_TIMEOUT);
    let params = json!({"code": "1", "language": "cobol"});
    let error = fixture.call("process.code_run", params).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_BAD_REQUEST);
    assert!(error.detail().message.contains("cobol"), "{error:?}");
}

#[tokio::test]
async fn a_sandbox_made_for_javascript_runs_it_unasked() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let sandbox = dev_server.create(json!({"language": "javascript"})).await;
    let ran = ask(&sandbox, "process.code_run", json!({"code": "console.log(typeof 1)"})).await;
    assert_eq!(ran["result"], "number\n");
}

#[tokio::test]
async fn run_keeps_stdout_and_stderr_apart_and_leaves_no_session() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = Fixture::of(protocol, json!({})).await;
        let command = "echo out; echo err >&2; printf last; exit 3";
        let ran = fixture.runs(json!({"command": command})).await;
        assert_eq!(ran, ("out\nlast\n".into(), "err\n".into(), 3));
        assert_eq!(fixture.sessions().await, json!([]));
    }
}

#[tokio::test]
async fn what_ends_a_shell_ends_the_command_with_its_code() {
    let fixture = Fixture::new().await;
    for (command, stdout, code) in [
        ("echo a; exit 3", "a\n", 3),
        ("set -e; echo a; false; echo b", "a\n", 1),
        ("exec echo replaced", "replaced\n", 0),
        ("kill -9 $$", "", 137),
        ("if then", "", 2),
    ] {
        let (out, _, exit_code) = fixture.runs(json!({"command": command})).await;
        assert_eq!((out.as_str(), exit_code), (stdout, code), "{command}");
    }
}

#[tokio::test]
async fn what_a_run_is_given_arrives_byte_for_byte() {
    let fixture = Fixture::new().await;
    let odd = "it's \"quoted\" $HOME `id` \\ \u{e4}\n\nEOF\n";
    let params = json!({"command": "cat; printf %s \"$ODD\"", "stdin": odd, "env": {"ODD": odd}, "cwd": "/"});
    assert_eq!(fixture.runs(params).await, (format!("{odd}{odd}"), String::new(), 0));
    let long = "0123456789abcde\n".repeat(6400);
    let params = json!({"command": format!("cat <<'END'\n{long}END\n")});
    assert_eq!(fixture.runs(params).await.0, long);
    // Without one the input is empty.
    assert_eq!(fixture.runs(json!({"command": "wc -c"})).await.0.trim(), "0");
}

#[tokio::test]
async fn a_run_at_its_limit_or_cancelled_takes_its_processes_along() {
    let fixture = Fixture::new().await;
    let command = |file: &str| format!("sleep 300 & echo $! > {file}; echo up; wait");
    let params = json!({"command": command("$HOME/limited"), "timeout": 1});
    let error = fixture.call("process.run", params).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_REQUEST_TIMEOUT);
    let limited = fixture.process(&written(&fixture.home.join("limited")).await);

    let running =
        open(&fixture.sandbox, "process.run", json!({"command": command("$HOME/cancelled")})).unwrap();
    running.until_output("up").await;
    let cancelled = fixture.process(&written(&fixture.home.join("cancelled")).await);
    assert!(runs(&cancelled));
    running.drop_it().await;
    for child in [limited, cancelled] {
        until("the child is gone", async || !runs(&child)).await;
    }
    until("no session is left", async || fixture.sessions().await == json!([])).await;
}

#[tokio::test]
async fn a_session_keeps_what_its_commands_change() {
    let fixture = Fixture::new().await;
    fixture.does("session.create", json!({"id": "s"})).await;
    let conflict = fixture.call("session.create", json!({"id": "s"})).await.unwrap_err();
    assert_eq!(conflict.status(), status::HTTP_CONFLICT);
    let set = "cd /tmp; export V=1; f() { echo called $1; }";
    fixture.does("session.execute", json!({"id": "s", "command": set})).await;
    let command = "pwd; echo $V; f x; echo e >&2; (exit 9)";
    let executed = fixture.does("session.execute", json!({"id": "s", "command": command})).await;
    assert_eq!((&executed["stdout"], &executed["stderr"]), (&json!("/tmp\n1\ncalled x\n"), &json!("e\n")));
    assert_eq!(executed["exitCode"], 9);
    let of_command = json!({"id": "s", "commandId": executed["cmdId"]});
    let described = fixture.does("session.command", of_command.clone()).await;
    assert_eq!((&described["command"], &described["exitCode"]), (&json!(command), &json!(9)));
    let logs = fixture.does("session.logs", of_command).await;
    assert_eq!((&logs["stdout"], &logs["stderr"]), (&executed["stdout"], &executed["stderr"]));
    assert_eq!(
        fixture.does("session.get", json!({"id": "s"})).await["commands"].as_array().unwrap().len(),
        2
    );
    fixture.does("session.delete", json!({"id": "s"})).await;
    let gone = fixture.call("session.get", json!({"id": "s"})).await.unwrap_err();
    assert_eq!(gone.status(), status::HTTP_NOT_FOUND);
}

async fn starts(fixture: &Fixture, command: &str, quiet: bool) -> Value {
    let params = json!({"id": "s", "command": command, "runAsync": true, "suppressInputEcho": quiet});
    let executed = fixture.does("session.execute", params).await;
    json!({"id": "s", "commandId": executed["cmdId"]})
}

fn with(params: &Value, key: &str, value: Value) -> Value {
    let mut params = params.clone();
    params[key] = value;
    params
}

#[tokio::test]
async fn input_reaches_a_running_command_and_its_log_unless_suppressed() {
    for (quiet, expected) in [(false, "hello\ngot:hello\n"), (true, "got:hello\n")] {
        let fixture = Fixture::new().await;
        fixture.does("session.create", json!({"id": "s"})).await;
        let command = starts(&fixture, "read x; echo got:$x", quiet).await;
        fixture.does("session.input", with(&command, "data", json!("hello"))).await;
        let following = open(&fixture.sandbox, "session.follow", command.clone()).unwrap();
        let sink = following.sink.clone();
        assert_eq!(following.ended().await.unwrap()["exitCode"], 0);
        assert_eq!(String::from_utf8(sink.stdout()).unwrap(), expected);
        let late = fixture.call("session.input", with(&command, "data", json!("late"))).await.unwrap_err();
        assert_eq!(late.status(), status::HTTP_GONE);
        assert_eq!(late.detail().code.as_deref(), Some("COMMAND_ALREADY_COMPLETED"));
    }
}

#[tokio::test]
async fn input_to_a_command_that_is_over_is_gone_also_where_nobody_has_asked_for_its_end() {
    for fixture in Fixture::both().await {
        fixture.does("session.create", json!({"id": "s"})).await;
        let command = starts(&fixture, "true", false).await;
        // Its turn comes when the one before it is over.
        fixture.does("session.execute", json!({"id": "s", "command": "true"})).await;
        let late = fixture.call("session.input", with(&command, "data", json!("late"))).await.unwrap_err();
        assert_eq!(late.status(), status::HTTP_GONE, "{late:?}");
    }
}

#[tokio::test]
async fn a_follower_reads_from_the_beginning_live_and_from_a_position() {
    let fixture = Fixture::new().await;
    fixture.does("session.create", json!({"id": "s"})).await;
    let script = "for i in 1 2 3; do echo out$i; echo err$i >&2; done; read go; printf end; exit_() { return 5; }; exit_";
    let command = starts(&fixture, script, true).await;
    let following = open(&fixture.sandbox, "session.follow", command.clone()).unwrap();
    following.until_output("out3").await;
    following.until_output("err3").await;
    fixture.does("session.input", with(&command, "data", json!("go"))).await;
    let sink = following.sink.clone();
    let ended = following.ended().await.unwrap();
    assert_eq!(ended["exitCode"], 5);
    assert_eq!(String::from_utf8(sink.stdout()).unwrap(), "out1\nout2\nout3\nend\n");
    assert_eq!(String::from_utf8(sink.stderr()).unwrap(), "err1\nerr2\nerr3\n");
    let mut seen = 0;
    for chunk in sink.chunks() {
        seen += chunk.data.len();
        let again = with(&command, "from", json!(chunk.position));
        let resumed = open(&fixture.sandbox, "session.follow", again).unwrap();
        let rest = resumed.sink.clone();
        assert_eq!(resumed.ended().await.unwrap()["position"], ended["position"]);
        assert_eq!(rest.all().len(), sink.all().len() - seen, "from {}", chunk.position);
    }
}

#[tokio::test]
async fn a_long_log_is_followed_without_losing_a_byte() {
    let fixture = Fixture::new().await;
    fixture.does("session.create", json!({"id": "s"})).await;
    let command = starts(&fixture, "seq 1 400000; echo done >&2", false).await;
    let following = open(&fixture.sandbox, "session.follow", command).unwrap();
    let sink = following.sink.clone();
    assert_eq!(following.ended().await.unwrap()["exitCode"], 0);
    let expected: String = (1..=400_000).map(|number| format!("{number}\n")).collect();
    assert!(sink.stdout() == expected.as_bytes());
    assert_eq!(sink.stderr(), b"done\n");
}

#[tokio::test]
async fn a_command_that_ended_its_shell_is_told_and_not_waited_for() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = Fixture::of(protocol, json!({"idleTimeoutMs": 3000})).await;
        fixture.does("session.create", json!({"id": "s"})).await;
        let params = json!({"id": "s", "command": "exit 3"});
        let error = fixture.call("session.execute", params).await.unwrap_err();
        assert_eq!(error.detail().code.as_deref(), Some("SESSION_ENDED"), "{error:?}");
        fixture.does("session.delete", json!({"id": "s"})).await;

        fixture.does("session.create", json!({"id": "s"})).await;
        let command = starts(&fixture, "printf before; exit 3", false).await;
        let following = open(&fixture.sandbox, "session.follow", command).unwrap();
        let sink = following.sink.clone();
        let error = following.failed().await;
        assert_eq!(error.detail().code.as_deref(), Some("SESSION_ENDED"), "{error:?}");
        assert_eq!(sink.stdout(), b"before\n");
    }
}

#[tokio::test]
async fn a_session_deleted_under_a_follower_is_told() {
    let fixture = Fixture::new().await;
    fixture.does("session.create", json!({"id": "s"})).await;
    let command = starts(&fixture, "echo start; sleep 300", false).await;
    let following = open(&fixture.sandbox, "session.follow", command).unwrap();
    following.until_output("start").await;
    fixture.does("session.delete", json!({"id": "s"})).await;
    let error = following.failed().await;
    assert_eq!((error.status(), error.detail().code.as_deref()), (status::HTTP_GONE, Some("SESSION_ENDED")));
}

#[tokio::test]
async fn the_entrypoint_is_described_and_followed() {
    let fixture = Fixture::new().await;
    let session = fixture.does("session.entrypoint", json!({})).await;
    assert_eq!(session["commands"][0]["command"], "'sleep' 'infinity'");
    let logs = fixture.does("session.entrypoint_logs", json!({})).await;
    assert_eq!(logs["stdout"], "");
    // It sleeps for ever: a follower of it waits, and ends when it is closed.
    let following = open(&fixture.sandbox, "session.entrypoint_follow", json!({})).unwrap();
    following.until_open().await;
    following.drop_it().await;
}
