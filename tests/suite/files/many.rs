//! Many files in one call, and whole directories, in both protocols.

use crate::fixture::{Fixture, ODD_NAMES, content, names};
use daytona::client::status;
use daytona_dev::Protocol;
use daytona_dev::outside::as_owner_of;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

#[tokio::test]
async fn many_files_go_up_each_with_its_own_result() {
    for fixture in Fixture::both().await {
        let mut files = Vec::new();
        let mut expected = Vec::new();
        for (index, name) in ODD_NAMES.iter().enumerate() {
            let content = content(index * 1000);
            files
                .push(json!({"localPath": fixture.file(name, &content), "remotePath": format!("up/{name}")}));
            expected.push((format!("up/{name}"), content));
        }
        let large = content(600_000);
        files.push(json!({"localPath": fixture.file("large", &large), "remotePath": "large"}));
        files.push(json!({"localPath": fixture.file("blank", b"b"), "remotePath": "up/ blank "}));
        expected.extend([("large".to_owned(), large), ("up/ blank ".to_owned(), b"b".to_vec())]);
        let good = files.len();
        files.push(json!({"localPath": fixture.place("none"), "remotePath": "none"}));
        files.push(json!({"localPath": fixture.file("f", b"x"), "remotePath": "large/below a file"}));
        let total: usize = expected.iter().map(|(_, content)| content.len()).sum();

        let (result, progress) = fixture.with_progress("files.upload_many", json!({ "files": files })).await;
        let result = result.unwrap();
        let result = result.as_array().unwrap();
        assert_eq!(result.len(), files.len());
        for (index, (path, content)) in expected.iter().enumerate() {
            let wanted =
                json!({"localPath": files[index]["localPath"], "remotePath": path, "bytes": content.len()});
            assert_eq!(result[index], wanted);
            assert!(&fs::read(fixture.home.join(path)).unwrap() == content, "{path}");
        }
        assert_eq!(result[good]["error"]["name"], "IO");
        assert_eq!(result[good + 1]["error"]["status"], 400, "{result:?}");
        assert_eq!(result[good + 1]["error"]["operation"], "files.upload_many");
        assert_eq!(progress.last(), Some(&(total as u64, Some(total as u64))));
    }
}

#[tokio::test]
async fn many_files_come_down_each_with_its_own_result() {
    for fixture in Fixture::both().await {
        let mut files = Vec::new();
        let mut expected = Vec::new();
        for (index, name) in ODD_NAMES.iter().enumerate() {
            let content = content(index * 90_000);
            fixture.put(name, &content);
            files.push(json!({"remotePath": name, "localPath": fixture.place(&format!("down/{name}"))}));
            expected.push(content);
        }
        // The same one twice, to two places.
        files.push(json!({"remotePath": ODD_NAMES[3], "localPath": fixture.place("again")}));
        expected.push(expected[3].clone());
        fixture.put_directory("dir");
        let good = files.len();
        files.push(json!({"remotePath": "no pe", "localPath": fixture.place("nope")}));
        files.push(json!({"remotePath": "dir", "localPath": fixture.place("dir")}));
        files.push(json!({"remotePath": ODD_NAMES[0], "localPath": fixture.local.path()}));
        files.push(json!({"remotePath": ODD_NAMES[1], "localPath": fixture.place("again/below a file")}));

        let (result, progress) =
            fixture.with_progress("files.download_many", json!({ "files": files })).await;
        let result = result.unwrap();
        for (index, content) in expected.iter().enumerate() {
            assert_eq!(result[index]["bytes"], content.len(), "{}", result[index]);
            assert!(&fs::read(files[index]["localPath"].as_str().unwrap()).unwrap() == content);
        }
        let error = |index: usize| &result[good + index]["error"];
        assert_eq!((&error(0)["status"], &error(0)["code"]), (&json!(404), &json!("FILE_NOT_FOUND")));
        assert!(
            error(0)["message"].as_str().unwrap().starts_with("cannot download \"no pe\""),
            "{}",
            error(0)
        );
        assert_eq!((&error(1)["status"], &error(1)["code"]), (&json!(400), &json!("INVALID_FILE_PATH")));
        assert_eq!((&error(2)["name"], &error(3)["name"]), (&json!("IO"), &json!("IO")));
        let total: u64 = expected.iter().map(|content| content.len() as u64).sum();
        assert_eq!(progress.last(), Some(&(total, Some(total))));
        assert!(!fixture.left().iter().any(|name| name.contains(".daytona-")), "{:?}", fixture.left());
    }
}

#[tokio::test]
async fn nothing_to_move_is_no_request() {
    let fixture = Fixture::of(Protocol::V0_205, json!({})).await;
    fixture.server.fault("cut@/files");
    for operation in ["files.upload_many", "files.download_many"] {
        assert_eq!(fixture.call(operation, json!({"files": []})).await.unwrap(), json!([]));
    }
}

