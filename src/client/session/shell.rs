//! Is a session's shell still there? The daemon does not say: for a command that ended its shell
//! (`exit 3`) a synchronous call is never answered, an asynchronous one never gets an exit code, and
//! the session is listed as before. Only giving it another command tells, so that is done, sparingly,
//! when nothing was heard of a command for the idle limit.

use super::{execute_request, path};
use crate::client::error::{Error, Result};
use crate::client::sandbox::Sandbox;
use crate::client::status;
use http::Method;
use std::future::Future;
use std::pin::pin;
use std::time::Duration;

/// Silence worth a look, unless the client's idle limit is shorter. It doubles from look to look.
const FIRST_LOOK: Duration = Duration::from_secs(10);
const LOOK_PATIENCE: Duration = Duration::from_secs(20);

/// How long a command of this sandbox may be silent before somebody looks at its session.
pub(super) fn first_look(sandbox: &Sandbox) -> Duration {
    sandbox.client().config().idle_timeout.map_or(FIRST_LOOK, |idle| idle.min(FIRST_LOOK))
}

/// Waits for the answer to a synchronous command, as long as there is a shell that can give it.
pub(super) async fn watched<T>(
    sandbox: &Sandbox,
    session: &str,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut answer = pin!(answer);
    let mut patience = first_look(sandbox);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            () = tokio::time::sleep(patience) => {}
        }
        let look = ended(sandbox, session);
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            found = look => if let Some(error) = found {
                return Err(error);
            }
        }
        patience *= 2;
    }
}

/// The error to end with when the session's shell is gone; `None` while it lives, or nobody knows.
pub(super) async fn ended(sandbox: &Sandbox, session: &str) -> Option<Error> {
    tokio::time::timeout(LOOK_PATIENCE, look(sandbox, session)).await.unwrap_or_default()
}

async fn look(sandbox: &Sandbox, session: &str) -> Option<Error> {
    let request = sandbox.toolbox(Method::GET, &path(session, "").ok()?).await.ok()?;
    if let Err(error) = request.send().await {
        return (error.status() == status::HTTP_NOT_FOUND).then(|| deleted(sandbox, session));
    }
    // `:` does nothing, and waits in the shell's input until the running command is done.
    let probe = execute_request(sandbox, session, ":", true, true).await.ok()?.send().await;
    let refusal = probe.err()?;
    match refusal.status() {
        status::HTTP_NOT_FOUND => Some(deleted(sandbox, session)),
        status::HTTP_GONE => Some(exited(sandbox, session)),
        _ if refusal.detail().code.as_deref() == Some(SESSION_ENDED) => Some(exited(sandbox, session)),
        // What the daemon says when it writes to a shell that has ended.
        _ if refusal.detail().message.contains("broken pipe") => Some(exited(sandbox, session)),
        _ if refusal.detail().message.contains("session not found") => Some(deleted(sandbox, session)),
        _ => None,
    }
}

const SESSION_ENDED: &str = "SESSION_ENDED";

fn exited(sandbox: &Sandbox, session: &str) -> Error {
    gone(
        sandbox,
        format!(
            "the shell of session \"{session}\" has ended (by `exit`, `exec` or a signal), so the command's \
             exit code is lost; delete the session, and run what may exit in a subshell: (exit 3)"
        ),
    )
}

/// The session itself is no more.
pub(super) fn deleted(sandbox: &Sandbox, session: &str) -> Error {
    gone(sandbox, format!("session \"{session}\" was deleted while the command ran"))
}

fn gone(sandbox: &Sandbox, message: String) -> Error {
    let mut error = Error::new(status::HTTP_GONE, message);
    let detail = error.detail_mut();
    detail.code = Some(SESSION_ENDED.to_owned());
    detail.sandbox_id = Some(sandbox.id().to_owned());
    error
}
