//! Branches, changes and history: what stays in the sandbox.

use super::version::send_newer;
use super::{posting, reading, with_body};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::remote_guard::deleted_in;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct BranchesOf {
        /// The repository; a relative path is below the working directory.
        pub path: String,
    }
}

crate::params! {
    pub struct StatusOf {
        /// The repository; a relative path is below the working directory.
        pub path: String,
    }
}

crate::params! {
    pub struct History {
        /// The repository; a relative path is below the working directory.
        pub path: String,
    }
}

crate::params! {
    pub struct CreateBranch {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// The new branch's name.
        pub name: String,
    }
}

crate::params! {
    pub struct Checkout {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// A branch, or a commit's hash.
        pub branch: String,
    }
}

crate::params! {
    pub struct DeleteBranch {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// The branch's name.
        pub name: String,
        /// The server always deletes, merged or not: false is UNSUPPORTED.
        pub force: Option<bool> = true,
    }
}

crate::params! {
    pub struct Add {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// Paths below the repository, `.` for everything.
        pub files: Vec<String>,
    }
}

crate::params! {
    pub struct Commit {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// The commit's message.
        pub message: String,
        /// The author's and committer's name.
        pub author: String,
        /// The author's and committer's address.
        pub email: String,
        /// Commit although nothing is staged.
        pub allow_empty: Option<bool> = false,
    }
}

crate::params! {
    pub struct Init {
        /// The repository, made with its parents; a relative path is below the working directory.
        pub path: String,
        /// Without a working tree.
        pub bare: Option<bool> = false,
        /// The first branch's name; absent: git's default.
        pub initial_branch: Option<String>,
    }
}

crate::params! {
    pub struct Reset {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// `soft`, `mixed`, `hard`, `merge` or `keep`.
        pub mode: Option<String> = "mixed",
        /// The revision to reset to.
        pub target: Option<String> = "HEAD",
        /// Reset these paths only, in the index.
        pub files: Option<Vec<String>>,
    }
}

crate::params! {
    pub struct Restore {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// Paths below the repository.
        pub files: Vec<String>,
        /// Restore the index.
        pub staged: Option<bool> = false,
        /// Restore the working tree; absent: unless `staged` is given.
        pub worktree: Option<bool>,
        /// The revision to restore from; absent: the index, with `staged` HEAD.
        pub source: Option<String>,
    }
}

/// The local branches of a repository.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(extend("absentOrNull" = true)))]
pub struct Branches {
    /// Their names; null before 0.205 in a repository without commits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branches: Option<Vec<String>>,
    /// The branch that is checked out, empty for a commit; absent before 0.205.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
}

/// The working tree and branch of a repository.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitStatus"))]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The branch that is checked out; `HEAD` for a commit.
    pub current_branch: String,
    /// Files that differ from the last commit, in no particular order.
    pub file_status: Vec<FileStatus>,
    /// Whether the branch has an upstream. A server of 0.190 was only seen to answer false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch_published: Option<bool>,
    /// Commits that the upstream does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ahead: Option<i64>,
    /// Commits of the upstream that the branch does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<i64>,
    /// Whether a commit is checked out in place of a branch; absent before 0.205.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detached: Option<bool>,
    /// The upstream, as `origin/main`, empty without one; absent before 0.205.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upstream: Option<String>,
}

/// How one file differs. The states are Unmodified, Untracked, Modified, Added, Deleted, Renamed, Copied and
/// Updated but unmerged.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitFileStatus"))]
pub struct FileStatus {
    /// The path below the repository.
    pub name: String,
    /// The former path of a renamed file, else empty.
    pub extra: String,
    /// The state in the index.
    pub staging: String,
    /// The state in the working tree.
    pub worktree: String,
}

/// A new commit.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitCommitted"))]
pub struct Committed {
    /// The commit's hash.
    pub hash: String,
}

