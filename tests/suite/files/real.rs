//! The files operations against a real toolbox, in both protocols.

use crate::fixture::{Fixture, ODD_NAMES, content};
use daytona::client::status;
use daytona_dev::Protocol;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn what_was_written_is_read_back() {
    for fixture in Fixture::both().await {
        for length in [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 300_000, 8 << 20] {
            let content = content(length);
            fixture.write("deep/er/f.bin", content.clone()).await.unwrap();
            assert!(fs::read(fixture.home.join("deep/er/f.bin")).unwrap() == content, "{length} written");
            assert!(fixture.read("deep/er/f.bin").await.unwrap() == content, "{length} read");
        }
        assert_eq!(fixture.remote(), ["deep", "deep/er", "deep/er/f.bin"], "no temporary file is left");
    }
}

#[tokio::test]
async fn the_answer_to_a_write_is_the_servers_own() {
    let [newer, older] = Fixture::both().await;
    let answer = newer.write("d/a.txt", "x").await.unwrap();
    assert_eq!(answer, json!({"name": "a.txt", "path": "d/a.txt", "type": "file"}));
    assert_eq!(older.write("d/a.txt", "x").await.unwrap(), Value::Null);
}

#[tokio::test]
async fn every_name_goes_there_and_back() {
    for fixture in Fixture::both().await {
        for name in ODD_NAMES {
            let path = format!("odd/{name}");
            fixture.write(&path, name).await.unwrap();
            assert_eq!(fs::read(fixture.home.join(&path)).unwrap(), name.as_bytes(), "{name:?}");
            assert_eq!(fixture.read(&path).await.unwrap(), name.as_bytes(), "{name:?}");
            let info = fixture.call("files.info", json!({ "path": path })).await.unwrap();
            assert_eq!((info["name"].as_str(), info["size"].as_u64()), (Some(name), Some(name.len() as u64)));
        }
        let listed = fixture.call("files.list", json!({"path": "odd"})).await.unwrap();
        let mut names: Vec<_> =
            listed.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap()).collect();
        names.sort();
        let mut expected = ODD_NAMES;
        expected.sort();
        assert_eq!(names, expected);
    }
}

#[tokio::test]
async fn directories_are_made_listed_moved_and_deleted() {
    for fixture in Fixture::both().await {
        assert_eq!(fixture.call("files.mkdir", json!({"path": "a/b/c"})).await.unwrap(), Value::Null);
        fixture.call("files.mkdir", json!({"path": "a/b/c"})).await.unwrap();
        fixture.call("files.mkdir", json!({"path": "private", "mode": "0700"})).await.unwrap();
        let mode = |path: &str| fs::metadata(fixture.home.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("a/b"), mode("private")), (0o755, 0o700));

        fixture.call("files.move", json!({"source": "a/b", "destination": "moved"})).await.unwrap();
        assert_eq!(fixture.remote(), ["a", "moved", "moved/c", "private"]);

        let error = fixture.call("files.delete", json!({"path": "moved"})).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_BAD_REQUEST);
        assert!(error.to_string().contains("moved") && error.to_string().contains("recursive"), "{error}");
        fixture.call("files.delete", json!({"path": "moved", "recursive": true})).await.unwrap();
        fixture.call("files.delete", json!({"path": "a", "recursive": true})).await.unwrap();
        assert_eq!(fixture.remote(), ["private"]);
    }
}

#[tokio::test]
async fn a_move_that_leaves_the_source_is_an_error() {
    for fixture in Fixture::both().await {
        let params = json!({"source": "/proc/version", "destination": "copied"});
        let error = fixture.call("files.move", params).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_BAD_REQUEST, "{error:?}");
        assert!(error.to_string().contains("source could not be deleted"), "{error}");
        assert_eq!(fixture.remote(), ["copied"]);
    }
}

#[tokio::test]
async fn a_file_whose_size_is_reported_as_0_comes_down_whole() {
    let whole = fs::read("/proc/version").unwrap();
    for fixture in Fixture::both().await {
        assert_eq!(fixture.read("/proc/version").await.unwrap(), whole);
        let local = fixture.place("down");
        let download = json!({"remotePath": "/proc/version", "localPath": local});
        assert_eq!(fixture.call("files.download", download).await.unwrap()["bytes"], whole.len());
        assert_eq!(fs::read(&local).unwrap(), whole);
        let files = json!({"files": [
            {"remotePath": "/proc/version", "localPath": fixture.place("a")},
            {"remotePath": "/etc/passwd", "localPath": fixture.place("b")},
        ]});
        let many = fixture.call("files.download_many", files).await.unwrap();
        assert_eq!(many[0]["bytes"], whole.len(), "{many}");
        assert_eq!(fs::read(fixture.place("b")).unwrap(), fs::read("/etc/passwd").unwrap());
    }
}

