//! Git in the 0.205 mode: real repositories, and a real git server over HTTP.

use crate::client::{DevServer, Sandbox, until};
use crate::git_host::{GitHost, PASSWORD, USERNAME};
use daytona_dev::Protocol;
use daytona_dev::outside::as_owner_of;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A sandbox with a clone of the server's `bare.git` in `repo`.
struct Setting<'a> {
    sandbox: Sandbox<'a>,
    host: GitHost,
    home: PathBuf,
}

impl<'a> Setting<'a> {
    async fn new(dev_server: &'a DevServer) -> Self {
        let host = GitHost::start();
        let sandbox = dev_server.sandbox().await;
        let home = sandbox.home_outside().await;
        let setting = Self { sandbox, host, home };
        setting.done("/git/clone", json!({ "url": setting.host.url("/bare.git"), "path": "repo" })).await;
        setting
    }

    async fn done(&self, path: &str, body: Value) {
        let (status, answer) = self.sandbox.post(path, body.clone()).await;
        assert!((200..300).contains(&status), "{path} {body}: {status} {answer}");
    }

    /// Expects a refusal with this status and code, and answers its message.
    async fn refused(&self, path: &str, body: Value, status: u16, code: &str) -> String {
        let (answered, answer) = self.sandbox.post(path, body.clone()).await;
        let expected = (status, json!(code), json!("DAYTONA_DAEMON"));
        assert_eq!(
            (answered, answer["code"].clone(), answer["source"].clone()),
            expected,
            "{body}: {answer}"
        );
        answer["message"].as_str().unwrap().to_owned()
    }

    async fn status(&self, path: &str) -> Value {
        let (status, answer) = self.sandbox.get(&format!("/git/status?path={path}")).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn commit(&self, file: &str, content: &str) -> String {
        self.write(file, content);
        self.done("/git/add", json!({ "path": "repo", "files": [file] })).await;
        let body = json!({ "path": "repo", "message": "m", "author": "A", "email": "a@b.c" });
        let (status, answer) = self.sandbox.post("/git/commit", body).await;
        assert_eq!(status, 200, "{answer}");
        answer["hash"].as_str().unwrap().to_owned()
    }

    fn write(&self, file: &str, content: &str) {
        as_owner_of(&self.home, || std::fs::write(self.home.join("repo").join(file), content)).unwrap();
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.home.join("repo").join(file)).unwrap()
    }

    /// Runs git in `repo`, inside the sandbox.
    async fn git(&self, arguments: &[&str]) -> String {
        let words: Vec<String> = arguments.iter().map(|word| format!("'{word}'")).collect();
        let body = json!({ "command": format!("git {}", words.join(" ")), "cwd": "repo" });
        let (_, answer) = self.sandbox.post("/process/execute", body).await;
        assert_eq!(answer["exitCode"], 0, "{arguments:?}: {answer}");
        answer["result"].as_str().unwrap().trim().to_owned()
    }
}

/// Files below a directory that contain a text.
fn files_with(directory: &Path, text: &str) -> Vec<PathBuf> {
    let search = std::process::Command::new("grep").args(["-rlaF", "--", text]).arg(directory).output();
    String::from_utf8_lossy(&search.unwrap().stdout).lines().map(PathBuf::from).collect()
}

#[tokio::test]
async fn clones_take_a_branch_a_depth_and_a_commit() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let first = setting.host.git("bare.git", &["rev-parse", "master"]);
    setting.host.advance("f.txt", "two\n");
    let url = setting.host.url("/bare.git");

    setting.done("/git/clone", json!({ "url": url, "path": "a/dev", "branch": "dev" })).await;
    assert_eq!(setting.status("a/dev").await["currentBranch"], "dev");

    setting.done("/git/clone", json!({ "url": url, "path": "shallow", "depth": 1 })).await;
    let (_, history) = setting.sandbox.get("/git/history?path=shallow").await;
    assert_eq!(history.as_array().unwrap().len(), 1, "{history}");

    // A shallow clone does not have the commit and fetches it.
    let body = json!({ "url": url, "path": "old", "depth": 1, "commit_id": first });
    setting.done("/git/clone", body).await;
    for (key, value) in [("branch", json!("a\0b")), ("depth", json!(1_u64 << 53))] {
        let mut body = json!({ "url": url, "path": "wrong" });
        body[key] = value;
        assert_eq!(setting.sandbox.post("/git/clone", body).await.0, 400, "{key}");
    }
    let status = setting.status("old").await;
    assert_eq!((&status["currentBranch"], &status["detached"]), (&json!("HEAD"), &json!(true)));
    assert_eq!(std::fs::read_to_string(setting.home.join("old/f.txt")).unwrap(), "one\n");
}

