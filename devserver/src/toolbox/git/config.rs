//! Git's settings, and credentials for the git of the sandbox's shells.

use super::failure;
use super::program::{Credentials, Failure, Git};
use super::request::{GitCall, done, is_repository, query, shape, to_the_end};
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, BAD_REQUEST, ErrorResponse, FORBIDDEN, ToolboxCall};
use crate::toolbox::go_json::{self, FieldType, Shape};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The helper that keeps credentials in the memory of a process of the sandbox, for a year or until the
/// sandbox stops.
const CACHE: &str = "cache --timeout=31536000";

const SET: Shape = shape(
    "GitSetConfigRequest",
    &[
        ("key", FieldType::Text),
        ("value", FieldType::Text),
        ("scope", FieldType::Text),
        ("path", FieldType::Text),
    ],
);

const SET_USER: Shape = shape(
    "GitConfigureUserRequest",
    &[
        ("name", FieldType::Text),
        ("email", FieldType::Text),
        ("scope", FieldType::Text),
        ("path", FieldType::Text),
    ],
);

const AUTHENTICATE: Shape = shape(
    "GitAuthenticateRequest",
    &[
        ("username", FieldType::Text),
        ("password", FieldType::Text),
        ("host", FieldType::Text),
        ("protocol", FieldType::Text),
    ],
);

/// Whose settings: those of a repository, the user, or the machine.
struct Scope {
    repository: Option<PathBuf>,
    option: &'static str,
}

impl Scope {
    fn of(call: &ToolboxCall, scope: &str, path: &str) -> Result<Self, ErrorResponse> {
        let bad_request = |message: &str| call.refuse(BAD_REQUEST, &format!("bad request: {message}"));
        match scope {
            "" | "global" => Ok(Self { repository: None, option: "--global" }),
            "system" => Ok(Self { repository: None, option: "--system" }),
            "local" if path.is_empty() => Err(bad_request("path is required when scope is local")),
            "local" => {
                let repository = super::request::repository(call, path)?;
                Ok(Self { repository: Some(repository), option: "--local" })
            }
            other => Err(bad_request(&format!("scope must be global, local or system, not '{other}'"))),
        }
    }

    fn git(&self, arguments: &[&str]) -> Git {
        let git = match &self.repository {
            Some(repository) => Git::within(repository, ["config"]),
            None => Git::new(["config"]),
        };
        git.arg(self.option).args(arguments.iter().copied())
    }
}

/// Without isolation the machine's settings are everybody's, not the sandbox's.
fn check_write(call: &ToolboxCall, scope: &str) -> Result<(), ErrorResponse> {
    if scope == "system" && call.machine.shares_files() {
        let reason = "git config --system: permission denied: daytona-dev runs without isolation, and the system's \
                      settings are those of its machine";
        return Err(call.refuse(FORBIDDEN, reason));
    }
    Ok(())
}

pub async fn set(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    // An empty value is a value.
    let git_call = GitCall::read(machine, request, &SET, &["key"]).await?;
    git_call.no_option("key")?;
    check_write(&git_call.call, git_call.text("scope"))?;
    to_the_end(async move {
        let scope = Scope::of(&git_call.call, git_call.text("scope"), git_call.text("path"))?;
        let set = scope.git(&["--replace-all", "--", git_call.text("key"), git_call.text("value")]);
        set.run(git_call.machine()).await.map_err(|failure| git_call.failed(failure))?;
        done(StatusCode::OK)
    })
    .await
}

pub async fn get(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let [key, scope, path] = ["key", "scope", "path"].map(|name| query(&request, name).unwrap_or_default());
    let call = ToolboxCall::read(machine, request).await?;
    if key.is_empty() || key.starts_with('-') {
        return Err(call.refuse(BAD_REQUEST, "bad request: key is required"));
    }
    let failed = |failure| failure::refusal(&call, failure);
    let scope = Scope::of(&call, &scope, &path)?;
    let value =
        read(&call.machine, scope.repository.as_deref(), &[scope.option], &key).await.map_err(failed)?;
    Ok(go_json::answer(&json!({ "value": value })))
}

pub async fn set_user(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &SET_USER, &["name", "email"]).await?;
    check_write(&git_call.call, git_call.text("scope"))?;
    to_the_end(async move {
        let scope = Scope::of(&git_call.call, git_call.text("scope"), git_call.text("path"))?;
        for (key, value) in [("user.name", git_call.text("name")), ("user.email", git_call.text("email"))] {
            let set = scope.git(&["--replace-all", "--", key, value]);
            set.run(git_call.machine()).await.map_err(|failure| git_call.failed(failure))?;
        }
        done(StatusCode::OK)
    })
    .await
}

/// Remembers a credential for every git of the sandbox.
pub async fn authenticate(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let git_call = GitCall::read(machine, request, &AUTHENTICATE, &["username", "password"]).await?;
    to_the_end(async move {
        let Some(credentials) = git_call.credentials()? else { return done(StatusCode::OK) };
        let host = git_call.non_empty("host").unwrap_or("github.com");
        let protocol = git_call.non_empty("protocol").unwrap_or("https");
        if [host, protocol].iter().any(|text| text.contains(['\n', '\r', '\0', '/'])) {
            return Err(git_call.bad_request("host and protocol must be plain names"));
        }
        let url = format!("{protocol}://{host}");
        remember(git_call.machine(), &url, &credentials).await.map_err(|failure| git_call.failed(failure))?;
        done(StatusCode::OK)
    })
    .await
}

/// Gives a credential to git's cache, through a pipe, and makes the cache a helper of the user's.
pub async fn remember(machine: &Machine, url: &str, credentials: &Credentials) -> Result<(), Failure> {
    let helper = "credential.helper";
    let known = Git::new(["config", "--global", "--fixed-value", "--get", helper, CACHE]);
    if !known.succeeds(machine).await? {
        Git::new(["config", "--global", "--add", helper, CACHE]).run(machine).await?;
    }
    let described = format!("url={url}\n{}", credentials.described());
    Git::new(["credential", "approve"]).input(described).run(machine).await.map(drop)
}

/// A value, if it is set.
pub async fn read(
    machine: &Machine,
    repository: Option<&Path>,
    scope: &[&str],
    key: &str,
) -> Result<Option<String>, Failure> {
    let git = match repository.filter(|repository| is_repository(repository)) {
        Some(repository) => Git::within(repository, ["config"]),
        None => Git::new(["config"]),
    };
    match git.args(scope.iter().copied()).args(["-z", "--get", "--", key]).run(machine).await {
        Ok(value) => Ok(Some(String::from_utf8_lossy(&value).trim_end_matches('\0').to_owned())),
        // Not set, or no such file yet.
        Err(Failure::Exit(exit)) if exit.code == 1 && !exit.output.contains("error:") => Ok(None),
        Err(failure) => Err(failure),
    }
}
