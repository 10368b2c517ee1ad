//! One command's log on the server: its socket, its raw content over HTTP, and the command's exit code.

use super::{command_path, shell};
use crate::client::error::{Error, Result};
use crate::client::json;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::{Response, Socket};
use http::Method;
use serde::Deserialize;
use std::time::Duration;

/// The limit for the head of a log that is read over HTTP, unless the client's idle limit is shorter.
const LOG_LIMIT: Duration = Duration::from_secs(30);
/// The limit for the answer about a command, unless the client's idle limit is shorter: it is small, and is asked
/// for again.
const STATE_LIMIT: Duration = Duration::from_secs(10);

/// The level at which servers answer the raw log, markers and all, instead of JSON.
const RAW_LOG_LEVEL: &str = "0.166.0";

#[derive(Clone)]
pub(crate) struct Log {
    pub sandbox: Sandbox,
    session: String,
    logs: String,
    command: String,
}

impl Log {
    pub fn of_command(sandbox: Sandbox, session: &str, command: &str) -> Result<Self> {
        Ok(Self {
            sandbox,
            session: session.to_owned(),
            logs: command_path(session, command, "/logs")?,
            command: command_path(session, command, "")?,
        })
    }

    /// The log of the sandbox's own entrypoint.
    pub fn of_entrypoint(sandbox: Sandbox) -> Self {
        Self {
            sandbox,
            session: ENTRYPOINT.to_owned(),
            logs: "process/session/entrypoint/logs".to_owned(),
            command: "process/session/entrypoint".to_owned(),
        }
    }

    /// A socket that replays the log from its beginning and goes on live.
    pub async fn socket(&self) -> Result<Socket> {
        let request = self.sandbox.toolbox(Method::GET, &self.logs).await?;
        let limit = self.sandbox.client().connect_limit();
        request.query("follow", "true").deadline(Some(limit)).websocket(&[]).await
    }

    /// The raw log as it stands, from its beginning.
    pub async fn whole(&self) -> Result<Response> {
        let request = self.sandbox.toolbox(Method::GET, &self.logs).await?;
        let response = request
            .header("x-daytona-sdk-version", RAW_LOG_LEVEL)
            .header("accept", "text/plain")
            .deadline(Some(self.sandbox.client().at_most_idle(LOG_LIMIT)))
            .send()
            .await?;
        if response.header("content-type").is_some_and(|kind| kind.contains("json")) {
            let message =
                "the server gives no raw log over HTTP, and its JSON has no position to resume from";
            return Err(response.complete(Error::new(status::PROTOCOL, message)));
        }
        Ok(response)
    }

    /// The exit code, once there is one.
    pub async fn exit_code(&self) -> Result<Option<i64>> {
        let limit = self.sandbox.client().at_most_idle(STATE_LIMIT);
        let request = self.sandbox.toolbox(Method::GET, &self.command).await?;
        let answer = request.answered_within(Some(limit)).send().await?.json().await?;
        /// A command, or the entrypoint's session with the one command it has.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Described {
            exit_code: Option<i64>,
            #[serde(default)]
            commands: Vec<Described>,
        }
        let described: Described = json::read(&answer.text).map_err(|error| {
            let why = json::describe(&error);
            answer.error(format!("the server's description of a command is unreadable: {why}"))
        })?;
        Ok(described.exit_code.or(described.commands.first().and_then(|command| command.exit_code)))
    }

    /// The error to end with when no exit code will ever come.
    pub async fn ended(&self) -> Option<Error> {
        // The entrypoint's session takes no commands, so its shell cannot be checked.
        if self.session == ENTRYPOINT {
            return None;
        }
        match shell::check(&self.sandbox, &self.session).await {
            shell::Shell::Ended(error) => Some(error),
            shell::Shell::Alive | shell::Shell::Unreachable => None,
        }
    }

    /// The error for a session that was deleted meanwhile, as this answer says.
    pub fn deleted(&self, answer: Error) -> Error {
        shell::deleted(&self.sandbox, &self.session, answer)
    }

    /// The silence after which the session's shell is checked.
    pub fn first_pause(&self) -> Duration {
        shell::first_pause(&self.sandbox)
    }
}

const ENTRYPOINT: &str = "entrypoint";
