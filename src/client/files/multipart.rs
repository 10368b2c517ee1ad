//! Reads a multipart response as it arrives. Delimiters and part heads may be split at any byte. A part with a
//! Content-Length is read by that length, so that its content may contain the delimiter and is not copied. One that is
//! longer is read to its delimiter: the daemon announces what the file system says, sends the file to its end, and
//! the file may grow meanwhile, or be one of `/proc`, whose length is 0.

use super::atomic_file::{Chunks, incomplete};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::client::transport::Response;
use bytes::{Bytes, BytesMut};
use memchr::memmem;

/// Upper bound on a part's headers, which are a few hundred bytes and a path.
const MAX_PART_HEAD_BYTES: usize = 64 * 1024;

impl Chunks for Response {
    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        Response::chunk(self).await
    }

    fn complete(&self, error: Error) -> Error {
        Response::complete(self, error)
    }
}

pub(super) struct Multipart<C> {
    chunks: C,
    /// `\r\n--boundary`
    delimiter: Vec<u8>,
    buffer: Bytes,
    position: Position,
    /// The end of a counted part's content so far, shorter than a delimiter.
    tail: Vec<u8>,
    /// A counted part's content has the delimiter: if the length is wrong, the part may have ended there.
    is_ambiguous: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Position {
    /// Before the first part, or in a part without a length.
    Content,
    /// In a part of that length.
    Counted {
        length: u64,
        left: u64,
    },
    /// Behind a delimiter.
    Delimiter,
    End,
}

/// The headers of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub name: String,
    /// `filename*`, else `filename`.
    pub file: Option<String>,
    pub length: Option<u64>,
}

/// The content of the part.
impl<C: Chunks> Chunks for Multipart<C> {
    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.read_chunk().await;
        chunk.map_err(|error| self.complete(error))
    }

    fn complete(&self, error: Error) -> Error {
        self.chunks.complete(error)
    }
}

impl<C: Chunks> Multipart<C> {
    /// `content_type` is the response's.
    pub fn new(content_type: Option<&str>, chunks: C) -> Result<Self> {
        let kind = content_type.unwrap_or("no content type");
        let is_multipart = kind.get(..10).is_some_and(|begin| begin.eq_ignore_ascii_case("multipart/"));
        let boundary = parameters(kind.as_bytes()).find(|(key, _)| key == "boundary");
        let Some((_, boundary)) = boundary.filter(|(_, boundary)| is_multipart && !boundary.is_empty())
        else {
            let message = format!(
                "the answer is not multipart ({}): is this Daytona's address, or a proxy's?",
                kind.escape_debug()
            );
            return Err(chunks.complete(Error::new(status::PROTOCOL, message)));
        };
        let delimiter = [b"\r\n--", &boundary[..]].concat();
        // The first delimiter has no line end before it unless something precedes it.
        let (buffer, position) = (Bytes::from_static(b"\r\n"), Position::Content);
        Ok(Self { chunks, delimiter, buffer, position, tail: Vec::new(), is_ambiguous: false })
    }

    /// The next part's head; `None` after the last. Skips what was not read of the previous part.
    pub async fn next_part(&mut self) -> Result<Option<Head>> {
        let part = self.read_head().await;
        part.map_err(|error| self.complete(error))
    }

    async fn read_head(&mut self) -> Result<Option<Head>> {
        while self.read_chunk().await?.is_some() {}
        if self.position == Position::End {
            return Ok(None);
        }
        while self.buffer.len() < 2 {
            self.more("behind a boundary").await?;
        }
        if self.buffer.starts_with(b"--") {
            self.position = Position::End;
            return Ok(None);
        }
        let end = loop {
            // The delimiter's own line end is the first half where a part has no headers.
            if let Some(at) = memmem::find(&self.buffer, b"\r\n\r\n") {
                break at;
            }
            if self.buffer.len() > MAX_PART_HEAD_BYTES {
                return Err(broken("the head of a part has no end"));
            }
            self.more("in the head of a part").await?;
        };
        let head = self.buffer.split_to(end + 2);
        let _ = self.buffer.split_to(2);
        let head = Head::parse(&head)?;
        self.position = match head.length {
            Some(length) => Position::Counted { length, left: length },
            None => Position::Content,
        };
        self.tail.clear();
        self.is_ambiguous = false;
        Ok(Some(head))
    }

