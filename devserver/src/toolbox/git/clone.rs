//! New repositories: cloned or empty.

use super::failure::Reason;
use super::program::{Credentials, Exit, Failure, Git};
use super::request::{GitCall, done, is_repository, shape, to_the_end};
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, ErrorResponse};
use crate::toolbox::go_json::{FieldType, Shape};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use percent_encoding::percent_decode_str;
use std::path::Path;
use std::sync::Arc;

const CLONE: Shape = shape(
    "GitCloneRequest",
    &[
        ("url", FieldType::Text),
        ("path", FieldType::Text),
        ("username", FieldType::Text),
        ("password", FieldType::Text),
        ("branch", FieldType::Text),
        ("commit_id", FieldType::Text),
        ("depth", FieldType::Int),
        ("insecure_skip_tls", FieldType::Flag),
    ],
);

const INIT: Shape = shape(
    "GitInitRequest",
    &[("path", FieldType::Text), ("bare", FieldType::Flag), ("initial_branch", FieldType::Text)],
);

pub async fn clone(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &CLONE, &["url", "path"]).await?;
    to_the_end(async move {
        let directory = git_call.directory();
        if is_repository(&directory) {
            return Err(git_call.refused(Reason::RepositoryExists, "repository already exists"));
        }
        let (url, in_url) = without_credentials(git_call.text("url"));
        let credentials = git_call.credentials()?.or(in_url);
        let source = Source { url, credentials, skip_tls: git_call.flag("insecure_skip_tls") };
        fetch_all(&git_call, &source, &directory).await?;
        if let Some(commit) = git_call.non_empty("commit_id") {
            check_out(&git_call, &source, &directory, commit).await?;
        }
        done(StatusCode::OK)
    })
    .await
}

/// Where a clone comes from.
struct Source {
    url: String,
    credentials: Option<Credentials>,
    skip_tls: bool,
}

impl Source {
    fn git(&self, git: Git) -> Git {
        let git = git.credentials(self.credentials.as_ref());
        if self.skip_tls { git.setting("http.sslVerify=false") } else { git }
    }
}

/// The daemon fetches a single branch.
async fn fetch_all(git_call: &GitCall, source: &Source, directory: &Path) -> Result<(), ErrorResponse> {
    let mut git = Git::new(["clone", "--quiet", "--single-branch"]);
    if let Some(branch) = git_call.non_empty("branch") {
        git = git.arg(format!("--branch={branch}"));
    }
    match git_call.number("depth").filter(|_| !git_call.call.is_0_190()) {
        Some(depth) if depth < 0 => return Err(git_call.bad_request("depth must not be negative")),
        Some(depth) if depth > 0 => git = git.arg(format!("--depth={depth}")),
        _ => {}
    }
    let git = git.args(["--", &source.url, &directory.to_string_lossy()]);
    let cloned = source.git(git).run(git_call.machine()).await;
    cloned.map(drop).map_err(|failure| match failure {
        Failure::Exit(exit) if git_call.call.is_0_190() => go_git_error(git_call, &source.url, &exit),
        failure => git_call.failed(failure),
    })
}

async fn check_out(
    git_call: &GitCall,
    source: &Source,
    directory: &Path,
    commit: &str,
) -> Result<(), ErrorResponse> {
    git_call.no_option("commit_id")?;
    let object = format!("{commit}^{{commit}}");
    let known = Git::within(directory, ["cat-file", "-e", &object]).succeeds(git_call.machine());
    if !known.await.map_err(|failure| git_call.failed(failure))? {
        if git_call.call.is_0_190() {
            return Err(git_call.refused(Reason::NoRevision, "object not found"));
        }
        // A shallow clone, or one of another branch, does not have it yet.
        let fetch = Git::within(directory, ["fetch", "--quiet", "--depth=1", "origin", commit]);
        source.git(fetch).run(git_call.machine()).await.map_err(|failure| match failure {
            Failure::Exit(exit) if exit.reason() == Reason::Other => {
                git_call.refused(Reason::NoRevision, &exit.message())
            }
            failure => git_call.failed(failure),
        })?;
    }
    let checkout = Git::within(directory, ["checkout", "--quiet", "--detach", commit]);
    checkout.run(git_call.machine()).await.map(drop).map_err(|failure| git_call.failed(failure))
}

/// go-git's messages for what git words otherwise.
fn go_git_error(git_call: &GitCall, url: &str, exit: &Exit) -> ErrorResponse {
    match exit.reason() {
        Reason::NoRevision => {
            let text = format!("couldn't find remote ref \"refs/heads/{}\"", git_call.text("branch"));
            git_call.refused(Reason::Other, &text)
        }
        Reason::Transport => {
            let host = url.split_once("://").map_or(url, |(_, rest)| rest).split('/').next().unwrap_or(url);
            let said = exit.output.to_lowercase();
            let says = |pattern: &str| said.contains(pattern);
            let cause = if says("certificate") {
                "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned()
            } else if says("could not resolve host") {
                format!("dial tcp: lookup {host}: no such host")
            } else if says("failed to connect") || says("couldn't connect") || says("connection refused") {
                format!("dial tcp {host}: connect: connection refused")
            } else {
                return git_call.refused(Reason::Transport, &exit.message());
            };
            let text = format!("Get \"{url}/info/refs?service=git-upload-pack\": {cause}");
            git_call.refused(Reason::Transport, &text)
        }
        reason => git_call.refused(reason, &exit.message()),
    }
}

/// The URL as git may store it, and the username and password that stood in it.
pub fn without_credentials(url: &str) -> (String, Option<Credentials>) {
    let parted = || {
        let (scheme, rest) = url.split_once("://")?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user, host) = authority.rsplit_once('@')?;
        let (username, password) = user.split_once(':')?;
        let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = Credentials { username: decoded(username), password: decoded(password) };
        let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        let rest = &rest[authority.len()..];
        (is_http && credentials.are_legal()).then(|| (format!("{scheme}://{host}{rest}"), Some(credentials)))
    };
    parted().unwrap_or_else(|| (url.to_owned(), None))
}

pub async fn init(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &INIT, &["path"]).await?;
    to_the_end(async move {
        let mut git = Git::new(["init", "--quiet"]);
        if git_call.flag("bare") {
            git = git.arg("--bare");
        }
        if let Some(branch) = git_call.non_empty("initial_branch") {
            git = git.arg(format!("--initial-branch={branch}"));
        }
        let git = git.args(["--", &git_call.directory().to_string_lossy()]);
        git.run(git_call.machine()).await.map_err(|failure| git_call.failed(failure))?;
        done(StatusCode::CREATED)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn a_credential_is_taken_out_of_a_url() {
        let (url, credentials) = without_credentials("https://us%40er:p:w@host:8443/a@b.git?x");
        let credentials = credentials.unwrap();
        assert_eq!(url, "https://host:8443/a@b.git?x");
        assert_eq!((credentials.username.as_str(), credentials.password.as_str()), ("us@er", "p:w"));
        for url in ["https://host/a@b:c", "https://user@host/x", "git@host:a/b.git", "/a:b@c"] {
            let (kept, credentials) = without_credentials(url);
            assert!(kept == url && credentials.is_none(), "{url}");
        }
    }
}
