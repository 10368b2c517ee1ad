//! Lists and hashes a directory of the sandbox, by commands there: the files endpoints follow links without
//! telling, and have no digests. Each command does a bounded amount of work, so that the idle limit tells a slow
//! answer from none.

use super::tree::{Common, Kind, Tree};
use crate::client::error::{Error, Result};
use crate::client::files::blocking;
use crate::client::json;
use crate::client::operation::Context;
use crate::client::process;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::stream::ErrorContext;
use serde::Deserialize;
use std::time::Duration;

/// Prints kind and path of everything below the working directory. Never follows a link.
const LIST: &str = r#"find . -exec sh -c 'for f; do if [ -h "$f" ]; then t=l; elif [ -d "$f" ]; then t=d; elif [ -f "$f" ]; then t=f; else t=o; fi; printf "%s\0%s\0" "$t" "$f"; done' sh {} +"#;

/// Prints the digest of the first $1 bytes of the file $2, or nothing where it is not one that can be read.
const DIGEST: &str = r#"d() { h=; if [ ! -h "$2" ] && [ -f "$2" ] && [ -r "$2" ]; then h=$(head -c "$1" < "$2" | sha256sum); fi; printf "%s\0" "${h%% *}"; }"#;

/// Bounds of one command. The command is a single argument, for which Linux allows 128 KiB.
const BATCH_FILES: usize = 500;
const BATCH_COMMAND_BYTES: usize = 64 * 1024;
const BATCH_CONTENT_BYTES: u64 = 64 << 20;
/// Assumed speed of the slowest sandbox; the time for the bytes of a batch is added to the idle limit.
const HASHED_BYTES_PER_SECOND: u64 = 8 << 20;

/// The tree of a directory, without digests; `None` where there is no directory.
pub(super) async fn list(sandbox: &Sandbox, directory: &str) -> Result<Option<Tree>> {
    let quoted = quoted(directory);
    let command = format!(
        "{{ exec 2>/dev/null; if [ ! -e {quoted} ]; then printf 'begin\\0missing\\0'; \
         elif cd -- {quoted}; then printf 'begin\\0'; {LIST} && printf 'end\\0'; fi; }} </dev/null"
    );
    let output = execute(sandbox, directory, command, 0).await?;
    let tree = blocking(move || Ok(parse_list(&output))).await?;
    tree.ok_or_else(|| unsupported(directory))
}

/// Adds the digests of files that both sides have. Of a file that is longer than the local one only a beginning
/// is hashed.
pub(super) async fn add_digests(
    sandbox: &Sandbox,
    directory: &str,
    tree: &mut Tree,
    files: &[Common],
) -> Result<()> {
    let mut rest = files;
    while !rest.is_empty() {
        let (batch, behind) = rest.split_at(batch_length(rest));
        rest = behind;
        let calls: String = batch.iter().map(call).collect();
        let command = format!(
            "{{ exec 2>/dev/null; cd -- {} && printf 'begin\\0' && {DIGEST} && {{ {calls}}} && printf 'end\\0'; }} \
             </dev/null",
            quoted(directory)
        );
        let bytes = batch.iter().map(|file| file.bytes).sum();
        let output = execute(sandbox, directory, command, bytes).await?;
        let digests = parse_digests(&output, batch.len()).ok_or_else(|| unsupported(directory))?;
        for (file, digest) in batch.iter().zip(digests) {
            tree.insert(file.path.clone(), Kind::File(digest));
        }
    }
    Ok(())
}

/// Makes directories below one that exists; false where the command did not make all of them.
pub(super) async fn make_directories(sandbox: &Sandbox, directory: &str, below: &[String]) -> Result<bool> {
    let paths: String = below.iter().map(|path| named(path)).collect();
    let command = format!(
        "{{ exec 2>/dev/null; umask 022; cd -- {} && mkdir -p --{paths} && printf 'begin\\0end\\0'; }} </dev/null",
        quoted(directory)
    );
    let output = execute(sandbox, directory, command, 0).await?;
    Ok(fields(&output).and_then(|mut fields| fields.next()) == Some("end"))
}

/// The number of directories that the next command makes, at least one.
pub(super) fn batch_of_directories(directories: &[String]) -> usize {
    let mut command_bytes = 0;
    let fits = |path: &&String| {
        command_bytes += named(path).len();
        command_bytes <= BATCH_COMMAND_BYTES
    };
    directories.iter().take_while(fits).count().max(1)
}

/// A path below the working directory as an argument.
fn named(path: &str) -> String {
    format!(" {}", quoted(&format!("./{path}")))
}

/// The number of files that the next command hashes, at least one.
fn batch_length(files: &[Common]) -> usize {
    let (mut command_bytes, mut content_bytes) = (0, 0);
    let fits = |file: &&Common| {
        command_bytes += call(file).len();
        content_bytes += file.bytes;
        command_bytes <= BATCH_COMMAND_BYTES && content_bytes <= BATCH_CONTENT_BYTES
    };
    files.iter().take(BATCH_FILES).take_while(fits).count().max(1)
}

/// Hashes one byte more than the local file has, which is enough to differ from it.
fn call(file: &Common) -> String {
    format!("d {} {}; ", file.bytes.saturating_add(1), quoted(&format!("./{}", file.path)))
}

fn quoted(path: &str) -> String {
    let mut word = String::with_capacity(path.len() + 2);
    process::quote(&mut word, path);
    word
}

