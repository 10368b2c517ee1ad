//! Image builds: steps that really run, logs, snapshots of images, and what sandboxes made from them start with.

use crate::client::{DevServer, Sandbox, status_and_body, until};
use daytona_dev::{Options, Protocol, Wanted};
use reqwest::Method;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use serde_json::{Value, json};
use std::time::Duration;

impl DevServer {
    /// Builds a snapshot; its last record and the whole log.
    async fn build(&self, name: &str, info: Value) -> (Value, String) {
        let (status, made) = self.post("/snapshots", json!({"name": name, "buildInfo": info})).await;
        assert_eq!((status, &made["state"]), (200, &json!("pending")), "{made}");
        let id = made["id"].as_str().unwrap();
        let (status, url) = self.get(&format!("/snapshots/{id}/build-logs-url")).await;
        assert_eq!(status, 200, "{url}");
        let log = self.http.get(format!("{}?follow=true", url["url"].as_str().unwrap()));
        let log = log.bearer_auth(self.server.api_key()).send().await.unwrap();
        let (status, log) = status_and_body(log).await;
        assert_eq!(status, 200, "{log}");
        let is_over = async || {
            let state = self.get(&format!("/snapshots/{id}")).await.1["state"].clone();
            ["active", "build_failed", "error"].iter().any(|over| state == *over)
        };
        until("the build is over", is_over).await;
        (self.get(&format!("/snapshots/{id}")).await.1, log.as_str().unwrap_or_default().to_owned())
    }

    async fn sandbox_of(&self, snapshot: &str) -> Sandbox<'_> {
        let (status, made) = self.post("/sandbox", json!({"snapshot": snapshot})).await;
        assert_eq!((status, &made["state"]), (200, &json!("started")), "{made}");
        Sandbox { dev_server: self, id: made["id"].as_str().unwrap().to_owned() }
    }

    /// Puts files into the object store, as a context of this hash.
    async fn context(&self, hash: &str, files: &[(&str, &str, u32)]) {
        let access = self.get("/object-storage/push-access").await.1;
        let text = |key: &str| access[key].as_str().unwrap().to_owned();
        let endpoint = text("storageUrl").parse().unwrap();
        let bucket = Bucket::new(endpoint, UrlStyle::Path, text("bucket"), text("region")).unwrap();
        let credentials =
            Credentials::new_with_token(text("accessKey"), text("secret"), text("sessionToken"));
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content, mode) in files {
            let mut header = tar::Header::new_gnu();
            header.set_mode(*mode);
            if let Some(target) = content.strip_prefix("-> ") {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                archive.append_link(&mut header, path, target).unwrap();
            } else {
                header.set_size(content.len() as u64);
                archive.append_data(&mut header, path, content.as_bytes()).unwrap();
            }
        }
        let key = format!("{}/{hash}/context.tar", text("organizationId"));
        let url = bucket.put_object(Some(&credentials), &key).sign(Duration::from_secs(60));
        let put = self.http.put(url).body(archive.into_inner().unwrap()).send().await.unwrap();
        assert_eq!(put.status(), 200);
    }
}

impl Sandbox<'_> {
    async fn says(&self, command: &str) -> String {
        let (status, answer) = self.post("/process/execute", json!({"command": command})).await;
        assert_eq!(status, 200, "{answer}");
        answer["result"].as_str().unwrap_or_default().trim_end().to_owned()
    }
}

fn is_isolated(dev_server: &DevServer) -> bool {
    let isolated = dev_server.server.is_isolated();
    if !isolated {
        eprintln!("not shown: builds run in containers, and this machine allows none");
    }
    isolated
}

