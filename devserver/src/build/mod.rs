//! Image builds: the steps of a Dockerfile, run for real. Each stage is a container of its own, over the
//! machine's root whatever `FROM` names; what the last one leaves is an [`Image`], from which sandboxes start.
//!
//! * `dockerfile`, `heredoc`, `words`: the text. `build`: builds, by id, a few at a time. `log`: what they say.
//! * `stage`: a container and its configuration, step by step. `context`: the uploaded files.
//! * `tree`, `confined`: files as tar streams. `worker`: the part inside the container's daemon.

mod confined;
mod context;
mod dockerfile;
mod heredoc;
mod job;
mod log;
mod registry;
mod stage;
mod tree;
mod words;
pub mod worker;

pub use log::Log;
pub use registry::{Build, Builds, Progress};

use crate::isolation::SavedLayer;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a sandbox starts from.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Its files; nothing where it has the machine's alone.
    pub layer: Option<Arc<SavedLayer>>,
    pub config: ImageConfig,
}

/// What an image says of the processes of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    pub env: BTreeMap<String, String>,
    pub work_dir: Option<String>,
    /// `NAME` or `NUMBER`, either with `:GROUP`.
    pub user: Option<String>,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
}

impl ImageConfig {
    /// The command line of a container: the entrypoint with the command as its arguments.
    pub fn command_line(&self) -> Vec<String> {
        self.entrypoint.iter().chain(&self.cmd).cloned().collect()
    }
}

/// A text and contexts to build an image from.
#[derive(Clone, Debug)]
pub struct Source {
    pub organization: String,
    pub dockerfile: String,
    pub context_hashes: Vec<String>,
    /// The size of the file system that it is built in.
    pub disk_gib: u64,
}

impl Source {
    /// The name of the built image: equal for equal texts and contexts.
    pub fn image_name(&self) -> String {
        let mut hashes = self.context_hashes.clone();
        hashes.sort_unstable();
        let sum = digest(&SHA256, format!("{}{}", self.dockerfile, hashes.concat()).as_bytes());
        let hex: String = sum.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("daytona-{hex}:daytona")
    }
}
