//! Brings bundles into the object store: packed and sent at the same time, in a few parts of memory.

use super::archive::{self, unwrapped};
use super::bundle::Bundle;
use super::hash::hash;
use super::object::Style;
use super::store::Store;
use crate::client::blocking;
use crate::client::error::{Error, Result};
use crate::client::operation::Progress;
use crate::client::status;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// The smallest part that S3 takes, but for the last.
const PART_BYTES: u64 = 5 << 20;
/// The most parts of an upload.
const PARTS_MAX: u64 = 10_000;
/// The memory for parts: one is filled while the others are sent.
const MEMORY_BYTES: u64 = 4 * PART_BYTES;

/// Puts every bundle into the store that is not there yet, and gives their hashes in order.
pub(super) async fn upload(
    store: &Store,
    bundles: Vec<Bundle>,
    progress: Option<Progress>,
) -> Result<Vec<String>> {
    let total: u64 = bundles.iter().map(archive::length).sum();
    let mut report = Report { progress, moved: 0, total };
    let mut hashes = Vec::with_capacity(bundles.len());
    for bundle in bundles {
        let bundle = Arc::new(bundle);
        let (hashed, wanted) = (bundle.clone(), Arc::new(()));
        let still_wanted = Arc::downgrade(&wanted);
        let hash = blocking::run(move || hash(&hashed, &still_wanted)).await?;
        if hashes.contains(&hash) || is_there(store, &bundle, &hash).await? {
            report.add(archive::length(&bundle));
        } else {
            send(store, &store.key(&hash), bundle, &mut report).await?;
        }
        hashes.push(hash);
    }
    Ok(hashes)
}

async fn is_there(store: &Store, bundle: &Bundle, hash: &str) -> Result<bool> {
    match bundle.style {
        Some(Style::Go | Style::Typescript) => store.lists(hash).await,
        _ => store.has(&store.key(hash)).await,
    }
}

async fn send(store: &Store, key: &str, bundle: Arc<Bundle>, report: &mut Report) -> Result<()> {
    let length = archive::length(&bundle);
    let part_bytes = PART_BYTES.max(length.div_ceil(PARTS_MAX));
    let (parts, filled) = mpsc::channel(1);
    let permits = usize::try_from(MEMORY_BYTES / part_bytes).unwrap_or(1).max(2);
    let memory = Arc::new(Semaphore::new(permits));
    // Ends by itself once the receiver of the parts is gone.
    let packing = blocking::run(move || {
        let mut writer = PartWriter { parts, memory, part_bytes: part_bytes as usize, part: None };
        archive::write(&bundle, &mut writer)?;
        writer.hand_over().map_err(unwrapped)
    });
    let sending = send_parts(store, key, length <= part_bytes, filled, report);
    // The packing that fails has the reason why no part comes any more; the sending that fails, why none is taken.
    let mut sending = std::pin::pin!(sending);
    let mut packing = std::pin::pin!(packing);
    tokio::select! {
        sent = &mut sending => {
            let finish = sent?;
            packing.await?;
            finish.await
        }
        packed = &mut packing => {
            packed?;
            sending.await?.await
        }
    }
}

/// Sends the parts as they come. What is left to do, once it is known that the archive is whole, is the future that it
/// gives.
async fn send_parts<'s>(
    store: &'s Store,
    key: &'s str,
    is_small: bool,
    mut filled: mpsc::Receiver<Part>,
    report: &mut Report,
) -> Result<Pin<Box<dyn Future<Output = Result<()>> + Send + 's>>> {
    if is_small {
        let bytes = filled.recv().await.map(|part| part.bytes).unwrap_or_default();
        report.add(bytes.len() as u64);
        return Ok(Box::pin(store.put(key, bytes)));
    }
    let upload = store.begin(key).await?;
    let mut tags: Vec<String> = Vec::new();
    let mut under_way = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(sent) = under_way.next() => {
                let (number, tag, length): (usize, Result<String>, u64) = sent;
                tags[number] = tag?;
                report.add(length);
            }
            Some(Part { bytes, permit }) = filled.recv() => {
                let (number, length) = (tags.len(), bytes.len() as u64);
                tags.push(String::new());
                let sent = upload.part(u16::try_from(number + 1).unwrap_or(u16::MAX), bytes);
                under_way.push(async move {
                    let tag = sent.await;
                    drop(permit);
                    (number, tag, length)
                });
            }
            else => break,
        }
    }
    Ok(Box::pin(async move { upload.complete(&tags).await }))
}

/// A filled part, which holds its share of the memory.
struct Part {
    bytes: Bytes,
    permit: OwnedSemaphorePermit,
}

/// Cuts what is written into parts.
struct PartWriter {
    parts: mpsc::Sender<Part>,
    memory: Arc<Semaphore>,
    part_bytes: usize,
    part: Option<(Vec<u8>, OwnedSemaphorePermit)>,
}

impl PartWriter {
    /// Blocks until the part is taken.
    fn hand_over(&mut self) -> io::Result<()> {
        let Some((bytes, permit)) = self.part.take() else { return Ok(()) };
        let part = Part { bytes: bytes.into(), permit };
        self.parts.blocking_send(part).map_err(|_| io::Error::other(stopped()))
    }
}

impl Write for PartWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (part, _) = match &mut self.part {
            Some(part) => part,
            None => {
                let waiting = self.memory.clone().acquire_owned();
                let permit = Handle::current().block_on(waiting).map_err(io::Error::other)?;
                self.part.insert((Vec::with_capacity(self.part_bytes), permit))
            }
        };
        let length = bytes.len().min(self.part_bytes - part.len());
        part.extend_from_slice(&bytes[..length]);
        if part.len() == self.part_bytes {
            self.hand_over()?;
        }
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stopped() -> Error {
    Error::new(status::CANCELLED, "the upload of the context has ended")
}

struct Report {
    progress: Option<Progress>,
    moved: u64,
    total: u64,
}

impl Report {
    fn add(&mut self, bytes: u64) {
        self.moved += bytes;
        if let Some(progress) = &self.progress {
            progress(self.moved, Some(self.total));
        }
    }
}
