//! A directory made like another one, across machines. Contents decide, not times: clocks differ, and times
//! do not travel. Links are never followed and never written through, on neither side, so nothing outside of
//! the two directories is read or changed.
//!
//! * `tree`: what is in the two directories. `plan`: what has to be done. `exclude`: what is left alone.

mod exclude;
mod plan;
mod tree;

use super::entry::{delete_at, make};
use super::failure::{local, quoted};
use super::many::{Ledger, Pair};
use super::{blocking, many_down, many_up, path, transfer};
use crate::client::error::{Error, Result};
use crate::client::operation::{Context, Progress};
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use exclude::Exclude;
use plan::Plan;
use serde::Serialize;
use std::path::{Path, PathBuf};
use tree::Tree;

crate::params! {
    pub struct SyncUp {
        /// The local directory.
        pub local_dir: String,
        /// The directory in the sandbox; it is made if it does not exist.
        pub remote_dir: String,
        /// Delete what is in the sandbox's directory but not in the local one; default false.
        pub delete: Option<bool>,
        /// Patterns of what is left alone on both sides: a name such as "*.pyc" or ".git", wherever it is, or
        /// with a slash a path from the top, such as "out/gen*.js" (`*` and `?` within a name, `**` for any
        /// directories). With a directory goes everything below it.
        pub exclude: Option<Vec<String>>,
        /// Only say what would change; default false.
        pub dry_run: Option<bool>,
    }
}

crate::params! {
    pub struct SyncDown {
        /// The directory in the sandbox.
        pub remote_dir: String,
        /// The local directory; it is made if it does not exist.
        pub local_dir: String,
        /// Delete what is in the local directory but not in the sandbox's; default false.
        pub delete: Option<bool>,
        /// Patterns of what is left alone on both sides: a name such as "*.pyc" or ".git", wherever it is, or
        /// with a slash a path from the top, such as "out/gen*.js" (`*` and `?` within a name, `**` for any
        /// directories). With a directory goes everything below it.
        pub exclude: Option<Vec<String>>,
        /// Only say what would change; default false.
        pub dry_run: Option<bool>,
    }
}

/// What changed, or with `dryRun` would. Paths are relative to the two directories, with slashes; those of
/// directories end in one.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Synced {
    /// What was not there before.
    pub created: Vec<String>,
    /// Files with other contents than before.
    pub updated: Vec<String>,
    /// With `delete`. A directory stands for everything in it.
    pub deleted: Vec<String>,
    /// How many files were the same.
    pub unchanged: u64,
    /// What was left as it is, and why.
    pub skipped: Vec<Skipped>,
    /// Bytes of the files that were copied; 0 with `dryRun`.
    pub bytes: u64,
}

/// Something that cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Skipped {
    pub path: String,
    /// As `a link`.
    pub reason: String,
}

pub async fn sync_up(sandbox: Sandbox, params: SyncUp, context: Context) -> Result<Json> {
    let root = transfer::local_path(&params.local_dir)?.to_owned();
    let remote = directory(&params.remote_dir)?;
    let exclude = Exclude::new(params.exclude.unwrap_or_default())?;
    if !root.is_dir() {
        return Err(Error::new(status::IO, format!("there is no local directory {}", shown(&root))));
    }
    let (here, there) = surveyed(&sandbox, &root, remote).await?;
    let plan = Plan::new(&here, &there.unwrap_or_default(), params.delete.unwrap_or(false), &exclude);
    if params.dry_run.unwrap_or(false) {
        return synced(plan, 0);
    }
    for gone in &plan.deleted {
        delete_at(&sandbox, &join(remote, gone.trim_end_matches('/')), gone.ends_with('/')).await?;
    }
    make(&sandbox, remote).await?;
    for directory in &plan.directories {
        make(&sandbox, &join(remote, directory)).await?;
    }
    let pairs = pairs(&plan, &root, remote);
    let mut ledger = Ledger::new("files.sync_up", &sandbox, pairs, context.progress)?;
    many_up::upload_pairs(&sandbox, &mut ledger).await?;
    synced(plan, ledger.all_moved()?)
}

