//! Finds the files of a draft's contexts and makes bundles of them: what is packed, hashed and uploaded together.

use super::dockerfile::{Part, Taken, at, takes};
use super::draft::{Context, Draft, Kind, Source, cannot_read, check_exists, missing, shown};
use super::ignore::Ignore;
use super::local_path::in_archive;
use super::object::Style;
use super::pattern::Pattern;
use super::tree::{FileState, Node, NodeKind, Scan, canonical};
use crate::client::error::{Error, Result};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::DirEntry;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Files that are packed into one archive.
#[derive(Debug)]
pub(super) struct Bundle {
    /// The path in the context as the style has it; it begins the style's hash.
    pub archive: String,
    /// Where the files are from.
    pub source: PathBuf,
    pub nodes: Vec<Node>,
    pub style: Option<Style>,
}

/// Reads the directories of all contexts; blocks.
pub(super) fn bundles(draft: &Draft, style: Option<Style>) -> Result<Vec<Bundle>> {
    let mut bundles = Vec::new();
    for Context { archive, source } in &draft.contexts {
        match source {
            Source::Path { path, must_be } => bundles.push(of_path(archive, path, *must_be, style)?),
            Source::Instructions { root, text, part } => match style {
                None => bundles.extend(of_instructions(root, text, *part)?),
                Some(style) => of_sources(&mut bundles, archive, root, text, *part, style)?,
            },
        }
    }
    if style.is_none() {
        check_names(&bundles)?;
    }
    Ok(bundles)
}

/// All bundles are unpacked into one directory: no two local files may have the same name there.
fn check_names(bundles: &[Bundle]) -> Result<()> {
    let mut places: BTreeMap<&Path, &Path> = BTreeMap::new();
    for (name, path) in bundles.iter().flat_map(|bundle| bundle.files()).map(|file| (file.name, file.path)) {
        match places.insert(name, path) {
            Some(other) if other != path => {
                return Err(Error::invalid(format!(
                    "the local files {} and {} would both be {} in the context of the build; take one of them with \
                     `addLocalFile`",
                    shown(other),
                    shown(path),
                    shown(name)
                )));
            }
            _ => {}
        }
    }
    Ok(())
}

fn of_path(archive: &str, path: &Path, must_be: Kind, style: Option<Style>) -> Result<Bundle> {
    check_exists(path, must_be)?;
    let name = in_archive(archive).ok_or_else(|| {
        Error::invalid(format!(
            "the local path {} leads out of the context, as the Dockerfile would have it; leave `style` away, or give a \
             path without `..`",
            shown(path)
        ))
    })?;
    let node = source_node(path, Path::new(&name), &canonical(path)?, style)?;
    Ok(Bundle { archive: archive.to_owned(), source: path.to_owned(), nodes: vec![node], style })
}

/// A file or directory that is named itself: where it is a link, what that leads to. No link below leads out of
/// `root`.
fn source_node(path: &Path, name: &Path, root: &Path, style: Option<Style>) -> Result<Node> {
    let real = canonical(path)?;
    let scan = Scan {
        root,
        as_listed: style == Some(Style::Python),
        follow: style.is_none(),
        leaves_out: &|_| false,
        has_exceptions: false,
    };
    scan.read(&real, name)?.ok_or_else(|| not_packable(path))
}

fn not_packable(path: &Path) -> Error {
    Error::invalid(format!("the local path {} is neither a file nor a directory", shown(path)))
}

