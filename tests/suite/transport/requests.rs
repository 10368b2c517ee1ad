//! What the transport promises of requests: identity, where the credential goes, redirects, limits.

use crate::canned::{Answer, KEY, Server, client, json_answer, ok, soon, with_headers};
use daytona::PROTOCOL_VERSION;
use daytona::client::status;
use daytona::client::transport::{Body, Method};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn every_request_identifies_itself() {
    let server = Server::start(|_| ok()).await;
    let more = json!({"userAgent": "my-app/2", "headers": {"X-Team": "a"}, "traceparent": "00-ab-cd-01"});
    let client = client(&server.url(), more);
    let answer = soon(client.request(Method::POST, "sandbox").json(&json!({"a": 1})).send()).await.unwrap();
    assert_eq!(answer.json().await.unwrap().text, br#"{"ok":true}"#);
    let asked = &server.requests()[0];
    assert_eq!(asked.line, "POST /sandbox HTTP/1.1");
    assert_eq!(asked.body, br#"{"a":1}"#);
    assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(asked.header("x-daytona-source"), Some("libdaytona"));
    assert_eq!(asked.header("x-daytona-sdk-version"), Some(PROTOCOL_VERSION));
    assert_eq!(
        asked.header("user-agent"),
        Some(format!("libdaytona/{} my-app/2", daytona::VERSION).as_str())
    );
    assert_eq!(asked.header("x-daytona-organization-id"), None);
    assert_eq!(asked.header("x-team"), Some("a"));
    assert_eq!(asked.header("traceparent"), Some("00-ab-cd-01"));
    assert_eq!(asked.header("accept"), Some("application/json"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("accept-encoding"), Some("identity"));
    assert_eq!(asked.header("cookie"), None);
}

#[tokio::test]
async fn a_url_of_a_known_host_is_read_as_any_other() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({}));
    let transport = client.transport();
    for (path, asked) in [
        ("/a%20b/ü?q=a%2Fb&r=ü", "/a%20b/%C3%BC?q=a%2Fb&r=%C3%BC"),
        ("/a/../b", "/b"),
        ("//c/d", "//c/d"),
        ("/a b", "/a%20b"),
        ("?q", "/?q"),
    ] {
        // The first time it is parsed whole, then against the host that is known.
        for _ in 0..2 {
            soon(transport.request(Method::GET, format!("{}{path}", server.url())).send()).await.unwrap();
            assert_eq!(server.requests().pop().unwrap().line, format!("GET {asked} HTTP/1.1"));
        }
    }
    for elsewhere in [server.url().replace("://", "://user@"), format!("{}0/", server.url())] {
        assert!(soon(transport.request(Method::GET, &elsewhere).send()).await.is_err(), "{elsewhere}");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_no_success() {
    let gzip: &[u8] = b"\x1f\x8b\x08\x00 not to be taken for the content";
    for (head, word) in [
        ("200 OK\r\nContent-Encoding: gzip", "gzip"),
        ("200 OK\r\nContent-Encoding: identity, br", "br"),
        ("206 Partial Content\r\nContent-Range: bytes 0-3/100", "206"),
    ] {
        let answer = with_headers(head, "", gzip);
        let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
        let client = client(&server.url(), json!({"retries": 2}));
        let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
        assert_eq!((error.status(), error.detail().attempts), (status::PROTOCOL, 1), "{error}");
        assert!(error.to_string().contains(word) && error.detail().headers.is_some(), "{error}");
    }
    let plain = with_headers("200 OK", "Content-Encoding: Identity\r\n", b"{}");
    let server = Server::start(move |_| Answer::Keep(plain.clone())).await;
    let client = client(&server.url(), json!({}));
    soon(client.request(Method::GET, "a").send()).await.unwrap();
}

#[tokio::test]
async fn a_proxys_many_headers_are_taken_and_more_than_the_limit_named() {
    let many =
        |count: usize| (0..count).map(|number| format!("X-Header-{number}: a\r\n")).collect::<String>();
    for (count, taken) in [(240, true), (300, false)] {
        let answer = with_headers("200 OK", &many(count), b"{}");
        let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
        let client = client(&server.url(), json!({"retries": 2}));
        let answered = soon(client.request(Method::GET, "a").send()).await;
        match answered {
            Ok(answer) => assert!(taken && answer.header("x-header-239") == Some("a")),
            Err(error) => {
                assert!(!taken && error.status() == status::PROTOCOL, "{error}");
                assert!(error.to_string().contains("more than 256 headers"), "{error}");
            }
        }
    }
}

#[tokio::test]
async fn a_post_without_body_says_that_it_has_none() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({}));
    soon(client.request(Method::POST, "sandbox/a/start").send()).await.unwrap();
    assert_eq!(server.requests()[0].header("content-length"), Some("0"));
    assert_eq!(server.requests()[0].header("transfer-encoding"), None);
}

#[tokio::test]
async fn a_streamed_body_without_length_is_chunked_and_one_with_length_is_not() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({}));
    let pieces = || {
        Body::wrap_stream(futures_util::stream::iter(
            ["ab", "cd"].map(|piece| Ok::<_, std::io::Error>(piece.into())),
        ))
    };
    soon(client.request(Method::POST, "a").body("text/plain", Some(4), pieces()).send()).await.unwrap();
    let asked = &server.requests()[0];
    assert_eq!((asked.header("content-length"), asked.body.as_slice()), (Some("4"), &b"abcd"[..]));
    let unknown = client.request(Method::POST, "a").body("text/plain", None, pieces());
    // The canned server reads no chunks; it answers after the head.
    soon(unknown.send()).await.unwrap();
    assert_eq!(server.requests()[1].header("transfer-encoding"), Some("chunked"));
}

