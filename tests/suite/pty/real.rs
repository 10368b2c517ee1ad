//! Terminals of a dev server, through the client: real shells, real sizes, real exits.

use crate::dev_server::{BOTH, DevServer, ask, fails, opened};
use crate::support::{Running, open, until};
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use daytona_dev::Protocol;
use serde_json::{Value, json};

/// Silences a shell; what follows READY is output alone.
const QUIET: &str = "PS1= PS2=; stty -echo; bind 'set enable-bracketed-paste off'; echo RE''ADY\n";

fn type_in(terminal: &Running, text: &str) {
    assert_eq!(terminal.writer.write(text.as_bytes()).unwrap(), text.len());
}

async fn quiet(terminal: &Running) {
    type_in(terminal, QUIET);
    terminal.until_output("READY\r\n").await;
}

/// What came after the shell was silenced.
fn output(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.split_once("READY\r\n").map_or_else(|| text.to_string(), |(_, rest)| rest.to_owned())
}

async fn terminals(sandbox: &Sandbox) -> usize {
    ask(sandbox, "pty.list", json!({})).await["sessions"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_terminal_has_its_size_directory_and_environment_and_its_true_exit_code() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let home = ask(&sandbox, "sandbox.home_dir", json!({})).await["dir"].as_str().unwrap().to_owned();
        let cwd = format!("{home}/d i r");
        ask(&sandbox, "process.execute", json!({"command": "mkdir 'd i r'"})).await;
        let params =
            json!({"id": "t", "cols": 120, "rows": 40, "cwd": cwd, "env": {"GREETING": "grüß\n\"$dich\""}});
        let terminal = opened(&sandbox, "pty.open", params).await;
        quiet(&terminal).await;
        type_in(&terminal, "stty size; pwd; echo \"$GREETING\"\n");
        terminal.until_output("$dich\"\r\n").await;
        let info = ask(&sandbox, "pty.info", json!({"id": "t"})).await;
        assert_eq!((&info["cols"], &info["rows"], &info["active"]), (&json!(120), &json!(40), &json!(true)));
        let resized = ask(&sandbox, "pty.resize", json!({"id": "t", "cols": 90, "rows": 20})).await;
        assert_eq!((&resized["cols"], &resized["rows"]), (&json!(90), &json!(20)));
        type_in(&terminal, "stty size; exit 42\n");
        let sink = terminal.sink.clone();
        let ended = terminal.ended().await.unwrap();
        assert_eq!(json!([ended["exitCode"], ended["reason"]]), json!([42, "non-zero exit"]), "{protocol:?}");
        assert_eq!(
            output(&sink.all()),
            format!("40 120\r\n{cwd}\r\ngrüß\r\n\"$dich\"\r\n20 90\r\nlogout\r\n"),
            "{protocol:?}"
        );
        assert_eq!(ended["bytes"], sink.all().len());
        until("forgotten", async || terminals(&sandbox).await == 0).await;
    }
}

#[tokio::test]
async fn every_way_to_end_is_told_as_it_was() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        for (typed, code, reason) in [
            ("exit\n", 0, Value::Null),
            ("exit 130\n", 130, json!("Ctrl+C")),
            ("kill -9 $$\n", -1, json!("non-zero exit")),
            ("\u{4}", 0, Value::Null),
            ("exec sh -c 'exit 9'\n", 9, json!("non-zero exit")),
        ] {
            let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
            // Ctrl+D before the shell reads its next line is no end of input: the prompt says that it does.
            type_in(&terminal, "PS1='<pro''mpt>'\n");
            terminal.until_output("<prompt>").await;
            type_in(&terminal, typed);
            let ended = terminal.ended().await.unwrap();
            assert_eq!(json!([ended["exitCode"], ended["reason"]]), json!([code, reason]), "{typed:?}");
            until("forgotten", async || terminals(&sandbox).await == 0).await;
        }
        let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
        assert_eq!(ask(&sandbox, "pty.kill", json!({"id": "t"})).await, Value::Null);
        assert_eq!(terminal.ended().await.unwrap()["exitCode"], 137);
    }
}

#[tokio::test]
async fn every_byte_of_a_flood_arrives() {
    const BYTES: usize = 8 << 20;
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
        quiet(&terminal).await;
        let before = terminal.sink.all().len();
        // Every value that a byte has, and not the same in two places.
        type_in(&terminal, &format!("stty raw; seq 1 9999999 | tr -d '\\n' | head -c {BYTES}; exec true\n"));
        let sink = terminal.sink.clone();
        let ended = terminal.ended().await.unwrap();
        let mut expected = Vec::with_capacity(BYTES + 8);
        for number in 1.. {
            if expected.len() >= BYTES {
                break;
            }
            expected.extend_from_slice(number.to_string().as_bytes());
        }
        expected.truncate(BYTES);
        let all = sink.all();
        assert_eq!(all.len() - before, BYTES);
        assert!(all[before..] == expected, "{protocol:?}: other bytes than were written");
        assert_eq!((&ended["exitCode"], &ended["bytes"]), (&json!(0), &json!(all.len())));
    }
}

#[tokio::test]
async fn what_is_typed_arrives_whole() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let sandbox = dev_server.create(json!({})).await;
    let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
    quiet(&terminal).await;
    let text: String = (0..60_000).map(|number| format!("{number:09}\n")).collect();
    type_in(&terminal, &format!("stty raw; echo GO; head -c {} | cksum; exec true\n", text.len()));
    terminal.until_output("GO").await;
    type_in(&terminal, &text);
    let sink = terminal.sink.clone();
    terminal.ended().await.unwrap();
    let mut cksum = std::process::Command::new("cksum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut cksum.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let expected = String::from_utf8(cksum.wait_with_output().unwrap().stdout).unwrap();
    assert!(output(&sink.all()).contains(expected.trim()), "{} without {expected}", output(&sink.all()));
}

