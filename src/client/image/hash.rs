//! The hash of a bundle, which is its name in the object store.

use super::archive::{self, Content, unwrapped};
use super::bundle::Bundle;
use super::draft::cannot_read;
use super::object::Style;
use super::tree::{Node, NodeKind};
use crate::client::error::{Error, Result};
use crate::client::status;
use md5::{Digest, Md5};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Weak;

/// The MD5 in hexadecimal; blocks. Our own style hashes the archive itself, so that whatever is in it counts. The
/// others hash names and contents as their SDKs do, so that what those have uploaded is found. Ends early once nobody
/// holds what `wanted` refers to.
pub(super) fn hash(bundle: &Bundle, wanted: &Weak<()>) -> Result<String> {
    let mut hasher = Hasher { md5: Md5::new(), wanted };
    match bundle.style {
        None => archive::write(bundle, &mut hasher)?,
        Some(style) => {
            if style != Style::Go {
                hasher.text(&bundle.archive);
            }
            for node in &bundle.nodes {
                match style {
                    Style::Go => hasher.go(node, &bundle.archive)?,
                    Style::Python => hasher.python(node, &node.name)?,
                    Style::Typescript => hasher.typescript(node, &node.name)?,
                    Style::Ruby => {
                        hasher.ruby(node, &node.name)?;
                        hasher.ruby_empty(node, &node.name, true);
                    }
                }
            }
        }
    }
    Ok(hasher.md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct Hasher<'w> {
    md5: Md5,
    wanted: &'w Weak<()>,
}

impl Write for Hasher<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.check_wanted().map_err(io::Error::other)?;
        self.md5.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Hasher<'_> {
    fn check_wanted(&self) -> Result<()> {
        match self.wanted.strong_count() {
            0 => Err(Error::new(status::CANCELLED, "the files are hashed for nobody any more")),
            _ => Ok(()),
        }
    }

    fn text(&mut self, text: &str) {
        self.md5.update(text.as_bytes());
    }

    fn path(&mut self, node: &Node, top: &Path) {
        let relative = node.name.strip_prefix(top).unwrap_or(&node.name);
        self.md5.update(relative.as_os_str().as_encoded_bytes());
    }

    /// The content of a file, or of what a link leads to; nothing for another link.
    fn content(&mut self, node: &Node) -> Result<()> {
        match &node.kind {
            NodeKind::File(state) => self.all_of(Content::open(&node.path, state)?),
            NodeKind::Link { .. } if node.path.is_file() => {
                let file =
                    std::fs::File::open(&node.path).map_err(|error| cannot_read(&node.path, &error))?;
                self.all_of(file)
            }
            _ => Ok(()),
        }
    }

    fn all_of(&mut self, mut content: impl Read) -> Result<()> {
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match content.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(length) => {
                    self.check_wanted()?;
                    self.md5.update(&buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unwrapped(error)),
            }
        }
    }

    /// Every path with a line break, in the order of names.
    fn go(&mut self, node: &Node, archive: &str) -> Result<()> {
        self.text(archive);
        self.text("\n");
        self.content(node)?;
        if let NodeKind::Directory { children, .. } = &node.kind {
            let archive = super::local_path::normalize(archive);
            for child in children {
                let name = child.name.file_name().unwrap_or_default().to_string_lossy();
                let path = if archive == "." { name.into_owned() } else { format!("{archive}/{name}") };
                self.go(child, &path)?;
            }
        }
        Ok(())
    }

    /// The files of a directory before its directories, each as the system lists them.
    fn python(&mut self, node: &Node, top: &Path) -> Result<()> {
        let NodeKind::Directory { children, .. } = &node.kind else { return self.content(node) };
        if children.is_empty() {
            match node.name.strip_prefix(top) {
                Ok(relative) if relative.as_os_str().is_empty() => self.text("."),
                _ => self.path(node, top),
            }
        }
        let is_file = |child: &Node| match &child.kind {
            NodeKind::File(_) => true,
            NodeKind::Link { .. } => !child.path.is_dir(),
            NodeKind::Directory { .. } => false,
        };
        for child in children.iter().filter(|child| is_file(child)) {
            self.path(child, top);
            self.content(child)?;
        }
        children
            .iter()
            .filter(|child| matches!(child.kind, NodeKind::Directory { .. }))
            .try_for_each(|child| self.python(child, top))
    }

    /// Files and directories in the order of names; links do not count.
    fn typescript(&mut self, node: &Node, top: &Path) -> Result<()> {
        let NodeKind::Directory { children, .. } = &node.kind else { return self.content(node) };
        if children.iter().all(|child| matches!(child.kind, NodeKind::Link { .. })) {
            self.path(node, top);
        }
        for child in children {
            match child.kind {
                NodeKind::File(_) => {
                    self.path(child, top);
                    self.content(child)?;
                }
                NodeKind::Directory { .. } => self.typescript(child, top)?,
                NodeKind::Link { .. } => {}
            }
        }
        Ok(())
    }

    /// Files in the order of names; hidden ones do not count, nor what is below hidden directories.
    fn ruby(&mut self, node: &Node, top: &Path) -> Result<()> {
        let NodeKind::Directory { children, .. } = &node.kind else { return self.content(node) };
        for child in children.iter().filter(|child| !is_hidden(child)) {
            match child.kind {
                NodeKind::File(_) => {
                    self.path(child, top);
                    self.content(child)?;
                }
                NodeKind::Link { .. } if child.path.is_file() => {
                    self.path(child, top);
                    self.content(child)?;
                }
                NodeKind::Directory { .. } => self.ruby(child, top)?,
                NodeKind::Link { .. } => {}
            }
        }
        Ok(())
    }

    /// Then the empty directories.
    fn ruby_empty(&mut self, node: &Node, top: &Path, is_top: bool) {
        let NodeKind::Directory { children, .. } = &node.kind else { return };
        if children.is_empty() && !is_top {
            self.path(node, top);
        }
        for child in children.iter().filter(|child| !is_hidden(child)) {
            self.ruby_empty(child, top, false);
        }
    }
}

fn is_hidden(node: &Node) -> bool {
    node.name.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}
