//! A Dockerfile that is being written, with the local files that it needs.

use super::dockerfile::Part;
use crate::client::codes;
use crate::client::error::{Error, Result};
use crate::client::status;
use std::path::{Path, PathBuf};

/// The text so far, and the contexts.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub text: String,
    pub contexts: Vec<Context>,
    /// What stands before the names of local files in our own style, so that they do not meet those of a context
    /// directory.
    pub local_prefix: &'static str,
}

/// Local files that are packed together and uploaded under one hash.
#[derive(Clone, Debug)]
pub(super) struct Context {
    /// The path inside the build's context, as the style has it and as its hash counts it.
    pub archive: String,
    pub source: Source,
}

#[derive(Clone, Debug)]
pub(super) enum Source {
    /// A file or directory that the user named.
    Path { path: PathBuf, must_be: Kind },
    /// What the COPY and ADD instructions of a text take from the directory `root`; it is looked for when the
    /// context is packed, and has the names there that it has in `root`. `archive` stands before each name.
    Instructions { root: PathBuf, text: String, part: Part },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Directory,
    Either,
}

impl Draft {
    /// A line, after which a line break follows.
    pub fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    pub fn add(&mut self, archive: String, path: PathBuf, must_be: Kind) {
        self.contexts.push(Context { archive, source: Source::Path { path, must_be } });
    }
}

/// Fails where there is nothing of that kind.
pub(super) fn check_exists(path: &Path, must_be: Kind) -> Result<()> {
    let metadata = std::fs::metadata(path).map_err(|error| cannot_read(path, &error))?;
    match must_be {
        Kind::File if !metadata.is_file() => Err(Error::invalid(format!(
            "the local path {} is not a file{}",
            shown(path),
            if metadata.is_dir() { "; add a directory with `addLocalDir`" } else { "" }
        ))),
        Kind::Directory if !metadata.is_dir() => Err(Error::invalid(format!(
            "the local path {} is not a directory; add a file with `addLocalFile`",
            shown(path)
        ))),
        _ => Ok(()),
    }
}

/// The error of a local file that cannot be read. One that is missing has the code FILE_NOT_FOUND.
pub(super) fn cannot_read(path: &Path, error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        return missing(format!("the local file {} of the image does not exist", shown(path)));
    }
    let mut failure =
        Error::new(status::IO, format!("cannot read the local file {} of the image: {error}", shown(path)));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        failure.detail_mut().code = Some(codes::FILE_ACCESS_DENIED.to_owned());
    }
    failure
}

/// The error of a local file that is not there.
pub(super) fn missing(message: String) -> Error {
    let mut error = Error::new(status::IO, message);
    error.detail_mut().code = Some(codes::FILE_NOT_FOUND.to_owned());
    error
}

/// A path in a message.
pub(super) fn shown(path: &Path) -> String {
    format!("\"{}\"", path.to_string_lossy().escape_debug())
}
