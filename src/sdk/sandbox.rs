//! A sandbox.

use super::client::Client;
use super::target::Target;
use crate::client;
use crate::client::operation::TargetRef;
use std::fmt;

/// One sandbox. Cheap to clone; dropping it does nothing to the sandbox.
///
/// ```no_run
/// # async fn example(client: daytona::Client) -> daytona::Result<()> {
/// let sandbox = client.get("web-1").await?;
/// sandbox.files().write("notes.txt", "two\n").await?;
/// println!("{} {}", sandbox.id(), sandbox.process().execute("wc -l notes.txt").await?.result);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Sandbox {
    inner: client::sandbox::Sandbox,
    pub(super) target: Target,
}

impl Sandbox {
    /// Its UUID.
    ///
    /// ```no_run
    /// # async fn example(client: daytona::Client, sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let same = client.get(sandbox.id()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// The client that it came from.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let another = sandbox.client().create(daytona::SandboxSpec::default()).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn client(&self) -> Client {
        Client::of(self.inner.client().clone(), &self.target)
    }

    /// A sandbox that an operation on `target` gave.
    pub(super) fn of(inner: client::sandbox::Sandbox, target: &Target) -> Self {
        Self { target: target.beside(TargetRef::Sandbox(inner.clone())), inner }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("id", &self.id()).finish_non_exhaustive()
    }
}