pub async fn sync_down(sandbox: Sandbox, params: SyncDown, context: Context) -> Result<Json> {
    let root = transfer::local_path(&params.local_dir)?.to_owned();
    let remote = directory(&params.remote_dir)?;
    let exclude = Exclude::new(params.exclude.unwrap_or_default())?;
    let (here, there) = surveyed(&sandbox, &root, remote).await?;
    let there = there.ok_or_else(|| {
        let mut error = Error::new(
            status::HTTP_NOT_FOUND,
            format!("cannot copy from {}: there is no such directory in the sandbox", quoted(remote)),
        );
        error.detail_mut().code = Some("FILE_NOT_FOUND".to_owned());
        error
    })?;
    let plan = Plan::new(&there, &here, params.delete.unwrap_or(false), &exclude);
    if params.dry_run.unwrap_or(false) {
        return synced(plan, 0);
    }
    let (deleted, directories, at) = (plan.deleted.clone(), plan.directories.clone(), root.clone());
    blocking(move || prepare(&at, &deleted, &directories)).await?;
    let bytes = fetch(&sandbox, pairs(&plan, &root, remote), context.progress).await?;
    synced(plan, bytes)
}

async fn fetch(sandbox: &Sandbox, pairs: Vec<Pair>, progress: Option<Progress>) -> Result<u64> {
    let mut ledger = Ledger::new("files.sync_down", sandbox, pairs, progress)?;
    many_down::download_pairs(sandbox, &mut ledger).await?;
    ledger.all_moved()
}

/// Deletes what is too many and makes the directories, here.
fn prepare(root: &Path, deleted: &[String], directories: &[String]) -> Result<()> {
    for gone in deleted {
        let path = root.join(gone.trim_end_matches('/'));
        let removed =
            if gone.ends_with('/') { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|error| local("delete", &path, &error))?;
    }
    for directory in std::iter::once("").chain(directories.iter().map(String::as_str)) {
        let path = root.join(directory);
        std::fs::create_dir_all(&path).map_err(|error| local("make", &path, &error))?;
    }
    Ok(())
}

/// Both sides; of files that both have, the contents.
async fn surveyed(sandbox: &Sandbox, root: &Path, remote: &str) -> Result<(Tree, Option<Tree>)> {
    let there = tree::remote(sandbox, remote).await?;
    let (root, known) = (root.to_owned(), there.clone().unwrap_or_default());
    let here = blocking(move || tree::local(&root, &known)).await?;
    Ok((here, there))
}

fn directory(given: &str) -> Result<&str> {
    let given = path("remoteDir", given)?;
    Ok(match given.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    })
}

fn join(directory: &str, below: &str) -> String {
    format!("{}/{below}", directory.trim_end_matches('/'))
}

fn pairs(plan: &Plan, root: &Path, remote: &str) -> Vec<Pair> {
    let pair = |file: &String| Pair {
        local_path: root.join(file).to_string_lossy().into_owned(),
        remote_path: join(remote, file),
    };
    plan.files().map(pair).collect()
}

fn synced(plan: Plan, bytes: u64) -> Result<Json> {
    let directories = plan.directories.into_iter().map(|directory| directory + "/");
    let mut created: Vec<_> = plan.created.into_iter().chain(directories).collect();
    created.sort();
    let synced = Synced {
        created,
        updated: plan.updated,
        deleted: plan.deleted,
        unchanged: plan.unchanged,
        skipped: plan.skipped,
        bytes,
    };
    serde_json::to_vec(&synced).map(Json).map_err(|error| Error::invalid(error.to_string()))
}

fn shown(path: &Path) -> String {
    quoted(&PathBuf::from(path).to_string_lossy())
}
