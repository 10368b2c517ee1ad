//! What the operations about settings, access, metrics and copies ask, and what they make of the answers.

use crate::dev_server::described;
use crate::support::toolbox::{Reply, RequestInfo, Toolbox, not_found, ok};
use crate::support::{call, client, made, soon};
use daytona::client::error::{Error, Result};
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use serde_json::{Value, json};

/// A whole sandbox in this state.
fn sandbox(state: &str) -> Value {
    json!({
        "id": "sb-1", "organizationId": "org 1", "name": "n", "user": "u", "labels": {}, "public": false,
        "target": "t", "cpu": 1, "gpu": 0, "memory": 1, "disk": 1, "state": state, "toolboxProxyUrl": "",
    })
}

/// One server for API and toolbox; the sandbox's JSON is read beforehand.
async fn serve(answer: impl Fn(&RequestInfo, usize) -> Reply + Send + Sync + 'static) -> (Toolbox, Sandbox) {
    let server = Toolbox::start_api(answer).await;
    let mut json = sandbox("started");
    json["toolboxProxyUrl"] = json!(server.url);
    let client = client(&server.url, json!({}));
    let sandbox = made(&client, "sandbox.attach", json!({ "sandbox": json })).await.unwrap().0;
    (server, sandbox)
}

async fn ask(sandbox: &Sandbox, operation: &str, params: Value) -> Result<Value> {
    described(operation, soon(call(sandbox, operation, params)).await)
}

/// The request of an operation that is answered with this: method, path, body.
async fn sent(operation: &str, params: Value, answer: Value) -> (String, String, Value) {
    let (server, sandbox) = serve(move |_, _| ok(answer.clone())).await;
    ask(&sandbox, operation, params).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
    let asked = server.requests().into_iter().next_back().expect("a request");
    (asked.method, asked.path, asked.body)
}

#[tokio::test]
async fn settings_travel_in_paths_and_bodies_as_the_service_has_them() {
    let none = Value::Null;
    for (operation, params, method, path, body) in [
        ("sandbox.set_public", json!({"isPublic": true}), "POST", "/public/true", none.clone()),
        ("sandbox.set_public", json!({"isPublic": false}), "POST", "/public/false", none.clone()),
        ("sandbox.set_auto_pause", json!({"minutes": 7}), "POST", "/autopause/7", none.clone()),
        ("sandbox.set_ttl", json!({"minutes": 0}), "POST", "/ttl/0", none.clone()),
        (
            "sandbox.set_secrets",
            json!({"secrets": [{"A": "a"}]}),
            "PUT",
            "/secrets",
            json!({"secrets": [{"A": "a"}]}),
        ),
        ("sandbox.set_secrets", json!({"secrets": []}), "PUT", "/secrets", json!({"secrets": []})),
        (
            "sandbox.set_network",
            json!({"networkBlockAll": false, "domainAllowList": ""}),
            "POST",
            "/network-settings",
            json!({"networkBlockAll": false, "domainAllowList": ""}),
        ),
        ("sandbox.keepalive", json!({}), "POST", "/last-activity", none.clone()),
        (
            "sandbox.keepalive",
            json!({"activityType": "ide"}),
            "POST",
            "/last-activity",
            json!({"activityType": "ide"}),
        ),
        ("sandbox.recover", json!({}), "POST", "/recover", none.clone()),
    ] {
        let (server, sandbox) = serve(|_, _| ok(sandbox("started"))).await;
        ask(&sandbox, operation, params).await.unwrap();
        let requests = server.requests();
        let first = requests.iter().find(|asked| asked.path != "/config").unwrap();
        let path = format!("/sandbox/sb-1{path}");
        if operation != "sandbox.recover" {
            assert_eq!(
                (first.method.as_str(), &first.path, &first.body),
                (method, &path, &body),
                "{operation}"
            );
        }
    }
}

