//! The `/files` endpoints, on the machine's file system.
//!
//! Relative paths start at the sandbox's home. Contents are never in memory as a whole: they pass in chunks
//! of [`CHUNK_BYTES`], one being transferred while the next is read or written. Answers and errors are the
//! daemon's, including Go's texts of system errors.

mod bulk;
mod call;
mod change;
mod disposition;
mod download;
mod error;
mod info;
mod multipart;
mod pattern;
mod protected;
mod search;
mod sink;
mod source;
mod upload;
mod walk;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{get, post},
};

use crate::toolbox::Machine;
use call::handler;

pub use call::query_value;

/// The unit of reading and writing: large enough to make the hand-over to a blocking thread negligible.
const CHUNK_BYTES: usize = 256 * 1024;

/// The endpoints, relative to the toolbox's base.
pub fn routes() -> Router<Arc<Machine>> {
    let directory = || get(handler(info::list)).delete(handler(change::delete));
    Router::new()
        .route("/files", directory())
        .route("/files/", directory())
        .route("/files/info", get(handler(info::info)))
        .route("/files/folder", post(handler(change::folder)))
        .route("/files/move", post(handler(change::rename)))
        .route("/files/permissions", post(handler(change::permissions)))
        .route("/files/search", get(handler(search::search)))
        .route("/files/find", get(handler(search::find)))
        .route("/files/replace", post(handler(search::replace)))
        .route("/files/upload", post(handler(upload::form)))
        .route("/files/upload-v2", post(handler(upload::raw_or_form)))
        .route("/files/bulk-upload", post(handler(bulk::upload)))
        .route("/files/download", get(handler(download::download)))
        .route("/files/bulk-download", post(handler(bulk::download)))
        .layer(DefaultBodyLimit::disable())
}
