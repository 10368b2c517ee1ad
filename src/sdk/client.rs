//! A client, and the echo target.

use super::target::{Closing, Target};
use super::types::ClientConfig;
use crate::client;
use crate::client::error::{Error, Result};
use crate::client::operation::TargetRef;
use std::fmt;

/// A configured way to Daytona. Cheap to clone; opening one sends nothing. It serves any number of threads and Tokio
/// runtimes; each runtime has connections of its own.
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
    pub(super) target: Target,
}

impl Client {
    /// Opens a client from the environment: `DAYTONA_API_KEY` and its like.
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> daytona::Result<()> {
    /// let client = daytona::Client::from_env()?;
    /// println!("{} sandboxes", client.list().await?.items.len());
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_env() -> Result<Self> {
        client::Client::from_env().map(Self::opened)
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
        let written = serde_json::to_vec(&config).map_err(|error| Error::invalid(error.to_string()))?;
        client::Client::open(&written).map(Self::opened)
    }

    /// Closes it, its clones and its sandboxes: pending requests and open streams fail as
    /// [`ErrorClass::Closed`](super::ErrorClass::Closed), as do those that begin afterwards. To the remote side it is as if
    /// they were dropped; sandboxes are not deleted. Dropping the last clone closes nothing that is pending.
    ///
    /// ```no_run
    /// # async fn example(client: daytona::Client) {
    /// client.close(); // what it ends in the sandboxes, ends in the background
    /// client.close().await; // and that has ended
    /// # }
    /// ```
    pub fn close(&self) -> Closing {
        let closing = self.target.close();
        self.inner.close();
        closing
    }

    fn opened(inner: client::Client) -> Self {
        Self { target: Target::new(TargetRef::Client(inner.clone())), inner }
    }

    /// The client of something that is closed with it.
    pub(super) fn of(inner: client::Client, target: &Target) -> Self {
        Self { target: target.beside(TargetRef::Client(inner.clone())), inner }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("config", self.inner.config()).finish_non_exhaustive()
    }
}

/// A target without a server, with which programs test how they handle values, errors and streams.
///
/// ```
/// # async fn example() -> daytona::Result<()> {
/// let error = daytona::Echo::default().error(404).code("FILE_NOT_FOUND").await.unwrap_err();
/// assert_eq!(error.class(), daytona::ErrorClass::FileNotFound);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Echo {
    pub(super) target: Target,
}

impl Echo {
    /// As [`Client::close`]: its pending requests and open streams end.
    ///
    /// ```
    /// daytona::Echo::default().close();
    /// ```
    pub fn close(&self) -> Closing {
        self.target.close()
    }
}

impl Default for Echo {
    fn default() -> Self {
        Self { target: Target::new(TargetRef::Echo) }
    }
}

impl fmt::Debug for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Echo").finish_non_exhaustive()
    }
}
