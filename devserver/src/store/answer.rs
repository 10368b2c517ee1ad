//! Answers: headers, and the documents of S3.

use super::failure::{Failure, Reason};
use super::objects::Object;
use super::request::{ListRequest, token};
use crate::byte_range::{self, ByteRange};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// What `encoding-type=url` leaves as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

pub fn xml(document: &impl Serialize) -> String {
    let text = quick_xml::se::to_string(document).unwrap_or_default();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{text}")
}

pub fn with_xml(document: &impl Serialize) -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/xml")], xml(document)).into_response()
}

/// An empty answer with the ETag of what was stored.
pub fn etag(etag: &str) -> Response<Body> {
    ([(header::ETAG, format!("\"{etag}\""))], ()).into_response()
}

/// The headers that every answer has.
pub fn identify(headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().simple().to_string()[..16].to_uppercase()) {
        headers.insert("x-amz-request-id", id);
    }
    headers.insert(header::SERVER, HeaderValue::from_static("daytona-dev"));
}

/// An object, or the range of it that is asked for.
pub fn object(object: &Object, headers: &HeaderMap, is_head: bool) -> Result<Response<Body>, Failure> {
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, start, length) = match byte_range::parse(range, object.size) {
        ByteRange::Whole => (StatusCode::OK, 0, object.size),
        ByteRange::Part { start, length } => (StatusCode::PARTIAL_CONTENT, start, length),
        ByteRange::Unsatisfiable => return Err(Reason::InvalidRange.into()),
    };
    let body = if is_head { Body::empty() } else { Body::from_stream(object.stream(start, length)) };
    let content_type = object.content_type.clone().unwrap_or_else(|| "binary/octet-stream".to_owned());
    let mut response = (
        status,
        [
            (header::ETAG, format!("\"{}\"", object.etag)),
            (header::LAST_MODIFIED, http_time(object.modified)),
            (header::CONTENT_TYPE, content_type),
            (header::CONTENT_LENGTH, length.to_string()),
            (header::ACCEPT_RANGES, "bytes".to_owned()),
        ],
        body,
    )
        .into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{}", start + length - 1, object.size);
        if let Ok(range) = HeaderValue::from_str(&range) {
            response.headers_mut().insert(header::CONTENT_RANGE, range);
        }
    }
    Ok(response)
}

fn http_time(time: OffsetDateTime) -> String {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    time.format(&format).unwrap_or_default()
}

pub fn iso_time(time: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].000Z");
    time.format(&format).unwrap_or_default()
}

/// The answer of `?location`; empty for us-east-1.
#[derive(Serialize)]
#[serde(rename = "LocationConstraint")]
pub struct Location {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
}

impl Location {
    pub const EMPTY: Self = Self { namespace: NAMESPACE };
}

#[derive(Serialize)]
#[serde(rename = "ListBucketResult", rename_all = "PascalCase")]
pub struct Listing {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    name: String,
    prefix: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    delimiter: String,
    max_keys: usize,
    pub key_count: usize,
    pub is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_continuation_token: Option<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    start_after: String,
    pub contents: Vec<ListedObject>,
    pub common_prefixes: Vec<CommonPrefix>,
}

impl Listing {
    pub fn of(bucket: &str, wanted: &ListRequest) -> Self {
        Self {
            namespace: NAMESPACE,
            name: bucket.to_owned(),
            prefix: encoded(&wanted.prefix, wanted.encoded),
            delimiter: encoded(&wanted.delimiter, wanted.encoded),
            max_keys: wanted.max_keys,
            key_count: 0,
            is_truncated: false,
            encoding_type: wanted.encoded.then_some("url"),
            continuation_token: wanted.continuation.as_deref().map(token),
            next_continuation_token: None,
            start_after: encoded(&wanted.start_after, wanted.encoded),
            contents: Vec::new(),
            common_prefixes: Vec::new(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListedObject {
    key: String,
    last_modified: String,
    #[serde(rename = "ETag")]
    etag: String,
    size: u64,
    storage_class: &'static str,
}

impl ListedObject {
    pub fn of(key: &str, etag: &str, size: u64, last_modified: String, is_encoded: bool) -> Self {
        let etag = format!("\"{etag}\"");
        Self { key: encoded(key, is_encoded), last_modified, etag, size, storage_class: "STANDARD" }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CommonPrefix {
    prefix: String,
}

impl CommonPrefix {
    pub fn of(prefix: &str, is_encoded: bool) -> Self {
        Self { prefix: encoded(prefix, is_encoded) }
    }
}

fn encoded(text: &str, is_encoded: bool) -> String {
    if is_encoded { utf8_percent_encode(text, KEPT).to_string() } else { text.to_owned() }
}

#[derive(Serialize)]
#[serde(rename = "InitiateMultipartUploadResult", rename_all = "PascalCase")]
pub struct CreatedUpload<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    bucket: &'a str,
    key: &'a str,
    upload_id: &'a str,
}

impl<'a> CreatedUpload<'a> {
    pub fn of(bucket: &'a str, key: &'a str, upload_id: &'a str) -> Self {
        Self { namespace: NAMESPACE, bucket, key, upload_id }
    }
}

#[derive(Serialize)]
#[serde(rename = "CompleteMultipartUploadResult", rename_all = "PascalCase")]
pub struct CompletedUpload<'a> {
    #[serde(rename = "@xmlns")]
    namespace: &'static str,
    location: String,
    bucket: &'a str,
    key: &'a str,
    #[serde(rename = "ETag")]
    etag: String,
}

impl<'a> CompletedUpload<'a> {
    pub fn of(bucket: &'a str, key: &'a str, etag: &str) -> Self {
        let location = format!("/{bucket}/{}", encoded(key, true));
        Self { namespace: NAMESPACE, location, bucket, key, etag: format!("\"{etag}\"") }
    }
}

/// A part of the body of CompleteMultipartUpload.
#[derive(Debug, Deserialize)]
pub struct PartRequest {
    #[serde(rename = "PartNumber")]
    pub part_number: u16,
    #[serde(rename = "ETag")]
    pub etag: String,
}

pub fn parse_parts(body: &[u8]) -> Result<Vec<PartRequest>, Failure> {
    #[derive(Deserialize)]
    struct Complete {
        #[serde(rename = "Part", default)]
        parts: Vec<PartRequest>,
    }
    let text = std::str::from_utf8(body).map_err(|_| Reason::MalformedXML)?;
    let complete: Complete = quick_xml::de::from_str(text).map_err(|_| Reason::MalformedXML)?;
    Ok(complete.parts)
}
