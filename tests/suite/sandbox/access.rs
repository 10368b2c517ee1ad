//! Settings and access against a dev server, in both protocols: previews, SSH, signed URLs, metrics, environment.

use crate::dev_server::{BOTH, DevServer, ask, fails};
use crate::fixture::Fixture;
use crate::support::until;
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use daytona_dev::{Options, Protocol};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A request without any credential, and without the resolver, which may not know `.localhost`: status and body.
async fn plain(server: &DevServer, method: &str, url: &str, body: &str) -> (u16, String) {
    let address = server.server.api_url().trim_start_matches("http://").trim_end_matches("/api").to_owned();
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap_or((&url[7..], ""));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    // A name in a header is not UTF-8.
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A port of the sandbox behind which a web server says `there`.
async fn listens(sandbox: &Sandbox) -> i64 {
    let program = "import http.server,socketserver,threading\n\
                   class H(http.server.BaseHTTPRequestHandler):\n \
                   def do_GET(self): self.send_response(200); self.end_headers(); self.wfile.write(b'there')\n\
                   for port in range(3000, 9999):\n \
                   try:\n  s=socketserver.TCPServer(('127.0.0.1', port), H); break\n \
                   except OSError: pass\n\
                   open('port','w').write(str(port)); s.serve_forever()\n";
    let start =
        format!("cat > serve.py <<'X'\n{program}X\nnohup setsid python3 serve.py >log 2>&1 </dev/null &");
    ask(sandbox, "process.execute", json!({"command": start, "timeoutMs": 0})).await;
    let port = async || {
        let read = ask(sandbox, "process.execute", json!({"command": "cat port 2>/dev/null; true"})).await;
        read["result"].as_str().unwrap().trim().parse::<i64>()
    };
    until("it listens", async || port().await.is_ok()).await;
    port().await.unwrap()
}

#[tokio::test]
async fn a_signed_link_leads_to_the_port_until_it_ends_and_a_public_one_for_everybody() {
    for protocol in BOTH {
        let server = DevServer::of(protocol).await;
        let sandbox = server.create(json!({})).await;
        let port = listens(&sandbox).await;
        let get = async |url: &str| plain(&server, "GET", url, "").await;
        let link = ask(&sandbox, "sandbox.preview_link", json!({ "port": port })).await;
        let url = link["url"].as_str().unwrap();
        assert_eq!(get(url).await.0, 404);
        let public = ask(&sandbox, "sandbox.set_public", json!({"isPublic": true})).await;
        assert_eq!((&public["public"], get(url).await), (&json!(true), (200, "there".to_owned())));
        ask(&sandbox, "sandbox.set_public", json!({"isPublic": false})).await;
        assert_eq!(get(url).await.0, 404);

        let signed = ask(&sandbox, "sandbox.signed_preview_link", json!({ "port": port })).await;
        let url = signed["url"].as_str().unwrap();
        assert_eq!(get(url).await, (200, "there".to_owned()));
        let expire = json!({"port": port, "token": signed["token"]});
        assert_eq!(ask(&sandbox, "sandbox.expire_signed_preview_link", expire).await, Value::Null);
        assert_eq!(get(url).await.0, 404);
        let short = json!({"port": port, "expiresInSeconds": 1});
        let short = ask(&sandbox, "sandbox.signed_preview_link", short).await;
        until("it has ended", async || get(short["url"].as_str().unwrap()).await.0 == 404).await;

        let ports = ask(&sandbox, "sandbox.ports", json!({})).await;
        assert_eq!(ports["ports"], json!([port]));
        assert_eq!(ask(&sandbox, "sandbox.port_in_use", json!({ "port": port })).await["isInUse"], true);
        assert_eq!(ask(&sandbox, "sandbox.port_in_use", json!({"port": 9999})).await["isInUse"], false);
    }
}

#[tokio::test]
async fn an_ssh_token_is_made_validated_and_revoked() {
    let server = DevServer::of(Protocol::V0_205).await;
    let sandbox = server.create(json!({})).await;
    let access = ask(&sandbox, "sandbox.create_ssh_access", json!({"expiresInMinutes": 10})).await;
    let token = json!({"token": access["token"]});
    let valid = ask(&sandbox, "sandbox.validate_ssh_access", token.clone()).await;
    assert_eq!(valid, json!({"valid": true, "sandboxId": sandbox.id()}));
    assert_eq!(ask(&sandbox, "sandbox.revoke_ssh_access", token.clone()).await["id"], sandbox.id());
    assert_eq!(ask(&sandbox, "sandbox.validate_ssh_access", token).await["valid"], false);
}

#[tokio::test]
async fn a_signed_url_moves_a_file_without_a_credential_until_it_or_its_key_ends() {
    let fixture = Fixture::new().await;
    let url = async |operation: &str, params: Value| {
        fixture.does(operation, params).await["url"].as_str().unwrap().to_owned()
    };
    for path in ["plain.txt", "with  spaces & \u{fc} % + ?.txt"] {
        let up = url("sandbox.upload_url", json!({ "path": path })).await;
        assert_eq!(plain(&fixture, "POST", &up, "content").await.0, 200, "{up}");
        let down = url("sandbox.download_url", json!({"path": path, "ttlSeconds": 0})).await;
        assert_eq!(plain(&fixture, "GET", &down, "").await, (200, "content".to_owned()), "{down}");
        // Each for its own method, path and time.
        assert_eq!(plain(&fixture, "POST", &down, "x").await.0, 401);
        assert_eq!(plain(&fixture, "GET", &down.replace("path=", "path=x"), "").await.0, 401);
        assert_eq!(plain(&fixture, "GET", &down.replace("expires=0", "expires=1"), "").await.0, 401);
        assert_eq!(plain(&fixture, "GET", &down.replace("/files/download", "/files"), "").await.0, 401);
    }
    let short = url("sandbox.download_url", json!({"path": "plain.txt", "ttlSeconds": 1})).await;
    until("it has ended", async || plain(&fixture, "GET", &short, "").await.0 == 401).await;
    let before = url("sandbox.download_url", json!({"path": "plain.txt"})).await;
    fixture.does("sandbox.rotate_signing_key", json!({})).await;
    assert_eq!(plain(&fixture, "GET", &before, "").await.0, 401);
    let after = url("sandbox.download_url", json!({"path": "plain.txt"})).await;
    assert_eq!(plain(&fixture, "GET", &after, "").await.0, 200);
}

#[tokio::test]
async fn settings_are_those_of_the_sandbox_read_again() {
    let server = DevServer::of(Protocol::V0_205).await;
    let sandbox = server.create(json!({"autoStopInterval": 0})).await;
    let ttl = ask(&sandbox, "sandbox.set_ttl", json!({"minutes": 600})).await;
    assert!(ttl["autoDestroyAt"].is_string(), "{ttl}");
    let pause = ask(&sandbox, "sandbox.set_auto_pause", json!({"minutes": 5})).await;
    assert_eq!(pause["autoPauseInterval"], 5);
    let network = ask(&sandbox, "sandbox.set_network", json!({"networkAllowList": "10.0.0.0/8"})).await;
    assert_eq!(network["networkAllowList"], "10.0.0.0/8");
    let wrong = fails(&sandbox, "sandbox.set_network", json!({"networkAllowList": "x"})).await;
    assert_eq!(wrong.status(), status::HTTP_BAD_REQUEST);
    let read = ask(&sandbox, "sandbox.refresh", json!({})).await;
    for key in ["autoDestroyAt", "autoPauseInterval", "networkAllowList"] {
        assert!(!read[key].is_null(), "{key}: {read}");
    }
    assert_eq!(ask(&sandbox, "sandbox.keepalive", json!({"activityType": "test"})).await, Value::Null);
    let now = ask(&sandbox, "sandbox.refresh", json!({})).await;
    assert!(now["lastActivityAt"].as_str() > read["lastActivityAt"].as_str(), "{now}");
}

#[tokio::test]
async fn new_processes_have_the_environment_that_was_set() {
    let server = DevServer::of(Protocol::V0_205).await;
    let sandbox = server.create(json!({"env": {"OLD": "dtn_old", "KEPT": "k"}})).await;
    let update = json!({"set": {"NEW": "new value"}, "unset": ["NONE"], "unsetValuePrefix": "dtn_"});
    assert_eq!(ask(&sandbox, "sandbox.update_env", update).await, Value::Null);
    let printed = json!({"command": "echo \"[$OLD][$KEPT][$NEW]\""});
    assert_eq!(ask(&sandbox, "process.execute", printed).await["result"], "[][k][new value]\n");
    server.json("secret.create", json!({"name": "a-secret", "value": "v"})).await.unwrap();
    ask(&sandbox, "sandbox.set_secrets", json!({"secrets": [{"TOKEN": "a-secret"}]})).await;
    let printed = ask(&sandbox, "process.execute", json!({"command": "echo $TOKEN"})).await["result"].clone();
    assert!(printed.as_str().unwrap().starts_with("dtn_secret_"), "{printed}");
}

#[tokio::test]
async fn metrics_are_there_now_and_over_time() {
    let options = Options { minute: Some(Duration::from_millis(300)), ..Options::default() };
    let server = DevServer::with(options, json!({})).await;
    let sandbox = server.create(json!({"autoStopInterval": 0})).await;
    let now = ask(&sandbox, "sandbox.metrics", json!({})).await;
    assert_eq!(now["memTotal"], json!(1u64 << 30), "{now}");
    let version = ask(&sandbox, "sandbox.daemon_version", json!({})).await;
    assert!(version["version"].as_str().unwrap().starts_with('v'), "{version}");
    let range = json!({"from": "2020-01-01T00:00:00Z", "to": "2999-01-01T00:00:00Z"});
    let history = async || ask(&sandbox, "sandbox.metrics_history", range.clone()).await["series"].clone();
    until("there are samples", async || history().await.as_array().unwrap().len() == 7).await;
    let mut one = range.clone();
    one["metricNames"] = json!(["daytona.sandbox.cpu.limit"]);
    let one = ask(&sandbox, "sandbox.metrics_history", one).await["series"].clone();
    assert_eq!((one.as_array().unwrap().len(), &one[0]["dataPoints"][0]["value"]), (1, &json!(1)), "{one}");
    let wrong = json!({"from": "yesterday", "to": "today"});
    assert_eq!(fails(&sandbox, "sandbox.metrics_history", wrong).await.status(), status::HTTP_BAD_REQUEST);
}

#[tokio::test]
async fn what_the_older_server_lacks_is_unsupported_with_the_version_that_has_it() {
    let server = DevServer::of(Protocol::V0_190).await;
    let sandbox = server.create(json!({})).await;
    for (operation, params) in [
        ("sandbox.set_ttl", json!({"minutes": 1})),
        ("sandbox.set_auto_pause", json!({"minutes": 1})),
        ("sandbox.set_secrets", json!({"secrets": []})),
        ("sandbox.download_url", json!({"path": "f"})),
        ("sandbox.upload_url", json!({"path": "f"})),
        ("sandbox.rotate_signing_key", json!({})),
        ("sandbox.metrics", json!({})),
        ("sandbox.update_env", json!({})),
        ("sandbox.validate_ssh_access", json!({"token": "t"})),
        ("sandbox.keepalive", json!({"activityType": "x"})),
    ] {
        let error = fails(&sandbox, operation, params).await;
        assert_eq!(error.status(), status::UNSUPPORTED, "{operation}: {error}");
        assert!(error.detail().message.contains("0.205"), "{operation}: {error}");
    }
    for (operation, params) in [
        ("sandbox.set_network", json!({"networkBlockAll": true})),
        ("sandbox.keepalive", json!({})),
        ("sandbox.create_ssh_access", json!({})),
        ("sandbox.daemon_version", json!({})),
    ] {
        ask(&sandbox, operation, params).await;
    }
}
