//! The room of pty.

use crate::sandbox::Sandbox;
use axum::Router;
use std::sync::Arc;

/// What a sandbox keeps here.
#[derive(Default)]
pub struct Ptys {}

impl Ptys {
    /// Ends everything, before the processes are killed.
    pub fn clear(&self) {}
}

pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
}