#[tokio::test]
async fn sandboxes_start_with_what_the_steps_of_a_build_leave() {
    let dev_server = DevServer::new().await;
    if !is_isolated(&dev_server) {
        return;
    }
    let dockerfile = r#"# syntax=docker/dockerfile:1
ARG NAME=world
FROM python:3.12-slim AS base
ARG NAME
ENV GREETING="hello $NAME" LONG=a\
b
ENV OLD the old form
WORKDIR /srv/app
RUN echo "$GREETING" > greeting && \
    # a comment inside
    pwd > where
RUN ["/bin/sh", "-c", "echo json > form"]
SHELL ["/bin/bash", "-c"]
RUN [[ -n $BASH_VERSION ]] && echo $0 > shell; echo to-the-log; echo "$PIP_BREAK_SYSTEM_PACKAGES" > pip
RUN python -c 'print("python runs")' > python
RUN <<EOF
set -e
echo from-a-document > document
EOF
RUN <<EOF cat > file
$NAME
EOF
RUN <<'EOF'
#!/usr/bin/env python3
open("/srv/app/script", "w").write("by its own interpreter")
EOF
COPY <<EOF written
$GREETING
EOF
WORKDIR sub
EXPOSE 80 443
LABEL a="b" c=d
ENTRYPOINT ["sleep"]
CMD ["infinity"]
"#;
    let (snapshot, log) = dev_server.build("steps", json!({"dockerfileContent": dockerfile})).await;
    assert_eq!(snapshot["state"], "active", "{snapshot}\n{log}");
    assert_eq!(snapshot["entrypoint"], json!(["sleep", "infinity"]));
    for part in ["FROM python:3.12-slim AS base", "to-the-log", "Successfully built daytona-"] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let sandbox = dev_server.sandbox_of("steps").await;
    assert_eq!(sandbox.get("/work-dir").await.1["dir"], "/srv/app/sub");
    assert_eq!(
        sandbox.says("pwd; echo $GREETING; echo $OLD; echo $LONG").await,
        "/srv/app/sub\nhello world\nthe old form\nab"
    );
    let files = "greeting where form shell pip python document file script written";
    let expected = "hello world\n/srv/app\njson\n/bin/bash\n1\npython runs\nfrom-a-document\nworld\n\
                    by its own interpreterhello world";
    assert_eq!(sandbox.says(&format!("cd .. && cat {files}")).await, expected);
    let log = sandbox.get("/process/session/entrypoint").await.1;
    assert!(log["commands"][0]["command"].as_str().unwrap().contains("infinity"), "{log}");
}

#[tokio::test]
async fn contexts_are_copied_as_docker_copies_them() {
    let dev_server = DevServer::new().await;
    if !is_isolated(&dev_server) {
        return;
    }
    let files = [
        ("ctx/a.txt", "a", 0o644),
        ("ctx/b.txt", "b", 0o644),
        ("ctx/deep/run.sh", "#!/bin/sh\necho ran", 0o755),
        ("ctx/deep/link", "-> ../a.txt", 0o777),
        ("ctx/out", "-> /etc/hostname", 0o777),
    ];
    dev_server.context("0f", &files).await;
    dev_server.context("1f", &[("name with blank", "c", 0o600)]).await;
    let dockerfile = "FROM debian:12 AS one\nRUN useradd -m worker || true\nRUN mkdir -p /made/in && echo stage > /made/in/file\n\
        FROM debian:12\nCOPY ctx/a.txt /x/renamed\nCOPY ctx/a.txt ctx/b.txt /y/\nCOPY ctx/*.txt /z/\n\
        COPY ctx /all\nCOPY [\"name with blank\", \"/json/c\"]\nADD ctx/deep /added/\n\
        COPY --chmod=640 --link ctx/a.txt /mode\nCOPY --from=one /made /from\nCOPY --from=0 /made/in/file /one-file\n\
        RUN /added/run.sh > /ran\n";
    let info = json!({"dockerfileContent": dockerfile, "contextHashes": ["1f", "0f"]});
    let (snapshot, log) = dev_server.build("copies", info).await;
    assert_eq!(snapshot["state"], "active", "{snapshot}\n{log}");
    let sandbox = dev_server.sandbox_of("copies").await;
    let said = sandbox
        .says("cd / && cat x/renamed y/b.txt z/a.txt all/deep/link json/c && readlink all/out && cat from/in/file one-file ran && stat -c %a mode added/run.sh")
        .await;
    assert_eq!(said, "abaac/etc/hostname\nstage\nstage\nran\n640\n755");

    for (name, dockerfile, reason) in [
        ("out", "FROM a\nCOPY ctx/out /x\n", "not found in the build context"),
        ("missing", "FROM a\nCOPY nothing /x\n", "line 2: "),
        ("two", "FROM a\nCOPY ctx/a.txt ctx/b.txt /x\n", "end with a /"),
        ("url", "FROM a\nADD https://example.com/x /x\n", "is a URL"),
        ("stage", "FROM a\nCOPY --from=None_ /x /x\nCOPY --from=A:: /x /x", "of that stage"),
    ] {
        let info = json!({"dockerfileContent": dockerfile, "contextHashes": ["0f"]});
        let (snapshot, _) = dev_server.build(name, info).await;
        let said = snapshot["errorReason"].as_str().unwrap_or_default();
        assert!(snapshot["state"] == "build_failed" && said.contains(reason), "{name}: {snapshot}");
    }
}

