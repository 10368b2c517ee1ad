//! Whether a session's shell is still there. The daemon does not say: for a command that ended its shell
//! (`exit 3`) a synchronous call is never answered, an asynchronous one never gets an exit code, and the
//! session is listed as before. Only giving it another command tells, so that is done, sparingly, when a
//! command has been silent for a while.

use super::{execute_request, path};
use crate::client::codes::SESSION_ENDED;
use crate::client::error::{Error, Result};
use crate::client::sandbox::Sandbox;
use crate::client::status;
use http::Method;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// The silence after which the session is checked, unless the client's idle limit is shorter. It doubles from
/// check to check, up to `MAX_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
const MAX_PAUSE: Duration = Duration::from_secs(600);
/// The limit of one check.
const CHECK_LIMIT: Duration = Duration::from_secs(20);

/// How long a command of this sandbox may be silent before its session is checked.
pub(super) fn first_pause(sandbox: &Sandbox) -> Duration {
    sandbox.client().at_most_idle(FIRST_PAUSE)
}

/// What a check of a session found.
pub(super) enum Shell {
    /// The server answers and knows of no end.
    Alive,
    /// The shell is gone; the error to end with.
    Ended(Error),
    /// The server does not answer.
    Unreachable,
}

/// Waits for the answer to a synchronous command, as long as there is a shell that can give it and a server
/// that answers.
pub(super) async fn watched<T>(
    sandbox: &Sandbox,
    session: &str,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut answer = pin!(answer);
    let mut pause = first_pause(sandbox);
    let mut last_sign_of_life = Instant::now();
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::time::sleep(pause) => {}
        }
        let checked = tokio::select! {
            biased;
            answer = &mut answer => return answer,
            checked = check(sandbox, session) => checked,
        };
        match checked {
            Shell::Ended(error) => return Err(error),
            Shell::Alive => {
                last_sign_of_life = Instant::now();
                pause = (pause * 2).min(MAX_PAUSE);
            }
            Shell::Unreachable => {
                let idle = sandbox.client().config().idle_timeout;
                if idle.is_some_and(|idle| last_sign_of_life.elapsed() >= idle) {
                    return Err(unreachable(sandbox, session, last_sign_of_life.elapsed()));
                }
                pause = first_pause(sandbox);
            }
        }
    }
}

/// Checks whether the session's shell is still there.
pub(super) async fn check(sandbox: &Sandbox, session: &str) -> Shell {
    let limit = sandbox.client().at_most_idle(CHECK_LIMIT);
    tokio::time::timeout(limit, ask(sandbox, session)).await.unwrap_or(Shell::Unreachable)
}

async fn ask(sandbox: &Sandbox, session: &str) -> Shell {
    match look_up(sandbox, session).await {
        Ok(()) => Shell::Alive,
        Err(error) if error.status() == status::HTTP_NOT_FOUND => {
            Shell::Ended(deleted(sandbox, session, error))
        }
        Err(error) if error.status() == status::HTTP_GONE => Shell::Ended(exited(sandbox, session, error)),
        Err(error) => {
            let detail = error.detail();
            if detail.code.as_deref() == Some(SESSION_ENDED) || detail.message.contains(WRITE_FAILED) {
                Shell::Ended(exited(sandbox, session, error))
            } else if detail.message.contains("session not found") {
                Shell::Ended(deleted(sandbox, session, error))
            } else if detail.http_status.is_some() {
                Shell::Alive
            } else {
                Shell::Unreachable
            }
        }
    }
}

async fn look_up(sandbox: &Sandbox, session: &str) -> Result<()> {
    sandbox.toolbox(Method::GET, &path(session, "")?).await?.send().await?;
    // `:` does nothing, and waits in the shell's input until the running command is done.
    execute_request(sandbox, session, ":", true, true).await?.send().await?;
    Ok(())
}

/// What the daemon says when it writes to a shell that has ended.
const WRITE_FAILED: &str = "broken pipe";

fn exited(sandbox: &Sandbox, session: &str, answer: Error) -> Error {
    let message = format!(
        "the shell of session \"{session}\" has ended (by `exit`, `exec` or a signal), so the command's exit code \
         is lost; delete the session, and run what may exit in a subshell: (exit 3)"
    );
    gone(sandbox, message, answer)
}

fn unreachable(sandbox: &Sandbox, session: &str, silence: Duration) -> Error {
    let message = format!(
        "the server has answered nothing for {} ms while a command ran in session \"{session}\"; it may still \
         run; `idleTimeoutMs` is the limit",
        silence.as_millis()
    );
    let mut error = Error::new(status::TIMEOUT, message);
    error.detail_mut().sandbox_id = Some(sandbox.id().to_owned());
    error
}

/// The error for a session that was deleted.
pub(super) fn deleted(sandbox: &Sandbox, session: &str, answer: Error) -> Error {
    gone(sandbox, format!("session \"{session}\" was deleted while the command ran"), answer)
}

/// The error of an answer that says so, in the words of this library and with the answer's own behind them.
fn gone(sandbox: &Sandbox, message: String, mut answer: Error) -> Error {
    let detail = answer.detail_mut();
    detail.status = status::HTTP_GONE;
    detail.name = status::name(status::HTTP_GONE);
    detail.message = format!("{message} (the server says: {})", detail.message);
    detail.code = Some(SESSION_ENDED.to_owned());
    detail.retryable = false;
    detail.sandbox_id = Some(sandbox.id().to_owned());
    answer
}
