//! Clone, pull, push and remotes.

use super::posting;
use super::version::{requires_newer, send_newer};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::{Daemon, Sandbox};
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct Clone {
        /// The repository's URL.
        pub url: String,
        /// The directory to make; a relative path is below the working directory.
        pub path: String,
        /// The branch to check out; absent: the remote's default.
        pub branch: Option<String>,
        /// The commit to check out in place of a branch.
        pub commit_id: Option<String>,
        /// How many commits of the history to fetch; 0: all. Needs 0.205.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "commits")))]
        pub depth: Option<i32> = 0,
        /// The username for http; together with `password`.
        pub username: Option<String>,
        /// The password or token.
        pub password: Option<String>,
        /// Accept any certificate of the remote. The credential is then exposed to whoever
        /// stands in between.
        pub insecure_skip_tls: Option<bool> = false,
    }
}

crate::params! {
    pub struct Pull {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// The remote. Needs 0.205.
        pub remote: Option<String> = "origin",
        /// The remote's branch; absent: the current branch's upstream. Needs 0.205.
        pub branch: Option<String>,
        /// The username for http; together with `password`.
        pub username: Option<String>,
        /// The password or token.
        pub password: Option<String>,
    }
}

crate::params! {
    pub struct Push {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// The remote. Needs 0.205.
        pub remote: Option<String> = "origin",
        /// The branch; absent: the current one. Needs 0.205.
        pub branch: Option<String>,
        /// The username for http; together with `password`.
        pub username: Option<String>,
        /// The password or token.
        pub password: Option<String>,
        /// Make the pushed branch the upstream. Needs 0.205.
        pub set_upstream: Option<bool> = false,
    }
}

crate::params! {
    pub struct RemotesOf {
        /// The repository; a relative path is below the working directory.
        pub path: String,
    }
}

crate::params! {
    pub struct AddRemote {
        /// The repository; a relative path is below the working directory.
        pub path: String,
        /// The remote's name.
        pub name: String,
        /// The remote's URL.
        pub url: String,
        /// Fetch from it at once.
        pub fetch: Option<bool> = false,
        /// Replace a remote of that name.
        pub overwrite: Option<bool> = false,
    }
}

/// The remotes of a repository.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitRemotes"))]
pub struct Remotes {
    /// All of them.
    pub remotes: Vec<Remote>,
}

/// A remote.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "GitRemote"))]
pub struct Remote {
    /// Its name.
    pub name: String,
    /// Its URL.
    pub url: String,
}

/// The server takes no notice of one without the other.
fn both(operation: &str, username: Option<&String>, password: Option<&String>) -> Result<()> {
    match username.is_some() == password.is_some() {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "{operation}: give `username` and `password` together; with a token, the username that its host \
             documents"
        ))),
    }
}

pub async fn clone(sandbox: Sandbox, params: Clone, _: Context) -> Result<()> {
    both("git.clone", params.username.as_ref(), params.password.as_ref())?;
    if params.depth() < 0 {
        return Err(Error::invalid("git.clone: `depth` must not be negative; 0 is the whole history"));
    }
    if params.depth() > 0 {
        requires_newer(&sandbox, "git.clone with `depth`").await?;
    }
    let fields = [
        ("url", Some(params.url.into())),
        ("path", Some(params.path.into())),
        ("branch", params.branch.map(Into::into)),
        ("commit_id", params.commit_id.map(Into::into)),
        ("depth", params.depth.filter(|depth| *depth > 0).map(Into::into)),
        ("username", params.username.map(Into::into)),
        ("password", params.password.map(Into::into)),
        ("insecure_skip_tls", params.insecure_skip_tls.map(Into::into)),
    ];
    posting(&sandbox, "git/clone", fields).await?.send().await.map(drop)
}

pub async fn pull(sandbox: Sandbox, params: Pull, _: Context) -> Result<()> {
    both("git.pull", params.username.as_ref(), params.password.as_ref())?;
    // Where an older daemon does the same anyway, it may: it always pulls from origin.
    if params.branch.is_some() || params.remote() != "origin" {
        requires_newer(&sandbox, "git.pull with `remote` or `branch`").await?;
    }
    let is_older = sandbox.daemon() == Daemon::Older;
    let fields = [
        ("path", Some(params.path.into())),
        ("remote", params.remote.filter(|_| !is_older).map(Into::into)),
        ("branch", params.branch.map(Into::into)),
        ("username", params.username.map(Into::into)),
        ("password", params.password.map(Into::into)),
    ];
    posting(&sandbox, "git/pull", fields).await?.send().await.map(drop)
}

pub async fn push(sandbox: Sandbox, params: Push, _: Context) -> Result<()> {
    both("git.push", params.username.as_ref(), params.password.as_ref())?;
    let is_named = params.branch.is_some() || params.remote() != "origin";
    if is_named || params.set_upstream() {
        requires_newer(&sandbox, "git.push with `remote`, `branch` or `setUpstream`").await?;
    }
    let is_older = sandbox.daemon() == Daemon::Older;
    let fields = [
        ("path", Some(params.path.into())),
        ("remote", params.remote.filter(|_| !is_older).map(Into::into)),
        ("branch", params.branch.map(Into::into)),
        ("username", params.username.map(Into::into)),
        ("password", params.password.map(Into::into)),
        ("set_upstream", params.set_upstream.filter(|set| *set).map(Into::into)),
    ];
    posting(&sandbox, "git/push", fields).await?.send().await.map(drop)
}

pub async fn remotes(sandbox: Sandbox, params: RemotesOf, _: Context) -> Result<Json> {
    let request = sandbox.toolbox(Method::GET, "git/remotes").await?.query("path", &params.path);
    send_newer(&sandbox, "git.remotes", request).await?.object("a list of remotes").await
}

pub async fn add_remote(sandbox: Sandbox, params: AddRemote, _: Context) -> Result<()> {
    let fields = [
        ("path", Some(params.path.into())),
        ("name", Some(params.name.into())),
        ("url", Some(params.url.into())),
        ("fetch", params.fetch.map(Into::into)),
        ("overwrite", params.overwrite.map(Into::into)),
    ];
    let request = posting(&sandbox, "git/remotes", fields).await?;
    send_newer(&sandbox, "git.add_remote", request).await.map(drop)
}
