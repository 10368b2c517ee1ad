//! What an older API does not have: it answers such a path as one that does not exist.

use crate::client::error::Error;
use crate::client::server::is_missing_api_route;
use crate::client::status;

/// UNSUPPORTED for a route that the API does not have, naming the version that has it; other errors are unchanged.
pub(super) fn missing_in_api(error: Error, operation: &str, since: &str) -> Error {
    if is_missing_api_route(&error) { unsupported(error, operation, since) } else { error }
}

/// UNSUPPORTED with what the server answered.
pub(super) fn unsupported(error: Error, operation: &str, since: &str) -> Error {
    let sandbox_id = error.detail().sandbox_id.clone();
    let message = format!(
        "{operation} needs an API of {since}, and this server's is older: it answered \"{}\"",
        error.detail().message
    );
    let mut unsupported = Error::new(status::UNSUPPORTED, message);
    unsupported.detail_mut().sandbox_id = sandbox_id;
    unsupported
}
