//! The sandbox operations against a dev server, in both protocols: what they promise, and what they say
//! when it cannot be had.

use crate::dev_server::{BOTH, DevServer, ask, fails};
use crate::support::{call, client, open, until};
use daytona::client::status;
use daytona_dev::{Options, Protocol};
use serde_json::{Value, json};

#[tokio::test]
async fn a_sandbox_is_created_as_it_was_wished_and_started() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let wish = json!({
            "name": "mine", "language": "typescript", "env": {"A": "b"}, "labels": {"k": "v"}, "public": true,
            "autoStopInterval": 7, "autoArchiveInterval": 8, "autoDeleteInterval": 9, "user": "me",
        });
        let (sandbox, info) = dev_server.sandbox("sandbox.create", wish).await.unwrap();
        assert_eq!(info["state"], "started");
        assert_eq!(info["labels"], json!({"code-toolbox-language": "typescript", "k": "v"}));
        for (key, value) in [
            ("name", json!("mine")),
            ("env", json!({"A": "b"})),
            ("public", json!(true)),
            ("autoStopInterval", json!(7)),
            ("autoArchiveInterval", json!(8)),
            ("autoDeleteInterval", json!(9)),
            ("user", json!("me")),
        ] {
            assert_eq!(info[key], value, "{key}");
        }
        assert_eq!(ask(&sandbox, "sandbox.info", json!({})).await, info, "info is what was read last");
        // Without a name it gets a unique one.
        let (_, other) = dev_server.sandbox("sandbox.create", json!({})).await.unwrap();
        assert!(other["name"].as_str().unwrap().starts_with("sandbox-"), "{other}");
        let taken = dev_server.refused("sandbox.create", json!({"name": "mine"})).await;
        assert_eq!(taken.status(), status::HTTP_CONFLICT);
        assert!(taken.detail().message.contains("Sandbox with name mine already exists"), "{taken}");
    }
}

#[tokio::test]
async fn an_image_is_built_and_its_log_is_the_streams_data() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let wish = json!({"image": "python:3.12", "resources": {"cpu": 2, "memory": 4, "disk": 5}});
        let (sandbox, info) = dev_server.sandbox("sandbox.create", wish.clone()).await.unwrap();
        assert_eq!(info["state"], "started");
        assert_eq!(info["buildInfo"]["dockerfileContent"], "FROM python:3.12\n");
        assert_eq!(json!([info["cpu"], info["memory"], info["disk"]]), json!([2, 4, 5]));
        let (sink, ended) = dev_server.create_stream(wish).await;
        let (streamed, info) = ended.unwrap();
        assert_eq!((info["state"].as_str(), streamed.id() == sandbox.id()), (Some("started"), false));
        let log = String::from_utf8(sink.all()).unwrap();
        assert!(log.contains("FROM python:3.12") && log.contains("Successfully built"), "{log}");
        assert!(sink.opened().is_some());
        // A snapshot has no build: the stream's data is empty.
        let (sink, ended) = dev_server.create_stream(json!({})).await;
        assert_eq!((ended.unwrap().1["state"].as_str(), sink.all().len()), (Some("started"), 0));
    }
}

#[tokio::test]
async fn a_create_that_does_not_wait_answers_at_once() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    let wish = json!({"image": "x", "waitForStart": false});
    let (sandbox, info) = dev_server.sandbox("sandbox.create", wish).await.unwrap();
    assert_ne!(info["state"], "started");
    assert_eq!(ask(&sandbox, "sandbox.wait_for_start", json!({})).await["state"], "started");
}

