//! `process.run`: one command with its stdout and stderr apart, live. The daemon's `execute` cannot
//! do that, its sessions can; so a session is made for the command and removed with it, whatever
//! happens to either.

use super::{limit, script};
use crate::client::codes;
use crate::client::collected::{Collected, text};
use crate::client::error::{Error, Result};
use crate::client::json;
use crate::client::operation::Context;
use crate::client::remote_guard::{Remote, RemoteGuard};
use crate::client::sandbox::Sandbox;
use crate::client::session::follow::Follower;
use crate::client::session::log::Log;
use crate::client::session::{create_request, delete_request, execute_request};
use crate::client::status;
use crate::client::stream::{Ended, Io, Sink};
use crate::client::transport::{Json, caller_deadline, within};
use crate::client::unique::unique;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

crate::params! {
    stream pub struct Run {
        /// The command, given to the sandbox's shell.
        pub command: String,
        /// The working directory; absent: the sandbox's. One that cannot be entered gives `exitCode` 126.
        pub cwd: Option<String>,
        /// Environment variables beside the sandbox's own, with the same effect as in `process.execute`.
        /// Those that shells use themselves (as UID, IFS or SHELLOPTS) are passed as arguments of `env`, which
        /// other processes of the sandbox can read. BASH_EXECUTION_STRING is not the command's text.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the command is killed (status 408); 0: never. The
        /// call ends at most 5 s and the client's connect limit later, also when the server does not answer.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub timeout: Option<f64> = 0.0,
        /// The command's input, a text. For raw bytes `files.write`, then `command < file`.
        pub stdin: Option<String> = "",
    }
}

/// What a finished command left. Bytes that are not UTF-8 are U+FFFD here; the stream has them all.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "RunResult"))]
#[serde(rename_all = "camelCase")]
pub struct Ran {
    /// The exit code; 128 and the signal's number when a signal ended it.
    pub exit_code: i64,
    /// Line by line: an unfinished last line has gained a newline; NUL bytes and the server's channel markers
    /// (01 01 01, 02 02 02) are gone.
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
    let (follower, exit_code) = perform(sandbox, params, io.sink, std::future::pending()).await?;
    Ok(follower.ended(exit_code))
}

pub async fn run(sandbox: Sandbox, params: Run, _: Context) -> Result<Json> {
    let max_bytes = sandbox.client().config().max_result_bytes;
    let collected = Arc::new(Collected::new(max_bytes));
    let (follower, exit_code) = perform(sandbox, params, collected.clone(), collected.overflow()).await?;
    // The command may have ended in the moment of the overflow.
    if collected.overflowed() {
        return Err(follower.complete(too_large(max_bytes)));
    }
    let output = collected.take();
    let ran = Ran { exit_code, stdout: text(output.stdout), stderr: text(output.stderr) };
    let json = serde_json::to_vec(&ran).map_err(|error| {
        Error::new(status::PROTOCOL, format!("the output cannot be written as JSON: {error}"))
    })?;
    if json.len() as u64 > max_bytes {
        return Err(follower.complete(too_large(max_bytes)));
    }
    Ok(json.into())
}

fn too_large(max_bytes: u64) -> Error {
    Error::new(
        status::PROTOCOL,
        format!(
            "the command's output is larger than {max_bytes} bytes, the bound on one result: the command was \
             ended; run it as a stream, redirect its output into a file, or raise `maxResultBytes`"
        ),
    )
}

/// Runs the command, its output into `sink`, until it ends or `overflow` does, and removes its session.
async fn perform(
    sandbox: Sandbox,
    params: Run,
    sink: Arc<dyn Sink>,
    overflow: impl Future<Output = ()>,
) -> Result<(Follower, i64)> {
    let limit = limit("process.run", params.timeout())?;
    let script =
        script::wrap(&params.command, params.cwd.as_deref(), params.env.as_ref(), params.stdin.as_deref())?;
    drop(params);

    let session = Session::new(sandbox);
    let mut guard = RemoteGuard::arm(session.clone());
    let outcome = match session.start(&mut guard, &script, limit).await {
        Ok(command) => session.follow(&command, limit, sink, overflow).await,
        Err(error) => Err(error),
    };
    guard.remove(REMOVAL_LIMIT).await;
    outcome
}

