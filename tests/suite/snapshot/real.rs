//! Snapshots through the client, against the dev server in both of its protocols: builds that really run.

use crate::dev_server::{BOTH, DevServer, ask};
use daytona::client::status;
use serde_json::{Value, json};

#[tokio::test]
async fn a_build_is_followed_to_its_end_and_sandboxes_start_from_it() {
    for protocol in BOTH {
        let Some(dev_server) = DevServer::isolated(protocol).await else { return };
        let steps = json!([
            {"run": "for i in 1 2 3; do echo line $i; sleep 0.1; done; echo built > /made"},
            {"env": {"COLOUR": "dark blue"}},
            {"workdir": "/srv"},
        ]);
        let image = json!({"base": "debian:12", "steps": steps});
        let (log, ended) = dev_server.snapshot_stream(json!({"name": "mine", "image": image})).await;
        let made = ended.unwrap();
        assert_eq!((&made["state"], &made["name"]), (&json!("active"), &json!("mine")), "{log}");
        assert!(log.contains("line 1\nline 2\nline 3\n") && log.contains("Successfully built"), "{log}");
        assert_eq!(log.matches("line 1\n").count(), 1, "{log}");
        let sandbox = dev_server.create(json!({"snapshot": "mine"})).await;
        let command = json!({"command": "cat /made; echo $COLOUR; pwd"});
        let said = ask(&sandbox, "process.execute", command).await;
        assert_eq!(said["result"].as_str().unwrap().trim_end(), "built\ndark blue\n/srv");

        // The same as a call, and as the image of a sandbox: nothing runs again.
        let other = json!({"name": "other", "image": image, "resources": {"cpu": 2, "disk": 4}});
        let other = dev_server.json("snapshot.create", other).await.unwrap();
        assert_eq!((&other["ref"], &other["cpu"], &other["disk"]), (&made["ref"], &json!(2), &json!(4)));
        let (sink, ended) = dev_server.create_stream(json!({"image": image})).await;
        ended.unwrap();
        assert_eq!(String::from_utf8(sink.stdout()).unwrap(), log);
    }
}

#[tokio::test]
async fn a_snapshot_is_read_listed_deactivated_activated_and_deleted_by_id_and_name() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let (log, made) = dev_server.snapshot_stream(json!({"name": "one", "image": "debian:12"})).await;
        let made = made.unwrap();
        assert_eq!((log.as_str(), &made["state"]), ("", &json!("active")));
        dev_server.json("snapshot.create", json!({"name": "two", "image": "debian:12"})).await.unwrap();
        for name in [&json!("one"), &made["id"]] {
            let read = dev_server.json("snapshot.get", json!({ "idOrName": name })).await.unwrap();
            assert_eq!(read["id"], made["id"]);
        }
        let page = dev_server.json("snapshot.list", json!({"page": 2, "limit": 2})).await.unwrap();
        assert_eq!((&page["total"], &page["totalPages"]), (&json!(3), &json!(2)));
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        let null = dev_server.json("snapshot.deactivate", json!({"id": "one"})).await.unwrap();
        assert_eq!(null, Value::Null);
        let refused = dev_server.refused("sandbox.create", json!({"snapshot": "one"})).await;
        assert_eq!(refused.status(), status::HTTP_BAD_REQUEST, "{refused}");
        dev_server.json("snapshot.activate", json!({"id": made["id"]})).await.unwrap();
        let twice = dev_server.json("snapshot.activate", json!({"id": made["id"]})).await.unwrap_err();
        assert_eq!(twice.status(), status::HTTP_BAD_REQUEST, "{twice}");
        for name in ["one", "two"] {
            dev_server.json("snapshot.delete", json!({ "idOrName": name })).await.unwrap();
            let gone = dev_server.json("snapshot.get", json!({ "idOrName": name })).await.unwrap_err();
            assert_eq!(gone.status(), status::HTTP_NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_made_or_found_says_why() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let fails = json!({"name": "fails", "image": {"base": "No/Such", "steps": [{"workdir": "/x"}]}});
        let (log, ended) = dev_server.snapshot_stream(fails).await;
        let error = ended.unwrap_err();
        assert_eq!(error.status(), status::SANDBOX_FAILED);
        assert!(error.detail().message.contains("invalid reference format"), "{error}");
        assert!(log.contains("invalid reference format"), "{log}");
        let taken = json!({"name": "fails", "image": "debian:12"});
        let taken = dev_server.json("snapshot.create", taken).await.unwrap_err();
        assert_eq!(taken.status(), status::HTTP_CONFLICT, "{taken}");
        for (operation, key) in [
            ("snapshot.get", "idOrName"),
            ("snapshot.delete", "idOrName"),
            ("snapshot.activate", "id"),
            ("snapshot.deactivate", "id"),
        ] {
            let error = dev_server.json(operation, json!({ key: "nowhere" })).await.unwrap_err();
            assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{operation}");
        }
        let general = dev_server.json("snapshot.delete", json!({"idOrName": "daytona-small"})).await;
        assert_eq!(general.unwrap_err().status(), status::HTTP_FORBIDDEN);
    }
}
