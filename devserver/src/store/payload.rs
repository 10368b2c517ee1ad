//! Bodies: plain, or in chunks that may each be signed and may be followed by a checksum. Everything is checked
//! while it streams into a file; what fails a check is never stored.

use super::failure::{Failure, Reason};
use super::objects::{Objects, Stored};
use super::signature::{Chain, Signed, UNSIGNED_PAYLOAD, hex, sha256, verify};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf, BytesMut};
use crc_fast::CrcAlgorithm;
use http_body_util::BodyExt;
use md5::{Digest, Md5};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use std::collections::BTreeMap;
use tokio::io::{AsyncWriteExt, BufWriter};

/// The largest body of one PUT, as S3 has it: 5 GiB.
const MAX_BODY_BYTES: u64 = 5 << 30;
/// The largest body that is XML.
const MAX_XML_BYTES: usize = 2 << 20;
/// The longest head of a chunk, and the longest trailer.
const MAX_HEAD_BYTES: usize = 16 << 10;
const WRITE_BUFFER_BYTES: usize = 256 << 10;

/// Streams a body into a new file.
pub async fn store(objects: &Objects, parts: &Parts, signed: &Signed, body: Body) -> Result<Stored, Failure> {
    let mut payload = Payload::of(parts, signed, body)?;
    let (file, path) = objects.new_file().await.map_err(|error| Failure::io(&error))?;
    let mut file = BufWriter::with_capacity(WRITE_BUFFER_BYTES, file);
    let mut md5 = Md5::new();
    while let Some(piece) = payload.next().await? {
        md5.update(&piece);
        file.write_all(&piece).await.map_err(|error| Failure::io(&error))?;
    }
    file.flush().await.map_err(|error| Failure::io(&error))?;
    let md5: [u8; 16] = md5.finalize().into();
    if let Some(stated) = parts.headers.get("content-md5") {
        let stated = STANDARD.decode(stated).map_err(|_| Reason::InvalidDigest)?;
        if stated != md5 {
            return Err(Failure::because(
                Reason::BadDigest,
                "The Content-MD5 you specified did not match what we received.",
            ));
        }
    }
    Ok(Stored::new(path, payload.received, md5))
}

/// Reads a body that is XML.
pub async fn small(parts: &Parts, signed: &Signed, body: Body) -> Result<Vec<u8>, Failure> {
    let mut payload = Payload::of(parts, signed, body)?;
    let mut read = Vec::new();
    while let Some(piece) = payload.next().await? {
        if read.len() + piece.len() > MAX_XML_BYTES {
            return Err(Reason::MalformedXML.into());
        }
        read.extend_from_slice(&piece);
    }
    Ok(read)
}

/// A body, decoded and checked as it is read.
struct Payload {
    body: Body,
    framing: Framing,
    /// The length that the client stated, of the content alone.
    length: Option<u64>,
    received: u64,
    /// The whole content's hash, with the value it has to have.
    sha256: Option<(Context, String)>,
    checksum: Option<Checksum>,
}

enum Framing {
    Plain,
    Chunked(Box<Chunks>),
}

struct Chunks {
    buffer: BytesMut,
    state: ChunkState,
    /// Chunks are signed, each on top of the one before.
    chain: Option<Chain>,
    has_trailer: bool,
}

enum ChunkState {
    Head,
    Data { left: u64, hash: Option<Box<Context>>, signature: String },
    Done,
}

