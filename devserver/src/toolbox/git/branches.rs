//! Branches, and what is checked out.

use super::failure;
use super::failure::Reason;
use super::program::{Failure, Git};
use super::request::{GitCall, done, query_call, shape, to_the_end};
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, ErrorResponse};
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

const BRANCH: &[(&str, FieldType)] = &[("path", FieldType::Text), ("name", FieldType::Text)];
const CREATE: Shape = shape("GitBranchRequest", BRANCH);
const DELETE: Shape = shape("GitDeleteBranchRequest", BRANCH);
const CHECKOUT: Shape =
    shape("GitCheckoutRequest", &[("path", FieldType::Text), ("branch", FieldType::Text)]);

pub async fn list(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let (call, repository) = query_call(machine, request).await?;
    let failed = |failure| failure::refusal(&call, failure);
    let list = Git::within(&repository, ["for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads"]);
    let list = list.line(&call.machine).await.map_err(failed)?;
    let branches: Vec<_> = list.lines().collect();
    if call.is_0_190() {
        // Go's nil slice.
        let branches = if branches.is_empty() { json!(null) } else { json!(branches) };
        return Ok(go_json::answer(&json!({ "branches": branches })));
    }
    let current = current(&call.machine, &repository).await.map_err(failed)?.unwrap_or_default();
    Ok(go_json::answer(&json!({ "branches": branches, "current": current })))
}

/// Creates a branch at HEAD and checks it out.
pub async fn create(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &CREATE, &["path", "name"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        let name = git_call.text("name");
        let failed = |failure| git_call.failed(failure);
        let legal = Git::new(["check-ref-format", "--branch", name]).succeeds(git_call.machine());
        if !legal.await.map_err(failed)? {
            return Err(match git_call.call.is_0_190() {
                true => git_call.refused(Reason::Other, "invalid reference name"),
                false => git_call.bad_request(&format!("'{name}' is not a valid branch name")),
            });
        }
        if exists(git_call.machine(), &repository, name).await.map_err(failed)? {
            return Err(match git_call.call.is_0_190() {
                true => git_call
                    .refused(Reason::Other, &format!("a branch named \"refs/heads/{name}\" already exists")),
                false => {
                    git_call.refused(Reason::BranchExists, &format!("a branch named '{name}' already exists"))
                }
            });
        }
        let create = Git::within(&repository, ["checkout", "--quiet", "-b", name]);
        create.run(git_call.machine()).await.map_err(failed)?;
        done(StatusCode::CREATED)
    })
    .await
}

/// Deletes a branch, merged or not. 0.190 removes the reference, whatever it is.
pub async fn delete(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &DELETE, &["path", "name"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        let name = git_call.text("name");
        let failed = |failure| git_call.failed(failure);
        if git_call.call.is_0_190() {
            let remove = Git::within(&repository, ["update-ref", "-d", &format!("refs/heads/{name}")]);
            remove.run(git_call.machine()).await.map_err(failed)?;
            return done(StatusCode::NO_CONTENT);
        }
        if !exists(git_call.machine(), &repository, name).await.map_err(failed)? {
            return Err(git_call.refused(Reason::NoRevision, &format!("branch '{name}' does not exist")));
        }
        if current(git_call.machine(), &repository).await.map_err(failed)?.as_deref() == Some(name) {
            let message = format!("branch '{name}' is checked out: check out another branch first");
            return Err(git_call.bad_request(&message));
        }
        let remove = Git::within(&repository, ["branch", "--quiet", "-D", "--", name]);
        remove.run(git_call.machine()).await.map_err(failed)?;
        done(StatusCode::NO_CONTENT)
    })
    .await
}

/// Checks out a branch, or else a commit.
pub async fn checkout(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &CHECKOUT, &["path", "branch"]).await?;
    to_the_end(async move {
        let repository = git_call.repository()?;
        match git_call.call.is_0_190() {
            true => as_go_git(&git_call, &repository).await?,
            false => check_out(&git_call, &repository).await?,
        }
        done(StatusCode::OK)
    })
    .await
}

async fn check_out(git_call: &GitCall, repository: &Path) -> Result<(), ErrorResponse> {
    git_call.no_option("branch")?;
    let name = git_call.text("branch");
    let failed = |failure| git_call.failed(failure);
    let mut git = Git::within(repository, ["checkout", "--quiet"]);
    if !exists(git_call.machine(), repository, name).await.map_err(failed)? {
        let commit = format!("{name}^{{commit}}");
        let known = Git::within(repository, ["rev-parse", "--quiet", "--verify", &commit]);
        let is_commit = known.succeeds(git_call.machine()).await.map_err(failed)?;
        let remote = format!("refs/remotes/origin/{name}");
        let tracked = Git::within(repository, ["show-ref", "--quiet", "--verify", &remote]);
        // A branch of the remote becomes a local one that follows it.
        if tracked.succeeds(git_call.machine()).await.map_err(failed)? {
            git = git.arg("--track").args(["-b", name]);
            return git.arg(remote).run(git_call.machine()).await.map(drop).map_err(failed);
        }
        if !is_commit {
            let message = format!("'{name}' is neither a branch nor a commit");
            return Err(git_call.refused(Reason::NoRevision, &message));
        }
        git = git.arg("--detach");
    }
    git.args([name, "--"]).run(git_call.machine()).await.map(drop).map_err(failed)
}

/// go-git reads a name that is no branch as a hash, what is no hash as the zero hash, and that as the branch
/// master. It checks out nothing while tracked files are changed.
async fn as_go_git(git_call: &GitCall, repository: &Path) -> Result<(), ErrorResponse> {
    let name = git_call.text("branch");
    let failed = |failure| git_call.failed(failure);
    let refused = |reason, why: &str| {
        git_call.refused(reason, &format!("failed to checkout branch or commit '{name}': {why}"))
    };
    let is_hash = name.len().is_multiple_of(2) && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut git = Git::within(repository, ["checkout", "--quiet"]);
    if exists(git_call.machine(), repository, name).await.map_err(failed)? {
        git = git.arg(name);
    } else if is_hash {
        let known = Git::within(repository, ["cat-file", "-e", &format!("{name}^{{commit}}")]);
        if name.len() != 40 || !known.succeeds(git_call.machine()).await.map_err(failed)? {
            return Err(refused(Reason::NoRevision, "object not found"));
        }
        git = git.args(["--detach", name]);
    } else {
        if !exists(git_call.machine(), repository, "master").await.map_err(failed)? {
            return Err(refused(Reason::NoRevision, "reference not found"));
        }
        git = git.arg("master");
    }
    let unchanged = Git::within(repository, ["diff-files", "--quiet"]).succeeds(git_call.machine());
    if !unchanged.await.map_err(failed)? {
        return Err(refused(Reason::DirtyWorktree, "worktree contains unstaged changes"));
    }
    git.arg("--").run(git_call.machine()).await.map(drop).map_err(failed)
}

pub async fn exists(machine: &Machine, repository: &Path, branch: &str) -> Result<bool, Failure> {
    let name = format!("refs/heads/{branch}");
    Git::within(repository, ["show-ref", "--quiet", "--verify", &name]).succeeds(machine).await
}

/// The branch that is checked out, with or without commits; none of a detached HEAD.
pub async fn current(machine: &Machine, repository: &Path) -> Result<Option<String>, Failure> {
    match Git::within(repository, ["symbolic-ref", "--quiet", "--short", "HEAD"]).line(machine).await {
        Ok(branch) => Ok(Some(branch)),
        Err(Failure::Exit(exit)) if exit.code == 1 => Ok(None),
        Err(failure) => Err(failure),
    }
}
