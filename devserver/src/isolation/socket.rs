//! The socket of a sandbox's daemon. A socket's path has room for about 100 bytes, fewer than a directory's
//! name may have.

use super::short_name::ShortName;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tokio::net::UnixStream;

/// The socket's name, in the container's directory.
pub const NAME: &str = "daemon.sock";

/// Connects to a daemon's socket.
pub async fn connect(socket: &Path) -> io::Result<UnixStream> {
    const MOST_BYTES: usize = 100;
    if socket.as_os_str().as_bytes().len() < MOST_BYTES {
        return UnixStream::connect(socket).await;
    }
    let directory = ShortName::of(socket.parent().unwrap_or(socket))?;
    UnixStream::connect(directory.path().join(NAME)).await
}
