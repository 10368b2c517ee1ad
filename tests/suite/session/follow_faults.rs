//! What session.follow promises when the connection does not.

use crate::support::toolbox::{Reply, RequestInfo, Socket, Toolbox, not_found, ok, upgrade};
use crate::support::{call, open, soon, until};
use daytona::client::status;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const SOCKET: &str = "process/session/s/command/c/logs?follow=true";
const WHOLE: &str = "process/session/s/command/c/logs";
const COMMAND: &str = "process/session/s/command/c";
const SESSION: &str = "process/session/s";
const EXEC: &str = "process/session/s/exec";

const LOG: &[u8] = b"\x01\x01\x01one\n\x02\x02\x02two\n\x01\x01\x01three \xff\xc3\n\x02\x02\x02four\n";
const OUT: &[u8] = b"one\nthree \xff\xc3\n";
const ERR: &[u8] = b"two\nfour\n";

fn running() -> Reply {
    ok(json!({"id": "c", "command": "make"}))
}

fn exited(code: i64) -> Reply {
    ok(json!({"id": "c", "command": "make", "exitCode": code}))
}

/// What is asked when the command has been silent for a while.
fn of_a_living_session(path: &str) -> Reply {
    match path {
        SESSION => ok(json!({"sessionId": "s", "commands": []})),
        EXEC => Reply::Json("202 Accepted", json!({"cmdId": "d"})),
        _ => not_found(),
    }
}

fn follow() -> Value {
    json!({"id": "s", "commandId": "c"})
}

async fn close(mut socket: Socket, code: u16) {
    let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
    while let Some(Ok(_)) = socket.next().await {}
}

async fn stay(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {}
}

/// A toolbox whose first socket does `first` and every later one replays the whole log.
async fn replaying<F>(first: impl Fn(Socket) -> F + Clone + Send + Sync + 'static) -> Toolbox
where
    F: Future<Output = ()> + Send + 'static,
{
    let replayed = Arc::new(AtomicBool::new(false));
    Toolbox::start(move |asked, before| {
        let (first, replayed) = (first.clone(), replayed.clone());
        match asked.path.as_str() {
            SOCKET if before == 0 => upgrade(first),
            SOCKET => upgrade(async move |mut socket: Socket| {
                socket.send(Message::binary(LOG)).await.unwrap();
                replayed.store(true, Ordering::SeqCst);
                stay(socket).await;
            }),
            COMMAND if replayed.load(Ordering::SeqCst) => exited(3),
            COMMAND => running(),
            WHOLE => Reply::Raw("200 OK", LOG.to_vec()),
            path => of_a_living_session(path),
        }
    })
    .await
}

async fn expect_everything(toolbox: &Toolbox) {
    let stream =
        open(&toolbox.sandbox(json!({"idleTimeoutMs": 1000})).await, "session.follow", follow()).unwrap();
    let sink = stream.sink.clone();
    let ended = stream.ended().await.unwrap();
    assert_eq!(ended, json!({"exitCode": 3, "bytes": OUT.len() + ERR.len(), "position": LOG.len()}));
    assert_eq!((sink.stdout(), sink.stderr()), (OUT.to_vec(), ERR.to_vec()));
}

#[tokio::test]
async fn a_socket_that_closes_early_is_opened_again_without_losing_or_repeating_a_byte() {
    let everywhere = (0..LOG.len()).map(async |cut| {
        let toolbox = replaying(move |mut socket: Socket| async move {
            socket.send(Message::binary(&LOG[..cut])).await.unwrap();
            close(socket, 1000).await;
        })
        .await;
        expect_everything(&toolbox).await;
        assert!(toolbox.count("GET", SOCKET) >= 2);
    });
    futures_util::future::join_all(everywhere).await;
}

/// While the socket holds the one connection, the question for the exit code waits for it.
#[tokio::test]
async fn a_log_is_followed_over_one_connection_with_sockets_and_without() {
    let with_sockets = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET => upgrade(async |mut socket: Socket| {
            socket.send(Message::binary(LOG)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(200)).await;
            close(socket, 1000).await;
        }),
        WHOLE => Reply::Raw("200 OK", LOG.to_vec()),
        COMMAND if before < 2 => running(),
        COMMAND => exited(3),
        path => of_a_living_session(path),
    })
    .await;
    let without = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET => Reply::Raw("400 Bad Request", b"no upgrades here".to_vec()),
        WHOLE => Reply::Raw("200 OK", LOG.to_vec()),
        COMMAND if before < 6 => running(),
        COMMAND => exited(3),
        path => of_a_living_session(path),
    })
    .await;
    for toolbox in [with_sockets, without] {
        let config = json!({"maxConnectionsPerHost": 1, "connectTimeoutMs": 5000});
        let stream = open(&toolbox.sandbox(config).await, "session.follow", follow()).unwrap();
        let sink = stream.sink.clone();
        let ended = stream.ended().await.unwrap();
        assert_eq!(
            (&ended["exitCode"], sink.stdout(), sink.stderr()),
            (&json!(3), OUT.to_vec(), ERR.to_vec())
        );
    }
}