#[tokio::test]
async fn every_failure_has_its_code() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let clone = |url: &str| json!({ "url": setting.host.url(url), "path": "other" });
    let with = |mut body: Value, key: &str, value: Value| {
        body[key] = value;
        body
    };
    setting.refused("/git/clone", clone("/auth/bare.git"), 401, "GIT_AUTH_FAILED").await;
    setting.refused("/git/clone", clone("/forbidden/bare.git"), 403, "GIT_AUTH_FAILED").await;
    setting.refused("/git/clone", clone("/missing.git"), 404, "GIT_REPO_NOT_FOUND").await;
    let body = with(clone("/bare.git"), "branch", json!("nope"));
    setting.refused("/git/clone", body, 404, "GIT_BRANCH_NOT_FOUND").await;
    let body = with(clone("/bare.git"), "url", json!("http://127.0.0.1:1/x.git"));
    setting.refused("/git/clone", body, 502, "GIT_TRANSPORT_FAILED").await;
    let body = with(clone("/bare.git"), "path", json!("repo"));
    setting.refused("/git/clone", body, 409, "CONFLICT").await;
    let commit = "0123456789012345678901234567890123456789";
    let body = with(clone("/bare.git"), "commit_id", json!(commit));
    setting.refused("/git/clone", body, 404, "GIT_BRANCH_NOT_FOUND").await;
    setting.refused("/git/clone", json!({ "path": "x" }), 400, "INVALID_REQUEST_BODY").await;

    let repo = json!({ "path": "repo" });
    let branch = |name: &str| with(repo.clone(), "name", json!(name));
    setting.refused("/git/branches", branch("master"), 409, "GIT_BRANCH_EXISTS").await;
    setting.refused("/git/branches", branch("a b"), 400, "BAD_REQUEST").await;
    let body = with(repo.clone(), "branch", json!("nope"));
    setting.refused("/git/checkout", body, 404, "GIT_BRANCH_NOT_FOUND").await;
    let body = json!({ "path": "/tmp", "name": "x" });
    setting.refused("/git/branches", body, 404, "GIT_REPO_NOT_FOUND").await;
    let body = with(repo.clone(), "files", json!(["nope.txt"]));
    setting.refused("/git/add", body, 400, "BAD_REQUEST").await;
    let body = json!({ "path": "repo", "message": "m", "author": "A", "email": "a@b.c" });
    setting.refused("/git/commit", body, 409, "CONFLICT").await;
    let body = with(repo.clone(), "target", json!("nope"));
    setting.refused("/git/reset", body, 404, "GIT_BRANCH_NOT_FOUND").await;
    let body = with(repo.clone(), "mode", json!("harder"));
    setting.refused("/git/reset", body, 400, "BAD_REQUEST").await;
    let body = with(repo.clone(), "files", json!(["nope.txt"]));
    setting.refused("/git/restore", body, 400, "BAD_REQUEST").await;
    let body = with(repo.clone(), "remote", json!("nope"));
    setting.refused("/git/pull", body, 404, "GIT_REPO_NOT_FOUND").await;
    let body = with(repo.clone(), "branch", json!("nope"));
    setting.refused("/git/push", body.clone(), 404, "GIT_BRANCH_NOT_FOUND").await;
    setting.refused("/git/pull", body, 404, "GIT_BRANCH_NOT_FOUND").await;
    let body = json!({ "path": "repo", "name": "origin", "url": "http://h/x.git" });
    setting.refused("/git/remotes", body, 409, "CONFLICT").await;
    setting.refused("/git/config", json!({ "key": "nosection", "value": "x" }), 400, "BAD_REQUEST").await;
    let body = json!({ "key": "a.b", "value": "x", "scope": "local" });
    setting.refused("/git/config", body, 400, "BAD_REQUEST").await;
    let (status, answer) = setting.sandbox.get("/git/history?path=/tmp").await;
    assert_eq!((status, &answer["code"]), (404, &json!("GIT_REPO_NOT_FOUND")));
}

