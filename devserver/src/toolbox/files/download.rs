//! Downloads of one file or a range of it.

use std::{
    fs::{File, Metadata},
    io::{Seek, SeekFrom},
};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use time::{
    OffsetDateTime, PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description,
};

use crate::byte_range::{self, ByteRange};

use super::{
    call::{FileCall, RequestedPath, blocking},
    disposition,
    error::FileError,
    source::Source,
};

/// The date format of HTTP, in whole seconds.
const HTTP_DATE: &[BorrowedFormatItem] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

pub async fn download(call: FileCall) -> Result<Response, FileError> {
    let place = call.required_place("path")?;
    let (file, metadata) = {
        let place = place.clone();
        blocking(move || open(&place)).await?
    };
    let modified = metadata.modified().ok().map(OffsetDateTime::from);
    let last_modified = modified.and_then(|time| time.format(HTTP_DATE).ok());
    let mut headers = fixed_headers(&place);
    if let Some(date) = &last_modified {
        headers.insert(header::LAST_MODIFIED, text(date)?);
    }
    if is_unchanged(&call.headers, modified) {
        headers.remove(header::CONTENT_TYPE);
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    // `If-Range`: of a file that has changed since, all is sent.
    let same =
        call.headers.get(header::IF_RANGE).is_none_or(|date| date.to_str().ok() == last_modified.as_deref());
    let range = call.headers.get(header::RANGE).and_then(|range| range.to_str().ok()).filter(|_| same);
    let size = metadata.len();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let (status, start, length) = match byte_range::parse(range, size) {
        ByteRange::Whole => (StatusCode::OK, 0, size),
        ByteRange::Part { start, length } => {
            let content_range = format!("bytes {start}-{}/{size}", start + length - 1);
            headers.insert(header::CONTENT_RANGE, text(&content_range)?);
            (StatusCode::PARTIAL_CONTENT, start, length)
        }
        ByteRange::Unsatisfiable => {
            let content_range = text(&format!("bytes */{size}"))?;
            return Ok((
                StatusCode::RANGE_NOT_SATISFIABLE,
                [(header::CONTENT_RANGE, content_range)],
                "invalid range: failed to overlap\n",
            )
                .into_response());
        }
    };
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    let file = blocking(move || {
        let mut file = file;
        file.seek(SeekFrom::Start(start)).map_err(|error| FileError::of("seek", &place.requested, &error))?;
        Ok(file)
    })
    .await?;
    Ok((status, headers, Body::from_stream(Source::new(file, length).into_stream())).into_response())
}

fn open(place: &RequestedPath) -> Result<(File, Metadata), FileError> {
    let failed = |error| FileError::of("stat", &place.requested, &error);
    // Checked before it is opened: opening a named pipe would wait for its writer.
    let metadata = std::fs::metadata(&place.real).map_err(failed)?;
    if !metadata.is_file() {
        return Err(FileError::bad_request("path must be a file"));
    }
    let file = File::open(&place.real).map_err(|error| FileError::of("open", &place.requested, &error))?;
    let metadata = file.metadata().map_err(failed)?;
    Ok((file, metadata))
}

fn fixed_headers(place: &RequestedPath) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-description", "File Transfer"),
        ("content-type", "application/octet-stream"),
        ("content-transfer-encoding", "binary"),
        ("expires", "0"),
        ("cache-control", "must-revalidate"),
        ("pragma", "public"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let name = place.real.file_name().unwrap_or_default();
    let mut disposition = b"attachment; ".to_vec();
    disposition.extend(disposition::names(name.as_ref()));
    if let Ok(disposition) = HeaderValue::from_bytes(&disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    headers
}

fn text(value: &str) -> Result<HeaderValue, FileError> {
    HeaderValue::from_str(value).map_err(|error| FileError::internal(format!("header {value:?}: {error}")))
}

/// Whether the file is not newer than the client's `If-Modified-Since`.
fn is_unchanged(headers: &HeaderMap, modified: Option<OffsetDateTime>) -> bool {
    let since = headers
        .get(header::IF_MODIFIED_SINCE)
        .and_then(|date| PrimitiveDateTime::parse(date.to_str().ok()?, HTTP_DATE).ok());
    match (since, modified) {
        (Some(since), Some(modified)) => modified.unix_timestamp() <= since.assume_utc().unix_timestamp(),
        _ => false,
    }
}
