//! Makes a directory like another one, across machines. Contents are compared, not times: clocks differ, and
//! times are not transferred. Links are never followed or written through, on neither side, so nothing outside
//! of the two directories is read or changed.
//!
//! * `tree`, `remote`: what is in the two directories. `plan`: what has to be done. `exclude`: what both sides leave as it is.

mod exclude;
mod plan;
mod remote;
mod tree;

use super::bulk::{BatchReport, Pair};
use super::entry::{delete_at, make};
use super::failure::{local, quoted};
use super::{blocking, bulk_download, bulk_upload, join, path, transfer};
use crate::client::codes;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use exclude::Exclude;
use plan::Plan;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tree::Tree;

crate::params! {
    pub struct SyncUp {
        /// The local directory.
        pub local_dir: String,
        /// The directory in the sandbox; it is made if it does not exist.
        pub remote_dir: String,
        /// Delete what is in the sandbox's directory but not in the local one.
        pub delete: Option<bool> = false,
        /// What is left alone on both sides.
        #[cfg_attr(feature = "schema", schemars(with = "Option<SyncPatterns>"))]
        pub exclude: Option<Vec<String>>,
        /// Only say what would change.
        pub dry_run: Option<bool> = false,
    }
}

crate::params! {
    pub struct SyncDown {
        /// The directory in the sandbox.
        pub remote_dir: String,
        /// The local directory; it is made if it does not exist.
        pub local_dir: String,
        /// Delete what is in the local directory but not in the sandbox's.
        pub delete: Option<bool> = false,
        /// What is left alone on both sides.
        #[cfg_attr(feature = "schema", schemars(with = "Option<SyncPatterns>"))]
        pub exclude: Option<Vec<String>>,
        /// Only say what would change.
        pub dry_run: Option<bool> = false,
    }
}

/// Patterns of paths: a name such as "*.pyc" or ".git", wherever it is, or with a slash a path from the top, such as
/// "out/gen*.js". `*` is any text and `?` one character within a name, `**` any directories, every other character
/// itself. With a directory goes everything below it.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code)] // A shape alone.
struct SyncPatterns(Vec<String>);

/// What changed, or with `dryRun` would. Paths are relative to the two directories, with slashes; those of
/// directories end in one.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SyncResult"))]
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
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
}

/// Something that cannot be copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SyncSkipped"))]
pub struct Skipped {
    /// The path, relative to the two directories.
    pub path: String,
    /// As `a link`.
    pub reason: String,
}

pub async fn sync_up(sandbox: Sandbox, params: SyncUp, context: Context) -> Result<Json> {
    let root = transfer::local_path(&params.local_dir)?.to_owned();
    let remote = directory(&params.remote_dir)?;
    let (delete, dry_run) = (params.delete(), params.dry_run());
    let exclude = Arc::new(Exclude::new(params.exclude.unwrap_or_default())?);
    {
        let root = root.clone();
        blocking(move || must_be_directory(&root)).await?;
    }
    let there = remote::list(&sandbox, remote).await?.unwrap_or_default();
    let (here, there) = compared(&sandbox, &root, remote, there, &exclude).await?;
    let plan = blocking(move || Ok(Plan::new(&here, &there, delete, &exclude))).await?;
    if dry_run {
        return synced(plan, 0);
    }
    make(&sandbox, remote).await?;
    let mut rest = plan.directories.as_slice();
    while !rest.is_empty() {
        let (batch, behind) = rest.split_at(remote::batch_of_directories(rest));
        rest = behind;
        // Where one cannot be made the request for it says why.
        if batch.len() == 1 || !remote::make_directories(&sandbox, remote, batch).await? {
            for directory in batch {
                make(&sandbox, &join(remote, directory)).await?;
            }
        }
    }
    let mut report =
        BatchReport::new("files.sync_up", &sandbox, pairs(&plan, &root, remote), context.progress)?;
    bulk_upload::upload_pairs(&sandbox, &mut report).await?;
    let bytes = report.into_total_bytes()?;
    // Last: nothing is lost when the copying fails.
    for gone in &plan.deleted {
        delete_at(&sandbox, &join(remote, gone.trim_end_matches('/')), gone.ends_with('/')).await?;
    }
    synced(plan, bytes)
}