#[tokio::test]
async fn what_cannot_be_created_is_refused_with_the_reason() {
    let dev_server = DevServer::of(Protocol::V0_205).await;
    for (wish, expected, word) in [
        (json!({"snapshot": "nope"}), status::HTTP_BAD_REQUEST, "Snapshot nope not found"),
        (json!({"resources": {"cpu": 2}}), status::HTTP_BAD_REQUEST, "resources"),
        (json!({"snapshot": "a", "image": "b"}), status::INVALID_ARGUMENT, "`snapshot` and `image`"),
        (json!({"image": {"base": "x y"}}), status::INVALID_ARGUMENT, "base"),
        (json!({"image": {"bass": "x"}}), status::INVALID_ARGUMENT, "image"),
        (json!({"language": "cobol"}), status::INVALID_ARGUMENT, "cobol"),
        (json!({"autoStopInterval": -1}), status::INVALID_ARGUMENT, "autoStopInterval"),
        (json!({"colour": "red"}), status::INVALID_ARGUMENT, "colour"),
        (json!({"name": 7}), status::INVALID_ARGUMENT, "name"),
    ] {
        let error = dev_server.refused("sandbox.create", wish.clone()).await;
        assert_eq!(error.status(), expected, "{wish} {error}");
        assert!(error.detail().message.contains(word), "{wish} {error}");
    }
    assert_eq!(dev_server.json("sandbox.list", json!({})).await.unwrap()["items"], json!([]));
}

#[tokio::test]
async fn a_sandbox_is_found_by_id_name_and_labels() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let made = dev_server.create(json!({"name": "Needle", "labels": {"team": "a b", "x": "1"}})).await;
        dev_server.create(json!({"name": "needle-2", "labels": {"x": "1"}})).await;
        let id = made.id();
        for (operation, params) in [
            ("sandbox.get", json!({"idOrName": id})),
            ("sandbox.get", json!({"idOrName": "Needle"})),
            ("sandbox.find", json!({"name": "Needle"})),
            ("sandbox.find", json!({"labels": {"team": "a b", "x": "1"}})),
            ("sandbox.find", json!({"name": "Needle", "labels": {"x": "1"}})),
        ] {
            let (sandbox, info) = dev_server.sandbox(operation, params.clone()).await.unwrap();
            assert_eq!((sandbox.id(), info["id"].as_str()), (id, Some(id)), "{operation} {params}");
            assert!(ask(&sandbox, "sandbox.home_dir", json!({})).await["dir"].is_string());
        }
        let missing = dev_server.refused("sandbox.get", json!({"idOrName": "nope"})).await;
        assert_eq!((missing.status(), missing.detail().http_status), (status::HTTP_NOT_FOUND, Some(404)));
        assert!(missing.detail().message.contains("Sandbox with ID or name nope not found"), "{missing}");
        for nothing in [
            json!({"name": "needle"}),
            json!({"name": id}),
            json!({"name": "Needle", "labels": {"x": "2"}}),
            json!({"labels": {"team": "a b", "x": "2"}}),
        ] {
            let error = dev_server.refused("sandbox.find", nothing.clone()).await;
            assert_eq!(error.status(), status::NO_MATCH, "{nothing} {error}");
        }
    }
}

#[tokio::test]
async fn every_sandbox_is_in_both_lists_once() {
    for protocol in BOTH {
        let dev_server =
            DevServer::with(Options { protocol, sandboxes: 23, ..Options::default() }, json!({})).await;
        let ids = |list: &Value| -> Vec<String> {
            let items = list["items"].as_array().unwrap();
            items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
        };
        let (mut by_cursor, mut params) = (Vec::new(), json!({"limit": 10}));
        loop {
            let list = dev_server.json("sandbox.list", params).await.unwrap();
            by_cursor.extend(ids(&list));
            let Some(cursor) = list["nextCursor"].as_str() else { break };
            params = json!({"limit": 10, "cursor": cursor});
        }
        let mut by_page = Vec::new();
        for page in 1..=4 {
            let list = dev_server.json("sandbox.list", json!({"limit": 10, "page": page})).await.unwrap();
            assert_eq!(json!([list["total"], list["page"], list["totalPages"]]), json!([23, page, 3]));
            by_page.extend(ids(&list));
        }
        assert_eq!(by_cursor, by_page);
        by_page.sort();
        by_page.dedup();
        assert_eq!(by_page.len(), 23);
        // A filter that only the newer list knows: pages walk its cursors, and there are no totals.
        let walked = dev_server
            .json("sandbox.list", json!({"limit": 10, "page": 3, "isPublic": false}))
            .await
            .unwrap();
        assert_eq!((ids(&walked).len(), walked.get("total")), (3, None));
        let named = json!({"name": "LISTED-0001", "states": ["started"], "labels": {"listed": "12"}});
        assert_eq!(ids(&dev_server.json("sandbox.list", named).await.unwrap()).len(), 1);
        let wrong = dev_server.json("sandbox.list", json!({"states": ["asleep"]})).await.unwrap_err();
        assert_eq!(wrong.status(), status::HTTP_BAD_REQUEST);
    }
}

