//! What an older API does not have. A route that it lacks it answers as one that does not exist. An option would be
//! ignored, so the version that the API names in its configuration shows whether it knows the option before that is sent; an
//! API that names none, or that of a development build, is taken to know everything.

use super::Client;
use super::error::{Error, Result};
use super::lock::Mutex;
use super::server::is_missing_api_route;
use super::status;
use http::Method;
use serde::Deserialize;
use std::fmt;

/// Major and minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion(u32, u32);

/// The last self-hosted release has none of what came with it.
pub(crate) const V0_205: ApiVersion = ApiVersion(0, 205);
pub(crate) const V0_226: ApiVersion = ApiVersion(0, 226);

/// The newest version that a client has read of its server.
#[derive(Default)]
pub(crate) struct Noted(Mutex<Option<ApiVersion>>);

impl ApiVersion {
    /// Reads "0.205.1" and "v0.205.1"; a development build, 0.0, has no place in the order.
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut numbers = text.strip_prefix('v').unwrap_or(text).split('.').map(str::parse::<u32>);
        match (numbers.next()?, numbers.next()?) {
            (Ok(0), Ok(0)) => None,
            (Ok(major), Ok(minor)) => Some(Self(major, minor)),
            _ => None,
        }
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// Refuses the options that the API is known not to understand, before anything is sent that could take effect.
/// `options`: the name, whether it was given with a value that asks for something, and the version it came with.
/// The configuration is read when one was given that the versions read so far do not cover.
pub(crate) async fn requires(
    client: &Client,
    operation: &str,
    options: &[(&str, bool, ApiVersion)],
) -> Result<()> {
    let given = || options.iter().filter(|(_, given, _)| *given);
    let Some(newest) = given().map(|(_, _, since)| *since).max() else { return Ok(()) };
    let noted = &client.0.api_version.0;
    if noted.lock().is_some_and(|version| version >= newest) {
        return Ok(());
    }
    let Some((version, text)) = read(client).await? else { return Ok(()) };
    if version >= newest {
        *noted.lock() = Some(version);
        return Ok(());
    }
    let unknown: Vec<String> =
        given().filter(|(_, _, since)| version < *since).map(|(name, _, _)| format!("`{name}`")).collect();
    let message = format!(
        "{operation} with {} needs an API of {newest}, and this server's is {text}: leave it out, or use a newer \
         server",
        unknown.join(", ")
    );
    Err(Error::new(status::UNSUPPORTED, message))
}

/// The API's version, and its text. None where its answer has none.
async fn read(client: &Client) -> Result<Option<(ApiVersion, String)>> {
    #[derive(Deserialize)]
    struct Config {
        version: String,
    }
    let request = client.request(Method::GET, "config").answered_within(client.config().idle_timeout);
    let answer = match request.send().await {
        Ok(response) => response.json().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(json) => Ok(serde_json::from_slice::<Config>(&json.text)
            .ok()
            .and_then(|config| Some((ApiVersion::read(&config.version)?, config.version)))),
        Err(error) if error.is_answered() => Ok(None),
        Err(error) => Err(error),
    }
}

/// UNSUPPORTED for a route that the API does not have, naming the version that has it; other errors are unchanged.
pub(crate) fn missing_in_api(error: Error, operation: &str, since: &str) -> Error {
    if is_missing_api_route(&error) { unsupported(error, operation, since) } else { error }
}

/// UNSUPPORTED with what the server answered.
pub(crate) fn unsupported(error: Error, operation: &str, since: &str) -> Error {
    let sandbox_id = error.detail().sandbox_id.clone();
    let message = format!(
        "{operation} needs an API of {since}, and this server's is older: it answered \"{}\"",
        error.detail().message
    );
    let mut unsupported = Error::new(status::UNSUPPORTED, message);
    unsupported.detail_mut().sandbox_id = sandbox_id;
    unsupported
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_and_those_of_development_builds_are_none() {
        assert!(ApiVersion::read("v0.190.0").unwrap() < V0_205);
        assert_eq!(ApiVersion::read("0.205.0-rc.1"), Some(V0_205));
        assert!(ApiVersion::read("1.2").unwrap() > V0_226);
        for none in ["", "0.0.0-dev", "main", "v1", "5a3b2c"] {
            assert_eq!(ApiVersion::read(none), None, "{none}");
        }
    }
}
