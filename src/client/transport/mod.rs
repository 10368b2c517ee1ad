//! One connector for everything that goes over the wire: pool, TLS roots, proxy, headers, retries,
//! and WebSockets upgraded from the same connector. Who enters here has a URL and wants an answer.

use super::error::Result;
use bytes::Bytes;
use reqwest::Method;
use std::sync::Arc;

/// Shared by a client and all its sandboxes. Lazy: making one opens no connection and reads no file.
#[derive(Clone)]
pub struct Transport(#[allow(dead_code)] Arc<()>);

/// A request to be. Retries, deadlines and the error envelope are [`Request::send`]'s business.
pub struct Request {}

/// A successful answer (2xx) whose body has not been read.
pub struct Response {}

/// Server's JSON (or `null`), handed through as it came. Has one spare byte of capacity for C's NUL.
#[derive(Clone, Debug, Default)]
pub struct Json(pub Vec<u8>);

impl Transport {
    /// `url` is absolute. Headers of identity and credential are added when its origin may have them.
    pub fn request(&self, _method: Method, _url: &str) -> Request {
        todo!()
    }

    /// Opens a WebSocket at an `http(s)://` URL with the same headers, proxy and roots.
    pub async fn websocket(&self, _url: &str, _protocols: &[String]) -> Result<Socket> {
        todo!()
    }
}

impl Request {
    /// Appends a query parameter, form-encoded.
    pub fn query(self, _key: &str, _value: &str) -> Self {
        todo!()
    }
    pub fn header(self, _name: &'static str, _value: &str) -> Self {
        todo!()
    }
    /// A JSON body.
    pub fn json(self, _body: &impl serde::Serialize) -> Self {
        todo!()
    }
    /// A raw body that can be sent again by a retry.
    pub fn bytes(self, _content_type: &str, _body: Bytes) -> Self {
        todo!()
    }
    /// A body that can be sent once: no retry after the connection was made.
    pub fn body(self, _content_type: &str, _length: Option<u64>, _body: reqwest::Body) -> Self {
        todo!()
    }
    /// Limits the time to the response head and between body reads (`None`: no limit).
    pub fn deadline(self, _limit: Option<std::time::Duration>) -> Self {
        todo!()
    }
    /// For errors.
    pub fn sandbox(self, _id: &str) -> Self {
        todo!()
    }
    pub async fn send(self) -> Result<Response> {
        todo!()
    }
}

impl Response {
    pub fn status(&self) -> u16 {
        todo!()
    }
    pub fn header(&self, _name: &str) -> Option<&str> {
        todo!()
    }
    /// The whole body as JSON text, `null` when empty. Checked to be UTF-8 JSON by its first byte only.
    pub async fn json(self) -> Result<Json> {
        todo!()
    }
    /// The whole body, read into one buffer.
    pub async fn bytes(self) -> Result<Vec<u8>> {
        todo!()
    }
    /// The next piece of the body, within the idle limit.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        todo!()
    }
}

/// An open WebSocket.
pub struct Socket {}
