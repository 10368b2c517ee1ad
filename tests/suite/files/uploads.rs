//! Uploads: to which endpoint, and of local files whose size is not what the system reports.

use crate::canned::{Answer, RequestInfo, Server, json_answer, with_headers};
use crate::support;
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

const KILOBYTES_100: usize = 100 * 1024;

async fn sandbox_of(server: &Server) -> Sandbox {
    support::sandbox(&support::client(&server.url(), json!({})), &server.url()).await
}

/// A local file that is too large to be sent without asking how old the daemon is.
fn local_file() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7; KILOBYTES_100]).unwrap();
    file
}

async fn upload(sandbox: &Sandbox, file: &tempfile::NamedTempFile) -> daytona::Result<Value> {
    support::call(sandbox, "files.upload", json!({"localPath": file.path(), "remotePath": "f"})).await
}

async fn write(sandbox: &Sandbox, body: &'static str) -> daytona::Result<()> {
    use daytona::catalogue::{self, Call, Context, TargetRef};
    let call = Call {
        target: TargetRef::Sandbox(sandbox.clone()),
        params: json!({"path": "f"}).to_string().into_bytes(),
        context: Context { body: body.into(), ..support::context() },
    };
    catalogue::find("files.write").unwrap().call.unwrap()(call)?.await.map(drop)
}

fn endpoints(server: &Server) -> Vec<String> {
    let path = |asked: RequestInfo| {
        let target = asked.line.split(' ').nth(1).unwrap().to_owned();
        target.split("/files/").nth(1).map(str::to_owned)
    };
    server.requests().into_iter().filter_map(path).collect()
}

/// What a daemon answers to a question and to uploads.
fn daemon(asked: &RequestInfo, is_older: bool) -> Answer {
    let no_route = || Answer::Close(with_headers("404 Not Found", "", b"404 page not found"));
    let directory = |more: Value| {
        let mut info = json!({"name": ".", "size": 0, "mode": "drwxr-xr-x", "permissions": "0755", "isDir": true,
            "modTime": "", "modifiedAt": "2026-01-01T00:00:00Z", "owner": "0", "group": "0"});
        info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Answer::Keep(json_answer("200 OK", &info))
    };
    let uploaded = || Answer::Keep(json_answer("200 OK", &json!({"name": "f", "path": "f", "type": "file"})));
    match (asked.line.split('?').next().unwrap().rsplit('/').next().unwrap(), is_older) {
        ("info", true) => directory(json!({})),
        ("info", false) => directory(json!({"path": "."})),
        ("upload-v2", false) => uploaded(),
        ("upload", true) => Answer::Keep(with_headers("200 OK", "", b"")),
        _ => no_route(),
    }
}

#[tokio::test]
async fn an_upload_is_preceded_by_a_valid_question_once() {
    for is_older in [false, true] {
        let server = Server::start(move |asked| daemon(asked, is_older)).await;
        let (sandbox, file) = (sandbox_of(&server).await, local_file());
        for _ in 0..2 {
            upload(&sandbox, &file).await.unwrap();
        }
        let endpoint = if is_older { "upload?path=f" } else { "upload-v2?path=f" };
        assert_eq!(endpoints(&server), ["info?path=.", endpoint, endpoint]);
    }
}

#[tokio::test]
async fn a_question_that_a_proxy_refuses_does_not_fail_the_upload() {
    for refusal in ["400 Bad Request", "403 Forbidden", "405 Method Not Allowed"] {
        let server = Server::start(move |asked| match asked.line.contains("/files/info") {
            true => Answer::Keep(with_headers(refusal, "Content-Type: text/html\r\n", b"<html>no</html>")),
            false => daemon(asked, false),
        })
        .await;
        upload(&sandbox_of(&server).await, &local_file()).await.unwrap();
        assert_eq!(endpoints(&server), ["info?path=.", "upload-v2?path=f"]);
    }
}

#[tokio::test]
async fn a_question_that_shows_the_sandbox_unreachable_fails_the_upload_before_it_begins() {
    let refusals = [
        ("401 Unauthorized", json!({})),
        ("502 Bad Gateway", json!({})),
        ("400 Bad Request", json!({"source": "DAYTONA_PROXY"})),
    ];
    for (refusal, body) in refusals {
        let server = Server::start(move |_| Answer::Keep(json_answer(refusal, &body))).await;
        let error = upload(&sandbox_of(&server).await, &local_file()).await.unwrap_err();
        assert_eq!(error.status().to_string(), refusal[..3]);
        assert!(error.to_string().starts_with("cannot upload to \"f\""), "{error}");
        assert_eq!(endpoints(&server)[0], "info?path=.");
        assert!(!endpoints(&server).iter().any(|endpoint| endpoint.starts_with("upload")));
    }
}

