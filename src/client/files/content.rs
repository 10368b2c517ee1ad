//! One file as bytes in memory.

use super::atomic_file::Chunks;
use super::failure::{Hints, cannot};
use super::file_download::{FileDownload, RemoteFile};
use super::{path, upload_request};
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use serde::Serialize;

crate::params! {
    pub struct Write {
        /// The file. Missing directories above it are made, an existing file is replaced.
        pub path: String,
    }
}

crate::params! {
    pub struct Read {
        /// The file.
        pub path: String,
    }
}

/// A file that was written.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "UploadedFile"))]
pub struct Uploaded {
    /// The name, without directories.
    pub name: String,
    /// The path, as it was given.
    pub path: String,
    /// `file`.
    pub r#type: String,
}

pub(super) const WRITE: Hints = &[(
    status::HTTP_BAD_REQUEST,
    "a directory is in its place, a file is in the place of a directory, or the sandbox's user lacks permission",
)];
pub(super) const READ: Hints = &[(status::HTTP_BAD_REQUEST, "it is not a regular file")];

pub async fn write(sandbox: Sandbox, params: Write, context: Context) -> Result<Json> {
    let file = path("path", &params.path)?;
    let written = upload_request::send_bytes(&sandbox, file, &context.body).await;
    written.map_err(cannot("write", file, WRITE))
}

pub async fn read(sandbox: Sandbox, params: Read, _: Context) -> Result<Vec<u8>> {
    let file = path("path", &params.path)?;
    let read = async {
        let mut download = FileDownload::open(&sandbox, RemoteFile::at(file)).await?;
        let mut content = Vec::new();
        let too_long = |length: u64| {
            let message = format!(
                "its {length} bytes do not fit into memory; files.download and files.reader use a constant amount"
            );
            Error::new(status::IO, message)
        };
        // Capacity for the content and the NUL that the C boundary adds: each byte is copied once.
        let length = download.length.unwrap_or_default();
        let room = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(1);
        content.try_reserve_exact(room).map_err(|_| too_long(length))?;
        while let Some(chunk) = download.chunk().await? {
            content.try_reserve(chunk.len() + 1).map_err(|_| too_long(download.position))?;
            content.extend_from_slice(&chunk);
        }
        Ok(content)
    };
    read.await.map_err(cannot("read", file, READ))
}
