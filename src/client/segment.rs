//! Ids that their user chose for something in a sandbox, on their way into a URL's path.

use super::error::{Error, Result};
use super::transport;

/// One encoded path segment. What the server could not find again is refused before it is sent: it
/// splits paths after decoding them, so an id with a slash can be created but never addressed, and
/// URLs swallow the segments `.` and `..` however they are written.
pub(crate) fn segment(what: &str, id: &str) -> Result<String> {
    let complaint = match id {
        "" => "is empty",
        "." | ".." => "cannot stand in a URL",
        _ if id.contains('/') => "contains a slash, and the server cannot address it",
        _ if id.contains('\0') => "contains a NUL character",
        _ => return transport::segment(id),
    };
    Err(Error::invalid(format!("{what} \"{}\" {complaint}; choose another", id.escape_debug())))
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn ids_are_percent_encoded() {
        assert_eq!(segment("the session id", "a b?#%ü").unwrap(), "a%20b%3F%23%25%C3%BC");
    }

    #[test]
    fn ids_that_cannot_be_addressed_are_refused() {
        for id in ["", ".", "..", "a/b", "/", "a\0"] {
            assert!(segment("the session id", id).is_err(), "{id:?}");
        }
    }
}