#[tokio::test]
async fn a_body_whose_source_fails_is_that_failure_and_not_a_lost_connection() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({"retries": 3}));
    let own = daytona::Error::new(status::IO, "the local file vanished");
    for error in [
        Box::<dyn std::error::Error + Send + Sync>::from(own),
        std::io::Error::other("the local file vanished").into(),
    ] {
        let pieces = futures_util::stream::iter([Ok(bytes::Bytes::from("ab")), Err(error)]);
        let request = client.request(Method::PUT, "a").body("text/plain", Some(9), Body::wrap_stream(pieces));
        let error = soon(request.send()).await.err().unwrap();
        assert_eq!((error.status(), error.detail().attempts), (status::IO, 1), "{error}");
        assert!(error.to_string().contains("the local file vanished"), "{error}");
    }
}

#[tokio::test]
async fn the_organization_goes_with_a_jwt_only() {
    let server = Server::start(|_| ok()).await;
    let config = json!({"jwtToken": "a.b.c", "organizationId": "org-1", "apiUrl": server.url(), "proxy": ""});
    let jwt = daytona::client::Client::open(config.to_string().as_bytes()).unwrap();
    soon(jwt.request(Method::GET, "sandbox").send()).await.unwrap();
    let key = client(&server.url(), json!({"organizationId": "org-1"}));
    soon(key.request(Method::GET, "sandbox").send()).await.unwrap();
    let asked = server.requests();
    assert_eq!(asked[0].header("authorization"), Some("Bearer a.b.c"));
    assert_eq!(asked[0].header("x-daytona-organization-id"), Some("org-1"));
    assert_eq!(asked[1].header("x-daytona-organization-id"), None);
}

#[tokio::test]
async fn opening_a_client_connects_nowhere() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({}));
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(client.api_url("a"), format!("{}/a", server.url()));
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn slashes_after_the_api_url_do_not_matter() {
    let server = Server::start(|_| ok()).await;
    for url in [format!("{}/api", server.url()), format!("{}/api///", server.url())] {
        let client = client(&url, json!({}));
        soon(client.request(Method::GET, "sandbox/a").query("q", "a b&c").send()).await.unwrap();
    }
    for asked in server.requests() {
        assert_eq!(asked.line, "GET /api/sandbox/a?q=a+b%26c HTTP/1.1");
    }
}

#[tokio::test]
async fn the_credential_goes_to_trusted_origins_only() {
    let api = Server::start(|_| ok()).await;
    let other = Server::start(|_| ok()).await;
    let client = client(&api.url(), json!({"headers": {"X-Team": "a"}}));
    let transport = client.transport();
    let url = format!("{}/signed?token=1", other.url());
    soon(transport.request(Method::GET, &url).send()).await.unwrap();
    soon(transport.request(Method::GET, &url).authorized().send()).await.unwrap();
    soon(transport.request(Method::GET, &url).send()).await.unwrap();
    transport.trust(&format!("{}/toolbox", other.url())).unwrap();
    soon(transport.request(Method::GET, &url).send()).await.unwrap();
    let bearers: Vec<_> =
        other.requests().iter().map(|asked| asked.header("authorization").is_some()).collect();
    assert_eq!(bearers, [false, true, false, true]);
    let foreign = &other.requests()[0];
    for name in ["x-daytona-source", "x-daytona-sdk-version", "x-team"] {
        assert_eq!(foreign.header(name), None);
    }
    assert!(foreign.header("user-agent").is_some());
}

