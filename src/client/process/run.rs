//! `process.run`: one command with its stdout and stderr apart, live. The daemon's `execute` cannot
//! do that, its sessions can; so a session is made for the command and removed with it, whatever
//! happens to either.

use super::{limit, script};
use crate::client::background::spawn_cleanup;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::session::follow::Follower;
use crate::client::session::log::Log;
use crate::client::session::{create_request, delete_request, execute_request};
use crate::client::status;
use crate::client::stream::{Channel, Chunk, Ended, Io, Sink};
use crate::client::transport::Json;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

crate::params! {
    stream pub struct Run {
        /// The command, given to the sandbox's shell.
        pub command: String,
        /// The working directory; absent: the sandbox's. One that cannot be entered gives `exitCode` 126.
        pub cwd: Option<String>,
        /// Environment variables beside the sandbox's own.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the command is killed (status 408); 0 or absent: never.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub timeout: Option<f64>,
        /// The command's input, a text; absent: empty. For raw bytes `files.write`, then `command < file`.
        pub stdin: Option<String>,
    }
}

/// What a finished command left. Bytes that are not UTF-8 are U+FFFD here; the stream has them all.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RunResult"))]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    /// The exit code; 128 and the signal's number when a signal ended it.
    pub exit_code: i64,
    /// Line by line: an unfinished last line has gained a newline, NUL bytes are gone.
    pub stdout: String,
    /// Line by line, as `stdout`.
    pub stderr: String,
}

/// A command that was started, as a stream's OPENED tells it.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct RunOpened {
    /// The session that was made for it.
    pub session_id: String,
    /// The command's id in that session.
    pub command_id: String,
}

pub async fn run_stream(sandbox: Sandbox, params: Run, io: Io) -> Result<Ended> {
    drop(io.input);
    let (follower, exit_code) = perform(sandbox, params, io.sink).await?;
    Ok(Ended { json: follower.ended(exit_code), sandbox: None })
}

pub async fn run(sandbox: Sandbox, params: Run, _: Context) -> Result<Json> {
    let collected = Arc::new(Collected::default());
    let (_, exit_code) = perform(sandbox, params, collected.clone()).await?;
    let [stdout, stderr] = std::mem::take(&mut *collected.0.lock()).map(text);
    let ran = Ran { exit_code, stdout, stderr };
    let json = serde_json::to_vec(&ran).map_err(|error| {
        Error::new(status::PROTOCOL, format!("the output cannot be written as JSON: {error}"))
    })?;
    Ok(Json(json))
}

/// Without a copy where it is UTF-8 already.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// stdout and stderr of a call, which nobody reads before its end.
#[derive(Default)]
struct Collected(Mutex<[Vec<u8>; 2]>);

impl Sink for Collected {
    fn opened(&self, _: Vec<u8>) {}

    fn poll_room(&self, _: &mut std::task::Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn data(&self, chunk: Chunk) {
        let of = usize::from(chunk.channel == Channel::Stderr);
        self.0.lock()[of].extend_from_slice(&chunk.data);
    }

    fn progress(&self, _: u64, _: Option<u64>) {}
}

async fn perform(sandbox: Sandbox, params: Run, sink: Arc<dyn Sink>) -> Result<(Follower, i64)> {
    let limit = limit("process.run", params.timeout)?;
    let script =
        script::wrap(&params.command, params.cwd.as_deref(), params.env.as_ref(), params.stdin.as_deref())?;
    drop(params);

    let session = Session::create(sandbox).await?;
    let outcome = session.run(&script, limit, sink).await;
    session.remove().await;
    outcome
}

/// The session of one command. Dropped early (a cancel, a time limit) it is deleted in the background.
struct Session {
    sandbox: Sandbox,
    id: String,
    state: State,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Asked for: the server may know it, also when no answer comes.
    Asked,
    Created,
    Gone,
}

impl Session {
    async fn create(sandbox: Sandbox) -> Result<Self> {
        let id = format!("run-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        let mut session = Self { sandbox, id, state: State::Asked };
        create_request(&session.sandbox, &session.id).await?.send().await?;
        session.state = State::Created;
        Ok(session)
    }

    async fn run(
        &self,
        script: &str,
        limit: Option<Duration>,
        sink: Arc<dyn Sink>,
    ) -> Result<(Follower, i64)> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Accepted {
            cmd_id: String,
        }
        let answer = execute_request(&self.sandbox, &self.id, script, true, true).await?.send().await?;
        let answer = answer.answer().await?;
        let command = serde_json::from_slice::<Accepted>(&answer.0).map_err(|error| {
            Error::new(status::PROTOCOL, format!("the server named no command for what it took: {error}"))
        })?;
        let log = Log::of_command(self.sandbox.clone(), &self.id, &command.cmd_id)?;
        let opening = serde_json::json!({"sessionId": self.id, "commandId": command.cmd_id});
        let mut follower = Follower::new(log, 0, sink, opening.to_string().into_bytes());
        let followed = match limit {
            None => follower.follow().await,
            Some(limit) => match tokio::time::timeout(limit, follower.follow()).await {
                Ok(followed) => followed,
                Err(_) => Err(follower.complete(killed(limit))),
            },
        };
        followed.map(|exit_code| (follower, exit_code))
    }

    async fn remove(mut self) {
        // A server that does not answer must not hold the result back: the drop tries on.
        let removal = tokio::time::timeout(Duration::from_secs(10), delete(&self.sandbox, &self.id));
        if removal.await.is_ok_and(|state| state != State::Created) {
            self.state = State::Gone;
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.state == State::Gone {
            return;
        }
        let (sandbox, id, state) = (self.sandbox.clone(), std::mem::take(&mut self.id), self.state);
        spawn_cleanup(async move {
            for pause in [0, 500, 2_000, 5_000] {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                match delete(&sandbox, &id).await {
                    State::Gone => break,
                    // Not there yet, perhaps: the request that creates it may still be on its way.
                    State::Asked if state == State::Asked => {}
                    State::Asked => break,
                    State::Created => {}
                }
            }
        });
    }
}

/// Deletes a session and says what is known of it then: `Gone` by this request, `Asked` where the
/// server knows none of that name, `Created` where it did not say.
async fn delete(sandbox: &Sandbox, id: &str) -> State {
    let Ok(request) = delete_request(sandbox, id).await else { return State::Created };
    match request.deadline(Some(Duration::from_secs(30))).send().await {
        Ok(_) => State::Gone,
        Err(error) if error.status() == status::HTTP_NOT_FOUND => State::Asked,
        Err(_) => State::Created,
    }
}

/// As the daemon's own answer to a command at its limit.
fn killed(limit: Duration) -> Error {
    let mut error = Error::new(
        status::HTTP_REQUEST_TIMEOUT,
        format!("the command was killed at its limit of {} s; raise `timeout`", limit.as_secs_f64()),
    );
    error.detail_mut().code = Some("PROCESS_EXECUTION_TIMEOUT".to_owned());
    error
}
