//! Commands that run once.

use crate::sandbox::Sandbox;
use axum::Router;
use std::sync::Arc;

pub fn routes() -> Router<Arc<Sandbox>> {
    Router::new()
}
