//! Files of the sandbox: looked at, changed, and moved to and from this machine.
//!
//! Contents are never held whole, but where the caller asked for bytes in memory: they go through in
//! pieces, one on the wire while the next is at the disk, which is only ever touched on the blocking
//! pool. Nothing is a success that is not one: a file is sent with its length, and one that changes
//! meanwhile is an error; a file that arrives appears under its name only when it is complete.
//!
//! * [`entry`]: what is there, and changing it. [`search`]: looking for names and text.
//! * [`upload_request`]: the two ways in, one for servers since 0.205 and one for those before. [`file_download`]: the
//!   way out, resumed after a lost connection. [`local_file`], [`atomic_file`]: the local files at their other ends.
//! * [`content`], [`transfer`], [`stream`]: one file as bytes, as a local file, as a stream.
//! * [`bulk`], [`bulk_upload`], [`bulk_download`]: many in few requests, over [`form`] and [`multipart`].
//! * [`sync`]: whole directories. [`failure`]: what all of them say when something fails.

mod atomic_file;
mod bulk;
mod bulk_download;
mod bulk_upload;
mod content;
mod entry;
mod failure;
mod file_download;
mod form;
mod local_file;
mod multipart;
mod search;
mod stream;
mod sync;
mod transfer;
mod upload_request;

pub use bulk::{Moved, Pair};
pub use bulk_download::{DownloadMany, download_many};
pub use bulk_upload::{UploadMany, upload_many};
pub use content::{Read, Uploaded, Write, read, write};
pub use entry::{
    Delete, FileInfo, Info, List, Mkdir, Move, SetPermissions, delete, info, list, mkdir, rename,
    set_permissions,
};
pub use search::{Find, Found, Match, Replace, Replaced, Search, find, replace, search};
pub use stream::{Reader, ReaderOpened, StreamEnded, Writer, reader, writer};
pub use sync::{Skipped, SyncDown, SyncUp, Synced, sync_down, sync_up};
pub use transfer::{Download, Transferred, Upload, download, upload};

use super::error::{Error, Result};
use super::status;
use super::transport::shaped;

/// How much is read from or written to a disk at once: large enough that the hop to a blocking thread
/// vanishes, small enough to stay in the processor's cache between disk and wire.
const DISK_CHUNK_BYTES: usize = 512 * 1024;

/// A path that a server can be asked about.
fn path<'a>(what: &str, path: &'a str) -> Result<&'a str> {
    if path.is_empty() {
        return Err(Error::invalid(format!("`{what}` is empty; the working directory is `.`")));
    }
    if path.contains('\0') {
        return Err(Error::invalid(format!("`{what}` contains a NUL character, which no file name can")));
    }
    Ok(path)
}

/// Runs what waits for the disk where waiting is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::new(status::IO, format!("the work with a local file ended early: {error}"))),
    }
}