impl Payload {
    fn of(parts: &Parts, signed: &Signed, body: Body) -> Result<Self, Failure> {
        let stated = signed.content_sha256.as_str();
        let is_hash = stated.len() == 64 && stated.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mode = stated.strip_prefix("STREAMING-");
        let (is_signed, has_trailer) = match mode {
            None if is_hash || stated == UNSIGNED_PAYLOAD => (false, false),
            Some("UNSIGNED-PAYLOAD-TRAILER") => (false, true),
            Some("AWS4-HMAC-SHA256-PAYLOAD") => (true, false),
            Some("AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => (true, true),
            _ => {
                let message = "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, \
                               STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, \
                               STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
                return Err(Failure::because(Reason::InvalidArgument, message));
            }
        };
        let number = |name: &str| {
            let value = parts.headers.get(name)?;
            value.to_str().ok().and_then(|text| text.parse::<u64>().ok())
        };
        let chunked = mode.is_some();
        let length = number(if chunked { "x-amz-decoded-content-length" } else { "content-length" });
        // No length and nothing that follows is an empty body.
        let length = length.or((!chunked && body.is_end_stream()).then_some(0));
        if length.is_none() && parts.method == axum::http::Method::PUT {
            return Err(Reason::MissingContentLength.into());
        }
        if length.is_some_and(|length| length > MAX_BODY_BYTES) {
            return Err(Reason::EntityTooLarge.into());
        }
        let framing = if chunked {
            Framing::Chunked(Box::new(Chunks {
                buffer: BytesMut::new(),
                state: ChunkState::Head,
                chain: is_signed.then(|| signed.chain.clone()),
                has_trailer,
            }))
        } else {
            Framing::Plain
        };
        Ok(Self {
            body,
            framing,
            length,
            received: 0,
            sha256: is_hash.then(|| (Context::new(&SHA256), stated.to_ascii_lowercase())),
            checksum: Checksum::of(&parts.headers)?,
        })
    }

    /// The next piece; after the last one everything has been checked.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let piece = match &mut self.framing {
            Framing::Plain => frame(&mut self.body).await?,
            Framing::Chunked(chunks) => chunks.next(&mut self.body, &mut self.checksum).await?,
        };
        let Some(piece) = piece else {
            self.finish()?;
            return Ok(None);
        };
        self.received += piece.len() as u64;
        if self.received > self.length.unwrap_or(MAX_BODY_BYTES) {
            return Err(Reason::EntityTooLarge.into());
        }
        if let Some((hash, _)) = &mut self.sha256 {
            hash.update(&piece);
        }
        if let Some(checksum) = &mut self.checksum {
            checksum.update(&piece);
        }
        Ok(Some(piece))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if self.length.is_some_and(|length| length != self.received) {
            return Err(Reason::IncompleteBody.into());
        }
        if let Some((hash, stated)) = self.sha256.take()
            && hex(hash.finish().as_ref()) != stated
        {
            return Err(Reason::XAmzContentSHA256Mismatch.into());
        }
        self.checksum.take().map_or(Ok(()), Checksum::check)
    }
}

/// The next bytes of a body as they came.
async fn frame(body: &mut Body) -> Result<Option<Bytes>, Failure> {
    loop {
        match body.frame().await {
            None => return Ok(None),
            // The client is gone; nobody reads the answer.
            Some(Err(_)) => return Err(Reason::IncompleteBody.into()),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            },
        }
    }
}

impl Chunks {
    async fn next(
        &mut self,
        body: &mut Body,
        checksum: &mut Option<Checksum>,
    ) -> Result<Option<Bytes>, Failure> {
        loop {
            match &mut self.state {
                ChunkState::Done => return Ok(None),
                ChunkState::Head => {
                    let line = self.line(body).await?;
                    let (size, extension) = line.split_once(';').unwrap_or((&line, ""));
                    let size = u64::from_str_radix(size.trim(), 16);
                    let left = size.map_err(|_| Failure::from(Reason::IncompleteBody))?;
                    let signature = extension.trim().strip_prefix("chunk-signature=").unwrap_or_default();
                    let signature = signature.to_owned();
                    let mut hash = self.chain.is_some().then(|| Box::new(Context::new(&SHA256)));
                    if left == 0 {
                        self.check_chunk(hash.take(), signature)?;
                        self.finish(body, checksum).await?;
                        self.state = ChunkState::Done;
                        return Ok(None);
                    }
                    self.state = ChunkState::Data { left, hash, signature };
                }
                ChunkState::Data { left, hash, signature } => {
                    if self.buffer.is_empty() {
                        let Some(data) = frame(body).await? else {
                            return Err(Reason::IncompleteBody.into());
                        };
                        self.buffer.extend_from_slice(&data);
                    }
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(self.buffer.len());
                    let piece = self.buffer.split_to(take).freeze();
                    *left -= take as u64;
                    if let Some(hash) = hash {
                        hash.update(&piece);
                    }
                    if *left == 0 {
                        let (hash, signature) = (hash.take(), std::mem::take(signature));
                        self.check_chunk(hash, signature)?;
                        if !self.line(body).await?.is_empty() {
                            return Err(Reason::IncompleteBody.into());
                        }
                        self.state = ChunkState::Head;
                    }
                    return Ok(Some(piece));
                }
            }
        }
    }

    /// The signature of a chunk is that of its hash and of the signature before.
    fn check_chunk(&mut self, hash: Option<Box<Context>>, signature: String) -> Result<(), Failure> {
        let (Some(chain), Some(hash)) = (&mut self.chain, hash) else { return Ok(()) };
        let text = format!(
            "AWS4-HMAC-SHA256-PAYLOAD\n{}\n{}\n{}\n{}\n{}",
            chain.date,
            chain.scope,
            chain.signature,
            sha256(b""),
            hex(hash.finish().as_ref())
        );
        verify(&chain.key, &text, &signature)?;
        chain.signature = signature;
        Ok(())
    }