#[tokio::test]
async fn no_credential_over_http_when_the_api_is_https() {
    let toolbox = Server::start(|_| ok()).await;
    let client = client("https://api.example/api", json!({}));
    let error = client.transport().trust(&toolbox.url()).unwrap_err();
    assert_eq!(error.status(), status::PROTOCOL);
    assert!(error.to_string().contains("https"), "{error}");
    let request = client.transport().request(Method::GET, toolbox.url()).authorized();
    assert!(soon(request.send()).await.is_err());
    soon(client.transport().request(Method::GET, toolbox.url()).send()).await.unwrap();
    let asked = toolbox.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), None);
}

#[tokio::test]
async fn the_daemons_trailing_slash_redirect_is_followed_with_method_and_body() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "POST /toolbox/box-1/process/execute/ HTTP/1.1" => {
            Answer::Keep(with_headers("307 Temporary Redirect", "Location: /process/execute\r\n", b""))
        }
        _ => ok(),
    })
    .await;
    let client = client(&server.url(), json!({}));
    let request =
        client.request(Method::POST, "toolbox/box-1/process/execute/").json(&json!({"command": "a"}));
    soon(request.send()).await.unwrap();
    let asked = server.requests();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[1].line, "POST /toolbox/box-1/process/execute HTTP/1.1");
    assert_eq!(asked[1].body, br#"{"command":"a"}"#);
    assert!(asked[1].header("authorization").is_some());
}

#[tokio::test]
async fn no_redirect_carries_the_credential_to_another_origin() {
    let other = Server::start(|_| ok()).await;
    let elsewhere = format!("Location: {}/stolen?a=secret\r\n", other.url());
    let server =
        Server::start(move |_| Answer::Keep(with_headers("307 Temporary Redirect", &elsewhere, b""))).await;
    let client = client(&server.url(), json!({"retries": 3}));
    for method in [Method::GET, Method::POST] {
        let error = soon(client.request(method, "sandbox").send()).await.err().unwrap();
        assert_eq!(error.status(), status::PROTOCOL);
        assert_eq!(error.detail().http_status, Some(307));
        assert!(error.to_string().contains(&other.url()), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_that_would_change_the_method_is_an_error() {
    let server = Server::start(|asked| match asked.line.as_str() {
        "GET /a HTTP/1.1" | "POST /a HTTP/1.1" => {
            Answer::Keep(with_headers("302 Found", "Location: /b\r\n", b""))
        }
        "GET /ping HTTP/1.1" => Answer::Keep(with_headers("302 Found", "Location: /pong\r\n", b"")),
        "GET /pong HTTP/1.1" => Answer::Keep(with_headers("302 Found", "Location: /ping\r\n", b"")),
        _ => ok(),
    })
    .await;
    let client = client(&server.url(), json!({}));
    soon(client.request(Method::GET, "a").send()).await.unwrap();
    let error = soon(client.request(Method::POST, "a").send()).await.err().unwrap();
    assert_eq!(error.status(), status::PROTOCOL, "{error}");
    assert_eq!(server.requests().len(), 3);
    let error = soon(client.request(Method::GET, "ping").send()).await.err().unwrap();
    assert!(error.to_string().contains("redirected more than"), "{error}");
}

#[tokio::test]
async fn a_silent_server_meets_the_deadline() {
    let server = Server::start(|_| Answer::Stall(Vec::new())).await;
    let client = client(&server.url(), json!({"retries": 3}));
    let limit = Some(Duration::from_millis(80));
    let error = soon(client.request(Method::POST, "sandbox").deadline(limit).send()).await.err().unwrap();
    assert_eq!(error.status(), status::TIMEOUT);
    assert_eq!(error.detail().attempts, 1);
    assert!(error.to_string().contains("POST /sandbox") && error.to_string().contains("80 ms"), "{error}");
}

#[tokio::test]
async fn a_body_that_stands_still_meets_the_idle_limit() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":";
    let server = Server::start(|_| Answer::Stall(begun.to_vec())).await;
    let client = client(&server.url(), json!({"idleTimeoutMs": 80, "retries": 3}));
    let error = soon(soon(client.request(Method::GET, "a").send()).await.unwrap().json()).await.unwrap_err();
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.to_string().contains("after 8 bytes"), "{error}");
}

#[tokio::test]
async fn an_idle_limit_of_zero_is_none() {
    let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":";
    let server = Server::start(|_| Answer::Stall(begun.to_vec())).await;
    let client = client(&server.url(), json!({"idleTimeoutMs": 0}));
    let answer = soon(client.request(Method::GET, "a").send()).await.unwrap();
    assert!(tokio::time::timeout(Duration::from_millis(200), answer.json()).await.is_err());
}

#[tokio::test]
async fn an_upload_that_stands_still_meets_the_idle_limit() {
    let (listener, url) = crate::canned::listen().await;
    let server = tokio::spawn(async move {
        let _never_read = crate::canned::accept(&listener).await;
        std::future::pending::<()>().await;
    });
    let client = client(&url, json!({"idleTimeoutMs": 150}));
    let large = bytes::Bytes::from(vec![7; 64 << 20]);
    let request = client.request(Method::POST, "files").bytes("application/octet-stream", large);
    let error = soon(request.send()).await.err().unwrap();
    assert_eq!(error.status(), status::TIMEOUT);
    assert!(error.to_string().contains("stopped taking the upload"), "{error}");
    server.abort();
}

#[tokio::test]
async fn requests_share_the_connections_that_a_host_may_have() {
    let server = Server::start(|_| {
        std::thread::sleep(Duration::from_millis(5));
        ok()
    })
    .await;
    let client = client(&server.url(), json!({"maxConnectionsPerHost": 2}));
    let calls = (0..20).map(|_| async { client.request(Method::GET, "a").send().await?.json().await });
    for answer in soon(futures_util::future::join_all(calls)).await {
        answer.unwrap();
    }
    let connections = server.requests().iter().map(|asked| asked.connection).max();
    assert!(connections <= Some(1), "{connections:?}");
}

#[tokio::test]
async fn a_burst_of_requests_that_take_long_is_with_the_server_whole() {
    const BURST: usize = 300;
    let (listener, url) = crate::canned::listen().await;
    let all_there = std::sync::Arc::new(tokio::sync::Barrier::new(BURST));
    let server = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        loop {
            let mut stream = crate::canned::accept(&listener).await;
            let all_there = all_there.clone();
            tokio::spawn(async move {
                crate::canned::read(&mut stream).await.unwrap();
                all_there.wait().await;
                stream.write_all(&with_headers("200 OK", "", b"{}")).await.unwrap();
            });
        }
    });
    let client = client(&url, json!({"maxConnectionsPerHost": BURST}));
    let calls = (0..BURST).map(|_| async { client.request(Method::GET, "a").send().await?.json().await });
    for answer in soon(futures_util::future::join_all(calls)).await {
        answer.unwrap();
    }
    server.abort();
}