#[tokio::test]
async fn a_move_replaces_nothing() {
    for fixture in Fixture::both().await {
        fixture.write("one", "1").await.unwrap();
        fixture.write("two", "2").await.unwrap();
        let error =
            fixture.call("files.move", json!({"source": "one", "destination": "two"})).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_CONFLICT);
        assert!(error.to_string().contains("cannot move \"one\" to \"two\""), "{error}");
        assert_eq!(fixture.read("two").await.unwrap(), b"2");
    }
}

#[tokio::test]
async fn permissions_are_set() {
    for fixture in Fixture::both().await {
        fixture.write("f.sh", "echo").await.unwrap();
        let name = async |option: &str| {
            let said = fixture.executes(&format!("id -{option}")).await;
            said["result"].as_str().unwrap().trim().to_owned()
        };
        let set =
            json!({"path": "f.sh", "mode": "0751", "owner": name("un").await, "group": name("gn").await});
        assert_eq!(fixture.call("files.set_permissions", set).await.unwrap(), Value::Null);
        let info = fixture.call("files.info", json!({"path": "f.sh"})).await.unwrap();
        assert_eq!(info["permissions"], "0751");
        assert_eq!((&info["owner"], &info["group"]), (&json!(name("u").await), &json!(name("g").await)));
        let refused = json!({"path": "f.sh", "owner": "nobody-of-that-name"});
        let error = fixture.call("files.set_permissions", refused).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_BAD_REQUEST);
        assert!(error.to_string().contains("cannot set the permissions of \"f.sh\""), "{error}");
        for nothing in [json!({"path": "f.sh"}), json!({"path": "f.sh", "mode": "rwx"})] {
            let error = fixture.call("files.set_permissions", nothing).await.unwrap_err();
            assert_eq!(error.status(), status::INVALID_ARGUMENT);
        }
    }
}

#[tokio::test]
async fn names_and_text_are_found_and_replaced() {
    for fixture in Fixture::both().await {
        for (path, text) in [("p/a.txt", "hello world\nbye\n"), ("p/q/b.txt", "hello\n"), ("p/c.md", "h.llo")]
        {
            fixture.write(path, text).await.unwrap();
        }
        let search = |pattern: &str| json!({"path": "p", "pattern": pattern});
        let found = fixture.call("files.search", search("*.txt")).await.unwrap();
        assert_eq!(found, json!({"files": ["p/a.txt", "p/q/b.txt"]}));
        let found = fixture.call("files.search", search("*.none")).await.unwrap();
        assert_eq!(found, json!({"files": []}));

        let matches = fixture.call("files.find", search("world")).await.unwrap();
        assert_eq!(matches, json!([{"file": "p/a.txt", "line": 1, "content": "hello world"}]));
        let replace = json!({"files": ["p/a.txt", "p/none"], "pattern": "world", "newValue": "there"});
        let replaced = fixture.call("files.replace", replace).await.unwrap();
        assert_eq!(replaced[0], json!({"file": "p/a.txt", "success": true}));
        assert_eq!(replaced[1]["success"], false);
        assert_eq!(fixture.read("p/a.txt").await.unwrap(), b"hello there\nbye\n");
    }
}

#[tokio::test]
async fn depth_is_taken_by_servers_that_know_it_and_refused_before_it_is_sent_to_others() {
    let [newer, older] = Fixture::both().await;
    for fixture in [&newer, &older] {
        fixture.write("d/e/f", "x").await.unwrap();
        let one = fixture.call("files.list", json!({"path": "d", "depth": 1})).await.unwrap();
        assert_eq!(one.as_array().unwrap().len(), 1);
        let none = fixture.call("files.list", json!({"path": "d", "depth": 0})).await.unwrap_err();
        assert_eq!(none.status(), status::INVALID_ARGUMENT);
    }
    let listed = newer.call("files.list", json!({"path": "d", "depth": 2})).await.unwrap();
    let paths: Vec<_> = listed.as_array().unwrap().iter().map(|entry| &entry["path"]).collect();
    assert_eq!(paths, ["d/e", "d/e/f"]);
    // Its daemon is known since the write. One that is not known yet is recognized by its answer.
    older.server.fault("cut@/files");
    let refused = older.call("files.list", json!({"path": "d", "depth": 2})).await.unwrap_err();
    assert_eq!(refused.status(), status::UNSUPPORTED, "{refused}");
    let unknown = Fixture::of(Protocol::V0_190, json!({})).await;
    unknown.put_directory("d/e");
    let refused = unknown.call("files.list", json!({"path": "d", "depth": 2})).await.unwrap_err();
    assert_eq!(refused.status(), status::UNSUPPORTED, "{refused}");
}