#[tokio::test]
async fn archives_are_unpacked_by_add_alone() {
    let dev_server = DevServer::new().await;
    if !is_isolated(&dev_server) {
        return;
    }
    let dockerfile = "FROM a AS pack\nRUN mkdir /d && echo x > /d/f && tar -czf /d.tar.gz -C / d\n\
                      FROM a\nCOPY --from=pack /d.tar.gz /copied/\nRUN test -f /copied/d.tar.gz\n";
    let (snapshot, log) = dev_server.build("packed", json!({"dockerfileContent": dockerfile})).await;
    assert_eq!(snapshot["state"], "active", "{log}");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(1);
    archive.append_data(&mut header, "inner/f", &b"x"[..]).unwrap();
    let archive = String::from_utf8(archive.into_inner().unwrap()).unwrap();
    dev_server.context("2f", &[("a.tar", &archive, 0o644)]).await;
    let dockerfile = "FROM a\nADD a.tar /added\nCOPY a.tar /copied/\n";
    let info = json!({"dockerfileContent": dockerfile, "contextHashes": ["2f"]});
    let (snapshot, log) = dev_server.build("added", info).await;
    assert_eq!(snapshot["state"], "active", "{snapshot} {log}");
    let sandbox = dev_server.sandbox_of("added").await;
    assert_eq!(
        sandbox.says("cat /added/inner/f; ls /copied /run/daytona-build 2>/dev/null").await,
        "x/copied:\na.tar"
    );
}

#[tokio::test]
async fn a_user_of_the_image_runs_everything() {
    let dev_server = DevServer::new().await;
    if !is_isolated(&dev_server) {
        return;
    }
    let dockerfile = "FROM a\nRUN useradd -m worker && mkdir /own && chown worker /own\nUSER worker\nWORKDIR /own\n\
                      RUN id -un > who\nCOPY --chown=worker <<E mine\nx\nE\n";
    let (snapshot, log) = dev_server.build("user", json!({"dockerfileContent": dockerfile})).await;
    if snapshot["state"] == "build_failed" && log.contains("useradd") {
        // An ordinary user's server has containers with one user.
        return;
    }
    assert_eq!(snapshot["state"], "active", "{snapshot} {log}");
    let sandbox = dev_server.sandbox_of("user").await;
    assert_eq!(
        sandbox.says("cat who; id -un; stat -c %U mine; echo $HOME; touch new && stat -c %U new").await,
        "worker\nworker\nworker\n/home/worker\nworker"
    );
    assert_eq!(dev_server.get(&format!("/sandbox/{}", sandbox.id)).await.1["user"], "worker");
    assert_eq!(sandbox.get("/user-home-dir").await.1["dir"], "/home/worker");
    let (snapshot, _) =
        dev_server.build("nobody", json!({"dockerfileContent": "FROM a\nUSER no-one\nRUN true\n"})).await;
    assert!(snapshot["errorReason"].as_str().unwrap().contains("unable to find user no-one"), "{snapshot}");
}

