//! What the sandbox operations ask of the API, and what they make of its answers.

use crate::canned::{Answer, Server, json_answer, soon, with_headers};
use crate::support::toolbox::{Reply, Toolbox, ok};
use crate::support::{Collector, call, client, context, on_client, until};
use daytona::catalogue::{self, Outcome, TargetRef};
use daytona::client::error::{Error, Result};
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use daytona::client::stream::{Io, input};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::AsyncWriteExt;

async fn create(server: &Server, params: Value) -> Result<Sandbox> {
    let create = catalogue::find("sandbox.create").unwrap().call.unwrap();
    let call = catalogue::Call {
        target: TargetRef::Client(client(&server.url(), json!({"apiKey": "k", "retries": 0}))),
        params: params.to_string().into_bytes(),
        context: context(),
    };
    match soon(create(call).unwrap()).await? {
        Outcome::NewSandbox(TargetRef::Sandbox(sandbox), _) => Ok(sandbox),
        _ => panic!("no sandbox"),
    }
}

#[tokio::test]
async fn a_create_that_failed_on_the_server_is_looked_up_by_its_own_name_and_by_no_other() {
    for code in ["500 X", "502 X", "503 X", "504 X"] {
        let server = Server::start(move |asked| {
            Answer::Keep(match asked.line.starts_with("POST") {
                true => json_answer(code, &json!({"message": "oops"})),
                false => json_answer("200 OK", &json!({"id": "sb-1", "name": "n", "state": "started"})),
            })
        })
        .await;
        assert_eq!(create(&server, json!({})).await.unwrap().id(), "sb-1");
        let asked = server.requests();
        let sent: Value = serde_json::from_slice(&asked[0].body).unwrap();
        assert!(
            asked[1].line.contains(&format!("/sandbox/{} ", sent["name"].as_str().unwrap())),
            "{asked:?}"
        );
        // A name of the caller's may be that of a sandbox that was there before.
        let error = create(&server, json!({"name": "mine"})).await.err().unwrap();
        assert_eq!(error.status().to_string(), code[..3]);
    }
}

#[tokio::test]
async fn a_create_whose_answer_tells_nothing_is_looked_up_by_its_name() {
    for answer in [&b""[..], b"null", b"{}", b"[]", b"{\"id\":5}", b"{\"id\":"] {
        let server = Server::start(move |asked| {
            Answer::Keep(match asked.line.starts_with("POST") {
                true => with_headers("200 OK", "", answer),
                false => json_answer("200 OK", &json!({"id": "sb-1", "name": "n", "state": "started"})),
            })
        })
        .await;
        assert_eq!(create(&server, json!({})).await.unwrap().id(), "sb-1");
        let posts = server.requests().iter().filter(|it| it.line.starts_with("POST")).count();
        assert_eq!(posts, 1);
    }
}

#[tokio::test]
async fn a_list_that_goes_in_a_circle_ends() {
    let server = Server::start(|asked| {
        let next = if asked.line.contains("cursor=a") { "b" } else { "a" };
        Answer::Keep(match asked.line.contains("paginated") {
            true => json_answer("404 Not Found", &json!({"message": "gone"})),
            false => json_answer("200 OK", &json!({"items": [{"id": next}], "nextCursor": next})),
        })
    })
    .await;
    let client = client(&server.url(), json!({}));
    let error = on_client(&client, "sandbox.list", json!({"page": 1_000_000})).await.unwrap_err();
    assert_eq!(error.status(), status::PROTOCOL, "{error}");
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn a_page_without_items_is_no_list() {
    for page in [json!(null), json!({}), json!({"items": null}), json!({"items": "x"}), json!(5)] {
        let server = Server::start(move |_| Answer::Keep(json_answer("200 OK", &page))).await;
        let client = client(&server.url(), json!({}));
        for params in [json!({}), json!({"page": 1})] {
            let error = on_client(&client, "sandbox.list", params).await.unwrap_err();
            assert_eq!(error.status(), status::PROTOCOL, "{error}");
        }
    }
}

#[tokio::test]
async fn a_toolbox_that_cannot_be_one_is_the_servers_fault_and_says_whose_it_is() {
    let server = Server::start(|_| Answer::Keep(json_answer("404 X", &json!({"message": "no"})))).await;
    let client = client(&server.url(), json!({"apiKey": "k", "retries": 0}));
    for url in ["nowhere", "ftp://127.0.0.1/x", "http://user:sesame@127.0.0.1/x"] {
        let sandbox = crate::support::sandbox(&client, url).await;
        let error = soon(call(&sandbox, "session.list", json!({}))).await.unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL);
        assert_eq!(error.detail().sandbox_id.as_deref(), Some(sandbox.id()));
        assert!(!error.detail().message.contains("sesame"), "{error:?}");
    }
}

