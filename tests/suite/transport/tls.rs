//! What the transport promises of TLS: always verified, each failure with its own text, HTTP/2 where
//! it is offered, WebSockets over the same roots.

use crate::canned::tls::Authority;
use crate::canned::{client, soon};
use daytona::client::Client;
use daytona::client::background;
use daytona::client::status;
use daytona::client::transport::Message;
use daytona::client::transport::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

async fn get(client: &Client) -> daytona::Result<Value> {
    let json = soon(async { client.request(Method::GET, "a").send().await?.json().await }).await?;
    Ok(serde_json::from_slice(&json.text).unwrap())
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_given() {
    let authority = Authority::new();
    let file = authority.file();
    let server = authority.serve("localhost", false, &[]).await;
    let client = client(&server.url(), json!({"caFile": file.path()}));
    let answer = get(&client).await.unwrap();
    assert_eq!(answer, json!({"http": "1.1", "bearer": true}));
}

#[tokio::test]
async fn an_unknown_authority_is_refused_and_says_what_to_do() {
    let server = Authority::new().serve("localhost", false, &[]).await;
    let file = Authority::new().file();
    let client = client(&server.url(), json!({"caFile": file.path(), "retries": 3}));
    let error = get(&client).await.unwrap_err();
    assert_eq!((error.status(), error.detail().attempts), (status::TLS, 1));
    let host = format!("localhost:{}", server.address.port());
    for word in [host.as_str(), "not trusted", "caFile", "SSL_CERT_FILE"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    let error = soon(client.transport().websocket(&server.url(), &[])).await.err().unwrap();
    assert_eq!(error.status(), status::TLS);
}

#[tokio::test]
async fn an_expired_certificate_and_one_for_another_name_are_told_apart() {
    let authority = Authority::new();
    let file = authority.file();
    for (name, expired, word) in [("localhost", true, "expired"), ("other.example", false, "another name")] {
        let server = authority.serve(name, expired, &[]).await;
        let client = client(&server.url(), json!({"caFile": file.path()}));
        let error = get(&client).await.unwrap_err();
        assert_eq!(error.status(), status::TLS);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_said_to_be_one() {
    let (listener, url) = crate::canned::listen().await;
    let server = tokio::spawn(async move {
        let mut stream = crate::canned::accept(&listener).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        std::future::pending::<()>().await;
    });
    let file = Authority::new().file();
    let url = url.replace("http:", "https:");
    let client = client(&url, json!({"caFile": file.path()}));
    let error = get(&client).await.unwrap_err();
    assert_eq!(error.status(), status::TLS);
    assert!(error.to_string().contains("does not speak TLS"), "{error}");
    server.abort();
}

#[tokio::test]
async fn a_handshake_that_never_ends_meets_the_connect_limit() {
    let (listener, url) = crate::canned::listen().await;
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            kept.push(crate::canned::accept(&listener).await);
        }
    });
    let file = Authority::new().file();
    let url = url.replace("http:", "https:");
    let client = client(&url, json!({"caFile": file.path(), "connectTimeoutMs": 100, "retries": 1}));
    let error = get(&client).await.unwrap_err();
    assert_eq!((error.status(), error.detail().attempts), (status::TIMEOUT, 2));
    assert_eq!(error.detail().code.as_deref(), Some("CONNECT_TIMEOUT"));
    assert!(error.to_string().contains("100 ms") && error.detail().retryable, "{error}");
    silent.abort();
}

#[tokio::test]
async fn http2_is_spoken_where_offered_and_kept_alive_between_calls() {
    let authority = Authority::new();
    let file = authority.file();
    let server = authority.serve("localhost", false, &["h2", "http/1.1"]).await;
    let client = client(&server.url(), json!({"caFile": file.path()}));
    get(&client).await.unwrap();
    for answer in soon(futures_util::future::join_all((0..20).map(|_| get(&client)))).await {
        assert_eq!(answer.unwrap()["http"], "2");
    }
    assert!(background::running());
    assert_eq!(server.connections(), 1);
    client.close();
}

#[tokio::test]
async fn many_headers_are_taken_over_http2_and_more_than_the_limit_are_an_error() {
    let authority = Authority::new();
    let file = authority.file();
    let server = authority.serve("localhost", false, &["h2", "http/1.1"]).await;
    let client = client(&server.url(), json!({"caFile": file.path()}));
    // 400 KiB of them is the limit; each of these counts 45 to 48 bytes there.
    let taken = soon(client.request(Method::GET, "a?headers=5000").send()).await.unwrap();
    assert_eq!(taken.header("x-header-4999"), Some("a"));
    let error = soon(client.request(Method::GET, "a?headers=15000").send()).await.err().unwrap();
    assert_eq!(error.status(), status::PROTOCOL, "{error}");
    assert!(error.to_string().contains("400 KiB"), "{error}");
    get(&client).await.unwrap();
}

#[tokio::test]
async fn a_websocket_goes_over_http_1_to_the_same_server() {
    let authority = Authority::new();
    let file = authority.file();
    let server = authority.serve("localhost", false, &["h2", "http/1.1"]).await;
    let client = client(&server.url(), json!({"caFile": file.path()}));
    get(&client).await.unwrap();
    for url in [server.url(), server.url().replace("https:", "wss:")] {
        let mut socket = soon(client.transport().websocket(&url, &[])).await.unwrap();
        socket.send(Message::Binary(vec![1; 100_000].into())).await.unwrap();
        assert_eq!(soon(socket.next()).await.unwrap(), Some(Message::Binary(vec![1; 100_000].into())));
    }
}

/// The variable belongs to a process, so this test runs itself again in one.
#[tokio::test]
async fn ssl_cert_file_names_the_systems_authorities() {
    const URL: &str = "LIBDAYTONA_TEST_URL";
    if let Ok(url) = std::env::var(URL) {
        get(&client(&url, json!({}))).await.unwrap();
        return;
    }
    let authority = Authority::new();
    let server = authority.serve("localhost", false, &[]).await;
    for (file, succeeds) in [(authority.file(), true), (Authority::new().file(), false)] {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "transport::tls::ssl_cert_file_names_the_systems_authorities"]);
        child.env(URL, server.url()).env("SSL_CERT_FILE", file.path()).env_remove("SSL_CERT_DIR");
        let output = soon(child.output()).await.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("running 1 test"), "{text}");
        assert_eq!(output.status.success(), succeeds, "{text}");
    }
}
