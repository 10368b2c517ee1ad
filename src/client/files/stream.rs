//! One file as a stream, at the pace of its writer or reader.

use super::atomic_file::Chunks;
use super::content::{READ, WRITE};
use super::failure::cannot;
use super::file_download::{FileDownload, RemoteFile};
use super::{path, upload_request};
use crate::client::error::{Error, Result};
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::stream::{Channel, Ended, Io};
use crate::client::transport::Json;
use bytes::Bytes;
use futures_util::Stream;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;

crate::params! {
    stream pub struct Writer {
        /// The file. Missing directories above it are made, an existing file is replaced.
        pub path: String,
        /// How many bytes will be written, where that is known: another number is then an error.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
        pub length: Option<u64>,
    }
}

crate::params! {
    stream pub struct Reader {
        /// The file.
        pub path: String,
    }
}

/// A file that is being read.
#[derive(serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReaderOpened {
    /// The file's length; null where the server does not say.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub length: Option<u64>,
}

/// A file that was read or written to its end.
#[derive(serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FileStreamEnded"))]
pub struct StreamEnded {
    /// Bytes read or written.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
    /// The same.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub position: u64,
}

pub async fn reader(sandbox: Sandbox, params: Reader, io: Io) -> Result<Ended> {
    let file = path("path", &params.path)?;
    let failed = || cannot("read", file, READ);
    let mut download = FileDownload::open(&sandbox, RemoteFile::at(file)).await.map_err(failed())?;
    let length = download.length.map_or_else(|| "null".to_owned(), |length| length.to_string());
    io.opened(format!("{{\"length\":{length}}}"));
    loop {
        io.room().await;
        match download.chunk().await.map_err(failed())? {
            Some(chunk) => io.send(Channel::None, chunk, download.position).await,
            None => return Ok(ended(download.position)),
        }
    }
}

fn ended(bytes: u64) -> Ended {
    let json = format!("{{\"bytes\":{bytes},\"position\":{bytes}}}").into_bytes();
    Ended { json, position: Some(bytes), sandbox: None }
}

pub async fn writer(sandbox: Sandbox, params: Writer, io: Io) -> Result<Ended> {
    let file = path("path", &params.path)?;
    let mut taken = 0;
    let written = write(&sandbox, file, params.length, io, &mut taken).await;
    written.map(|()| ended(taken)).map_err(cannot("write", file, WRITE)).map_err(|mut error| {
        let detail = error.detail_mut();
        detail.bytes = Some(taken);
        detail.position = Some(taken);
        error
    })
}

async fn write(
    sandbox: &Sandbox,
    file: &str,
    length: Option<u64>,
    mut io: Io,
    taken: &mut u64,
) -> Result<()> {
    let endpoint = upload_request::endpoint(sandbox).await?;
    let (chunks, body) = mpsc::channel(1);
    let request = upload_request::streamed(sandbox, file, endpoint, length, Body(body)).await?;
    // The writer may pause. The idle limit applies below, only while the server does not take what was written.
    let sending = upload_request::send(sandbox, endpoint, request.idle(None));
    let mut sending = pin!(sending);
    let idle = sandbox.client().config().idle_timeout;
    io.opened("null");
    // With a known length the server answers at the last byte, before `finish`.
    let mut complete = false;
    loop {
        let chunk = tokio::select! {
            biased;
            answer = &mut sending, if !complete => {
                complete = early(answer, length == Some(*taken))?;
                continue;
            }
            chunk = io.input.next() => chunk,
        };
        let is_end = chunk.is_none();
        let total = *taken + chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        if let Some(complaint) = length.and_then(|length| miscounted(total, length, is_end)) {
            return Err(complaint);
        }
        if complete && is_end {
            return Ok(());
        }
        let message = chunk.map_or(Message::End, Message::Chunk);
        let handed = tokio::select! {
            biased;
            answer = &mut sending, if !complete => {
                early(answer, is_end && length == Some(total))?;
                return Ok(());
            }
            handed = limited(idle, chunks.send(message)) => handed,
        };
        match handed {
            Some(Ok(())) => *taken = total,
            // The request has ended; its answer is the error.
            Some(Err(_)) => {}
            None => return Err(stalled(idle, *taken)),
        }
        if is_end {
            break;
        }
    }
    match limited(idle, sending).await {
        Some(answer) => answer.map(drop),
        None => Err(stalled(idle, *taken)),
    }
}

async fn limited<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.ok(),
        None => Some(work.await),
    }
}

fn miscounted(written: u64, length: u64, finished: bool) -> Option<Error> {
    let how = if written > length {
        "more"
    } else if finished && written < length {
        "less"
    } else {
        return None;
    };
    Some(Error::invalid(format!(
        "files.writer: {how} was written than `length` announced, {written} bytes instead of {length}; the \
         upload was given up"
    )))
}

/// Judges an answer that comes before `finish`: true if the announced length was sent, else an error.
fn early(answer: Result<Json>, may_come: bool) -> Result<bool> {
    let answer = answer?;
    if may_come {
        return Ok(true);
    }
    Err(answer.error("the server answered before the upload was complete"))
}

fn stalled(limit: Option<Duration>, taken: u64) -> Error {
    let limit = limit.unwrap_or_default().as_millis();
    Error::new(
        status::TIMEOUT,
        format!(
            "the server stopped taking the upload: nothing moved for {limit} ms after {taken} bytes; \
             `idleTimeoutMs` is the limit"
        ),
    )
}

enum Message {
    Chunk(Bytes),
    End,
}

/// The body of the upload. It is complete only after `finish`: if the writer is dropped before, the request is
/// aborted, so that the server does not store half a file.
struct Body(mpsc::Receiver<Message>);

impl Stream for Body {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        self.0.poll_recv(cx).map(|message| match message {
            Some(Message::Chunk(chunk)) => Some(Ok(chunk)),
            Some(Message::End) => None,
            None => Some(Err(Error::new(status::CANCELLED, "the writer was closed before `finish`"))),
        })
    }
}
