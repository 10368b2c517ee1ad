//! What the transport promises of repeating: what may be repeated is, what may not is not.

use crate::canned::{Answer, Server, client, json_answer, ok, soon, with_headers};
use daytona::client::status;
use daytona::client::transport::within;
use daytona::client::transport::{Body, Method};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// A server that gives `first` to the first `count` requests and `{"ok":true}` to the rest.
async fn flaky(count: usize, first: Answer) -> Server {
    let (bytes, close) = match first {
        Answer::Keep(bytes) => (bytes, false),
        Answer::Close(bytes) | Answer::Stall(bytes) => (bytes, true),
    };
    Server::start(move |asked| match (asked.number < count, close) {
        (true, true) => Answer::Close(bytes.clone()),
        (true, false) => Answer::Keep(bytes.clone()),
        (false, _) => ok(),
    })
    .await
}

fn unavailable(number: u16) -> Answer {
    Answer::Keep(with_headers(&format!("{number} X"), "Retry-After: 0\r\n", b""))
}

#[tokio::test]
async fn an_unavailable_server_is_asked_again_by_idempotent_methods_only() {
    for number in [502, 503, 504] {
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let server = flaky(1, unavailable(number)).await;
            let client = client(&server.url(), json!({"retries": 1}));
            soon(client.request(method, "a").send()).await.unwrap();
            assert_eq!(server.requests().len(), 2);
        }
        for method in [Method::POST, Method::PATCH] {
            let server = flaky(1, unavailable(number)).await;
            let client = client(&server.url(), json!({"retries": 1}));
            let error = soon(client.request(method, "a").send()).await.err().unwrap();
            assert_eq!((error.status(), error.detail().attempts), (i32::from(number), 1));
            assert_eq!(server.requests().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_plain_server_error_is_not_repeated() {
    let server = flaky(1, unavailable(500)).await;
    let client = client(&server.url(), json!({"retries": 3}));
    assert_eq!(soon(client.request(Method::GET, "a").send()).await.err().unwrap().status(), 500);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn retries_are_counted_and_zero_is_never() {
    for retries in [0, 1, 2] {
        let server = flaky(usize::MAX, unavailable(503)).await;
        let client = client(&server.url(), json!({ "retries": retries }));
        let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
        assert_eq!(error.status(), 503);
        assert_eq!(error.detail().attempts, retries + 1);
        assert_eq!(server.requests().len(), retries as usize + 1);
    }
}

#[tokio::test]
async fn a_post_whose_connection_is_lost_is_never_repeated() {
    for half in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
    {
        let server = flaky(1, Answer::Close(half.to_vec())).await;
        let client = client(&server.url(), json!({"retries": 3}));
        let answered =
            async { client.request(Method::POST, "sandbox").json(&json!({})).send().await?.json().await };
        let error = soon(answered).await.unwrap_err();
        assert_eq!((error.status(), error.detail().attempts), (status::CONNECTION, 1), "{error}");
        assert!(error.detail().retryable);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_get_whose_connection_is_lost_is_repeated() {
    for half in [&b""[..], b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"]
    {
        let server = flaky(2, Answer::Close(half.to_vec())).await;
        let client = client(&server.url(), json!({"retries": 3}));
        let answered = async { client.request(Method::GET, "sandbox").send().await?.json().await };
        assert_eq!(soon(answered).await.unwrap().text, br#"{"ok":true}"#);
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test]
async fn a_body_that_stays_cut_off_is_an_error_in_the_end() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{";
    let server = flaky(usize::MAX, Answer::Close(half.to_vec())).await;
    let client = client(&server.url(), json!({"retries": 2}));
    let answered = async { client.request(Method::GET, "sandbox").send().await?.bytes().await };
    let error = soon(answered).await.unwrap_err();
    assert_eq!((error.status(), error.detail().attempts), (status::CONNECTION, 3));
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_connection_that_was_never_made_is_tried_again_for_any_method() {
    let (socket, url) = crate::canned::refusing();
    let client = client(&url, json!({"retries": 5}));
    let late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(150)).await;
        let listener = socket.listen(8).unwrap();
        let mut stream = crate::canned::accept(&listener).await;
        let asked = crate::canned::read(&mut stream).await.unwrap();
        use tokio::io::AsyncWriteExt;
        stream.write_all(&json_answer("200 OK", &json!({}))).await.unwrap();
        asked
    });
    let body =
        Body::wrap_stream(futures_util::stream::iter([Ok::<_, std::io::Error>("streamed once".into())]));
    let request = client.request(Method::POST, "files").body("text/plain", Some(13), body);
    soon(request.send()).await.unwrap();
    let asked = soon(late).await.unwrap();
    assert_eq!(asked.body, b"streamed once");
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_by_any_method() {
    for header in ["Retry-After", "Retry-After-sandbox-create"] {
        let limited =
            with_headers("429 Too Many Requests", &format!("{header}: 1\r\n"), b"{\"message\":\"slow\"}");
        let server = flaky(1, Answer::Keep(limited)).await;
        let client = client(&server.url(), json!({"retries": 1}));
        let begun = Instant::now();
        soon(client.request(Method::POST, "a").send()).await.unwrap();
        assert!(begun.elapsed() >= Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_rate_limit_that_outlasts_the_deadline_is_an_answer_at_once() {
    let headers = "X-RateLimit-Limit-authenticated: 5\r\nX-RateLimit-Remaining-authenticated: 0\r\nX-RateLimit-Reset-authenticated: 40\r\n";
    let limited = with_headers("429 Too Many Requests", headers, b"{\"message\":\"slow\"}");
    let server = flaky(usize::MAX, Answer::Keep(limited)).await;
    let client = client(&server.url(), json!({"retries": 3}));
    // Less than the reset is away.
    let limit = Duration::from_secs(30);
    let own = client.request(Method::GET, "a").deadline(Some(limit)).send();
    let callers = within(Some(Instant::now() + limit), client.request(Method::GET, "a").send());
    for error in [soon(own).await.err().unwrap(), soon(callers).await.err().unwrap()] {
        assert_eq!(error.status(), status::HTTP_RATE_LIMIT);
        assert_eq!(error.detail().retry_after_ms, Some(40_000));
        assert_eq!((error.detail().retryable, error.detail().attempts), (true, 1));
        assert!(error.to_string().starts_with("slow"), "{error}");
    }
}

#[tokio::test]
async fn an_exhausted_rate_limit_says_when_to_come_back() {
    let limited = with_headers("429 Too Many Requests", "Retry-After: 7\r\nRetry-After-create: 9\r\n", b"");
    let server = flaky(usize::MAX, Answer::Keep(limited)).await;
    let client = client(&server.url(), json!({"retries": 0}));
    let error = soon(client.request(Method::POST, "a").send()).await.err().unwrap();
    assert_eq!(error.status(), 429);
    assert_eq!(error.detail().retry_after_ms, Some(9000));
    assert_eq!(error.detail().name, "RATE_LIMIT");
}

/// The library's own way of running: one thread that drives only while somebody calls. What the
/// server does in between is not seen until the driver is turned.
#[test]
fn a_hundred_posts_to_a_server_that_closes_while_nobody_drives_all_succeed() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let (answered, driven) = std::sync::mpsc::channel();
    let (closed, is_closed) = std::sync::mpsc::channel();
    let server = std::thread::spawn(move || {
        use std::io::{Read, Write};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        sender.send(listener.local_addr().unwrap()).unwrap();
        let mut connections = 0;
        let mut answered = 0;
        while answered < 100 {
            let (mut stream, _) = listener.accept().unwrap();
            connections += 1;
            let mut buffer = [0; 4096];
            let mut head = Vec::new();
            while !head.ends_with(b"{\"a\":1}") {
                let count = stream.read(&mut buffer).unwrap();
                assert!(count > 0, "a request was cut off");
                head.extend_from_slice(&buffer[..count]);
            }
            stream.write_all(&with_headers("200 OK", "", b"{}")).unwrap();
            answered += 1;
            // Closed without notice, once nobody drives the client any more. A descriptor that is only closed
            // stays open in what another test has forked and not yet executed.
            driven.recv().unwrap();
            stream.shutdown(std::net::Shutdown::Both).unwrap();
            closed.send(()).unwrap();
        }
        connections
    });
    let address = receiver.recv().unwrap();
    let client = client(&format!("http://{address}"), json!({"retries": 0}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for number in 0..100 {
        let call =
            async { client.request(Method::POST, "a").json(&json!({"a": 1})).send().await?.json().await };
        let answer = runtime.block_on(soon(call));
        assert!(answer.is_ok(), "POST {number}: {}", answer.unwrap_err());
        answered.send(()).unwrap();
        is_closed.recv().unwrap();
    }
    assert_eq!(server.join().unwrap(), 100);
}
