//! What is stored: objects by key, each of one file or of the files of its parts, and uploads in parts. A file is
//! removed when neither an object nor a reader has it any more.

use super::BUCKET;
use super::answer::{CommonPrefix, ListedObject, Listing, PartRequest, iso_time};
use super::failure::{Failure, Reason};
use super::request::{ListRequest, token};
use super::signature::hex;
use axum::body::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use md5::{Digest, Md5};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read, SeekFrom};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempPath;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

/// The smallest part but the last, as S3 has it.
const MIN_PART_BYTES: u64 = 5 << 20;
/// Uploads in parts at the same time.
const MAX_UPLOADS: usize = 1000;
const READ_BYTES: usize = 256 << 10;

pub struct Objects {
    directory: PathBuf,
    objects: Mutex<BTreeMap<String, Object>>,
    pub uploads: Uploads,
}

/// A file of the store with its content's hash.
#[derive(Clone)]
pub struct Stored {
    path: Arc<TempPath>,
    size: u64,
    md5: [u8; 16],
}

#[derive(Clone)]
pub struct Object {
    pieces: Arc<[Stored]>,
    pub size: u64,
    /// Without its quotes.
    pub etag: String,
    pub modified: OffsetDateTime,
    pub content_type: Option<String>,
}

impl Stored {
    pub fn new(path: TempPath, size: u64, md5: [u8; 16]) -> Self {
        Self { path: Arc::new(path), size, md5 }
    }

    fn etag(&self) -> String {
        hex(&self.md5)
    }
}

impl Objects {
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), objects: Mutex::default(), uploads: Uploads::default() }
    }

    pub async fn new_file(&self) -> io::Result<(tokio::fs::File, TempPath)> {
        let directory = self.directory.clone();
        let made = tokio::task::spawn_blocking(move || {
            fs::create_dir_all(&directory)?;
            Ok::<_, io::Error>(tempfile::NamedTempFile::new_in(&directory)?.into_parts())
        });
        let (file, path) = made.await.map_err(io::Error::other)??;
        Ok((tokio::fs::File::from_std(file), path))
    }

    /// Stores an object in place of the one that was there; its ETag.
    pub fn insert(&self, key: &str, stored: Stored, content_type: Option<String>) -> String {
        let etag = stored.etag();
        self.put(key, vec![stored], etag.clone(), content_type);
        etag
    }

    fn put(&self, key: &str, pieces: Vec<Stored>, etag: String, content_type: Option<String>) {
        let size = pieces.iter().map(|piece| piece.size).sum();
        let modified = OffsetDateTime::now_utc();
        let object = Object { pieces: pieces.into(), size, etag, modified, content_type };
        let before = self.objects.lock().insert(key.to_owned(), object);
        drop(before);
    }

    pub fn find(&self, key: &str) -> Option<Object> {
        self.objects.lock().get(key).cloned()
    }

    pub fn remove(&self, key: &str) {
        let before = self.objects.lock().remove(key);
        drop(before);
    }

    /// Makes an object of the parts of an upload; its ETag.
    pub fn complete(&self, key: &str, upload_id: &str, wanted: &[PartRequest]) -> Result<String, Failure> {
        let (pieces, content_type) = self.uploads.take(key, upload_id, wanted)?;
        let mut md5 = Md5::new();
        pieces.iter().for_each(|piece| md5.update(piece.md5));
        let etag = format!("{}-{}", hex(&md5.finalize()), pieces.len());
        self.put(key, pieces, etag.clone(), content_type);
        Ok(etag)
    }

    pub fn list(&self, wanted: &ListRequest) -> Listing {
        let start = wanted.continuation.as_deref().unwrap_or(&wanted.start_after);
        let objects = self.objects.lock();
        let mut listing = Listing::of(BUCKET, wanted);
        let mut last = String::new();
        let from = start.max(wanted.prefix.as_str());
        for (key, object) in objects.range::<str, _>((Bound::Included(from), Bound::Unbounded)) {
            let Some(rest) = key.strip_prefix(wanted.prefix.as_str()) else { break };
            let group =
                Some(&wanted.delimiter).filter(|delimiter| !delimiter.is_empty()).and_then(|delimiter| {
                    let end = rest.find(delimiter.as_str())? + delimiter.len();
                    key.get(..key.len() - rest.len() + end)
                });
            let item = group.unwrap_or(key);
            if (!start.is_empty() && item <= start) || (group.is_some() && item == last) {
                continue;
            }
            if listing.key_count == wanted.max_keys {
                listing.is_truncated = wanted.max_keys > 0;
                listing.next_continuation_token = listing.is_truncated.then(|| token(&last));
                return listing;
            }
            listing.key_count += 1;
            last = item.to_owned();
            match group {
                Some(prefix) => listing.common_prefixes.push(CommonPrefix::of(prefix, wanted.encoded)),
                None => listing.contents.push(ListedObject::of(
                    key,
                    &object.etag,
                    object.size,
                    iso_time(object.modified),
                    wanted.encoded,
                )),
            }
        }
        listing
    }
}

