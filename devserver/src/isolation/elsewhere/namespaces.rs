//! No namespaces: no isolation.

use super::control_groups::Hierarchies;
use crate::isolation::container::Container;
use crate::isolation::launch::Daemon;
use crate::isolation::limits::Limits;
use crate::isolation::plan::Plan;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;

/// There is none.
pub enum Namespaces {}

impl Namespaces {
    /// Says why there are none.
    pub fn find(
        _plans: Vec<Plan>,
        _program: &Path,
        _state: &Path,
        _hierarchies: &Arc<Hierarchies>,
    ) -> Result<Arc<Self>, String> {
        Err("this system has no namespaces, which are Linux's".to_owned())
    }

    pub fn plan(&self) -> Plan {
        match *self {}
    }

    pub fn container(
        self: &Arc<Self>,
        _state: &Path,
        _id: &str,
        _limits: Limits,
        _disk_bytes: u64,
    ) -> Arc<Mutex<dyn Container>> {
        match **self {}
    }
}

/// Nobody asks for a container here.
pub fn main(_daemon: Daemon) {}
