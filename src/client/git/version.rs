//! What daemons before 0.205 cannot do: routes that they do not have, and options that they ignore.

use crate::client::error::Result;
use crate::client::sandbox::{self, Daemon, Sandbox, daemon_too_old};
use crate::client::transport::{Request, Response};
use http::Method;

/// What to do where the daemon is too old.
const INSTEAD: &str = "run git with process.execute";

/// Sends a request to a route that came with 0.205. Where the daemon is known to be older, nothing is sent.
pub(super) async fn send_newer(sandbox: &Sandbox, operation: &str, request: Request) -> Result<Response> {
    sandbox::send_newer(sandbox, operation, INSTEAD, request).await
}

/// Refuses an option that an older daemon would ignore, before anything is sent that could take effect.
pub(super) async fn requires_newer(sandbox: &Sandbox, option: &str) -> Result<()> {
    match sandbox.daemon() {
        Daemon::Current => return Ok(()),
        Daemon::Older => return Err(daemon_too_old(option, INSTEAD)),
        Daemon::Unknown => {}
    }
    // A reading request on a route that came with the option.
    let probe = sandbox.toolbox(Method::GET, "git/config").await?.query("key", "user.name");
    let probe = probe.answered_within(sandbox.client().config().idle_timeout);
    match send_newer(sandbox, option, probe).await {
        Ok(_) => Ok(()),
        // The daemon has the route, whatever else is wrong.
        Err(error) if error.detail().source.as_deref() == Some("DAYTONA_DAEMON") => Ok(()),
        Err(error) => Err(error),
    }
}
