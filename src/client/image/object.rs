//! The JSON form of an image object: a beginning, steps in order, and the style that they are rendered in.

use crate::client::error::{Error, Result};
use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// An image that is built from a Dockerfile which the library writes. It begins with exactly one of `base`,
/// `debianSlim` and `dockerfile`.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "Image"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Image {
    /// How the Dockerfile is written. Absent: each value is quoted so that it arrives as it was given. Otherwise
    /// byte for byte as the official SDK of that language writes it, which quotes less.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::client::known::ImageStyle>"))]
    pub style: Option<Style>,
    /// The image to begin with, as `python:3.12-slim`.
    pub base: Option<String>,
    /// A Python version: begins with the official Debian image of that Python. null: the newest that the style
    /// knows, 3.12 without a style.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub debian_slim: Option<Option<String>>,
    /// The text of a Dockerfile to begin with.
    pub dockerfile: Option<String>,
    /// The local directory that COPY and ADD of `dockerfile` take their files from; absent: nothing is taken.
    /// Without a style its `.dockerignore` counts, and local files of `steps` stand beside it in `.local/`, which
    /// `COPY .` takes as well.
    pub context_dir: Option<String>,
    /// What follows, in order.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<Step>>"))]
    pub steps: Vec<Step>,
}

/// Whose Dockerfiles are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    Go,
    Python,
    Typescript,
    Ruby,
}

/// One step of an image. Exactly one key is given.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageStep"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Debian packages to install.
    pub apt_get: Option<Vec<String>>,
    /// Python packages to install.
    pub pip_install: Option<PipInstall>,
    /// A requirements file whose packages are installed.
    pub requirements: Option<Requirements>,
    /// A pyproject.toml whose dependencies are installed.
    pub pyproject: Option<Pyproject>,
    /// A local file to copy into the image.
    pub add_local_file: Option<AddLocal>,
    /// A local directory whose content is copied into the image.
    pub add_local_dir: Option<AddLocal>,
    /// A COPY of what other steps brought into the context.
    pub copy: Option<CopyFiles>,
    /// An ADD: a URL, or an archive that is unpacked.
    pub add: Option<CopyFiles>,
    /// A command to run: a text for the shell, or a program with its arguments.
    #[cfg_attr(feature = "schema", schemars(with = "Option<RunShape>"))]
    pub run: Option<Run>,
    /// The directory of the steps that follow, and of processes in the image.
    pub workdir: Option<String>,
    /// The user of the steps that follow, and of processes in the image.
    pub user: Option<String>,
    /// Environment variables, in the order given.
    #[cfg_attr(feature = "schema", schemars(with = "Option<std::collections::BTreeMap<String, String>>"))]
    pub env: Option<Pairs>,
    /// Labels, in the order given.
    #[cfg_attr(feature = "schema", schemars(with = "Option<std::collections::BTreeMap<String, String>>"))]
    pub label: Option<Pairs>,
    /// Ports that the image's processes listen on.
    pub expose: Option<Vec<u16>>,
    /// Directories for volumes.
    pub volume: Option<Vec<String>>,
    /// The program that the image starts, and its arguments.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>"))]
    pub entrypoint: Option<Option<Vec<String>>>,
    /// The arguments of the entrypoint, or the program where there is none.
    #[serde(default, deserialize_with = "given")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<String>>"))]
    pub cmd: Option<Option<Vec<String>>>,
    /// Lines of a Dockerfile, as they are.
    pub raw: Option<Raw>,
}

/// Python packages to install.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImagePipInstall"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PipInstall {
    /// The packages, as `requests>=2`. None: nothing is installed.
    pub packages: Vec<String>,
    /// Where packages are searched besides the index, each a URL or a path in the image.
    pub find_links: Option<Vec<String>>,
    /// The package index in place of PyPI.
    pub index_url: Option<String>,
    /// Further package indexes.
    pub extra_index_urls: Option<Vec<String>>,
    /// true: also versions that are not released yet.
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub pre: Option<bool>,
    /// Further options of pip, as shell text.
    pub extra_options: Option<String>,
}

/// A requirements file whose packages are installed.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageRequirements"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Requirements {
    /// The local file.
    pub path: String,
    /// As for `pipInstall`.
    pub find_links: Option<Vec<String>>,
    /// As for `pipInstall`.
    pub index_url: Option<String>,
    /// As for `pipInstall`.
    pub extra_index_urls: Option<Vec<String>>,
    /// As for `pipInstall`.
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub pre: Option<bool>,
    /// As for `pipInstall`.
    pub extra_options: Option<String>,
}