/// The second source answers less than the socket gave, or nothing at all.
#[tokio::test]
async fn half_a_marker_at_the_end_is_output_whatever_the_last_reading_gives() {
    const HALF: &[u8] = b"\x01\x01\x01one\n\x02\x02";
    for whole in [None, Some(0), Some(7), Some(8), Some(9)] {
        let toolbox = Toolbox::start(move |asked, _| match (asked.path.as_str(), whole) {
            (SOCKET, _) => upgrade(async move |mut socket: Socket| {
                socket.send(Message::binary(HALF)).await.unwrap();
                close(socket, 1000).await;
            }),
            (WHOLE, Some(length)) => Reply::Raw("200 OK", HALF[..length].to_vec()),
            (COMMAND, _) => exited(0),
            (path, _) => of_a_living_session(path),
        })
        .await;
        let stream = open(&toolbox.sandbox(json!({})).await, "session.follow", follow()).unwrap();
        let sink = stream.sink.clone();
        let ended = stream.ended().await.unwrap();
        assert_eq!(ended, json!({"exitCode": 0, "bytes": 6, "position": HALF.len()}), "{whole:?}");
        assert_eq!((sink.stdout(), sink.stderr()), (b"one\n\x02\x02".to_vec(), vec![]), "{whole:?}");
    }
}

#[tokio::test]
async fn a_connection_that_drops_without_a_close_frame_is_no_failed_command() {
    let toolbox = replaying(move |mut socket: Socket| async move {
        socket.send(Message::binary(&LOG[..9])).await.unwrap();
        drop(socket);
    })
    .await;
    expect_everything(&toolbox).await;
}

#[tokio::test]
async fn odd_close_codes_are_no_failed_command() {
    for code in [1001, 1008, 1011, 4008] {
        let toolbox = replaying(move |mut socket: Socket| async move {
            socket.send(Message::binary(&LOG[..20])).await.unwrap();
            close(socket, code).await;
        })
        .await;
        expect_everything(&toolbox).await;
    }
}

#[tokio::test]
async fn a_socket_that_has_gone_silent_is_replaced() {
    let toolbox = replaying(move |mut socket: Socket| async move {
        socket.send(Message::binary(&LOG[..9])).await.unwrap();
        // Reads nothing, so no ping is ever answered.
        tokio::time::sleep(Duration::from_secs(3600)).await;
    })
    .await;
    expect_everything(&toolbox).await;
}

#[tokio::test]
async fn sockets_that_stay_silent_and_a_log_that_cannot_be_read_end_the_stream() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        SOCKET => upgrade(async |_socket: Socket| tokio::time::sleep(Duration::from_secs(3600)).await),
        COMMAND => running(),
        path => of_a_living_session(path),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 1100, "retries": 0})).await;
    let error = open(&sandbox, "session.follow", follow()).unwrap().failed().await;
    assert_ne!(error.status(), status::OK, "{error}");
}