/// All that the instructions of a text take, as one bundle; none where they take nothing.
fn of_instructions(root: &Path, text: &str, part: Part) -> Result<Option<Bundle>> {
    let taken = takes(text, part)?;
    if taken.is_empty() {
        return Ok(None);
    }
    check_exists(root, Kind::Directory)?;
    let real_root = canonical(root)?;
    let ignore = Ignore::of(&real_root)?;
    let leaves_out = |path: &Path| ignore.leaves_out(&path.to_string_lossy());
    let scan = Scan {
        root: &real_root,
        as_listed: false,
        follow: true,
        leaves_out: &leaves_out,
        has_exceptions: ignore.has_exceptions(),
    };
    let mut found = BTreeMap::new();
    for Taken { line, pattern } in &taken {
        let inside = in_archive(pattern).ok_or_else(|| leads_out(*line, pattern))?;
        let mut any = false;
        for name in expand(&real_root, &inside, true, &leaves_out)? {
            check_within(*line, pattern, &real_root.join(&name), &real_root)?;
            if let Some(node) = scan.read(&real_root.join(&name), Path::new(&name))? {
                any = true;
                found.insert(PathBuf::from(name), node);
            }
        }
        if !any {
            return Err(nothing(*line, pattern, root));
        }
    }
    // What is below a directory that is taken is there already.
    let names: Vec<PathBuf> = found.keys().cloned().collect();
    found.retain(|name, _| !name.ancestors().skip(1).any(|above| names.iter().any(|taken| taken == above)));
    let nodes = found.into_values().collect();
    Ok(Some(Bundle { archive: String::new(), source: root.to_owned(), nodes, style: None }))
}

/// A bundle for each source, as the official SDKs make them.
fn of_sources(
    bundles: &mut Vec<Bundle>,
    prefix: &str,
    root: &Path,
    text: &str,
    part: Part,
    style: Style,
) -> Result<()> {
    for Taken { line, pattern } in takes(text, part)? {
        let real_root = canonical(root)?;
        // An absolute path is allowed where it is below the directory.
        let below = match Path::new(&pattern).strip_prefix("/") {
            Err(_) => pattern.clone(),
            Ok(_) => {
                let below =
                    Path::new(&pattern).strip_prefix(&real_root).map_err(|_| leads_out(line, &pattern))?;
                below.to_string_lossy().into_owned()
            }
        };
        let inside = in_archive(&below).ok_or_else(|| leads_out(line, &pattern))?;
        let spelled = if style == Style::Typescript {
            let slash = if below.ends_with('/') && !inside.is_empty() { "/" } else { "" };
            format!("{inside}{slash}")
        } else {
            below
        };
        let found = expand(&real_root, &spelled, style == Style::Typescript, &|_| false)?;
        if found.is_empty() {
            return Err(nothing(line, &pattern, root));
        }
        for spelled in found {
            // A name that is not UTF-8 becomes one that does not exist, which fails.
            let spelled = spelled.to_string_lossy();
            let path = real_root.join(&*spelled);
            check_within(line, &pattern, &path, &real_root)?;
            let name = in_archive(&spelled).ok_or_else(|| leads_out(line, &pattern))?;
            let node = source_node(&path, Path::new(&name), &real_root, Some(style))?;
            bundles.push(Bundle {
                archive: format!("{prefix}{spelled}"),
                source: path,
                nodes: vec![node],
                style: Some(style),
            });
        }
    }
    Ok(())
}

fn check_within(line: usize, pattern: &str, path: &Path, root: &Path) -> Result<()> {
    if canonical(path)?.starts_with(root) { Ok(()) } else { Err(leads_out(line, pattern)) }
}

fn leads_out(line: usize, pattern: &str) -> Error {
    at(line, &format!("the source {pattern:?} leads out of the context directory"))
}

fn nothing(line: usize, pattern: &str, root: &Path) -> Error {
    let ignored =
        if root.join(".dockerignore").exists() { ", or its .dockerignore leaves it out" } else { "" };
    missing(format!(
        "line {line} of the Dockerfile: there is no {pattern:?} in the context directory {}{ignored}",
        shown(root)
    ))
}

