//! The control plane: access, changes of state, builds, lists, rate limits, previews, and refused requests.

use crate::client::{self, DevServer, status_and_body, until};
use daytona_dev::{Options, Protocol};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// Sends with another credential than the first organization's.
async fn with(
    dev_server: &DevServer,
    key: &str,
    organization: Option<&str>,
    method: Method,
    path: &str,
) -> (u16, Value) {
    let mut request =
        dev_server.http.request(method, format!("{}{path}", dev_server.server.api_url())).bearer_auth(key);
    if let Some(organization) = organization {
        request = request.header("X-Daytona-Organization-ID", organization);
    }
    status_and_body(request.send().await.unwrap()).await
}

#[tokio::test]
async fn an_organization_never_sees_anothers_sandboxes() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let dev_server = DevServer::of(protocol).await;
        let (_, made) = dev_server.post("/sandbox", json!({"name": "mine"})).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let stranger = dev_server.server.api_key_2().to_owned();
        let requests = [
            (Method::GET, ""),
            (Method::DELETE, ""),
            (Method::POST, "/start"),
            (Method::POST, "/stop"),
            (Method::POST, "/archive"),
            (Method::POST, "/autostop/3"),
            (Method::GET, "/ports/3000/preview-url"),
            (Method::GET, "/toolbox-proxy-url"),
            (Method::POST, "/ssh-access"),
        ];
        for (method, rest) in requests {
            for name in ["mine", &id] {
                let path = format!("/sandbox/{name}{rest}");
                let (status, answer) = with(&dev_server, &stranger, None, method.clone(), &path).await;
                let message = format!("Sandbox with ID or name {name} not found");
                assert_eq!((status, &answer["message"]), (404, &json!(message)), "{method} {path}");
            }
        }
        for list in ["/sandbox", "/sandbox/paginated", "/sandbox?name=mine"] {
            assert_eq!(with(&dev_server, &stranger, None, Method::GET, list).await.1["items"], json!([]));
        }
        let (status, _) =
            with(&dev_server, &stranger, None, Method::GET, &format!("/../toolbox/{id}/work-dir")).await;
        assert_eq!(status, 404);
        // The name is free for others.
        let taken =
            dev_server.http.post(format!("{}/sandbox", dev_server.server.api_url())).bearer_auth(&stranger);
        assert_eq!(status_and_body(taken.json(&json!({"name": "mine"})).send().await.unwrap()).await.0, 200);
        assert_eq!(dev_server.get("/sandbox/mine").await.1["id"], json!(id));
    }
}

#[tokio::test]
async fn a_token_needs_an_organization_and_a_key_none() {
    let dev_server = DevServer::new().await;
    let (jwt, own) = (dev_server.server.jwt().to_owned(), dev_server.server.organization_id().to_owned());
    dev_server.post("/sandbox", json!({"name": "mine"})).await;
    let get = async |key: &str, organization| {
        with(&dev_server, key, organization, Method::GET, "/sandbox/mine").await.0
    };
    assert_eq!(get(&jwt, Some(&own)).await, 200);
    assert_eq!(get(&jwt, None).await, 400);
    assert_eq!(get(&jwt, Some("no-such-organization")).await, 401);
    assert_eq!(get("nonsense", None).await, 401);
    let anonymous =
        dev_server.http.get(format!("{}/sandbox", dev_server.server.api_url())).send().await.unwrap();
    assert_eq!(status_and_body(anonymous).await.1["message"], "Invalid credentials");
}

#[tokio::test]
async fn health_answers_anybody() {
    let dev_server = DevServer::new().await;
    for url in [format!("{}/health", dev_server.base()), format!("{}/health", dev_server.server.api_url())] {
        let response = dev_server.http.get(url).send().await.unwrap();
        assert_eq!(status_and_body(response).await, (200, json!({ "status": "ok" })));
    }
}

#[tokio::test]
async fn both_lists_give_every_sandbox_once() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let dev_server = DevServer::with(Options { protocol, sandboxes: 450, ..Options::default() }).await;
        let (mut cursor, mut ids, mut pages) = (String::new(), BTreeSet::new(), Vec::new());
        loop {
            let (_, page) = dev_server.get(&format!("/sandbox?limit=200{cursor}")).await;
            let items = page["items"].as_array().unwrap();
            pages.push(items.len());
            ids.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
            assert!(items.iter().all(|item| item.get("env").is_none()), "a full item");
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!((ids.len(), pages), (450, vec![200, 200, 50]));
        let mut by_page = BTreeSet::new();
        for page in 1..=5 {
            let (_, page) = dev_server.get(&format!("/sandbox/paginated?page={page}")).await;
            assert_eq!((&page["total"], &page["totalPages"]), (&json!(450), &json!(5)));
            let items = page["items"].as_array().unwrap();
            assert!(items.iter().all(|item| item["env"].is_object()), "a brief item");
            by_page.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        }
        assert_eq!(ids, by_page);
    }
}

