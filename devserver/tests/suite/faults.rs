//! Every kind of fault does what the table in `faults` says: other tests rely on it.

use crate::client::{self, DevServer, End, status_and_body};
use daytona_dev::Options;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const CONNECT: &str = "/process/pty/t/connect";

/// What came over the wire until it ended or `silence` passed.
struct Wire {
    bytes: Vec<u8>,
    ended: bool,
}

/// The status of the answer to rules that a client gives.
async fn configure(dev_server: &DevServer, rules: Value) -> u16 {
    let request = dev_server.http.post(format!("{}/faults", dev_server.base()));
    let request = request.bearer_auth(dev_server.server.api_key()).json(&rules);
    status_and_body(request.send().await.unwrap()).await.0
}

async fn wire(dev_server: &DevServer, request: &str, silence: Duration) -> Wire {
    let address = dev_server.base().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head =
        format!("{request}\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", dev_server.server.api_key());
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut wire = Wire { bytes: Vec::new(), ended: false };
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match timeout(silence, stream.read(&mut buffer)).await {
            Err(_) => return wire,
            Ok(Err(_) | Ok(0)) => {
                wire.ended = true;
                return wire;
            }
            Ok(Ok(read)) => wire.bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

const SILENCE: Duration = Duration::from_millis(500);
const CONFIG: &str = "GET /api/config HTTP/1.1";

async fn healthy_body(dev_server: &DevServer) -> String {
    let response = dev_server.request(Method::GET, "/config").send().await.unwrap();
    response.text().await.unwrap()
}

fn body(wire: &Wire) -> Vec<u8> {
    let end = wire.bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    wire.bytes[end + 4..].to_vec()
}

#[tokio::test]
async fn cut_drops_the_connection_without_an_answer_and_without_acting() {
    let dev_server = DevServer::new().await;
    dev_server.server.fault("cut@/sandbox*1");
    let failed = dev_server.request(Method::POST, "/sandbox").json(&json!({"name": "n"})).send().await;
    assert!(failed.is_err());
    assert_eq!(dev_server.get("/sandbox/n").await.0, 404);
}

#[tokio::test]
async fn cut_after_acts_and_then_drops_the_connection() {
    let dev_server = DevServer::new().await;
    dev_server.server.fault("cut-after@/sandbox*1");
    let failed = dev_server.request(Method::POST, "/sandbox").json(&json!({"name": "n"})).send().await;
    assert!(failed.is_err());
    assert_eq!(dev_server.get("/sandbox/n").await.0, 200);
}

#[tokio::test]
async fn cut_body_promises_the_whole_and_sends_so_much() {
    let dev_server = DevServer::new().await;
    let whole = healthy_body(&dev_server).await;
    dev_server.server.fault("cut-body=10@/config*1");
    let cut = wire(&dev_server, CONFIG, Duration::from_secs(30)).await;
    assert!(cut.ended);
    assert_eq!(body(&cut), &whole.as_bytes()[..10]);
    let length = format!("content-length: {}", whole.len());
    assert!(String::from_utf8_lossy(&cut.bytes).contains(&length));
    dev_server.server.fault("cut-body=10@/config*1");
    let response = dev_server.request(Method::GET, "/config").send().await.unwrap();
    assert!(response.bytes().await.is_err());
}

#[tokio::test]
async fn stall_never_answers_and_stall_body_answers_so_much() {
    let dev_server = DevServer::new().await;
    let whole = healthy_body(&dev_server).await;
    dev_server.server.fault("stall@/config*1");
    let stalled = wire(&dev_server, CONFIG, SILENCE).await;
    assert_eq!((stalled.bytes.len(), stalled.ended), (0, false));
    dev_server.server.fault("stall-body=10@/config*1");
    let stalled = wire(&dev_server, CONFIG, SILENCE).await;
    assert_eq!((body(&stalled), stalled.ended), (whole.as_bytes()[..10].to_vec(), false));
}

#[tokio::test]
async fn delay_answers_later_than_others() {
    let dev_server = DevServer::new().await;
    dev_server.server.fault("delay=500@/config*1");
    let later = dev_server.get("/config");
    let sooner = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        dev_server.get("/snapshots").await
    };
    tokio::select! {
        biased;
        _ = later => panic!("not delayed"),
        answer = sooner => assert_eq!(answer.0, 200),
    }
    dev_server.server.fault("delay=1@/config*1");
    assert_eq!(dev_server.get("/config").await.0, 200);
}

#[tokio::test]
async fn made_up_answers_are_what_proxies_and_throttlers_say() {
    let dev_server = DevServer::new().await;
    dev_server.server.fault("status=502@/config*1");
    let (status, answer) = dev_server.get("/config").await;
    assert_eq!((status, &answer["statusCode"]), (502, &json!(502)));

    dev_server.server.fault("status=429@/config*1");
    let response = dev_server.request(Method::GET, "/config").send().await.unwrap();
    assert_eq!(response.status(), 429);
    for name in ["retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        for name in [name.to_owned(), format!("{name}-authenticated")] {
            assert!(response.headers().contains_key(&name), "{name}");
        }
    }

    dev_server.server.fault("html=503@/config*1");
    let response = dev_server.request(Method::GET, "/config").send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), &response.headers()["content-type"]),
        (503, &"text/html".parse().unwrap())
    );
    assert!(response.text().await.unwrap().starts_with("<html>"));

    dev_server.server.fault("empty=500@/config*1");
    assert_eq!(dev_server.get("/config").await, (500, json!("")));

    dev_server.server.fault("garbage@/config*1");
    let (status, answer) = dev_server.get("/config").await;
    assert!(status == 200 && answer.is_string(), "{answer}");
}

