//! What of the local files an image object would upload.

use super::bundle::bundles;
use super::{Image, archive, hash, render};
use crate::client::Client;
use crate::client::blocking;
use crate::client::error::Result;
use crate::client::operation::Context;
use crate::client::transport::Json;
use serde::Serialize;
use std::sync::Arc;

crate::params! {
    pub struct Contexts {
        /// The image object.
        pub image: Image,
    }
}

/// Local files that are packed into one archive.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageContext"))]
#[serde(rename_all = "camelCase")]
pub struct ContextFiles {
    /// The local path that the files are from.
    pub source_path: String,
    /// The path in the build's context. Empty where the files have the names that they have in `sourcePath`.
    pub archive_path: String,
    /// The hash, by which the server and the object store know them; an MD5 in hexadecimal.
    pub hash: String,
    /// The length of all files together.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
    /// The length of the archive.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub archive_bytes: u64,
    /// The files, in the order in which they are packed.
    pub files: Vec<ContextFile>,
}

/// One file of a context.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageContextFile"))]
pub struct ContextFile {
    /// Its path in the build's context; what is not UTF-8 in it is U+FFFD.
    pub path: String,
    /// Its length.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
}

pub async fn contexts(_client: Client, params: Contexts, _: Context) -> Result<Json> {
    let wanted = Arc::new(());
    let still_wanted = Arc::downgrade(&wanted);
    let contexts = blocking::run(move || {
        let bundles = bundles(&render(&params.image)?, params.image.style)?;
        bundles
            .iter()
            .map(|bundle| {
                let files = bundle.files().into_iter().map(|file| ContextFile {
                    path: file.name.to_string_lossy().into_owned(),
                    bytes: file.state.size,
                });
                Ok(ContextFiles {
                    source_path: bundle.source.to_string_lossy().into_owned(),
                    archive_path: bundle.archive.clone(),
                    hash: hash::hash(bundle, &still_wanted)?,
                    bytes: bundle.content_bytes(),
                    archive_bytes: archive::length(bundle),
                    files: files.collect(),
                })
            })
            .collect::<Result<Vec<_>>>()
    });
    let mut json = serde_json::to_vec(&contexts.await?).unwrap_or_default();
    json.reserve_exact(1);
    Ok(json.into())
}
