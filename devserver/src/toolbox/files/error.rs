//! Errors of the files endpoints, independent of the protocol that they are sent in.

use std::{io, path::Path};

use axum::http::StatusCode;
use nix::errno::Errno;

/// A status, and the code and message of the 0.205 envelope.
#[derive(Debug)]
pub struct FileError {
    pub status: StatusCode,
    pub code: &'static str,
    pub message: String,
}

impl FileError {
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "BAD_REQUEST", message: message.into() }
    }

    pub fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, code: "CONFLICT", message: message.into() }
    }

    pub fn invalid_body(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code: "INVALID_REQUEST_BODY", message: message.into() }
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "INTERNAL_SERVER_ERROR",
            message: message.into(),
        }
    }

    /// The route does not exist in the sandbox's protocol.
    pub fn no_such_route() -> Self {
        Self { status: StatusCode::NOT_FOUND, code: "", message: String::new() }
    }

    pub fn is_no_such_route(&self) -> bool {
        self.code.is_empty()
    }

    /// A system error of a path: 404 if it is missing, 403 if access is denied, else 400.
    pub fn of(operation: &str, path: &Path, error: &io::Error) -> Self {
        let message = go_path_error(operation, path, error);
        match error.kind() {
            io::ErrorKind::NotFound => {
                Self { status: StatusCode::NOT_FOUND, code: "FILE_NOT_FOUND", message }
            }
            io::ErrorKind::PermissionDenied => {
                Self { status: StatusCode::FORBIDDEN, code: "FILE_ACCESS_DENIED", message }
            }
            _ => Self::bad_request(message),
        }
    }
}

/// A path error in Go's words: `open a/b: no such file or directory`.
pub fn go_path_error(operation: &str, path: &Path, error: &io::Error) -> String {
    format!("{operation} {}: {}", path.display(), go_error(error))
}

/// A system error in Go's words: strerror with a small first letter.
pub fn go_error(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else {
        return error.to_string();
    };
    let description = Errno::from_raw(number).desc();
    let mut letters = description.chars();
    match (letters.next(), letters.next()) {
        // Not abbreviations, as in "RFS specific error".
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(description.chars().skip(1)).collect()
        }
        _ => description.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_error_reads_as_in_the_daemon() {
        let missing = io::Error::from_raw_os_error(libc::ENOENT);
        assert_eq!(
            go_path_error("open", Path::new("rec/nope"), &missing),
            "open rec/nope: no such file or directory"
        );
    }

    #[test]
    fn missing_and_forbidden_have_their_own_status() {
        let path = Path::new("x");
        let status =
            |errno| FileError::of("stat", path, &io::Error::from_raw_os_error(errno)).status.as_u16();
        assert_eq!(status(libc::ENOENT), 404);
        assert_eq!(status(libc::EACCES), 403);
        assert_eq!(status(libc::EPERM), 403);
        assert_eq!(status(libc::ENOTDIR), 400);
    }
}
