//! Where a sandbox's toolbox runs, and the only way in which the server talks to it.

use crate::toolbox::{self, Machine, MachineConfig, Resources};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use std::io;
use std::sync::Arc;
use tower::ServiceExt;

/// The toolbox of one started sandbox, in this process.
pub struct ToolboxHost {
    machine: Arc<Machine>,
    router: Router,
}

impl ToolboxHost {
    pub fn start(config: MachineConfig) -> io::Result<Self> {
        let machine = Machine::start(config);
        Ok(Self { router: toolbox::router(machine.clone()), machine })
    }

    /// Answers a request whose path is relative to the toolbox's base.
    pub async fn serve(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
    }

    pub fn resize(&self, resources: Resources) {
        self.machine.resize(resources);
    }

    /// Ends every process of the sandbox. Blocks until they are gone.
    pub fn stop(&self) {
        self.machine.stop();
    }
}
