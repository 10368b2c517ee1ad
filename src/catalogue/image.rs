//! The entries of `image.*`.

use super::Operation;
use super::entry::operation;
use crate::client::image;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
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
    },
    operation! {
        /// What of the local files an image object would upload: for each archive its hash, its length and its files.
        ///
        /// Nothing is sent; the files are read. INVALID_ARGUMENT: a Dockerfile that cannot be read, with its line, or
        /// a source or link that leads out of its directory. IO with the code FILE_NOT_FOUND: a local file is missing,
        /// and the message names it.
        "image.contexts", Client, Ours, image::Contexts,
        required: ["image"],
        result: Json(Vec<image::ContextFiles>),
        fails: [IO],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: None,
        call: image::contexts,
    },
];
