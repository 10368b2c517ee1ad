//! Image objects: one JSON form of an image, the Dockerfile that it stands for, and the local files that the build
//! needs. [`prepare`] is the way in for what creates sandboxes and snapshots.
//!
//! * `object`: the JSON form. `own`, `go`, `python`, `typescript`, `ruby`: the Dockerfile in each style; `official` is
//!   what the last three have in common. `quote`, `local_path`, `pyproject`: what they need.
//! * `draft`: a Dockerfile that is being written, with its contexts.
//! * `dockerfile`: a parser that finds what COPY and ADD take. `pattern`, `ignore`: which files those are.
//! * `tree`: files and directories as they were found. `bundle`: those of one context. `archive`, `hash`: a bundle
//!   packed and named. `store`, `upload`: the object store, and the way into it. `contexts`: what would go there.

mod archive;
mod bundle;
mod contexts;
mod dockerfile;
mod draft;
mod go;
mod hash;
mod ignore;
mod local_path;
mod object;
mod official;
mod own;
mod pattern;
mod pyproject;
mod python;
mod quote;
mod ruby;
mod store;
mod tree;
mod typescript;
mod upload;

pub use contexts::{ContextFile, ContextFiles, Contexts, contexts};
#[cfg(feature = "schema")]
pub use object::ImageOrNameShape;
pub use object::{
    AddLocal, CopyFiles, Image, ImageOrName, Pairs, PipInstall, Pyproject, Raw, Requirements, Run, Step,
    Style,
};

use super::Client;
use super::blocking;
use super::error::Result;
use super::operation::{Context, Progress};
use draft::Draft;
use object::Action;
use official::Dialect;

crate::params! {
    pub struct Dockerfile {
        /// The image object.
        pub image: Image,
    }
}

/// What a request to build an image says.
#[derive(Debug)]
pub struct Prepared {
    /// What is built; its contexts are in the object store.
    pub build_info: BuildInfo,
    /// The entrypoint for a field of its own, where the style does not write it into the Dockerfile.
    pub entrypoint: Option<Vec<String>>,
}

/// What the service builds.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BuildInfo {
    /// The Dockerfile.
    pub dockerfile_content: String,
    /// The hashes of the contexts, in the order of the steps.
    pub context_hashes: Vec<String>,
}

/// Renders an image object and brings its local files into the object store, unless they are there already.
/// `entrypoint` is that of a snapshot, beside the image object.
pub async fn prepare(
    client: &Client,
    image: &Image,
    entrypoint: Option<&[String]>,
    progress: Option<Progress>,
) -> Result<Prepared> {
    let (mut image, mut entrypoint) = (image.clone(), entrypoint.map(<[String]>::to_vec));
    if image.style != Some(Style::Go)
        && let Some(words) = entrypoint.take_if(|words| !words.is_empty())
    {
        image.steps.push(Step { entrypoint: Some(Some(words)), ..Step::default() });
    }
    let (dockerfile, bundles) = blocking::run(move || {
        let draft = render(&image)?;
        let bundles = bundle::bundles(&draft, image.style)?;
        Ok((draft.text, bundles))
    })
    .await?;
    let context_hashes = match bundles.is_empty() {
        true => Vec::new(),
        false => upload::upload(&store::Store::open(client).await?, bundles, progress).await?,
    };
    let build_info = BuildInfo { dockerfile_content: dockerfile, context_hashes };
    Ok(Prepared { build_info, entrypoint })
}

/// The Dockerfile of an image object. Pure but for what it says about local files.
pub async fn dockerfile(_client: Client, params: Dockerfile, _: Context) -> Result<String> {
    blocking::run(move || Ok(render(&params.image)?.text)).await
}

fn render(image: &Image) -> Result<Draft> {
    let dialect: &dyn Dialect = match image.style {
        None => return rendered(image, own::begin, own::step),
        Some(Style::Go) => return rendered(image, go::begin, go::step),
        Some(Style::Python) => &python::Python,
        Some(Style::Typescript) => &typescript::TypeScript,
        Some(Style::Ruby) => &ruby::Ruby,
    };
    let begin =
        |draft: &mut Draft, beginning: &object::Beginning<'_>| official::begin(dialect, draft, beginning);
    rendered(image, begin, |draft, action| official::step(dialect, draft, action))
}

fn rendered(
    image: &Image,
    begin: impl Fn(&mut Draft, &object::Beginning<'_>) -> Result<()>,
    step: impl Fn(&mut Draft, &Action<'_>) -> Result<()>,
) -> Result<Draft> {
    let has_directory = image.context_dir.is_some()
        || image.steps.iter().any(|step| step.raw.as_ref().is_some_and(|raw| raw.context_dir.is_some()));
    let local_prefix = if has_directory { ".local/" } else { "" };
    let mut draft = Draft { local_prefix, ..Draft::default() };
    begin(&mut draft, &image.beginning()?)?;
    for (at, it) in image.steps.iter().enumerate() {
        step(&mut draft, &it.action(at)?)?;
    }
    Ok(draft)
}
