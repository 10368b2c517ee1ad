//! What the transport promises of failures: each has a text of its own, and none looks like a success.

use crate::canned::{Answer, KEY, Server, client, json_answer, ok, soon, with_headers};
use daytona::Error;
use daytona::client::status;
use daytona::client::transport::Method;
use serde_json::{Value, json};

async fn failing(answer: Vec<u8>) -> Error {
    let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
    let client = client(&server.url(), json!({}));
    soon(client.request(Method::GET, "sandbox/a").send()).await.err().expect("this is no success")
}

async fn not_json(answer: Vec<u8>) -> Error {
    let server = Server::start(move |_| Answer::Close(answer.clone())).await;
    let client = client(&server.url(), json!({}));
    match soon(client.request(Method::GET, "sandbox/a").send()).await {
        Ok(answer) => soon(answer.json()).await.expect_err("this is no success"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn every_shape_of_envelope_is_read() {
    for (body, message, code, source) in [
        (
            json!({"statusCode": 404, "message": "no such file", "code": "FILE_NOT_FOUND", "source": "DAYTONA_DAEMON"}),
            "no such file",
            Some("FILE_NOT_FOUND"),
            Some("DAYTONA_DAEMON"),
        ),
        (json!({"error": "no such session"}), "no such session", None, None),
        (json!({"error": "Not Found", "message": "gone", "error_code": "X"}), "gone", Some("X"), None),
        (
            json!({"message": ["a must be a text", "b is missing"]}),
            "a must be a text; b is missing",
            None,
            None,
        ),
        (json!({"errors": ["one", "two"], "files": null}), "one; two", None, None),
        (json!({"error": {"message": "inside"}}), "inside", None, None),
        (json!({"message": "", "error": "behind"}), "behind", None, None),
        (json!({"unknown": 1}), r#"{"unknown":1}"#, None, None),
    ] {
        let error = failing(json_answer("404 Not Found", &body)).await;
        assert_eq!(error.status(), 404);
        let detail = error.detail();
        assert_eq!(detail.name, "NOT_FOUND");
        assert!(detail.message.starts_with(message), "{}", detail.message);
        assert!(detail.message.contains("GET /sandbox/a"), "{}", detail.message);
        assert_eq!(detail.code.as_deref(), code);
        assert_eq!(detail.source.as_deref(), source);
        assert_eq!((detail.http_status, detail.attempts, detail.retryable), (Some(404), 1, false));
    }
}

#[tokio::test]
async fn a_gateway_error_of_the_sandbox_itself_does_not_take_it_for_stopped() {
    let body =
        br#"{"statusCode":502,"source":"DAYTONA_DAEMON","code":"GIT_TRANSPORT_FAILED","message":"no host"}"#;
    let error = failing(with_headers("502 Bad Gateway", "Content-Type: application/json\r\n", body)).await;
    assert_eq!((error.status(), error.detail().code.as_deref()), (502, Some("GIT_TRANSPORT_FAILED")));
    assert!(!error.to_string().contains("stopped"), "{error}");
}

#[tokio::test]
async fn an_empty_body_and_html_have_a_clear_text() {
    let error = failing(with_headers("400 Bad Request", "", b"")).await;
    assert_eq!(error.status(), 400);
    assert!(error.to_string().contains("Bad Request") && error.to_string().contains("no body"), "{error}");
    let page = b"<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title></head><body>x</body></html>";
    let error = failing(with_headers("502 Bad Gateway", "Content-Type: text/html\r\n", page)).await;
    assert_eq!(error.status(), 502);
    assert!(error.detail().retryable);
    assert!(error.to_string().contains("\"502 Bad Gateway\""), "{error}");
    assert!(!error.to_string().contains("<html>"), "{error}");
    assert!(error.to_string().contains("the sandbox may be stopped"), "{error}");
    let error =
        failing(with_headers("404 Not Found", "Content-Type: text/plain\r\n", b"404 page not found")).await;
    assert!(error.to_string().starts_with("404 page not found"), "{error}");
}

#[tokio::test]
async fn a_wait_is_advised_only_where_the_server_says_how_long() {
    for (header, wait, advice) in [
        ("Retry-After: 600\r\n", Some(600_000), "; wait for `retryAfterMs`)"),
        ("Retry-After: soon\r\n", None, "; try again later)"),
        ("", None, "; try again later)"),
    ] {
        let error = failing(with_headers("429 Too Many Requests", header, b"")).await;
        assert_eq!(error.detail().retry_after_ms, wait, "{header}");
        assert!(error.detail().message.ends_with(advice), "{error}");
    }
}

#[tokio::test]
async fn an_errors_body_is_read_only_so_far() {
    let mut answer = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n".to_vec();
    answer.resize(answer.len() + (4 << 20), b'x');
    let server = Server::start(move |_| Answer::Close(answer.clone())).await;
    let client = client(&server.url(), json!({}));
    let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
    assert_eq!(error.status(), 500);
    assert!(error.json().len() < 4096);
}

#[tokio::test]
async fn a_long_error_and_one_with_a_lone_surrogate_keep_their_codes() {
    let rest = "\"code\":\"FILE_NOT_FOUND\",\"source\":\"DAYTONA_DAEMON\"}";
    for message in ["\\ud800 half".to_owned(), "x".repeat(70 << 10), "y\\n".repeat(1 << 20)] {
        let body = format!("{{\"message\":\"{message}\",\"\\udc00\":1,{rest}");
        let error = failing(with_headers("404 Not Found", "", body.as_bytes())).await;
        assert_eq!(error.status(), 404);
        assert_eq!(error.detail().code.as_deref(), Some("FILE_NOT_FOUND"));
        assert_eq!(error.detail().source.as_deref(), Some("DAYTONA_DAEMON"));
        assert!(error.json().len() < 64 << 10, "{}", error.json().len());
        if message.contains("half") {
            assert!(error.to_string().starts_with("\u{fffd} half"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_compressed_error_keeps_its_status() {
    let error = failing(with_headers("503 X", "Content-Encoding: gzip\r\n", b"\x1f\x8b\x08garbage")).await;
    assert_eq!(error.status(), 503);
    assert!(error.to_string().contains("compressed") && !error.to_string().contains("garbage"), "{error}");
}

#[tokio::test]
async fn a_refusal_by_a_proxy_is_not_blamed_on_the_credential() {
    let page = b"<html><title>Blocked</title></html>";
    for (kind, body) in [("text/html", &page[..]), ("text/plain", b"blocked by policy")] {
        for line in ["401 Unauthorized", "403 Forbidden"] {
            let error = failing(with_headers(line, &format!("Content-Type: {kind}\r\n"), body)).await;
            assert!(error.to_string().contains("proxy"), "{error}");
            assert!(
                !error.to_string().contains("credential") && !error.to_string().contains("apiKey"),
                "{error}"
            );
        }
    }
    let error = failing(json_answer("403 Forbidden", &json!({"message": "no"}))).await;
    assert!(error.to_string().contains("the credential does not allow this"), "{error}");
}

#[tokio::test]
async fn a_refusal_by_the_sandbox_is_not_blamed_on_the_api_key() {
    let refused = async |line: &str, code: &str| {
        let body = json!({"message": "no", "code": code, "source": "DAYTONA_DAEMON"});
        failing(json_answer(line, &body)).await.to_string()
    };
    let text = refused("403 Forbidden", "FILE_ACCESS_DENIED").await;
    assert!(!text.contains("credential") && !text.contains("apiKey"), "{text}");
    for line in ["401 Unauthorized", "403 Forbidden"] {
        let text = refused(line, "GIT_AUTH_FAILED").await;
        assert!(text.contains("remote repository") && !text.contains("apiKey"), "{text}");
    }
    // A daemon of 0.190 does not say that it is the one that answers.
    let refused = json_answer("401 Unauthorized", &json!({"message": "authentication required"}));
    let server = Server::start(move |_| Answer::Keep(refused.clone())).await;
    let client = client(&format!("{}/api", server.url()), json!({}));
    let error = soon(client.request(Method::POST, "toolbox/s/git/clone").send()).await.err().unwrap();
    assert!(error.to_string().contains("remote repository refuses"), "{error}");
}

#[tokio::test]
async fn a_404_whose_api_url_lacks_its_path_gives_a_hint() {
    let server = Server::start(|_| Answer::Keep(with_headers("404 Not Found", "", b"<html></html>"))).await;
    for (path, hinted) in [("", true), ("/daytona", true), ("/api", false), ("/v1/api/", false)] {
        let client = client(&format!("{}{path}", server.url()), json!({}));
        let error = soon(client.request(Method::GET, "sandbox").send()).await.err().unwrap();
        assert_eq!(error.to_string().contains("`apiUrl` has no `/api`"), hinted, "{path}: {error}");
    }
}

#[tokio::test]
async fn statuses_map_as_they_are_or_to_protocol() {
    for number in [400, 401, 403, 404, 408, 409, 410, 418, 422, 500, 501, 502, 503, 504, 599] {
        let error = failing(with_headers(&format!("{number} X"), "", b"{}")).await;
        assert_eq!(error.status(), number);
        assert_eq!(error.detail().http_status, Some(number as u16));
    }
    for line in ["304 Not Modified", "300 Multiple Choices", "600 Odd"] {
        let error = failing(with_headers(line, "", b"")).await;
        assert_eq!(error.status(), status::PROTOCOL, "{line}: {error}");
        assert!(error.to_string().contains("unexpected status"), "{line}: {error}");
    }
}

#[tokio::test]
async fn an_error_keeps_the_answers_headers_but_no_cookie() {
    let headers = "X-Request-Id: r-17\r\nX-Odd: a\r\nX-Odd: b\r\nSet-Cookie: session=secret\r\n";
    let error = failing(with_headers("403 Forbidden", headers, b"{}")).await;
    let detail = error.detail();
    assert_eq!(detail.request_id.as_deref(), Some("r-17"));
    let kept = detail.headers.as_ref().unwrap();
    assert_eq!(kept["x-odd"], "a, b");
    assert!(!kept.contains_key("set-cookie"));
    let json: Value = serde_json::from_slice(&error.json()).unwrap();
    assert_eq!(json["headers"]["x-request-id"], "r-17");
    assert_eq!(json["requestId"], "r-17");
}

#[tokio::test]
async fn a_secret_that_the_server_echoes_is_taken_out() {
    let body = json!({"message": format!("bad token Bearer {KEY}"), "code": KEY});
    let mut answer = json_answer("401 Unauthorized", &body);
    let at = answer.windows(2).position(|pair| pair == b"\r\n").unwrap() + 2;
    answer.splice(at..at, format!("X-Seen: {KEY}\r\n").into_bytes());
    let error = failing(answer).await;
    assert_eq!(error.status(), 401);
    let json = String::from_utf8(error.json()).unwrap();
    assert!(!json.contains(KEY), "{json}");
    assert!(!format!("{error:?} {error}").contains(KEY));
    assert!(error.to_string().contains("DAYTONA_API_KEY"), "{error}");
}

#[tokio::test]
async fn html_with_status_200_is_never_a_success() {
    let error =
        not_json(with_headers("200 OK", "Content-Type: text/html\r\n", b"<html>please log in</html>")).await;
    assert_eq!(error.status(), status::PROTOCOL);
    assert!(error.to_string().contains("text/html") && error.to_string().contains("log in"), "{error}");
    for body in [&b"not found"[..], b"OK", b"{\"a\":", b"\xff\xfe", b"{\"a\":\"\xff\"}"] {
        assert_eq!(not_json(with_headers("200 OK", "", body)).await.status(), status::PROTOCOL);
    }
}

#[tokio::test]
async fn a_body_that_is_cut_off_is_a_lost_connection() {
    let error = not_json(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{\"ok\":true}".to_vec()).await;
    assert_eq!(error.status(), status::CONNECTION);
    assert!(error.to_string().contains("after 11 bytes"), "{error}");
    let error =
        not_json(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n{\"ok\":true}\r\n".to_vec())
            .await;
    assert_eq!(error.status(), status::CONNECTION, "{error}");
}

#[tokio::test]
async fn a_body_whose_framing_is_broken_is_a_protocol_error() {
    for chunks in ["zz\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n", "ffffffffffffffffff\r\n{}", "2\r\n{}zz0\r\n\r\n"]
    {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let error = not_json(format!("{head}{chunks}").into_bytes()).await;
        assert_eq!(
            (error.status(), error.detail().retryable),
            (status::PROTOCOL, false),
            "{chunks:?}: {error}"
        );
    }
}

#[tokio::test]
async fn what_is_not_http_is_a_protocol_error() {
    let server = Server::start(|_| Answer::Close(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())).await;
    let client = client(&server.url(), json!({"retries": 3}));
    let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
    assert_eq!((error.status(), error.detail().attempts), (status::PROTOCOL, 1), "{error}");
}

#[tokio::test]
async fn a_refused_connection_names_the_host() {
    let (socket, url) = crate::canned::refusing();
    let address = socket.local_addr().unwrap().to_string();
    let client = client(&url, json!({}));
    let error = soon(client.request(Method::POST, "sandbox").send()).await.err().unwrap();
    assert_eq!(error.status(), status::CONNECTION);
    assert!(error.to_string().contains(&address) && error.to_string().contains("refused"), "{error}");
    assert!(error.detail().retryable);
}

#[tokio::test]
async fn an_error_keeps_the_failure_below_it_without_the_url() {
    let (_socket, url) = crate::canned::refusing();
    let client = client(&url, json!({}));
    let request = client.request(Method::POST, "sandbox").query("signature", "secret");
    let error = soon(request.send()).await.err().unwrap();
    let mut next = std::error::Error::source(&error);
    let mut chain = Vec::new();
    while let Some(cause) = next {
        assert!(!cause.to_string().contains("secret"), "{cause}");
        chain.push(cause);
        next = cause.source();
    }
    let refused = |cause: &&&(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind)
            == Some(std::io::ErrorKind::ConnectionRefused)
    };
    assert!(chain.iter().any(|cause| refused(&cause)), "{chain:?}");
    assert!(!String::from_utf8(error.json()).unwrap().contains("cause"));
}

#[tokio::test]
async fn a_host_name_that_does_not_exist_is_named() {
    let client = client("http://no-such-host.invalid", json!({}));
    let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
    assert_eq!(error.status(), status::CONNECTION);
    assert!(
        error.to_string().contains("the name of no-such-host.invalid:80 could not be resolved"),
        "{error}"
    );
}

#[tokio::test]
async fn an_error_says_which_sandbox_it_is_about() {
    let server = Server::start(|_| Answer::Keep(with_headers("409 Conflict", "", b"{}"))).await;
    let client = client(&server.url(), json!({}));
    let error = soon(client.request(Method::POST, "a").sandbox("box-1").send()).await.err().unwrap();
    assert_eq!(error.detail().sandbox_id.as_deref(), Some("box-1"));
}

#[tokio::test]
async fn what_cannot_be_sent_is_an_argument_error() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({}));
    let transport = client.transport();
    for error in [
        soon(transport.request(Method::GET, "not a url").send()).await.err().unwrap(),
        soon(transport.request(Method::GET, "ftp://a.example/").send()).await.err().unwrap(),
        soon(client.request(Method::GET, "a").header("x-a", "line\nbreak").send()).await.err().unwrap(),
        daytona::client::transport::segment("..").unwrap_err(),
        daytona::client::transport::segment("").unwrap_err(),
    ] {
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{error}");
    }
    assert_eq!(daytona::client::transport::segment("a b/ü?*+%").unwrap(), "a%20b%2F%C3%BC%3F*%2B%25");
    assert!(server.requests().is_empty());
}