#[tokio::test]
async fn access_is_asked_for_with_its_limits() {
    let signed = json!({"sandboxId": "sb-1", "port": 3000, "token": "t", "url": "http://3000-t.x"});
    let path = "/sandbox/sb-1/ports/3000/signed-preview-url";
    let asked = sent("sandbox.signed_preview_link", json!({"port": 3000}), signed.clone()).await;
    assert_eq!(asked, ("GET".into(), path.into(), Value::Null));
    let limited = json!({"port": 3000, "expiresInSeconds": 86400});
    let asked = sent("sandbox.signed_preview_link", limited, signed).await;
    assert_eq!(asked.1, format!("{path}?expiresInSeconds=86400"));
    let expire = json!({"port": 3000, "token": "a b"});
    let asked = sent("sandbox.expire_signed_preview_link", expire, json!({})).await;
    assert_eq!(asked, ("POST".into(), format!("{path}/a%20b/expire"), Value::Null));

    let access = json!({
        "id": "i", "sandboxId": "sb-1", "token": "t", "expiresAt": "2026-01-01T00:00:00Z",
        "createdAt": "2026-01-01T00:00:00Z", "updatedAt": "2026-01-01T00:00:00Z", "sshCommand": "ssh t@h",
    });
    let asked = sent("sandbox.create_ssh_access", json!({"expiresInMinutes": 5}), access.clone()).await;
    assert_eq!(asked.1, "/sandbox/sb-1/ssh-access?expiresInMinutes=5");
    let asked = sent("sandbox.create_ssh_access", json!({}), access).await;
    assert_eq!(asked.1, "/sandbox/sb-1/ssh-access");
    let asked = sent("sandbox.revoke_ssh_access", json!({"token": "a&b"}), sandbox("started")).await;
    assert_eq!(asked, ("DELETE".into(), "/sandbox/sb-1/ssh-access?token=a%26b".into(), Value::Null));
    let valid = json!({"valid": false, "sandboxId": null});
    let asked = sent("sandbox.validate_ssh_access", json!({"token": "t"}), valid).await;
    assert_eq!(asked.1, "/sandbox/ssh-access/validate?token=t");
}

