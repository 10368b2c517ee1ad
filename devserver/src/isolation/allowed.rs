//! What this kernel and this user allow, found by trying it, and what is said about the rest.

use super::container::Container;
use super::control_groups::Hierarchies;
use super::limits::Limits;
use super::namespaces::Namespaces;
use super::plain::PlainContainer;
use super::plan::{Ids, Layer, Plan, Tree};
use nix::unistd::geteuid;
use parking_lot::Mutex;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `--isolation` asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// As much as the kernel allows.
    #[default]
    Auto,
    /// Or no server.
    Required,
    /// None.
    None,
}

pub struct Isolation {
    namespaces: Option<Arc<Namespaces>>,
    /// Why there is no isolation.
    refused: Option<String>,
    hierarchies: Arc<Hierarchies>,
    program: PathBuf,
}

impl Isolation {
    /// Finds out by trying. `state` is the server's directory; its name is that of the control groups as well.
    pub fn find(wanted: Wanted, program: &Path, state: &Path) -> io::Result<Arc<Self>> {
        Self::find_among(wanted, Plan::candidates(geteuid().is_root()), program, state)
    }

    /// The same with a choice of plans.
    pub fn find_among(
        wanted: Wanted,
        plans: Vec<Plan>,
        program: &Path,
        state: &Path,
    ) -> io::Result<Arc<Self>> {
        let hierarchies = Arc::new(Hierarchies::find(state));
        let found = match wanted {
            Wanted::None => None,
            Wanted::Auto | Wanted::Required => Some(Namespaces::find(plans, program, state, &hierarchies)),
        };
        let (namespaces, refused) = match found {
            Some(Ok(namespaces)) => (Some(namespaces), None),
            Some(Err(reason)) if wanted == Wanted::Required => {
                return Err(io::Error::other(format!(
                    "isolation is required, and the system refuses it: {reason}"
                )));
            }
            Some(Err(reason)) => (None, Some(reason)),
            None => (None, None),
        };
        Ok(Arc::new(Self { namespaces, refused, hierarchies, program: program.to_owned() }))
    }

    /// One that has nothing yet, with a directory of its own in `state`.
    pub fn container(
        &self,
        state: &Path,
        id: &str,
        limits: Limits,
        disk_bytes: u64,
    ) -> Arc<Mutex<dyn Container>> {
        match &self.namespaces {
            Some(namespaces) => namespaces.container(state, id, limits, disk_bytes),
            None => {
                let plain = PlainContainer::new(&self.program, &self.hierarchies, state, id, limits);
                Arc::new(Mutex::new(plain))
            }
        }
    }

    pub fn plan(&self) -> Option<Plan> {
        self.namespaces.as_ref().map(|namespaces| namespaces.plan())
    }

    /// What to know at the start, a line each.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let Some(plan) = self.plan() else {
            let reason = self.refused.as_deref().map_or(String::new(), |reason| format!(" ({reason})"));
            notes.push(format!(
                "sandboxes are not isolated{reason}: what runs in them runs as you, on your files; not limited here: {}",
                self.hierarchies.unlimited().into_iter().chain(["disk"]).collect::<Vec<_>>().join(", ")
            ));
            return notes;
        };
        if plan.ids == Ids::Own {
            notes.push("what belongs to root on this machine cannot be changed in a sandbox".into());
        }
        if plan.tree == Tree::Binds {
            notes.push("outside of the home, /tmp, /var/tmp and /run a sandbox is read-only".into());
        }
        let unlimited = self.hierarchies.unlimited();
        if !unlimited.is_empty() {
            notes.push(format!("not limited here: {} (no writable control group)", unlimited.join(", ")));
        }
        if plan.layer == Layer::Memory {
            notes.push("a sandbox's files are kept in memory".into());
        }
        notes
    }
}

/// The binary whose copy every sandbox runs: the one that is named, or named by `DAYTONA_DEV_BINARY`, or this
/// program, or the one that cargo built for the tests that this is one of.
pub fn find_binary(named: Option<PathBuf>) -> io::Result<PathBuf> {
    const NAME: &str = "daytona-dev";
    if let Some(named) = named.or_else(|| std::env::var_os("DAYTONA_DEV_BINARY").map(PathBuf::from)) {
        return Ok(named);
    }
    let own = std::env::current_exe()?;
    if own.file_name().is_some_and(|name| name == NAME) {
        return Ok(own);
    }
    // target/PROFILE/deps/TEST, target/PROFILE/examples/PROGRAM.
    let built = own.parent().and_then(Path::parent).map(|profile| profile.join(NAME));
    built.filter(|built| built.is_file()).ok_or_else(|| {
        io::Error::other(format!(
            "there is no binary daytona-dev for the sandboxes to run: build it with `cargo build -p {NAME}`, or \
             name it in DAYTONA_DEV_BINARY"
        ))
    })
}