/// The paths below `root` that a pattern matches, spelled as it is, in order.
fn expand(
    root: &Path,
    pattern: &str,
    hidden: bool,
    leaves_out: &dyn Fn(&Path) -> bool,
) -> Result<Vec<OsString>> {
    let directory = Directory { root, hidden, leaves_out };
    if !Pattern::is_special(pattern) {
        return Ok(if directory.has(OsStr::new(pattern))? { vec![pattern.into()] } else { Vec::new() });
    }
    let mut found = vec![OsString::new()];
    for part in pattern.split('/') {
        let mut next = Vec::new();
        for base in &found {
            if part == "**" {
                directory.below(base, &mut next)?;
            } else if !Pattern::is_special(part) {
                let path = joined(base, OsStr::new(part));
                next.extend(directory.has(&path)?.then_some(path));
            } else {
                let pattern = Pattern::new(part);
                let entries = directory.entries(base)?;
                let names = entries.iter().map(DirEntry::file_name);
                next.extend(
                    names
                        .filter(|name| pattern.matches(&name.to_string_lossy()))
                        .map(|name| joined(base, &name)),
                );
            }
        }
        found = next;
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn joined(base: &OsStr, name: &OsStr) -> OsString {
    let mut path = base.to_owned();
    if !path.is_empty() {
        path.push("/");
    }
    path.push(name);
    path
}

/// Where patterns are expanded. What cannot be read fails, but for what is left out.
struct Directory<'a> {
    root: &'a Path,
    /// Whether patterns match names that begin with a dot.
    hidden: bool,
    /// Leaves out a path relative to `root`.
    leaves_out: &'a dyn Fn(&Path) -> bool,
}

impl Directory<'_> {
    fn has(&self, path: &OsStr) -> Result<bool> {
        Ok(self.read(path, |path| path.symlink_metadata())?.is_some())
    }

    /// The directory itself and all directories below it, through no link.
    fn below(&self, base: &OsStr, found: &mut Vec<OsString>) -> Result<()> {
        found.push(base.to_owned());
        for entry in self.entries(base)? {
            if entry.file_type().map_err(|error| cannot_read(&entry.path(), &error))?.is_dir() {
                self.below(&joined(base, &entry.file_name()), found)?;
            }
        }
        Ok(())
    }

    /// What is in a directory; nothing where it is no directory.
    fn entries(&self, path: &OsStr) -> Result<Vec<DirEntry>> {
        let listed = self.read(path, |path| std::fs::read_dir(path)?.collect::<io::Result<Vec<_>>>())?;
        let mut entries = listed.unwrap_or_default();
        entries.retain(|entry| self.hidden || !entry.file_name().as_encoded_bytes().starts_with(b"."));
        Ok(entries)
    }

    /// `None` where there is nothing.
    fn read<T>(&self, path: &OsStr, read: impl FnOnce(&Path) -> io::Result<T>) -> Result<Option<T>> {
        let place = self.root.join(path);
        match read(&place) {
            Ok(read) => Ok(Some(read)),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(_) if (self.leaves_out)(Path::new(path)) => Ok(None),
            Err(error) => Err(cannot_read(&place, &error)),
        }
    }
}

impl Bundle {
    /// The bytes of all files, without headers.
    pub fn content_bytes(&self) -> u64 {
        self.files().iter().map(|file| file.state.size).sum()
    }

    /// Every file, in the order in which they are packed.
    pub fn files(&self) -> Vec<PackedFile<'_>> {
        fn walk<'n>(node: &'n Node, files: &mut Vec<PackedFile<'n>>) {
            match &node.kind {
                NodeKind::File(state) => files.push(PackedFile { name: &node.name, path: &node.path, state }),
                NodeKind::Directory { children, .. } => children.iter().for_each(|child| walk(child, files)),
                NodeKind::Link { .. } => {}
            }
        }
        let mut files = Vec::new();
        self.nodes.iter().for_each(|node| walk(node, &mut files));
        files
    }
}

/// A file of a bundle: its name in the archive, where it is, and what it was.
pub(super) struct PackedFile<'n> {
    pub name: &'n Path,
    pub path: &'n Path,
    pub state: &'n FileState,
}