pub async fn sync_down(sandbox: Sandbox, params: SyncDown, context: Context) -> Result<Json> {
    let root = transfer::local_path(&params.local_dir)?.to_owned();
    let remote = directory(&params.remote_dir)?;
    let (delete, dry_run) = (params.delete(), params.dry_run());
    let exclude = Arc::new(Exclude::new(params.exclude.unwrap_or_default())?);
    let there = remote::list(&sandbox, remote).await?.ok_or_else(|| {
        let mut error = Error::new(
            status::HTTP_NOT_FOUND,
            format!("cannot copy from {}: there is no such directory in the sandbox", quoted(remote)),
        );
        error.detail_mut().code = Some(codes::FILE_NOT_FOUND.to_owned());
        error
    })?;
    let (here, there) = compared(&sandbox, &root, remote, there, &exclude).await?;
    let plan = blocking(move || Ok(Plan::new(&there, &here, delete, &exclude))).await?;
    if dry_run {
        return synced(plan, 0);
    }
    let (directories, at) = (plan.directories.clone(), root.clone());
    blocking(move || make_local(&at, &directories)).await?;
    let mut report =
        BatchReport::new("files.sync_down", &sandbox, pairs(&plan, &root, remote), context.progress)?;
    bulk_download::download_pairs(&sandbox, &mut report).await?;
    let bytes = report.into_total_bytes()?;
    // Last: nothing is lost when the copying fails.
    let deleted = plan.deleted.clone();
    blocking(move || delete_local(&root, &deleted)).await?;
    synced(plan, bytes)
}

/// Both trees, with digests of the files that both have.
async fn compared(
    sandbox: &Sandbox,
    root: &Path,
    remote: &str,
    there: Tree,
    exclude: &Arc<Exclude>,
) -> Result<(Tree, Tree)> {
    let (root, exclude, wanted) = (root.to_owned(), exclude.clone(), Arc::new(()));
    let still_wanted = Arc::downgrade(&wanted);
    let (here, common, mut there) = blocking(move || {
        let (here, common) = tree::local(&root, &there, &exclude, &still_wanted)?;
        Ok((here, common, there))
    })
    .await?;
    remote::add_digests(sandbox, remote, &mut there, &common).await?;
    Ok((here, there))
}

fn must_be_directory(root: &Path) -> Result<()> {
    if root.is_dir() {
        return Ok(());
    }
    let mut error = Error::new(status::IO, format!("there is no local directory {}", shown(root)));
    if !root.exists() {
        error.detail_mut().code = Some(codes::FILE_NOT_FOUND.to_owned());
    }
    Err(error)
}

fn make_local(root: &Path, directories: &[String]) -> Result<()> {
    for directory in std::iter::once("").chain(directories.iter().map(String::as_str)) {
        let path = root.join(directory);
        std::fs::create_dir_all(&path).map_err(|error| local("make", &path, &error))?;
    }
    Ok(())
}

fn delete_local(root: &Path, deleted: &[String]) -> Result<()> {
    for gone in deleted {
        let path = root.join(gone.trim_end_matches('/'));
        let removed =
            if gone.ends_with('/') { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.map_err(|error| local("delete", &path, &error))?;
    }
    Ok(())
}

fn directory(given: &str) -> Result<&str> {
    let given = path("remoteDir", given)?;
    Ok(match given.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    })
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
    serde_json::to_vec(&synced).map(Json::from).map_err(|error| Error::invalid(error.to_string()))
}

fn shown(path: &Path) -> String {
    quoted(&PathBuf::from(path).to_string_lossy())
}