#[tokio::test]
async fn frames_of_a_byte_each_give_the_same_bytes() {
    let toolbox = replaying(move |mut socket: Socket| async move {
        for byte in LOG {
            socket.send(Message::binary(vec![*byte])).await.unwrap();
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        close(socket, 1000).await;
    })
    .await;
    expect_everything(&toolbox).await;
}

#[tokio::test]
async fn where_no_socket_comes_through_the_raw_log_is_read_over_http() {
    let ended = AtomicBool::new(false);
    let toolbox = Toolbox::start(move |asked, before| match asked.path.as_str() {
        SOCKET => Reply::Raw("400 Bad Request", b"<html>no upgrades here</html>".to_vec()),
        WHOLE => {
            assert_eq!(asked.header("x-daytona-sdk-version"), Some("0.166.0"));
            let written = if ended.load(Ordering::SeqCst) { LOG.len() } else { 7 * before };
            Reply::Raw("200 OK", LOG[..written.min(LOG.len())].to_vec())
        }
        COMMAND => {
            ended.store(before >= 12, Ordering::SeqCst);
            if before < 12 { running() } else { exited(3) }
        }
        path => of_a_living_session(path),
    })
    .await;
    expect_everything(&toolbox).await;
}

#[tokio::test]
async fn sockets_that_open_and_say_nothing_are_no_way_either() {
    let toolbox = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET => upgrade(async |socket| drop(socket)),
        WHOLE => Reply::Raw("200 OK", LOG.to_vec()),
        // Asked once beside each socket, and often beside the reading.
        COMMAND if before < 14 => running(),
        COMMAND => exited(3),
        path => of_a_living_session(path),
    })
    .await;
    expect_everything(&toolbox).await;
    assert!(toolbox.count("GET", SOCKET) < 20, "sockets are given up");
    assert!(toolbox.count("GET", WHOLE) > 1);
}

#[tokio::test]
async fn what_comes_with_the_exit_code_is_still_read() {
    let toolbox = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET => upgrade(async |mut socket: Socket| {
            socket.send(Message::binary(&LOG[..8])).await.unwrap();
            close(socket, 1000).await;
        }),
        COMMAND if before == 0 => running(),
        COMMAND => exited(3),
        WHOLE => Reply::Raw("200 OK", LOG.to_vec()),
        path => of_a_living_session(path),
    })
    .await;
    expect_everything(&toolbox).await;
}

#[tokio::test]
async fn a_resumed_stream_gets_exactly_the_rest_in_its_channels() {
    let toolbox = replaying(move |mut socket: Socket| async move {
        socket.send(Message::binary(LOG)).await.unwrap();
        stay(socket).await;
    })
    .await;
    // From the middle of the first line of stderr.
    let from = 12;
    let finished = Toolbox::start(|asked, _| match asked.path.as_str() {
        SOCKET => upgrade(async |mut socket: Socket| {
            socket.send(Message::binary(LOG)).await.unwrap();
            close(socket, 1000).await;
        }),
        COMMAND => exited(0),
        WHOLE => Reply::Raw("200 OK", LOG.to_vec()),
        path => of_a_living_session(path),
    })
    .await;
    drop(toolbox);
    let sandbox = finished.sandbox(json!({})).await;
    let params = json!({"id": "s", "commandId": "c", "from": from});
    let stream = open(&sandbox, "session.follow", params).unwrap();
    let sink = stream.sink.clone();
    let ended = stream.ended().await.unwrap();
    assert_eq!(ended["position"], LOG.len());
    assert_eq!((sink.stdout(), sink.stderr()), (b"three \xff\xc3\n".to_vec(), b"o\nfour\n".to_vec()));
    assert_eq!(ended["bytes"], 16);
}

#[tokio::test]
async fn a_missing_command_is_not_found() {
    let toolbox = Toolbox::start(|_, _| not_found()).await;
    let stream = open(&toolbox.sandbox(json!({})).await, "session.follow", follow()).unwrap();
    let error = stream.failed().await;
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
    assert_eq!(toolbox.requests().len(), 1, "nothing else was tried");
}