#[tokio::test]
async fn a_terminal_outlives_its_connection_and_is_joined_again() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let created = ask(&sandbox, "pty.create", json!({"id": "t", "lazyStart": true, "cols": 100})).await;
        assert_eq!(created, json!({"sessionId": "t"}));
        assert_eq!(ask(&sandbox, "pty.info", json!({"id": "t"})).await["active"], false);
        let first = opened(&sandbox, "pty.connect", json!({"id": "t"})).await;
        quiet(&first).await;
        type_in(&first, "KEPT=secret; echo SE''T\n");
        first.until_output("SET").await;
        first.drop_it().await;
        let (one, two) = (
            opened(&sandbox, "pty.connect", json!({"id": "t"})).await,
            opened(&sandbox, "pty.connect", json!({"id": "t"})).await,
        );
        type_in(&one, "echo $KEPT\n");
        one.until_output("secret\r\n").await;
        two.until_output("secret\r\n").await;
        type_in(&two, "exit 5\n");
        for terminal in [one, two] {
            assert!(!String::from_utf8_lossy(&terminal.sink.all()).contains("SET"), "replayed");
            assert_eq!(terminal.ended().await.unwrap()["exitCode"], 5);
        }
    }
}

#[tokio::test]
async fn closing_an_opened_terminal_kills_it() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let sandbox = dev_server.create(json!({})).await;
    let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
    assert_eq!(terminals(&sandbox).await, 1);
    terminal.drop_it().await;
    until("killed", async || terminals(&sandbox).await == 0).await;
}

#[tokio::test]
async fn a_consumer_that_stops_is_told_that_it_was_cut() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
        quiet(&terminal).await;
        let delivered = terminal.sink.all().len();
        terminal.sink.refuse_room();
        // The shell writes on: it is not held back by the one who does not listen.
        type_in(&terminal, "head -c 30000000 /dev/zero | tr '\\0' y; touch written\n");
        let is_written = json!({"command": "test -e written"});
        until("written", async || {
            ask(&sandbox, "process.execute", is_written.clone()).await["exitCode"] == 0
        })
        .await;
        let other = opened(&sandbox, "pty.connect", json!({"id": "t"})).await;
        terminal.sink.give_room();
        let sink = terminal.sink.clone();
        let error = terminal.failed().await;
        assert_eq!(error.status(), status::SLOW_CONSUMER, "{protocol:?} {error}");
        assert!(error.detail().message.contains("pty.connect"), "{error}");
        let received = sink.all().len();
        assert_eq!(error.detail().position, Some(received as u64));
        assert!(received > delivered && received < 30_000_000);
        // As it said: the shell goes on.
        type_in(&other, "exit 3\n");
        assert_eq!(other.ended().await.unwrap()["exitCode"], 3);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_terminal_is_said() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let missing = open(&sandbox, "pty.connect", json!({"id": "nope"})).unwrap().failed().await;
        assert_eq!(missing.status(), status::HTTP_NOT_FOUND, "{missing}");
        assert!(missing.detail().message.contains("\"nope\""), "{missing}");
        assert_eq!(fails(&sandbox, "pty.info", json!({"id": "nope"})).await.status(), status::HTTP_NOT_FOUND);
        assert_eq!(fails(&sandbox, "pty.kill", json!({"id": "nope"})).await.status(), status::HTTP_NOT_FOUND);
        let resize = fails(&sandbox, "pty.resize", json!({"id": "nope", "cols": 80, "rows": 24})).await;
        assert_eq!(resize.status(), status::HTTP_GONE, "{resize}");

        ask(&sandbox, "pty.create", json!({"id": "t"})).await;
        let taken = fails(&sandbox, "pty.create", json!({"id": "t"})).await;
        assert_eq!(taken.status(), status::HTTP_CONFLICT, "{taken}");
        let taken = open(&sandbox, "pty.open", json!({"id": "t"})).unwrap().failed().await;
        assert_eq!(taken.status(), status::HTTP_CONFLICT, "{taken}");
        assert_eq!(ask(&sandbox, "pty.info", json!({"id": "t"})).await["active"], true, "killed");

        let nowhere = json!({"id": "w", "cwd": "/no/such"});
        // Also again at once: the id is free.
        for _ in 0..3 {
            let error = open(&sandbox, "pty.open", nowhere.clone()).unwrap().failed().await;
            assert_eq!(error.status(), status::HTTP_INTERNAL_SERVER, "{protocol:?} {error}");
        }
        let nowhere = json!({"id": "v", "cwd": "/no/such"});
        assert_eq!(fails(&sandbox, "pty.create", nowhere).await.status(), status::HTTP_INTERNAL_SERVER);
        until("nothing is left of it", async || terminals(&sandbox).await == 1).await;
    }
}

#[tokio::test]
async fn a_sandbox_that_stops_ends_its_terminals() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let sandbox = dev_server.create(json!({})).await;
    let terminal = opened(&sandbox, "pty.open", json!({"id": "t"})).await;
    ask(&sandbox, "sandbox.stop", json!({})).await;
    assert_eq!(terminal.ended().await.unwrap()["exitCode"], 137);
    let error = open(&sandbox, "pty.open", json!({"id": "t"})).unwrap().failed().await;
    assert!(error.detail().message.contains("is stopped: start it with sandbox.start first"), "{error}");
}