/// A pyproject.toml whose dependencies are installed.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImagePyproject"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pyproject {
    /// The local file.
    pub path: String,
    /// The groups of `project.optional-dependencies` to install as well; one that is not there is passed over.
    pub optional_dependencies: Option<Vec<String>>,
    /// As for `pipInstall`.
    pub find_links: Option<Vec<String>>,
    /// As for `pipInstall`.
    pub index_url: Option<String>,
    /// As for `pipInstall`.
    pub extra_index_urls: Option<Vec<String>>,
    /// As for `pipInstall`.
    #[cfg_attr(feature = "schema", schemars(extend("default" = false)))]
    pub pre: Option<bool>,
    /// As for `pipInstall`.
    pub extra_options: Option<String>,
}

/// A local file or directory to copy into the image.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageAddLocal"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AddLocal {
    /// The local path.
    pub local_path: String,
    /// Its path in the image. Of a file: one that ends in `/` is a directory.
    pub remote_path: String,
}

/// Files to copy.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageCopy"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyFiles {
    /// A path in the context; of `add` also a URL.
    pub source: String,
    /// The path in the image.
    pub destination: String,
}

/// Lines of a Dockerfile.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ImageRaw"))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Raw {
    /// The lines; each may hold several.
    pub commands: Vec<String>,
    /// The local directory that COPY and ADD among them take their files from; absent, without a style: nothing is
    /// taken. Absent, in a style that has it: the current directory, as the SDK does.
    pub context_dir: Option<String>,
}

/// A command to run.
#[derive(Clone, Debug)]
pub enum Run {
    Shell(String),
    Program(Vec<String>),
}

/// A text for the shell, or a program with its arguments.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)] // A shape alone: `Run` reads it.
enum RunShape {
    Shell(String),
    Program(Vec<String>),
}

/// The pairs of an object, in their order.
#[derive(Clone, Debug, Default)]
pub struct Pairs(pub Vec<(String, String)>);

/// The name of an image, or an image object. A text that begins with `{` is an object's JSON.
#[derive(Clone, Debug)]
pub enum ImageOrName {
    Name(String),
    Object(Box<Image>),
}

impl ImageOrName {
    /// Refuses a name that would be another Dockerfile.
    pub(crate) fn check(&self, operation: &str) -> Result<()> {
        let invalid = |text: &str| Err(Error::invalid(format!("{operation}: {text}")));
        match self {
            Self::Name(image) if image.trim().is_empty() => invalid("`image` is empty"),
            Self::Name(image) if image.contains(['\n', '\r']) => {
                invalid("`image` has to be one line: the name of an image")
            }
            _ => Ok(()),
        }
    }
}

/// The shape of [`ImageOrName`].
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)] // A shape alone.
pub enum ImageOrNameShape {
    Name(String),
    Object(Image),
}

/// How an image begins.
pub(super) enum Beginning<'a> {
    Base(&'a str),
    DebianSlim(Option<&'a str>),
    Dockerfile(&'a str, Option<&'a str>),
}

impl Image {
    pub(super) fn beginning(&self) -> Result<Beginning<'_>> {
        let invalid = |text: &str| Err(Error::invalid(format!("the image object {text}")));
        if self.context_dir.is_some() && self.dockerfile.is_none() {
            return invalid(
                "has a `contextDir`, which belongs to `dockerfile`; add directories with `addLocalDir`",
            );
        }
        match (&self.base, &self.debian_slim, &self.dockerfile) {
            (Some(base), None, None) if base.trim().is_empty() => invalid("has an empty `base`"),
            (Some(base), None, None) => Ok(Beginning::Base(base)),
            (None, Some(version), None) => Ok(Beginning::DebianSlim(version.as_deref())),
            (None, None, Some(text)) => Ok(Beginning::Dockerfile(text, self.context_dir.as_deref())),
            (None, None, None) => invalid("begins with nothing: give `base`, `debianSlim` or `dockerfile`"),
            _ => invalid("has more than one of `base`, `debianSlim` and `dockerfile`"),
        }
    }
}