#[tokio::test]
async fn many_files_are_asked_for_in_bounded_requests() {
    use crate::canned::{Answer, Server, with_headers};
    const FILES: usize = 1000;
    let server = Server::start(|asked| {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        let mut answer = String::new();
        // Last first: parts are found by their path.
        for path in body["paths"].as_array().unwrap().iter().rev() {
            let path = path.as_str().unwrap();
            answer += &format!(
                "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{path}\"\r\n\r\n{path}\r\n"
            );
        }
        answer += "--B--\r\n";
        let headers = "Content-Type: multipart/form-data; boundary=B\r\n";
        Answer::Keep(with_headers("200 OK", headers, answer.as_bytes()))
    })
    .await;
    let client = crate::support::client(&server.url(), json!({}));
    let sandbox = crate::support::sandbox(&client, &server.url()).await;
    let local = tempfile::tempdir().unwrap();
    // Each path twice, to two places.
    let remote = |index: usize| format!("f{}", index / 2);
    let files: Vec<_> = (0..FILES)
        .map(|index| json!({"remotePath": remote(index), "localPath": local.path().join(index.to_string())}))
        .collect();
    let moved =
        crate::support::call(&sandbox, "files.download_many", json!({ "files": files })).await.unwrap();
    for index in 0..FILES {
        assert_eq!(moved[index]["bytes"], remote(index).len(), "{}", moved[index]);
        assert_eq!(fs::read_to_string(local.path().join(index.to_string())).unwrap(), remote(index));
    }
    let asked = server.requests();
    assert_eq!(asked.len(), FILES.div_ceil(256));
    for asked in asked {
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        assert!(body["paths"].as_array().unwrap().len() <= 256);
    }
}

/// Files by path, `None` for directories.
fn plant(root: &Path, entries: &[(&str, Option<&str>)]) {
    let make = || {
        for (path, content) in entries {
            let path = root.join(path);
            match content {
                None => fs::create_dir_all(path)?,
                Some(content) => {
                    fs::create_dir_all(path.parent().unwrap())?;
                    fs::write(path, content)?;
                }
            }
        }
        Ok(())
    };
    as_owner_of(root, make).unwrap();
}

/// The directories of both sides and the parameters, for `up` or down.
fn sides(fixture: &Fixture, up: bool) -> (std::path::PathBuf, std::path::PathBuf, Value) {
    let (here, there) = (fixture.local.path().join("here"), fixture.home.join("it's there"));
    let params = json!({"localDir": here, "remoteDir": "it's there"});
    if up { (here, there, params) } else { (there, here, params) }
}

fn operation(up: bool) -> &'static str {
    if up { "files.sync_up" } else { "files.sync_down" }
}

fn with(params: &Value, more: Value) -> Value {
    let mut params = params.clone();
    params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    params
}

#[tokio::test]
async fn a_directory_becomes_like_another_one_and_says_what_changed() {
    for fixture in Fixture::both().await {
        for up in [true, false] {
            let (source, target, params) = sides(&fixture, up);
            let _ = (fs::remove_dir_all(&source), fs::remove_dir_all(&target));
            plant(&source, &[("a/b/one", Some("1")), ("two", Some("22")), ("empty", None)]);
            for name in ODD_NAMES {
                plant(&source, &[(name, Some(name))]);
            }
            as_owner_of(&source, || fs::write(source.join("large"), content(700_000))).unwrap();

            let dry = fixture.call(operation(up), with(&params, json!({"dryRun": true}))).await.unwrap();
            assert!(!target.exists());
            let (first, progress) = fixture.with_progress(operation(up), params.clone()).await;
            let first = first.unwrap();
            assert_eq!(first["created"], dry["created"]);
            assert_eq!(first["created"].as_array().unwrap().len(), 3 + 3 + ODD_NAMES.len());
            assert_eq!(names(&source), names(&target));
            for path in names(&source).iter().filter(|path| source.join(path).is_file()) {
                assert!(
                    fs::read(source.join(path)).unwrap() == fs::read(target.join(path)).unwrap(),
                    "{path}"
                );
            }
            let bytes = first["bytes"].as_u64().unwrap();
            assert!(bytes > 700_000);
            assert_eq!(progress.last(), Some(&(bytes, Some(bytes))));

            // The same length and an old time: contents decide.
            plant(&source, &[("two", Some("33"))]);
            let long_ago = std::time::SystemTime::UNIX_EPOCH;
            fs::File::options().write(true).open(source.join("two")).unwrap().set_modified(long_ago).unwrap();
            plant(&target, &[("extra/deep", Some("x")), ("more", Some("x"))]);
            let second = fixture.call(operation(up), params.clone()).await.unwrap();
            assert_eq!(second["updated"], json!(["two"]));
            assert_eq!(second["unchanged"], 2 + ODD_NAMES.len());
            assert_eq!((&second["created"], &second["deleted"]), (&json!([]), &json!([])));
            assert!(target.join("more").exists());

            let third = fixture.call(operation(up), with(&params, json!({"delete": true}))).await.unwrap();
            assert_eq!(third["deleted"], json!(["extra/", "more"]));
            assert_eq!(names(&source), names(&target));
        }
    }
}

