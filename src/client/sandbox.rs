//! One sandbox as last read, and where its toolbox is.

use super::Client;
use super::error::Result;
use super::transport::{Json, Request};
use reqwest::Method;
use std::sync::Arc;

/// A sandbox of a client. Cheap to clone; dropping it does nothing to the sandbox.
#[derive(Clone)]
pub struct Sandbox(Arc<Shared>);

struct Shared {
    client: Client,
    id: String,
}

impl Sandbox {
    pub fn id(&self) -> &str {
        &self.0.id
    }

    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// A request to this sandbox's toolbox; `path` is below `{sb}`, as `process/execute`.
    pub async fn toolbox(&self, _method: Method, _path: &str) -> Result<Request> {
        todo!()
    }

    /// The absolute URL of a toolbox path (for WebSockets).
    pub async fn toolbox_url(&self, _path: &str) -> Result<String> {
        todo!()
    }

    /// The JSON last read.
    pub fn info(&self) -> Json {
        todo!()
    }
}