#[tokio::test]
async fn a_value_that_looks_like_an_option_is_refused_or_taken_as_it_is() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let marker = setting.home.join("ran");
    let option = format!("--upload-pack=touch {}/ran", setting.sandbox.home().await);
    for (path, key) in [("/git/pull", "remote"), ("/git/push", "branch"), ("/git/checkout", "branch")] {
        let mut body = json!({ "path": "repo" });
        body[key] = json!(option);
        setting.refused(path, body, 400, "BAD_REQUEST").await;
    }
    let body = json!({ "url": option, "path": "x" });
    let (status, _) = setting.sandbox.post("/git/clone", body).await;
    assert!(status >= 400 && !marker.exists());
    setting.write("-n", "a dash\n");
    setting.done("/git/add", json!({ "path": "repo", "files": ["-n"] })).await;
    assert_eq!(setting.status("repo").await["fileStatus"][0]["staging"], "Added");
}

#[tokio::test]
async fn branches_are_created_listed_checked_out_and_deleted() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    setting.done("/git/branches", json!({ "path": "repo", "name": "feature/x" })).await;
    let branches = setting.sandbox.get("/git/branches?path=repo").await.1;
    assert_eq!(branches, json!({ "branches": ["feature/x", "master"], "current": "feature/x" }));
    let delete = async |name: &str| {
        let request = setting.sandbox.request(reqwest::Method::DELETE, "/git/branches");
        crate::client::status_and_body(
            request.json(&json!({ "path": "repo", "name": name })).send().await.unwrap(),
        )
        .await
    };
    let (status, answer) = delete("feature/x").await;
    assert_eq!((status, &answer["code"]), (400, &json!("BAD_REQUEST")), "it is checked out: {answer}");
    // Unmerged work does not keep a branch: the daemon always forces.
    setting.commit("x.txt", "x\n").await;
    setting.done("/git/checkout", json!({ "path": "repo", "branch": "master" })).await;
    assert_eq!(delete("feature/x").await.0, 204);
    let (status, answer) = delete("feature/x").await;
    assert_eq!((status, &answer["code"]), (404, &json!("GIT_BRANCH_NOT_FOUND")));
}

#[tokio::test]
async fn the_status_tells_every_state_of_a_file_and_how_far_the_upstream_is() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let clean = setting.status("repo").await;
    assert_eq!(
        clean,
        json!({
            "currentBranch": "master", "fileStatus": [], "branchPublished": true, "ahead": 0, "behind": 0,
            "detached": false, "upstream": "origin/master",
        })
    );
    for name in ["deleted", "former name", "modified"] {
        setting.commit(name, &format!("{name}\n").repeat(20)).await;
    }
    setting.host.advance("theirs.txt", "theirs\n");
    setting.git(&["fetch", "-q"]).await;
    setting.git(&["mv", "former name", "new name"]).await;
    setting.git(&["rm", "-q", "deleted"]).await;
    setting.write("modified", "changed\n");
    setting.write("ünträcked", "new\n");
    let status = setting.status("repo").await;
    assert_eq!((&status["ahead"], &status["behind"]), (&json!(3), &json!(1)));
    let file = |name, extra, staging, worktree| json!({ "name": name, "extra": extra, "staging": staging, "worktree": worktree });
    assert_eq!(
        status["fileStatus"],
        json!([
            file("deleted", "", "Deleted", "Unmodified"),
            file("modified", "", "Unmodified", "Modified"),
            file("new name", "former name", "Renamed", "Unmodified"),
            file("ünträcked", "", "Untracked", "Untracked"),
        ])
    );
}

#[tokio::test]
async fn a_push_sends_a_branch_and_may_record_its_upstream() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    setting.done("/git/branches", json!({ "path": "repo", "name": "topic" })).await;
    let hash = setting.commit("t.txt", "t\n").await;
    setting.done("/git/push", json!({ "path": "repo" })).await;
    assert_eq!(setting.host.git("bare.git", &["rev-parse", "topic"]), hash);
    assert_eq!(setting.status("repo").await["branchPublished"], false);
    setting.done("/git/push", json!({ "path": "repo", "set_upstream": true })).await;
    let status = setting.status("repo").await;
    assert_eq!((&status["branchPublished"], &status["upstream"]), (&json!(true), &json!("origin/topic")));

    setting.done("/git/branches", json!({ "path": "repo", "name": "refused" })).await;
    setting.refused("/git/push", json!({ "path": "repo" }), 422, "GIT_REMOTE_REJECTED").await;

    setting.done("/git/checkout", json!({ "path": "repo", "branch": "master" })).await;
    setting.host.advance("theirs.txt", "theirs\n");
    setting.commit("ours.txt", "ours\n").await;
    setting.refused("/git/push", json!({ "path": "repo" }), 409, "GIT_PUSH_REJECTED").await;
}