#[tokio::test]
async fn a_session_deleted_under_the_stream_is_an_error_that_says_so_and_how_far_it_came() {
    let toolbox = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET if before == 0 => upgrade(async |mut socket: Socket| {
            socket.send(Message::binary(&LOG[..7])).await.unwrap();
            close(socket, 1000).await;
        }),
        _ => not_found(),
    })
    .await;
    let stream = open(&toolbox.sandbox(json!({})).await, "session.follow", follow()).unwrap();
    let error = stream.failed().await;
    assert_eq!((error.status(), error.detail().code.as_deref()), (status::HTTP_GONE, Some("SESSION_ENDED")));
    assert_eq!((error.detail().bytes, error.detail().position), (Some(4), Some(7)));
    assert!(error.detail().message.contains("deleted"), "{error}");
}

#[tokio::test]
async fn a_command_whose_shell_has_ended_is_reported_and_not_waited_for() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        SOCKET => upgrade(async |mut socket: Socket| {
            socket.send(Message::binary(LOG)).await.unwrap();
            stay(socket).await;
        }),
        COMMAND => running(),
        SESSION => ok(json!({"sessionId": "s", "commands": [{"id": "c", "command": "exit 3"}]})),
        EXEC => Reply::Json(
            "500 Internal Server Error",
            json!({"statusCode": 500, "message": "failed to execute command: bad request: failed to write command: write |1: broken pipe", "path": ""}),
        ),
        _ => not_found(),
    })
    .await;
    let stream =
        open(&toolbox.sandbox(json!({"idleTimeoutMs": 2000})).await, "session.follow", follow()).unwrap();
    let error = stream.failed().await;
    assert_eq!((error.status(), error.detail().code.as_deref()), (status::HTTP_GONE, Some("SESSION_ENDED")));
    assert_eq!(error.detail().position, Some(LOG.len() as u64));
}

#[tokio::test]
async fn a_silent_command_whose_shell_lives_is_waited_for() {
    let looks = Arc::new(AtomicUsize::new(0));
    let seen = looks.clone();
    let toolbox = Toolbox::start(move |asked, _| match asked.path.as_str() {
        SOCKET => upgrade(stay),
        COMMAND if seen.load(Ordering::SeqCst) >= 2 => exited(0),
        COMMAND => running(),
        WHOLE => Reply::Raw("200 OK", Vec::new()),
        SESSION => ok(json!({"sessionId": "s", "commands": []})),
        EXEC => {
            assert_eq!((&asked.body["command"], &asked.body["runAsync"]), (&json!(":"), &json!(true)));
            seen.fetch_add(1, Ordering::SeqCst);
            Reply::Json("202 Accepted", json!({"cmdId": "d"}))
        }
        _ => not_found(),
    })
    .await;
    let stream =
        open(&toolbox.sandbox(json!({"idleTimeoutMs": 2000})).await, "session.follow", follow()).unwrap();
    assert_eq!(stream.ended().await.unwrap()["exitCode"], 0);
    assert_eq!(looks.load(Ordering::SeqCst), 2);
}

fn long_log() -> Vec<u8> {
    b"\x01\x01\x01a line of a long log\n".repeat(40_000)
}

#[tokio::test]
async fn a_long_log_is_not_transferred_twice() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        SOCKET => upgrade(async |mut socket: Socket| {
            for frame in long_log().chunks(1024) {
                socket.send(Message::binary(frame.to_vec())).await.unwrap();
            }
            // The daemon looks for the exit code when nothing came for a second.
            tokio::time::sleep(Duration::from_millis(1100)).await;
            close(socket, 1000).await;
        }),
        COMMAND if asked.header("never").is_none() => exited(0),
        WHOLE => Reply::Raw("200 OK", long_log()),
        path => of_a_living_session(path),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    // Resumed near its end, so that the reading is not over before the first question.
    let params = json!({"id": "s", "commandId": "c", "from": long_log().len() - 24});
    let stream = open(&sandbox, "session.follow", params).unwrap();
    let sink = stream.sink.clone();
    assert_eq!(stream.ended().await.unwrap()["position"], long_log().len());
    assert_eq!(sink.stdout(), b"a line of a long log\n");
    assert_eq!(toolbox.count("GET", WHOLE), 0);
}

