//! A sandbox.

use super::client::Client;
use crate::client;
use crate::client::operation::TargetRef;

/// One sandbox. Cheap to clone; dropping it does nothing to the sandbox.
#[derive(Clone)]
pub struct Sandbox {
    inner: client::sandbox::Sandbox,
    pub(super) target: TargetRef,
}

impl Sandbox {
    /// Its UUID.
    pub fn id(&self) -> &str {
        self.inner.id()
    }

    /// The client that it came from.
    pub fn client(&self) -> Client {
        self.inner.client().clone().into()
    }
}

impl From<client::sandbox::Sandbox> for Sandbox {
    fn from(inner: client::sandbox::Sandbox) -> Self {
        Self { target: TargetRef::Sandbox(inner.clone()), inner }
    }
}