#[tokio::test]
async fn what_is_missing_is_not_found_and_named() {
    for fixture in Fixture::both().await {
        let target = fixture.place("target");
        let calls = [
            ("files.list", json!({"path": "no pe"})),
            ("files.info", json!({"path": "no pe"})),
            ("files.delete", json!({"path": "no pe"})),
            ("files.move", json!({"source": "no pe", "destination": "x"})),
            ("files.set_permissions", json!({"path": "no pe", "mode": "0600"})),
            ("files.download", json!({"remotePath": "no pe", "localPath": target})),
        ];
        for (operation, params) in calls {
            let error = fixture.call(operation, params).await.unwrap_err();
            assert_eq!(error.status(), status::HTTP_NOT_FOUND, "{operation}: {error}");
            assert_eq!(error.detail().code.as_deref(), Some("FILE_NOT_FOUND"), "{operation}");
            assert_eq!(error.detail().operation, Some(operation));
            let message = error.to_string();
            assert!(
                message.starts_with("cannot ") && message.contains("\"no pe\""),
                "{operation}: {message}"
            );
        }
        let error = fixture.read("no pe").await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_NOT_FOUND);
        assert!(error.to_string().contains("cannot read \"no pe\""), "{error}");
        let error = fixture.open("files.reader", json!({"path": "no pe"})).failed().await;
        assert_eq!(error.status(), status::HTTP_NOT_FOUND);
        assert_eq!(fixture.left(), [""; 0], "a file that is not there makes no local one");
    }
}

#[tokio::test]
async fn an_empty_refusal_says_what_it_means() {
    let fixture = Fixture::of(Protocol::V0_190, json!({})).await;
    fixture.write("file", "x").await.unwrap();
    let hints = [
        ("files.list", json!({"path": "file"}), "cannot list the directory \"file\": it is not a directory"),
        (
            "files.mkdir",
            json!({"path": "file/x"}),
            "cannot make the directory \"file/x\": a file is in the way",
        ),
        ("files.list", json!({"path": "none"}), "cannot list the directory \"none\": it does not exist"),
    ];
    for (operation, params, beginning) in hints {
        let error = fixture.call(operation, params).await.unwrap_err().to_string();
        assert!(error.starts_with(beginning), "{error}");
    }
    let error = fixture.write("file/x", "x").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot write \"file/x\": a directory is in its place"), "{error}");
    let error = fixture.read(".").await.unwrap_err().to_string();
    assert!(error.starts_with("cannot read \".\": it is not a regular file"), "{error}");
}

#[tokio::test]
async fn a_path_that_cannot_be_one_is_refused_before_anything_is_sent() {
    let fixture = Fixture::of(Protocol::V0_205, json!({})).await;
    fixture.server.fault("cut@/files");
    for path in ["", "a\0b"] {
        for operation in ["files.list", "files.info", "files.delete", "files.mkdir", "files.read"] {
            let outcome =
                fixture.outcome(operation, json!({ "path": path }), crate::support::context()).await;
            assert_eq!(outcome.err().unwrap().status(), status::INVALID_ARGUMENT, "{operation}");
        }
        assert_eq!(fixture.write(path, "x").await.unwrap_err().status(), status::INVALID_ARGUMENT);
    }
}

#[tokio::test]
async fn a_local_file_goes_up_and_down_with_progress_that_ends_at_the_total() {
    for fixture in Fixture::both().await {
        for length in [0, 5, (8 << 20) + 3] {
            let content = content(length);
            let total = length as u64;
            let local = fixture.file("up.bin", &content);
            let upload = json!({"localPath": local, "remotePath": "new dir/f"});
            let (result, progress) = fixture.with_progress("files.upload", upload).await;
            assert_eq!(result.unwrap(), json!({ "bytes": length }));
            assert!(fs::read(fixture.home.join("new dir/f")).unwrap() == content);
            assert_eq!(progress.last(), Some(&(total, Some(total))));
            assert!(
                progress.is_sorted() && progress.iter().all(|(_, all)| *all == Some(total)),
                "{progress:?}"
            );

            let place = fixture.place("some/where/down.bin");
            let download = json!({"remotePath": "new dir/f", "localPath": place});
            let (result, progress) = fixture.with_progress("files.download", download).await;
            assert_eq!(result.unwrap(), json!({ "bytes": length }));
            assert!(fs::read(&place).unwrap() == content);
            assert_eq!(progress.last(), Some(&(total, Some(total))));
            assert!(
                progress.is_sorted() && progress.iter().all(|(_, all)| *all == Some(total)),
                "{progress:?}"
            );
        }
        assert_eq!(fixture.left(), ["some", "some/where", "some/where/down.bin", "up.bin"]);
        assert_eq!(fixture.remote(), ["new dir", "new dir/f"]);
    }
}

