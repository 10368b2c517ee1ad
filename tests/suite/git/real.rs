//! Git through the client, with real repositories and a real git server, against the dev server in both of
//! its protocols.

use crate::fixture::Fixture;
use crate::git_host::{GitHost, PASSWORD, USERNAME};
use daytona::client::status;
use serde_json::{Value, json};

async fn refused(fixture: &Fixture, operation: &str, params: Value) -> (i32, Option<String>) {
    let shown = format!("{operation} {params}");
    let error = fixture.call(operation, params).await.expect_err(&shown);
    assert!(!error.detail().message.contains(PASSWORD), "{error:?}");
    (error.status(), error.detail().code.clone())
}

#[tokio::test]
async fn a_change_goes_from_a_clone_to_the_remote_in_both_protocols() {
    for fixture in Fixture::both().await {
        let host = GitHost::start();
        let credentials = json!({"username": USERNAME, "password": PASSWORD});
        let with = |mut params: Value| {
            params["username"] = credentials["username"].clone();
            params["password"] = credentials["password"].clone();
            params
        };
        let url = host.url("/auth/bare.git");
        let wrong = json!({"url": url, "path": "r", "username": USERNAME, "password": "wrong"});
        assert_eq!(refused(&fixture, "git.clone", wrong).await.0, status::HTTP_AUTHENTICATION);
        assert_eq!(
            fixture.does("git.clone", with(json!({"url": url, "path": "r", "branch": "master"}))).await,
            Value::Null
        );
        fixture.does("git.create_branch", json!({"path": "r", "name": "topic"})).await;
        fixture.put("r/new.txt", "new\n");
        let status = fixture.does("git.status", json!({"path": "r"})).await;
        assert_eq!(status["currentBranch"], "topic");
        assert_eq!(status["fileStatus"][0]["staging"], "Untracked");
        fixture.does("git.add", json!({"path": "r", "files": ["."]})).await;
        let commit = json!({"path": "r", "message": "m", "author": "A", "email": "a@b.c"});
        let hash = fixture.does("git.commit", commit).await["hash"].clone();
        assert_eq!(fixture.does("git.history", json!({"path": "r"})).await[0]["hash"], hash);
        fixture.does("git.push", with(json!({"path": "r"}))).await;
        assert_eq!(json!(host.git("bare.git", &["rev-parse", "topic"])), hash);
        fixture.does("git.checkout", json!({"path": "r", "branch": "master"})).await;
        fixture.does("git.delete_branch", json!({"path": "r", "name": "topic", "force": true})).await;
        let branches = fixture.does("git.branches", json!({"path": "r"})).await;
        assert_eq!(branches["branches"], json!(["master"]));
        host.advance("theirs.txt", "theirs\n");
        fixture.does("git.pull", with(json!({"path": "r"}))).await;
        assert!(fixture.home.join("r/theirs.txt").exists());
    }
}

#[tokio::test]
async fn failures_have_the_daemons_codes() {
    let fixture = Fixture::new().await;
    let host = GitHost::start();
    let url = host.url("/bare.git");
    fixture.does("git.clone", json!({"url": url, "path": "r"})).await;
    let clone = |url: String| json!({"url": url, "path": "x"});
    for (operation, params, status, code) in [
        ("git.clone", clone(host.url("/auth/bare.git")), status::HTTP_AUTHENTICATION, "GIT_AUTH_FAILED"),
        ("git.clone", clone(host.url("/none.git")), status::HTTP_NOT_FOUND, "GIT_REPO_NOT_FOUND"),
        ("git.clone", clone("http://127.0.0.1:1/x".into()), status::HTTP_BAD_GATEWAY, "GIT_TRANSPORT_FAILED"),
        ("git.status", json!({"path": "none"}), status::HTTP_NOT_FOUND, "GIT_REPO_NOT_FOUND"),
        (
            "git.create_branch",
            json!({"path": "r", "name": "master"}),
            status::HTTP_CONFLICT,
            "GIT_BRANCH_EXISTS",
        ),
        (
            "git.checkout",
            json!({"path": "r", "branch": "no"}),
            status::HTTP_NOT_FOUND,
            "GIT_BRANCH_NOT_FOUND",
        ),
    ] {
        assert_eq!(
            refused(&fixture, operation, params).await,
            (status, Some(code.to_owned())),
            "{operation}"
        );
    }
}

#[tokio::test]
async fn the_newer_operations_work_on_0_205() {
    let fixture = Fixture::new().await;
    let host = GitHost::start();
    fixture.does("git.init", json!({"path": "r", "initialBranch": "trunk"})).await;
    let remote = json!({"path": "r", "name": "origin", "url": host.url("/bare.git"), "fetch": true});
    fixture.does("git.add_remote", remote).await;
    let remotes = fixture.does("git.remotes", json!({"path": "r"})).await;
    assert_eq!(remotes, json!({"remotes": [{"name": "origin", "url": host.url("/bare.git")}]}));
    fixture.does("git.pull", json!({"path": "r", "remote": "origin", "branch": "master"})).await;
    assert_eq!(std::fs::read_to_string(fixture.home.join("r/f.txt")).unwrap(), "one\n");
    fixture.put("r/f.txt", "two\n");
    fixture.does("git.restore", json!({"path": "r", "files": ["f.txt"]})).await;
    assert_eq!(std::fs::read_to_string(fixture.home.join("r/f.txt")).unwrap(), "one\n");
    fixture.does("git.reset", json!({"path": "r", "mode": "hard", "target": "HEAD"})).await;
    fixture.does("git.config_user", json!({"name": "A", "email": "a@b.c"})).await;
    fixture.does("git.config_set", json!({"key": "a.b", "value": "c", "scope": "local", "path": "r"})).await;
    assert_eq!(fixture.does("git.config_get", json!({"key": "user.name"})).await, json!({"value": "A"}));
    let credential =
        json!({"username": USERNAME, "password": PASSWORD, "host": host.address, "protocol": "http"});
    fixture.does("git.authenticate", credential).await;
    fixture.does("git.clone", json!({"url": host.url("/auth/bare.git"), "path": "s", "depth": 1})).await;
    fixture.does("git.push", json!({"path": "s", "branch": "master", "setUpstream": true})).await;
}

#[tokio::test]
async fn what_0_190_cannot_do_is_unsupported_and_changes_nothing() {
    let [_, fixture] = Fixture::both().await;
    let host = GitHost::start();
    let clone = json!({"url": host.url("/bare.git"), "path": "r", "depth": 1});
    for (operation, params) in [
        ("git.clone", clone),
        ("git.init", json!({"path": "r"})),
        ("git.reset", json!({"path": "r"})),
        ("git.restore", json!({"path": "r", "files": ["x"]})),
        ("git.remotes", json!({"path": "r"})),
        ("git.add_remote", json!({"path": "r", "name": "n", "url": "u"})),
        ("git.config_get", json!({"key": "a.b"})),
        ("git.config_set", json!({"key": "a.b", "value": "c"})),
        ("git.config_user", json!({"name": "A", "email": "a@b.c"})),
        ("git.authenticate", json!({"username": "u", "password": "p"})),
        ("git.pull", json!({"path": "r", "branch": "master"})),
        ("git.push", json!({"path": "r", "setUpstream": true})),
    ] {
        let error = fixture.call(operation, params).await.expect_err(operation);
        assert_eq!(error.status(), status::UNSUPPORTED, "{operation}: {error:?}");
        assert!(error.detail().message.contains("0.205"), "{error:?}");
    }
    assert!(!fixture.home.join("r").exists());
}
