//! What is at a path, and making, removing, moving it.

use super::failure::{Hints, cannot, cannot_to};
use super::path;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::remote_guard::deleted_in;
use crate::client::sandbox::{Daemon, Sandbox};
use crate::client::status;
use crate::client::transport::Json;
use http::Method;
use serde::{Deserialize, Serialize};
use std::time::Duration;

crate::params! {
    pub struct List {
        /// The directory; relative to the sandbox's working directory, `.` is that itself. `~` is not expanded.
        pub path: String,
        /// How many levels down, 1 or more; 1 is the directory's own entries. Servers before 0.205
        /// know one level only.
        #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
        pub depth: Option<i64> = 1,
    }
}

crate::params! {
    pub struct Info {
        /// The file or directory.
        pub path: String,
    }
}

crate::params! {
    pub struct Mkdir {
        /// The directory. Missing ones above it are made too; one that exists already is left as it is.
        pub path: String,
        /// Its permissions in octal. The sandbox's umask applies.
        pub mode: Option<String> = "0755",
    }
}

crate::params! {
    pub struct Delete {
        /// The file or directory.
        pub path: String,
        /// Delete a directory with everything in it; false refuses a directory.
        pub recursive: Option<bool> = false,
    }
}

crate::params! {
    pub struct Move {
        /// What is moved, a file or a directory.
        pub source: String,
        /// Its new path, name included. The directory above it must exist, the path itself must not.
        pub destination: String,
    }
}

crate::params! {
    pub struct SetPermissions {
        /// The file or directory.
        pub path: String,
        /// Permissions in octal, as "0644".
        pub mode: Option<String>,
        /// The owner, a name or a number.
        pub owner: Option<String>,
        /// The group, a name or a number.
        pub group: Option<String>,
    }
}

/// A file or directory; links are followed.
#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct FileInfo {
    /// The name, without directories.
    pub name: String,
    /// The path as it would be asked for; absent before 0.205.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Its size.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub size: u64,
    /// As `-rw-r--r--` or `drwxr-xr-x`.
    pub mode: String,
    /// In octal, as `0644`.
    pub permissions: String,
    /// When it was last changed, as `2026-01-02T03:04:05.678Z`.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub modified_at: String,
    /// The same in Go's own format.
    pub mod_time: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// A user's number as a text.
    pub owner: String,
    /// A group's number as a text.
    pub group: String,
}

const LIST: Hints = &[(status::HTTP_BAD_REQUEST, "it is not a directory")];
const INFO: Hints = &[(status::HTTP_BAD_REQUEST, "there is a file on the way to it")];
const MKDIR: Hints =
    &[(status::HTTP_BAD_REQUEST, "a file is in the way, or the sandbox's user lacks permission")];
const DELETE: Hints = &[(
    status::HTTP_BAD_REQUEST,
    "it is a directory and `recursive` was not given, or the sandbox's user lacks permission",
)];
const MOVE: Hints = &[
    (status::HTTP_NOT_FOUND, "the source, or the directory of the destination, does not exist"),
    (status::HTTP_CONFLICT, "the destination exists already"),
];
const PERMISSIONS: Hints = &[(
    status::HTTP_BAD_REQUEST,
    "the owner or group does not exist, or the sandbox's user lacks permission",
)];

pub async fn list(sandbox: Sandbox, params: List, _: Context) -> Result<Json> {
    let directory = path("path", &params.path)?;
    let depth = params.depth();
    if depth == 1 {
        return listed(&sandbox, directory, None).await;
    }
    if depth < 1 {
        return Err(Error::invalid(format!(
            "`depth` is {depth}; give 1 for the directory's own entries, or more"
        )));
    }
    if sandbox.daemon() == Daemon::Older {
        return Err(too_old_for_depth());
    }
    let json = listed(&sandbox, directory, Some(depth)).await?;
    // An older server ignores `depth`, and its entries have no `path`.
    #[derive(Deserialize)]
    struct Entry<'a> {
        #[serde(borrow)]
        path: Option<&'a serde_json::value::RawValue>,
    }
    match serde_json::from_slice::<Vec<Entry<'_>>>(&json.text) {
        Ok(entries) if entries.first().is_some_and(|entry| entry.path.is_none()) => {
            sandbox.note_daemon(Daemon::Older);
            Err(too_old_for_depth())
        }
        _ => Ok(json),
    }
}

fn too_old_for_depth() -> Error {
    Error::new(
        status::UNSUPPORTED,
        "this sandbox's daemon is older than 0.205 and lists one level only: leave `depth` out and list \
         each directory by itself",
    )
}

pub(super) async fn listed(sandbox: &Sandbox, directory: &str, depth: Option<i64>) -> Result<Json> {
    let answer = async {
        let mut request = sandbox.toolbox(Method::GET, "files").await?.query("path", directory);
        if let Some(depth) = depth {
            request = request.query("depth", &depth.to_string());
        }
        request.send().await?.list("a list of files").await
    };
    answer.await.map_err(cannot("list the directory", directory, LIST))
}