/// What create sends for this.
async fn sent(config: Value, params: Value) -> Value {
    let server = Server::start(|_| {
        Answer::Keep(json_answer("200 OK", &json!({"id": "sb-1", "name": "n", "state": "started"})))
    })
    .await;
    on_client(&client(&server.url(), config), "sandbox.create", params).await.unwrap();
    let posted = server.requests().into_iter().find(|asked| asked.line.starts_with("POST")).unwrap();
    serde_json::from_slice(&posted.body).unwrap()
}

/// What an API of this version is asked; None: one that names no version.
async fn asked_of(
    version: Option<&'static str>,
    operation: &str,
    params: Value,
) -> (Result<Value>, Vec<String>) {
    let server = Server::start(move |asked| {
        Answer::Keep(match asked.line.starts_with("GET /config ") {
            true => match version {
                Some(version) => json_answer("200 OK", &json!({ "version": version })),
                None => json_answer("404 Not Found", &json!({"message": "Cannot GET /config"})),
            },
            false => {
                let made = json!({"id": "sb-1", "name": "n", "state": "started", "items": []});
                json_answer("200 OK", &made)
            }
        })
    })
    .await;
    let answer = on_client(&client(&server.url(), json!({"retries": 0})), operation, params).await;
    let lines = server.requests().into_iter().map(|asked| asked.line).collect();
    (answer, lines)
}

/// Every option of the API that is newer than the last self-hosted release, with the version it came with.
fn newer_options() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let time = "2026-01-01T00:00:00Z";
    vec![
        ("sandbox.create", "autoPauseInterval", json!(5), "0.205"),
        ("sandbox.create", "ttlMinutes", json!(5), "0.205"),
        ("sandbox.create", "secrets", json!([{"E": "secret"}]), "0.205"),
        ("sandbox.create", "spot", json!(true), "0.205"),
        ("sandbox.create", "queueTimeout", json!(5), "0.226"),
        ("sandbox.create", "kvm", json!(true), "0.226"),
        ("sandbox.list", "includeWarm", json!(true), "0.205"),
        ("sandbox.list", "autoDestroyAtAfter", json!(time), "0.205"),
        ("sandbox.list", "autoDestroyAtBefore", json!(time), "0.205"),
        ("sandbox.list", "minGpu", json!(1), "0.226"),
        ("sandbox.list", "maxGpu", json!(1), "0.226"),
    ]
}

#[tokio::test]
async fn an_option_newer_than_the_server_is_unsupported_before_anything_is_sent() {
    for (operation, option, value, since) in newer_options() {
        let params = json!({ option: value });
        for version in ["v0.190.0", "0.204.9", "0.205.3", "0.225.0"] {
            let (answer, lines) = asked_of(Some(version), operation, params.clone()).await;
            let knows = version.trim_start_matches('v')[..5] >= *since;
            if knows {
                answer.unwrap_or_else(|error| panic!("{option} on {version}: {error}"));
                continue;
            }
            let error = answer.unwrap_err();
            let message = &error.detail().message;
            assert_eq!(error.status(), status::UNSUPPORTED, "{option} on {version}: {error}");
            for word in [operation, &format!("`{option}`"), since, version] {
                assert!(message.contains(word), "{word} is not in {message}");
            }
            assert_eq!(lines, ["GET /config HTTP/1.1"], "{option} on {version}");
        }
        // A version that has it, a later one, a build without a number, and a server that does not say.
        for version in [Some("0.226.0"), Some("v1.2.3"), Some("0.0.0-dev"), None] {
            let (answer, lines) = asked_of(version, operation, params.clone()).await;
            answer.unwrap_or_else(|error| panic!("{option} on {version:?}: {error}"));
            assert!(lines.len() >= 2, "{lines:?}");
        }
    }
}