#[tokio::test]
async fn arguments_that_no_server_takes_are_refused_before_anything_is_sent() {
    let (server, sandbox) = serve(|_, _| ok(json!({}))).await;
    for (operation, params, word) in [
        ("sandbox.signed_preview_link", json!({"port": 0}), "`port`"),
        ("sandbox.signed_preview_link", json!({"port": 1, "expiresInSeconds": 0}), "expiresInSeconds"),
        ("sandbox.signed_preview_link", json!({"port": 1, "expiresInSeconds": 86401}), "expiresInSeconds"),
        ("sandbox.expire_signed_preview_link", json!({"port": 1, "token": ""}), "token"),
        ("sandbox.expire_signed_preview_link", json!({"port": 1, "token": "a/b"}), "token"),
        ("sandbox.create_ssh_access", json!({"expiresInMinutes": 0}), "expiresInMinutes"),
        // It would revoke every token.
        ("sandbox.revoke_ssh_access", json!({"token": ""}), "`token`"),
        ("sandbox.download_url", json!({"path": ""}), "`path`"),
        ("sandbox.upload_url", json!({"path": ""}), "`path`"),
        ("sandbox.port_in_use", json!({"port": 80}), "3000 to 9999"),
        ("sandbox.set_ttl", json!({"minutes": -1}), "`minutes`"),
        ("sandbox.set_auto_pause", json!({"minutes": -1}), "`minutes`"),
        ("sandbox.set_network", json!({}), "networkBlockAll"),
        ("sandbox.metrics_history", json!({"from": "", "to": "x"}), "`from`"),
        ("sandbox.create_snapshot", json!({"name": ""}), "`name`"),
    ] {
        let error = ask(&sandbox, operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{operation}: {error}");
        assert!(error.detail().message.contains(word), "{operation}: {error}");
    }
    let error = made_from(&sandbox, json!({"name": ""})).await.err().unwrap();
    assert_eq!(error.status(), status::INVALID_ARGUMENT, "{error}");
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

/// sandbox.fork, which makes a handle.
async fn made_from(sandbox: &Sandbox, params: Value) -> Result<(Sandbox, Value)> {
    use daytona::catalogue::{self, Call, Outcome, TargetRef};
    let call = Call {
        target: TargetRef::Sandbox(sandbox.clone()),
        params: params.to_string().into_bytes(),
        context: crate::support::context(),
    };
    match soon(catalogue::find("sandbox.fork").unwrap().call.unwrap()(call)?).await? {
        Outcome::NewSandbox(TargetRef::Sandbox(fork), json) => {
            let json = described("sandbox.fork", Ok(serde_json::from_slice(&json).unwrap()))?;
            Ok((fork, json))
        }
        _ => panic!("no sandbox"),
    }
}

fn refuses(error: &Error, word: &str) {
    assert_eq!(error.status(), status::UNSUPPORTED, "{error}");
    assert!(error.detail().message.contains(word), "{error}");
}

#[tokio::test]
async fn a_route_that_an_older_api_lacks_is_unsupported_and_a_missing_sandbox_is_not() {
    let operations = [
        ("sandbox.set_ttl", json!({"minutes": 1}), "0.205"),
        ("sandbox.set_auto_pause", json!({"minutes": 1}), "0.205"),
        ("sandbox.set_secrets", json!({"secrets": []}), "0.205"),
        ("sandbox.download_url", json!({"path": "f"}), "0.205"),
        ("sandbox.upload_url", json!({"path": "f"}), "0.205"),
        ("sandbox.rotate_signing_key", json!({}), "0.205"),
        ("sandbox.pause", json!({}), "0.190"),
        ("sandbox.create_snapshot", json!({"name": "s"}), "0.190"),
        ("sandbox.forks", json!({}), "0.190"),
        ("sandbox.parent", json!({}), "0.190"),
        ("sandbox.ancestors", json!({}), "0.190"),
    ];
    for message in ["Cannot POST /api/sandbox/sb-1/x", "Sandbox with ID or name sb-1 not found"] {
        let answer = json!({"statusCode": 404, "error": "Not Found", "message": message});
        let (_server, sandbox) = serve(move |_, _| Reply::Json("404 Not Found", answer.clone())).await;
        for (operation, params, version) in &operations {
            let error = ask(&sandbox, operation, params.clone()).await.unwrap_err();
            match message.starts_with("Cannot") {
                true => refuses(&error, version),
                false => assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{operation}: {error}"),
            }
            assert_eq!(error.detail().sandbox_id.as_deref(), Some("sb-1"), "{operation}");
        }
    }
    // A daemon without the route.
    let (server, sandbox) = serve(|_, _| Reply::Raw("404 Not Found", b"404 page not found".to_vec())).await;
    refuses(&ask(&sandbox, "sandbox.metrics", json!({})).await.unwrap_err(), "0.205");
    let before = server.requests().len();
    refuses(&ask(&sandbox, "sandbox.update_env", json!({"set": {}})).await.unwrap_err(), "0.205");
    assert_eq!(server.requests().len(), before, "it is known by now");
    // What the service keeps for its gateway.
    let (_server, sandbox) = serve(|_, _| {
        Reply::Json("403 Forbidden", json!({"statusCode": 403, "message": "Invalid authentication context"}))
    })
    .await;
    refuses(&ask(&sandbox, "sandbox.validate_ssh_access", json!({"token": "t"})).await.unwrap_err(), "0.205");
}

#[tokio::test]
async fn the_environment_changes_by_what_is_given_alone() {
    let all = json!({"set": {"A": "b"}, "unset": ["C"], "unsetValuePrefix": "dtn_"});
    assert_eq!(
        sent("sandbox.update_env", all.clone(), json!({"message": "x"})).await,
        ("POST".into(), "env".into(), all)
    );
    let one = json!({"unset": ["C"]});
    assert_eq!(sent("sandbox.update_env", one.clone(), json!({})).await.2, one);
}

#[tokio::test]
async fn a_url_is_signed_with_a_key_that_is_read_once() {
    let (server, sandbox) = serve(|asked, before| match (asked.method.as_str(), before) {
        ("GET", _) => Reply::Raw("200 OK", b"key-1".to_vec()),
        _ => Reply::Raw("200 OK", b"key-2".to_vec()),
    })
    .await;
    let url = async |operation: &str, params: Value| ask(&sandbox, operation, params).await.unwrap();
    let params = json!({"path": "a b/\u{fc}&?", "ttlSeconds": 0});
    let first = url("sandbox.download_url", params.clone()).await;
    let expected =
        format!("{}/sb-1/files/download?path=a+b%2F%C3%BC%26%3F&expires=0&signature=v1_", server.url);
    assert!(first["url"].as_str().unwrap().starts_with(&expected), "{first}");
    assert_eq!(first["expires"], 0);
    let upload = url("sandbox.upload_url", params.clone()).await;
    assert!(upload["url"].as_str().unwrap().contains("/sb-1/files/upload-v2?"), "{upload}");
    let hour = url("sandbox.download_url", json!({"path": "f"})).await["expires"].as_i64().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    assert!((now + 3500..=now + 3600).contains(&hour), "{hour}, {now}");
    let keys = |method: &str| server.requests().iter().filter(|asked| asked.method == method).count();
    assert_eq!((keys("GET"), keys("POST")), (1, 0));
    assert_eq!(ask(&sandbox, "sandbox.rotate_signing_key", json!({})).await.unwrap(), Value::Null);
    let second = url("sandbox.download_url", params).await;
    assert_ne!(first["url"], second["url"], "the new key signs");
    assert_eq!((keys("GET"), keys("POST")), (1, 1));
    // The time counts from the reading on.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(15)).await;
    tokio::time::resume();
    url("sandbox.download_url", json!({"path": "f"})).await;
    assert_eq!(keys("GET"), 2);
}

#[tokio::test]
async fn an_answer_that_is_no_key_signs_nothing_and_is_not_shown() {
    for answer in ["", "{\"key\":\"sesame\"}", "<html>sesame</html>", "sesame open", "ses\u{e4}me"] {
        let (_server, sandbox) = serve(move |_, _| Reply::Raw("200 OK", answer.into())).await;
        for operation in ["sandbox.download_url", "sandbox.upload_url"] {
            let error = ask(&sandbox, operation, json!({"path": "f"})).await.unwrap_err();
            assert_eq!(error.status(), status::PROTOCOL, "{answer}: {error}");
            assert!(!error.detail().message.contains("ses"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_history_comes_from_the_analytics_api_where_there_is_one() {
    let range =
        json!({"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z", "metricNames": ["a", "b"]});
    let series = json!({"series": [{"metricName": "a", "dataPoints": [{"timestamp": "t", "value": 1.5}]}]});
    let answer = series.clone();
    let (server, sandbox) = serve(move |asked, _| match asked.path.as_str() {
        "/config" => ok(json!({"analyticsApiUrl": ""})),
        _ => ok(answer.clone()),
    })
    .await;
    assert_eq!(ask(&sandbox, "sandbox.metrics_history", range.clone()).await.unwrap(), series);
    let query = "from=2026-01-01T00%3A00%3A00Z&to=2026-01-02T00%3A00%3A00Z";
    let path = format!("/sandbox/sb-1/telemetry/metrics?{query}&metricNames=a&metricNames=b");
    assert_eq!(server.requests()[1].path, path);

    let analytics = Toolbox::start_api(|_, _| {
        ok(json!([
            {"metricName": "a", "timestamp": "1", "value": 1.0}, {"metricName": "b", "timestamp": "1", "value": 3.0},
            {"metricName": "a", "timestamp": "2", "value": 2.0},
        ]))
    })
    .await;
    let url = format!("{}/", analytics.url);
    let (server, sandbox) = serve(move |_, _| ok(json!({ "analyticsApiUrl": url }))).await;
    let points = |values: &[(&str, f64)]| {
        values.iter().map(|(at, value)| json!({"timestamp": at, "value": value})).collect::<Vec<_>>()
    };
    assert_eq!(
        ask(&sandbox, "sandbox.metrics_history", range).await.unwrap(),
        json!({"series": [
            {"metricName": "a", "dataPoints": points(&[("1", 1.0), ("2", 2.0)])},
            {"metricName": "b", "dataPoints": points(&[("1", 3.0)])},
        ]})
    );
    assert_eq!(server.requests().len(), 1);
    let asked = &analytics.requests()[0];
    let path = format!("/organization/org%201/sandbox/sb-1/telemetry/metrics?{query}&metricNames=a%2Cb");
    assert_eq!(asked.path, path);
    assert!(asked.header("authorization").is_some(), "the API named it");
}

/// Answers changes with the first of these states, and each reading with the next.
async fn changing(states: &'static [&'static str]) -> (Toolbox, Sandbox) {
    serve(move |asked, before| match asked.method.as_str() {
        "GET" => ok(sandbox(states[(before + 1).min(states.len() - 1)])),
        _ => ok(sandbox(states[0])),
    })
    .await
}

#[tokio::test]
async fn a_pause_is_over_when_the_sandbox_is_paused_or_the_server_gave_it_up() {
    let (_server, sandbox) = changing(&["started", "started", "pausing", "paused"]).await;
    assert_eq!(ask(&sandbox, "sandbox.pause", json!({})).await.unwrap()["state"], "paused");
    let (_server, sandbox) = changing(&["pausing", "pausing", "started"]).await;
    let error = ask(&sandbox, "sandbox.pause", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::SANDBOX_FAILED, "{error}");
    let refusal = json!({"statusCode": 422, "message": "Pausing is not supported for this sandbox"});
    let (_server, sandbox) =
        serve(move |_, _| Reply::Json("422 Unprocessable Entity", refusal.clone())).await;
    let error = ask(&sandbox, "sandbox.pause", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_UNPROCESSABLE_ENTITY, "{error}");
}

#[tokio::test]
async fn a_recovery_begins_in_the_error_state_and_fails_only_after_it_has_left_it() {
    let (_server, sandbox) = changing(&["error", "error", "error", "stopped", "starting", "started"]).await;
    assert_eq!(ask(&sandbox, "sandbox.recover", json!({})).await.unwrap()["state"], "started");
    let (server, sandbox) = changing(&["error", "error", "stopped"]).await;
    let stopped = ask(&sandbox, "sandbox.recover", json!({"skipStart": true})).await.unwrap();
    assert_eq!(stopped["state"], "stopped");
    assert_eq!(server.requests()[0].path, "/sandbox/sb-1/recover?skipStart=true");
    let (_server, sandbox) = changing(&["error", "stopped", "error"]).await;
    let error = ask(&sandbox, "sandbox.recover", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::SANDBOX_FAILED, "{error}");
}

#[tokio::test]
async fn a_snapshot_is_waited_for_and_a_fork_is_another_sandbox() {
    let (server, sandbox) = changing(&["snapshotting", "snapshotting", "stopped"]).await;
    let params = json!({"name": "s", "includeMemory": true});
    assert_eq!(ask(&sandbox, "sandbox.create_snapshot", params.clone()).await.unwrap()["state"], "stopped");
    assert_eq!(
        (&server.requests()[0].path[..], &server.requests()[0].body),
        ("/sandbox/sb-1/snapshot", &params)
    );

    let fork = |state: &str| {
        let mut json = super::newer_requests::sandbox(state);
        json["id"] = json!("sb-2");
        json
    };
    let (server, sandbox) = serve(move |asked, before| match (asked.method.as_str(), before) {
        ("POST", _) | (_, 0) => ok(fork("creating")),
        _ => ok(fork("started")),
    })
    .await;
    let (made, info) = made_from(&sandbox, json!({"name": "copy"})).await.unwrap();
    assert_eq!((made.id(), &info["state"]), ("sb-2", &json!("started")));
    let asked = server.requests();
    assert_eq!((&asked[0].path[..], &asked[0].body), ("/sandbox/sb-1/fork", &json!({"name": "copy"})));
    assert!(asked[1..].iter().all(|asked| asked.is("GET", "/sandbox/sb-2")), "{asked:?}");
    // A fork whose answer was lost is found by the name that was made up for it.
    let (server, sandbox) = serve(move |asked, _| match asked.method.as_str() {
        "POST" => Reply::Json("502 Bad Gateway", json!({"message": "oops"})),
        _ => ok(fork("started")),
    })
    .await;
    assert_eq!(made_from(&sandbox, json!({})).await.unwrap().0.id(), "sb-2");
    let asked = server.requests();
    let name = asked[0].body["name"].as_str().unwrap();
    assert_eq!(asked[1].path, format!("/sandbox/{name}"));
    let error = made_from(&sandbox, json!({"name": "mine"})).await.err().unwrap();
    assert_eq!((error.status(), error.detail().sandbox_name.as_deref()), (502, Some("mine")), "{error}");
}

#[tokio::test]
async fn relatives_are_lists_and_no_parent_is_not_found() {
    let list = json!([sandbox("started"), sandbox("destroyed")]);
    assert_eq!(sent("sandbox.forks", json!({}), list.clone()).await.1, "/sandbox/sb-1/forks");
    let all = sent("sandbox.forks", json!({"includeDestroyed": true}), list.clone()).await.1;
    assert_eq!(all, "/sandbox/sb-1/forks?includeDestroyed=true");
    assert_eq!(sent("sandbox.ancestors", json!({}), list).await.1, "/sandbox/sb-1/ancestors");
    assert_eq!(sent("sandbox.parent", json!({}), sandbox("started")).await.1, "/sandbox/sb-1/parent");
    let (_server, sandbox) = serve(|_, _| not_found()).await;
    let error = ask(&sandbox, "sandbox.parent", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{error}");
}
