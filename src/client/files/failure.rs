//! What a failure says: which file, and what was to be done with it. A daemon of 0.190 refuses with a
//! status alone, and no request's path names the file, so this side says both.

use crate::client::error::Error;
use crate::client::status;
use crate::client::transport::NO_BODY;
use std::path::Path;

/// A path in a message.
pub(super) fn quoted(path: &str) -> String {
    format!("\"{}\"", path.escape_debug())
}

/// What an empty refusal with a status most likely means.
pub(super) type Hints = &'static [(i32, &'static str)];

/// Completes a failure: `doing` is as `list`, `path` the file.
pub(super) fn cannot(doing: &str, path: &str, hints: Hints) -> impl FnOnce(Error) -> Error + use<> {
    let what = format!("cannot {doing} {}", quoted(path));
    move |error| say(what, error, hints)
}

/// The same with a second path, as `to`.
pub(super) fn cannot_to(
    doing: &str,
    path: &str,
    to: &str,
    hints: Hints,
) -> impl FnOnce(Error) -> Error + use<> {
    let what = format!("cannot {doing} {} to {}", quoted(path), quoted(to));
    move |error| say(what, error, hints)
}

const DEFAULT_HINTS: Hints =
    &[(status::HTTP_NOT_FOUND, "it does not exist"), (status::HTTP_FORBIDDEN, "the sandbox's user may not")];

fn say(what: String, mut error: Error, hints: Hints) -> Error {
    if error.status() == status::INVALID_ARGUMENT {
        return error;
    }
    let status = error.status();
    let detail = error.detail_mut();
    if let Some((before, after)) = detail.message.split_once(NO_BODY) {
        let hint = hints.iter().chain(DEFAULT_HINTS).find(|(number, _)| *number == status);
        detail.message = match hint {
            Some((_, hint)) => format!("{what}: {hint}{after}"),
            None => format!("{what}: {before}{NO_BODY}{after}"),
        };
        // What a newer daemon says by itself; bindings raise by it.
        if detail.code.is_none() {
            detail.code = match status {
                status::HTTP_NOT_FOUND => Some("FILE_NOT_FOUND".to_owned()),
                status::HTTP_FORBIDDEN => Some("FILE_ACCESS_DENIED".to_owned()),
                _ => None,
            };
        }
    } else {
        detail.message = format!("{what}: {}", detail.message);
    }
    error
}

/// The server has no such endpoint: Go's router says it in plain text, everybody else in JSON or HTML.
pub(super) fn is_no_route(error: &Error) -> bool {
    let detail = error.detail();
    detail.http_status == Some(404)
        && detail.code.is_none()
        && detail.source.is_none()
        && detail.message.contains("404 page not found")
}

/// A local file that cannot be worked with; `doing` is as `read`.
pub(super) fn local(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    local_because(doing, path, &error.to_string())
}

pub(super) fn local_because(doing: &str, path: &Path, why: &str) -> Error {
    Error::new(
        status::IO,
        format!("cannot {doing} the local file {}: {why}", quoted(&path.to_string_lossy())),
    )
}
