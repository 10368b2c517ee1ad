//! Files of the sandbox: listing, changing, uploading and downloading them.
//!
//! Transfers use constant memory, except where the caller asks for bytes: one chunk is on the network while the
//! next is read or written, on the blocking pool. An upload announces its length, and a file that changes
//! meanwhile is an error; a downloaded file appears under its name only when it is complete.
//!
//! * [`entry`]: listing, describing, making, moving and deleting. `search`: names and text.
//! * [`upload_request`]: the upload endpoints, before 0.205 and since. [`file_download`]: the download endpoint,
//!   resumed after a lost connection. [`local_file`] is read for uploads, [`atomic_file`] written by downloads.
//! * [`content`], [`transfer`], [`stream`]: one file as bytes, as a local file, as a stream.
//! * [`bulk`], [`bulk_upload`], [`bulk_download`]: many files in few requests, over [`form`], [`bulk_request`] and
//!   [`multipart`].
//! * [`sync`]: whole directories. [`failure`]: the error messages.

mod atomic_file;
mod bulk;
mod bulk_download;
mod bulk_request;
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

pub(crate) use file_download::{Media, RemoteFile};
pub(crate) use transfer::download_to;
pub(crate) use upload_request::probe_daemon;

use super::blocking::run as blocking;
use super::error::{Error, Result};

/// Bytes of one disk read or write: large enough that the switch to a blocking thread does not count, small enough
/// to stay in the processor's cache until they are sent.
const DISK_CHUNK_BYTES: usize = 512 * 1024;

/// Checks that a remote path is neither empty nor contains NUL.
fn path<'a>(what: &str, path: &'a str) -> Result<&'a str> {
    if path.is_empty() {
        return Err(Error::invalid(format!("`{what}` is empty; the working directory is `.`")));
    }
    if path.contains('\0') {
        return Err(Error::invalid(format!("`{what}` contains a NUL character, which no file name can")));
    }
    Ok(path)
}

/// The sandbox's path of what is below a directory there.
pub(crate) fn join(directory: &str, below: &str) -> String {
    format!("{}/{below}", directory.trim_end_matches('/'))
}