#[tokio::test]
async fn what_is_wrong_with_the_local_file_is_told_and_nothing_appears() {
    for fixture in Fixture::both().await {
        for path in [fixture.place("none"), fixture.local.path().to_str().unwrap().to_owned()] {
            let upload = json!({"localPath": path, "remotePath": "f"});
            let error = fixture.call("files.upload", upload).await.unwrap_err();
            assert_eq!(error.status(), status::IO);
            let missing = (!std::path::Path::new(&path).exists()).then_some("FILE_NOT_FOUND");
            assert_eq!(error.detail().code.as_deref(), missing);
            assert!(error.to_string().contains(&path), "{error}");
        }
        assert_eq!(fixture.remote(), [""; 0]);
        fixture.write("f", "x").await.unwrap();
        let file = fixture.file("file", b"x");
        for path in [fixture.local.path().to_str().unwrap().to_owned(), format!("{file}/below")] {
            let download = json!({"remotePath": "f", "localPath": path});
            let error = fixture.call("files.download", download).await.unwrap_err();
            assert_eq!(error.status(), status::IO);
            assert!(error.to_string().contains(&path), "{error}");
        }
        assert_eq!(fixture.left(), ["file"]);
    }
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_sent_does_not_appear() {
    for fixture in Fixture::both().await {
        let local = fixture.file("log", &content(16 << 20));
        let growing = local.clone();
        let mut context = crate::support::context();
        // At the first chunk, when the last one has not been read.
        context.progress = Some(std::sync::Arc::new(move |_, _| {
            use std::io::Write;
            let mut file = fs::File::options().append(true).open(&growing).unwrap();
            file.write_all(b"one more line\n").unwrap();
        }));
        let upload =
            fixture.outcome("files.upload", json!({"localPath": local, "remotePath": "log"}), context);
        let error = crate::support::soon(upload).await.err().expect("the upload of a file that grew");
        assert_eq!(error.status(), status::IO);
        assert!(error.to_string().contains("changed"), "{error}");
        crate::support::until("gone", async || fixture.remote().is_empty()).await;
    }
}

#[tokio::test]
async fn a_cancelled_transfer_leaves_no_file_anywhere() {
    for fixture in Fixture::both().await {
        let content = content(64 << 20);
        let local = fixture.file("up", &content);
        fixture.put("big", &content);
        let place = fixture.place("down");
        let transfers = [
            ("files.upload", json!({"localPath": local, "remotePath": "arriving"})),
            ("files.download", json!({"remotePath": "big", "localPath": place})),
            ("files.download_many", json!({"files": [{"remotePath": "big", "localPath": place}]})),
        ];
        for (operation, params) in transfers {
            let (begun, has_begun) = tokio::sync::oneshot::channel::<()>();
            let begun = std::sync::Mutex::new(Some(begun));
            let mut context = crate::support::context();
            context.progress = Some(std::sync::Arc::new(move |_, _| drop(begun.lock().unwrap().take())));
            tokio::select! {
                _ = fixture.outcome(operation, params, context) => panic!("{operation} was not cancelled"),
                _ = has_begun => {}
            }
            crate::support::until("removed", async || {
                fixture.left() == ["up"] && fixture.remote() == ["big"]
            })
            .await;
        }
    }
}

#[tokio::test]
async fn a_stream_writes_what_is_given_until_it_is_finished() {
    for fixture in Fixture::both().await {
        for length in [0, 3, 3 << 20] {
            for announced in [None, Some(length)] {
                let content = content(length);
                let writer = fixture.open("files.writer", json!({"path": "d/w", "length": announced}));
                writer.until_open().await;
                Fixture::feed(&writer, &content).await.unwrap();
                writer.writer.finish();
                assert_eq!(writer.ended().await.unwrap(), json!({"bytes": length, "position": length}));
                assert!(fs::read(fixture.home.join("d/w")).unwrap() == content, "{length} {announced:?}");
            }
        }
        assert_eq!(fixture.remote(), ["d", "d/w"]);
    }
}

#[tokio::test]
async fn a_writer_that_is_closed_before_it_is_finished_leaves_what_was_there() {
    for fixture in Fixture::both().await {
        fixture.write("f", "old").await.unwrap();
        for announced in [None, Some(4 << 20)] {
            let writer = fixture.open("files.writer", json!({"path": "f", "length": announced}));
            writer.until_open().await;
            Fixture::feed(&writer, &content(2 << 20)).await.unwrap();
            // The upload is under way: its temporary file is there, or the form is being received.
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            writer.drop_it().await;
            crate::support::until("given up", async || fixture.remote() == ["f"]).await;
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            assert_eq!(fixture.read("f").await.unwrap(), b"old");
        }
    }
}

#[tokio::test]
async fn a_writer_that_gives_another_length_than_it_said_fails_and_nothing_appears() {
    for fixture in Fixture::both().await {
        for (given, how) in [(9, "less"), (11, "more")] {
            let writer = fixture.open("files.writer", json!({"path": "f", "length": 10}));
            writer.until_open().await;
            Fixture::feed(&writer, &content(given)).await.unwrap();
            writer.writer.finish();
            let error = writer.failed().await;
            assert_eq!(error.status(), status::INVALID_ARGUMENT);
            assert!(error.to_string().contains(how), "{error}");
            crate::support::until("given up", async || fixture.remote().is_empty()).await;
        }
        // The server refuses it.
        let writer = fixture.open("files.writer", json!({"path": "f", "length": u64::MAX}));
        let error = writer.failed().await;
        assert!(error.detail().http_status.is_some(), "{error:?}");
    }
}

#[tokio::test]
async fn a_writer_may_pause_for_longer_than_the_idle_limit() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let fixture = Fixture::of(protocol, json!({"idleTimeoutMs": 1000})).await;
        let writer = fixture.open("files.writer", json!({"path": "f"}));
        writer.until_open().await;
        for piece in [b"one", b"two"] {
            Fixture::feed(&writer, piece).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        }
        writer.writer.finish();
        writer.ended().await.unwrap();
        assert_eq!(fixture.read("f").await.unwrap(), b"onetwo");
    }
}

