//! The `/files` endpoints: the machine's own file system, seen from a sandbox's home.
//!
//! An absolute path is what it says; a relative one starts at the home. Contents are never held whole:
//! a gigabyte goes through in pieces of [`PIECE`] bytes, one being moved while the next is made.
//! Answers and refusals are the daemon's, down to Go's wording of a system error.

mod bulk;
mod call;
mod change;
mod disposition;
mod download;
mod info;
mod multipart;
mod pattern;
mod protected;
mod range;
mod refusal;
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
use call::told;

pub use call::query_value;

/// How much is read or written at once: large enough that the hop to a blocking thread vanishes.
const PIECE: usize = 256 * 1024;

/// The endpoints, relative to a sandbox's toolbox base.
pub fn routes() -> Router<Arc<Machine>> {
    let directory = || get(told(info::list)).delete(told(change::delete));
    Router::new()
        .route("/files", directory())
        .route("/files/", directory())
        .route("/files/info", get(told(info::info)))
        .route("/files/folder", post(told(change::folder)))
        .route("/files/move", post(told(change::rename)))
        .route("/files/permissions", post(told(change::permissions)))
        .route("/files/search", get(told(search::search)))
        .route("/files/find", get(told(search::find)))
        .route("/files/replace", post(told(search::replace)))
        .route("/files/upload", post(told(upload::form)))
        .route("/files/upload-v2", post(told(upload::raw_or_form)))
        .route("/files/bulk-upload", post(told(bulk::upload)))
        .route("/files/download", get(told(download::download)))
        .route("/files/bulk-download", post(told(bulk::download)))
        .layer(DefaultBodyLimit::disable())
}