#[tokio::test]
async fn a_pull_forwards_or_changes_nothing() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    setting.host.advance("f.txt", "theirs\n");
    setting.write("f.txt", "uncommitted\n");
    setting.refused("/git/pull", json!({ "path": "repo" }), 409, "GIT_DIRTY_WORKTREE").await;
    assert_eq!(setting.read("f.txt"), "uncommitted\n");
    setting.done("/git/restore", json!({ "path": "repo", "files": ["f.txt"] })).await;
    setting.done("/git/pull", json!({ "path": "repo", "remote": "origin", "branch": "master" })).await;
    assert_eq!(setting.read("f.txt"), "theirs\n");

    let hash = setting.commit("f.txt", "ours\n").await;
    setting.host.advance("f.txt", "theirs again\n");
    setting.refused("/git/pull", json!({ "path": "repo" }), 409, "GIT_MERGE_CONFLICT").await;
    assert_eq!(
        (setting.git(&["rev-parse", "HEAD"]).await, setting.read("f.txt")),
        (hash, "ours\n".to_owned())
    );
}

#[tokio::test]
async fn a_checkout_keeps_local_changes_or_says_that_they_are_in_the_way() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    setting.done("/git/branches", json!({ "path": "repo", "name": "other" })).await;
    setting.commit("f.txt", "other\n").await;
    setting.write("f.txt", "uncommitted\n");
    let body = json!({ "path": "repo", "branch": "master" });
    setting.refused("/git/checkout", body.clone(), 409, "GIT_DIRTY_WORKTREE").await;
    setting.done("/git/restore", json!({ "path": "repo", "files": ["f.txt"] })).await;
    setting.write("new.txt", "new\n");
    setting.done("/git/checkout", body).await;
    assert_eq!((setting.read("f.txt"), setting.read("new.txt")), ("one\n".to_owned(), "new\n".to_owned()));
}

#[tokio::test]
async fn a_commit_keeps_its_message_and_author_and_may_be_empty() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let body = json!({
        "path": "repo", "message": "# no comment\n\n  body ä", "author": "A Ü", "email": "a@b.c",
        "allow_empty": true,
    });
    setting.done("/git/commit", body).await;
    let (_, history) = setting.sandbox.get("/git/history?path=repo").await;
    let newest = &history[0];
    assert_eq!(
        (&newest["message"], &newest["author"], &newest["email"]),
        (&json!("# no comment\n\n  body ä"), &json!("A Ü"), &json!("a@b.c"))
    );
    assert_eq!(newest["hash"], json!(setting.git(&["rev-parse", "HEAD"]).await));
}

#[tokio::test]
async fn a_repository_can_be_made_without_a_remote() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    setting.done("/git/init", json!({ "path": "fresh", "initial_branch": "trunk" })).await;
    let status = setting.status("fresh").await;
    assert_eq!((&status["currentBranch"], &status["upstream"]), (&json!("trunk"), &json!("")));
    let branches = setting.sandbox.get("/git/branches?path=fresh").await.1;
    assert_eq!(branches, json!({ "branches": [], "current": "trunk" }));
    let (status, answer) = setting.sandbox.get("/git/history?path=fresh").await;
    assert_eq!((status, &answer["code"]), (404, &json!("GIT_BRANCH_NOT_FOUND")));

    setting.done("/git/init", json!({ "path": "bare", "bare": true })).await;
    assert!(setting.home.join("bare/HEAD").is_file());
    let url = format!("{}/bare", setting.sandbox.home().await);
    setting.done("/git/remotes", json!({ "path": "fresh", "name": "here", "url": url })).await;
    let body = json!({
        "path": "fresh", "name": "here", "url": setting.host.url("/bare.git"), "overwrite": true, "fetch": true,
    });
    setting.done("/git/remotes", body).await;
    let remotes = setting.sandbox.get("/git/remotes?path=fresh").await.1;
    assert_eq!(remotes, json!({ "remotes": [{ "name": "here", "url": setting.host.url("/bare.git") }] }));
    let fetched = setting.git(&["-C", "../fresh", "rev-parse", "here/dev"]).await;
    assert_eq!(fetched, setting.host.git("bare.git", &["rev-parse", "dev"]));
}