#[tokio::test]
async fn a_servers_version_is_read_once_and_for_newer_options_alone() {
    let config = |lines: Vec<String>| lines.iter().filter(|line| line.contains("/config")).count();
    for (operation, params) in [
        ("sandbox.create", json!({})),
        ("sandbox.create", json!({"spot": false, "kvm": false, "secrets": [], "ttlMinutes": 0})),
        ("sandbox.list", json!({"includeWarm": false, "minCpu": 1})),
    ] {
        let (answer, lines) = asked_of(Some("0.190.0"), operation, params).await;
        answer.unwrap();
        assert_eq!(config(lines), 0);
    }
    let server = Server::start(|_| {
        let answer = json!({"version": "0.226.1", "items": [], "nextCursor": null});
        Answer::Keep(json_answer("200 OK", &answer))
    })
    .await;
    let client = client(&server.url(), json!({}));
    for _ in 0..3 {
        on_client(&client, "sandbox.list", json!({"minGpu": 1})).await.unwrap();
    }
    assert_eq!(config(server.requests().into_iter().map(|asked| asked.line).collect()), 1);
}

/// A cancel or close drops the operation's future; the error is made elsewhere, from the error context.
#[tokio::test]
async fn an_interrupted_create_names_what_it_sent_and_the_id_once_it_is_known() {
    for (answers, streamed) in [(false, false), (false, true), (true, false), (true, true)] {
        for given in [None, Some("given")] {
            let toolbox = Toolbox::start_api(move |asked, _| match asked.method.as_str() {
                "POST" if answers => ok(json!({"id": "sb-9", "name": "n", "state": "creating"})),
                _ => Reply::Silence,
            })
            .await;
            let target = TargetRef::Client(client(&toolbox.url, json!({})));
            let params = json!({ "name": given }).to_string().into_bytes();
            let operation = catalogue::find("sandbox.create").unwrap();
            let context = context();
            let known = context.error_context.clone();
            let task = if streamed {
                let (sink, (_writer, input)) = (Arc::new(Collector::default()), input(1024));
                let error_context = known.clone();
                let io = Box::new(move |_| Io { sink, input, error_context });
                let future = operation.stream.unwrap()(catalogue::Stream { target, params, io }).unwrap();
                tokio::spawn(async move { future.await.map(drop) })
            } else {
                let future = operation.call.unwrap()(catalogue::Call { target, params, context }).unwrap();
                tokio::spawn(async move { future.await.map(drop) })
            };
            let requests = if answers { 2 } else { 1 };
            until("asked", async || toolbox.requests().len() >= requests).await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            let mut error = Error::new(status::CANCELLED, "cancelled");
            known.complete(&mut error);
            let sent = &toolbox.requests()[0].body["name"];
            assert_eq!(error.detail().sandbox_name.as_deref(), sent.as_str());
            assert!(given.is_none_or(|given| sent == given));
            assert_eq!(error.detail().sandbox_id.as_deref(), answers.then_some("sb-9"));
        }
    }
}

#[tokio::test]
async fn an_option_that_was_not_given_is_an_absent_key() {
    let mut body = sent(json!({}), json!({})).await;
    assert!(body["name"].take().as_str().unwrap().starts_with("sandbox-"));
    assert_eq!(body, json!({"name": null, "labels": {"code-toolbox-language": "python"}}));
}

