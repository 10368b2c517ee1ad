//! The control plane's state: organizations and their keys, sandboxes, snapshots, volumes, secrets.

use crate::api::records::Records;
use crate::build::{Build, Builds, Image};
use crate::events::Events;
use crate::isolation::Isolation;
use crate::sandbox::Sandbox;
use crate::store::Store;
use crate::timestamp::now;
use crate::{Options, Protocol};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// A tenant: it sees what was created with its key, and nothing else.
pub struct Organization {
    pub id: String,
    pub key: String,
}

pub struct AppState {
    pub protocol: Protocol,
    /// The length of a minute of the intervals.
    pub minute: Duration,
    /// `http://127.0.0.1:PORT`
    pub base: String,
    pub port: u16,
    pub organizations: [Arc<Organization>; 2],
    /// A user's token: good for both organizations, with the organization's header.
    pub jwt: String,
    pub state_dir: PathBuf,
    pub isolation: Arc<Isolation>,
    pub sandboxes: RwLock<Registry>,
    pub events: Events,
    /// Each sandbox that was forked from another one, with that one; also when they are destroyed.
    pub forks: Mutex<Vec<Fork>>,
    pub default_snapshot_id: String,
    pub snapshots: Records,
    /// What snapshots have, by the snapshot's id. Those that are missing have the machine's files alone.
    pub snapshot_images: Mutex<BTreeMap<String, Arc<Image>>>,
    /// The builds that snapshots are made by, by the snapshot's id.
    pub snapshot_builds: Mutex<BTreeMap<String, Arc<Build>>>,
    pub builds: Builds,
    pub volumes: Records,
    pub secrets: Records,
    pub warm_pools: Records,
    pub started_at: String,
    /// Image contexts.
    pub store: Store,
}

/// A sandbox that began with another one's files.
pub struct Fork {
    pub parent: Arc<Sandbox>,
    pub child: Arc<Sandbox>,
}

/// Sandboxes in order of creation.
#[derive(Default)]
pub struct Registry {
    pub all: Vec<Arc<Sandbox>>,
    by_id: BTreeMap<String, Arc<Sandbox>>,
    /// (organization, name) to id.
    names: BTreeMap<(String, String), String>,
}

impl AppState {
    pub fn new(options: &Options, port: u16, state_dir: PathBuf, isolation: Arc<Isolation>) -> Self {
        let organization = || Arc::new(Organization { id: Uuid::new_v4().to_string(), key: random_key() });
        let app = Self {
            protocol: options.protocol,
            minute: options.minute.unwrap_or(Duration::from_secs(60)),
            base: format!("http://127.0.0.1:{port}"),
            port,
            organizations: [organization(), organization()],
            jwt: format!("{}.{}.{}", random_key(), random_key(), random_key()),
            store: Store::new(&state_dir.join("store")),
            state_dir,
            isolation,
            sandboxes: RwLock::default(),
            events: Events::default(),
            forks: Mutex::default(),
            default_snapshot_id: Uuid::new_v4().to_string(),
            snapshots: Records::default(),
            snapshot_images: Mutex::default(),
            snapshot_builds: Mutex::default(),
            builds: Builds::default(),
            volumes: Records::default(),
            secrets: Records::default(),
            warm_pools: Records::default(),
            started_at: now(),
        };
        for number in 0..options.sandboxes {
            let sandbox = Sandbox::listed(&app, number);
            app.sandboxes.write().insert(sandbox);
        }
        app
    }

    /// The organization of a credential: a key belongs to one, a token needs the named one.
    pub fn organization(&self, bearer: &str, named: Option<&str>) -> Option<&Arc<Organization>> {
        if bearer == self.jwt {
            return self.organizations.iter().find(|organization| Some(organization.id.as_str()) == named);
        }
        self.organizations.iter().find(|organization| organization.key == bearer)
    }

    /// A sandbox of that organization, by id or name.
    pub fn sandbox(&self, organization: &str, id_or_name: &str) -> Option<Arc<Sandbox>> {
        self.sandboxes.read().find(organization, id_or_name)
    }
}

impl Registry {
    pub fn insert(&mut self, sandbox: Arc<Sandbox>) {
        sandbox.announce();
        let name = (sandbox.organization.clone(), sandbox.name());
        self.names.insert(name, sandbox.id.clone());
        self.by_id.insert(sandbox.id.clone(), sandbox.clone());
        self.all.push(sandbox);
    }

    /// By id before name: a name may be what another sandbox has as its id.
    pub fn find(&self, organization: &str, id_or_name: &str) -> Option<Arc<Sandbox>> {
        let own = |id: &str| self.by_id(id).filter(|sandbox| sandbox.organization == organization);
        let named = || self.names.get(&(organization.to_owned(), id_or_name.to_owned()));
        own(id_or_name).or_else(|| own(named()?))
    }

    pub fn by_id(&self, id: &str) -> Option<Arc<Sandbox>> {
        self.by_id.get(id).cloned()
    }

    pub fn has_name(&self, organization: &str, name: &str) -> bool {
        self.names.contains_key(&(organization.to_owned(), name.to_owned()))
    }

    /// Makes the name available, also while the sandbox is still being destroyed.
    pub fn free_name(&mut self, organization: &str, name: &str) {
        self.names.remove(&(organization.to_owned(), name.to_owned()));
    }

    /// Lets a sandbox be found by the name that it has now.
    pub fn set_name(&mut self, sandbox: &Sandbox) {
        let name = (sandbox.organization.clone(), sandbox.name());
        self.names.insert(name, sandbox.id.clone());
    }

    pub fn remove(&mut self, id: &str) {
        self.by_id.remove(id);
        self.all.retain(|sandbox| sandbox.id != id);
    }
}

/// A new random credential.
pub fn random_key() -> String {
    format!("dtn_{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}