#[tokio::test]
async fn resets_and_restores_take_back_what_they_name() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let first = setting.git(&["rev-parse", "HEAD"]).await;
    setting.commit("f.txt", "two\n").await;
    setting.done("/git/reset", json!({ "path": "repo", "mode": "soft", "target": first })).await;
    assert_eq!(setting.status("repo").await["fileStatus"][0]["staging"], "Modified");
    setting.done("/git/reset", json!({ "path": "repo", "files": ["f.txt"] })).await;
    assert_eq!(setting.status("repo").await["fileStatus"][0]["worktree"], "Modified");
    setting.done("/git/add", json!({ "path": "repo", "files": ["."] })).await;
    let body =
        json!({ "path": "repo", "files": ["f.txt"], "staged": true, "worktree": true, "source": "HEAD" });
    setting.done("/git/restore", body).await;
    assert_eq!(
        (setting.status("repo").await["fileStatus"].clone(), setting.read("f.txt")),
        (json!([]), "one\n".to_owned())
    );
    setting.write("f.txt", "lost\n");
    setting.done("/git/reset", json!({ "path": "repo", "mode": "hard" })).await;
    assert_eq!(setting.read("f.txt"), "one\n");
}

#[tokio::test]
async fn settings_have_a_scope() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let value =
        async |query: &str| setting.sandbox.get(&format!("/git/config?{query}")).await.1["value"].clone();
    assert_eq!(value("key=user.name").await, json!(null));
    setting.done("/git/config/user", json!({ "name": "A Ü", "email": "a@b.c" })).await;
    assert_eq!(value("key=user.name").await, json!("A Ü"));
    assert_eq!(value("key=user.email&scope=global").await, json!("a@b.c"));
    assert_eq!(value("key=user.name&scope=local&path=repo").await, json!(null));
    let body = json!({ "key": "user.name", "value": "", "scope": "local", "path": "repo" });
    setting.done("/git/config", body).await;
    assert_eq!(value("key=user.name&scope=local&path=repo").await, json!(""));
    assert_eq!(value("key=user.name&path=repo").await, json!("A Ü"), "without a scope it is the user's");
    // The sandbox's own, not the developer's.
    assert!(setting.home.join(".gitconfig").is_file());
}

#[tokio::test]
async fn a_local_path_that_is_not_there_is_no_repository() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let body = json!({ "url": "/no/such/repository.git", "path": "x" });
    setting.refused("/git/clone", body, 404, "GIT_REPO_NOT_FOUND").await;
}

#[tokio::test]
async fn a_credential_is_in_no_process_no_file_and_no_error() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let held = setting.host.url("/held/bare.git");
    let body = json!({ "url": held, "path": "private", "username": USERNAME, "password": PASSWORD });
    let clone = setting.sandbox.request(reqwest::Method::POST, "/git/clone").json(&body).send();
    let look = async {
        // Git has presented the credential and waits for the answer.
        setting.host.until_held().await;
        let mut git_processes = 0;
        for process in std::fs::read_dir("/proc").unwrap().flatten() {
            for file in ["cmdline", "environ"] {
                let text = std::fs::read(process.path().join(file)).unwrap_or_default();
                let text = String::from_utf8_lossy(&text);
                git_processes += usize::from(file == "cmdline" && text.contains("/held/bare.git"));
                assert!(!text.contains(PASSWORD), "{file} of {:?}: {text}", process.path());
            }
        }
        assert!(git_processes > 0, "git runs");
        assert_eq!(files_with(&setting.home, PASSWORD), Vec::<PathBuf>::new());
        setting.host.release();
    };
    let (response, ()) = tokio::join!(clone, look);
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!(files_with(&setting.home, PASSWORD), Vec::<PathBuf>::new());

    // In the URL it is taken out.
    let with_credentials = format!("http://{USERNAME}:{PASSWORD}@{}/auth/bare.git", setting.host.address);
    setting.done("/git/clone", json!({ "url": with_credentials, "path": "in-url" })).await;
    assert_eq!(files_with(&setting.home, PASSWORD), Vec::<PathBuf>::new());
    let body = json!({ "path": "in-url", "username": USERNAME, "password": PASSWORD });
    setting.done("/git/pull", body.clone()).await;
    setting.done("/git/push", body).await;

    // A wrong one is not repeated.
    let wrong = "wrong-9d41";
    let url = setting.host.url("/auth/bare.git");
    let body = json!({ "url": url, "path": "x", "username": USERNAME, "password": wrong });
    let message = setting.refused("/git/clone", body, 401, "GIT_AUTH_FAILED").await;
    assert!(!message.contains(wrong), "{message}");
    // One that is a part of git's own words hides no reason.
    for part in ["u", "fatal", "authentication failed"] {
        let body = json!({ "url": url, "path": "x", "username": part, "password": part });
        setting.refused("/git/clone", body, 401, "GIT_AUTH_FAILED").await;
    }
    let body = json!({ "url": url, "path": "x", "username": "a\nhost=evil", "password": "b" });
    setting.refused("/git/clone", body, 400, "BAD_REQUEST").await;
}