#[tokio::test]
async fn a_step_that_removes_everything_harms_its_own_build_alone() {
    let dev_server = DevServer::new().await;
    if !is_isolated(&dev_server) {
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("kept"), "kept").unwrap();
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let running = dev_server.sandbox().await;
    running.says("echo mine > kept").await;
    let everything =
        json!({"dockerfileContent": "FROM a\nRUN rm -rf --no-preserve-root / 2>/dev/null; echo $?\n"});
    let (removed, log) = dev_server.build("removed", everything).await;
    assert!(log.contains("RUN rm -rf"), "{removed} {log}");
    assert_eq!(std::fs::read_to_string("/etc/passwd").unwrap(), users);
    assert_eq!(std::fs::read_to_string(outside.path().join("kept")).unwrap(), "kept");
    assert!(std::env::current_exe().unwrap().exists());
    assert_eq!(running.says("cat kept; test -e /etc/passwd; echo $?").await, "mine\n0");
    // What others start from is whole.
    let info = json!({"dockerfileContent": "FROM a\nRUN test -e /etc/passwd && test -x /usr/bin/env\n"});
    let (whole, log) = dev_server.build("whole", info).await;
    assert_eq!(whole["state"], "active", "{log}");
    assert_eq!(dev_server.sandbox_of("whole").await.says("test -e /etc/passwd; echo $?").await, "0");
}

#[tokio::test]
async fn a_build_that_fails_names_the_line_and_the_reason() {
    let dev_server = DevServer::new().await;
    for (name, dockerfile, reason) in [
        ("syntax", "FROM a\n\nFOO bar\n", "dockerfile parse error on line 3: unknown instruction: FOO"),
        ("from", "FROM A/b C d\n", "line 1"),
        ("reference", "FROM a/B\n", "invalid reference format"),
        ("context", "FROM a\nCOPY x /x\n", ""),
    ] {
        let (snapshot, log) = dev_server.build(name, json!({"dockerfileContent": dockerfile})).await;
        let said = snapshot["errorReason"].as_str().unwrap_or_default();
        assert!(snapshot["state"] == "build_failed" && said.contains(reason), "{snapshot}");
        assert!(log.ends_with(&format!("{said}\n")), "{log}");
    }
    let info = json!({"dockerfileContent": "FROM a\n", "contextHashes": ["0123"]});
    let (snapshot, _) = dev_server.build("upload", info).await;
    assert!(snapshot["errorReason"].as_str().unwrap().contains("the build context 0123 is missing"));
    let refused = dev_server.post("/sandbox", json!({"snapshot": "upload"})).await;
    assert_eq!(refused.0, 400, "{}", refused.1);
    if is_isolated(&dev_server) {
        let info = json!({"dockerfileContent": "FROM a\nRUN echo before; exit 7\nRUN echo after\n"});
        let (snapshot, log) = dev_server.build("exits", info.clone()).await;
        let reason = "line 2: The command '/bin/sh -c echo before; exit 7' returned a non-zero code: 7";
        assert_eq!(snapshot["errorReason"], reason);
        assert!(log.contains("before\n") && !log.contains("after\n"), "{log}");
    }
}

#[tokio::test]
async fn without_isolation_a_run_fails_with_the_reason() {
    let options = Options { isolation: Wanted::None, ..Options::default() };
    let dev_server = DevServer::with(options).await;
    let (snapshot, _) = dev_server.build("runs", json!({"dockerfileContent": "FROM a\nRUN true\n"})).await;
    let reason = snapshot["errorReason"].as_str().unwrap();
    assert!(snapshot["state"] == "build_failed" && reason.contains("runs without isolation"), "{reason}");
    let info = json!({"dockerfileContent": "FROM a\nENV A=b\nWORKDIR /x\n"});
    assert_eq!(dev_server.build("plain", info).await.0["state"], "active");
    assert_eq!(dev_server.sandbox_of("plain").await.says("echo $A").await, "b");
}

#[tokio::test]
async fn equal_builds_are_made_once_and_a_failed_one_again() {
    let dev_server = DevServer::new().await;
    if !is_isolated(&dev_server) {
        return;
    }
    let info = json!({"dockerfileContent": "FROM a\nRUN head -c 8 /dev/urandom | base64 | tee /random\n"});
    let (first, log) = dev_server.build("first", info.clone()).await;
    let (second, again) = dev_server.build("second", info).await;
    assert_eq!((&first["ref"], log), (&second["ref"], again), "the steps ran twice");
    let fails = json!({"dockerfileContent": "FROM a\nRUN head -c 8 /dev/urandom | base64; false\n"});
    let (_, one) = dev_server.build("fails", fails.clone()).await;
    let (_, two) = dev_server.build("fails-again", fails).await;
    assert_ne!(one, two);
}

