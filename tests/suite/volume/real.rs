//! Volumes through the client, against the dev server in both of its protocols.

use crate::dev_server::{BOTH, DevServer, ask};
use daytona::client::status;
use serde_json::{Value, json};

#[tokio::test]
async fn a_volume_is_made_awaited_listed_found_and_deleted_in_both_protocols() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let made = dev_server.json("volume.create", json!({"name": "my data"})).await.unwrap();
        assert_eq!(made["state"], "pending_create");
        let ready = dev_server.json("volume.wait", json!({"idOrName": "my data"})).await.unwrap();
        assert_eq!((&ready["state"], &ready["id"]), (&json!("ready"), &made["id"]));
        for name in [&json!("my data"), &made["id"]] {
            assert_eq!(dev_server.json("volume.get", json!({ "idOrName": name })).await.unwrap(), ready);
        }
        assert_eq!(dev_server.json("volume.list", json!({})).await.unwrap(), json!([ready]));
        let taken = dev_server.json("volume.create", json!({"name": "my data"})).await.unwrap_err();
        assert_eq!(taken.status(), status::HTTP_BAD_REQUEST);
        assert_eq!(
            dev_server.json("volume.delete", json!({"idOrName": "my data"})).await.unwrap(),
            Value::Null
        );
        let gone = dev_server.json("volume.wait", json!({"idOrName": made["id"]})).await.unwrap_err();
        assert_eq!(gone.status(), status::SANDBOX_FAILED);
        for operation in ["volume.get", "volume.wait", "volume.delete"] {
            let error = dev_server.json(operation, json!({"idOrName": "nowhere"})).await.unwrap_err();
            assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{operation}");
        }
    }
}

#[tokio::test]
async fn two_sandboxes_read_a_volume_at_once_and_it_cannot_be_deleted_meanwhile() {
    for protocol in BOTH {
        let Some(dev_server) = DevServer::isolated(protocol).await else { return };
        dev_server.json("volume.create", json!({"name": "data"})).await.unwrap();
        dev_server.json("volume.wait", json!({"idOrName": "data"})).await.unwrap();
        let with =
            |path: &str| json!({"volumes": [{"volumeId": "data", "mountPath": path, "subpath": "a/b"}]});
        let (one, other) = (dev_server.create(with("/data")).await, dev_server.create(with("/mnt/d")).await);
        ask(&one, "process.execute", json!({"command": "echo shared > /data/f"})).await;
        let read = ask(&other, "process.execute", json!({"command": "cat /mnt/d/f"})).await;
        assert_eq!(read["result"].as_str().unwrap().trim_end(), "shared");
        let in_use = dev_server.json("volume.delete", json!({"idOrName": "data"})).await.unwrap_err();
        assert_eq!(in_use.status(), status::HTTP_CONFLICT);
        for sandbox in [&one, &other] {
            ask(sandbox, "sandbox.delete", json!({})).await;
        }
        let third = dev_server.create(json!({"volumes": [{"volumeId": "data", "mountPath": "/data"}]})).await;
        let read = ask(&third, "process.execute", json!({"command": "cat /data/a/b/f"})).await;
        assert_eq!(read["result"].as_str().unwrap().trim_end(), "shared");
    }
}

#[tokio::test]
async fn a_sandbox_of_an_unknown_volume_is_refused() {
    let dev_server = DevServer::of(BOTH[0]).await;
    let unknown = json!({"volumes": [{"volumeId": "nowhere", "mountPath": "/data"}]});
    assert_eq!(dev_server.refused("sandbox.create", unknown).await.status(), status::HTTP_NOT_FOUND);
}

#[tokio::test]
async fn the_server_is_its_only_region() {
    for protocol in BOTH {
        let regions = DevServer::of(protocol).await.json("region.list", json!({})).await.unwrap();
        assert_eq!(regions[0]["name"], "local");
    }
}
