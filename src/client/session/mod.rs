//! Sessions: shells in the sandbox that keep their state between commands.
//!
//! Two peculiarities of the daemon shape this module. It marks the output of a command line by line in a log file, which
//! [`demux`] splits and `follow` reads live. And it never answers for a command that ended its own shell, so every
//! wait for a command checks the session from time to time ([`shell`]).

pub(crate) mod demux;
pub(crate) mod follow;
mod input;
pub(crate) mod log;
mod shell;

pub use input::input;

use super::error::Result;
use super::path_segment::encode_path_segment;
use super::remote_guard::deleted_in;
use super::sandbox::Sandbox;
use super::stream::{Ended, Io};
use super::transport::{Json, Request, Response};
use crate::client::operation::Context;
use http::Method;
use serde::{Deserialize, Serialize};

crate::params! {
    pub struct Create {
        /// The session's id, of your choice: no slash, not `entrypoint`.
        pub id: String,
    }
}

crate::params! {
    pub struct Delete {
        /// The session's id.
        pub id: String,
    }
}

crate::params! {
    pub struct Get {
        /// The session's id.
        pub id: String,
    }
}

crate::params! {
    pub struct List {}
}

crate::params! {
    pub struct Execute {
        /// The session's id.
        pub id: String,
        /// The command, run by the session's shell itself: `cd` and `export` last, `exit` ends the session.
        pub command: String,
        /// Return at once with the command's id only. The server then has 60 s to answer, or
        /// the client's `idleTimeoutMs` if that is shorter, unless `timeoutMs` is given.
        pub run_async: Option<bool> = false,
        /// Keep what `session.input` sends out of the log.
        pub suppress_input_echo: Option<bool> = false,
    }
}

crate::params! {
    pub struct Command {
        /// The session's id.
        pub id: String,
        /// The command's id, `cmdId` of `session.execute`.
        pub command_id: String,
    }
}

crate::params! {
    pub struct Logs {
        /// The session's id.
        pub id: String,
        /// The command's id, `cmdId` of `session.execute`.
        pub command_id: String,
    }
}

crate::params! {
    stream pub struct Follow {
        /// The session's id.
        pub id: String,
        /// The command's id, `cmdId` of `session.execute`.
        pub command_id: String,
        /// Where to resume: the `position` of an event of an earlier stream; 0 is the beginning.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
        pub from: Option<u64> = 0,
    }
}

crate::params! {
    pub struct Input {
        /// The session's id.
        pub id: String,
        /// The command's id, `cmdId` of `session.execute` with `runAsync`.
        pub command_id: String,
        /// The text; the server adds a newline where it ends without one.
        pub data: String,
    }
}

crate::params! {
    pub struct Entrypoint {}
}

crate::params! {
    pub struct EntrypointLogs {}
}

crate::params! {
    stream pub struct EntrypointFollow {
        /// Where to resume: the `position` of an event of an earlier stream; 0 is the beginning.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
        pub from: Option<u64> = 0,
    }
}

/// A session and what ran in it.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Session {
    /// The session's id.
    pub session_id: String,
    /// In no particular order.
    pub commands: Vec<SessionCommand>,
}

/// A command of a session.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct SessionCommand {
    /// The command's id.
    pub id: String,
    /// Its text.
    pub command: String,
    /// The exit code; absent while the command runs, and where it ended its shell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

/// What a session's command did; with `runAsync` the id alone.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SessionExecuteResult", extend("absentOrNull" = true)))]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// The command's id, for `session.command`, `session.logs` and `session.follow`.
    pub cmd_id: String,
    /// Both channels as they were logged, 01 01 01 before each line of stdout, 02 02 02 of stderr; null or absent
    /// with `runAsync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Standard output; null or absent with `runAsync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<String>,
    /// Standard error; null or absent with `runAsync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<String>,
    /// The exit code; null or absent with `runAsync`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
}

/// A command's output so far. Bytes that are not UTF-8 are U+FFFD here; `session.follow` has them all.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CommandLogs {
    /// Both channels as they were logged: 01 01 01 before each line of stdout, 02 02 02 of stderr.
    pub output: String,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// How the output of a command ended.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FollowEnded {
    /// The exit code; one that is not 0 is no failure.
    pub exit_code: i64,
    /// Bytes delivered.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
    /// Raw bytes of the log consumed: what `from` resumes at.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub position: u64,
}