    /// What follows the last chunk: a checksum, and its signature where chunks are signed.
    async fn finish(&mut self, body: &mut Body, checksum: &mut Option<Checksum>) -> Result<(), Failure> {
        while let Some(data) = frame(body).await? {
            self.buffer.extend_from_slice(&data);
            if self.buffer.len() > MAX_HEAD_BYTES {
                return Err(Reason::IncompleteBody.into());
            }
        }
        let text = String::from_utf8_lossy(&self.buffer).into_owned();
        let mut trailers = BTreeMap::new();
        let (mut signed, mut signature) = (String::new(), None);
        for line in text.split('\n').map(str::trim).filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(':') else {
                return Err(Reason::MalformedTrailerError.into());
            };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
            if name == "x-amz-trailer-signature" {
                signature = Some(value);
                continue;
            }
            signed.push_str(&format!("{name}:{value}\n"));
            trailers.insert(name, value);
        }
        if let (Some(chain), true) = (&self.chain, self.has_trailer) {
            let signature = signature.ok_or(Reason::SignatureDoesNotMatch)?;
            let text = format!(
                "AWS4-HMAC-SHA256-TRAILER\n{}\n{}\n{}\n{}",
                chain.date,
                chain.scope,
                chain.signature,
                sha256(signed.as_bytes())
            );
            verify(&chain.key, &text, &signature)?;
        }
        if let Some(checksum) = checksum.as_mut().filter(|checksum| checksum.stated.is_none()) {
            checksum.stated = trailers.remove(&checksum.name);
        }
        Ok(())
    }

    /// The next line, without its end.
    async fn line(&mut self, body: &mut Body) -> Result<String, Failure> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.buffer, b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.buffer.len() > MAX_HEAD_BYTES && self.buffer.get(..MAX_HEAD_BYTES).is_some() {
                return Err(Reason::IncompleteBody.into());
            }
            let Some(data) = frame(body).await? else { return Err(Reason::IncompleteBody.into()) };
            self.buffer.extend_from_slice(&data);
        }
    }
}

/// The checksum of an object, in a header or announced for the trailer.
struct Checksum {
    name: String,
    stated: Option<String>,
    running: Running,
}

enum Running {
    Crc { digest: crc_fast::Digest, bytes: usize },
    Hash(Context),
}

impl Checksum {
    fn of(headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim().to_owned());
        let trailer = text("x-amz-trailer").map(|name| name.to_ascii_lowercase());
        let is_checksum = |name: &&str| {
            name.starts_with("x-amz-checksum-")
                && !["x-amz-checksum-algorithm", "x-amz-checksum-type", "x-amz-checksum-mode"].contains(name)
        };
        let header = headers.keys().map(|name| name.as_str()).find(is_checksum);
        let Some(name) = header.or(trailer.as_deref()) else { return Ok(None) };
        let crc = |algorithm, bytes| Running::Crc { digest: crc_fast::Digest::new(algorithm), bytes };
        let running = match name.strip_prefix("x-amz-checksum-") {
            Some("crc32") => crc(CrcAlgorithm::Crc32IsoHdlc, 4),
            Some("crc32c") => crc(CrcAlgorithm::Crc32Iscsi, 4),
            Some("crc64nvme") => crc(CrcAlgorithm::Crc64Nvme, 8),
            Some("sha1") => Running::Hash(Context::new(&SHA1_FOR_LEGACY_USE_ONLY)),
            Some("sha256") => Running::Hash(Context::new(&SHA256)),
            _ => {
                return Err(Failure::because(Reason::InvalidRequest, format!("{name} is not a checksum")));
            }
        };
        Ok(Some(Self { name: name.to_owned(), stated: text(name), running }))
    }

    fn update(&mut self, piece: &[u8]) {
        match &mut self.running {
            Running::Crc { digest, .. } => digest.update(piece),
            Running::Hash(hash) => hash.update(piece),
        }
    }

    fn check(self) -> Result<(), Failure> {
        let stated = self.stated.ok_or(Reason::MalformedTrailerError)?;
        let computed = match self.running {
            Running::Crc { digest, bytes } => {
                let all = digest.finalize().to_be_bytes();
                STANDARD.encode(&all[all.len() - bytes..])
            }
            Running::Hash(hash) => STANDARD.encode(hash.finish()),
        };
        if computed == stated {
            return Ok(());
        }
        let algorithm = self.name.trim_start_matches("x-amz-checksum-").to_uppercase();
        let message = format!("The {algorithm} you specified did not match the calculated checksum.");
        Err(Failure::because(Reason::BadDigest, message))
    }
}
