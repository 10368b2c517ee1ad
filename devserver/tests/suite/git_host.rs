//! A git server over HTTP: the real `git http-backend` behind a small handler. The client's tests use it too.
//!
//! Paths: `/NAME.git` is open. Below `/auth/` the same repositories want the username `user` and the password
//! `secret` or [`PASSWORD`]; below `/held/` too, and each request waits there until [`GitHost::release`]. Below
//! `/forbidden/` everything is 403. A push to the branch `refused` is refused by a hook.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

pub const USERNAME: &str = "user";
/// Found nowhere by accident.
pub const PASSWORD: &str = "hunter-7f3a91c0d2";

pub struct GitHost {
    pub address: String,
    root: tempfile::TempDir,
    shared: Arc<Shared>,
    /// Ends the server when it is dropped.
    _stop: tokio::sync::oneshot::Sender<()>,
}

struct Shared {
    root: PathBuf,
    /// One permit for each held request that arrived.
    held: Semaphore,
    /// One permit for each held request that may go on.
    released: Semaphore,
}

impl GitHost {
    /// With `bare.git`: the branches master and dev, a file `f.txt`.
    pub fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let shared = Arc::new(Shared {
            root: root.path().to_owned(),
            held: Semaphore::new(0),
            released: Semaphore::new(0),
        });
        let routes = Router::new().fallback(answer).with_state(shared.clone());
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        // A thread of its own: a test may wait for a git that talks to this server.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                tokio::select! {
                    served = axum::serve(listener, routes) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let host = Self { address, root, shared, _stop: stop };
        host.git(".", &["init", "-q", "--bare", "-b", "master", "bare.git"]);
        host.git("bare.git", &["config", "http.receivepack", "true"]);
        let hook = host.path("bare.git/hooks/update");
        std::fs::write(&hook, "#!/bin/sh\ntest \"$1\" != refs/heads/refused\n").unwrap();
        std::fs::set_permissions(&hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        host.git(".", &["clone", "-q", "bare.git", "work"]);
        host.git("work", &["checkout", "-q", "-b", "master"]);
        host.commit("f.txt", "one\n", "first");
        host.git("work", &["push", "-q", "origin", "master", "master:dev"]);
        host
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Runs git in a directory of the server and answers its output.
    pub fn git(&self, directory: &str, arguments: &[&str]) -> String {
        git(&self.root.path().join(directory), arguments)
    }

    /// Commits a file in the working copy `work`, without pushing it.
    pub fn commit(&self, file: &str, content: &str, message: &str) {
        std::fs::write(self.root.path().join("work").join(file), content).unwrap();
        self.git("work", &["add", file]);
        self.git("work", &["commit", "-q", "-m", message]);
    }

    /// A commit in the remote that no clone has yet.
    pub fn advance(&self, file: &str, content: &str) {
        self.git("work", &["pull", "-q", "--ff-only", "origin", "master"]);
        self.commit(file, content, "advance");
        self.git("work", &["push", "-q", "origin", "master"]);
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Waits until a request with credentials is held.
    pub async fn until_held(&self) {
        self.shared.held.acquire().await.unwrap().forget();
    }

    pub fn release(&self) {
        self.shared.released.add_permits(1000);
    }
}

/// Runs git anywhere, as a user with a name and without anyone's configuration.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let run = std::process::Command::new("git")
        .args(["-c", "user.name=n", "-c", "user.email=a@b.c", "-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "git {arguments:?}: {error}");
    String::from_utf8_lossy(&run.stdout).trim_end().to_owned()
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let (area, repository) = match path.strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((area @ ("auth" | "held" | "forbidden"), rest)) => (area, format!("/{rest}")),
        _ => ("", path),
    };
    if area == "forbidden" {
        return StatusCode::FORBIDDEN.into_response();
    }
    if !area.is_empty() {
        if !is_known(request.headers()) {
            let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"git\"")];
            return (StatusCode::UNAUTHORIZED, challenge).into_response();
        }
        if area == "held" {
            shared.held.add_permits(1);
            shared.released.acquire().await.unwrap().forget();
        }
    }
    backend(&shared.root, &repository, !area.is_empty(), request).await
}

fn is_known(headers: &HeaderMap) -> bool {
    let given = headers.get(header::AUTHORIZATION);
    ["secret", PASSWORD].into_iter().any(|password| {
        let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{USERNAME}:{password}")));
        given.is_some_and(|value| value == expected.as_str())
    })
}

/// One request as CGI.
async fn backend(root: &Path, repository: &str, is_known: bool, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let text = |name: &str| {
        parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let mut command = tokio::process::Command::new("git");
    command
        .args(["-c", "safe.directory=*", "http-backend"])
        .env("GIT_PROJECT_ROOT", root)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("PATH_INFO", repository)
        .env("REQUEST_METHOD", parts.method.as_str())
        .env("QUERY_STRING", parts.uri.query().unwrap_or_default())
        .env("CONTENT_TYPE", text("content-type"))
        .env("HTTP_CONTENT_ENCODING", text("content-encoding"))
        .env("GIT_PROTOCOL", text("git-protocol"))
        .env("REMOTE_ADDR", "127.0.0.1");
    if is_known {
        command.env("REMOTE_USER", USERNAME);
    }
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let mut stdin = child.stdin.take().unwrap();
    let feed = tokio::spawn(async move {
        let _ended = stdin.write_all(&body).await;
    });
    let output = child.wait_with_output().await.unwrap().stdout;
    let _fed = feed.await;
    let end = output.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(output.len());
    let mut response = Response::builder();
    for line in String::from_utf8_lossy(&output[..end]).lines() {
        let Some((name, value)) = line.split_once(": ") else { continue };
        response = match name {
            "Status" => response.status(value[..3].parse::<u16>().unwrap()),
            _ => response.header(name, value),
        };
    }
    let body = output.get(end + 4..).unwrap_or_default().to_vec();
    response.body(Body::from(body)).unwrap()
}