/// What one step does.
pub(super) enum Action<'a> {
    AptGet(&'a [String]),
    PipInstall(PipInstall),
    Requirements { path: &'a str, pip: PipInstall },
    Pyproject { path: &'a str, groups: &'a [String], pip: PipInstall },
    AddLocalFile(&'a AddLocal),
    AddLocalDir(&'a AddLocal),
    Copy(&'a CopyFiles),
    Add(&'a CopyFiles),
    Run(&'a Run),
    Workdir(&'a str),
    User(&'a str),
    Env(&'a [(String, String)]),
    Label(&'a [(String, String)]),
    Expose(&'a [u16]),
    Volume(&'a [String]),
    Entrypoint(Option<&'a [String]>),
    Cmd(Option<&'a [String]>),
    Raw(&'a Raw),
}

impl Step {
    /// The one action of the step; `at` counts the steps from 0.
    pub(super) fn action(&self, at: usize) -> Result<Action<'_>> {
        let pip =
            |find_links: &Option<Vec<String>>, index_url: &Option<String>, extra: &Option<Vec<String>>| {
                PipInstall {
                    find_links: find_links.clone(),
                    index_url: index_url.clone(),
                    extra_index_urls: extra.clone(),
                    ..PipInstall::default()
                }
            };
        let candidates = [
            self.apt_get.as_deref().map(Action::AptGet),
            self.pip_install.clone().map(Action::PipInstall),
            self.requirements.as_ref().map(|it| Action::Requirements {
                path: &it.path,
                pip: PipInstall {
                    pre: it.pre,
                    extra_options: it.extra_options.clone(),
                    ..pip(&it.find_links, &it.index_url, &it.extra_index_urls)
                },
            }),
            self.pyproject.as_ref().map(|it| Action::Pyproject {
                path: &it.path,
                groups: it.optional_dependencies.as_deref().unwrap_or_default(),
                pip: PipInstall {
                    pre: it.pre,
                    extra_options: it.extra_options.clone(),
                    ..pip(&it.find_links, &it.index_url, &it.extra_index_urls)
                },
            }),
            self.add_local_file.as_ref().map(Action::AddLocalFile),
            self.add_local_dir.as_ref().map(Action::AddLocalDir),
            self.copy.as_ref().map(Action::Copy),
            self.add.as_ref().map(Action::Add),
            self.run.as_ref().map(Action::Run),
            self.workdir.as_deref().map(Action::Workdir),
            self.user.as_deref().map(Action::User),
            self.env.as_ref().map(|pairs| Action::Env(&pairs.0)),
            self.label.as_ref().map(|pairs| Action::Label(&pairs.0)),
            self.expose.as_deref().map(Action::Expose),
            self.volume.as_deref().map(Action::Volume),
            self.entrypoint.as_ref().map(|words| Action::Entrypoint(words.as_deref())),
            self.cmd.as_ref().map(|words| Action::Cmd(words.as_deref())),
            self.raw.as_ref().map(Action::Raw),
        ];
        let mut given = candidates.into_iter().flatten();
        match (given.next(), given.next()) {
            (Some(action), None) => Ok(action),
            (None, _) => Err(Error::invalid(format!(
                "`steps[{at}]` of the image object is empty: give one key, such as `run`"
            ))),
            _ => Err(Error::invalid(format!(
                "`steps[{at}]` of the image object has more than one key: make a step of each"
            ))),
        }
    }
}

/// A member that is there, null included.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

impl<'de> Deserialize<'de> for Run {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Run;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or an array of texts")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Run, E> {
                Ok(Run::Shell(text.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut words: A) -> Result<Run, A::Error> {
                let mut program = Vec::new();
                while let Some(word) = words.next_element()? {
                    program.push(word);
                }
                Ok(Run::Program(program))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ordered;
        impl<'de> Visitor<'de> for Ordered {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Pairs, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some((name, value)) = members.next_entry::<String, String>()? {
                    match pairs.iter_mut().find(|(known, _)| *known == name) {
                        Some(pair) => pair.1 = value,
                        None => pairs.push((name, value)),
                    }
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Ordered)
    }
}

impl<'de> Deserialize<'de> for ImageOrName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ImageOrName;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an image or an image object")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ImageOrName, E> {
                if !text.trim_start().starts_with('{') {
                    return Ok(ImageOrName::Name(text.to_owned()));
                }
                let image = serde_json::from_str(text).map_err(E::custom)?;
                Ok(ImageOrName::Object(Box::new(image)))
            }
            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<ImageOrName, A::Error> {
                Image::deserialize(MapAccessDeserializer::new(members))
                    .map(|it| ImageOrName::Object(Box::new(it)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