    async fn read_chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            match self.position {
                Position::Delimiter | Position::End => return Ok(None),
                Position::Counted { length, left: 0 } => {
                    while self.buffer.len() < self.delimiter.len() {
                        self.more("behind a part").await?;
                    }
                    if !self.buffer.starts_with(&self.delimiter) {
                        self.look_for_delimiter(&self.buffer.slice(..self.delimiter.len() - 1));
                        if self.is_ambiguous {
                            let why = format!("a part is not as long as its Content-Length of {length}");
                            return Err(broken(&why));
                        }
                        self.position = Position::Content;
                        continue;
                    }
                    let _ = self.buffer.split_to(self.delimiter.len());
                    self.position = Position::Delimiter;
                }
                Position::Counted { length, left } => {
                    if self.buffer.is_empty() && !self.fill().await? {
                        return Err(incomplete(length - left, length));
                    }
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(self.buffer.len());
                    let chunk = self.buffer.split_to(most);
                    self.look_for_delimiter(&chunk);
                    self.position = Position::Counted { length, left: left - chunk.len() as u64 };
                    return Ok(Some(chunk));
                }
                Position::Content => {
                    if let Some(at) = memmem::find(&self.buffer, &self.delimiter) {
                        let chunk = self.buffer.split_to(at);
                        let _ = self.buffer.split_to(self.delimiter.len());
                        self.position = Position::Delimiter;
                        if chunk.is_empty() {
                            continue;
                        }
                        return Ok(Some(chunk));
                    }
                    let safe = self.buffer.len() - self.begun();
                    if safe > 0 {
                        return Ok(Some(self.buffer.split_to(safe)));
                    }
                    self.more("in the middle of a part").await?;
                }
            }
        }
    }

    /// Looks for the delimiter in the next chunk of a counted part's content.
    fn look_for_delimiter(&mut self, chunk: &[u8]) {
        let most = self.delimiter.len() - 1;
        self.tail.extend_from_slice(&chunk[..chunk.len().min(most)]);
        self.is_ambiguous |= memmem::find(chunk, &self.delimiter).is_some()
            || memmem::find(&self.tail, &self.delimiter).is_some();
        if chunk.len() >= most {
            self.tail.clear();
            self.tail.extend_from_slice(&chunk[chunk.len() - most..]);
        } else {
            self.tail.drain(..self.tail.len().saturating_sub(most));
        }
    }

    /// The length of the longest delimiter prefix at the end of the buffer.
    fn begun(&self) -> usize {
        let most = self.buffer.len().min(self.delimiter.len() - 1);
        (1..=most).rev().find(|length| self.buffer.ends_with(&self.delimiter[..*length])).unwrap_or(0)
    }

    async fn more(&mut self, place: &str) -> Result<()> {
        if self.fill().await? { Ok(()) } else { Err(broken(&format!("it ended {place}"))) }
    }

    /// Adds the next chunk; false when there is none.
    async fn fill(&mut self) -> Result<bool> {
        let chunk = loop {
            match self.chunks.chunk().await? {
                Some(chunk) if chunk.is_empty() => {}
                Some(chunk) => break chunk,
                None => return Ok(false),
            }
        };
        self.buffer = if self.buffer.is_empty() { chunk } else { joined(&self.buffer, &chunk) };
        Ok(true)
    }
}

fn joined(first: &[u8], second: &[u8]) -> Bytes {
    let mut both = BytesMut::with_capacity(first.len() + second.len());
    both.extend_from_slice(first);
    both.extend_from_slice(second);
    both.freeze()
}

fn broken(why: &str) -> Error {
    let mut error = Error::new(
        status::PROTOCOL,
        format!("the server's answer with several files is broken: {why}; try again"),
    );
    error.detail_mut().retryable = true;
    error
}

impl Head {
    /// `head` begins with the rest of the delimiter's line.
    fn parse(head: &[u8]) -> Result<Self> {
        let mut parsed = Self { name: String::new(), file: None, length: None };
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let Some(colon) = memchr::memchr(b':', line) else { continue };
            let (key, value) = (&line[..colon], line[colon + 1..].trim_ascii());
            if key.eq_ignore_ascii_case(b"content-length") {
                let length = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                parsed.length =
                    Some(length.ok_or_else(|| broken("a part's Content-Length is not a number"))?);
            } else if key.eq_ignore_ascii_case(b"content-disposition") {
                parsed.disposition(value);
            }
        }
        Ok(parsed)
    }

    fn disposition(&mut self, value: &[u8]) {
        let mut plain = None;
        for (key, value) in parameters(value) {
            match key.as_str() {
                "name" => self.name = text(&value),
                "filename" => plain = Some(text(&value)),
                "filename*" => self.file = extended(&value),
                _ => {}
            }
        }
        self.file = self.file.take().or(plain);
    }
}

