//! The interpreter, in the 0.205 mode where nothing else is said, with a real Python.

use crate::client::{DevServer, End, Received, Sandbox, Socket, until};
use daytona_dev::Protocol;
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio_tungstenite::tungstenite::Message;

/// Starts a run and answers its socket.
async fn start(sandbox: &Sandbox<'_>, request: Value) -> Socket {
    use futures_util::SinkExt;
    let mut socket = sandbox.socket("/process/interpreter/execute").await;
    socket.stream.send(Message::text(request.to_string())).await.unwrap();
    socket
}

async fn run(sandbox: &Sandbox<'_>, code: &str) -> Received {
    start(sandbox, json!({ "code": code })).await.ended().await
}

fn frames(received: &Received) -> Vec<Value> {
    received.texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// All text of a channel.
fn text(received: &Received, channel: &str) -> String {
    let frames = frames(received);
    let texts = frames.iter().filter(|frame| frame["type"] == channel);
    texts.map(|frame| frame["text"].as_str().unwrap()).collect()
}

fn closed(received: &Received) -> (u16, &str) {
    match &received.end {
        Some(End::Closed(code, reason)) => (*code, reason),
        other => panic!("not closed: {other:?}"),
    }
}

async fn new_context(sandbox: &Sandbox<'_>) -> String {
    let (status, context) = sandbox.post("/process/interpreter/context", json!({})).await;
    assert_eq!(status, 200, "{context}");
    context["id"].as_str().unwrap().to_owned()
}

/// Code that waits until a file exists.
fn wait_for(file: &PathBuf) -> String {
    format!("import os, time\nwhile not os.path.exists({file:?}): time.sleep(0.01)\n")
}

#[tokio::test]
async fn output_arrives_while_the_code_still_runs() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let file = PathBuf::from(sandbox.home().await).join("go on");
    let code = format!("print('first')\n{}print('second')", wait_for(&file));
    let mut socket = start(&sandbox, json!({ "code": code })).await;
    socket.until_text("first").await;
    sandbox.write("go on", "").await;
    let received = socket.ended().await;
    assert_eq!((text(&received, "stdout").as_str(), closed(&received)), ("first\nsecond\n", (1000, "")));
}

#[tokio::test]
async fn the_runs_of_one_context_queue_and_those_of_two_do_not() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let file = PathBuf::from(sandbox.home().await).join("go on");
    let context = new_context(&sandbox).await;
    let request = |code: &str| json!({ "code": code, "contextId": context });
    let mut first = start(&sandbox, request(&format!("print('runs')\n{}x = 1", wait_for(&file)))).await;
    first.until_text("runs").await;
    let second = start(&sandbox, request("print(x)")).await;
    // Another context answers meanwhile.
    assert_eq!(text(&run(&sandbox, "print('other')").await, "stdout"), "other\n");
    sandbox.write("go on", "").await;
    assert_eq!(text(&second.ended().await, "stdout"), "1\n");
    assert_eq!(closed(&first.ended().await).0, 1000);
}

#[tokio::test]
async fn a_timeout_leaves_the_context_as_it_was() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    run(&sandbox, "x = 42").await;
    // Interrupted in the middle of its output, which stays whole.
    let code = "while True: print('line')";
    let received = start(&sandbox, json!({ "code": code, "timeout": 1 })).await.ended().await;
    assert_eq!(closed(&received), (4008, ""));
    assert_eq!(frames(&received).last().unwrap()["text"], "interrupted");
    assert_eq!(text(&run(&sandbox, "print(x)").await, "stdout"), "42\n");
}

#[tokio::test]
async fn a_worker_that_had_to_be_killed_is_said_and_the_context_starts_afresh() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    // The limit counts from here on, not from the start of Python.
    run(&sandbox, "import signal, time").await;
    let code = "x = 1\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(1000)";
    let received = start(&sandbox, json!({ "code": code, "timeout": 2 })).await.ended().await;
    let (close_code, reason) = closed(&received);
    assert_eq!(close_code, 4008);
    assert!(reason.contains("killed"), "{reason}");
    let received = run(&sandbox, "print('x' in globals())").await;
    assert_eq!(text(&received, "stdout"), "False\n");
}

#[tokio::test]
async fn a_worker_that_exits_closes_with_1001_and_another_one_takes_over() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    // Also when a child keeps its pipes open.
    let code = "import os, time\nif os.fork() == 0: time.sleep(1000)\nprint('last', flush=True)\nos._exit(5)";
    let received = run(&sandbox, code).await;
    assert_eq!(text(&received, "stdout"), "last\n");
    assert_eq!(closed(&received), (1001, "worker process ended"));
    assert_eq!(text(&run(&sandbox, "print('back')").await, "stdout"), "back\n");
}

#[tokio::test]
async fn code_that_forks_completes_once() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let code = "import os, sys\nchildren = []\nfor i in range(4):\n    child = os.fork()\n    if child == 0:\n        \
                for line in range(200): sys.stdout.write('child %d %s\\n' % (i, 'x' * 5000))\n        break\n    \
                children.append(child)\nelse:\n    for child in children: print(os.waitpid(child, 0)[1])";
    let received = run(&sandbox, code).await;
    let controls = frames(&received).iter().filter(|frame| frame["type"] == "control").count();
    assert_eq!((controls, closed(&received)), (1, (1000, "")));
    let output = text(&received, "stdout");
    let of_children = output.lines().filter(|line| line.len() == "child 0 ".len() + 5000).count();
    assert_eq!((of_children, output.lines().filter(|line| *line == "0").count()), (800, 4), "{output:.300}");
    assert_eq!(text(&run(&sandbox, "print(len(children))").await, "stdout"), "4\n");
}