/// The output of a command, within the idle limit and the time to hash that many bytes.
async fn execute(sandbox: &Sandbox, directory: &str, command: String, hashed_bytes: u64) -> Result<String> {
    let limit = sandbox.client().config().idle_timeout;
    let limit = limit.map(|idle| idle + Duration::from_secs(hashed_bytes / HASHED_BYTES_PER_SECOND));
    let params = process::Execute {
        command,
        cwd: None,
        env: None,
        // The server ends a command for which this side no longer waits.
        timeout: limit.map(|limit| limit.as_secs_f64() + 1.0),
        timeout_ms: None,
    };
    let context =
        Context { body: Default::default(), error_context: ErrorContext::default(), progress: None };
    let executed = process::execute(sandbox.clone(), params, context);
    let answer = match limit {
        Some(limit) => tokio::time::timeout(limit, executed).await.map_err(|_| late(directory, limit))??,
        None => executed.await?,
    };
    #[derive(Deserialize)]
    struct Executed {
        result: String,
    }
    blocking(move || {
        let executed: Executed = json::read(&answer.text).map_err(|error| {
            answer
                .error(format!("the server's answer to a command is unreadable: {}", json::describe(&error)))
        })?;
        Ok(executed.result)
    })
    .await
}

fn late(directory: &str, limit: Duration) -> Error {
    let mut error = Error::new(
        status::TIMEOUT,
        format!(
            "the sandbox did not answer within {} ms what is in \"{}\"; `idleTimeoutMs` is the limit",
            limit.as_millis(),
            directory.escape_debug()
        ),
    );
    error.detail_mut().retryable = true;
    error
}

fn unsupported(directory: &str) -> Error {
    Error::new(
        status::UNSUPPORTED,
        format!(
            "cannot look through \"{}\" in the sandbox: it has to be a directory that its user may read, \
             and the sandbox needs the commands sh, find, head and sha256sum",
            directory.escape_debug()
        ),
    )
}

/// The fields of an output, each ended by NUL. A shell profile may have printed something before them.
fn fields(output: &str) -> Option<impl Iterator<Item = &str>> {
    let begin = output.find("begin\0")? + "begin\0".len();
    Some(output[begin..].split('\0'))
}

fn parse_list(output: &str) -> Option<Option<Tree>> {
    let mut fields = fields(output)?;
    let mut tree = Tree::new();
    loop {
        let kind = match fields.next()? {
            "missing" => return Some(None),
            "end" => return Some(Some(tree)),
            kind => kind,
        };
        let path = fields.next()?;
        if path == "." {
            continue;
        }
        let path = path.strip_prefix("./")?;
        // `find` prints no such name; it would lead out of the directory.
        if path.split('/').any(|name| matches!(name, "" | "." | "..")) {
            return None;
        }
        let kind = match kind {
            // The daemon replaces bytes that are not UTF-8, so the file cannot be requested by name.
            _ if path.contains('\u{fffd}') => Kind::Other("its name is not UTF-8"),
            "d" => Kind::Directory,
            "f" => Kind::File(None),
            "l" => Kind::Link,
            "o" => Kind::Other("neither a file nor a directory"),
            _ => return None,
        };
        tree.insert(path.to_owned(), kind);
    }
}

fn parse_digests(output: &str, files: usize) -> Option<Vec<Option<String>>> {
    let mut fields = fields(output)?;
    let mut digests = Vec::with_capacity(files);
    for _ in 0..files {
        match fields.next()? {
            "" => digests.push(None),
            digest if digest.len() == 64 => digests.push(Some(digest.to_owned())),
            _ => return None,
        }
    }
    (fields.next()? == "end").then_some(digests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_not_whole_is_none() {
        let whole = "noise\nbegin\0d\0.\0d\0./a\0f\0./a/b\nc\0l\0./l\0end\0";
        let tree = parse_list(whole).unwrap().unwrap();
        let expected = [("a", Kind::Directory), ("a/b\nc", Kind::File(None)), ("l", Kind::Link)];
        assert!(tree.iter().map(|(path, kind)| (path.as_str(), kind.clone())).eq(expected));
        assert_eq!(parse_list("begin\0missing\0"), Some(None));
        for end in 0..whole.len() - 1 {
            assert_eq!(parse_list(&whole[..end]), None, "{end}");
        }

        let digest = "0".repeat(64);
        let whole = format!("begin\0{digest}\0\0end\0");
        assert_eq!(parse_digests(&whole, 2), Some(vec![Some(digest), None]));
        for end in 0..whole.len() - 1 {
            assert_eq!(parse_digests(&whole[..end], 2), None, "{end}");
        }
        assert_eq!((parse_digests(&whole, 1), parse_digests(&whole, 3)), (None, None));
    }

    #[test]
    fn a_path_that_leads_out_is_refused() {
        for path in ["../x", "./../x", "./a/../../x", "/etc", "./", "./a//b", "x"] {
            assert_eq!(parse_list(&format!("begin\0f\0{path}\0end\0")), None, "{path}");
        }
    }

    #[test]
    fn what_one_command_hashes_is_bounded() {
        let files = |count: usize, path: &str, bytes| -> Vec<Common> {
            (0..count).map(|_| Common { path: path.to_owned(), bytes }).collect()
        };
        assert_eq!(batch_length(&files(3, "a", 1)), 3);
        assert_eq!(batch_length(&files(3, "a", u64::MAX / 4)), 1);
        assert_eq!(batch_length(&files(1000, "a", 1)), BATCH_FILES);
        assert_eq!(batch_length(&files(9, "a", BATCH_CONTENT_BYTES / 2)), 2);
        let long = "'".repeat(4000);
        let length = batch_length(&files(9, &long, 1));
        assert_eq!(length, BATCH_COMMAND_BYTES / call(&files(1, &long, 1)[0]).len());
    }
}