/// A server whose answers to `/stream` begin and do not end.
async fn streaming() -> Server {
    Server::start(|asked| match asked.line.contains("/stream") {
        true => Answer::Stall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun".to_vec()),
        false => ok(),
    })
    .await
}

#[tokio::test]
async fn requests_wait_at_most_the_connect_limit_while_open_streams_hold_every_connection() {
    let server = streaming().await;
    let client = client(&server.url(), json!({"maxConnectionsPerHost": 2, "connectTimeoutMs": 300}));
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = soon(client.request(Method::GET, "stream").send()).await.unwrap();
        soon(stream.chunk()).await.unwrap();
        streams.push(stream);
    }
    let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
    assert_eq!((error.status(), error.detail().attempts), (status::TIMEOUT, 0), "{error}");
    for word in ["2 of them by open streams", "maxConnectionsPerHost"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    streams.pop();
    soon(client.request(Method::GET, "a").send()).await.unwrap();
}

#[tokio::test]
async fn an_upload_holds_its_connection_as_a_stream_does() {
    let server = streaming().await;
    let client = client(&server.url(), json!({"maxConnectionsPerHost": 1, "connectTimeoutMs": 300}));
    let body = Body::wrap_stream(futures_util::stream::pending::<Result<bytes::Bytes, std::io::Error>>());
    let mut upload = Box::pin(client.request(Method::POST, "a").body("text/plain", Some(9), body).send());
    let _ = futures_util::poll!(&mut upload);
    let request = client.request(Method::GET, "a").send();
    let error = tokio::select! {
        _ = upload => panic!("the upload never ends"),
        answer = soon(request) => answer.err().unwrap(),
    };
    assert!(error.to_string().contains("1 of them by open streams"), "{error}");
}

