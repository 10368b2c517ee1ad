//! What the git operations send.

use crate::support::call;
use crate::support::toolbox::{Reply, Toolbox, ok};
use daytona::client::status;
use serde_json::{Value, json};

async fn sent(operation: &str, params: Value) -> Value {
    let toolbox = Toolbox::start(|_, _| ok(json!({"hash": "h", "value": "v"}))).await;
    call(&toolbox.sandbox(json!({})).await, operation, params).await.unwrap();
    toolbox.requests().last().unwrap().body.clone()
}

#[tokio::test]
async fn options_travel_under_their_wire_names_and_only_when_given() {
    let all = json!({
        "url": "u", "path": "p", "branch": "b", "commitId": "c", "depth": 3, "username": "n", "password": "w",
        "insecureSkipTls": true,
    });
    let expected = json!({
        "url": "u", "path": "p", "branch": "b", "commit_id": "c", "depth": 3, "username": "n", "password": "w",
        "insecure_skip_tls": true,
    });
    assert_eq!(sent("git.clone", all).await, expected);
    assert_eq!(sent("git.clone", json!({"url": "u", "path": "p"})).await, json!({"url": "u", "path": "p"}));
    let push = json!({"path": "p", "remote": "r", "branch": "b", "setUpstream": true});
    let expected = json!({"path": "p", "remote": "r", "branch": "b", "set_upstream": true});
    assert_eq!(sent("git.push", push).await, expected);
    let commit = json!({"path": "p", "message": "m", "author": "a", "email": "e", "allowEmpty": true});
    let expected = json!({"path": "p", "message": "m", "author": "a", "email": "e", "allow_empty": true});
    assert_eq!(sent("git.commit", commit).await, expected);
    let init = json!({"path": "p", "bare": false, "initialBranch": "b"});
    assert_eq!(sent("git.init", init).await, json!({"path": "p", "bare": false, "initial_branch": "b"}));
}

#[tokio::test]
async fn what_no_server_can_do_is_refused_before_anything_is_sent() {
    let toolbox = Toolbox::start(|_, _| ok(json!({}))).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for (operation, params, expected) in [
        ("git.delete_branch", json!({"path": "p", "name": "b", "force": false}), status::UNSUPPORTED),
        ("git.clone", json!({"url": "u", "path": "p", "username": "n"}), status::INVALID_ARGUMENT),
        ("git.push", json!({"path": "p", "password": "w"}), status::INVALID_ARGUMENT),
        ("git.clone", json!({"url": "u", "path": "p", "depth": -1}), status::INVALID_ARGUMENT),
    ] {
        let error = call(&sandbox, operation, params).await.unwrap_err();
        assert_eq!(error.status(), expected, "{operation}");
    }
    assert!(toolbox.requests().is_empty());
}

#[tokio::test]
async fn an_old_daemon_is_found_out_once_and_by_a_request_that_changes_nothing() {
    let toolbox = Toolbox::start(|_, _| Reply::Raw("404 Not Found", b"404 page not found".to_vec())).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for _ in 0..2 {
        let error = call(&sandbox, "git.pull", json!({"path": "p", "branch": "b"})).await.unwrap_err();
        assert_eq!(error.status(), status::UNSUPPORTED);
        let error = call(&sandbox, "git.init", json!({"path": "p"})).await.unwrap_err();
        assert_eq!(error.status(), status::UNSUPPORTED);
    }
    let asked: Vec<_> = toolbox.requests().iter().map(|asked| asked.method.clone()).collect();
    assert_eq!(asked, ["GET"]);
}
