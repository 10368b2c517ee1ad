//! A client, and the echo target.

use super::types::ClientConfig;
use crate::client;
use crate::client::config::Options;
use crate::client::error::{Error, Result};
use crate::client::operation::TargetRef;

/// A configured way to Daytona. Cheap to clone; opening one sends nothing.
///
/// ```no_run
/// # async fn example() -> daytona::Result<()> {
/// use daytona::{Client, SandboxSpec};
///
/// let client = Client::from_env()?;
/// let sandbox = client.create(SandboxSpec::default().language("python")).await?;
/// let done = sandbox.process().execute("echo hello").await?;
/// println!("{}", done.result);
/// sandbox.delete().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    inner: client::Client,
    pub(super) target: TargetRef,
}

impl Client {
    /// Opens a client from the environment: `DAYTONA_API_KEY` and its like.
    pub fn from_env() -> Result<Self> {
        client::Client::from_env().map(Self::from)
    }

    /// Opens a client from a configuration over the environment.
    ///
    /// ```no_run
    /// # fn example() -> daytona::Result<()> {
    /// use daytona::{Client, types::ClientConfig};
    ///
    /// let config = ClientConfig { api_url: Some("http://127.0.0.1:3000/api".into()), ..Default::default() };
    /// let client = Client::new(config)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(config: ClientConfig) -> Result<Self> {
        let written = serde_json::to_value(config).and_then(serde_json::from_value::<Options>);
        let options = written.map_err(|error| Error::invalid(error.to_string()))?;
        client::Client::new(options).map(Self::from)
    }

    /// Ends it: requests that begin afterwards fail as [`ErrorClass::Closed`](super::ErrorClass::Closed), idle connections are
    /// dropped. What is in flight goes on until its future is dropped.
    pub fn close(&self) {
        self.inner.close();
    }
}

impl From<client::Client> for Client {
    fn from(inner: client::Client) -> Self {
        Self { target: TargetRef::Client(inner.clone()), inner }
    }
}

/// A target without a server, with which programs test how they handle values, errors and streams.
#[derive(Clone)]
pub struct Echo {
    pub(super) target: TargetRef,
}

impl Default for Echo {
    fn default() -> Self {
        Self { target: TargetRef::Echo }
    }
}