#[tokio::test]
async fn a_hundred_megabytes_arrive_whole() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let received = run(&sandbox, "for i in range(100): print('x' * 999_999)").await;
    assert_eq!(closed(&received), (1000, ""));
    assert_eq!(text(&received, "stdout").len(), 100_000_000);
}

#[tokio::test]
async fn a_reader_that_does_not_read_is_cut_and_the_code_goes_on() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let done = sandbox.home_outside().await.join("done");
    // More than the frames that wait and the kernel's buffers on the way hold together.
    let code = "for i in range(32_000): print('x' * 1000)\nopen('done', 'w')";
    let socket = start(&sandbox, json!({ "code": code })).await;
    until("the code has ended", async || done.exists()).await;
    assert_eq!(closed(&socket.ended().await), (1008, "slow consumer"));
}

#[tokio::test]
async fn the_0_190_daemon_drops_a_reader_that_is_behind_without_a_close_frame() {
    let dev_server = DevServer::of(Protocol::V0_190).await;
    let sandbox = dev_server.sandbox().await;
    let done = sandbox.home_outside().await.join("done");
    let code = "for i in range(32_000): print('x' * 1000)\nopen('done', 'w')";
    let socket = start(&sandbox, json!({ "code": code })).await;
    until("the code has ended", async || done.exists()).await;
    let received = socket.ended().await;
    assert!(!matches!(received.end, Some(End::Closed(..))), "{:?}", received.end);
    assert_eq!(text(&run(&sandbox, "print(1)").await, "stdout"), "1\n");
}

#[tokio::test]
async fn deleting_a_context_ends_what_runs_and_refuses_what_waits() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let context = new_context(&sandbox).await;
    let request = |code: &str| json!({ "code": code, "contextId": context });
    let mut running = start(&sandbox, request("import time\nprint('runs')\ntime.sleep(1000)")).await;
    running.until_text("runs").await;
    let waiting = start(&sandbox, request("print('never')")).await;
    // The second run is in the queue once the server has read it: it then knows the context.
    let (status, _) = sandbox.delete(&format!("/process/interpreter/context/{context}")).await;
    assert_eq!(status, 200);
    assert_eq!(closed(&running.ended().await), (4008, ""));
    let received = waiting.ended().await;
    assert!(received.texts.is_empty() && matches!(closed(&received).0, 1001 | 1008), "{received:?}");
    let (_, contexts) = sandbox.get("/process/interpreter/context").await;
    assert_eq!(contexts, json!({ "contexts": [] }));
    let received = start(&sandbox, request("1")).await.ended().await;
    assert_eq!(closed(&received), (1008, format!("context not found: {context}").as_str()));
}

#[tokio::test]
async fn the_end_of_the_sandbox_ends_its_runs() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let mut socket = start(&sandbox, json!({ "code": "print('runs')\nimport time\ntime.sleep(1000)" })).await;
    socket.until_text("runs").await;
    assert_eq!(dev_server.delete(&format!("/sandbox/{}", sandbox.id)).await.0, 200);
    let received = socket.ended().await;
    assert!(received.end.is_some(), "{received:?}");
}

#[tokio::test]
async fn code_of_any_size_and_language_runs_in_its_directory_with_its_environment() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let home = sandbox.home().await;
    assert_eq!(sandbox.post("/files/folder?path=deep&mode=755", Value::Null).await.0, 201);
    sandbox.write("deep/mine.py", "value = 7\n").await;
    let body = json!({ "cwd": "deep", "language": "python" });
    let (_, context) = sandbox.post("/process/interpreter/context", body).await;
    assert_eq!(context["cwd"], format!("{home}/deep"));
    let filler = "# ä\n".repeat(500_000);
    let code = format!("{filler}import mine, os\nprint(mine.value, os.getcwd(), os.environ['K'], 'ü')");
    let request = json!({ "code": code, "contextId": context["id"], "envs": { "K": "v" } });
    let received = start(&sandbox, request).await.ended().await;
    assert_eq!(text(&received, "stdout"), format!("7 {home}/deep v ü\n"));
}

#[tokio::test]
async fn a_refused_context_says_why() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let refused = async |body: Value| {
        let (status, answer) = sandbox.post("/process/interpreter/context", body).await;
        (status, answer["message"].as_str().unwrap().to_owned())
    };
    let (status, message) = refused(json!({ "language": "ruby" })).await;
    assert!(status == 400 && message.contains("ruby"), "{status} {message}");
    let (status, message) = refused(json!({ "cwd": "/no/such" })).await;
    assert!(status == 500 && message.contains("/no/such"), "{status} {message}");
    let (status, answer) = sandbox.delete("/process/interpreter/context/nope").await;
    assert_eq!((status, &answer["code"]), (404, &json!("NOT_FOUND")));
}

#[tokio::test]
async fn a_missing_python_is_named_with_its_package() {
    let dev_server = DevServer::new().await;
    let (_, sandbox) = dev_server.post("/sandbox", json!({ "env": { "PATH": "/nowhere" } })).await;
    let id = sandbox["id"].as_str().unwrap().to_owned();
    let sandbox = Sandbox { dev_server: &dev_server, id };
    let (status, answer) = sandbox.post("/process/interpreter/context", json!({})).await;
    assert!(status == 503 && answer["message"].as_str().unwrap().contains("package python3"), "{answer}");
    let received = run(&sandbox, "1").await;
    let (code, reason) = closed(&received);
    assert!(code == 1011 && reason.contains("package python3"), "{code} {reason}");
}
