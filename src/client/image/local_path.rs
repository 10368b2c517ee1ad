//! Local paths as the official SDKs compute with them. Nothing here reads the disk.

use std::path::PathBuf;

/// Replaces a leading `~` by the home directory, as a shell does.
pub(super) fn expand_home(path: &str) -> String {
    match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => match std::env::var("HOME") {
            Ok(home) if !home.is_empty() => format!("{}{rest}", home.trim_end_matches('/')),
            _ => path.to_owned(),
        },
        _ => path.to_owned(),
    }
}

/// The absolute path without `.` and `..`, as Node's `resolve` and Ruby's `expand_path`.
pub(super) fn resolve(path: &str) -> String {
    if path.starts_with('/') {
        return normalize(path);
    }
    let current = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    normalize(&format!("{}/{path}", current.to_string_lossy()))
}

/// A path without `.`, doubled slashes and inner `..`, as Python's `normpath`.
pub(super) fn normalize(path: &str) -> String {
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                None if absolute => {}
                _ => parts.push(".."),
            },
            _ => parts.push(part),
        }
    }
    match (absolute, parts.join("/")) {
        (true, path) => format!("/{path}"),
        (false, path) if path.is_empty() => ".".to_owned(),
        (false, path) => path,
    }
}

/// The last part of a path; empty for `/`.
pub(super) fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// A path in an archive: no leading slash, no `.`; `None` where `..` leads out of it.
pub(super) fn in_archive(path: &str) -> Option<String> {
    let path = normalize(path.trim_start_matches('/'));
    match path.as_str() {
        ".." => None,
        _ if path.starts_with("../") => None,
        "." => Some(String::new()),
        _ => Some(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized() {
        for (path, expected) in [
            ("./a//b/", "a/b"),
            ("../c", "../c"),
            ("a/../..", ".."),
            ("/../x", "/x"),
            ("", "."),
            ("a/..", "."),
        ] {
            assert_eq!(normalize(path), expected, "{path}");
        }
    }

    #[test]
    fn no_path_leads_out_of_an_archive() {
        for (path, expected) in
            [("/a/b", Some("a/b")), ("./x", Some("x")), ("../c", None), ("a/../..", None), (".", Some(""))]
        {
            assert_eq!(in_archive(path).as_deref(), expected, "{path}");
        }
    }
}
