//! The files of a container, saved in one file: what a fork, a snapshot and an archived sandbox start from.
//!
//! [`Container::save`] makes one, also while the container runs; [`Container::fill`] gives its files to a
//! container that was never started. A snapshot owns one for as long as it exists.
//!
//! [`Container::save`]: super::Container::save
//! [`Container::fill`]: super::Container::fill

use super::plan::Plan;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The files that a container had when it was saved; the machine's own below them are not part of it. Nothing
/// changes it. Dropping it removes its file.
#[derive(Debug)]
pub struct SavedLayer {
    path: PathBuf,
    /// How the container was built: the files belong to its ids.
    plan: Plan,
}

impl SavedLayer {
    /// Takes over a file with the files of a container that was built so.
    pub fn new(path: PathBuf, plan: Plan) -> Self {
        Self { path, plan }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn plan(&self) -> Plan {
        self.plan
    }

    /// What it takes on the disk.
    pub fn size_bytes(&self) -> u64 {
        const BLOCK: u64 = 512;
        self.path.metadata().map_or(0, |found| found.blocks() * BLOCK)
    }
}

impl Drop for SavedLayer {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}
