//! Error messages: each names the file and what was attempted. A daemon of 0.190 refuses with a status alone, so
//! the likely cause is added here.

use crate::client::codes;
use crate::client::error::Error;
use crate::client::status;
use crate::client::transport::NO_BODY;
use std::io::ErrorKind;
use std::path::Path;

/// A path in a message.
pub(super) fn quoted(path: &str) -> String {
    format!("\"{}\"", path.escape_debug())
}

/// The likely cause of a refusal without a body, by status.
pub(super) type Hints = &'static [(i32, &'static str)];

/// Adds "cannot {doing} {path}" to an error; `doing` is a verb such as `list`.
pub(super) fn cannot(doing: &str, path: &str, hints: Hints) -> impl FnOnce(Error) -> Error + use<> {
    let what = format!("cannot {doing} {}", quoted(path));
    move |error| say(what, error, hints)
}

/// The same with a second path: "cannot {doing} {path} to {to}".
pub(super) fn cannot_to(
    doing: &str,
    path: &str,
    to: &str,
    hints: Hints,
) -> impl FnOnce(Error) -> Error + use<> {
    let what = format!("cannot {doing} {} to {}", quoted(path), quoted(to));
    move |error| say(what, error, hints)
}

const DEFAULT_HINTS: Hints = &[
    (status::HTTP_NOT_FOUND, "it does not exist"),
    (status::HTTP_FORBIDDEN, "the sandbox's user lacks permission"),
];

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
        // Newer daemons send the code; bindings choose the exception by it.
        if detail.code.is_none() {
            detail.code = match status {
                status::HTTP_NOT_FOUND => Some(codes::FILE_NOT_FOUND.to_owned()),
                status::HTTP_FORBIDDEN => Some(codes::FILE_ACCESS_DENIED.to_owned()),
                _ => None,
            };
        }
    } else {
        detail.message = format!("{what}: {}", detail.message);
    }
    error
}

/// Whether the sandbox refused, and not the credential, a limit, or Daytona's API or proxy before it.
pub(super) fn is_refused_by_the_sandbox(error: &Error) -> bool {
    let before_it = matches!(error.detail().source.as_deref(), Some("DAYTONA_PROXY" | "DAYTONA_API"));
    match error.status() {
        status::HTTP_AUTHENTICATION | status::HTTP_REQUEST_TIMEOUT | status::HTTP_RATE_LIMIT => false,
        400..=499 => !before_it,
        _ => false,
    }
}

/// The error of a local file; `doing` is a verb such as `read`. One that is missing, or that this process may not
/// use, has the code of such a file.
pub(super) fn local(doing: &str, path: &Path, error: &std::io::Error) -> Error {
    let mut failure = local_because(doing, path, &error.to_string());
    let code = match error.kind() {
        ErrorKind::NotFound => Some(codes::FILE_NOT_FOUND),
        ErrorKind::PermissionDenied => Some(codes::FILE_ACCESS_DENIED),
        _ => None,
    };
    failure.detail_mut().code = code.map(str::to_owned);
    failure
}

pub(super) fn local_because(doing: &str, path: &Path, why: &str) -> Error {
    Error::new(
        status::IO,
        format!("cannot {doing} the local file {}: {why}", quoted(&path.to_string_lossy())),
    )
}
