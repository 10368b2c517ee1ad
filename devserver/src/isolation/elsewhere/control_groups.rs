//! No control groups: nothing limits a sandbox.

use crate::isolation::limits::Limits;
use std::io;
use std::path::{Path, PathBuf};

/// None.
pub struct Hierarchies;

/// The groups of one sandbox: none.
pub struct Group;

impl Hierarchies {
    pub fn find(_state: &Path) -> Self {
        Self
    }

    /// Removes what an earlier server left: nothing.
    pub fn remove_left(_state: &Path) {}

    pub fn unlimited(&self) -> Vec<&'static str> {
        vec!["memory", "cpu"]
    }

    pub fn create(&self, _id: &str, _limits: &Limits) -> io::Result<Group> {
        Ok(Group)
    }
}

impl Group {
    pub fn members(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    pub fn set(&self, _limits: &Limits) -> io::Result<()> {
        Ok(())
    }

    pub fn kill(&self) {}

    pub fn remove(&self) {}
}
