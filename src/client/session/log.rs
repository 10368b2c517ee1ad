//! One command's log on the server: where its socket is, how to read it whole, and what is known of
//! the command beside it.

use super::{command_path, shell};
use crate::client::error::{Error, Result};
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::{Response, Socket};
use http::Method;
use serde::Deserialize;
use std::time::Duration;

/// A question about a command is small; who asks has something better to do than to wait.
const PATIENCE: Duration = Duration::from_secs(30);

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
        let limit = self.sandbox.client().config().connect_timeout;
        request.query("follow", "true").deadline(limit).websocket(&[]).await
    }

    /// The raw log as it stands, from its beginning.
    pub async fn whole(&self) -> Result<Response> {
        let request = self.sandbox.toolbox(Method::GET, &self.logs).await?;
        let response = request
            .header("x-daytona-sdk-version", RAW_LOG_LEVEL)
            .header("accept", "text/plain")
            .deadline(Some(PATIENCE))
            .send()
            .await?;
        if response.header("content-type").is_some_and(|kind| kind.contains("json")) {
            return Err(Error::new(
                status::PROTOCOL,
                "the server gives no raw log over HTTP, and its JSON has no position to resume from",
            ));
        }
        Ok(response)
    }

    /// The exit code, once there is one.
    pub async fn exit_code(&self) -> Result<Option<i64>> {
        let request = self.sandbox.toolbox(Method::GET, &self.command).await?;
        let answer = request.deadline(Some(PATIENCE)).send().await?.json().await?;
        /// A command, or the entrypoint's session with the one command it has.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Described {
            exit_code: Option<i64>,
            #[serde(default)]
            commands: Vec<Described>,
        }
        let described: Described = serde_json::from_slice(&answer.0).map_err(|error| {
            Error::new(
                status::PROTOCOL,
                format!("the server's description of a command is unreadable: {error}"),
            )
        })?;
        Ok(described.exit_code.or(described.commands.first().and_then(|command| command.exit_code)))
    }

    /// The error to end with when no exit code will ever come.
    pub async fn ended(&self) -> Option<Error> {
        // The entrypoint's session takes no commands, so there is nothing to ask it.
        if self.session == ENTRYPOINT { None } else { shell::ended(&self.sandbox, &self.session).await }
    }

    /// The error for a session that is not there any more.
    pub fn deleted(&self) -> Error {
        shell::deleted(&self.sandbox, &self.session)
    }

    pub fn first_look(&self) -> Duration {
        shell::first_look(&self.sandbox)
    }
}

const ENTRYPOINT: &str = "entrypoint";
