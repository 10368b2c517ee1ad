//! What daemons before 0.205 cannot do: routes that they do not have, and options that they ignore.

use crate::client::error::{Error, Result};
use crate::client::sandbox::{Daemon, Sandbox, is_missing_route};
use crate::client::status;
use crate::client::transport::{Request, Response};
use http::Method;

/// Sends a request to a route that came with 0.205. Where the daemon is known to be older, nothing is sent.
pub(super) async fn send_newer(sandbox: &Sandbox, operation: &str, request: Request) -> Result<Response> {
    if sandbox.daemon() == Daemon::Older {
        return Err(too_old(operation));
    }
    match request.send().await {
        Ok(response) => {
            sandbox.note_daemon(Daemon::Current);
            Ok(response)
        }
        Err(error) if is_missing_route(&error) => {
            sandbox.note_daemon(Daemon::Older);
            Err(too_old(operation))
        }
        Err(error) => Err(error),
    }
}

/// Refuses an option that an older daemon would ignore, before anything is sent that could take effect.
pub(super) async fn requires_newer(sandbox: &Sandbox, option: &str) -> Result<()> {
    match sandbox.daemon() {
        Daemon::Current => return Ok(()),
        Daemon::Older => return Err(too_old(option)),
        Daemon::Unknown => {}
    }
    // A reading request on a route that came with the option.
    let probe = sandbox.toolbox(Method::GET, "git/config").await?.query("key", "user.name");
    match send_newer(sandbox, option, probe).await {
        Ok(_) => Ok(()),
        // The daemon has the route, whatever else is wrong.
        Err(error) if error.detail().source.as_deref() == Some("DAYTONA_DAEMON") => Ok(()),
        Err(error) => Err(error),
    }
}

fn too_old(what: &str) -> Error {
    Error::new(
        status::UNSUPPORTED,
        format!(
            "{what} needs a daemon of 0.205, and this sandbox's is older: run git with process.execute, or make \
             the sandbox on a newer server"
        ),
    )
}
