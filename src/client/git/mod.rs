//! Git repositories of the sandbox.
//!
//! * `work`: what stays in the sandbox. `remote`: clone, pull, push and remotes. `config`: settings and
//!   credentials. `version`: what daemons before 0.205 cannot do.

mod config;
mod remote;
mod version;
mod work;

pub use config::{
    Authenticate, ConfigGet, ConfigSet, ConfigUser, ConfigValue, authenticate, config_get, config_set,
    config_user,
};
pub use remote::{
    AddRemote, Clone, Pull, Push, Remote, Remotes, RemotesOf, add_remote, clone, pull, push, remotes,
};
pub use work::{
    Add, Branches, BranchesOf, Checkout, Commit, CommitInfo, Committed, CreateBranch, DeleteBranch,
    FileStatus, History, Init, Reset, Restore, Status, StatusOf, add, branches, checkout, commit,
    create_branch, delete_branch, history, init, reset, restore, status,
};

use super::error::Result;
use super::sandbox::Sandbox;
use super::transport::{Request, Response};
use http::Method;
use serde_json::Value;

/// A request about git with a JSON body of the options that are given.
async fn posting(
    sandbox: &Sandbox,
    path: &str,
    fields: impl IntoIterator<Item = (&'static str, Option<Value>)>,
) -> Result<Request> {
    with_body(sandbox, Method::POST, path, fields).await
}

async fn with_body(
    sandbox: &Sandbox,
    method: Method,
    path: &str,
    fields: impl IntoIterator<Item = (&'static str, Option<Value>)>,
) -> Result<Request> {
    Ok(sandbox.toolbox(method, path).await?.json_given(fields))
}

/// Asks about a repository.
async fn reading(sandbox: &Sandbox, path: &str, repository: &str) -> Result<Response> {
    let request = sandbox.toolbox(Method::GET, path).await?.query("path", repository);
    request.send().await
}
