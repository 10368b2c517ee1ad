//! Downloads one file in chunks. After a lost connection it resumes with a range request, but only if the file is
//! provably the same; otherwise the loss is the error. A file of `/proc` has the length 0, and the daemon sends no more
//! of it, but in an answer with several files: an empty file is asked for once more there.

use crate::client::error::{Error, Result};
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::{Request, Response, backoff};
use bytes::Bytes;
use http::Method;
use std::time::Duration;
use tokio::time::timeout;

use super::atomic_file::{Chunks, incomplete};
use super::bulk_request;
use super::multipart::Multipart;

/// `Last-Modified` has whole seconds: a younger time does not tell a file from one written a moment later.
const MIN_VALIDATOR_AGE: Duration = Duration::from_secs(2);

/// What a GET gives as a file: the route, its `path` if it takes one, and the kind of the content.
#[derive(Clone)]
pub(crate) struct RemoteFile {
    pub route: String,
    pub path: Option<String>,
    pub media: Media,
}

#[derive(Clone, Copy)]
pub(crate) enum Media {
    Any,
    Video,
}

impl RemoteFile {
    pub fn at(path: &str) -> Self {
        Self { route: "files/download".to_owned(), path: Some(path.to_owned()), media: Media::Any }
    }
}

pub(super) async fn request(sandbox: &Sandbox, file: &RemoteFile) -> Result<Request> {
    let mut request = sandbox.toolbox(Method::GET, &file.route).await?;
    if let Some(path) = &file.path {
        request = request.query("path", path);
    }
    // The daemon sends the head at once, so the idle limit bounds the wait for it.
    Ok(request.header("accept", "*/*").deadline(sandbox.client().config().idle_timeout))
}

/// Tells the daemon's answer from a login page or a proxy's error page with status 200.
pub(super) fn must_be_file(response: &Response, media: Media) -> Result<()> {
    let kind = response.header("content-type").unwrap_or("no content type");
    let is_video = matches!(media, Media::Video) && kind.starts_with("video/");
    let is_bytes = kind.starts_with("application/octet-stream");
    if is_video || is_bytes || response.header("content-disposition").is_some() {
        return Ok(());
    }
    let message = format!(
        "the answer is not a file ({}): is this Daytona's address, or a proxy's or login page's?",
        kind.escape_debug()
    );
    Err(response.complete(Error::new(status::PROTOCOL, message)))
}

/// A file that is being downloaded.
pub(super) struct FileDownload {
    sandbox: Sandbox,
    file: RemoteFile,
    response: Response,
    pub position: u64,
    /// `None` where the server does not announce it.
    pub length: Option<u64>,
    /// The `Last-Modified` that a resumed request sends as `If-Range`.
    version: Option<String>,
    /// Attempts to resume since the last byte.
    losses: u32,
    /// Where a file whose length is reported as 0 has content: its first piece, and the rest.
    unannounced: Option<(Option<Bytes>, Multipart<Response>)>,
}

impl Chunks for FileDownload {
    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        if let Some((first, rest)) = &mut self.unannounced {
            let chunk = match first.take() {
                None => rest.chunk().await?,
                first => first,
            };
            self.position += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
            return Ok(chunk);
        }
        loop {
            match self.response.chunk().await {
                Ok(Some(chunk)) if chunk.is_empty() => {}
                Ok(Some(chunk)) => {
                    self.position += chunk.len() as u64;
                    self.losses = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) => {
                    return match self.length {
                        Some(length) if length != self.position => {
                            Err(self.response.complete(incomplete(self.position, length)))
                        }
                        _ => Ok(None),
                    };
                }
                Err(error) if error.status() == status::CONNECTION => self.resume(error).await?,
                Err(error) => return Err(error),
            }
        }
    }
}

impl FileDownload {
    pub async fn open(sandbox: &Sandbox, file: RemoteFile) -> Result<Self> {
        let mut response = request(sandbox, &file).await?.send().await?;
        must_be_file(&response, file.media)?;
        let announced = response.length();
        let unannounced = match &file.path {
            // Read to its end first, which frees its connection.
            Some(path) if announced == Some(0) && response.chunk().await?.is_none() => {
                let limit = sandbox.client().connect_limit();
                timeout(limit, unannounced(sandbox, path)).await.ok().flatten()
            }
            _ => None,
        };
        Ok(Self {
            sandbox: sandbox.clone(),
            file,
            position: 0,
            length: announced.filter(|_| unannounced.is_none()),
            version: version(&response),
            losses: 0,
            unannounced,
            response,
        })
    }

    async fn resume(&mut self, lost: Error) -> Result<()> {
        let (Some(version), Some(length)) = (&self.version, self.length) else { return Err(lost) };
        let mut lost = lost;
        while self.losses < self.sandbox.client().config().retries {
            self.losses += 1;
            tokio::time::sleep(backoff(self.losses)).await;
            let request = request(&self.sandbox, &self.file).await?;
            let request =
                request.header("range", &format!("bytes={}-", self.position)).header("if-range", version);
            match request.send().await {
                Ok(response) if continues(&response, self.position, length) => {
                    self.response = response;
                    return Ok(());
                }
                Ok(_) => {
                    let detail = lost.detail_mut();
                    detail.message.push_str("; it cannot be resumed because the file has changed meanwhile");
                    return Err(lost);
                }
                Err(error) if error.status() == status::CONNECTION => lost = error,
                Err(error) => return Err(error),
            }
        }
        Err(lost)
    }
}

/// The content of a file whose length is reported as 0; `None` where that is true, or cannot be told.
async fn unannounced(sandbox: &Sandbox, path: &str) -> Option<(Option<Bytes>, Multipart<Response>)> {
    let mut parts = bulk_request::request(sandbox, &[path]).await.ok()?;
    parts.next_part().await.ok()?.filter(|head| head.name == "file")?;
    let first = parts.chunk().await.ok()??;
    Some((Some(first), parts))
}

/// Does the response continue at this position of a file of this length?
fn continues(response: &Response, position: u64, length: u64) -> bool {
    let Some(last) = length.checked_sub(1) else { return false };
    let expected = format!("bytes {position}-{last}/{length}");
    response.status() == 206 && response.header("content-range") == Some(&expected)
}

/// `Last-Modified`, if it is old enough to tell a changed file.
fn version(response: &Response) -> Option<String> {
    let modified = response.header("last-modified")?;
    let now = httpdate::parse_http_date(response.header("date")?).ok()?;
    let age = now.duration_since(httpdate::parse_http_date(modified).ok()?).ok()?;
    (age >= MIN_VALIDATOR_AGE).then(|| modified.to_owned())
}
