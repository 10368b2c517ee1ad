//! Pausing, recovering and copying sandboxes against a dev server. Without isolation it refuses: it says so.

use crate::dev_server::{DevServer, ask, described, fails};
use crate::support::{context, soon};
use daytona::catalogue::{self, Call, Outcome, TargetRef};
use daytona::client::error::Result;
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use daytona_dev::Protocol;
use serde_json::{Value, json};

async fn fork(sandbox: &Sandbox, params: Value) -> Result<(Sandbox, Value)> {
    let call = Call {
        target: TargetRef::Sandbox(sandbox.clone()),
        params: params.to_string().into_bytes(),
        context: context(),
    };
    match soon(catalogue::find("sandbox.fork").unwrap().call.unwrap()(call)?).await? {
        Outcome::NewSandbox(TargetRef::Sandbox(fork), json) => {
            crate::coverage::shown("sandbox.fork", &crate::coverage::keys(&params));
            Ok((fork, described("sandbox.fork", Ok(serde_json::from_slice(&json).unwrap()))?))
        }
        _ => panic!("no sandbox"),
    }
}

async fn executes(sandbox: &Sandbox, command: &str) -> Value {
    ask(sandbox, "process.execute", json!({"command": command})).await["result"].clone()
}

#[tokio::test]
async fn a_paused_sandbox_goes_on_where_it_was() {
    let server = DevServer::of(Protocol::V0_205).await;
    let sandbox = server.create(json!({})).await;
    if !server.server.is_isolated() {
        let error = fails(&sandbox, "sandbox.pause", json!({})).await;
        assert_eq!(error.status(), status::HTTP_UNPROCESSABLE_ENTITY, "{error}");
        return;
    }
    assert_eq!(ask(&sandbox, "sandbox.pause", json!({})).await["state"], "paused");
    assert_eq!(ask(&sandbox, "sandbox.start", json!({})).await["state"], "started");
    assert_eq!(executes(&sandbox, "echo there").await, "there\n");
}

#[tokio::test]
async fn a_fork_has_the_files_of_its_parent_and_knows_it() {
    let server = DevServer::of(Protocol::V0_205).await;
    let sandbox = server.create(json!({})).await;
    if !server.server.is_isolated() {
        let error = fork(&sandbox, json!({})).await.err().unwrap();
        assert_eq!(error.status(), status::HTTP_UNPROCESSABLE_ENTITY, "{error}");
        return;
    }
    executes(&sandbox, "echo parent > file").await;
    let (child, info) = fork(&sandbox, json!({"name": "child"})).await.unwrap();
    assert_eq!((&info["name"], &info["state"]), (&json!("child"), &json!("started")));
    assert_eq!(executes(&child, "cat file").await, "parent\n");
    executes(&child, "echo child > file").await;
    assert_eq!(executes(&sandbox, "cat file").await, "parent\n");
    let (grandchild, _) = fork(&child, json!({})).await.unwrap();
    assert_eq!(ask(&sandbox, "sandbox.forks", json!({})).await[0]["id"], child.id());
    assert_eq!(ask(&grandchild, "sandbox.parent", json!({})).await["id"], child.id());
    let ancestors = ask(&grandchild, "sandbox.ancestors", json!({})).await;
    assert_eq!(json!([ancestors[0]["id"], ancestors[1]["id"]]), json!([sandbox.id(), child.id()]));
    let error = fails(&sandbox, "sandbox.parent", json!({})).await;
    assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{error}");
    let taken = fork(&sandbox, json!({"name": "child"})).await.err().unwrap();
    assert_eq!(taken.status(), status::HTTP_CONFLICT, "{taken}");
}

#[tokio::test]
async fn a_snapshot_of_a_sandbox_is_what_others_start_from() {
    let server = DevServer::of(Protocol::V0_205).await;
    let sandbox = server.create(json!({})).await;
    if !server.server.is_isolated() {
        let error = fails(&sandbox, "sandbox.create_snapshot", json!({"name": "s"})).await;
        assert_eq!(error.status(), status::HTTP_UNPROCESSABLE_ENTITY, "{error}");
        return;
    }
    executes(&sandbox, "echo kept > file").await;
    assert_eq!(ask(&sandbox, "sandbox.create_snapshot", json!({"name": "s"})).await["state"], "started");
    let other = server.create(json!({"snapshot": "s"})).await;
    assert_eq!(executes(&other, "cat file").await, "kept\n");
    let error = fails(&sandbox, "sandbox.create_snapshot", json!({"name": "m", "includeMemory": true})).await;
    assert_eq!(error.status(), status::HTTP_BAD_REQUEST, "{error}");
    let error = fails(&sandbox, "sandbox.recover", json!({})).await;
    assert_eq!(error.status(), status::HTTP_BAD_REQUEST, "{error}");
}
