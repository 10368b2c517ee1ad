//! Percent-encoded path segments of a URL, for ids that a user chose.

use super::error::{Error, Result};
use super::{status, transport};

/// Encodes `id` as one path segment; `what` names it in the error. Refused before anything is sent: ids with a
/// slash, because the server splits paths after decoding them, so such an id can be created but never be
/// addressed again; `.` and `..`, which every URL parser removes, encoded or not.
pub(crate) fn encode_path_segment(what: &str, id: &str) -> Result<String> {
    let reason = match id {
        "" => "is empty",
        "." | ".." => "cannot stand in a URL",
        _ if id.contains('/') => "contains a slash, and the server cannot address it",
        _ if id.contains('\0') => "contains a NUL character",
        _ => return transport::segment(id),
    };
    Err(Error::invalid(format!("{what} \"{}\" {reason}; choose another", id.escape_debug())))
}

/// Whether a text has the form of a UUID. Names may have it, too.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The answer by id of what looks like one, and by name of what does not, or is no thing's id.
pub(crate) async fn by_id_or_name<T>(
    id_or_name: &str,
    by_id: impl Future<Output = Result<T>>,
    by_name: impl Future<Output = Result<T>>,
) -> Result<T> {
    if is_uuid(id_or_name) {
        match by_id.await {
            Err(error) if error.status() == status::HTTP_NOT_FOUND => {}
            answered => return answered,
        }
    }
    by_name.await
}

#[cfg(test)]
mod tests {
    use super::encode_path_segment;

    #[test]
    fn ids_are_percent_encoded() {
        assert_eq!(encode_path_segment("the session id", "a b?#%ü").unwrap(), "a%20b%3F%23%25%C3%BC");
    }

    #[test]
    fn ids_that_cannot_be_addressed_are_refused() {
        for id in ["", ".", "..", "a/b", "/", "a\0"] {
            assert!(encode_path_segment("the session id", id).is_err(), "{id:?}");
        }
    }
}
