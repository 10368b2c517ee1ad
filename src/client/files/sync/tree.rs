//! What is in a directory, here and there: paths from its top, and of files a digest of the contents.

use crate::client::error::{Error, Result};
use crate::client::files::failure::local as failed;
use crate::client::operation::Context;
use crate::client::process;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::stream::ErrorContext;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    /// SHA-256 in hexadecimal, where it is known.
    File(Option<String>),
    Link,
    /// What cannot be copied, and why.
    Other(&'static str),
}

pub(super) type Tree = BTreeMap<String, Kind>;

/// How much of a file is hashed at once.
const HASHED: usize = 256 * 1024;

/// A local tree; none where there is no directory. Files that the other side has too get their digest.
pub(super) fn local(root: &Path, other: &Tree) -> Result<Tree> {
    let mut tree = Tree::new();
    if !root.exists() {
        return Ok(tree);
    }
    let mut pending = vec![String::new()];
    while let Some(below) = pending.pop() {
        let directory = root.join(&below);
        let unreadable = |error: std::io::Error| failed("list", &directory, &error);
        for entry in fs::read_dir(&directory).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let name = entry.file_name();
            let path =
                |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
            let Some(name) = name.to_str() else {
                tree.insert(path(&name.to_string_lossy()), Kind::Other("its name is not UTF-8"));
                continue;
            };
            let path = path(name);
            let kind = entry.file_type().map_err(unreadable)?;
            let kind = if kind.is_symlink() {
                Kind::Link
            } else if kind.is_dir() {
                pending.push(path.clone());
                Kind::Directory
            } else if kind.is_file() {
                let is_there = matches!(other.get(&path), Some(Kind::File(Some(_))));
                Kind::File(if is_there { Some(digest(&entry.path())?) } else { None })
            } else {
                Kind::Other("neither a file nor a directory")
            };
            tree.insert(path, kind);
        }
    }
    Ok(tree)
}

fn digest(path: &Path) -> Result<String> {
    let unreadable = |error: std::io::Error| failed("read", path, &error);
    let mut file = File::open(path).map_err(unreadable)?;
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; HASHED];
    loop {
        match file.read(&mut buffer).map_err(unreadable)? {
            0 => break,
            length => context.update(&buffer[..length]),
        }
    }
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Says of everything below the directory that it is in: kind, path, digest. Never follows a link.
const SURVEY: &str = r#"find . -exec sh -c 'for f; do h=; if [ -h "$f" ]; then t=l; elif [ -d "$f" ]; then t=d; elif [ -f "$f" ]; then t=f; h=$(sha256sum < "$f" | head -c 64); else t=o; fi; printf "%s\0%s\0%s\0" "$t" "$f" "$h"; done' sh {} +"#;

/// The same of a directory in the sandbox; `None` where there is none. One command says it all: the files
/// endpoints follow links without saying so, and know no digests.
pub(super) async fn remote(sandbox: &Sandbox, directory: &str) -> Result<Option<Tree>> {
    let quoted = format!("'{}'", directory.replace('\'', r"'\''"));
    let command = format!(
        "{{ exec 2>/dev/null; if [ ! -e {quoted} ]; then printf 'begin\\0missing\\0'; \
         elif cd -- {quoted}; then printf 'begin\\0'; {SURVEY} && printf 'end\\0'; fi; }} </dev/null"
    );
    let params = process::Execute { command, cwd: None, env: None, timeout: None, timeout_ms: None };
    let context =
        Context { body: Default::default(), error_context: ErrorContext::default(), progress: None };
    let answer = process::execute(sandbox.clone(), params, context).await?;
    #[derive(Deserialize)]
    struct Ran {
        result: String,
    }
    let ran: Ran = serde_json::from_slice(&answer.0).map_err(|error| {
        Error::new(status::PROTOCOL, format!("the server's answer to a command is unreadable: {error}"))
    })?;
    parsed(&ran.result).ok_or_else(|| {
        Error::new(
            status::UNSUPPORTED,
            format!(
                "cannot look through \"{}\" in the sandbox: it has to be a directory that its user may read, \
                 and the sandbox needs the commands sh, find, head and sha256sum",
                directory.escape_debug()
            ),
        )
    })
}

/// What a shell profile may print comes before the beginning.
fn parsed(output: &str) -> Option<Option<Tree>> {
    let begin = output.find("begin\0")? + "begin\0".len();
    let mut fields = output[begin..].split('\0');
    let mut tree = Tree::new();
    loop {
        let kind = match fields.next()? {
            "missing" => return Some(None),
            "end" => return Some(Some(tree)),
            kind => kind,
        };
        let (path, digest) = (fields.next()?, fields.next()?);
        if path == "." {
            continue;
        }
        let path = path.strip_prefix("./")?;
        // A name that leads out can only be a lie.
        if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return None;
        }
        let kind = match kind {
            // What was no UTF-8 has arrived as this, and cannot be asked for.
            _ if path.contains('\u{fffd}') => Kind::Other("its name is not UTF-8"),
            "d" => Kind::Directory,
            "f" => Kind::File(Some(digest).filter(|digest| digest.len() == 64).map(str::to_owned)),
            "l" => Kind::Link,
            "o" => Kind::Other("neither a file nor a directory"),
            _ => return None,
        };
        tree.insert(path.to_owned(), kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        let whole = "noise\nbegin\0d\0.\0\0d\0./a\0\0f\0./a/b\nc\0\0l\0./l\0\0end\0";
        let tree = parsed(whole).unwrap().unwrap();
        let expected = [("a", Kind::Directory), ("a/b\nc", Kind::File(None)), ("l", Kind::Link)];
        assert!(tree.iter().map(|(path, kind)| (path.as_str(), kind.clone())).eq(expected));
        assert_eq!(parsed("begin\0missing\0"), Some(None));
        for end in 0..whole.len() - 1 {
            assert_eq!(parsed(&whole[..end]), None, "{end}");
        }
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../x", "./../x", "./a/../../x", "/etc", "./", "./a//b", "x"] {
            assert_eq!(parsed(&format!("begin\0f\0{path}\0\0end\0")), None, "{path}");
        }
    }
}
