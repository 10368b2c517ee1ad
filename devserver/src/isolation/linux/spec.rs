//! What a container is made of, as the server tells the process that makes it.

use crate::isolation::plan::{Plan, VolumeMount};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// One container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    pub plan: Plan,
    /// The sandbox's directory on the machine; everything is mounted on it, seen by the sandbox alone.
    pub directory: PathBuf,
    /// The limit of a layer in memory.
    pub layer_bytes: u64,
    pub shared_memory_bytes: u64,
    pub hostname: String,
    /// Directories shown empty, and private.
    pub hidden: Vec<PathBuf>,
    /// Directories below hidden ones that are shown after all.
    pub exposed: Vec<PathBuf>,
    /// What it shares with other containers.
    pub volumes: Vec<VolumeMount>,
    /// `cgroup.procs` of each control group to join.
    pub groups: Vec<PathBuf>,
    /// `cgroup.procs` of the group that everything but the first process joins.
    pub freezable: Option<PathBuf>,
    /// The limit of processes where no control group has it.
    pub processes: Option<u64>,
    /// Root inside is a number that may change the kernel, which asks for no more than the number.
    pub kernel_locked: bool,
    /// Everything is made, and nothing started.
    pub trial: bool,
    /// What the daemon is told.
    pub daemon: Value,
}
