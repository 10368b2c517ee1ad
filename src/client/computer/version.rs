//! What daemons before 0.226 cannot do: routes that they do not have, and options that they ignore.

use super::posting;
use crate::client::error::{Error, Result};
use crate::client::sandbox::{Sandbox, is_missing_route};
use crate::client::status;
use crate::client::transport::{Request, Response};

/// Sends a request to a route that came with 0.226. Where the daemon is known to be older, nothing is sent.
pub(super) async fn send_0_226(sandbox: &Sandbox, operation: &str, request: Request) -> Result<Response> {
    let notes = sandbox.desktop_notes();
    if *notes.has_0_226.lock() == Some(false) {
        return Err(too_old(operation));
    }
    match request.send().await {
        Ok(response) => {
            *notes.has_0_226.lock() = Some(true);
            Ok(response)
        }
        Err(error) if is_missing_route(&error) => {
            *notes.has_0_226.lock() = Some(false);
            Err(too_old(operation))
        }
        Err(error) => Err(error),
    }
}

/// Refuses an option that an older daemon would ignore, before anything is sent that could take effect.
pub(super) async fn requires_0_226(sandbox: &Sandbox, option: &str) -> Result<()> {
    if *sandbox.desktop_notes().has_0_226.lock() == Some(true) {
        return Ok(());
    }
    // Without a key nothing is released: a daemon that has the route answers 400.
    let probe = posting(sandbox, "keyboard/up", []).await?;
    match send_0_226(sandbox, option, probe).await {
        Ok(_) => Ok(()),
        Err(error) if error.status() == status::HTTP_BAD_REQUEST => {
            *sandbox.desktop_notes().has_0_226.lock() = Some(true);
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn too_old(what: &str) -> Error {
    Error::new(
        status::UNSUPPORTED,
        format!(
            "{what} needs a daemon of 0.226, and this sandbox's is older: leave it out, or make the sandbox on a \
             newer server"
        ),
    )
}