#[tokio::test]
async fn options_travel_under_the_services_names() {
    let params = json!({
        "name": "n", "image": "debian:12", "language": "javascript", "user": "me", "env": {"A": "b c"},
        "labels": {"k": "v"}, "public": true, "target": "eu", "autoStopInterval": 0, "autoArchiveInterval": 5,
        "autoDeleteInterval": 9, "ephemeral": true, "ttlMinutes": 60, "networkBlockAll": false,
        "networkAllowList": "10.0.0.0/8", "domainAllowList": "a.example", "spot": true, "linkedSandbox": "other", "queueTimeout": 3, "kvm": true,
        "queueTimeout": 3, "kvm": true,
        "resources": {"cpu": 2, "memory": 4, "disk": 8, "gpu": 1, "gpuType": "h100"},
        "volumes": [{"volumeId": "v", "mountPath": "/data", "subpath": "s"}], "secrets": [{"E": "secret"}],
    });
    let body = json!({
        "name": "n", "buildInfo": {"dockerfileContent": "FROM debian:12\n", "contextHashes": []}, "user": "me",
        "env": {"A": "b c"}, "labels": {"code-toolbox-language": "javascript", "k": "v"}, "public": true,
        "target": "eu", "autoStopInterval": 0, "autoArchiveInterval": 5,
        // What ephemeral means, and overrides.
        "autoDeleteInterval": 0, "ttlMinutes": 60, "networkBlockAll": false, "networkAllowList": "10.0.0.0/8",
        "domainAllowList": "a.example", "spot": true, "linkedSandbox": "other", "queueTimeout": 3, "kvm": true,
        "cpu": 2, "memory": 4, "disk": 8, "gpu": 1, "gpuType": ["h100"],
        "volumes": [{"volumeId": "v", "mountPath": "/data", "subpath": "s"}], "secrets": [{"E": "secret"}],
    });
    assert_eq!(sent(json!({}), params).await, body);
    // The client's target counts where none is given.
    assert_eq!(sent(json!({"target": "us"}), json!({})).await["target"], "us");
    assert_eq!(sent(json!({"target": "us"}), json!({"target": "eu"})).await["target"], "eu");
    // A label that the user set himself stays, unless a language is asked for.
    let labels = json!({"code-toolbox-language": "typescript"});
    assert_eq!(sent(json!({}), json!({"labels": labels})).await["labels"], labels);
}