pub async fn info(sandbox: Sandbox, params: Info, _: Context) -> Result<Json> {
    let file = path("path", &params.path)?;
    let answer = async {
        let request = sandbox.toolbox(Method::GET, "files/info").await?.query("path", file);
        request.send().await?.object("a file's description").await
    };
    answer.await.map_err(cannot("look at", file, INFO))
}

pub async fn mkdir(sandbox: Sandbox, params: Mkdir, _: Context) -> Result<()> {
    let directory = path("path", &params.path)?;
    let mode = octal(params.mode.as_deref().unwrap_or("0755"))?;
    let request = sandbox.toolbox(Method::POST, "files/folder").await?;
    let request = request.query("path", directory).query("mode", mode);
    request.send().await.map(drop).map_err(cannot("make the directory", directory, MKDIR))
}

/// For a sync, which has no limit of its own: a directory with the usual permissions, and those above it,
/// within the idle limit.
pub(super) async fn make(sandbox: &Sandbox, directory: &str) -> Result<()> {
    let request = sandbox.toolbox(Method::POST, "files/folder").await?;
    let request = request.query("path", directory).query("mode", "0755");
    let request = request.deadline(sandbox.client().config().idle_timeout);
    request.send().await.map(drop).map_err(cannot("make the directory", directory, MKDIR))
}

pub async fn delete(sandbox: Sandbox, params: Delete, _: Context) -> Result<()> {
    delete_within(None, &sandbox, path("path", &params.path)?, params.recursive()).await
}

/// For a sync, which has no limit of its own: within the idle limit.
pub(super) async fn delete_at(sandbox: &Sandbox, path: &str, recursive: bool) -> Result<()> {
    delete_within(sandbox.client().config().idle_timeout, sandbox, path, recursive).await
}

async fn delete_within(
    limit: Option<Duration>,
    sandbox: &Sandbox,
    path: &str,
    recursive: bool,
) -> Result<()> {
    let request = sandbox.toolbox(Method::DELETE, "files").await?.deadline(limit);
    let mut request = request.query("path", path);
    if recursive {
        request = request.query("recursive", "true");
    }
    deleted_in(sandbox, request.send().await).await.map_err(cannot("delete", path, DELETE))
}

pub async fn rename(sandbox: Sandbox, params: Move, _: Context) -> Result<()> {
    let (source, destination) = (path("source", &params.source)?, path("destination", &params.destination)?);
    let request = sandbox.toolbox(Method::POST, "files/move").await?;
    let request = request.query("source", source).query("destination", destination);
    let moved = async {
        let response = request.send().await?;
        let head = response.head();
        match left_behind(&response.bytes().await?) {
            None => Ok(()),
            Some(why) => Err(head.complete(Error::new(status::HTTP_BAD_REQUEST, why))),
        }
    };
    moved.await.map_err(cannot_to("move", source, destination, MOVE))
}

/// Why a move is not complete. The daemon copies what it cannot rename, and then answers 200 also where it could not
/// delete the source.
fn left_behind(answer: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Copied {
        message: Option<String>,
        error: String,
    }
    let copied: Copied = serde_json::from_slice(answer).ok()?;
    let message = copied.message.unwrap_or_else(|| "it was copied, and the source is still there".to_owned());
    Some(format!("{message}: {}", copied.error))
}

pub async fn set_permissions(sandbox: Sandbox, params: SetPermissions, _: Context) -> Result<()> {
    let file = path("path", &params.path)?;
    let mode = params.mode.as_deref().map(octal).transpose()?;
    let (owner, group) = (params.owner.as_deref(), params.group.as_deref());
    if mode.is_none() && owner.is_none() && group.is_none() {
        return Err(Error::invalid("files.set_permissions: give `mode`, `owner` or `group`"));
    }
    let mut request = sandbox.toolbox(Method::POST, "files/permissions").await?.query("path", file);
    for (key, value) in [("mode", mode), ("owner", owner), ("group", group)] {
        match value {
            Some("") => return Err(Error::invalid(format!("files.set_permissions: `{key}` is empty"))),
            Some(value) => request = request.query(key, value),
            None => {}
        }
    }
    request.send().await.map(drop).map_err(cannot("set the permissions of", file, PERMISSIONS))
}

/// Checks that permissions are octal.
fn octal(mode: &str) -> Result<&str> {
    let is_octal = (1..=5).contains(&mode.len()) && mode.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if is_octal {
        return Ok(mode);
    }
    Err(Error::invalid(format!(
        "`mode` is \"{}\"; give permissions in octal, as \"0755\"",
        mode.escape_debug()
    )))
}

#[cfg(test)]
mod tests {
    use super::octal;

    #[test]
    fn permissions_are_octal() {
        for mode in ["0755", "755", "0", "01777"] {
            assert_eq!(octal(mode).unwrap(), mode);
        }
        for mode in ["", "rwx", "0o755", "999", "-1", "+7", "0755 ", "000000755"] {
            assert!(octal(mode).is_err(), "{mode}");
        }
    }
}
