//! Remotes, and what travels to and from them.

use super::branches::current;
use super::clone::without_credentials;
use super::config;
use super::failure::{self, Reason};
use super::program::{Failure, Git};
use super::request::{GitCall, done, query_call, shape, to_the_end};
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, CONFLICT, ErrorResponse};
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// In 0.190 one struct of three fields serves both.
const REPOSITORY: Shape = shape(
    "GitRepoRequest",
    &[("path", FieldType::Text), ("username", FieldType::Text), ("password", FieldType::Text)],
);

const PULL: Shape = shape(
    "GitPullRequest",
    &[
        ("path", FieldType::Text),
        ("username", FieldType::Text),
        ("password", FieldType::Text),
        ("remote", FieldType::Text),
        ("branch", FieldType::Text),
    ],
);

const PUSH: Shape = shape(
    "GitPushRequest",
    &[
        ("path", FieldType::Text),
        ("username", FieldType::Text),
        ("password", FieldType::Text),
        ("remote", FieldType::Text),
        ("branch", FieldType::Text),
        ("set_upstream", FieldType::Flag),
    ],
);

const ADD: Shape = shape(
    "GitAddRemoteRequest",
    &[
        ("path", FieldType::Text),
        ("name", FieldType::Text),
        ("url", FieldType::Text),
        ("fetch", FieldType::Flag),
        ("overwrite", FieldType::Flag),
    ],
);

/// Fast-forwards only: histories that went apart are a conflict, and nothing is changed.
pub async fn pull(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let shape = if machine.protocol == crate::Protocol::V0_190 { &REPOSITORY } else { &PULL };
    let git_call = GitCall::read(machine, request, shape, &["path"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        git_call.no_option("remote")?;
        git_call.no_option("branch")?;
        let remote = git_call.non_empty("remote").unwrap_or("origin");
        let branch = match git_call.non_empty("branch") {
            Some(branch) => branch.to_owned(),
            None => branch_to_pull(&git_call, &repository, remote).await?,
        };
        let pull = Git::within(&repository, ["pull", "--quiet", "--ff-only", "--", remote, &branch])
            .credentials(git_call.credentials()?.as_ref());
        pull.run(git_call.machine()).await.map_err(|failure| match failure {
            Failure::Exit(exit) if git_call.call.is_0_190() && exit.reason() == Reason::DirtyWorktree => {
                git_call.refused(Reason::DirtyWorktree, "worktree contains unstaged changes")
            }
            Failure::Exit(exit) if git_call.call.is_0_190() && exit.reason() == Reason::NoRevision => {
                git_call.refused(Reason::NoRevision, "reference not found")
            }
            failure => git_call.failed(failure),
        })?;
        done(StatusCode::OK)
    })
    .await
}

/// The upstream of the current branch, if it is at this remote, else the branch of the same name.
async fn branch_to_pull(
    git_call: &GitCall,
    repository: &Path,
    remote: &str,
) -> Result<String, ErrorResponse> {
    let failed = |failure| git_call.failed(failure);
    let Some(current) = current(git_call.machine(), repository).await.map_err(failed)? else {
        let message = "HEAD is detached: name the branch to pull";
        return Err(git_call.refused(Reason::NoRevision, message));
    };
    let value = async |key: &str| {
        let value = config::read(git_call.machine(), Some(repository), &[], key).await;
        value.map_err(failed)
    };
    let upstream = value(&format!("branch.{current}.merge")).await?;
    let at = value(&format!("branch.{current}.remote")).await?;
    let upstream = upstream.filter(|_| at.as_deref() == Some(remote));
    Ok(upstream.map_or(current, |name| name.trim_start_matches("refs/heads/").to_owned()))
}

