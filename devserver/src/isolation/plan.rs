//! Ways to build a container, and the directories that containers share.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The home of every isolated sandbox's user, as the official image has it.
pub const HOME: &str = "/home/daytona";

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

/// One volume of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VolumeMount {
    /// Where the container has it, an absolute path.
    pub target: PathBuf,
    /// Its directory on the machine.
    pub source: PathBuf,
    /// The directory in it that the container has, a relative path; empty: all of it.
    pub subpath: PathBuf,
}