#[tokio::test]
async fn a_remembered_credential_serves_every_git_of_the_sandbox_and_is_in_no_file() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let body = json!({
        "username": USERNAME, "password": PASSWORD, "host": setting.host.address, "protocol": "http",
    });
    setting.done("/git/credentials", body.clone()).await;
    setting.done("/git/credentials", body).await;
    let url = setting.host.url("/auth/bare.git");
    setting.done("/git/clone", json!({ "url": url, "path": "by-toolbox" })).await;
    let command = format!("GIT_TERMINAL_PROMPT=0 git clone -q {url} by-shell");
    let (_, answer) = setting.sandbox.post("/process/execute", json!({ "command": command })).await;
    assert_eq!(answer["exitCode"], 0, "{answer}");
    assert_eq!(files_with(&setting.home, PASSWORD), Vec::<PathBuf>::new());

    let with_credentials = format!("http://{USERNAME}:{PASSWORD}@{}/auth/bare.git", setting.host.address);
    let body = json!({ "path": "repo", "name": "private", "url": with_credentials, "fetch": true });
    setting.done("/git/remotes", body).await;
    assert_eq!(files_with(&setting.home, PASSWORD), Vec::<PathBuf>::new());
    let remotes = setting.sandbox.get("/git/remotes?path=repo").await.1;
    assert_eq!(remotes["remotes"][1]["url"], json!(url));
}

#[tokio::test]
async fn a_hook_of_the_repository_does_not_run() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let hook = setting.home.join("repo/.git/hooks/pre-commit");
    as_owner_of(&setting.home, || std::fs::write(&hook, "#!/bin/sh\nexit 1\n")).unwrap();
    std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    setting.commit("x.txt", "x\n").await;
}

#[tokio::test]
async fn a_clone_goes_on_when_its_client_leaves() {
    let dev_server = DevServer::new().await;
    let setting = Setting::new(&dev_server).await;
    let held = setting.host.url("/held/bare.git");
    let body = json!({ "url": held, "path": "left", "username": USERNAME, "password": PASSWORD });
    let request = setting.sandbox.request(reqwest::Method::POST, "/git/clone").json(&body);
    let client = tokio::spawn(request.send());
    setting.host.until_held().await;
    client.abort();
    setting.host.release();
    until("the clone is complete", async || {
        setting.sandbox.get("/git/status?path=left").await.1["currentBranch"] == "master"
            && setting.home.join("left/f.txt").exists()
    })
    .await;
}

#[tokio::test]
async fn a_missing_git_is_named_with_its_package() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let dev_server = DevServer::of(protocol).await;
        let (_, sandbox) = dev_server.post("/sandbox", json!({ "env": { "PATH": "/nowhere" } })).await;
        let id = sandbox["id"].as_str().unwrap().to_owned();
        let sandbox = Sandbox { dev_server: &dev_server, id };
        let (status, answer) = sandbox.post("/git/clone", json!({ "url": "http://h/x", "path": "x" })).await;
        assert_eq!((status, &answer["code"]), (503, &json!("SERVICE_UNAVAILABLE")), "{answer}");
        assert!(answer["message"].as_str().unwrap().contains("install the package git"), "{answer}");
    }
}
