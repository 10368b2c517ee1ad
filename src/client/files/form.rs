//! Multipart forms on their way out: the frame around contents that may be streams.

use bytes::Bytes;

/// The boundary is random, so that no content holds it.
pub(super) struct Form {
    boundary: String,
}

impl Form {
    pub fn new() -> Self {
        Self { boundary: format!("daytona-{:032x}", fastrand::u128(..)) }
    }

    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// What stands before the bytes of a file. Servers ignore its name, so the form has a plain one.
    pub fn file_head(&self, field: &str) -> Bytes {
        self.head(field, "; filename=\"file\"\r\nContent-Type: application/octet-stream")
    }

    /// What stands before a text.
    pub fn text_head(&self, field: &str) -> Bytes {
        self.head(field, "")
    }

    fn head(&self, field: &str, more: &str) -> Bytes {
        format!("--{}\r\nContent-Disposition: form-data; name=\"{field}\"{more}\r\n\r\n", self.boundary)
            .into()
    }

    /// What stands behind each but the last.
    pub const SEPARATOR: &str = "\r\n";

    /// What stands behind the last.
    pub fn tail(&self) -> Bytes {
        format!("\r\n--{}--\r\n", self.boundary).into()
    }
}
