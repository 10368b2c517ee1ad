//! A streaming reader of multipart forms that holds one body frame.
//!
//! multer buffers all that a fast sender has ready before it returns a byte, and drops the last bytes of an
//! interrupted form, which the daemon still writes.

use std::fmt;

use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, header::CONTENT_TYPE},
};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::StreamExt;
use memchr::memmem::{self, Finder};
use mime_guess::Mime;

/// The largest headers of a part.
const MAX_HEADERS_BYTES: usize = 64 * 1024;

pub struct Form {
    frames: BodyDataStream,
    buffer: BytesMut,
    /// The end of a part: a line end, two dashes and the boundary.
    delimiter: Finder<'static>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InPart,
    BetweenParts,
    Ended,
    Broken,
}

#[derive(Debug)]
pub enum FormError {
    /// The body ended within the form.
    Truncated,
    Malformed(&'static str),
    Connection(axum::Error),
}

/// In Go's words.
impl fmt::Display for FormError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated => formatter.write_str("EOF"),
            Self::Malformed(why) => formatter.write_str(why),
            Self::Connection(error) => error.fmt(formatter),
        }
    }
}

impl Form {
    /// `None`: the request is not a multipart form.
    pub fn of(headers: &HeaderMap, body: Body) -> Option<Self> {
        let delimiter = format!("\r\n--{}", boundary(headers)?);
        Some(Self {
            frames: body.into_data_stream(),
            // Makes up the line end that the first boundary does not have.
            buffer: BytesMut::from("\r\n"),
            delimiter: Finder::new(&delimiter).into_owned(),
            state: State::InPart,
        })
    }

    /// Skips the rest of the current part and returns the name of the next.
    pub async fn next_part(&mut self) -> Result<Option<String>, FormError> {
        while self.chunk().await?.is_some() {}
        if self.state == State::Ended {
            return Ok(None);
        }
        // Until the headers are complete.
        self.state = State::Broken;
        loop {
            if self.buffer.starts_with(b"--") {
                self.state = State::Ended;
                return Ok(None);
            }
            if let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") {
                let headers = self.buffer.split_to(end);
                self.buffer.advance(4);
                self.state = State::InPart;
                return Ok(Some(name_in(&headers)));
            }
            if self.buffer.len() > MAX_HEADERS_BYTES {
                return Err(FormError::Malformed("multipart: message too large"));
            }
            if !self.fill().await? {
                return Err(FormError::Truncated);
            }
        }
    }

    /// The next chunk of the current part, `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FormError> {
        match self.state {
            State::InPart => {}
            State::BetweenParts | State::Ended => return Ok(None),
            State::Broken => return Err(FormError::Truncated),
        }
        loop {
            let length = match self.delimiter.find(&self.buffer) {
                Some(0) => {
                    self.buffer.advance(self.delimiter.needle().len());
                    self.state = State::BetweenParts;
                    return Ok(None);
                }
                Some(at) => at,
                None => self.buffer.len() - self.begun_delimiter(),
            };
            if length > 0 {
                return Ok(Some(self.buffer.split_to(length).freeze()));
            }
            if !self.fill().await? {
                self.state = State::Broken;
                let rest = self.buffer.split().freeze();
                return if rest.is_empty() { Err(FormError::Truncated) } else { Ok(Some(rest)) };
            }
        }
    }

    /// Reads the rest of the body: a client that is still sending might not see an earlier answer.
    pub async fn drain(&mut self) {
        while let Some(Ok(_)) = self.frames.next().await {}
    }

    /// The number of bytes at the end of the buffer that may begin the delimiter.
    fn begun_delimiter(&self) -> usize {
        let delimiter = self.delimiter.needle();
        let tail = &self.buffer[self.buffer.len().saturating_sub(delimiter.len() - 1)..];
        // A carriage return occurs only as the delimiter's first byte.
        memchr::memrchr(b'\r', tail)
            .map(|at| &tail[at..])
            .filter(|begun| delimiter.starts_with(begun))
            .map_or(0, <[u8]>::len)
    }

    /// Reads one more frame; false at the end of the body.
    async fn fill(&mut self) -> Result<bool, FormError> {
        match self.frames.next().await {
            Some(Ok(frame)) if self.buffer.is_empty() => {
                self.buffer = frame.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
                Ok(true)
            }
            Some(Ok(frame)) => {
                self.buffer.extend_from_slice(&frame);
                Ok(true)
            }
            Some(Err(error)) => {
                self.state = State::Broken;
                Err(FormError::Connection(error))
            }
            None => Ok(false),
        }
    }
}

