//! Looking for names, looking for text, and replacing text.

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
    call::{Call, Place, blocking, field, json},
    info::base_name,
    pattern,
    refusal::{Refusal, go_path_error},
    walk::walk,
};

/// A file with a NUL among its first bytes is taken for binary and not searched.
const SNIFFED: u64 = 512;
/// A line longer than this ends the search of its file: the daemon's scanner gives up there.
const LONGEST_LINE: u64 = 64 * 1024;

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

/// Where to look and what for; both are required.
fn root_and_pattern(call: &Call) -> Result<(Place, String), Refusal> {
    match (call.query("path"), call.text("pattern")) {
        (Some(path), Some(pattern)) => Ok((call.place(path), pattern)),
        _ => Err(Refusal::bad_request("path and pattern are required")),
    }
}

pub async fn search(call: Call) -> Result<Response, Refusal> {
    let (root, wanted) = root_and_pattern(&call)?;
    let files = blocking(move || {
        let mut files = Vec::new();
        walk(&root, &mut |entry, _| {
            if pattern::matches(&wanted, &base_name(&entry.asked)) {
                files.push(entry.asked.to_string_lossy().into_owned());
            }
        });
        Ok(files)
    })
    .await?;
    Ok(json(StatusCode::OK, &object!({ "files": files })))
}

pub async fn find(call: Call) -> Result<Response, Refusal> {
    let (root, text) = root_and_pattern(&call)?;
    let matches = blocking(move || {
        let mut matches = Vec::new();
        walk(&root, &mut |entry, kind| {
            if kind.is_file() {
                // A file that cannot be read holds nothing to be found, for the daemon too.
                let _unreadable = find_in(entry, &text, &mut matches);
            }
        });
        Ok(matches)
    })
    .await?;
    Ok(json(StatusCode::OK, &matches))
}

fn find_in(entry: &Place, text: &str, matches: &mut Vec<Match>) -> std::io::Result<()> {
    let mut file = File::open(&entry.real)?;
    let mut start = Vec::new();
    (&mut file).take(SNIFFED).read_to_end(&mut start)?;
    if start.contains(&0) {
        return Ok(());
    }
    file.rewind()?;
    let mut reader = BufReader::with_capacity(LONGEST_LINE as usize, file);
    let finder = Finder::new(text);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        match line.pop() {
            Some(b'\n') => {}
            _ if line.len() as u64 + 1 == LONGEST_LINE => break,
            Some(last) => line.push(last),
            None => break,
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        if finder.find(&line).is_some() {
            matches.push(Match {
                file: entry.asked.to_string_lossy().into_owned(),
                line: number,
                content: String::from_utf8_lossy(&line).into_owned(),
            });
        }
    }
    Ok(())
}

pub async fn replace(call: Call) -> Result<Response, Refusal> {
    let machine = call.machine.clone();
    let body = call.json().await?;
    let required = |key: &str| Refusal::invalid_body(format!("invalid request body: {key} is required"));
    let files: Vec<String> = match field(&body, "files") {
        Some(Value::Array(files)) => files
            .iter()
            .map(|file| file.as_str().map(str::to_owned))
            .collect::<Option<_>>()
            .ok_or_else(|| Refusal::invalid_body("invalid request body: files must be texts"))?,
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
                    replace_in(&machine.home.join(&file), Path::new(&file), &pattern, &new_value).err();
                Replaced { file, success: error.is_none(), error }
            })
            .collect::<Vec<_>>())
    })
    .await?;
    Ok(json(StatusCode::OK, &replaced))
}

/// Replaces in bytes, so that a file that is no UTF-8 keeps what was not asked for.
fn replace_in(real: &Path, asked: &Path, pattern: &str, new_value: &str) -> Result<(), String> {
    let content = fs::read(real).map_err(|error| match error.kind() {
        std::io::ErrorKind::IsADirectory => go_path_error("read", asked, &error),
        _ => go_path_error("open", asked, &error),
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
    write().map_err(|error| go_path_error("open", asked, &error))
}
