//! Which operation of S3 a request is.

use super::BUCKET;
use super::failure::{Failure, Reason};
use axum::http::Method;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::percent_decode_str;

/// The longest key, in bytes.
const MAX_KEY_BYTES: usize = 1024;
/// Keys of one page of a list.
const MAX_KEYS: usize = 1000;

#[derive(Debug, PartialEq, Eq)]
pub enum Operation {
    Location,
    HeadBucket,
    List(ListRequest),
    Put,
    Get,
    Head,
    Delete,
    CreateUpload,
    UploadPart { upload_id: String, number: u16 },
    CompleteUpload { upload_id: String },
    AbortUpload { upload_id: String },
}

/// ListObjectsV2.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    pub prefix: String,
    pub delimiter: String,
    pub max_keys: usize,
    pub start_after: String,
    /// The last key of the page before.
    pub continuation: Option<String>,
    /// Keys are percent-encoded in the answer.
    pub encoded: bool,
}

/// The query's pairs, decoded; a name alone has the value "".
pub fn query(parts: &Parts) -> Vec<(String, String)> {
    serde_urlencoded::from_str(parts.uri.query().unwrap_or_default()).unwrap_or_default()
}

/// The key, and what is wanted of it; an empty key is the bucket.
pub fn operation(parts: &Parts) -> Result<(String, Operation), Failure> {
    let path = parts.uri.path().strip_prefix('/').unwrap_or_default();
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    if bucket != BUCKET {
        return Err(Reason::NoSuchBucket.into());
    }
    let Ok(key) = percent_decode_str(key).decode_utf8() else {
        return Err(Failure::because(Reason::InvalidArgument, "The key is not UTF-8"));
    };
    if key.len() > MAX_KEY_BYTES {
        return Err(Reason::KeyTooLongError.into());
    }
    let query = query(parts);
    let of = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let operation = if key.is_empty() { bucket_operation(parts, &of)? } else { key_operation(parts, &of)? };
    Ok((key.into_owned(), operation))
}

fn bucket_operation(parts: &Parts, of: &dyn Fn(&str) -> Option<String>) -> Result<Operation, Failure> {
    if parts.method == Method::HEAD {
        return Ok(Operation::HeadBucket);
    }
    if parts.method == Method::GET && of("location").is_some() {
        return Ok(Operation::Location);
    }
    if parts.method != Method::GET || of("list-type").as_deref() != Some("2") {
        return Err(Failure::because(Reason::NotImplemented, "Of the bucket only ListObjectsV2 is offered"));
    }
    let max_keys = match of("max-keys").map(|text| text.parse::<usize>()) {
        None => MAX_KEYS,
        Some(Ok(number)) => number.min(MAX_KEYS),
        Some(Err(_)) => {
            return Err(Failure::because(Reason::InvalidArgument, "max-keys is not a number"));
        }
    };
    Ok(Operation::List(ListRequest {
        prefix: of("prefix").unwrap_or_default(),
        delimiter: of("delimiter").unwrap_or_default(),
        max_keys,
        start_after: of("start-after").unwrap_or_default(),
        continuation: of("continuation-token").map(|token| token_key(&token)).transpose()?,
        encoded: of("encoding-type").as_deref() == Some("url"),
    }))
}

/// The opaque token of the page that goes on after this key.
pub fn token(last_key: &str) -> String {
    URL_SAFE_NO_PAD.encode(last_key)
}

fn token_key(token: &str) -> Result<String, Failure> {
    let key = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    key.ok_or_else(|| {
        Failure::because(Reason::InvalidArgument, "The continuation token provided is incorrect")
    })
}

fn key_operation(parts: &Parts, of: &dyn Fn(&str) -> Option<String>) -> Result<Operation, Failure> {
    // What would change the meaning of a request is refused, not overlooked.
    for other in ["acl", "tagging", "retention", "legal-hold", "versionId", "attributes", "torrent"] {
        if of(other).is_some() {
            return Err(Failure::because(Reason::NotImplemented, format!("?{other} is not offered")));
        }
    }
    for other in ["x-amz-copy-source", "if-none-match", "if-match"] {
        if parts.method == Method::PUT && parts.headers.contains_key(other) {
            return Err(Failure::because(Reason::NotImplemented, format!("{other} is not offered")));
        }
    }
    match (parts.method.as_str(), of("uploadId"), of("partNumber")) {
        ("PUT", Some(upload_id), Some(number)) => match number.parse() {
            Ok(number @ 1..=10_000) => Ok(Operation::UploadPart { upload_id, number }),
            _ => Err(Failure::because(
                Reason::InvalidArgument,
                "Part number must be an integer between 1 and 10000, inclusive",
            )),
        },
        ("POST", Some(upload_id), None) => Ok(Operation::CompleteUpload { upload_id }),
        ("DELETE", Some(upload_id), None) => Ok(Operation::AbortUpload { upload_id }),
        ("POST", None, None) if of("uploads").is_some() => Ok(Operation::CreateUpload),
        ("PUT", None, None) => Ok(Operation::Put),
        ("GET", None, None) => Ok(Operation::Get),
        ("HEAD", None, None) => Ok(Operation::Head),
        ("DELETE", None, None) => Ok(Operation::Delete),
        _ => Err(Reason::NotImplemented.into()),
    }
}