/// How long a finished command's result waits for the removal of its session.
const REMOVAL_LIMIT: Duration = Duration::from_secs(4);

/// The session of one command.
#[derive(Clone)]
struct Session {
    sandbox: Sandbox,
    id: String,
}

impl Remote for Session {
    async fn remove(&self) -> Result<()> {
        delete_request(&self.sandbox, &self.id).await?.send().await.map(drop)
    }
}

impl Session {
    fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, id: format!("run-{:016x}{:016x}", unique(), unique()) }
    }

    /// Creates the session and starts the command; the answer is the command's id. The server answers both
    /// requests at once, however long the command runs, so both together have a limit of their own.
    async fn start(
        &self,
        guard: &mut RemoteGuard<Self>,
        script: &str,
        limit: Option<Duration>,
    ) -> Result<String> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Accepted {
            cmd_id: String,
        }
        let client = self.sandbox.client();
        // With a limit for the command, the whole run ends by that limit and little more.
        let start_limit = match limit {
            None => client.answer_limit(),
            Some(_) => client.answer_limit().min(client.connect_limit()),
        };
        let requests = async {
            let create = create_request(&self.sandbox, &self.id).await?;
            guard.created_by(create.send()).await?;
            execute_request(&self.sandbox, &self.id, script, true, true)
                .await?
                .send()
                .await?
                .object("a command that was started")
                .await
        };
        let deadline = Instant::now() + start_limit;
        let known = caller_deadline().map_or(deadline, |callers| callers.min(deadline));
        let requests = timeout_at(deadline, within(Some(known), requests));
        let answer = requests.await.map_err(|_| not_started(start_limit))??;
        let accepted = json::read::<Accepted>(&answer.text).map_err(|error| {
            let why = json::describe(&error);
            answer.error(format!("the server named no command for what it took: {why}"))
        })?;
        Ok(accepted.cmd_id)
    }

    async fn follow(
        &self,
        command: &str,
        limit: Option<Duration>,
        sink: Arc<dyn Sink>,
        overflow: impl Future<Output = ()>,
    ) -> Result<(Follower, i64)> {
        let log = Log::of_command(self.sandbox.clone(), &self.id, command)?;
        let opening = serde_json::json!({"sessionId": self.id, "commandId": command});
        let mut follower = Follower::new(log, 0, sink, opening.to_string().into_bytes());
        let killed_at = async {
            match limit {
                None => std::future::pending().await,
                Some(limit) => sleep(limit).await,
            }
        };
        let cut = tokio::select! {
            biased;
            followed = follower.follow() => Ok(followed?),
            () = overflow => Err(too_large(self.sandbox.client().config().max_result_bytes)),
            () = killed_at => Err(killed(limit.unwrap_or_default())),
        };
        let followed = cut.map_err(|error| follower.complete(error));
        followed.map(|exit_code| (follower, exit_code))
    }
}

fn not_started(limit: Duration) -> Error {
    Error::new(
        status::TIMEOUT,
        format!(
            "the sandbox's toolbox did not start the command within {} ms; it cannot be reached, or is \
             overloaded",
            limit.as_millis()
        ),
    )
}

/// As the daemon's own answer to a command at its limit.
fn killed(limit: Duration) -> Error {
    let mut error = Error::new(
        status::HTTP_REQUEST_TIMEOUT,
        format!("the command was killed at its limit of {} s; raise `timeout`", limit.as_secs_f64()),
    );
    error.detail_mut().code = Some(codes::PROCESS_EXECUTION_TIMEOUT.to_owned());
    error
}
