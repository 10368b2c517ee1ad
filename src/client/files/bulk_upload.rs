//! Uploads many files. Small ones share a request; larger ones are streamed, one a request. A batch is read into
//! memory before it is sent, while the one before it is sent, so that a local read error cannot abort it. A batch
//! that the server refuses is sent again file by file, so that each file has an error of its own.

use super::bulk::{BatchReport, Pair, is_about_the_file};
use super::form::Form;
use super::local_file::LocalFile;
use super::transfer::upload_file;
use super::{blocking, content, failure};
use crate::client::error::Result;
use crate::client::json;
use crate::client::operation::{Context, Progress};
use crate::client::sandbox::{Sandbox, is_missing_route};
use crate::client::transport::Json;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

crate::params! {
    pub struct UploadMany {
        /// The files, an array of {localPath, remotePath}. Missing directories are made, existing files replaced.
        pub files: Vec<Pair>,
    }
}

/// Larger files have a request of their own.
const MAX_SHARED_FILE_BYTES: u64 = 256 * 1024;
/// Bytes and files of one shared request.
const BATCH_BYTES: u64 = 2 << 20;
const BATCH_FILES: usize = 256;

pub async fn upload_many(sandbox: Sandbox, params: UploadMany, context: Context) -> Result<Json> {
    let mut report = BatchReport::new("files.upload_many", &sandbox, params.files, context.progress)?;
    upload_pairs(&sandbox, &mut report).await?;
    report.json()
}

/// Uploads the pending files of the report.
pub(super) async fn upload_pairs(sandbox: &Sandbox, report: &mut BatchReport) -> Result<()> {
    let lengths = lengths(report).await?;
    upload_all(sandbox, report, &lengths).await
}

/// The length of each file, `None` where only reading the file would tell it. What is no regular file fails here.
async fn lengths(report: &mut BatchReport) -> Result<Vec<Option<u64>>> {
    let paths: Vec<_> = report.pairs.iter().map(|pair| PathBuf::from(&pair.local_path)).collect();
    let found = blocking(move || {
        Ok(paths.into_iter().map(LocalFile::length_now).collect::<Vec<Result<Option<u64>>>>())
    });
    let mut lengths = Vec::with_capacity(report.pairs.len());
    for (index, length) in found.await?.into_iter().enumerate() {
        lengths.push(*length.as_ref().unwrap_or(&Some(0)));
        if let Err(error) = length {
            report.failed(index, error);
        }
    }
    Ok(lengths)
}

async fn upload_all(sandbox: &Sandbox, report: &mut BatchReport, lengths: &[Option<u64>]) -> Result<()> {
    let total = lengths.iter().flatten().sum();
    let mut batches = batches(report, lengths).into_iter();
    let mut next = batches.next().map(|batch| (contents(report, &batch), batch));
    while let Some((contents_of_batch, batch)) = next {
        let contents_of_batch = contents_of_batch.await?;
        // Read while this one is sent.
        next = batches.next().map(|batch| (contents(report, &batch), batch));
        if !send_batch(sandbox, report, batch, contents_of_batch, total).await? {
            break;
        }
    }
    Ok(())
}

/// The pending files, those of one request together. Keeps the order: of two files with the same remote path the
/// last one stays.
fn batches(report: &BatchReport, lengths: &[Option<u64>]) -> Vec<Vec<usize>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut batch_bytes = 0;
    for index in report.pending() {
        let remote = &report.pairs[index].remote_path;
        // The server trims the paths of a shared request.
        let shared =
            lengths[index].filter(|length| *length <= MAX_SHARED_FILE_BYTES && remote.trim() == remote);
        if shared.is_none_or(|length| batch_bytes + length > BATCH_BYTES) || batch.len() == BATCH_FILES {
            batches.push(std::mem::take(&mut batch));
            batch_bytes = 0;
        }
        if let Some(length) = shared {
            batch.push(index);
            batch_bytes += length;
        } else {
            batches.push(vec![index]);
        }
    }
    batches.push(batch);
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// The content of each file of a request, `None` of one that has grown since its length was read.
type Contents = Vec<Result<Option<Vec<u8>>>>;

/// Begins to read the files of a request; a single one is read while it is sent.
fn contents(report: &BatchReport, batch: &[usize]) -> impl Future<Output = Result<Contents>> + use<> {
    let shared = if batch.len() > 1 { batch } else { &[] };
    let paths: Vec<_> = shared.iter().map(|index| PathBuf::from(&report.pairs[*index].local_path)).collect();
    let read = |path| LocalFile::open_now(path)?.read_now(MAX_SHARED_FILE_BYTES);
    blocking(move || Ok(paths.into_iter().map(read).collect()))
}

