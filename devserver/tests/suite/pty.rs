//! Terminals, beyond what the recordings of 0.190 show: the newer protocol, several clients, large output,
//! and that nothing is left when they end.

use crate::client::{self, DevServer, End, Sandbox, Socket, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use daytona_dev::Protocol;
use futures_util::SinkExt;
use reqwest::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

const EXIT_CONTROL: &str = "X-Daytona-Pty-Exit-Control";
const CONNECT: &str = "/process/pty/t/connect";
const CREATE_CONNECT: &str = "/process/pty/create-connect?id=t";
/// Silences a shell; what follows READY is output alone.
const QUIET: &str = "PS1= PS2=; stty -echo; bind 'set enable-bracketed-paste off'; echo RE''ADY\n";

async fn create(sandbox: &Sandbox<'_>, body: Value) {
    let (status, answer) = sandbox.post("/process/pty", body).await;
    assert_eq!((status, answer), (201, json!({ "sessionId": "t" })));
}

async fn quiet(socket: &mut Socket) {
    socket.say(QUIET).await;
    socket.until_output("READY\r\n").await;
    let after = socket.output().find("READY\r\n").unwrap() + 7;
    socket.received.bytes.drain(..after);
}

fn controls(texts: &[String]) -> Vec<Value> {
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// Processes whose command line has this text.
fn processes(text: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(text)).count()
}

#[tokio::test]
async fn one_request_makes_a_terminal_and_attends_it() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let directory = format!("{}/a b", sandbox.home().await);
    assert_eq!(sandbox.post("/files/folder?path=a%20b&mode=755", Value::Null).await.0, 201);
    let envs = format!("X-Daytona-Pty-Envs~{}", URL_SAFE_NO_PAD.encode(r#"{"GREETING":"grüß \"dich\""}"#));
    let path = format!("{CREATE_CONNECT}&cols=120&rows=40&cwd={}", directory.replace(' ', "%20"));
    let mut socket = sandbox.try_socket(&path, &[EXIT_CONTROL, &envs]).await.unwrap();
    assert_eq!(socket.protocol.as_deref(), Some(EXIT_CONTROL));
    quiet(&mut socket).await;
    socket
        .say("stty size; pwd; echo \"$GREETING $TERM\"; shopt -q login_shell && echo login; exit 7\n")
        .await;
    let received = socket.ended().await;
    assert_eq!(
        String::from_utf8(received.bytes).unwrap(),
        format!("40 120\r\n{directory}\r\ngrüß \"dich\" xterm-256color\r\nlogin\r\nlogout\r\n")
    );
    assert_eq!(
        controls(&received.texts),
        [
            json!({"type": "control", "status": "connected"}),
            json!({"type": "control", "status": "exited", "exitCode": 7, "exitReason": "non-zero exit"}),
        ]
    );
    let reason = r#"{"exitCode":7,"exitReason":"non-zero exit"}"#;
    assert_eq!(received.end, Some(End::Closed(1011, reason.into())));
    until("forgotten", async || sandbox.get("/process/pty").await.1 == json!({ "sessions": [] })).await;
}

#[tokio::test]
async fn who_did_not_ask_for_the_exit_message_gets_the_close_frame_alone() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let mut socket = sandbox.socket(CREATE_CONNECT).await;
    assert_eq!(socket.protocol, None);
    socket.say("exit\n").await;
    let received = socket.ended().await;
    assert_eq!(controls(&received.texts), [json!({"type": "control", "status": "connected"})]);
    assert_eq!(received.end, Some(End::Closed(1000, r#"{"exitCode":0}"#.into())));
}

#[tokio::test]
async fn create_connect_refuses_before_it_upgrades() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let refused = async |path: &str, protocols: &[&str]| match sandbox.try_socket(path, protocols).await {
        Ok(_) => panic!("{path} is accepted"),
        Err((status, body)) => (status, body["message"].as_str().unwrap().to_owned()),
    };
    let taken = "PTY session with ID 't' already exists";
    assert_eq!(refused(CREATE_CONNECT, &[]).await, (409, taken.into()));
    let missing = "session ID is required (query param 'id')";
    assert_eq!(refused("/process/pty/create-connect", &[]).await, (400, missing.into()));
    let wide = "cols and rows must be less than 1000";
    assert_eq!(refused("/process/pty/create-connect?id=u&cols=1001", &[]).await, (400, wide.into()));
    let (status, why) = refused("/process/pty/create-connect?id=u", &["X-Daytona-Pty-Envs~!"]).await;
    assert!(status == 400 && why.starts_with("invalid envs subprotocol: "), "{status} {why}");
    // Nothing but the first was made.
    assert_eq!(sandbox.get("/process/pty").await.1["sessions"].as_array().unwrap().len(), 1);
    let plain = sandbox.request(Method::GET, "/process/pty/create-connect?id=u").send().await.unwrap();
    assert_eq!(client::status_and_body(plain).await, (400, json!("Bad Request\n")));
}

#[tokio::test]
async fn a_directory_that_is_missing_is_told_and_leaves_nothing() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let received = sandbox.socket(&format!("{CREATE_CONNECT}&cwd=/no/such")).await.ended().await;
    let [control] = &controls(&received.texts)[..] else { panic!("{received:?}") };
    assert_eq!((&control["type"], &control["status"]), (&json!("control"), &json!("error")));
    assert!(control["error"].as_str().unwrap().starts_with("Failed to start PTY session: "), "{control}");
    assert_eq!(received.end, Some(End::Lost));
    assert_eq!(sandbox.get("/process/pty").await.1, json!({ "sessions": [] }));
}

#[tokio::test]
async fn the_older_daemon_takes_create_connect_for_an_id() {
    let dev_server = DevServer::of(Protocol::V0_190).await;
    let sandbox = dev_server.sandbox().await;
    let refused = sandbox.try_socket(CREATE_CONNECT, &[EXIT_CONTROL]).await;
    assert_eq!(refused.err(), Some((404, json!({ "error": "PTY session not found" }))));
}

#[tokio::test]
async fn a_lazy_terminal_starts_with_its_first_client_who_misses_nothing() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.write(".bash_profile", "echo good morning\n").await;
    create(&sandbox, json!({"id": "t", "lazyStart": true})).await;
    assert_eq!(sandbox.get("/process/pty/t").await.1["active"], false);
    let mut socket = sandbox.socket(CONNECT).await;
    socket.until_output("good morning").await;
    assert_eq!(sandbox.get("/process/pty/t").await.1["active"], true);
}

#[tokio::test]
async fn several_clients_share_one_terminal() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let (mut one, mut two) = (sandbox.socket(CONNECT).await, sandbox.socket(CONNECT).await);
    two.until_text("connected").await;
    quiet(&mut one).await;
    one.say("echo from''one\n").await;
    two.until_output("fromone\r\n").await;
    two.say("echo from''two; read -n1; exit 3\n").await;
    one.until_output("fromtwo\r\n").await;
    // A later client does not get earlier output.
    let mut late = sandbox.socket(CONNECT).await;
    late.until_text("connected").await;
    late.say("x").await;
    for socket in [one, two, late] {
        let end = socket.ended().await.end;
        assert_eq!(end, Some(End::Closed(1011, r#"{"exitCode":3,"exitReason":"non-zero exit"}"#.into())));
    }
}

#[tokio::test]
async fn a_resize_reaches_the_program_that_runs() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t", "cols": 90, "rows": 20})).await;
    let mut socket = sandbox.socket(CONNECT).await;
    quiet(&mut socket).await;
    // Not a shell: one whose parents ignore SIGINT, as in the background of a script, cannot trap it.
    let program = concat!(
        "import os, signal, sys\n",
        "def say(text): os.write(1, text.encode() + b'\\n')\n",
        "def resized(*_):\n    size = os.get_terminal_size()\n    say(f'{size.lines} {size.columns}')\n",
        "def stop(*_):\n    say('stopped')\n    sys.exit(130)\n",
        "signal.signal(signal.SIGWINCH, resized)\n",
        "signal.signal(signal.SIGINT, stop)\n",
        "say('ready')\n",
        "while True:\n    signal.pause()\n",
    );
    sandbox.write("program.py", program).await;
    socket.say("python3 program.py\n").await;
    socket.until_output("ready\r\n").await;
    let (status, answer) = sandbox.post("/process/pty/t/resize", json!({"cols": 132, "rows": 50})).await;
    assert_eq!((status, &answer["cols"], &answer["rows"]), (200, &json!(132), &json!(50)));
    socket.until_output("50 132\r\n").await;
    // Ctrl-C is a byte.
    socket.say("\u{3}").await;
    socket.until_output("stopped\r\n").await;
    socket.say("exit\n").await;
    let end = socket.ended().await.end;
    assert_eq!(end, Some(End::Closed(1011, r#"{"exitCode":130,"exitReason":"Ctrl+C"}"#.into())));
}

#[tokio::test]
async fn a_flood_arrives_whole() {
    const BYTES: usize = 32 << 20;
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let mut socket = sandbox.socket(CONNECT).await;
    quiet(&mut socket).await;
    socket.say(&format!("head -c {BYTES} /dev/zero | tr '\\0' y; exec true\n")).await;
    let received = socket.ended().await;
    assert_eq!(received.bytes.len(), BYTES);
    assert!(received.bytes.iter().all(|byte| *byte == b'y'));
    assert_eq!(received.end, Some(End::Closed(1000, r#"{"exitCode":0}"#.into())));
}

#[tokio::test]
async fn a_reader_that_stops_is_cut_and_the_shell_goes_on() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let mut asleep = sandbox.socket(CONNECT).await;
    asleep.until_text("connected").await;
    let mut attentive = sandbox.socket(CONNECT).await;
    quiet(&mut attentive).await;
    // Each million waits for the one before to be read: the attentive is never behind, however late it gets its turn.
    attentive.say("for i in {1..40}; do head -c 1000000 /dev/zero | tr '\\0' y; read -n1; done\n").await;
    for millions in 1..=40 {
        while attentive.received.bytes.len() < millions * 1_000_000 {
            assert!(attentive.receive().await, "{:?}", attentive.received.end);
        }
        attentive.say("x").await;
    }
    assert_eq!(attentive.received.bytes.len(), 40_000_000);
    let received = asleep.ended().await;
    assert_eq!(received.end, Some(End::Closed(1008, "slow consumer".into())));
    assert!(received.bytes.len() < 40_000_000);
    attentive.say("exit\n").await;
    assert_eq!(attentive.ended().await.end, Some(End::Closed(1000, r#"{"exitCode":0}"#.into())));
}

#[tokio::test]
async fn the_largest_message_goes_through_and_one_byte_more_does_not() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let mut socket = sandbox.socket(CONNECT).await;
    quiet(&mut socket).await;
    socket
        .say("stty raw; echo RA''W; head -c 65536 | tr -d x | wc -c; stty sane; stty -echo; echo DO''NE\n")
        .await;
    socket.until_output("RAW\n").await;
    socket.say(&"x".repeat(65_536)).await;
    socket.until_output("DONE").await;
    assert!(socket.output().contains("RAW\n0\n"), "{}", socket.output());
    let _ = socket.stream.send(Message::binary(vec![b'x'; 65_537])).await;
    assert_eq!(socket.ended().await.end, Some(End::Closed(1009, String::new())));
    assert_eq!(sandbox.get("/process/pty/t").await.1["active"], true);
}

#[tokio::test]
async fn a_delete_kills_every_job_of_the_shell() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let mut socket = sandbox.socket(CONNECT).await;
    quiet(&mut socket).await;
    // A job in a group of its own, and one that ignores SIGHUP, for a time that no other process of the machine sleeps.
    let [one, two] = [1, 2].map(|number| format!("2718{number}.{}", std::process::id()));
    socket.say(&format!("sleep {one} & nohup sleep {two} >/dev/null 2>&1 & echo GO''NE\n")).await;
    let [one, two] = [one, two].map(|time| format!("sleep\0{time}\0"));
    socket.until_output("GONE").await;
    until("both run", async || [&one, &two].iter().all(|line| processes(line) == 1)).await;
    let (status, answer) = sandbox.delete("/process/pty/t").await;
    assert_eq!((status, answer), (200, json!({ "message": "PTY session deleted" })));
    assert_eq!([processes(&one), processes(&two)], [0, 0]);
    let end = socket.ended().await.end;
    assert_eq!(end, Some(End::Closed(1011, r#"{"exitCode":137,"exitReason":"SIGKILL"}"#.into())));
    assert_eq!(sandbox.get("/process/pty/t").await.0, 404);
}

#[tokio::test]
async fn stopping_the_sandbox_ends_its_terminals() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let mut socket = sandbox.socket(CONNECT).await;
    quiet(&mut socket).await;
    dev_server.post(&format!("/sandbox/{}/stop", sandbox.id), json!({})).await;
    let end = socket.ended().await.end;
    assert_eq!(end, Some(End::Closed(1011, r#"{"exitCode":137,"exitReason":"SIGKILL"}"#.into())));
    dev_server.wait_for(&sandbox.id, "stopped").await;
    dev_server.post(&format!("/sandbox/{}/start", sandbox.id), json!({})).await;
    dev_server.wait_for(&sandbox.id, "started").await;
    assert_eq!(sandbox.get("/process/pty").await.1, json!({ "sessions": [] }));
}

#[tokio::test]
async fn a_client_that_leaves_does_not_end_the_shell() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    create(&sandbox, json!({"id": "t"})).await;
    let mut socket = sandbox.socket(CONNECT).await;
    quiet(&mut socket).await;
    socket.say("KEPT=secret; echo SE''T\n").await;
    socket.until_output("SET").await;
    drop(socket);
    let mut again = sandbox.socket(CONNECT).await;
    again.until_text("connected").await;
    again.say("echo $KEPT\n").await;
    again.until_output("secret\r\n").await;
    assert!(!again.output().contains("SET"), "replayed: {}", again.output());
}
