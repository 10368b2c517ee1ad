//! Downloads many files, hundreds with a request, each written as its part of the response arrives. After a lost
//! connection the files without an outcome are requested again, as long as each request completes at least one.

use super::atomic_file::{self, Chunks, LocalSink};
use super::blocking;
use super::bulk::{BatchReport, Pair};
use super::bulk_request::request;
use super::content::READ;
use super::failure::{cannot, quoted};
use super::multipart::Multipart;
use crate::client::codes;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::{Json, Response};
use serde::Deserialize;
use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

crate::params! {
    pub struct DownloadMany {
        /// The files, an array of {localPath, remotePath}. Missing directories are made, existing files replaced.
        pub files: Vec<Pair>,
    }
}

/// Files of one request.
const BATCH_FILES: usize = 256;

/// Upper bound on what is read of an `error` part.
const MAX_ERROR_BYTES: usize = 64 * 1024;

pub async fn download_many(sandbox: Sandbox, params: DownloadMany, context: Context) -> Result<Json> {
    let mut report = BatchReport::new("files.download_many", &sandbox, params.files, context.progress)?;
    download_pairs(&sandbox, &mut report).await?;
    report.json()
}

/// Downloads the pending files of the report.
pub(super) async fn download_pairs(sandbox: &Sandbox, report: &mut BatchReport) -> Result<()> {
    refuse_directories(report).await?;
    let mut queue = VecDeque::from(report.pending());
    while !queue.is_empty() {
        let wanted: Vec<usize> = queue.drain(..queue.len().min(BATCH_FILES)).collect();
        let outcome = download_batch(sandbox, report, &wanted).await;
        let left: Vec<usize> = wanted.iter().copied().filter(|index| report.is_pending(*index)).collect();
        match outcome {
            Ok(()) => {}
            Err(error) if error.status() == status::CONNECTION && left.len() < wanted.len() => {
                left.into_iter().rev().for_each(|index| queue.push_front(index));
            }
            Err(error) => {
                report.fail_pending(error)?;
                break;
            }
        }
    }
    Ok(())
}

/// Fails the files whose local path is a directory's, before anything is requested.
async fn refuse_directories(report: &mut BatchReport) -> Result<()> {
    let paths: Vec<_> = report.pairs.iter().map(|pair| PathBuf::from(&pair.local_path)).collect();
    let check = move || Ok(paths.iter().map(|path| atomic_file::check_now(path)).collect::<Vec<_>>());
    for (index, checked) in blocking(check).await?.into_iter().enumerate() {
        if let Err(error) = checked {
            report.failed(index, error);
        }
    }
    Ok(())
}

/// One request for these files, each of which has an outcome if it succeeds.
async fn download_batch(sandbox: &Sandbox, report: &mut BatchReport, wanted: &[usize]) -> Result<()> {
    let paths: Vec<_> = wanted.iter().map(|index| report.pairs[*index].remote_path.as_str()).collect();
    let what = format!("download {} files, the first of them", paths.len());
    let first = paths[0].to_owned();
    let failed = || cannot(&what, &first, READ);
    // A path that is requested twice has two parts.
    let mut expected = HashMap::<String, VecDeque<usize>>::new();
    for (path, index) in paths.iter().zip(wanted) {
        expected.entry((*path).to_owned()).or_default().push_back(*index);
    }
    let mut parts = request(sandbox, &paths).await.map_err(failed())?;
    while let Some(head) = parts.next_part().await.map_err(failed())? {
        // Parts of other names are extensions of the protocol.
        if !matches!(head.name.as_str(), "file" | "error") {
            continue;
        }
        let path = head.file.as_deref().unwrap_or_default();
        let index = expected.get_mut(path).and_then(VecDeque::pop_front).ok_or_else(|| {
            let message = format!("the server sent {}, which was not requested", quoted(path));
            parts.complete(Error::new(status::PROTOCOL, message))
        })?;
        if head.name == "file" {
            receive(report, index, &mut parts).await?;
        } else {
            let error = explained(&mut parts).await?;
            let error = cannot("download", &report.pairs[index].remote_path, READ)(error);
            report.failed(index, error);
        }
    }
    for index in wanted.iter().copied() {
        if report.is_pending(index) {
            let error = Error::new(status::PROTOCOL, "the server's answer ended without this file");
            let error = cannot("download", &report.pairs[index].remote_path, READ)(parts.complete(error));
            report.failed(index, error);
        }
    }
    Ok(())
}

/// Writes one file. If that fails, the file has the error and the rest of its part is skipped.
async fn receive(report: &mut BatchReport, index: usize, parts: &mut Multipart<Response>) -> Result<()> {
    let pair = report.pairs[index].clone();
    let received = match LocalSink::open(Path::new(&pair.local_path)).await {
        Ok(sink) => {
            let received = sink.receive(parts, |moved| report.report_progress(moved, None));
            received.await.map_err(cannot("download", &pair.remote_path, READ))?
        }
        Err(error) => Err(error),
    };
    match received {
        Ok(bytes) => report.done(index, bytes),
        Err(error) => report.failed(index, error),
    }
    Ok(())
}

/// The error that an `error` part describes.
async fn explained(parts: &mut Multipart<Response>) -> Result<Error> {
    #[derive(Deserialize, Default)]
    #[serde(rename_all = "camelCase", default)]
    struct Envelope {
        status_code: Option<u16>,
        message: Option<String>,
        error: Option<String>,
        code: Option<String>,
        #[serde(rename = "error_code")]
        error_code: Option<String>,
        source: Option<String>,
    }
    let mut body = Vec::new();
    while let Some(chunk) = parts.chunk().await? {
        let room = MAX_ERROR_BYTES - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    let envelope: Envelope = crate::client::json::read(&body).unwrap_or_default();
    let code = envelope.code.or(envelope.error_code);
    let of_code = code.as_deref().and_then(codes::find).and_then(|code| u16::try_from(code.status).ok());
    let is_http = |status: &u16| (400..600).contains(status);
    let status_code = envelope.status_code.filter(is_http).or(of_code.filter(is_http));
    let message = envelope.message.or(envelope.error);
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&body).chars().take(1000).collect());
    let mut error = parts.complete(Error::new(status_code.map_or(status::PROTOCOL, i32::from), message));
    let detail = error.detail_mut();
    detail.http_status = status_code.or(detail.http_status);
    detail.code = code;
    detail.source = envelope.source.or_else(|| Some("DAYTONA_DAEMON".to_owned()));
    Ok(error)
}