/// Uploads one file; false if the failure concerns all of them.
async fn send_one(sandbox: &Sandbox, report: &mut BatchReport, index: usize, total: u64) -> Result<bool> {
    let pair = &report.pairs[index];
    let before = report.moved;
    let progress = report.progress.clone().map(|progress| -> Progress {
        Arc::new(move |moved, _| progress(before + moved, Some(total.max(before + moved))))
    });
    match upload_file(sandbox, Path::new(&pair.local_path), &pair.remote_path, progress).await {
        Ok(bytes) => report.done(index, bytes),
        Err(error) if is_about_the_file(&error) => report.failed(index, error),
        Err(error) => {
            report.fail_pending(error)?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// Uploads the files of one request; false if the failure concerns all of them.
async fn send_batch(
    sandbox: &Sandbox,
    report: &mut BatchReport,
    batch: Vec<usize>,
    contents: Contents,
    total: u64,
) -> Result<bool> {
    let alone = match batch.len() {
        1 => batch,
        _ => match share(sandbox, report, &batch, contents).await {
            Ok(alone) => alone,
            Err(error) => {
                report.fail_pending(error)?;
                return Ok(false);
            }
        },
    };
    report.report_progress(0, Some(total.max(report.moved)));
    for index in alone {
        if !send_one(sandbox, report, index, total).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One request for several files. Returns those that the server did not confirm.
async fn share(
    sandbox: &Sandbox,
    report: &mut BatchReport,
    batch: &[usize],
    contents: Contents,
) -> Result<Vec<usize>> {
    let form = Form::new();
    let mut body = Vec::new();
    let mut sent = Vec::new();
    let mut alone = Vec::new();
    for (index, content) in batch.iter().copied().zip(contents) {
        let content = match content {
            Ok(Some(content)) => content,
            Ok(None) => {
                alone.push(index);
                continue;
            }
            Err(error) => {
                report.failed(index, error);
                continue;
            }
        };
        let number = sent.len();
        if number > 0 {
            body.extend_from_slice(Form::SEPARATOR.as_bytes());
        }
        // The server expects the path before the file; the index joins the two.
        body.extend_from_slice(&form.text_head(&format!("files[{number}].path")));
        body.extend_from_slice(report.pairs[index].remote_path.as_bytes());
        body.extend_from_slice(Form::SEPARATOR.as_bytes());
        body.extend_from_slice(&form.file_head(&format!("files[{number}].file")));
        body.extend_from_slice(&content);
        sent.push((index, content.len() as u64));
    }
    if sent.is_empty() {
        return Ok(alone);
    }
    body.extend_from_slice(&form.tail());
    let limit = sandbox.client().config().idle_timeout;
    let request = sandbox.toolbox(Method::POST, "files/bulk-upload").await?;
    let request = request.bytes(&form.content_type(), Bytes::from(body)).deadline(limit);
    let answer = async { written(&request.send().await?.json().await?) };
    let mut written = match answer.await {
        Ok(written) => written,
        // The error of a batch is one text for all files; sent one by one, each has its own.
        Err(error) if is_about_the_file(&error) || is_missing_route(&error) => {
            return Ok(batch.iter().copied().filter(|index| report.is_pending(*index)).collect());
        }
        Err(error) => {
            let what = format!("upload {} files, the first of them to", sent.len());
            let first = &report.pairs[sent[0].0].remote_path;
            return Err(failure::cannot(&what, first, content::WRITE)(error));
        }
    };
    for (index, bytes) in sent {
        let known = written.get_mut(&report.pairs[index].remote_path);
        match known.and_then(|lengths| {
            lengths.iter().position(|length| *length == bytes).map(|at| lengths.remove(at))
        }) {
            Some(_) => report.done(index, bytes),
            None => alone.push(index),
        }
    }
    Ok(alone)
}

/// The lengths that the server confirmed, by path.
fn written(json: &Json) -> Result<HashMap<String, Vec<u64>>> {
    #[derive(Deserialize)]
    struct Answer {
        files: Option<Vec<File>>,
    }
    #[derive(Deserialize)]
    struct File {
        path: String,
        bytes: u64,
    }
    let answer: Answer = json::read(&json.text).map_err(|error| {
        let why = json::describe(&error);
        json.error(format!("the server's answer does not describe the uploaded files: {why}"))
    })?;
    let mut written = HashMap::<_, Vec<_>>::new();
    for file in answer.files.unwrap_or_default() {
        written.entry(file.path).or_default().push(file.bytes);
    }
    Ok(written)
}