#[tokio::test]
async fn a_consumer_without_room_pauses_the_reading_only_and_loses_nothing() {
    let pings = Arc::new(AtomicUsize::new(0));
    let sent = Arc::new(AtomicUsize::new(0));
    let (pinged, counted) = (pings.clone(), sent.clone());
    let toolbox = Toolbox::start(move |asked: &RequestInfo, _| {
        let (pings, sent) = (pinged.clone(), counted.clone());
        match asked.path.as_str() {
            SOCKET => upgrade(async move |socket: Socket| {
                let (mut writer, mut reader) = socket.split();
                let reading = async {
                    while let Some(Ok(message)) = reader.next().await {
                        pings.fetch_add(usize::from(message.is_ping()), Ordering::SeqCst);
                    }
                };
                let writing = async {
                    // More than every buffer on the way holds.
                    for _ in 0..20 {
                        for frame in long_log().chunks(1000) {
                            if writer.send(Message::binary(frame.to_vec())).await.is_err() {
                                return;
                            }
                            sent.fetch_add(frame.len(), Ordering::SeqCst);
                        }
                    }
                    writer.close().await.unwrap();
                };
                tokio::join!(reading, writing);
            }),
            COMMAND if sent.load(Ordering::SeqCst) >= 20 * long_log().len() => exited(0),
            COMMAND => running(),
            WHOLE => Reply::Raw("200 OK", long_log().repeat(20)),
            path => of_a_living_session(path),
        }
    })
    .await;
    let stream =
        open(&toolbox.sandbox(json!({"idleTimeoutMs": 400})).await, "session.follow", follow()).unwrap();
    stream.sink.refuse_room();
    // Far longer than silence is tolerated.
    until("pings go on", async || pings.load(Ordering::SeqCst) >= 8).await;
    let held = sent.load(Ordering::SeqCst);
    assert!(held < 16 << 20, "the server could send {held} bytes to a consumer that takes nothing");
    assert_eq!(toolbox.count("GET", SOCKET), 1);
    stream.sink.give_room();
    let sink = stream.sink.clone();
    let ended = stream.ended().await.unwrap();
    assert_eq!(ended["position"], 20 * long_log().len());
    assert_eq!(sink.stdout().len(), 20 * 40_000 * 21);
}

#[tokio::test]
async fn a_synchronous_command_that_ended_its_shell_does_not_hang() {
    let toolbox = Toolbox::start(|asked, before| match asked.path.as_str() {
        EXEC if before == 0 => Reply::Silence,
        EXEC => Reply::Json("500 Internal Server Error", json!({"message": "write |1: broken pipe"})),
        SESSION => ok(json!({"sessionId": "s", "commands": []})),
        _ => not_found(),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 2000})).await;
    let exit = json!({"id": "s", "command": "exit 3"});
    let error = soon(call(&sandbox, "session.execute", exit)).await.unwrap_err();
    assert_eq!((error.status(), error.detail().code.as_deref()), (status::HTTP_GONE, Some("SESSION_ENDED")));
}

#[tokio::test]
async fn ids_that_cannot_be_addressed_are_refused_before_anything_is_sent() {
    let toolbox = Toolbox::start(|_, _| not_found()).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for id in ["a/b", "..", ""] {
        for (operation, params) in [
            ("session.create", json!({"id": id})),
            ("session.get", json!({"id": id})),
            ("session.execute", json!({"id": id, "command": "true"})),
            ("session.logs", json!({"id": "s", "commandId": id})),
            ("pty.create", json!({"id": id})),
            ("pty.kill", json!({"id": id})),
            ("pty.resize", json!({"id": id, "cols": 1, "rows": 1})),
        ] {
            let error = call(&sandbox, operation, params).await.unwrap_err();
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{operation} {id}");
        }
        for (operation, params) in [
            ("session.follow", json!({"id": id, "commandId": "c"})),
            ("pty.open", json!({"id": id})),
            ("pty.connect", json!({"id": id})),
        ] {
            let error = open(&sandbox, operation, params).unwrap().failed().await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{operation} {id}");
        }
    }
    assert!(toolbox.requests().is_empty());
}