#[tokio::test]
async fn lists_filter_and_sort() {
    let dev_server = DevServer::new().await;
    for (name, team) in [("Beta", "x"), ("alpha", "x"), ("beta-2", "y")] {
        dev_server.post("/sandbox", json!({"name": name, "labels": {"team": team, "all": "yes"}})).await;
    }
    let names = async |query: &str| {
        let (status, page) = dev_server.get(&format!("/sandbox?sort=name&order=asc&{query}")).await;
        assert_eq!(status, 200, "{query} {page}");
        let items = page["items"].as_array().unwrap();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Beta", "alpha", "beta-2"]);
    // A prefix, in any case.
    assert_eq!(names("name=BETA").await, ["Beta", "beta-2"]);
    assert_eq!(names("labels=%7B%22team%22%3A%22x%22%2C%22all%22%3A%22yes%22%7D").await, ["Beta", "alpha"]);
    assert_eq!(names("states=stopped").await, [] as [&str; 0]);
    assert_eq!(names("states=stopped&states=started&minCpu=1&maxCpu=1").await.len(), 3);
    assert_eq!(names("minMemoryGiB=2").await, [] as [&str; 0]);
    // Times in any form, and filters of what no sandbox has.
    for (query, count) in [
        ("createdAtAfter=2000-01-01", 3),
        ("createdAtAfter=9999-01-01T00:00:00", 0),
        ("isRecoverable=true", 0),
        ("isRecoverable=false", 3),
        ("sandboxClasses=container", 3),
        ("sandboxClasses=android", 0),
        ("autoDestroyAtBefore=2100-01-01T00:00:00Z", 0),
    ] {
        assert_eq!(names(query).await.len(), count, "{query}");
    }
    let (_, alpha) = dev_server.get("/sandbox/alpha").await;
    let created = OffsetDateTime::parse(alpha["createdAt"].as_str().unwrap(), &Rfc3339).unwrap();
    let elsewhere = created.to_offset(time::UtcOffset::from_hms(5, 0, 0).unwrap()) - time::Duration::SECOND;
    let elsewhere = elsewhere.format(&Rfc3339).unwrap().replace('+', "%2B");
    assert!(names(&format!("createdAtAfter={elsewhere}")).await.contains(&"alpha".into()), "{elsewhere}");
    for wrong in [
        "limit=201",
        "limit=x",
        "sort=colour",
        "order=up",
        "states=asleep",
        "minCpu=0",
        "cursor=!",
        "labels=[]",
        "createdAtAfter=yesterday",
    ] {
        let (status, answer) = dev_server.get(&format!("/sandbox?{wrong}")).await;
        assert_eq!((status, &answer["error"]), (400, &json!("Bad Request")), "{wrong}");
        let path = answer["path"].as_str().unwrap();
        assert!(path.starts_with("/api/sandbox?"), "{path}");
    }
    assert_eq!(dev_server.get("/sandbox/paginated?page=0").await.0, 400);
    assert_eq!(dev_server.get("/sandbox/%FF").await.1["error"], "Bad Request");
    let (_, last) = dev_server.get(&format!("/sandbox/paginated?page={}", usize::MAX)).await;
    assert_eq!((&last["total"], &last["items"]), (&json!(3), &json!([])));
}

#[tokio::test]
async fn a_list_whose_items_are_deleted_page_by_page_gives_every_one() {
    let dev_server = DevServer::with(Options { sandboxes: 6, ..Options::default() }).await;
    for name in ["a", "b", "c", "d", "e"] {
        dev_server.post("/secret", json!({ "name": name, "value": "v" })).await;
    }
    for (list, item, count) in
        [("/sandbox?limit=2", "/sandbox", 6), ("/secret/paginated?limit=2&sort=name", "/secret", 5)]
    {
        let (mut cursor, mut ids) = (String::new(), BTreeSet::new());
        loop {
            let (_, page) = dev_server.get(&format!("{list}{cursor}")).await;
            for found in page["items"].as_array().unwrap() {
                let id = found["id"].as_str().unwrap();
                assert!(dev_server.delete(&format!("{item}/{id}")).await.0 < 300);
                ids.insert(id.to_owned());
            }
            let Some(next) = page["nextCursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(ids.len(), count, "{list}");
    }
}

#[tokio::test]
async fn changes_of_state_answer_with_the_old_state_and_refuse_a_second_one() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let id = &sandbox.id;
    let change = async |change: &str| dev_server.post(&format!("/sandbox/{id}/{change}"), json!({})).await;
    let states = |answer: &Value| (answer["state"].clone(), answer["desiredState"].clone());
    for (change_to, from, to) in
        [("stop", "started", "stopped"), ("archive", "stopped", "archived"), ("start", "archived", "started")]
    {
        let (status, answer) = change(change_to).await;
        assert_eq!((status, states(&answer)), (200, (json!(from), json!(to))), "{change_to}");
        // A start is accepted during an archive.
        for second in ["start", "stop", "archive"].iter().skip(usize::from(change_to == "archive")) {
            let (status, answer) = change(second).await;
            let busy = "Sandbox state change in progress";
            assert_eq!((status, &answer["message"]), (409, &json!(busy)), "{second} during {change_to}");
        }
        dev_server.wait_for(id, to).await;
    }
    let (status, answer) = dev_server.post(&format!("/sandbox/{id}/resize"), json!({"cpu": 2})).await;
    assert_eq!((status, &answer["cpu"], &answer["state"]), (200, &json!(1), &json!("started")));
    assert_eq!(dev_server.post(&format!("/sandbox/{id}/resize"), json!({"cpu": 3})).await.0, 409);
    until("resized", async || dev_server.get(&format!("/sandbox/{id}")).await.1["cpu"] == 2).await;
    dev_server.wait_for(id, "started").await;
    // A started sandbox can only grow, and not in disk.
    let wrongs = [json!({"cpu": 0}), json!({"memory": 1.5}), json!({"cpu": 2}), json!({}), json!({"cpu": 1})];
    for wrong in wrongs.into_iter().chain([json!({"disk": 10})]) {
        assert_eq!(dev_server.post(&format!("/sandbox/{id}/resize"), wrong.clone()).await.0, 400, "{wrong}");
    }
    change("stop").await;
    dev_server.wait_for(id, "stopped").await;
    assert_eq!(dev_server.post(&format!("/sandbox/{id}/resize"), json!({"cpu": 1, "disk": 10})).await.0, 200);
    until("resized", async || dev_server.get(&format!("/sandbox/{id}")).await.1["disk"] == 10).await;
    dev_server.wait_for(id, "stopped").await;
    assert_eq!(dev_server.post(&format!("/sandbox/{id}/resize"), json!({"disk": 9})).await.0, 400);
}

#[tokio::test]
async fn a_start_during_an_archive_gets_through_and_stays() {
    for states in [&["stopped", "archiving"][..], &["archiving", "archived"]] {
        let dev_server = DevServer::new().await;
        let sandbox = dev_server.sandbox().await;
        let id = &sandbox.id;
        let change =
            async |change: &str| dev_server.post(&format!("/sandbox/{id}/{change}"), json!({})).await;
        change("stop").await;
        dev_server.wait_for(id, "stopped").await;
        assert_eq!(change("archive").await.0, 200);
        until("it archives", async || {
            let state = dev_server.get(&format!("/sandbox/{id}")).await.1["state"].clone();
            states.iter().any(|wanted| state == *wanted)
        })
        .await;
        let (status, answer) = change("start").await;
        assert_eq!((status, &answer["desiredState"]), (200, &json!("started")), "{states:?}: {answer}");
        dev_server.wait_for(id, "started").await;
        assert_eq!(sandbox.get("/work-dir").await.0, 200);
        assert_eq!(change("stop").await.0, 200);
        dev_server.wait_for(id, "stopped").await;
    }
}

#[tokio::test]
async fn the_default_snapshot_is_found_by_name_and_id() {
    let dev_server = DevServer::new().await;
    let name = dev_server.get("/config").await.1["defaultSnapshot"].as_str().unwrap().to_owned();
    let listed = dev_server.get("/snapshots").await.1["items"][0].clone();
    assert_eq!((&listed["name"], &listed["state"]), (&json!(name), &json!("active")));
    let id = listed["id"].as_str().unwrap();
    for id_or_name in [name.as_str(), id] {
        let (status, found) = dev_server.get(&format!("/snapshots/{id_or_name}")).await;
        assert_eq!((status, &found["id"], &found["name"]), (200, &listed["id"], &listed["name"]));
        let (status, made) = dev_server.post("/sandbox", json!({"snapshot": id_or_name})).await;
        assert_eq!((status, &made["snapshot"]), (200, &json!(name)), "{made}");
    }
    let again = dev_server.post("/snapshots", json!({"name": name, "imageName": "debian:12"})).await;
    assert_eq!(again.0, 409, "{}", again.1);
    assert_eq!(dev_server.delete(&format!("/snapshots/{id}")).await.0, 403);
}

#[tokio::test]
async fn snapshots_are_sorted_as_asked() {
    let dev_server = DevServer::new().await;
    for name in ["a-one", "z-two"] {
        assert_eq!(
            dev_server.post("/snapshots", json!({"name": name, "imageName": "debian:12"})).await.0,
            200
        );
    }
    let first =
        async |query: &str| dev_server.get(&format!("/snapshots{query}")).await.1["items"][0]["name"].clone();
    assert_eq!(first("?sort=name&order=asc").await, "a-one");
    assert_eq!(first("?sort=name").await, "z-two");
    assert_eq!(first("?order=asc").await, "a-one");
    assert_eq!(dev_server.get("/snapshots?sort=size").await.0, 400);
}

#[tokio::test]
async fn an_id_leads_to_its_sandbox_whatever_another_one_is_called() {
    let dev_server = DevServer::new().await;
    let id = dev_server.post("/sandbox", json!({"name": "first"})).await.1["id"].clone();
    assert_eq!(dev_server.post("/sandbox", json!({ "name": id })).await.0, 200);
    assert_eq!(dev_server.get(&format!("/sandbox/{}", id.as_str().unwrap())).await.1["name"], "first");
}

#[tokio::test]
async fn nothing_is_named_after_another_program() {
    let dev_server = DevServer::new().await;
    let config = dev_server.get("/config").await.1;
    let storage = dev_server.get("/object-storage/push-access").await.1;
    let sandbox = dev_server.post("/sandbox", json!({})).await.1;
    let malformed = dev_server.request(Method::POST, "/sandbox").body("{").send().await.unwrap();
    let malformed = status_and_body(malformed).await.1;
    assert_eq!(malformed["message"], "Expected property name or '}' in JSON at position 1");
    for answer in [config, storage, sandbox, malformed] {
        let text = answer.to_string();
        assert!(!text.contains("\"rig") && !text.contains("double quotes"), "{text}");
    }
}

#[tokio::test]
async fn newer_fields_are_checked_and_kept_where_the_protocol_has_them() {
    let dev_server = DevServer::of(Protocol::V0_226).await;
    assert_eq!(dev_server.get("/config").await.1["version"], "0.226.0");
    let (status, made) = dev_server.post("/sandbox", json!({"queueTimeout": 5, "kvm": true})).await;
    assert_eq!((status, &made["queueTimeout"], &made["kvm"]), (200, &json!(5), &json!(true)), "{made}");
    for wrong in [json!({"queueTimeout": 0}), json!({"queueTimeout": 1.5}), json!({"kvm": "yes"})] {
        assert_eq!(dev_server.post("/sandbox", wrong.clone()).await.0, 400, "{wrong}");
    }
    let count = async |query: &str| {
        dev_server.get(&format!("/sandbox?{query}")).await.1["items"].as_array().map(Vec::len)
    };
    assert_eq!(count("minGpu=1").await, Some(0));
    assert_eq!(count("minGpu=0&maxGpu=0").await, Some(1));
    assert_eq!(count("minGpu=-1").await, None);

    assert_eq!(dev_server.get("/sandbox/paginated").await.0, 404);

    for protocol in [Protocol::V0_190, Protocol::V0_205] {
        let older = DevServer::of(protocol).await;
        let (status, made) = older.post("/sandbox", json!({"queueTimeout": 0, "kvm": true})).await;
        assert!(status == 200 && made.get("kvm").is_none() && made.get("queueTimeout").is_none(), "{made}");
        assert_eq!(older.get("/sandbox?minGpu=1").await.1["items"].as_array().map(Vec::len), Some(1));
        assert_eq!(older.get("/sandbox/paginated").await.0, 200);
    }
}

#[tokio::test]
async fn files_outlive_a_stop_and_an_archive_and_processes_do_not() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.write("kept", "x").await;
    sandbox.post("/process/pty", json!({"id": "t"})).await;
    dev_server.post(&format!("/sandbox/{}/stop", sandbox.id), json!({})).await;
    dev_server.wait_for(&sandbox.id, "stopped").await;
    let (status, answer) = sandbox.get("/work-dir").await;
    assert_eq!((status, &answer["source"]), (400, &json!("DAYTONA_PROXY")));
    dev_server.post(&format!("/sandbox/{}/archive", sandbox.id), json!({})).await;
    dev_server.wait_for(&sandbox.id, "archived").await;
    dev_server.post(&format!("/sandbox/{}/start", sandbox.id), json!({})).await;
    dev_server.wait_for(&sandbox.id, "started").await;
    assert_eq!(sandbox.get("/files/info?path=kept").await.0, 200);
    assert_eq!(sandbox.get("/process/pty").await.1["sessions"], json!([]));
}

#[tokio::test]
async fn a_deleted_sandbox_frees_its_name_and_leaves_no_file() {
    let dev_server = DevServer::new().await;
    let (_, made) = dev_server.post("/sandbox", json!({"name": "n"})).await;
    let id = made["id"].as_str().unwrap().to_owned();
    let sandbox = client::Sandbox { dev_server: &dev_server, id: id.clone() };
    let home = sandbox.home_outside().await;
    let (status, answer) = dev_server.delete("/sandbox/n").await;
    assert_eq!(
        (status, &answer["state"], &answer["desiredState"]),
        (200, &json!("started"), &json!("destroyed"))
    );
    let (status, again) = dev_server.post("/sandbox", json!({"name": "n"})).await;
    assert!(status == 200 && again["id"] != json!(id), "{again}");
    until("gone", async || dev_server.get(&format!("/sandbox/{id}")).await.0 == 404).await;
    assert!(!home.exists());
    assert_eq!(sandbox.get("/work-dir").await.0, 404);
}

#[tokio::test]
async fn an_ephemeral_sandbox_is_gone_when_it_stops() {
    let dev_server = DevServer::new().await;
    let (_, made) = dev_server.post("/sandbox", json!({"autoDeleteInterval": 0})).await;
    let id = made["id"].as_str().unwrap();
    dev_server.post(&format!("/sandbox/{id}/stop"), json!({})).await;
    until("gone", async || dev_server.get(&format!("/sandbox/{id}")).await.0 == 404).await;
}

#[tokio::test]
async fn an_image_is_built_and_its_log_can_be_followed() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let dev_server = DevServer::of(protocol).await;
        let build = json!({"buildInfo": {"dockerfileContent": "FROM python:3.12\nRUN echo hello\n"}});
        let (status, made) = dev_server.post("/sandbox", build).await;
        assert_eq!((status, &made["state"]), (200, &json!("pending_build")));
        // printf 'FROM python:3.12\nRUN echo hello\n' | sha256sum
        assert_eq!(
            made["buildInfo"]["snapshotRef"],
            json!("daytona-28361626caefe743e0dd9c7727175aba94b1b744987f839d0f374e5414926172:daytona")
        );
        let id = made["id"].as_str().unwrap();
        // The last self-hosted release answers 404 until there is a machine that builds.
        let url = format!("/sandbox/{id}/build-logs-url");
        until("a url", async || dev_server.get(&url).await.0 == 200).await;
        let (_, url) = dev_server.get(&url).await;
        let log = dev_server.http.get(format!("{}?follow=true", url["url"].as_str().unwrap()));
        let (status, log) =
            status_and_body(log.bearer_auth(dev_server.server.api_key()).send().await.unwrap()).await;
        let log = log.as_str().unwrap().to_owned();
        assert!(status == 200 && log.contains("FROM python:3.12") && log.contains("RUN echo hello"), "{log}");
        if !dev_server.server.is_isolated() {
            assert!(log.contains("runs without isolation"), "{log}");
            continue;
        }
        // Every key that the specification requires: the official clients refuse an answer without one.
        let info = &dev_server.wait_for(id, "started").await["buildInfo"];
        for key in ["dockerfileContent", "snapshotRef", "createdAt", "updatedAt"] {
            assert!(info[key].as_str().is_some_and(|text| !text.is_empty()), "{key} {info}");
        }
        assert_eq!(info["dockerfileContent"].as_str().unwrap().len(), 32);
    }
}