impl Object {
    /// The content from `start` on, `length` bytes of it.
    pub fn stream(&self, start: u64, length: u64) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
        let (mut skip, mut left) = (start, length);
        let mut wanted = Vec::new();
        for piece in self.pieces.iter() {
            let offset = skip.min(piece.size);
            let take = left.min(piece.size - offset);
            skip -= offset;
            left -= take;
            if take > 0 {
                wanted.push((piece.path.clone(), offset, take));
            }
        }
        let open = |(path, offset, take): (Arc<TempPath>, u64, u64)| async move {
            let mut file = tokio::fs::File::open(&*path).await?;
            file.seek(SeekFrom::Start(offset)).await?;
            let pieces = ReaderStream::with_capacity(file.take(take), READ_BYTES);
            // The path lives as long as its reader: the file is not removed before it is open.
            Ok::<_, io::Error>(pieces.inspect(move |_| drop(path.clone())))
        };
        stream::iter(wanted).then(open).try_flatten()
    }

    /// The content, for a reader on a thread of its own.
    pub fn reader(&self) -> impl Read + Send + use<> {
        Reader { object: self.clone(), next: 0, current: None }
    }
}

struct Reader {
    object: Object,
    next: usize,
    current: Option<fs::File>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(file) = &mut self.current {
                let read = file.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            let Some(piece) = self.object.pieces.get(self.next) else { return Ok(0) };
            self.current = Some(fs::File::open(&*piece.path)?);
            self.next += 1;
        }
    }
}

/// Uploads in parts that are neither complete nor aborted.
#[derive(Default)]
pub struct Uploads(Mutex<HashMap<String, Upload>>);

struct Upload {
    key: String,
    content_type: Option<String>,
    parts: BTreeMap<u16, Stored>,
}

impl Uploads {
    pub fn create(&self, key: &str, content_type: Option<String>) -> Result<String, Failure> {
        let mut uploads = self.0.lock();
        if uploads.len() == MAX_UPLOADS {
            return Err(Reason::SlowDown.into());
        }
        let id = Uuid::new_v4().simple().to_string();
        let upload = Upload { key: key.to_owned(), content_type, parts: BTreeMap::new() };
        uploads.insert(id.clone(), upload);
        Ok(id)
    }

    fn with<T>(
        &self,
        key: &str,
        upload_id: &str,
        work: impl FnOnce(&mut Upload) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut uploads = self.0.lock();
        let upload = uploads.get_mut(upload_id).filter(|upload| upload.key == key);
        work(upload.ok_or(Reason::NoSuchUpload)?)
    }

    /// Whether there is such an upload, before a part is read.
    pub fn check(&self, key: &str, upload_id: &str) -> Result<(), Failure> {
        self.with(key, upload_id, |_| Ok(()))
    }

    /// Stores a part in place of the one of that number; its ETag.
    pub fn insert(&self, key: &str, upload_id: &str, number: u16, part: Stored) -> Result<String, Failure> {
        self.with(key, upload_id, |upload| {
            let etag = part.etag();
            upload.parts.insert(number, part);
            Ok(etag)
        })
    }

    pub fn abort(&self, key: &str, upload_id: &str) -> Result<(), Failure> {
        self.check(key, upload_id)?;
        self.0.lock().remove(upload_id);
        Ok(())
    }

    /// The wanted parts, and the end of the upload.
    fn take(
        &self,
        key: &str,
        upload_id: &str,
        wanted: &[PartRequest],
    ) -> Result<(Vec<Stored>, Option<String>), Failure> {
        let pieces = self.with(key, upload_id, |upload| {
            if wanted.is_empty() {
                return Err(Reason::MalformedXML.into());
            }
            if wanted.windows(2).any(|pair| pair[0].part_number >= pair[1].part_number) {
                return Err(Reason::InvalidPartOrder.into());
            }
            let find = |part: &PartRequest| {
                let found = upload.parts.get(&part.part_number);
                found.filter(|found| found.etag() == part.etag.trim_matches('"')).cloned()
            };
            let pieces: Option<Vec<Stored>> = wanted.iter().map(find).collect();
            let pieces = pieces.ok_or(Reason::InvalidPart)?;
            let all_but_last = pieces.split_last().map(|(_, rest)| rest).unwrap_or_default();
            if all_but_last.iter().any(|piece| piece.size < MIN_PART_BYTES) {
                return Err(Reason::EntityTooSmall.into());
            }
            Ok((pieces, upload.content_type.clone()))
        })?;
        self.0.lock().remove(upload_id);
        Ok(pieces)
    }
}