#[tokio::test]
async fn what_is_known_can_be_attached_without_a_request() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let made = dev_server.create(json!({"name": "mine"})).await;
        let home = ask(&made, "sandbox.home_dir", json!({})).await;
        let item = dev_server.json("sandbox.list", json!({})).await.unwrap()["items"][0].clone();
        for known in [item, json!(made.id()), json!("mine")] {
            let (sandbox, _) = dev_server.sandbox("sandbox.attach", json!({"sandbox": known})).await.unwrap();
            assert_eq!(ask(&sandbox, "sandbox.home_dir", json!({})).await, home, "{known}");
            assert_eq!(ask(&sandbox, "sandbox.info", json!({})).await["id"], made.id());
        }
        let (nobody, _) = dev_server.sandbox("sandbox.attach", json!({"sandbox": "nobody"})).await.unwrap();
        assert_eq!(ask(&nobody, "sandbox.info", json!({})).await, Value::Null);
        let error = fails(&nobody, "sandbox.home_dir", json!({})).await;
        assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{error}");
        for wrong in [json!(7), json!({}), json!([]), json!("")] {
            let error = dev_server.refused("sandbox.attach", json!({"sandbox": wrong})).await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{wrong} {error}");
        }
    }
}

#[tokio::test]
async fn a_sandbox_goes_through_all_its_states() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let home = ask(&sandbox, "sandbox.home_dir", json!({})).await["dir"].as_str().unwrap().to_owned();
        ask(&sandbox, "process.execute", json!({"command": "printf x >kept"})).await;
        assert_eq!(ask(&sandbox, "sandbox.work_dir", json!({})).await["dir"], json!(home));
        assert_eq!(ask(&sandbox, "sandbox.stop", json!({})).await["state"], "stopped");
        assert_eq!(ask(&sandbox, "sandbox.wait_for_stop", json!({})).await["state"], "stopped");
        let archiving = ask(&sandbox, "sandbox.archive", json!({})).await;
        assert_eq!(archiving["desiredState"], "archived", "archive does not wait");
        let archived = ask(&sandbox, "sandbox.wait", json!({"states": ["archived"]})).await;
        assert_eq!(archived["state"], "archived");
        assert_eq!(ask(&sandbox, "sandbox.start", json!({})).await["state"], "started");
        assert_eq!(
            ask(&sandbox, "sandbox.wait", json!({"states": ["stopped", "started"]})).await["state"],
            "started"
        );
        let kept = ask(&sandbox, "process.execute", json!({"command": "cat kept"})).await;
        assert_eq!(kept["result"], "x");
        assert_eq!(ask(&sandbox, "sandbox.stop", json!({"force": true})).await["state"], "stopped");
        ask(&sandbox, "sandbox.delete", json!({"wait": true})).await;
        assert!(!std::path::Path::new(&home).exists());
        let error = fails(&sandbox, "sandbox.refresh", json!({})).await;
        assert_eq!(error.status(), status::HTTP_NOT_FOUND);
        // Gone already is what was wanted.
        assert_eq!(ask(&sandbox, "sandbox.delete", json!({})).await, Value::Null);
    }
}

#[tokio::test]
async fn a_server_tells_its_configuration() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let config = dev_server.json("client.config", json!({})).await.unwrap();
        assert_eq!(
            ask(&sandbox, "sandbox.info", json!({})).await["toolboxProxyUrl"],
            config["proxyToolboxUrl"]
        );
    }
}

#[tokio::test]
async fn a_change_waits_for_the_one_that_is_under_way() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        // Whether the stop still sees its `stopped` before the start goes on is a matter of time.
        let stop = async {
            let _ = call(&sandbox, "sandbox.stop", json!({})).await;
            std::future::pending::<Value>().await
        };
        let start = async {
            until("it stops", async || {
                let info = ask(&sandbox, "sandbox.refresh", json!({})).await;
                info["desiredState"] == "stopped"
            })
            .await;
            ask(&sandbox, "sandbox.start", json!({})).await
        };
        let started = tokio::select! { started = start => started, never = stop => never };
        assert_eq!(started["state"], "started");
    }
}