#[tokio::test]
async fn close_idle_closes_a_connection_that_waits_for_its_next_request() {
    let dev_server = DevServer::new().await;
    dev_server.server.fault("close-idle=20@/config");
    let closed = wire(&dev_server, CONFIG, Duration::from_secs(30)).await;
    assert!(closed.ended && body(&closed) == healthy_body(&dev_server).await.as_bytes());

    // A connection whose answer is not over is not idle.
    assert_eq!(configure(&dev_server, json!(["close-idle=20@/config", "stall-body=1@/config"])).await, 204);
    assert!(!wire(&dev_server, CONFIG, Duration::from_millis(500)).await.ended);
}

#[tokio::test]
async fn split_answers_carry_the_same() {
    let dev_server = DevServer::new().await;
    let whole = healthy_body(&dev_server).await;
    dev_server.server.fault("split@/config*1");
    let split = wire(&dev_server, &CONFIG.replace("1.1", "1.0"), Duration::from_secs(30)).await;
    assert!(split.ended && body(&split) == whole.as_bytes());
}

#[tokio::test]
async fn a_rule_counts_down_is_about_its_path_and_is_cleared() {
    let dev_server = DevServer::new().await;
    let faults = async |body: Value| configure(&dev_server, body).await;
    assert_eq!(faults(json!(["empty=500@/config*2", "empty=501@/snapshots"])).await, 204);
    let mut seen = Vec::new();
    for path in ["/config", "/config", "/config", "/volumes", "/snapshots", "/snapshots"] {
        seen.push(dev_server.get(path).await.0);
    }
    assert_eq!(seen, [500, 500, 200, 200, 501, 501]);
    assert_eq!(faults(json!([])).await, 204);
    assert_eq!(dev_server.get("/snapshots").await.0, 200);
    assert_eq!(faults(json!(["explode@/"])).await, 400);
    assert_eq!(faults(json!({})).await, 400);
    let stranger =
        dev_server.http.post(format!("{}/faults", dev_server.base())).json(&json!([])).send().await.unwrap();
    assert_eq!(stranger.status(), 401);
}

#[tokio::test]
async fn faults_can_be_there_from_the_start() {
    let dev_server =
        DevServer::with(Options { faults: vec!["empty=500@/config".parse().unwrap()], ..Options::default() })
            .await;
    assert_eq!(dev_server.get("/config").await.0, 500);
}

/// A server with one terminal, and what a client receives from it with this fault.
async fn heard_under(rule: &str) -> client::Received {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.post("/process/pty", json!({"id": "t", "lazyStart": true})).await;
    dev_server.server.fault(rule);
    let mut socket = sandbox.socket(CONNECT).await;
    // More writes than any of these faults lets through.
    socket.say("for i in 1 2 3 4 5; do echo $i; sleep 0.1; done; exit 3\n").await;
    socket.ended().await
}

#[tokio::test]
async fn ws_close_closes_with_its_code_after_the_first_data() {
    for code in [1008, 1011, 4008] {
        let received = heard_under(&format!("ws-close={code}@/connect")).await;
        assert_eq!(received.texts.len(), 1, "the first data is the terminal's greeting");
        assert_eq!(received.end, Some(End::Closed(code, String::new())));
    }
}

#[tokio::test]
async fn ws_drop_drops_the_connection_without_a_close_frame() {
    let at_once = heard_under("ws-drop=0@/connect").await;
    assert_eq!((at_once.texts.len(), at_once.bytes.len(), at_once.end), (0, 0, Some(End::Lost)));
    let later = heard_under("ws-drop=2@/connect").await;
    assert_eq!((later.texts.len(), later.end), (1, Some(End::Lost)));
    assert!(!later.bytes.is_empty());
}

#[tokio::test]
async fn ws_silent_says_nothing_more_and_stays_open() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.post("/process/pty", json!({"id": "t"})).await;
    dev_server.server.fault("ws-silent=1@/connect");
    let mut socket = sandbox.socket(CONNECT).await;
    socket.until_text("connected").await;
    socket.say("exit\n").await;
    assert!(timeout(SILENCE, socket.receive()).await.is_err(), "{:?}", socket.received);
}

#[tokio::test]
async fn split_sockets_carry_the_same() {
    let received = heard_under("split@/connect").await;
    assert_eq!(received.texts.len(), 1);
    assert!(String::from_utf8_lossy(&received.bytes).contains("1\r\n2\r\n3\r\n4\r\n5\r\n"), "{received:?}");
    assert_eq!(
        received.end,
        Some(End::Closed(1011, r#"{"exitCode":3,"exitReason":"non-zero exit"}"#.into()))
    );
}
