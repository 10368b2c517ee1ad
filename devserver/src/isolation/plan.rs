//! What a container is made of, as the server tells the process that makes it.

use super::volumes::VolumeMount;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;

/// Whose ids the root of a sandbox and its other users have on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ids {
    /// A range that nobody on the machine has, from this number on; the files below are shown shifted.
    Shifted(u32),
    /// The same: the server's file system cannot be shown shifted. What root may change of the kernel is
    /// locked instead.
    Identity,
    /// One: the user who started the server is root inside, and there is no other.
    Own,
}

/// How the machine's files are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tree {
    /// Read-only below a private writable layer.
    Overlay,
    /// Read-only, with private directories beside them.
    Binds,
}

/// What carries the writable layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layer {
    /// A file system in a file.
    Image,
    /// Memory.
    Memory,
}

/// One way to build containers, out of those that a kernel may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub ids: Ids,
    pub tree: Tree,
    pub layer: Layer,
}

/// How many ids a sandbox with shifted ids has.
pub const IDS: u32 = 65_536;
/// A range that neither distributions nor systemd hand out.
const FIRST_ID: u32 = 0x7000_0000;
/// As many ranges as end before the next range that has a meaning.
pub const RANGES: u32 = 4_000;

impl Plan {
    /// From the strongest to the weakest; the first that works is taken.
    pub fn candidates(is_root: bool) -> Vec<Self> {
        let mut plans = Vec::new();
        if is_root {
            for ids in [Ids::Shifted(FIRST_ID), Ids::Identity] {
                plans.extend([Layer::Image, Layer::Memory].map(|layer| Self {
                    ids,
                    tree: Tree::Overlay,
                    layer,
                }));
            }
        }
        let own = |tree| Self { ids: Ids::Own, tree, layer: Layer::Memory };
        plans.extend([own(Tree::Overlay), own(Tree::Binds)]);
        plans
    }

    /// The same with a range of ids of its own.
    pub fn with_range(self, number: u32) -> Self {
        let ids = match self.ids {
            Ids::Shifted(_) => Ids::Shifted(FIRST_ID + number % RANGES * IDS),
            same => same,
        };
        Self { ids, ..self }
    }

    pub fn is_shifted(&self) -> bool {
        matches!(self.ids, Ids::Shifted(_))
    }

    /// The machine's number for the sandbox's root; nothing where it cannot be chosen.
    pub fn root_id(&self) -> Option<u32> {
        match self.ids {
            Ids::Shifted(first) => Some(first),
            Ids::Identity => Some(0),
            Ids::Own => None,
        }
    }
}

/// One container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spec {
    /// Absent: processes of the machine itself, in `directory`.
    pub plan: Option<Plan>,
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