#[tokio::test]
async fn a_web_page_does_not_tell_how_old_the_daemon_is() {
    let is_captive = std::sync::Arc::new(AtomicBool::new(true));
    let captive = is_captive.clone();
    let server = Server::start(move |asked| match captive.load(Ordering::SeqCst) {
        true => Answer::Keep(with_headers("200 OK", "Content-Type: text/html\r\n", b"<html>log in</html>")),
        false => daemon(asked, true),
    })
    .await;
    let (sandbox, file) = (sandbox_of(&server).await, local_file());
    assert_eq!(upload(&sandbox, &file).await.unwrap_err().status(), status::PROTOCOL);
    is_captive.store(false, Ordering::SeqCst);
    upload(&sandbox, &file).await.unwrap();
    assert_eq!(endpoints(&server), ["info?path=.", "info?path=.", "upload?path=f"]);
}

#[tokio::test]
async fn a_small_write_whose_refusal_was_lost_with_the_connection_is_sent_the_older_way() {
    let server = Server::start(move |asked| match asked.line.contains("upload-v2") {
        true => Answer::Close(Vec::new()),
        false => daemon(asked, true),
    })
    .await;
    write(&sandbox_of(&server).await, "small").await.unwrap();
    assert_eq!(endpoints(&server), ["upload-v2?path=f", "info?path=.", "upload?path=f"]);

    let server = Server::start(move |asked| match asked.line.contains("/files/info") {
        true => daemon(asked, false),
        // The API's description of the sandbox too, which would explain the loss.
        false => Answer::Close(Vec::new()),
    })
    .await;
    let error = write(&sandbox_of(&server).await, "small").await.unwrap_err();
    assert_eq!(error.status(), status::CONNECTION);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_whose_size_is_reported_as_0_goes_up_whole() {
    use crate::fixture::Fixture;
    use std::fs;
    let whole = fs::read("/proc/version").unwrap();
    let reads = |path: &std::path::Path| fs::read(path).unwrap();
    for fixture in Fixture::both().await {
        let upload = json!({"localPath": "/proc/version", "remotePath": "one"});
        let (result, progress) = fixture.with_progress("files.upload", upload).await;
        assert_eq!(result.unwrap(), json!({"bytes": whole.len()}));
        assert_eq!(reads(&fixture.home.join("one")), whole);
        let length = whole.len() as u64;
        assert_eq!(progress.last(), Some(&(length, Some(length))));

        // The first two share a request; of the third even its reader learns the length at the end.
        let small = fixture.file("small", b"small");
        let files: Vec<_> = [&small, "/proc/version", "/proc/kallsyms"]
            .iter()
            .enumerate()
            .map(|(index, local)| json!({"localPath": local, "remotePath": format!("up{index}")}))
            .collect();
        let (result, progress) = fixture.with_progress("files.upload_many", json!({ "files": files })).await;
        let result = result.unwrap();
        assert_eq!(result[1]["bytes"], whole.len(), "{result}");
        assert_eq!(reads(&fixture.home.join("up1")), whole);
        // Readable or not, and as long as the kernel's symbols are.
        if let Some(bytes) = result[2]["bytes"].as_u64() {
            assert_eq!(fs::metadata(fixture.home.join("up2")).unwrap().len(), bytes);
            assert!(fs::read("/proc/kallsyms").unwrap().is_empty() || bytes > 0);
        }
        assert!(progress.iter().all(|(moved, total)| total.is_none_or(|total| *moved <= total)));

        let sync = json!({"localDir": "/proc/sys/fs/inotify", "remoteDir": "synced"});
        fixture.call("files.sync_up", sync).await.unwrap();
        for name in ["max_queued_events", "max_user_watches"] {
            let expected = reads(&std::path::Path::new("/proc/sys/fs/inotify").join(name));
            assert_eq!(reads(&fixture.home.join("synced").join(name)), expected);
        }
    }
}