#[tokio::test]
async fn what_the_service_would_refuse_or_misread_is_refused_before_it_is_sent() {
    let server = Server::start(|_| Answer::Keep(json_answer("500 X", &json!({})))).await;
    let client = client(&server.url(), json!({}));
    for (params, word) in [
        (json!({"autoArchiveInterval": -1}), "autoArchiveInterval"),
        (json!({"autoPauseInterval": -1}), "autoPauseInterval"),
        (json!({"ttlMinutes": -1}), "ttlMinutes"),
        (json!({"queueTimeout": 0}), "queueTimeout"),
        (json!({"autoStopInterval": 1, "autoPauseInterval": 1}), "exclude each other"),
        (json!({"autoPauseInterval": 1, "ephemeral": true}), "ephemeral"),
        (json!({"autoPauseInterval": 1, "autoDeleteInterval": 0}), "autoDeleteInterval"),
        (json!({"image": " "}), "empty"),
        (json!({"image": "a\nRUN b"}), "one line"),
        (json!({"timeoutMs": -1}), "timeoutMs"),
        (json!({"volumes": [{"volumeId": "v", "mountPath": "/v", "readOnly": true}]}), "readOnly"),
        (json!({"volumes": [{"volumeId": "v"}]}), "mountPath"),
    ] {
        let error = on_client(&client, "sandbox.create", params.clone()).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{params}");
        assert!(error.detail().message.contains(word), "{params} {error}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_lists_filters_travel_under_the_services_names_in_both_shapes() {
    let empty = || Answer::Keep(json_answer("200 OK", &json!({"items": [], "nextCursor": null})));
    let server = Server::start(move |_| empty()).await;
    let client = client(&server.url(), json!({}));
    let filters = json!({
        "labels": {"k": "v w"}, "limit": 5, "id": "i", "name": "n", "states": ["started", "stopped"],
        "snapshots": ["s"], "regionIds": ["eu", "us"], "includeErroredDeleted": true, "minCpu": 1, "maxCpu": 2,
        "minMemoryGiB": 3, "maxMemoryGiB": 4, "minDiskGiB": 5, "maxDiskGiB": 6,
        "lastEventAfter": "2026-01-01T00:00:00Z", "order": "desc",
    });
    let mut paged = filters.clone();
    paged["page"] = json!(2);
    for (params, path, regions) in
        [(filters, "/sandbox?", "regionIds"), (paged, "/sandbox/paginated?", "regions")]
    {
        on_client(&client, "sandbox.list", params).await.unwrap();
        let asked = server.requests().pop().unwrap().line;
        let target = asked.split(' ').nth(1).unwrap();
        assert!(target.starts_with(path), "{asked}");
        let query: Vec<(String, String)> = url::form_urlencoded::parse(&target.as_bytes()[path.len()..])
            .map(|(key, value)| (key.into(), value.into()))
            .collect();
        for (key, value) in [
            ("labels", r#"{"k":"v w"}"#),
            ("limit", "5"),
            ("id", "i"),
            ("name", "n"),
            ("states", "started"),
            ("states", "stopped"),
            ("snapshots", "s"),
            (regions, "eu"),
            (regions, "us"),
            ("includeErroredDeleted", "true"),
            ("minCpu", "1"),
            ("maxCpu", "2"),
            ("minMemoryGiB", "3"),
            ("maxMemoryGiB", "4"),
            ("minDiskGiB", "5"),
            ("maxDiskGiB", "6"),
            ("lastEventAfter", "2026-01-01T00:00:00Z"),
            ("order", "desc"),
        ] {
            assert!(query.contains(&(key.to_owned(), value.to_owned())), "{key}={value} is not in {asked}");
        }
    }
}

#[tokio::test]
async fn a_newer_servers_filters_and_unknown_values_pass_to_the_endpoint_that_knows_them() {
    let server =
        Server::start(|_| Answer::Keep(json_answer("200 OK", &json!({"items": [], "nextCursor": null}))))
            .await;
    let client = client(&server.url(), json!({}));
    for (params, query) in [
        (json!({"page": 1, "minGpu": 1, "maxGpu": 8}), "minGpu=1&maxGpu=8"),
        (json!({"sort": "gpu", "order": "sideways"}), "sort=gpu&order=sideways"),
        (json!({"states": ["hibernating"]}), "states=hibernating"),
    ] {
        on_client(&client, "sandbox.list", params).await.unwrap();
        let asked = server.requests().pop().unwrap().line;
        assert_eq!(asked, format!("GET /sandbox?{query} HTTP/1.1"));
    }
}

#[tokio::test]
async fn a_server_without_pages_is_walked_by_cursors_and_one_without_cursors_is_a_list_too() {
    let server = Server::start(|asked| {
        let page = |id: &str, next: Value| {
            json_answer("200 OK", &json!({"items": [{"id": id}], "nextCursor": next}))
        };
        Answer::Keep(match asked.line.split(' ').nth(1).unwrap() {
            "/sandbox?limit=1" => page("a", json!("to b")),
            "/sandbox?limit=1&cursor=to+b" => page("b", json!("to c")),
            "/sandbox?limit=1&cursor=to+c" => page("c", Value::Null),
            // The oldest servers: all of them, bare.
            "/sandbox" => json_answer("200 OK", &json!([{"id": "a"}])),
            _ => json_answer(
                "404 Not Found",
                &json!({"message": "Sandbox with ID or name paginated not found"}),
            ),
        })
    })
    .await;
    let client = client(&server.url(), json!({}));
    for (page, items) in [(1, json!([{"id": "a"}])), (3, json!([{"id": "c"}])), (4, json!([]))] {
        let list = on_client(&client, "sandbox.list", json!({"limit": 1, "page": page})).await.unwrap();
        assert_eq!((&list["items"], list.get("total")), (&items, None), "page {page}");
    }
    let list = on_client(&client, "sandbox.list", json!({})).await.unwrap();
    assert_eq!(list, json!({"items": [{"id": "a"}], "nextCursor": null}));
}

#[tokio::test]
async fn a_stop_is_forced_only_when_asked_to() {
    let server =
        Server::start(|_| Answer::Keep(json_answer("200 OK", &json!({"id": "sb-1", "state": "stopped"}))))
            .await;
    let sandbox = crate::support::sandbox(&client(&server.url(), json!({})), &server.url()).await;
    for (params, target) in [
        (json!({}), "/sandbox/sb-1/stop"),
        (json!({"force": false}), "/sandbox/sb-1/stop"),
        (json!({"force": true}), "/sandbox/sb-1/stop?force=true"),
    ] {
        soon(call(&sandbox, "sandbox.stop", params)).await.unwrap();
        let asked = server.requests();
        let stop = asked.iter().rfind(|asked| asked.line.starts_with("POST")).unwrap();
        assert_eq!(stop.line, format!("POST {target} HTTP/1.1"));
    }
}

#[tokio::test]
async fn each_sandbox_has_its_own_toolbox_which_may_move() {
    async fn toolbox(dir: &'static str) -> Server {
        Server::start(move |_| Answer::Keep(json_answer("200 OK", &json!({"dir": dir})))).await
    }
    let (first, second, third) = (toolbox("1").await, toolbox("2").await, toolbox("3").await);
    let (moved, named) = (third.url(), first.url());
    let api = Server::start(move |asked| {
        Answer::Keep(match asked.line.split(' ').nth(1).unwrap() {
            "/sandbox/bare/toolbox-proxy-url" => json_answer("200 OK", &json!({"url": named})),
            "/sandbox/bare" => json_answer("200 OK", &json!({"id": "bare", "toolboxProxyUrl": ""})),
            // With a slash too many, as some servers have it.
            _ => json_answer("200 OK", &json!({"id": "sb-1", "toolboxProxyUrl": format!("{moved}/")})),
        })
    })
    .await;
    let client = client(&api.url(), json!({}));
    let (one, other) = (
        crate::support::sandbox(&client, &first.url()).await,
        crate::support::sandbox(&client, &second.url()).await,
    );
    let home = async |sandbox: &Sandbox| {
        soon(call(sandbox, "sandbox.home_dir", json!({}))).await.unwrap()["dir"].clone()
    };
    assert_eq!(
        (home(&one).await, home(&other).await, home(&one).await),
        (json!("1"), json!("2"), json!("1"))
    );
    soon(call(&one, "sandbox.refresh", json!({}))).await.unwrap();
    assert_eq!((home(&one).await, home(&other).await), (json!("3"), json!("2")));
    assert_eq!(third.requests()[0].line, "GET /sb-1/user-home-dir HTTP/1.1");
    // One that its own JSON does not tell is asked for.
    let attach = catalogue::Call {
        target: TargetRef::Client(client.clone()),
        params: br#"{"sandbox":"bare"}"#.to_vec(),
        context: context(),
    };
    let Outcome::NewSandbox(TargetRef::Sandbox(bare), _) =
        catalogue::find("sandbox.attach").unwrap().call.unwrap()(attach).unwrap().await.unwrap()
    else {
        panic!("no sandbox")
    };
    assert_eq!(home(&bare).await, json!("1"));
}

#[tokio::test]
async fn a_misleading_answer_of_a_toolbox_is_explained_by_the_sandboxs_state() {
    for (code, state, word) in [
        ("502 Bad Gateway", json!({"state": "stopped"}), "sandbox.start"),
        ("400 Bad Request", json!({"state": "archived"}), "sandbox.start"),
        ("502 Bad Gateway", json!({"state": "stopping"}), "is stopping"),
        ("504 X", json!({"state": "error", "errorReason": "out of memory"}), "out of memory"),
    ] {
        let server = Server::start(move |asked| {
            Answer::Keep(match asked.line.contains("/sb-1/user-home-dir") {
                true => json_answer(code, &json!({"message": "connection refused"})),
                false => {
                    let mut reading = state.clone();
                    reading["id"] = json!("sb-1");
                    json_answer("200 OK", &reading)
                }
            })
        })
        .await;
        let sandbox = crate::support::sandbox(&client(&server.url(), json!({})), &server.url()).await;
        let error = soon(call(&sandbox, "sandbox.home_dir", json!({}))).await.unwrap_err();
        assert_eq!(error.status().to_string(), code[..3], "the status is the server's");
        assert!(
            error.detail().message.starts_with("sandbox sb-1 is ") && error.detail().message.contains(word),
            "{error}"
        );
    }
}

/// What only the path is of use for has it, or is an error; and a sandbox without a state explains nothing.
#[tokio::test]
async fn a_directory_without_its_path_is_an_error_and_a_state_that_was_not_sent_is_not_told() {
    for (code, body, expected) in [
        ("200 OK", json!({}), "is not a directory as it should be: missing field `dir`"),
        ("200 OK", json!({"dir": null}), "is not a directory as it should be"),
        ("502 Bad Gateway", json!({"message": "no route"}), "no route ("),
    ] {
        let server = Server::start(move |asked| {
            Answer::Keep(match asked.line.ends_with("-dir HTTP/1.1") {
                true => json_answer(code, &body),
                false => json_answer("200 OK", &json!({"id": "sb-1"})),
            })
        })
        .await;
        let sandbox = crate::support::sandbox(&client(&server.url(), json!({})), &server.url()).await;
        for operation in ["sandbox.home_dir", "sandbox.work_dir"] {
            let error = soon(call(&sandbox, operation, json!({}))).await.unwrap_err();
            let message = &error.detail().message;
            assert!(message.contains(expected) && !message.contains("sandbox sb-1 is"), "{error}");
        }
    }
}

#[tokio::test]
async fn the_look_at_the_state_that_explains_a_failure_stays_within_the_calls_limit() {
    let toolbox = Server::start(|_| Answer::Keep(with_headers("502 Bad Gateway", "", b""))).await;
    let (listener, url) = crate::canned::listen().await;
    let api = tokio::spawn(async move {
        let mut stream = crate::canned::accept(&listener).await;
        crate::canned::read(&mut stream).await.unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        let answer = json!({"id": "sb-1", "state": "stopped", "toolboxProxyUrl": "http://127.0.0.1:1"});
        stream.write_all(&json_answer("200 OK", &answer)).await
    });
    let sandbox = crate::support::sandbox(&client(&url, json!({})), &toolbox.url()).await;
    let error =
        soon(call(&sandbox, "files.list", json!({"path": "a", "timeoutMs": 1500}))).await.unwrap_err();
    assert!(!error.to_string().contains("is stopped"), "explained after the limit: {error}");
    assert!([502, status::TIMEOUT].contains(&error.status()), "{error}");
    assert_eq!(error.detail().operation, Some("files.list"));
    api.abort();
}

#[tokio::test]
async fn a_limit_that_strikes_after_the_request_was_sent_counts_its_attempt() {
    let server = Server::start(|_| Answer::Stall(Vec::new())).await;
    let sandbox = crate::support::sandbox(&client(&server.url(), json!({})), &server.url()).await;
    for (operation, params) in [
        ("sandbox.delete", json!({"timeoutMs": 1000})),
        ("files.delete", json!({"path": "a", "timeoutMs": 1000})),
    ] {
        let error = soon(call(&sandbox, operation, params)).await.unwrap_err();
        assert_eq!((error.status(), error.detail().attempts), (status::TIMEOUT, 1), "{error}");
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_deletion_that_is_sent_again_and_finds_nothing_has_succeeded() {
    let in_sandbox = [
        ("files.delete", json!({"path": "a"})),
        ("session.delete", json!({"id": "a"})),
        ("pty.kill", json!({"id": "a"})),
        ("interpreter.delete_context", json!({"id": "a"})),
        ("computer.recording_delete", json!({"id": "a"})),
        ("git.delete_branch", json!({"path": "r", "name": "a"})),
    ];
    for state in ["started", "stopped"] {
        let deletions = Arc::new(AtomicUsize::new(0));
        let server = Server::start(move |asked| match asked.line.starts_with("DELETE") {
            true if deletions.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => Answer::Close(Vec::new()),
            true => Answer::Keep(json_answer("404 Not Found", &json!({"message": "there is none"}))),
            false => Answer::Keep(json_answer("200 OK", &json!({"id": "sb-1", "state": state}))),
        })
        .await;
        let client = client(&server.url(), json!({"retries": 1}));
        let sandbox = crate::support::sandbox(&client, &server.url()).await;
        for (operation, params) in &in_sandbox {
            let deleted = soon(call(&sandbox, operation, params.clone())).await;
            // A proxy finds nothing in a sandbox that has stopped.
            assert_eq!(deleted.is_ok(), state == "started", "{operation}: {deleted:?}");
        }
        for operation in ["secret.delete", "warm_pool.delete"] {
            let deleted = on_client(&client, operation, json!({"id": "a"})).await;
            assert!(deleted.is_ok(), "{operation}: {deleted:?}");
        }
    }
}
