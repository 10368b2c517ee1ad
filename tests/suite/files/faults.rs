//! The files operations against servers and connections that misbehave: no hang, no wrong success, no
//! local file that is not the whole one.

use crate::canned::{Answer, Server, json_answer, with_headers};
use crate::fixture::{Fixture, content};
use daytona::client::status;
use daytona::{Error, Result};
use daytona_dev::Protocol;
use daytona_dev::outside::as_owner_of;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

const IDLE_MS: u64 = 400;

/// Every way to move a file, and two that only look.
const OPERATIONS: [&str; 9] = [
    "files.upload",
    "files.upload_many",
    "files.write",
    "files.writer",
    "files.download",
    "files.download_many",
    "files.read",
    "files.reader",
    "files.list",
];

/// With a file on both sides, and an idle limit for tests of silent servers: on a busy machine any answer may miss
/// it.
async fn impatient(protocol: Protocol) -> Fixture {
    furnished(Fixture::of(protocol, json!({"idleTimeoutMs": IDLE_MS})).await)
}

fn furnished(fixture: Fixture) -> Fixture {
    fixture.put("there", content(700_000));
    fixture.file("here", &content(700_000));
    fixture
}

/// The client works again once the faults are over. On a busy machine an answer may miss the idle limit, so that
/// only any other error fails at once.
async fn recovered<T>(attempt: impl AsyncFn() -> Result<T>) -> T {
    for _ in 0..50 {
        match attempt().await {
            Ok(done) => return done,
            Err(error) if error.status() == status::TIMEOUT => {}
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("every attempt missed the idle limit");
}

/// Does it, and answers `Ok` only for what is a success.
async fn run(fixture: &Fixture, operation: &str) -> Result<Value> {
    let (here, place) = (fixture.place("here"), fixture.place("arrived"));
    match operation {
        "files.upload" => fixture.call(operation, json!({"localPath": here, "remotePath": "up"})).await,
        "files.upload_many" => {
            let small = fixture.file("small", b"small");
            let files: Vec<_> = [&small, &small, &here]
                .iter()
                .enumerate()
                .map(|(index, local)| json!({"localPath": local, "remotePath": format!("up{index}")}))
                .collect();
            whole(fixture.call(operation, json!({ "files": files })).await)
        }
        "files.write" => fixture.write("up", content(700_000)).await,
        "files.writer" => {
            let writer = fixture.open(operation, json!({"path": "up"}));
            // Ends early where nothing is taken: what is written then is refused.
            let _ = Fixture::feed(&writer, &content(700_000)).await;
            writer.writer.finish();
            writer.ended().await
        }
        "files.download" => fixture.call(operation, json!({"localPath": place, "remotePath": "there"})).await,
        "files.download_many" => {
            let files = json!({"files": [{"localPath": place, "remotePath": "there"}]});
            whole(fixture.call(operation, files).await)
        }
        "files.read" => fixture.read("there").await.map(|bytes| json!(bytes.len())),
        "files.reader" => fixture.open(operation, json!({"path": "there"})).ended().await,
        // It answers at once or not at all: no idle limit, but one for the whole.
        _ => fixture.call("files.list", json!({"path": ".", "timeoutMs": 10 * IDLE_MS})).await,
    }
}

/// Of many, each.
fn whole(result: Result<Value>) -> Result<Value> {
    let result = result?;
    match result.as_array().unwrap().iter().find_map(|file| file.get("error")) {
        Some(error) => {
            Err(Error::new(error["status"].as_i64().unwrap() as i32, error["message"].as_str().unwrap()))
        }
        None => Ok(result),
    }
}

#[tokio::test]
async fn a_fault_is_an_error_and_leaves_no_local_file() {
    let faults = [
        ("cut@/files", status::CONNECTION),
        ("cut-after@/files", status::CONNECTION),
        ("cut-body=1@/files", status::CONNECTION),
        ("stall@/files", status::TIMEOUT),
        ("stall-body=1@/files", status::TIMEOUT),
        ("html=200@/files", status::PROTOCOL),
        ("html=502@/files", status::HTTP_BAD_GATEWAY),
        ("empty=200@/files", status::PROTOCOL),
        ("empty=502@/files", status::HTTP_BAD_GATEWAY),
        ("status=502@/files", status::HTTP_BAD_GATEWAY),
        ("garbage@/files", status::PROTOCOL),
    ];
    let patient = furnished(Fixture::of(Protocol::V0_205, json!({})).await);
    let impatient = impatient(Protocol::V0_205).await;
    for (fault, expected) in faults {
        let fixture = if expected == status::TIMEOUT { &impatient } else { &patient };
        fixture.server.fault(fault);
        for operation in OPERATIONS {
            let error = run(fixture, operation).await.expect_err(&format!("{fault} {operation}"));
            assert_eq!(error.status(), expected, "{fault} {operation}: {error}");
            let named = error.to_string().starts_with("cannot ") || operation == "files.list";
            assert!(named, "{fault} {operation}: {error}");
            let left = fixture.left().into_iter().filter(|name| !["here", "small"].contains(&name.as_str()));
            assert_eq!(left.count(), 0, "{fault} {operation}");
        }
        fixture.clear_faults().await;
    }
    for operation in OPERATIONS {
        run(&patient, operation).await.unwrap();
        recovered(async || run(&impatient, operation).await).await;
    }
}

#[tokio::test]
async fn what_is_answered_at_once_ends_by_its_own_limit() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = impatient(protocol).await;
        let calls = [
            ("files.list", json!({"path": "."}), true),
            ("files.info", json!({"path": "there"}), true),
            ("files.mkdir", json!({"path": "new"}), false),
            ("files.move", json!({"source": "none", "destination": "to"}), false),
            ("files.set_permissions", json!({"path": "there", "mode": "0600"}), false),
            ("files.delete", json!({"path": "none"}), false),
        ];
        for (operation, mut params, has_body) in calls {
            params["timeoutMs"] = json!(IDLE_MS / 2);
            for fault in ["stall", "stall-body=1"] {
                // A status alone is all of the answer.
                if fault == "stall" || has_body {
                    fixture.server.fault(&format!("{fault}@/files"));
                    let error = fixture.call(operation, params.clone()).await.unwrap_err();
                    assert_eq!(error.status(), status::TIMEOUT, "{fault} {operation}: {error}");
                    fixture.clear_faults().await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_sync_ends_by_the_idle_limit_wherever_the_server_falls_silent() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = impatient(protocol).await;
        for operation in ["files.sync_up", "files.sync_down"] {
            // Both have `same`, so that its digest is asked for; each has a small and a large file of its own.
            for directory in [fixture.local.path().join("dir"), fixture.home.join("dir")] {
                let _ = fs::remove_dir_all(&directory);
                let fill = || {
                    fs::create_dir_all(directory.join("below"))?;
                    fs::write(directory.join("same"), "same")
                };
                as_owner_of(&directory, fill).unwrap();
            }
            let source = if operation == "files.sync_up" { fixture.local.path() } else { &fixture.home };
            let target = if operation == "files.sync_up" { &fixture.home } else { fixture.local.path() };
            let fill_source = || {
                fs::write(source.join("dir/below/small"), "small")?;
                fs::write(source.join("dir/large"), content(700_000))
            };
            as_owner_of(source, fill_source).unwrap();
            as_owner_of(target, || fs::write(target.join("dir/extra"), "extra")).unwrap();
            let params = json!({"localDir": fixture.place("dir"), "remoteDir": "dir", "delete": true});
            let faults = ["stall@/process", "stall-body=1@/process", "stall@/files", "stall-body=1@/files"];
            for fault in faults {
                fixture.server.fault(fault);
                let error = fixture.call(operation, params.clone()).await.unwrap_err();
                assert_eq!(error.status(), status::TIMEOUT, "{fault} {operation}: {error}");
                assert!(
                    error.to_string().contains("idleTimeoutMs") || error.to_string().contains("400 ms"),
                    "{error}"
                );
                assert!(
                    target.join("dir/extra").exists(),
                    "{fault} {operation}: deleted before all was copied"
                );
                fixture.clear_faults().await;
            }
            recovered(async || fixture.call(operation, params.clone()).await).await;
            assert_eq!(
                crate::fixture::names(&target.join("dir")),
                crate::fixture::names(&source.join("dir"))
            );
        }
    }
}

#[tokio::test]
async fn a_sync_ends_by_the_idle_limit_when_no_digest_comes() {
    for half in ["", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"] {
        let server = Server::start(move |asked| match asked.number {
            0 => {
                Answer::Keep(json_answer("200 OK", &json!({"exitCode": 0, "result": "begin\0f\0./f\0end\0"})))
            }
            _ => Answer::Stall(half.as_bytes().to_vec()),
        })
        .await;
        // Long enough for the listing, which is answered.
        let client = crate::support::client(&server.url(), json!({"idleTimeoutMs": 5 * IDLE_MS}));
        let sandbox = crate::support::sandbox(&client, &server.url()).await;
        let local = tempfile::tempdir().unwrap();
        fs::write(local.path().join("f"), "f").unwrap();
        let params = json!({"localDir": local.path(), "remoteDir": "dir"});
        let sync = crate::support::call(&sandbox, "files.sync_down", params);
        let error = crate::support::soon(sync).await.unwrap_err();
        assert_eq!(error.status(), status::TIMEOUT, "{error}");
        assert!(server.requests()[1].line.contains("/process/execute"), "{:?}", server.requests()[1].line);
    }
}

#[tokio::test]
async fn an_older_server_fares_no_better() {
    let fixture = impatient(Protocol::V0_190).await;
    for fault in ["cut@/files", "stall@/files", "html=200@/files", "empty=502@/files"] {
        fixture.server.fault(fault);
        for operation in OPERATIONS {
            run(&fixture, operation).await.expect_err(&format!("{fault} {operation}"));
        }
        fixture.clear_faults().await;
    }
    for operation in OPERATIONS {
        recovered(async || run(&fixture, operation).await).await;
    }
}

#[tokio::test]
async fn bytes_that_come_one_by_one_arrive_all_the_same() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = Fixture::of(protocol, json!({})).await;
        let small = content(20_000);
        fixture.put("there", &small);
        fs::write(fixture.local.path().join("here"), &small).unwrap();
        fixture.server.fault("split@/");
        for operation in OPERATIONS {
            run(&fixture, operation).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        }
        assert!(fs::read(fixture.place("arrived")).unwrap() == small);
    }
}

fn make_old(fixture: &Fixture, name: &str) {
    let file = File::options().write(true).open(fixture.home.join(name)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

#[tokio::test]
async fn a_lost_download_of_the_same_file_goes_on_where_it_ended() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = Fixture::of(protocol, json!({"retries": 2})).await;
        let content = content(3_000_000);
        fixture.put("there", &content);
        make_old(&fixture, "there");
        for operation in ["files.download", "files.read", "files.reader"] {
            fixture.server.fault("cut-body=700001@/files/download*3");
            run(&fixture, operation).await.unwrap_or_else(|error| panic!("{operation}: {error}"));
        }
        assert!(fs::read(fixture.place("arrived")).unwrap() == content);
        fixture.server.fault("cut-body=700001@/files/download*1");
        assert!(fixture.read("there").await.unwrap() == content);
        fixture.server.fault("cut-body=700001@/files/download*1");
        let reader = fixture.open("files.reader", json!({"path": "there"}));
        let sink = reader.sink.clone();
        reader.ended().await.unwrap();
        assert!(sink.all() == content);
    }
}

#[tokio::test]
async fn a_lost_download_of_what_may_be_another_file_is_an_error() {
    let fixture = Fixture::of(Protocol::V0_205, json!({"retries": 2})).await;
    for operation in ["files.download", "files.read", "files.reader"] {
        // Too young to tell its versions apart.
        fixture.put("there", content(3_000_000));
        fixture.server.fault("cut-body=700001@/files/download*1");
        assert_eq!(run(&fixture, operation).await.unwrap_err().status(), status::CONNECTION, "{operation}");
    }
    make_old(&fixture, "there");
    fixture.server.fault("cut-body=700001@/files/download*1");
    let reader = fixture.open("files.reader", json!({"path": "there"}));
    reader.until_open().await;
    fixture.put("there", content(3_000_001));
    let error = reader.failed().await;
    assert_eq!(error.status(), status::CONNECTION);
    assert!(error.to_string().contains("changed meanwhile"), "{error}");
    assert_eq!(fixture.left(), [""; 0]);
}

#[tokio::test]
async fn many_files_are_asked_for_again_as_long_as_some_come() {
    let fixture = Fixture::of(Protocol::V0_205, json!({})).await;
    let contents: Vec<_> = (0..6).map(|index| content(400_000 + index)).collect();
    let mut files = Vec::new();
    for (index, content) in contents.iter().enumerate() {
        fixture.put(format!("f{index}"), content);
        files.push(
            json!({"remotePath": format!("f{index}"), "localPath": fixture.place(&format!("f{index}"))}),
        );
    }
    fixture.server.fault("cut-body=1000000@/files/bulk-download*2");
    let moved = whole(fixture.call("files.download_many", json!({ "files": files })).await).unwrap();
    assert_eq!(moved.as_array().unwrap().len(), 6);
    for (index, content) in contents.iter().enumerate() {
        assert!(&fs::read(fixture.place(&format!("f{index}"))).unwrap() == content);
    }

    // From now on the third file is too long to get through.
    fixture.put("f2", content(2_000_000));
    fixture.server.fault("cut-body=1000000@/files/bulk-download");
    let moved = fixture.call("files.download_many", json!({ "files": files })).await.unwrap();
    assert_eq!((&moved[0]["bytes"], &moved[1]["bytes"]), (&json!(400_000), &json!(400_001)));
    for file in &moved.as_array().unwrap()[2..] {
        assert_eq!(file["error"]["name"], "CONNECTION");
    }
    assert!(fs::read(fixture.place("f2")).unwrap() == contents[2], "the former one is still there");
    assert_eq!(fixture.left().len(), 6);
}

#[tokio::test]
async fn a_download_in_parts_is_read_wherever_the_network_cuts_it() {
    let body = b"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"_.txt\"; \
        filename*=utf-8''%C3%BC%20%22.txt\r\nContent-Length: 9\r\nContent-Type: text/plain\r\n\r\n\r\n--B--\r\n\r\n\
        --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"no length\"\r\n\r\n\r\n--A\r\n\
        --B\r\nContent-Disposition: form-data; name=\"error\"; filename=\"gone\"\r\n\r\n\
        {\"statusCode\":404,\"message\":\"file not found: gone\",\"code\":\"FILE_NOT_FOUND\"}\r\n--B--\r\n";
    let positions = body.len();
    let server = Server::start(move |asked| {
        let cut = asked.number.min(positions - 1).max(1);
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/form-data; boundary=B\r\n\
            Transfer-Encoding: chunked\r\n\r\n"
            .to_vec();
        for piece in [&body[..cut], &body[cut..]] {
            answer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            answer.extend_from_slice(piece);
            answer.extend_from_slice(b"\r\n");
        }
        answer.extend_from_slice(b"0\r\n\r\n");
        Answer::Keep(answer)
    })
    .await;
    let sandbox =
        crate::support::sandbox(&crate::support::client(&server.url(), json!({})), &server.url()).await;
    let local = tempfile::tempdir().unwrap();
    let place = |name: &str| local.path().join(name);
    let files = json!({"files": [
        {"remotePath": "no length", "localPath": place("b")},
        {"remotePath": "ü \".txt", "localPath": place("a")},
        {"remotePath": "gone", "localPath": place("c")},
    ]});
    for cut in 0..positions {
        let moved = crate::support::call(&sandbox, "files.download_many", files.clone()).await.unwrap();
        assert_eq!((&moved[0]["bytes"], &moved[1]["bytes"]), (&json!(5), &json!(9)), "{cut}: {moved}");
        assert_eq!(moved[2]["error"]["code"], "FILE_NOT_FOUND", "{cut}");
        assert_eq!(fs::read(place("a")).unwrap(), b"\r\n--B--\r\n", "{cut}");
        assert_eq!(fs::read(place("b")).unwrap(), b"\r\n--A", "{cut}");
        fs::remove_file(place("a")).unwrap();
        fs::remove_file(place("b")).unwrap();
        assert_eq!(crate::fixture::names(local.path()), [""; 0], "{cut}");
    }
}

#[tokio::test]
async fn an_answer_in_parts_that_is_not_what_was_asked_for_is_an_error() {
    let part = |name: &str| {
        format!("--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nx\r\n--B")
    };
    let bodies =
        [part("other") + "--\r\n", part("asked") + "\r\n", "--B--\r\n".to_owned(), "nonsense".to_owned()];
    let count = bodies.len();
    let server = Server::start(move |asked| {
        let body = &bodies[asked.number];
        Answer::Keep(
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
            .into_bytes(),
        )
    })
    .await;
    let sandbox =
        crate::support::sandbox(&crate::support::client(&server.url(), json!({})), &server.url()).await;
    let local = tempfile::tempdir().unwrap();
    let files = json!({"files": [
        {"remotePath": "asked", "localPath": local.path().join("a")},
        {"remotePath": "missing", "localPath": local.path().join("m")},
    ]});
    for number in 0..count {
        let moved = crate::support::call(&sandbox, "files.download_many", files.clone()).await;
        let error = whole(moved).unwrap_err();
        assert_eq!(error.status(), status::PROTOCOL, "{number}: {error}");
        assert!(!local.path().join("m").exists());
    }
}

#[tokio::test]
async fn a_download_of_another_length_than_promised_is_an_error() {
    let server = Server::start(|_| {
        Answer::Close(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 10\r\n\r\nshort"
                .to_vec(),
        )
    })
    .await;
    let sandbox =
        crate::support::sandbox(&crate::support::client(&server.url(), json!({})), &server.url()).await;
    let local = tempfile::tempdir().unwrap();
    let params = json!({"remotePath": "f", "localPath": local.path().join("f")});
    let error = crate::support::call(&sandbox, "files.download", params).await.unwrap_err();
    assert_eq!(error.status(), status::CONNECTION);
    assert_eq!(crate::fixture::names(local.path()), [""; 0]);
}

#[tokio::test]
async fn a_part_or_a_coded_body_that_was_not_requested_is_never_a_files_content() {
    let alterations = [
        ("206 Partial Content", "Content-Range: bytes 0-3/10\r\n"),
        ("200 OK", "Content-Encoding: gzip\r\n"),
    ];
    let part =
        "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbody\r\n--B--\r\n";
    for (status, headers) in alterations {
        let server = Server::start(move |asked| {
            let is_bulk = asked.line.contains("bulk-download");
            let kind = if is_bulk { "multipart/form-data; boundary=B" } else { "application/octet-stream" };
            let headers = format!("{headers}Content-Type: {kind}\r\n");
            let body = if is_bulk { part } else { "body" };
            Answer::Keep(with_headers(status, &headers, body.as_bytes()))
        })
        .await;
        let client = crate::support::client(&server.url(), json!({}));
        let sandbox = crate::support::sandbox(&client, &server.url()).await;
        let local = tempfile::tempdir().unwrap();
        let place = local.path().join("f");
        let call = |operation: &'static str, params: Value| crate::support::call(&sandbox, operation, params);
        let errors = [
            call("files.read", json!({"path": "f"})).await.unwrap_err(),
            call("files.download", json!({"remotePath": "f", "localPath": place})).await.unwrap_err(),
            call("files.download_many", json!({"files": [{"remotePath": "f", "localPath": place}]}))
                .await
                .unwrap_err(),
            crate::support::open(&sandbox, "files.reader", json!({"path": "f"})).unwrap().failed().await,
        ];
        for error in errors {
            assert_eq!(error.status(), daytona::client::status::PROTOCOL, "{status} {headers}: {error}");
        }
        assert_eq!(crate::fixture::names(local.path()), [""; 0]);
    }
}
