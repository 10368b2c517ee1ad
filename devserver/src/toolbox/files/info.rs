//! Information about one entry, or about the entries of a directory to a depth.

use std::{
    fs::{self, Metadata},
    io,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::Path,
};

use axum::{http::StatusCode, response::Response};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    call::{FileCall, RequestedPath, blocking, json},
    error::FileError,
    walk::sorted_names,
};

/// An entry as the daemon describes it, with symlinks followed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FileInfo {
    name: String,
    size: u64,
    mode: String,
    mod_time: String,
    modified_at: String,
    is_dir: bool,
    owner: String,
    group: String,
    permissions: String,
    /// Since 0.205, which lists to a depth.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

pub async fn info(call: FileCall) -> Result<Response, FileError> {
    let place = call.required_place("path")?;
    let with_path = !call.is_0_190();
    let info = blocking(move || {
        describe(&place, with_path).map_err(|error| FileError::of("stat", &place.requested, &error))
    })
    .await?;
    Ok(json(StatusCode::OK, &info))
}

pub async fn list(call: FileCall) -> Result<Response, FileError> {
    let place = call.place(call.query("path").unwrap_or_else(|| ".".into()));
    let with_path = !call.is_0_190();
    // 0.190 ignores `depth`.
    let depth = match call.text("depth") {
        Some(text) if with_path => match text.parse::<u32>() {
            Ok(depth) if depth >= 1 => depth,
            _ => {
                return Err(FileError::bad_request(format!(
                    "depth must be a whole number from 1, not {text:?}"
                )));
            }
        },
        _ => 1,
    };
    let entries = blocking(move || {
        let mut entries = Vec::new();
        collect(&place, depth, with_path, &mut entries)
            .map_err(|error| FileError::of("open", &place.requested, &error))?;
        Ok(entries)
    })
    .await?;
    Ok(json(StatusCode::OK, &entries))
}

/// Adds the entries of a directory, each before its children. Omits entries that vanish meanwhile, dangling
/// symlinks, and the children of directories that cannot be read.
fn collect(
    place: &RequestedPath,
    depth: u32,
    with_path: bool,
    entries: &mut Vec<FileInfo>,
) -> io::Result<()> {
    for name in sorted_names(&place.real)? {
        let entry = RequestedPath { requested: place.requested.join(&name), real: place.real.join(&name) };
        let Ok(info) = describe(&entry, with_path) else {
            continue;
        };
        // Symlinks to directories are not entered: they may form a cycle.
        let enter = depth > 1 && info.is_dir && !entry.real.is_symlink();
        entries.push(info);
        if enter {
            let _unreadable = collect(&entry, depth - 1, with_path, entries);
        }
    }
    Ok(())
}

fn describe(place: &RequestedPath, with_path: bool) -> io::Result<FileInfo> {
    let metadata = fs::metadata(&place.real)?;
    let modified = OffsetDateTime::from(metadata.modified()?);
    let modified_at = modified.format(&Rfc3339).map_err(io::Error::other)?;
    Ok(FileInfo {
        name: base_name(&place.requested),
        size: metadata.size(),
        mode: go_mode(&metadata),
        mod_time: go_time(&modified_at),
        modified_at,
        is_dir: metadata.is_dir(),
        owner: metadata.uid().to_string(),
        group: metadata.gid().to_string(),
        permissions: format!("{:04o}", metadata.permissions().mode() & 0o777),
        path: with_path.then(|| super::walk::clean(&place.requested).to_string_lossy().into_owned()),
    })
}

/// The last element of a path, `.` and `/` included.
pub fn base_name(path: &Path) -> String {
    path.components()
        .next_back()
        .map_or_else(String::new, |last| last.as_os_str().to_string_lossy().into_owned())
}

/// The current time in the daemon's format.
pub fn now() -> String {
    OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default()
}

/// `2026-01-02T03:04:05.6Z` in the layout of Go's `time.String()`.
fn go_time(rfc3339: &str) -> String {
    format!("{} +0000 UTC", rfc3339.trim_end_matches('Z').replacen('T', " ", 1))
}

/// The mode as Go prints it: a letter for each special property, then the nine permissions.
fn go_mode(metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    let bits = metadata.permissions().mode();
    let special = [
        (kind.is_dir(), 'd'),
        (kind.is_block_device() || kind.is_char_device(), 'D'),
        (kind.is_fifo(), 'p'),
        (kind.is_socket(), 'S'),
        (bits & 0o4000 != 0, 'u'),
        (bits & 0o2000 != 0, 'g'),
        (kind.is_char_device(), 'c'),
        (bits & 0o1000 != 0, 't'),
    ];
    let mut text: String = special.iter().filter(|(is, _)| *is).map(|(_, letter)| letter).collect();
    if text.is_empty() {
        text.push('-');
    }
    for (index, letter) in "rwxrwxrwx".chars().enumerate() {
        text.push(if bits & (0o400 >> index) != 0 { letter } else { '-' });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_read_as_in_go() {
        let mode = |path: &str| go_mode(&fs::metadata(path).unwrap());
        assert_eq!(mode("/tmp"), "dtrwxrwxrwx");
        assert_eq!(mode("/dev/null"), "Dcrw-rw-rw-");
    }

    #[test]
    fn times_read_as_in_go() {
        assert_eq!(go_time("2026-01-02T03:04:05.6Z"), "2026-01-02 03:04:05.6 +0000 UTC");
    }
}
