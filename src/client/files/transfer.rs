//! Uploads and downloads one local file.

use super::atomic_file::{self, LocalSink};
use super::content::{READ, WRITE};
use super::failure::cannot;
use super::file_download::{FileDownload, RemoteFile};
use super::local_file::LocalFile;
use super::{path, upload_request};
use crate::client::error::{Error, Result};
use crate::client::operation::{Context, Progress};
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use serde::Serialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

crate::params! {
    pub struct Upload {
        /// The local file, a regular one. An error if it changes while it is sent.
        pub local_path: String,
        /// Its path in the sandbox, name included. Missing directories are made, an existing file is replaced.
        pub remote_path: String,
    }
}

crate::params! {
    pub struct Download {
        /// The file in the sandbox.
        pub remote_path: String,
        /// Its local path, name included. Missing directories are made, an existing file is replaced.
        pub local_path: String,
    }
}

/// What was transferred.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Transferred {
    /// The file's length.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
}

impl Transferred {
    pub(crate) fn json(bytes: u64) -> Json {
        format!("{{\"bytes\":{bytes}}}").into_bytes().into()
    }
}

pub(super) fn local_path(path: &str) -> Result<&Path> {
    if path.is_empty() {
        return Err(Error::invalid("`localPath` is empty"));
    }
    Ok(Path::new(path))
}

pub async fn upload(sandbox: Sandbox, params: Upload, context: Context) -> Result<Json> {
    let local = local_path(&params.local_path)?;
    let remote = path("remotePath", &params.remote_path)?;
    let bytes = upload_file(&sandbox, local, remote, context.progress).await?;
    Ok(Transferred::json(bytes))
}

/// Returns the file's length. The last progress report has it as bytes and as total.
pub(super) async fn upload_file(
    sandbox: &Sandbox,
    local: &Path,
    remote: &str,
    progress: Option<Progress>,
) -> Result<u64> {
    let failed = || cannot("upload to", remote, WRITE);
    let mut fallback = upload_request::EndpointFallback::default();
    let (length, sent) = loop {
        let file = LocalFile::open(local).await?;
        let length = file.length;
        let endpoint = upload_request::endpoint(sandbox).await.map_err(failed())?;
        let sent = Arc::<AtomicU64>::default();
        let chunks = counted(file.chunks(), sent.clone(), length, progress.clone());
        let request = upload_request::streamed(sandbox, remote, endpoint, length, chunks).await?;
        match upload_request::send(sandbox, endpoint, request).await {
            Ok(_) => break (length, sent.load(Ordering::Relaxed)),
            Err(error) if fallback.applies(sandbox, endpoint, &error) => {}
            Err(error) => return Err(failed()(error)),
        }
    };
    if let Some(progress) = progress.filter(|_| length.is_none_or(|length| length == 0)) {
        progress(sent, Some(sent));
    }
    Ok(sent)
}

/// Counts the bytes of the stream and reports progress.
fn counted(
    chunks: impl Stream<Item = Result<Bytes>> + Send + 'static,
    sent: Arc<AtomicU64>,
    length: Option<u64>,
    progress: Option<Progress>,
) -> impl Stream<Item = Result<Bytes>> + Send + 'static {
    chunks.inspect(move |chunk| {
        let Ok(chunk) = chunk else { return };
        let sent = sent.fetch_add(chunk.len() as u64, Ordering::Relaxed) + chunk.len() as u64;
        if let Some(progress) = &progress {
            progress(sent, length);
        }
    })
}

pub async fn download(sandbox: Sandbox, params: Download, context: Context) -> Result<Json> {
    let local = local_path(&params.local_path)?;
    let remote = path("remotePath", &params.remote_path)?;
    atomic_file::check(local).await?;
    let bytes = download_file(&sandbox, remote, local, context.progress).await?;
    Ok(Transferred::json(bytes))
}

/// Returns the file's length. The last progress report has it as bytes and as total.
pub(super) async fn download_file(
    sandbox: &Sandbox,
    remote: &str,
    local: &Path,
    progress: Option<Progress>,
) -> Result<u64> {
    let failed = || cannot("download", remote, READ);
    receive(sandbox, RemoteFile::at(remote), local, progress, failed).await
}

/// Downloads to a local path, as `files.download` does; `failed` says what was attempted.
pub(crate) async fn download_to<F: FnOnce(Error) -> Error>(
    sandbox: &Sandbox,
    file: RemoteFile,
    local: &str,
    progress: Option<Progress>,
    failed: impl Fn() -> F,
) -> Result<u64> {
    let local = local_path(local)?;
    atomic_file::check(local).await?;
    receive(sandbox, file, local, progress, failed).await
}

async fn receive<F: FnOnce(Error) -> Error>(
    sandbox: &Sandbox,
    file: RemoteFile,
    local: &Path,
    progress: Option<Progress>,
    failed: impl Fn() -> F,
) -> Result<u64> {
    let mut download = FileDownload::open(sandbox, file).await.map_err(failed())?;
    let sink = LocalSink::open(local).await?;
    let length = download.length;
    let report = |moved, total| progress.iter().for_each(|progress| progress(moved, total));
    let received = sink.receive(&mut download, |moved| report(moved, length)).await;
    let bytes = received.map_err(failed())??;
    report(bytes, Some(bytes));
    Ok(bytes)
}
