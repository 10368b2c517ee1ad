//! Writes multipart forms: the delimiters and part headers around contents that may be streams.

use bytes::Bytes;

/// The boundary has 128 random bits, so that no content contains it.
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

    /// The head of a file's part. Servers ignore the file name.
    pub fn file_head(&self, field: &str) -> Bytes {
        self.head(field, "; filename=\"file\"\r\nContent-Type: application/octet-stream")
    }

    /// The head of a text's part.
    pub fn text_head(&self, field: &str) -> Bytes {
        self.head(field, "")
    }

    fn head(&self, field: &str, more: &str) -> Bytes {
        format!("--{}\r\nContent-Disposition: form-data; name=\"{field}\"{more}\r\n\r\n", self.boundary)
            .into()
    }

    /// Ends each part but the last.
    pub const SEPARATOR: &str = "\r\n";

    /// Ends the last part and the form.
    pub fn tail(&self) -> Bytes {
        format!("\r\n--{}--\r\n", self.boundary).into()
    }
}