pub async fn push(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let shape = if machine.protocol == crate::Protocol::V0_190 { &REPOSITORY } else { &PUSH };
    let git_call = GitCall::read(machine, request, shape, &["path"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        git_call.no_option("remote")?;
        git_call.no_option("branch")?;
        let remote = git_call.non_empty("remote").unwrap_or("origin");
        let branch = match git_call.non_empty("branch") {
            Some(branch) => branch.to_owned(),
            None => current(git_call.machine(), &repository)
                .await
                .map_err(|failure| git_call.failed(failure))?
                .ok_or_else(|| {
                    git_call.refused(Reason::NoRevision, "HEAD is detached: name the branch to push")
                })?,
        };
        let mut push = Git::within(&repository, ["push", "--porcelain"]);
        if git_call.flag("set_upstream") {
            track(&git_call, &repository, remote, &branch).await?;
            push = push.arg("--set-upstream");
        }
        let refs = format!("refs/heads/{branch}:refs/heads/{branch}");
        let push = push.args(["--", remote, &refs]).credentials(git_call.credentials()?.as_ref());
        push.run(git_call.machine()).await.map_err(|failure| match failure {
            Failure::Exit(exit) if git_call.call.is_0_190() => match exit.reason() {
                Reason::PushRejected => {
                    let message = format!("non-fast-forward update: refs/heads/{branch}");
                    git_call.refused(Reason::PushRejected, &message)
                }
                Reason::NoRevision => git_call.refused(Reason::NoRevision, "reference not found"),
                reason => git_call.refused(reason, &exit.message()),
            },
            failure => git_call.failed(failure),
        })?;
        done(StatusCode::OK)
    })
    .await
}

/// Lets the remote's fetches include a branch. A clone follows a single branch, and the upstream of another
/// one would be unknown.
async fn track(
    git_call: &GitCall,
    repository: &Path,
    remote: &str,
    branch: &str,
) -> Result<(), ErrorResponse> {
    let failed = |failure| git_call.failed(failure);
    let key = format!("remote.{remote}.fetch");
    let fetched = Git::within(repository, ["config", "--get-all", "--", &key]).line(git_call.machine()).await;
    let fetched = match fetched {
        Ok(fetched) => fetched,
        // No remote of that name, or one that fetches nothing.
        Err(Failure::Exit(_)) => return Ok(()),
        Err(failure) => return Err(failed(failure)),
    };
    let sources = ["refs/heads/*:".to_owned(), format!("refs/heads/{branch}:")];
    if sources.iter().any(|source| fetched.contains(source)) {
        return Ok(());
    }
    let add = Git::within(repository, ["remote", "set-branches", "--add", "--", remote, branch]);
    add.run(git_call.machine()).await.map(drop).map_err(failed)
}

pub async fn list(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, repository) = query_call(machine, request).await?;
    let failed = |failure| failure::refusal(&call, failure);
    let names = Git::within(&repository, ["remote"]).line(&call.machine).await.map_err(failed)?;
    let mut remotes = Vec::new();
    for name in names.lines() {
        let key = format!("remote.{name}.url");
        let url = config::read(&call.machine, Some(&repository), &["--local"], &key).await.map_err(failed)?;
        remotes.push(json!({ "name": name, "url": url.unwrap_or_default() }));
    }
    Ok(go_json::answer(&json!({ "remotes": remotes })))
}

/// Adds a remote. A credential in its URL goes where `/git/credentials` puts one, and the URL is stored
/// without it.
pub async fn add(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &ADD, &["path", "name", "url"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        git_call.no_option("name")?;
        let failed = |failure| git_call.failed(failure);
        let (url, credentials) = without_credentials(git_call.text("url"));
        let name = git_call.text("name");
        let known = Git::within(&repository, ["remote", "get-url", "--", name]).succeeds(git_call.machine());
        let add = match known.await.map_err(failed)? {
            true if !git_call.flag("overwrite") => {
                let message = format!("conflict: remote '{name}' already exists");
                return Err(git_call.call.refuse(CONFLICT, &message));
            }
            true => Git::within(&repository, ["remote", "set-url", "--", name, &url]),
            false => Git::within(&repository, ["remote", "add", "--", name, &url]),
        };
        add.run(git_call.machine()).await.map_err(failed)?;
        if let Some(credentials) = &credentials {
            config::remember(git_call.machine(), &url, credentials).await.map_err(failed)?;
        }
        if git_call.flag("fetch") {
            let fetch = Git::within(&repository, ["fetch", "--quiet", "--", name]);
            fetch.credentials(credentials.as_ref()).run(git_call.machine()).await.map_err(failed)?;
        }
        done(StatusCode::CREATED)
    })
    .await
}
