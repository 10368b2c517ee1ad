//! Git's settings in their three scopes, through the client, against the dev server.

use crate::fixture::Fixture;
use daytona::client::status;
use serde_json::{Value, json};

/// What a shell of the sandbox reads.
async fn read(fixture: &Fixture, scope: &str, key: &str) -> String {
    let command = format!("git -C r config --{scope} --get {key}");
    fixture.executes(&command).await["result"].as_str().unwrap().trim_end().to_owned()
}

async fn get(fixture: &Fixture, params: Value) -> Value {
    fixture.does("git.config_get", params).await["value"].clone()
}

#[tokio::test]
async fn a_setting_is_that_of_its_scope_and_the_narrowest_counts() {
    let fixture = Fixture::new().await;
    fixture.does("git.init", json!({"path": "r"})).await;
    if !fixture.server.is_isolated() {
        println!("= isolation: the scope system skipped: without it the settings are the machine's");
        return;
    }
    let scopes = [("system", json!({})), ("global", json!({})), ("local", json!({"path": "r"}))];
    for (scope, place) in &scopes {
        let mut params = place.clone();
        params["scope"] = json!(scope);
        let (mut set, mut user, mut question) = (params.clone(), params.clone(), params.clone());
        question["key"] = json!("tests.scope");
        assert_eq!(get(&fixture, question.clone()).await, Value::Null, "{scope}");
        set["key"] = json!("tests.scope");
        set["value"] = json!(format!("of {scope}"));
        fixture.does("git.config_set", set).await;
        assert_eq!(get(&fixture, question).await, format!("of {scope}"));
        assert_eq!(read(&fixture, scope, "tests.scope").await, format!("of {scope}"));
        // Each is written where the wider ones are set already: the narrowest counts.
        let counts = fixture.executes("git -C r config --get tests.scope").await;
        assert_eq!(counts["result"], format!("of {scope}\n"));
        user["name"] = json!(format!("User of {scope}"));
        user["email"] = json!(format!("{scope}@example.com"));
        fixture.does("git.config_user", user).await;
        assert_eq!(read(&fixture, scope, "user.name").await, format!("User of {scope}"));
        assert_eq!(read(&fixture, scope, "user.email").await, format!("{scope}@example.com"));
    }
    // None of them replaced another, and without a scope it is the user's.
    for (scope, _) in &scopes {
        assert_eq!(read(&fixture, scope, "tests.scope").await, format!("of {scope}"));
    }
    assert_eq!(get(&fixture, json!({"key": "tests.scope"})).await, "of global");
    // The system's settings are the sandbox's, not those of the machine or of another sandbox.
    let other = fixture.create(json!({})).await;
    let params = json!({"key": "tests.scope", "scope": "system"});
    let unset = crate::dev_server::ask(&other, "git.config_get", params).await;
    assert_eq!(unset["value"], Value::Null);
    let machine = std::process::Command::new("git").args(["config", "--system", "tests.scope"]).output();
    assert_eq!(machine.unwrap().stdout, b"");
}

#[tokio::test]
async fn a_scope_that_cannot_be_used_is_told_before_anything_is_written() {
    let fixture = Fixture::new().await;
    for (params, words) in [
        (json!({"key": "a.b", "value": "c", "scope": "local"}), "path is required"),
        (json!({"key": "a.b", "value": "c", "scope": "worktree"}), "scope must be"),
    ] {
        let error = fixture.call("git.config_set", params).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_BAD_REQUEST, "{error:?}");
        assert!(error.detail().message.contains(words), "{error:?}");
    }
    let params = json!({"key": "a.b", "value": "c", "scope": "local", "path": "none"});
    let error = fixture.call("git.config_set", params).await.unwrap_err();
    let code = error.detail().code.clone();
    assert_eq!((error.status(), code.as_deref()), (status::HTTP_NOT_FOUND, Some("GIT_REPO_NOT_FOUND")));
    assert_eq!(get(&fixture, json!({"key": "a.b"})).await, Value::Null);
}
