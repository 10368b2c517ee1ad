//! Searches by name, searches by text, and replacing text.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Seek},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use axum::{http::StatusCode, response::Response};
use memchr::memmem::{self, Finder};
use serde::Serialize;
use serde_json::{Value, json as object};

use super::{
    call::{FileCall, RequestedPath, blocking, field, is_special, json},
    error::{FileError, go_path_error},
    info::base_name,
    pattern,
    walk::walk,
};

/// A file with a NUL among its first bytes counts as binary and is not searched.
const SNIFF_BYTES: u64 = 512;
/// A longer line ends the search of its file, as in the daemon, whose scanner fails there.
const MAX_LINE_BYTES: u64 = 64 * 1024;

#[derive(Serialize)]
struct Match {
    file: String,
    line: u64,
    content: String,
}

#[derive(Serialize)]
struct Replaced {
    file: String,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// The two required parameters.
fn root_and_pattern(call: &FileCall) -> Result<(RequestedPath, String), FileError> {
    match (call.query("path"), call.text("pattern")) {
        (Some(path), Some(pattern)) => Ok((call.place(path), pattern)),
        _ => Err(FileError::bad_request("path and pattern are required")),
    }
}

pub async fn search(call: FileCall) -> Result<Response, FileError> {
    let (root, wanted) = root_and_pattern(&call)?;
    let files = blocking(move || {
        let mut files = Vec::new();
        walk(&root, &mut |entry, _| {
            if pattern::matches(&wanted, &base_name(&entry.requested)) {
                files.push(entry.requested.to_string_lossy().into_owned());
            }
        });
        Ok(files)
    })
    .await?;
    Ok(json(StatusCode::OK, &object!({ "files": files })))
}

pub async fn find(call: FileCall) -> Result<Response, FileError> {
    let (root, text) = root_and_pattern(&call)?;
    let matches = blocking(move || {
        let mut matches = Vec::new();
        walk(&root, &mut |entry, kind| {
            if kind.is_file() {
                // Files that cannot be read are skipped, as in the daemon.
                let _unreadable = find_in(entry, &text, &mut matches);
            }
        });
        Ok(matches)
    })
    .await?;
    Ok(json(StatusCode::OK, &matches))
}

fn find_in(entry: &RequestedPath, text: &str, matches: &mut Vec<Match>) -> std::io::Result<()> {
    let mut file = File::open(&entry.real)?;
    let mut start = Vec::new();
    (&mut file).take(SNIFF_BYTES).read_to_end(&mut start)?;
    if start.contains(&0) {
        return Ok(());
    }
    file.rewind()?;
    let mut reader = BufReader::with_capacity(MAX_LINE_BYTES as usize, file);
    let finder = Finder::new(text);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut reader).take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match line.pop() {
            Some(b'\n') => {}
            _ if line.len() as u64 + 1 == MAX_LINE_BYTES => break,
            Some(last) => line.push(last),
            None => break,
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if finder.find(&line).is_some() {
            matches.push(Match {
                file: entry.requested.to_string_lossy().into_owned(),
                line: number,
                content: String::from_utf8_lossy(&line).into_owned(),
            });
        }
    }
    Ok(())
}

pub async fn replace(call: FileCall) -> Result<Response, FileError> {
    let machine = call.machine.clone();
    let body = call.json().await?;
    let required = |key: &str| FileError::invalid_body(format!("invalid request body: {key} is required"));
    let files: Vec<String> = match field(&body, "files") {
        Some(Value::Array(files)) => files
            .iter()
            .map(|file| file.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| FileError::invalid_body("invalid request body: files must be texts"))?,
        _ => return Err(required("files")),
    };
    let text = |key: &str| field(&body, key).and_then(Value::as_str).map(str::to_owned);
    let pattern = text("pattern").filter(|pattern| !pattern.is_empty()).ok_or_else(|| required("pattern"))?;
    let new_value = text("newValue").ok_or_else(|| required("newValue"))?;
    let replaced = blocking(move || {
        Ok(files
            .into_iter()
            .map(|file| {
                let error =
                    replace_in(&machine.work_dir.join(&file), Path::new(&file), &pattern, &new_value).err();
                Replaced { file, success: error.is_none(), error }
            })
            .collect::<Vec<_>>())
    })
    .await?;
    Ok(json(StatusCode::OK, &replaced))
}

/// Replaces bytes, so that other bytes of a file that is not UTF-8 are preserved.
fn replace_in(real: &Path, requested: &Path, pattern: &str, new_value: &str) -> Result<(), String> {
    if is_special(real) {
        return Err(format!("open {}: not a regular file", requested.display()));
    }
    let content = fs::read(real).map_err(|error| match error.kind() {
        std::io::ErrorKind::IsADirectory => go_path_error("read", requested, &error),
        _ => go_path_error("open", requested, &error),
    })?;
    let mut changed = Vec::with_capacity(content.len());
    let mut copied = 0;
    for at in memmem::find_iter(&content, pattern) {
        changed.extend_from_slice(&content[copied..at]);
        changed.extend_from_slice(new_value.as_bytes());
        copied = at + pattern.len();
    }
    changed.extend_from_slice(&content[copied..]);
    let write = || {
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(real)?;
        std::io::Write::write_all(&mut file, &changed)
    };
    write().map_err(|error| go_path_error("open", requested, &error))
}