#[tokio::test]
async fn a_build_that_fails_says_why() {
    let dev_server = DevServer::new().await;
    let build = json!({"buildInfo": {"dockerfileContent": "FROM x\nRUN false\n"}});
    let (_, made) = dev_server.post("/sandbox", build).await;
    let id = made["id"].as_str().unwrap();
    let failed = dev_server.wait_for(id, "build_failed").await;
    let reason = failed["errorReason"].as_str().unwrap();
    let expected = if dev_server.server.is_isolated() { "non-zero code: 1" } else { "without isolation" };
    assert!(reason.contains(expected), "{failed}");
    assert_eq!(dev_server.delete(&format!("/sandbox/{id}")).await.0, 200);
}

#[tokio::test]
async fn wishes_that_the_service_refuses_are_refused() {
    let dev_server = DevServer::new().await;
    let build = json!({"dockerfileContent": "FROM x"});
    for wrong in [
        json!({"outboundProxyUrl": 7}),
        json!({"otelEndpointOverride": 7}),
        json!({"env": {"A": "a\0b"}}),
        json!([]),
        json!({"name": 7}),
        json!({"env": ["A=b"]}),
        json!({"env": {"A": 1}}),
        json!({"labels": {"a": true}}),
        json!({"public": "yes"}),
        json!({"cpu": 2}),
        json!({"gpuType": ["H100"]}),
        json!({"buildInfo": build, "cpu": 0}),
        json!({"buildInfo": build, "memory": -1}),
        json!({"buildInfo": build, "snapshot": "x"}),
        json!({"buildInfo": {}}),
        json!({"buildInfo": {"dockerfileContent": " "}}),
        json!({"autoArchiveInterval": -1}),
        json!({"autoStopInterval": "5"}),
        json!({"autoStopInterval": 5, "autoPauseInterval": 5}),
        json!({"autoPauseInterval": 5, "autoStopInterval": 0, "autoDeleteInterval": 0}),
        json!({"ttlMinutes": -1}),
        json!({"autoDeleteInterval": 1.5}),
    ] {
        let (status, answer) = dev_server.post("/sandbox", wrong.clone()).await;
        assert_eq!((status, &answer["statusCode"]), (400, &json!(400)), "{wrong} {answer}");
        assert!(!answer["message"].as_str().unwrap().is_empty());
    }
    assert_eq!(dev_server.get("/sandbox").await.1["items"], json!([]), "a refused body left something");
    let sandbox = dev_server.sandbox().await;
    let id = &sandbox.id;
    for (method, path) in [
        (Method::POST, format!("/sandbox/{id}/autostop/x")),
        (Method::POST, format!("/sandbox/{id}/ttl/-1")),
        (Method::POST, format!("/sandbox/{id}/public/maybe")),
        (Method::GET, format!("/sandbox/{id}/ports/0/preview-url")),
        (Method::GET, format!("/sandbox/{id}/ports/70000/preview-url")),
        (Method::GET, format!("/sandbox/{id}/ports/80/signed-preview-url?expiresInSeconds=0")),
        (Method::PUT, format!("/sandbox/{id}/labels")),
    ] {
        let answer = status_and_body(dev_server.request(method, &path).send().await.unwrap()).await;
        assert_eq!(answer.0, 400, "{path} {}", answer.1);
    }
    assert_eq!(dev_server.post(&format!("/sandbox/{id}/nonsense"), json!({})).await.0, 404);
    let snapshot = json!({"name": "large", "imageName": "debian:12", "disk": 1_u64 << 40});
    for (path, wrong) in [
        ("/sandbox".to_owned(), json!({"buildInfo": build, "cpu": 1_000_000})),
        ("/sandbox".to_owned(), json!({"buildInfo": build, "memory": 1_u64 << 34})),
        ("/snapshots".to_owned(), snapshot),
        (format!("/sandbox/{id}/resize"), json!({"memory": u64::MAX})),
    ] {
        let (status, answer) = dev_server.post(&path, wrong).await;
        assert_eq!(status, 403, "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("exceeds maximum"), "{answer}");
    }
}

#[tokio::test]
async fn the_older_service_has_no_newer_routes() {
    let dev_server = DevServer::of(Protocol::V0_190).await;
    let sandbox = dev_server.sandbox().await;
    let id = &sandbox.id;
    for path in [format!("/sandbox/{id}/autopause/5"), format!("/sandbox/{id}/ttl/5")] {
        assert_eq!(dev_server.post(&path, json!({})).await.0, 404, "{path}");
    }
    // The toolbox through the API, which only the older service has.
    let (status, answer) = dev_server.get(&format!("/toolbox/{id}/toolbox/work-dir")).await;
    assert_eq!((status, answer["dir"].as_str()), (200, Some(sandbox.home().await.as_str())));
    let newer = DevServer::new().await;
    let sandbox = newer.sandbox().await;
    assert_eq!(newer.get(&format!("/toolbox/{}/toolbox/work-dir", sandbox.id)).await.0, 404);
}

#[tokio::test]
async fn a_key_that_asks_too_often_is_told_when_to_come_back() {
    let dev_server = DevServer::with(Options { rate_limit: Some(3), ..Options::default() }).await;
    let ask = async |key: &str| {
        let request =
            dev_server.http.get(format!("{}/sandbox", dev_server.server.api_url())).bearer_auth(key);
        request.send().await.unwrap()
    };
    for left in [2, 1, 0] {
        let response = ask(dev_server.server.api_key()).await;
        assert_eq!(response.status(), 200);
        for name in ["x-ratelimit-remaining", "x-ratelimit-remaining-authenticated"] {
            assert_eq!(response.headers()[name], left.to_string().as_str());
        }
        assert!(!response.headers().contains_key("retry-after"));
    }
    let refused = ask(dev_server.server.api_key()).await;
    assert_eq!(refused.status(), 429);
    let header = |name: &str| refused.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
    for suffix in ["", "-authenticated"] {
        assert_eq!(header(&format!("x-ratelimit-limit{suffix}")), 3);
        assert!((1..=60).contains(&header(&format!("retry-after{suffix}"))));
        assert!((1..=60).contains(&header(&format!("x-ratelimit-reset{suffix}"))));
    }
    assert_eq!(status_and_body(refused).await.1["statusCode"], 429);
    assert_eq!(ask(dev_server.server.api_key_2()).await.status(), 200, "each key has its own limit");
}

/// A server inside the sandbox: HTTP that answers with the request it got, and a WebSocket that echoes.
const PORT_SERVER: &str = r#"
import base64, hashlib, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            seed = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
            self.send_response(101)
            self.send_header("Upgrade", "websocket")
            self.send_header("Connection", "Upgrade")
            accept = base64.b64encode(hashlib.sha1(seed.encode()).digest()).decode()
            self.send_header("Sec-WebSocket-Accept", accept)
            self.end_headers()
            head, length = self.rfile.read(2), 0
            length = head[1] & 127
            mask, data = self.rfile.read(4), self.rfile.read(length)
            plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
            self.wfile.write(bytes([head[0], length]) + plain)
            self.close_connection = True
            return
        self.do_POST()
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        secrets = [name for name in self.headers if name.lower() in ("authorization", "x-daytona-preview-token")]
        answer = f"{self.command} {self.path} {len(body)} {secrets}".encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
open("port.new", "w").write(str(server.server_port))
import os
os.rename("port.new", "port")
server.serve_forever()
"#;

/// A sandbox in which [`PORT_SERVER`] listens, and its port.
async fn listening(dev_server: &DevServer) -> (client::Sandbox<'_>, u16) {
    let sandbox = dev_server.sandbox().await;
    let home = sandbox.home_outside().await;
    sandbox.write("inside.py", PORT_SERVER).await;
    sandbox.write(".bash_profile", "exec python3 inside.py\n").await;
    sandbox.post("/process/pty", json!({"id": "server"})).await;
    let port = home.join("port");
    until("it listens", async || port.exists()).await;
    let port = std::fs::read_to_string(port).unwrap().parse().unwrap();
    (sandbox, port)
}

/// A request to a preview's URL, without depending on the resolver for `.localhost`.
fn preview(dev_server: &DevServer, method: Method, url: &str, path: &str) -> RequestBuilder {
    let host = url.strip_prefix("http://").unwrap();
    dev_server.http.request(method, format!("{}{path}", dev_server.base())).header("Host", host)
}

#[tokio::test]
async fn a_preview_leads_to_the_port_that_a_process_of_the_sandbox_listens_on() {
    let dev_server = DevServer::new().await;
    let (sandbox, port) = listening(&dev_server).await;
    let link = dev_server.get(&format!("/sandbox/{}/ports/{port}/preview-url", sandbox.id)).await.1;
    let (url, token) = (link["url"].as_str().unwrap(), link["token"].as_str().unwrap());
    assert!(url.starts_with(&format!("http://{port}-{}.", sandbox.id)), "{url}");
    let ask = async |request: RequestBuilder| status_and_body(request.send().await.unwrap()).await;
    let get = || preview(&dev_server, Method::GET, url, "/a/b?c=d");
    assert_eq!(ask(get()).await.0, 404, "without a right to it");
    assert_eq!(ask(get().bearer_auth(dev_server.server.api_key_2())).await.0, 404);
    let seen = json!("GET /a/b?c=d 0 []");
    assert_eq!(ask(get().header("X-Daytona-Preview-Token", token)).await, (201, seen.clone()));
    assert_eq!(ask(get().bearer_auth(dev_server.server.api_key())).await, (201, seen.clone()));
    // The processes run during a resize as well.
    dev_server.post(&format!("/sandbox/{}/resize", sandbox.id), json!({"cpu": 2})).await;
    until("the resize", async || {
        dev_server.get("/sandbox?states=resizing").await.1["items"].as_array().unwrap().len() == 1
    })
    .await;
    assert_eq!(ask(get().header("X-Daytona-Preview-Token", token)).await, (201, seen.clone()));
    // The path stays encoded, the same through the toolbox's own proxy.
    let encoded = "/a%2Fb%20c?d=%26";
    let by_preview = preview(&dev_server, Method::GET, url, encoded).bearer_auth(dev_server.server.api_key());
    assert_eq!(ask(by_preview).await, (201, json!(format!("GET {encoded} 0 []"))));
    let by_toolbox = sandbox.get(&format!("/proxy/{port}{encoded}")).await;
    assert_eq!(by_toolbox, (201, json!(format!("GET {encoded} 0 []"))));
    let body = vec![7; 3 << 20];
    let posted =
        preview(&dev_server, Method::POST, url, "/up").bearer_auth(dev_server.server.api_key()).body(body);
    assert_eq!(ask(posted).await, (201, json!("POST /up 3145728 []")));
    dev_server.post(&format!("/sandbox/{}/public/true", sandbox.id), json!({})).await;
    assert_eq!(ask(get()).await, (201, seen));

    let signed = dev_server.get(&format!("/sandbox/{}/ports/{port}/signed-preview-url", sandbox.id)).await.1;
    dev_server.post(&format!("/sandbox/{}/public/false", sandbox.id), json!({})).await;
    let by_link = || preview(&dev_server, Method::GET, signed["url"].as_str().unwrap(), "/");
    assert_eq!(ask(by_link()).await.0, 201);
    let expire = format!(
        "/sandbox/{}/ports/{port}/signed-preview-url/{}/expire",
        sandbox.id,
        signed["token"].as_str().unwrap()
    );
    assert_eq!(dev_server.post(&expire, json!({})).await.0, 200);
    assert_eq!(ask(by_link()).await.0, 404);
}

#[tokio::test]
async fn a_preview_carries_web_sockets() {
    let dev_server = DevServer::new().await;
    let (sandbox, port) = listening(&dev_server).await;
    let link = dev_server.get(&format!("/sandbox/{}/ports/{port}/preview-url", sandbox.id)).await.1;
    let url = link["url"].as_str().unwrap().replacen("http", "ws", 1);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("x-daytona-preview-token", link["token"].as_str().unwrap().parse().unwrap());
    let stream =
        tokio::net::TcpStream::connect(dev_server.base().strip_prefix("http://").unwrap()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    socket.send(Message::text("there and back")).await.unwrap();
    let answer = socket.next().await.unwrap().unwrap();
    assert_eq!(answer, Message::text("there and back"));
}

#[tokio::test]
async fn a_preview_never_leads_out_of_the_sandbox() {
    let dev_server = DevServer::new().await;
    let (_, port) = listening(&dev_server).await;
    let other = dev_server.sandbox().await;
    // The port is open on this machine, but not by a process of this sandbox; neither is the server's own.
    let own: u16 = dev_server.base().rsplit(':').next().unwrap().parse().unwrap();
    for port in [port, own] {
        let link = dev_server.get(&format!("/sandbox/{}/ports/{port}/preview-url", other.id)).await.1;
        let request = preview(&dev_server, Method::GET, link["url"].as_str().unwrap(), "/");
        let answer =
            status_and_body(request.bearer_auth(dev_server.server.api_key()).send().await.unwrap()).await;
        assert_eq!(answer.0, 502, "{}", answer.1);
    }
}

#[tokio::test]
async fn a_sandbox_that_cannot_start_is_recovered() {
    let directory = tempfile::tempdir().unwrap();
    let binary = directory.path().join("daytona-dev");
    let options =
        Options { isolation: daytona_dev::Wanted::None, binary: Some(binary.clone()), ..Options::default() };
    let dev_server = DevServer::with(options).await;
    for (query, state) in [("", "started"), ("?skipStart=true", "stopped")] {
        let _none = std::fs::remove_file(&binary);
        let made = dev_server.post("/sandbox", json!({})).await.1;
        assert_eq!((&made["state"], &made["recoverable"]), (&json!("error"), &json!(true)), "{made}");
        assert!(made["errorReason"].as_str().unwrap().contains("cannot start"), "{made}");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_daytona-dev"), &binary).unwrap();
        let id = made["id"].as_str().unwrap();
        let (status, answer) = dev_server.post(&format!("/sandbox/{id}/recover{query}"), json!({})).await;
        assert_eq!(status, 200, "{answer}");
        dev_server.wait_for(id, state).await;
        let recovered = dev_server.get(&format!("/sandbox/{id}")).await.1;
        assert_eq!(recovered["errorReason"], json!(null), "{recovered}");
        let (status, refused) = dev_server.post(&format!("/sandbox/{id}/recover"), json!({})).await;
        assert_eq!((status, &refused["message"]), (400, &json!("Sandbox is not in a recoverable state")));
    }
}
