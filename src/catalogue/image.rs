//! The entries of `image.*`.

use super::Operation;
use super::entry::operation;
use crate::client::image;

pub(super) const ENTRIES: &[Operation] = &[operation! {
    /// The Dockerfile of an image object, as a text.
    ///
    /// Nothing is sent. Local files are looked for where the style does so, and a missing one is IO with the code
    /// FILE_NOT_FOUND; a pyproject.toml is read. A Dockerfile in it that cannot be read is INVALID_ARGUMENT, and
    /// the message names the line; in the style of an official SDK it is not read.
    "image.dockerfile", Client, Guide, image::Dockerfile,
    required: ["image"],
    result: Text,
    fails: [IO],
    codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
    endpoint: "none",
    cancel: "Nothing remote.",
    timeout: None,
    call: image::dockerfile,
}];