/// A commit of the history.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitCommitInfo"))]
pub struct CommitInfo {
    /// The commit's hash.
    pub hash: String,
    /// The author's name.
    pub author: String,
    /// The author's address.
    pub email: String,
    /// The whole message.
    pub message: String,
    /// When it was written, RFC 3339.
    pub timestamp: String,
}

pub async fn branches(sandbox: Sandbox, params: BranchesOf, _: Context) -> Result<Json> {
    reading(&sandbox, "git/branches", &params.path).await?.object("a list of branches").await
}

pub async fn status(sandbox: Sandbox, params: StatusOf, _: Context) -> Result<Json> {
    reading(&sandbox, "git/status", &params.path).await?.object("a repository's status").await
}

pub async fn history(sandbox: Sandbox, params: History, _: Context) -> Result<Json> {
    reading(&sandbox, "git/history", &params.path).await?.list("a list of commits").await
}

pub async fn create_branch(sandbox: Sandbox, params: CreateBranch, _: Context) -> Result<()> {
    let fields = [("path", Some(params.path.into())), ("name", Some(params.name.into()))];
    posting(&sandbox, "git/branches", fields).await?.send().await.map(drop)
}

pub async fn checkout(sandbox: Sandbox, params: Checkout, _: Context) -> Result<()> {
    let fields = [("path", Some(params.path.into())), ("branch", Some(params.branch.into()))];
    posting(&sandbox, "git/checkout", fields).await?.send().await.map(drop)
}

pub async fn delete_branch(sandbox: Sandbox, params: DeleteBranch, _: Context) -> Result<()> {
    if !params.force() {
        return Err(Error::new(
            status::UNSUPPORTED,
            "git.delete_branch: no server can delete a branch only if it is merged; leave `force` out, or run \
             `git branch -d` with process.execute",
        ));
    }
    let fields = [("path", Some(params.path.into())), ("name", Some(params.name.into()))];
    let sent = with_body(&sandbox, Method::DELETE, "git/branches", fields).await?.send().await;
    deleted_in(&sandbox, sent).await
}

pub async fn add(sandbox: Sandbox, params: Add, _: Context) -> Result<()> {
    let fields = [("path", Some(params.path.into())), ("files", Some(params.files.into()))];
    posting(&sandbox, "git/add", fields).await?.send().await.map(drop)
}

pub async fn commit(sandbox: Sandbox, params: Commit, _: Context) -> Result<Json> {
    let fields = [
        ("path", Some(params.path.into())),
        ("message", Some(params.message.into())),
        ("author", Some(params.author.into())),
        ("email", Some(params.email.into())),
        ("allow_empty", params.allow_empty.map(Into::into)),
    ];
    posting(&sandbox, "git/commit", fields).await?.send().await?.object("a commit").await
}

pub async fn init(sandbox: Sandbox, params: Init, _: Context) -> Result<()> {
    let fields = [
        ("path", Some(params.path.into())),
        ("bare", params.bare.map(Into::into)),
        ("initial_branch", params.initial_branch.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/init", fields).await?;
    send_newer(&sandbox, "git.init", request).await.map(drop)
}

pub async fn reset(sandbox: Sandbox, params: Reset, _: Context) -> Result<()> {
    let fields = [
        ("path", Some(params.path.into())),
        ("mode", params.mode.map(Into::into)),
        ("target", params.target.map(Into::into)),
        ("files", params.files.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/reset", fields).await?;
    send_newer(&sandbox, "git.reset", request).await.map(drop)
}

pub async fn restore(sandbox: Sandbox, params: Restore, _: Context) -> Result<()> {
    let fields = [
        ("path", Some(params.path.into())),
        ("files", Some(params.files.into())),
        ("staged", params.staged.map(Into::into)),
        ("worktree", params.worktree.map(Into::into)),
        ("source", params.source.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/restore", fields).await?;
    send_newer(&sandbox, "git.restore", request).await.map(drop)
}