#[tokio::test]
async fn calls_keep_the_limits_that_they_are_given() {
    let limit = json!({"timeoutMs": 30_000});
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let command = json!({"command": "pwd; echo $A", "cwd": "/tmp", "env": {"A": "b"}, "timeout": 30});
        assert_eq!(ask(&sandbox, "process.execute", command).await["result"], "/tmp\nb\n");
        for (operation, state) in [
            ("sandbox.wait_for_resize", "started"),
            ("sandbox.stop", "stopped"),
            ("sandbox.wait_for_stop", "stopped"),
            ("sandbox.start", "started"),
            ("sandbox.wait_for_start", "started"),
        ] {
            assert_eq!(ask(&sandbox, operation, limit.clone()).await["state"], state, "{operation}");
        }
        // A wait whose goal is not there ends with the limit, and says what the state is.
        let late = fails(&sandbox, "sandbox.wait_for_stop", json!({"timeoutMs": 500})).await;
        assert_eq!(late.status(), status::TIMEOUT, "{late}");
        ask(&sandbox, "sandbox.delete", limit.clone()).await;
    }
}

#[tokio::test]
async fn a_resize_ends_with_the_new_size() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let resized = ask(&sandbox, "sandbox.resize", json!({"resources": {"cpu": 4, "memory": 8}})).await;
        let size = json!([resized["cpu"], resized["memory"], resized["disk"], resized["state"]]);
        assert_eq!(size, json!([4, 8, 3, "started"]));
        assert_eq!(ask(&sandbox, "sandbox.wait_for_resize", json!({})).await["cpu"], 4);
        let smaller = fails(&sandbox, "sandbox.resize", json!({"resources": {"disk": 1}})).await;
        assert_eq!(smaller.status(), status::HTTP_BAD_REQUEST);
        assert!(smaller.detail().message.contains("on a stopped sandbox"), "{smaller}");
        for wrong in
            [json!({}), json!({"gpu": 1}), json!({"cpu": -1}), json!({"cpu": 1.5}), json!({"ram": 1})]
        {
            let error = fails(&sandbox, "sandbox.resize", json!({"resources": wrong})).await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{wrong} {error}");
        }
    }
}

#[tokio::test]
async fn what_is_set_is_what_is_read() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({"labels": {"old": "1"}})).await;
        let labels = json!({"a": "1", "ü \"": "x/y"});
        let answer = ask(&sandbox, "sandbox.set_labels", json!({"labels": labels})).await;
        assert_eq!(answer, json!({"labels": labels}));
        for (operation, key, minutes) in [
            ("sandbox.set_auto_stop", "autoStopInterval", 0),
            ("sandbox.set_auto_archive", "autoArchiveInterval", 60),
            ("sandbox.set_auto_delete", "autoDeleteInterval", -1),
        ] {
            let answer = ask(&sandbox, operation, json!({"minutes": minutes})).await;
            assert_eq!(answer[key], minutes, "{operation}");
            let error = fails(&sandbox, operation, json!({"minutes": -2})).await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{error}");
        }
        let read = ask(&sandbox, "sandbox.refresh", json!({})).await;
        assert_eq!((&read["labels"], &read["autoArchiveInterval"]), (&labels, &json!(60)));
        assert_eq!(ask(&sandbox, "sandbox.info", json!({})).await, read);
    }
}

#[tokio::test]
async fn a_port_has_a_link() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let link = ask(&sandbox, "sandbox.preview_link", json!({"port": 3000})).await;
        assert_eq!(link["sandboxId"], sandbox.id());
        assert!(
            link["url"].as_str().unwrap().starts_with(&format!("http://3000-{}.", sandbox.id())),
            "{link}"
        );
        assert!(!link["token"].as_str().unwrap().is_empty());
        for port in [0, -1, 65_536] {
            let error = fails(&sandbox, "sandbox.preview_link", json!({"port": port})).await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{error}");
        }
    }
}