#[tokio::test]
async fn a_stream_reads_a_file_at_its_readers_pace() {
    for fixture in Fixture::both().await {
        for length in [0, 1, 8 << 20] {
            let content = content(length);
            fixture.put("f", &content);
            let reader = fixture.open("files.reader", json!({"path": "f"}));
            reader.sink.refuse_room();
            reader.until_open().await;
            let opened: Value = serde_json::from_slice(&reader.sink.opened().unwrap()).unwrap();
            assert_eq!(opened, json!({ "length": length }));
            reader.sink.give_room();
            let sink = reader.sink.clone();
            assert_eq!(reader.ended().await.unwrap(), json!({"bytes": length, "position": length}));
            assert!(sink.all() == content);
            let mut position = 0;
            for chunk in sink.chunks() {
                position += chunk.data.len() as u64;
                assert_eq!(chunk.position, position);
            }
        }
    }
}

#[tokio::test]
async fn a_stopped_sandbox_is_said_to_be_stopped() {
    for fixture in Fixture::both().await {
        let local = fixture.file("f", &content(300_000));
        let small = fixture.file("small", b"x");
        let place = fixture.place("down");
        fixture.call("sandbox.stop", json!({})).await.unwrap();
        let many = json!({"files": [
            {"localPath": small, "remotePath": "a"}, {"localPath": small, "remotePath": "b"},
        ]});
        let calls = [
            ("files.list", json!({"path": "."})),
            ("files.upload", json!({"localPath": local, "remotePath": "f"})),
            ("files.download", json!({"localPath": place, "remotePath": "f"})),
            ("files.upload_many", many.clone()),
            ("files.download_many", json!({"files": [{"localPath": place, "remotePath": "f"}]})),
        ];
        for (operation, params) in calls {
            let error = fixture.call(operation, params).await.unwrap_err();
            let said = format!("sandbox {} is stopped", fixture.sandbox.id());
            assert!(error.to_string().starts_with(&said), "{operation}: {error}");
        }
        let error = fixture.open("files.writer", json!({"path": "f"})).failed().await;
        assert!(error.to_string().contains("is stopped"), "{error}");
        assert_eq!(fixture.left(), ["f", "small"]);
    }
}