const REFUSED: &str = "no sockets for this key";

fn refused(line: &'static str) -> Reply {
    Reply::Json(line, json!({"message": REFUSED, "code": "NO_SOCKETS"}))
}

/// Whatever else fails because of it, why the server took no socket is what its user has to know.
#[tokio::test]
async fn a_refused_socket_is_told_where_the_log_cannot_be_read_without_one() {
    let lines = [
        "400 Bad Request",
        "401 Unauthorized",
        "403 Forbidden",
        "404 Not Found",
        "500 Internal Server Error",
    ];
    let readings = [("JSON", false), ("JSON", true), ("500", false), ("404", false)];
    let cases = lines.iter().flat_map(|line| readings.iter().map(move |reading| (*line, *reading)));
    futures_util::future::join_all(cases.map(async |(line, (whole, command_has_ended))| {
        let toolbox = Toolbox::start(move |asked, _| match (asked.path.as_str(), whole) {
            (SOCKET, _) => refused(line),
            (WHOLE, "404") => not_found(),
            (WHOLE, "500") => Reply::Json("500 Internal Server Error", json!({"message": "no disk"})),
            (WHOLE, _) => ok(json!({"output": "one\n"})),
            (COMMAND, _) if command_has_ended => exited(0),
            (COMMAND, _) => running(),
            (path, _) => of_a_living_session(path),
        })
        .await;
        let sandbox = toolbox.sandbox(json!({})).await;
        let error = open(&sandbox, "session.follow", follow()).unwrap().failed().await;
        let (detail, number) = (error.detail(), line[..3].parse().unwrap());
        let told = (error.status(), detail.http_status, detail.code.as_deref(), detail.attempts);
        assert_eq!(told, (number, Some(number as u16), Some("NO_SOCKETS"), 1), "{line}, {whole}: {error:?}");
        assert!(detail.message.contains(REFUSED), "{line}, {whole}: {error}");
    }))
    .await;
}

/// Read without sockets, the log goes on until the readings fail: that is the reason then.
#[tokio::test]
async fn a_refused_socket_is_forgotten_where_the_log_can_be_read() {
    let toolbox = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET => refused("400 Bad Request"),
        WHOLE if before == 0 => Reply::Raw("200 OK", LOG.to_vec()),
        WHOLE => ok(json!({"output": "one\n"})),
        COMMAND => running(),
        path => of_a_living_session(path),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let error = open(&sandbox, "session.follow", follow()).unwrap().failed().await;
    assert!(error.status() == status::PROTOCOL && !error.to_string().contains(REFUSED), "{error:?}");
}

/// The stream was open, so that a 404 of its next socket is the session's end; the server's words are kept.
#[tokio::test]
async fn a_session_that_is_gone_keeps_the_words_of_the_answer_that_says_so() {
    let toolbox = Toolbox::start(|asked, before| match asked.path.as_str() {
        SOCKET if before == 0 => upgrade(async |socket: Socket| close(socket, 1000).await),
        SOCKET => refused("404 Not Found"),
        COMMAND => running(),
        path => of_a_living_session(path),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let error = open(&sandbox, "session.follow", follow()).unwrap().failed().await;
    let detail = error.detail();
    let told = (error.status(), detail.http_status, detail.code.as_deref(), detail.attempts);
    assert_eq!(told, (status::HTTP_GONE, Some(404), Some("SESSION_ENDED"), 1), "{error:?}");
    assert!(error.to_string().contains("was deleted") && error.to_string().contains(REFUSED), "{error}");
}
