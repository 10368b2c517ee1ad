//! What the toolbox refuses to delete, move and chmod on the machine that it shares with its user. Every
//! path here lies in a temporary directory, so that a failing test harms nothing.

use crate::client::{DevServer, Sandbox, status_and_body};
use daytona_dev::{Options, Protocol, Wanted};
use reqwest::Method;
use serde_json::Value;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// A server whose state directory is `above/state` in a temporary directory.
async fn server(protocol: Protocol) -> (DevServer, tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().canonicalize().unwrap().join("above/state");
    let isolation = Wanted::None;
    let options = Options { protocol, isolation, state_dir: Some(state.clone()), ..Options::default() };
    (DevServer::with(options).await, directory, state)
}

async fn files(
    sandbox: &Sandbox<'_>,
    method: Method,
    endpoint: &str,
    query: &[(&str, &str)],
) -> (u16, Value) {
    let query = serde_urlencoded::to_string(query).unwrap();
    status_and_body(sandbox.request(method, &format!("{endpoint}?{query}")).send().await.unwrap()).await
}

#[tokio::test]
async fn the_state_directory_and_its_ancestors_are_not_deleted_moved_or_changed() {
    let (dev_server, directory, state) = server(Protocol::V0_205).await;
    let sandbox = dev_server.sandbox().await;
    let home = PathBuf::from(sandbox.home().await);
    let above = state.parent().unwrap();
    let own = home.parent().unwrap().parent().unwrap();
    symlink(above, home.join("link")).unwrap();
    std::fs::create_dir(home.join("sub")).unwrap();
    let text = |path: &Path| path.display().to_string();
    let mut paths = vec![
        text(above),
        text(&state),
        text(own),
        text(directory.path()),
        format!("{}/", text(above)),
        format!("{}/.", text(&state)),
        format!("{}/state/..", text(above)),
        text(above).replace("/above", "//above//"),
        "../../../../../above".to_owned(),
        "sub/../../../..".to_owned(),
        "link/".to_owned(),
        "link/.".to_owned(),
        "link/state".to_owned(),
        "link//state/../../above".to_owned(),
        format!("/proc/self/root{}", text(&state)),
    ];
    let mode = above.metadata().unwrap().permissions().mode();
    let moved = text(&directory.path().join("moved"));
    for path in &paths {
        for recursive in ["true", "false"] {
            let query = [("path", path.as_str()), ("recursive", recursive)];
            let (status, answer) = files(&sandbox, Method::DELETE, "/files", &query).await;
            assert_eq!(
                (status, &answer["code"]),
                (403, &"FILE_ACCESS_DENIED".into()),
                "delete {path}: {answer}"
            );
            assert!(answer["message"].as_str().unwrap().contains("state directory"), "{answer}");
        }
    }
    // A move simplifies its paths as texts first: there, `link/` is the link, and `..` leads back from it.
    for path in paths.iter().filter(|path| !path.starts_with("link/") || *path == "link/state") {
        let query = [("source", path.as_str()), ("destination", moved.as_str())];
        let (status, answer) = files(&sandbox, Method::POST, "/files/move", &query).await;
        assert_eq!(status, 403, "move {path}: {answer}");
    }
    paths.push("link".to_owned());
    for path in &paths {
        for change in [("mode", "700"), ("owner", "0"), ("group", "0")] {
            let query = [("path", path.as_str()), change];
            let (status, answer) = files(&sandbox, Method::POST, "/files/permissions", &query).await;
            assert_eq!(status, 403, "{change:?} {path}: {answer}");
        }
    }
    assert!(home.is_dir() && !Path::new(&moved).exists());
    assert_eq!(above.metadata().unwrap().permissions().mode(), mode);
    assert_eq!(sandbox.get("/work-dir").await.0, 200);
}

#[tokio::test]
async fn what_a_sandbox_owns_and_links_to_what_it_does_not_own_can_be_deleted() {
    let (dev_server, directory, state) = server(Protocol::V0_205).await;
    let sandbox = dev_server.sandbox().await;
    let home = PathBuf::from(sandbox.home().await);
    symlink(&state, home.join("link")).unwrap();
    std::fs::create_dir_all(home.join("a/b")).unwrap();
    let other = directory.path().join("other");
    std::fs::create_dir(&other).unwrap();
    for path in ["link", "a", other.to_str().unwrap()] {
        let query = [("path", path), ("recursive", "true")];
        assert_eq!(files(&sandbox, Method::DELETE, "/files", &query).await.0, 204, "{path}");
    }
    assert!(state.is_dir() && !home.join("link").exists() && !home.join("a").exists() && !other.exists());
}

#[tokio::test]
async fn the_older_protocol_tells_the_status_alone() {
    let (dev_server, _directory, state) = server(Protocol::V0_190).await;
    let sandbox = dev_server.sandbox().await;
    let query = [("path", state.to_str().unwrap()), ("recursive", "true")];
    assert_eq!(files(&sandbox, Method::DELETE, "/files", &query).await, (403, Value::String(String::new())));
    assert!(state.is_dir());
}

#[tokio::test]
async fn the_machines_git_settings_are_not_a_sandboxs_to_write() {
    let (dev_server, directory, _state) = server(Protocol::V0_205).await;
    // Where git would write if it was let.
    let file = directory.path().join("gitconfig");
    let body = serde_json::json!({ "env": { "GIT_CONFIG_SYSTEM": file } });
    let (_, made) = dev_server.post("/sandbox", body).await;
    let sandbox = Sandbox { dev_server: &dev_server, id: made["id"].as_str().unwrap().to_owned() };
    for (endpoint, mut body) in [
        ("/git/config", serde_json::json!({ "key": "core.editor", "value": "vi" })),
        ("/git/config/user", serde_json::json!({ "name": "n", "email": "a@b.c" })),
    ] {
        body["scope"] = "system".into();
        let (status, answer) = sandbox.post(endpoint, body.clone()).await;
        assert_eq!((status, &answer["code"]), (403, &"FORBIDDEN".into()), "{endpoint}: {answer}");
        assert!(answer["message"].as_str().unwrap().contains("isolation"), "{answer}");
        assert!(!file.exists());
        body["scope"] = "global".into();
        assert_eq!(sandbox.post(endpoint, body).await.0, 200, "{endpoint}");
    }
}