const SESSIONS: &str = "process/session";

/// The path below the toolbox of a session, or of something in it.
fn path(id: &str, rest: &str) -> Result<String> {
    Ok(format!("{SESSIONS}/{}{rest}", encode_path_segment("the session id", id)?))
}

fn command_path(id: &str, command: &str, rest: &str) -> Result<String> {
    path(id, &format!("/command/{}{rest}", encode_path_segment("the command id", command)?))
}

async fn get(sandbox: &Sandbox, path: &str) -> Result<Response> {
    sandbox.toolbox(Method::GET, path).await?.send().await
}

pub(crate) async fn create_request(sandbox: &Sandbox, id: &str) -> Result<Request> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        session_id: &'a str,
    }
    encode_path_segment("the session id", id)?;
    Ok(sandbox.toolbox(Method::POST, SESSIONS).await?.json(&Body { session_id: id }))
}

pub(crate) async fn delete_request(sandbox: &Sandbox, id: &str) -> Result<Request> {
    sandbox.toolbox(Method::DELETE, &path(id, "")?).await
}

pub(crate) async fn execute_request(
    sandbox: &Sandbox,
    id: &str,
    command: &str,
    run_async: bool,
    suppress_input_echo: bool,
) -> Result<Request> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        command: &'a str,
        run_async: bool,
        suppress_input_echo: bool,
    }
    let request = sandbox.toolbox(Method::POST, &path(id, "/exec")?).await?;
    Ok(request.json(&Body { command, run_async, suppress_input_echo }))
}

pub async fn create(sandbox: Sandbox, params: Create, _: Context) -> Result<()> {
    create_request(&sandbox, &params.id).await?.send().await?;
    Ok(())
}

pub async fn delete(sandbox: Sandbox, params: Delete, _: Context) -> Result<()> {
    deleted_in(&sandbox, delete_request(&sandbox, &params.id).await?.send().await).await
}

pub async fn get_session(sandbox: Sandbox, params: Get, _: Context) -> Result<Json> {
    get(&sandbox, &path(&params.id, "")?).await?.object("a session").await
}

pub async fn list(sandbox: Sandbox, _: List, _: Context) -> Result<Json> {
    get(&sandbox, SESSIONS).await?.list("a list of sessions").await
}

pub async fn execute(sandbox: Sandbox, params: Execute, _: Context) -> Result<Json> {
    let run_async = params.run_async();
    let echo = params.suppress_input_echo();
    let request = execute_request(&sandbox, &params.id, &params.command, run_async, echo).await?;
    if run_async {
        // Answered at once, however long the command runs.
        let limit = match params.timeout_ms {
            None => Some(sandbox.client().answer_limit()),
            Some(_) => None,
        };
        return request.deadline(limit).send().await?.object("a command that was started").await;
    }
    let answer = async { request.send().await?.object("a command's result").await };
    // A command that ended the shell is never answered.
    shell::watched(&sandbox, &params.id, answer).await
}

pub async fn command(sandbox: Sandbox, params: Command, _: Context) -> Result<Json> {
    get(&sandbox, &command_path(&params.id, &params.command_id, "")?).await?.object("a command").await
}

pub async fn logs(sandbox: Sandbox, params: Logs, _: Context) -> Result<Json> {
    get(&sandbox, &command_path(&params.id, &params.command_id, "/logs")?)
        .await?
        .object("a command's output")
        .await
}

pub async fn follow(sandbox: Sandbox, params: Follow, io: Io) -> Result<Ended> {
    let log = log::Log::of_command(sandbox, &params.id, &params.command_id)?;
    follow::stream(log, params.from(), io).await
}

pub async fn entrypoint(sandbox: Sandbox, _: Entrypoint, _: Context) -> Result<Json> {
    get(&sandbox, "process/session/entrypoint").await?.object("a session").await
}

pub async fn entrypoint_logs(sandbox: Sandbox, _: EntrypointLogs, _: Context) -> Result<Json> {
    get(&sandbox, "process/session/entrypoint/logs").await?.object("the entrypoint's output").await
}

pub async fn entrypoint_follow(sandbox: Sandbox, params: EntrypointFollow, io: Io) -> Result<Ended> {
    follow::stream(log::Log::of_entrypoint(sandbox), params.from(), io).await
}