/// The boundary in a request's content type.
pub fn boundary(headers: &HeaderMap) -> Option<String> {
    let content_type: Mime = headers.get(CONTENT_TYPE)?.to_str().ok()?.parse().ok()?;
    (content_type.type_() == "multipart")
        .then(|| content_type.get_param("boundary").map(|boundary| boundary.to_string()))?
}

/// The `name` in a part's disposition, empty without one.
fn name_in(headers: &[u8]) -> String {
    String::from_utf8_lossy(headers)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(header, _)| header.trim().eq_ignore_ascii_case("content-disposition"))
        .and_then(|(_, disposition)| {
            let (_, rest) = disposition.split_once("; name=").or_else(|| disposition.split_once(";name="))?;
            let Some(quoted) = rest.strip_prefix('"') else {
                return Some(rest.split(';').next().unwrap_or_default().trim().to_owned());
            };
            let mut name = String::new();
            let mut letters = quoted.chars();
            loop {
                match letters.next()? {
                    '"' => return Some(name),
                    '\\' => name.push(letters.next()?),
                    letter => name.push(letter),
                }
            }
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parts that can be read from a body in frames of this size.
    async fn read(body: &[u8], frame: usize) -> (Vec<(String, Vec<u8>)>, Option<FormError>) {
        let frames: Vec<_> =
            body.chunks(frame).map(|frame| Ok::<_, axum::Error>(Bytes::copy_from_slice(frame))).collect();
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, "multipart/form-data; boundary=\"b-b\"".parse().unwrap());
        let mut form = Form::of(&headers, Body::from_stream(futures_util::stream::iter(frames))).unwrap();
        let mut parts = Vec::new();
        loop {
            match form.next_part().await {
                Ok(Some(name)) => parts.push((name, Vec::new())),
                Ok(None) => return (parts, None),
                Err(error) => return (parts, Some(error)),
            }
            loop {
                match form.chunk().await {
                    Ok(Some(chunk)) => parts.last_mut().unwrap().1.extend_from_slice(&chunk),
                    Ok(None) => break,
                    Err(error) => return (parts, Some(error)),
                }
            }
        }
    }

    #[tokio::test]
    async fn parts_come_whole_however_the_body_is_cut() {
        let body = b"preamble\r\n--b-b\r\nContent-Type: x\r\ncontent-disposition: form-data; name=\"a\\\"b\"\r\n\r\n\
            \r\n--b\r\r\n--b-\r\n--b-b\r\nContent-Disposition: form-data; name=c; filename=\"f\"\r\n\r\n\r\n--b-b--\r\nepilogue";
        for frame in 1..=body.len() {
            let (parts, error) = read(body, frame).await;
            assert!(error.is_none(), "{frame}: {error:?}");
            assert_eq!(
                parts,
                [("a\"b".to_owned(), b"\r\n--b\r\r\n--b-".to_vec()), ("c".to_owned(), Vec::new())],
                "{frame}"
            );
        }
    }

    #[tokio::test]
    async fn what_came_before_a_form_broke_off_is_not_lost() {
        let body = b"--b-b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\npartial\r\n--b";
        for frame in [1, 7, body.len()] {
            let (parts, error) = read(body, frame).await;
            assert_eq!(parts, [("a".to_owned(), b"partial\r\n--b".to_vec())]);
            assert!(matches!(error, Some(FormError::Truncated)), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_body_without_a_boundary_is_truncated() {
        let (parts, error) = read(b"nothing of the kind", 5).await;
        assert!(parts.is_empty());
        assert!(matches!(error, Some(FormError::Truncated)), "{error:?}");
    }

    #[test]
    fn only_multipart_has_a_boundary() {
        let boundary_of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, text.parse().unwrap());
            boundary(&headers)
        };
        assert_eq!(boundary_of("multipart/form-data; boundary=RIG").as_deref(), Some("RIG"));
        assert_eq!(boundary_of("multipart/form-data"), None);
        assert_eq!(boundary_of("application/octet-stream; boundary=x"), None);
    }
}
