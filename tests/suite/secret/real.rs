//! Secrets through the client, against the dev server.

use crate::dev_server::{BOTH, DevServer, ask};
use crate::support::until;
use daytona::client::status;
use daytona_dev::Protocol;
use serde_json::{Value, json};

const VALUE: &str = "sk-the-value-of-a-secret";

#[tokio::test]
async fn a_secret_is_made_changed_listed_and_deleted_and_its_value_never_comes_back() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let params = json!({"name": "prod", "value": VALUE, "description": "d", "hosts": ["api.example.com"]});
    let made = dev_server.json("secret.create", params.clone()).await.unwrap();
    let id = made["id"].clone();
    let changed =
        dev_server.json("secret.update", json!({"id": id, "value": VALUE, "hosts": ["*.example.com"]}));
    let changed = changed.await.unwrap();
    assert_eq!((&changed["hosts"], &changed["description"]), (&json!(["*.example.com"]), &json!("d")));
    assert_eq!(dev_server.json("secret.get", json!({ "id": id })).await.unwrap(), changed);
    dev_server.json("secret.create", json!({"name": "other", "value": VALUE})).await.unwrap();
    let page =
        dev_server.json("secret.list", json!({"limit": 1, "sort": "name", "order": "desc"})).await.unwrap();
    assert_eq!((&page["items"][0]["name"], &page["total"]), (&json!("prod"), &json!(2)));
    let params_of_next = json!({"limit": 1, "sort": "name", "order": "desc", "cursor": page["nextCursor"]});
    let next = dev_server.json("secret.list", params_of_next).await.unwrap();
    assert_eq!((&next["items"][0]["name"], &next["nextCursor"]), (&json!("other"), &Value::Null));
    let taken = dev_server.json("secret.create", params).await.unwrap_err();
    assert_eq!(taken.status(), status::HTTP_CONFLICT);

    let sandbox = dev_server.create(json!({"secrets": [{"API_KEY": "prod"}]})).await;
    let env = ask(&sandbox, "process.execute", json!({"command": "echo $API_KEY"})).await;
    assert_eq!(env["result"].as_str().unwrap().trim_end(), made["placeholder"].as_str().unwrap());
    let shown = ask(&sandbox, "sandbox.refresh", json!({})).await;
    for answer in [made, changed, page, env, shown] {
        assert!(!answer.to_string().contains(VALUE), "{answer}");
    }
    assert_eq!(dev_server.json("secret.delete", json!({ "id": id })).await.unwrap(), Value::Null);
    let gone = dev_server.json("secret.get", json!({ "id": id })).await.unwrap_err();
    assert_eq!(gone.status(), status::HTTP_NOT_FOUND);
    let unknown = dev_server.refused("sandbox.create", json!({"secrets": [{"API_KEY": "prod"}]})).await;
    assert_eq!(unknown.status(), status::HTTP_NOT_FOUND);
}

#[tokio::test]
async fn an_older_server_has_no_secrets() {
    let dev_server = DevServer::of(BOTH[1]).await;
    for (operation, params) in
        [("secret.list", json!({})), ("secret.create", json!({"name": "n", "value": "v"}))]
    {
        let error = dev_server.json(operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::UNSUPPORTED, "{error:?}");
    }
}

#[tokio::test]
async fn a_create_takes_a_sandbox_of_a_warm_pool() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let made =
        dev_server.json("warm_pool.create", json!({"snapshot": "daytona-small", "pool": 2})).await.unwrap();
    let id = made["id"].clone();
    let ready = async || {
        let pools = dev_server.json("warm_pool.list", json!({})).await.unwrap();
        until("the pool is full", async || {
            dev_server.json("warm_pool.list", json!({})).await.unwrap()[0]["currentSize"] == 2.0
        })
        .await;
        pools
    };
    assert_eq!(ready().await[0]["id"], id);
    let list = async |warm: bool| {
        let params = json!({"includeWarm": warm, "sort": "name"});
        let page = dev_server.json("sandbox.list", params).await.unwrap();
        page["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect::<Vec<_>>()
    };
    let waiting = list(true).await;
    assert_eq!((waiting.len(), list(false).await.len()), (2, 0));
    let (sandbox, json) =
        dev_server.sandbox("sandbox.create", json!({"name": "mine", "labels": {"a": "b"}})).await.unwrap();
    assert!(waiting.contains(&json["id"]), "{json}");
    assert_eq!(
        (&json["name"], &json["labels"]["a"], &json["warmPoolId"]),
        (&json!("mine"), &json!("b"), &Value::Null)
    );
    assert_eq!(
        dev_server.sandbox("sandbox.get", json!({"idOrName": "mine"})).await.unwrap().0.id(),
        sandbox.id()
    );
    ask(&sandbox, "process.execute", json!({"command": "true"})).await;
    // What a pool's sandbox was not started with makes another one.
    let other = dev_server.create(json!({"env": {"A": "b"}})).await;
    assert!(!waiting.contains(&json!(other.id())));
    ready().await;
    let emptied = dev_server.json("warm_pool.update", json!({"id": id, "pool": 0})).await.unwrap();
    assert_eq!(emptied["pool"].as_f64(), Some(0.0));
    until("the pool is empty", async || list(true).await.len() == 2).await;
    assert_eq!(dev_server.json("warm_pool.delete", json!({ "id": id })).await.unwrap(), Value::Null);
    for (params, expected) in [
        (json!({"snapshot": "unknown", "pool": 1}), status::HTTP_NOT_FOUND),
        (json!({"snapshot": "daytona-small", "pool": 1000}), status::HTTP_BAD_REQUEST),
    ] {
        assert_eq!(dev_server.json("warm_pool.create", params).await.unwrap_err().status(), expected);
    }
}
