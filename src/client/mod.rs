//! The Rust SDK: one file per noun, over one transport.

pub mod background;
pub mod echo;
pub mod error;
pub mod process;
pub mod sandbox;
pub mod status;
pub mod stream;
pub mod transport;

use std::sync::Arc;
use transport::Transport;

/// A configured way to Daytona. Cheap to clone; making one sends nothing.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    transport: Transport,
}

impl Client {
    pub fn transport(&self) -> &Transport {
        &self.0.transport
    }
}