#[tokio::test]
async fn behind_other_requests_a_request_waits_as_its_own_limit_allows() {
    let (listener, url) = crate::canned::listen().await;
    let (release, released) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let mut stream = crate::canned::accept(&listener).await;
        crate::canned::read(&mut stream).await.unwrap();
        released.await.unwrap();
        let answer = with_headers("200 OK", "", b"{}");
        stream.write_all(&answer).await.unwrap();
        crate::canned::read(&mut stream).await.unwrap();
        stream.write_all(&answer).await.unwrap();
    });
    let client = client(&url, json!({"maxConnectionsPerHost": 1, "connectTimeoutMs": 100}));
    let get = || async { client.request(Method::GET, "a").send().await?.json().await };
    let own_limit = client.request(Method::GET, "a").deadline(Some(Duration::from_millis(400)));
    let wait = async {
        let error = own_limit.send().await.err().unwrap();
        release.send(()).unwrap();
        error
    };
    let (first, error, second) = soon(async { tokio::join!(get(), wait, get()) }).await;
    first.unwrap();
    assert_eq!((error.status(), error.detail().attempts), (status::TIMEOUT, 0), "{error}");
    for word in ["not sent within 400 ms", "maxConnectionsPerHost"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    second.unwrap();
    server.await.unwrap();
}

#[tokio::test]
async fn a_closed_client_answers_closed() {
    let server = Server::start(|_| ok()).await;
    let client = client(&server.url(), json!({}));
    soon(client.request(Method::GET, "a").send()).await.unwrap();
    client.close();
    let error = soon(client.request(Method::GET, "a").send()).await.err().unwrap();
    assert_eq!(error.status(), status::CLOSED);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn json_keeps_its_bytes_and_has_room_for_a_nul() {
    let body = "{\"a\":  1.50, \"b\":\"\\u00fc\", \"a\": 2}\n";
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let server = Server::start(move |asked| match asked.number {
        0 => Answer::Keep(with_headers("200 OK", "", body.as_bytes())),
        1 => Answer::Keep(chunked.clone().into_bytes()),
        2 => Answer::Keep(with_headers("200 OK", "", b"")),
        _ => Answer::Keep(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
    })
    .await;
    let client = client(&server.url(), json!({}));
    for expected in [body, body, "null", "null"] {
        let answer = soon(client.request(Method::GET, "a").send()).await.unwrap();
        let json = answer.json_or_null().await.unwrap();
        assert_eq!(json.text, expected.as_bytes());
        assert!(json.text.capacity() > json.text.len());
    }
}

#[tokio::test]
async fn a_json_answer_beyond_max_result_bytes_is_a_protocol_error() {
    let body = format!("[{}]", "1,".repeat(600) + "1");
    let chunked = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
        body.len()
    );
    let whole = with_headers("200 OK", "", body.as_bytes());
    for answer in [whole, chunked.into_bytes()] {
        let server = Server::start(move |_| Answer::Keep(answer.clone())).await;
        let get = |bound: usize| {
            let client = client(&server.url(), json!({"maxResultBytes": bound, "retries": 2}));
            async move { soon(client.request(Method::GET, "a").send().await?.json()).await }
        };
        let error = get(body.len() - 1).await.unwrap_err();
        assert_eq!((error.status(), error.detail().attempts), (status::PROTOCOL, 1), "{error}");
        assert!(error.to_string().contains("maxResultBytes"), "{error}");
        assert_eq!(get(body.len()).await.unwrap().text, body.as_bytes());
        assert_eq!(get(0).await.unwrap().text, body.as_bytes());
    }
}

#[tokio::test]
async fn a_length_that_is_a_lie_costs_no_memory() {
    let server = Server::start(|_| {
        Answer::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n{}".to_vec())
    })
    .await;
    let client = client(&server.url(), json!({}));
    let error = soon(soon(client.request(Method::GET, "a").send()).await.unwrap().json()).await.unwrap_err();
    assert_eq!(error.status(), status::PROTOCOL);
    let error = soon(soon(client.request(Method::GET, "a").send()).await.unwrap().bytes()).await.unwrap_err();
    assert_eq!(error.status(), status::CONNECTION);
}

#[tokio::test]
async fn bodies_come_in_pieces_too() {
    let server = Server::start(|_| Answer::Keep(json_answer("206 Partial Content", &json!([1, 2])))).await;
    let client = client(&server.url(), json!({}));
    let mut answer =
        soon(client.request(Method::GET, "a").header("range", "bytes=0-4").send()).await.unwrap();
    assert_eq!((answer.status(), answer.length()), (206, Some(5)));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let mut body = Vec::new();
    while let Some(chunk) = soon(answer.chunk()).await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    assert_eq!(body, b"[1,2]");
    assert_eq!(server.requests()[0].header("range"), Some("bytes=0-4"));
}