#[tokio::test]
async fn a_sandbox_that_cannot_be_used_says_which_and_why_and_what_to_do() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.create(json!({})).await;
        let id = sandbox.id().to_owned();
        let uses = ["sandbox.home_dir", "pty.list"];
        ask(&sandbox, "sandbox.stop", json!({})).await;
        for operation in uses {
            let error = fails(&sandbox, operation, json!({})).await;
            let said = format!("sandbox {id} is stopped: start it with sandbox.start first");
            assert!(error.detail().message.contains(&said), "{operation} {error}");
            assert_eq!(error.detail().sandbox_id.as_deref(), Some(id.as_str()));
            assert!(!error.detail().retryable);
        }
        let twice = fails(&sandbox, "sandbox.stop", json!({})).await;
        assert_eq!(twice.status(), status::HTTP_BAD_REQUEST);
        assert!(twice.detail().message.contains("Sandbox is not in a stoppable state"), "{twice}");

        ask(&sandbox, "sandbox.start", json!({})).await;
        // Somebody else deletes it while it is in use.
        let (other, _) = dev_server.sandbox("sandbox.get", json!({"idOrName": id})).await.unwrap();
        ask(&other, "sandbox.delete", json!({"wait": true})).await;
        for operation in uses {
            let error = fails(&sandbox, operation, json!({})).await;
            assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{operation} {error}");
            let said = format!("sandbox {id} does not exist any more: it was deleted");
            assert!(error.detail().message.contains(&said), "{operation} {error}");
        }
        let stream = open(&sandbox, "pty.open", json!({"id": "t"})).unwrap().failed().await;
        assert_eq!(stream.status(), status::HTTP_NOT_FOUND, "{stream}");
        let waiting = fails(&sandbox, "sandbox.wait_for_start", json!({})).await;
        assert_eq!(waiting.status(), status::HTTP_NOT_FOUND, "{waiting}");
    }
}

#[tokio::test]
async fn a_build_that_fails_is_told_with_its_reason_and_its_log() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let wish = json!({"name": "doomed", "image": "No/Such/Image"});
        let error = dev_server.refused("sandbox.create", wish).await;
        assert_eq!(error.status(), status::SANDBOX_FAILED, "{error}");
        assert!(error.detail().message.contains("invalid reference format"), "{error}");
        let (left, info) = dev_server.sandbox("sandbox.get", json!({"idOrName": "doomed"})).await.unwrap();
        assert_eq!(
            (info["state"].as_str(), error.detail().sandbox_id.as_deref()),
            (Some("build_failed"), Some(left.id()))
        );
        let unusable = fails(&left, "sandbox.home_dir", json!({})).await;
        assert!(unusable.detail().message.contains("it failed: line 1: failed to parse"), "{unusable}");
        ask(&left, "sandbox.delete", json!({"wait": true})).await;

        let (sink, ended) = dev_server.create_stream(json!({"image": "No/Such/Image"})).await;
        assert_eq!(ended.err().map(|error| error.status()), Some(status::SANDBOX_FAILED));
        let log = String::from_utf8(sink.all()).unwrap();
        assert!(log.contains("invalid reference format"), "{log:?}");
    }
}

#[tokio::test]
async fn credentials_decide_what_is_seen() {
    for protocol in BOTH {
        let dev_server = DevServer::of(protocol).await;
        let made = dev_server.create(json!({"name": "mine"})).await;
        let api = dev_server.server.api_url();
        let with = async |config: Value| {
            let client = client(api, config);
            let call = daytona::catalogue::Call {
                target: daytona::catalogue::TargetRef::Client(client),
                params: json!({"idOrName": "mine"}).to_string().into_bytes(),
                context: crate::support::context(),
            };
            daytona::catalogue::find("sandbox.get").unwrap().call.unwrap()(call).unwrap().await.map(|_| ())
        };
        let wrong = with(json!({"apiKey": "wrong"})).await.unwrap_err();
        assert_eq!(wrong.status(), status::HTTP_AUTHENTICATION, "{wrong}");
        assert!(!wrong.to_string().contains("Bearer"), "{wrong}");
        let theirs = with(json!({"apiKey": dev_server.server.api_key_2()})).await.unwrap_err();
        assert_eq!(theirs.status(), status::HTTP_NOT_FOUND, "{theirs}");
        let jwt = json!({
            "apiKey": null, "jwtToken": dev_server.server.jwt(), "organizationId": dev_server.server.organization_id(),
        });
        with(jwt).await.unwrap();
        assert_eq!(ask(&made, "sandbox.refresh", json!({})).await["name"], "mine");
    }
}