#[tokio::test]
async fn snapshots_are_listed_in_pages_activated_and_deleted() {
    let dev_server = DevServer::new().await;
    for name in ["one", "two", "three"] {
        assert_eq!(
            dev_server.build(name, json!({"dockerfileContent": "FROM a\n"})).await.0["state"],
            "active"
        );
    }
    let page = dev_server.get("/snapshots?page=2&limit=3").await.1;
    assert_eq!((&page["total"], &page["page"], &page["totalPages"]), (&json!(4), &json!(2), &json!(2)));
    assert_eq!(page["items"][0]["general"], true, "the default snapshot is the last");
    assert_eq!(dev_server.get("/snapshots?name=TW").await.1["total"], 1);
    for wrong in ["page=0", "limit=0", "limit=201", "limit=x"] {
        assert_eq!(dev_server.get(&format!("/snapshots?{wrong}")).await.0, 400, "{wrong}");
    }
    let id = dev_server.get("/snapshots/two").await.1["id"].as_str().unwrap().to_owned();
    let call = async |action: &str| dev_server.post(&format!("/snapshots/{id}/{action}"), json!({})).await;
    assert_eq!(call("activate").await.0, 400);
    assert_eq!(call("deactivate").await.0, 204);
    assert_eq!(dev_server.get("/snapshots/two").await.1["state"], "inactive");
    assert_eq!(dev_server.post("/sandbox", json!({"snapshot": "two"})).await.0, 400);
    assert_eq!(call("activate").await.0, 200);
    until("active", async || dev_server.get("/snapshots/two").await.1["state"] == "active").await;
    assert_eq!(dev_server.delete(&format!("/snapshots/{id}")).await.0, 200);
    assert_eq!(dev_server.get("/snapshots/two").await.0, 404);
    assert_eq!(dev_server.get(&format!("/snapshots/{id}/build-logs-url")).await.0, 404);

    for (wrong, status) in [
        (json!({"name": "one", "imageName": "a:1"}), 409),
        (json!({"name": "x", "imageName": "a"}), 400),
        (json!({"name": "x", "imageName": "a:latest"}), 400),
        (json!({"name": "x y", "imageName": "a:1"}), 400),
        (json!({"name": "x"}), 400),
        (json!({"name": "x", "imageName": "a:1", "buildInfo": {"dockerfileContent": "FROM a"}}), 400),
        (json!({"name": "x", "entrypoint": ["a"], "buildInfo": {"dockerfileContent": "FROM a"}}), 400),
        (json!({"name": "x", "buildInfo": {"dockerfileContent": ""}}), 400),
        (json!({"name": "x", "imageName": "a:1", "cpu": 0}), 400),
    ] {
        assert_eq!(dev_server.post("/snapshots", wrong.clone()).await.0, status, "{wrong}");
    }
}

#[tokio::test]
async fn the_last_self_hosted_release_serves_build_logs_from_its_proxy() {
    let dev_server = DevServer::of(Protocol::V0_190).await;
    let (_, made) = dev_server
        .post("/snapshots", json!({"name": "a", "buildInfo": {"dockerfileContent": "FROM a"}}))
        .await;
    let id = made["id"].as_str().unwrap();
    // 404 until a machine builds it.
    let url = format!("/snapshots/{id}/build-logs-url");
    until("a runner", async || dev_server.get(&url).await.0 == 200).await;
    let url = dev_server.get(&url).await.1["url"].as_str().unwrap().to_owned();
    assert_eq!(url, format!("{}/snapshots/{id}/build-logs", dev_server.base()));
    let read = async |key: &str| {
        let log = dev_server.http.request(Method::GET, format!("{url}?follow=true")).bearer_auth(key);
        status_and_body(log.send().await.unwrap()).await
    };
    assert!(read(dev_server.server.api_key()).await.1.as_str().unwrap().contains("FROM a"));
    assert_eq!(read(dev_server.server.api_key_2()).await.0, 404);
    assert_eq!(read("nobody").await.0, 401);
}