#[tokio::test]
async fn what_is_excluded_is_left_alone_on_both_sides() {
    let fixture = Fixture::of(Protocol::V0_205, json!({})).await;
    for up in [true, false] {
        let (source, target, params) = sides(&fixture, up);
        let _ = (fs::remove_dir_all(&source), fs::remove_dir_all(&target));
        plant(&source, &[(".git/x", Some("1")), ("a.log", Some("1")), ("a", Some("1"))]);
        plant(&target, &[("kept/b.log", Some("2")), ("kept/c", Some("2"))]);
        let more = json!({"delete": true, "exclude": [".git", "*.log"]});
        let synced = fixture.call(operation(up), with(&params, more)).await.unwrap();
        assert_eq!((&synced["created"], &synced["deleted"]), (&json!(["a"]), &json!(["kept/c"])));
        assert_eq!(names(&target), ["a", "kept", "kept/b.log"]);
    }
}

#[tokio::test]
async fn a_sync_deletes_a_directory_once_whatever_its_siblings_are_called() {
    for fixture in Fixture::both().await {
        for up in [true, false] {
            let (source, target, params) = sides(&fixture, up);
            let _ = (fs::remove_dir_all(&source), fs::remove_dir_all(&target));
            plant(&source, &[("kept", Some("1")), ("new", Some("2"))]);
            for directory in ["build", "build-old", "build.d"] {
                plant(
                    &target,
                    &[(&format!("{directory}/a/b"), Some("x")), (&format!("{directory}/c"), None)],
                );
            }
            let synced = fixture.call(operation(up), with(&params, json!({"delete": true}))).await.unwrap();
            assert_eq!(synced["deleted"], json!(["build/", "build-old/", "build.d/"]));
            assert_eq!(names(&target), ["kept", "new"]);
        }
    }
}

#[tokio::test]
async fn a_sync_that_cannot_copy_deletes_nothing() {
    let fixture = Fixture::of(Protocol::V0_205, json!({})).await;
    for up in [true, false] {
        let (source, target, params) = sides(&fixture, up);
        plant(&source, &[("new", Some("1"))]);
        plant(&target, &[("extra", Some("x")), ("dir/extra", Some("x"))]);
        for endpoint in ["upload", "download"] {
            fixture.server.fault(&format!("status=502@/files/{endpoint}"));
            fixture.server.fault(&format!("status=502@/files/bulk-{endpoint}"));
        }
        let error = fixture.call(operation(up), with(&params, json!({"delete": true}))).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_BAD_GATEWAY, "{error}");
        assert_eq!(names(&target), ["dir", "dir/extra", "extra"]);
        fixture.clear_faults().await;
        fixture.call(operation(up), with(&params, json!({"delete": true}))).await.unwrap();
        assert_eq!(names(&target), ["new"]);
        fs::remove_dir_all(&source).unwrap();
        fs::remove_dir_all(&target).unwrap();
    }
}

#[tokio::test]
async fn links_lead_nowhere() {
    for fixture in Fixture::both().await {
        for up in [true, false] {
            let (source, target, params) = sides(&fixture, up);
            let _ = (fs::remove_dir_all(&source), fs::remove_dir_all(&target));
            let outside = tempfile::tempdir().unwrap();
            plant(outside.path(), &[("secret", Some("s")), ("f", Some("outside"))]);
            plant(&source, &[("dir/f", Some("inside")), ("file", Some("inside"))]);
            symlink(outside.path(), source.join("out")).unwrap();
            symlink(outside.path().join("secret"), source.join("secret")).unwrap();
            fs::create_dir_all(&target).unwrap();
            symlink(outside.path(), target.join("dir")).unwrap();
            symlink(outside.path().join("f"), target.join("file")).unwrap();
            symlink(outside.path(), target.join("extra")).unwrap();

            let synced = fixture.call(operation(up), with(&params, json!({"delete": true}))).await.unwrap();
            let skipped: Vec<_> =
                synced["skipped"].as_array().unwrap().iter().map(|skipped| &skipped["path"]).collect();
            assert_eq!(skipped, ["dir", "dir/f", "file", "out", "secret", "extra"]);
            assert_eq!(synced["bytes"], 0);
            assert_eq!(names(outside.path()), ["f", "secret"]);
            assert_eq!(fs::read_to_string(outside.path().join("f")).unwrap(), "outside");
            assert_eq!(names(&target), ["dir", "extra", "file"]);
        }
    }
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_an_error() {
    let fixture = Fixture::of(Protocol::V0_205, json!({})).await;
    let params = json!({"localDir": fixture.place("here"), "remoteDir": "none"});
    let error = fixture.call("files.sync_down", params.clone()).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
    assert!(error.to_string().contains("\"none\""), "{error}");
    let error = fixture.call("files.sync_up", params).await.unwrap_err();
    assert_eq!(error.status(), status::IO);
    assert_eq!((fixture.left(), fixture.remote()), (Vec::new(), Vec::new()));
    fixture.write("file", "x").await.unwrap();
    let params = json!({"localDir": fixture.place("here"), "remoteDir": "file"});
    assert_eq!(fixture.call("files.sync_down", params).await.unwrap_err().status(), status::UNSUPPORTED);
}