/// UTF-8, else Latin-1, the original charset of headers.
fn text(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    }
}

/// Decodes an extended value of RFC 5987, such as `utf-8''a%20b`.
fn extended(value: &[u8]) -> Option<String> {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    let charset = parts.next()?;
    let encoded = parts.nth(1)?;
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((&first, behind)) = rest.split_first() {
        let byte = match (first, behind) {
            (b'%', [high, low, ..]) => {
                let digits = [*high, *low];
                rest = &behind[2..];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            (b'%', _) => return None,
            _ => {
                rest = behind;
                first
            }
        };
        decoded.push(byte);
    }
    if charset.eq_ignore_ascii_case(b"utf-8") {
        return String::from_utf8(decoded).ok();
    }
    charset
        .eq_ignore_ascii_case(b"iso-8859-1")
        .then(|| decoded.iter().map(|byte| char::from(*byte)).collect())
}

/// The parameters of a header value, with lowercase keys and without quotes.
fn parameters(value: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    let mut rest = memchr::memchr(b';', value).map_or(&[][..], |at| &value[at + 1..]);
    std::iter::from_fn(move || {
        let equals = memchr::memchr(b'=', rest)?;
        let key = text(rest[..equals].trim_ascii()).to_ascii_lowercase();
        rest = rest[equals + 1..].trim_ascii_start();
        let mut found = Vec::new();
        if let Some(mut quoted) = rest.strip_prefix(b"\"") {
            while let Some((&byte, behind)) = quoted.split_first() {
                quoted = behind;
                match (byte, behind.split_first()) {
                    (b'"', _) => break,
                    (b'\\', Some((&escaped, behind))) => {
                        found.push(escaped);
                        quoted = behind;
                    }
                    _ => found.push(byte),
                }
            }
            rest = memchr::memchr(b';', quoted).map_or(&[], |at| &quoted[at + 1..]);
        } else {
            let end = memchr::memchr(b';', rest);
            found.extend_from_slice(rest[..end.unwrap_or(rest.len())].trim_ascii());
            rest = end.map_or(&[], |at| &rest[at + 1..]);
        }
        Some((key, found))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response in these chunks.
    struct TestChunks(std::collections::VecDeque<Bytes>);

    impl Chunks for TestChunks {
        async fn chunk(&mut self) -> Result<Option<Bytes>> {
            Ok(self.0.pop_front())
        }
    }

    const TYPE: &str = "Multipart/form-data; charset=x; BOUNDARY=\"b=1\"";

    type Parts = Vec<(Head, Vec<u8>)>;

    async fn parts(chunks: impl IntoIterator<Item = &[u8]>) -> Result<Parts> {
        let chunks = chunks.into_iter().map(Bytes::copy_from_slice).collect();
        let mut multipart = Multipart::new(Some(TYPE), TestChunks(chunks))?;
        let mut parts = Vec::new();
        while let Some(head) = multipart.next_part().await? {
            let mut content = Vec::new();
            while let Some(chunk) = multipart.chunk().await? {
                assert!(!chunk.is_empty());
                content.extend_from_slice(&chunk);
            }
            parts.push((head, content));
        }
        Ok(parts)
    }

    fn head(name: &str, file: Option<&str>, length: Option<u64>) -> Head {
        Head { name: name.into(), file: file.map(str::to_owned), length }
    }

    const ANSWER: &[u8] = b"--b=1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x\"; \
        filename*=utf-8''a%20%22%C3%BC%5C%0A\r\ncontent-LENGTH: 14\r\n\r\n\r\n--b=1--\r\n\0\xff\x00\r\n\
        --b=1  \r\nContent-Disposition: form-data; name=error; filename=\"q\\\"\\\\;.txt\"\r\n\r\n\
        {\"a\":\"\r\n--b=\"}\r\n--b=1\r\n\r\n\r\n--b=1--\r\nepilogue";

    fn expected() -> Parts {
        vec![
            (head("file", Some("a \"ü\\\n"), Some(14)), b"\r\n--b=1--\r\n\0\xff\x00".to_vec()),
            (head("error", Some("q\"\\;.txt"), None), b"{\"a\":\"\r\n--b=\"}".to_vec()),
            (head("", None, None), Vec::new()),
        ]
    }

    #[tokio::test]
    async fn the_cuts_of_the_network_mean_nothing() {
        assert_eq!(parts([ANSWER]).await.unwrap(), expected());
        assert_eq!(parts(ANSWER.chunks(1)).await.unwrap(), expected());
        for first in 0..ANSWER.len() {
            for second in first..ANSWER.len() {
                let chunks = [&ANSWER[..first], &ANSWER[first..second], &ANSWER[second..]];
                assert_eq!(parts(chunks).await.unwrap(), expected(), "{first} {second}");
            }
        }
    }

    #[tokio::test]
    async fn a_damaged_answer_reads_the_same_however_it_is_cut() {
        let mut random = fastrand::Rng::with_seed(1);
        let (mut read, mut refused) = (0, 0);
        for seed in 0..20_000 {
            let mut answer = ANSWER.to_vec();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..answer.len());
                match random.u8(..3) {
                    0 => answer[at] = *random.choice(b"\r\n-=\";: b1\0\xff").unwrap(),
                    1 => answer.truncate(at.max(1)),
                    _ => answer.insert(at, *random.choice(b"\r\n-=\";: b1").unwrap()),
                }
            }
            let whole = parts([&answer[..]]).await;
            let mut chunks = Vec::new();
            let mut rest = &answer[..];
            while !rest.is_empty() {
                let (chunk, behind) = rest.split_at(random.usize(1..=rest.len().min(40)));
                chunks.push(chunk);
                rest = behind;
            }
            match (whole, parts(chunks).await) {
                (Ok(whole), Ok(cut)) => {
                    assert_eq!(whole, cut, "{seed}: {}", answer.escape_ascii());
                    read += 1;
                }
                (Err(whole), Err(cut)) => {
                    assert_eq!((whole.status(), cut.status()), (status::PROTOCOL, status::PROTOCOL));
                    refused += 1;
                }
                _ => panic!("{seed}: {}", answer.escape_ascii()),
            }
        }
        assert!(read > 1000 && refused > 1000, "{read} {refused}");
    }

    #[tokio::test]
    async fn an_answer_that_ends_too_early_is_an_error() {
        // The epilogue behind the closing delimiter is ignored.
        for end in 0..ANSWER.len() - b"\r\nepilogue".len() {
            let error = parts([&ANSWER[..end]]).await.unwrap_err();
            assert_eq!(error.status(), status::PROTOCOL, "{end}");
        }
    }

    #[tokio::test]
    async fn a_part_that_lies_about_its_length_is_an_error() {
        let next = "\r\n--b=1\r\n\r\nsecond\r\n--b=1--\r\n";
        for length in ["5", "6", "10", "12", "20", "-1", "x", "99999999999999999999"] {
            let answer = format!("--b=1\r\nContent-Length: {length}\r\n\r\nfour{next}").into_bytes();
            assert!(parts([&answer[..]]).await.is_err(), "{length}");
            assert!(parts(answer.chunks(1)).await.is_err(), "{length}");
        }
    }

    #[tokio::test]
    async fn a_file_that_grew_while_it_was_sent_is_read_to_its_end() {
        for length in ["0", "1", "3"] {
            let answer = format!(
                "--b=1\r\nContent-Length: {length}\r\n\r\nfour\r\n--b=1\r\n\r\nsecond\r\n--b=1--\r\n"
            );
            for size in [1, 7, 1000] {
                let read = parts(answer.as_bytes().chunks(size)).await.unwrap();
                let contents: Vec<_> = read.into_iter().map(|(_, content)| content).collect();
                assert_eq!(contents, [b"four".to_vec(), b"second".to_vec()], "{length} {size}");
            }
        }
    }

    #[test]
    fn what_is_no_multipart_is_refused() {
        for kind in [None, Some("text/html"), Some("multipart/mixed"), Some("text/x; boundary=b")] {
            assert!(Multipart::new(kind, TestChunks(Default::default())).is_err(), "{kind:?}");
        }
    }

    #[test]
    fn names_come_in_three_ways() {
        let names = [
            (&b"form-data; filename=plain.txt"[..], "plain.txt"),
            (b"form-data; filename=\"\xfc.txt\"", "\u{fc}.txt"),
            ("form-data; filename=\"ü.txt\"".as_bytes(), "ü.txt"),
            (b"form-data; filename=\"no\"; filename*=UTF-8'en'%E6%97%A5", "日"),
            (b"form-data; filename*=iso-8859-1''%FC; filename=\"no\"", "ü"),
            (b"form-data; filename*=utf-8''%zz; filename=\"yes\"", "yes"),
        ];
        for (value, name) in names {
            let mut head = head("", None, None);
            head.disposition(value);
            assert_eq!(head.file.as_deref(), Some(name));
        }
    }
}
