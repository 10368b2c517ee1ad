//! One sandbox as the control plane has it: the record that clients see, the directory it owns, and its
//! toolbox while it is started.

use crate::Protocol;
use crate::api::ssh::SshAccess;
use crate::api::volumes;
use crate::app_state::{AppState, random_key};
use crate::build::{Build, Image, ImageConfig};
use crate::events::Events;
use crate::host::{self, ToolboxHost};
use crate::isolation::{Container, HOME, SavedLayer};
use crate::timestamp::{self, now};
use crate::toolbox::{MachineConfig, Resources};
use crate::upkeep::Upkeep;
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::env::home_dir;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use uuid::Uuid;

pub struct Sandbox {
    pub id: String,
    /// Later ones have greater numbers.
    pub number: u64,
    pub organization: String,
    pub signing_key: Mutex<String>,
    pub preview_token: String,
    /// Signed preview tokens: port and when they expire.
    pub signed_previews: Mutex<BTreeMap<String, (u16, i64)>>,
    /// The build of its image, where it is made from a Dockerfile.
    pub build: Mutex<Option<Arc<Build>>>,
    /// What its image says of its processes.
    image: Mutex<ImageConfig>,
    pub ssh: Mutex<Vec<SshAccess>>,
    pub upkeep: Upkeep,
    /// Environment variables with the placeholders of secrets, which are no part of the record.
    pub secrets: Mutex<BTreeMap<String, String>>,
    protocol: Protocol,
    /// Everything that belongs to the sandbox alone.
    container: Arc<Mutex<dyn Container>>,
    /// The files of its snapshot, or of the sandbox that it was forked from, until it has been started.
    origin: Mutex<Option<Arc<SavedLayer>>>,
    isolated: bool,
    directory: PathBuf,
    status: Mutex<Status>,
    /// Notified when a client has read the state.
    observed: Notify,
    toolbox: Mutex<Toolbox>,
}

struct Status {
    /// What clients see.
    record: Map<String, Value>,
    /// The latest change of state.
    change: u64,
    /// A change that ends in the state in which it began is under way: a resize, a copy.
    returning: bool,
    organization: String,
    events: Events,
}

/// A change of state under way. A later one supersedes it, and it writes nothing any more.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Change(u64);

/// The states between which a new change is decided.
pub struct States<'a> {
    pub state: &'a str,
    pub desired: &'a str,
    pub returning: bool,
}

impl States<'_> {
    pub fn are_settled(&self) -> bool {
        self.state == self.desired && !self.returning
    }
}

/// A sandbox's toolbox.
enum Toolbox {
    Off,
    On(Arc<ToolboxHost>),
    /// The sandbox is deleted or the server has ended: nothing starts any more.
    Gone,
}

impl Sandbox {
    /// A sandbox with this JSON, not started yet. `origin` is what it starts from; nothing: the machine's files.
    pub fn new(app: &AppState, record: Map<String, Value>, origin: Option<Arc<SavedLayer>>) -> Arc<Self> {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = text("id");
        let resources = Resources::of(&record);
        let disk_bytes = resources.disk_gib << 30;
        let container = app.isolation.container(&app.state_dir, &id, host::limits(&resources), disk_bytes);
        container
            .lock()
            .share(record.get("volumes").map(|it| volumes::mounts(&app.state_dir, it)).unwrap_or_default());
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Arc::new(Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            organization: text("organizationId"),
            signing_key: Mutex::new(random_key()),
            preview_token: Uuid::new_v4().simple().to_string(),
            signed_previews: Mutex::default(),
            build: Mutex::default(),
            image: Mutex::default(),
            ssh: Mutex::default(),
            upkeep: Upkeep::default(),
            secrets: Mutex::default(),
            protocol: app.protocol,
            container,
            origin: Mutex::new(origin),
            isolated: app.isolation.plan().is_some(),
            directory: app.state_dir.join(&id),
            status: Mutex::new(Status {
                organization: text("organizationId"),
                events: app.events.clone(),
                change: 0,
                returning: false,
                record,
            }),
            observed: Notify::new(),
            toolbox: Mutex::new(Toolbox::Off),
            id,
        })
    }

    /// A sandbox for long lists: started, without directories and toolbox.
    pub fn listed(app: &AppState, number: usize) -> Arc<Self> {
        let mut record = defaults(app, &app.organizations[0].id);
        record.insert("name".into(), json!(format!("listed-{number:05}")));
        record.insert("state".into(), json!("started"));
        record.insert("env".into(), json!({}));
        record.insert("labels".into(), json!({ "listed": number.to_string() }));
        Self::new(app, record, None)
    }

    /// The record as clients get it.
    pub fn json(&self) -> Value {
        Value::Object(self.status.lock().record.clone())
    }

    pub fn get(&self, key: &str) -> Value {
        self.status.lock().record.get(key).cloned().unwrap_or_default()
    }

    pub fn text(&self, key: &str) -> String {
        self.get(key).as_str().unwrap_or_default().to_owned()
    }

    pub fn name(&self) -> String {
        self.text("name")
    }

    pub fn state(&self) -> String {
        self.text("state")
    }

    pub fn is_public(&self) -> bool {
        self.get("public") == true
    }

    pub fn set(&self, key: &str, value: impl Into<Value>) {
        self.status.lock().set(key, value.into());
    }

    /// Tells who listens that it is there.
    pub fn announce(&self) {
        let status = self.status.lock();
        status.events.created(&self.organization, || Value::Object(status.record.clone()));
    }

    /// An empty text removes the key, as the service leaves out what is not set.
    pub fn set_or_remove(&self, key: &str, text: String) {
        let mut status = self.status.lock();
        if text.is_empty() {
            status.record.shift_remove(key);
            status.record.insert("updatedAt".into(), json!(now()));
        } else {
            status.set(key, json!(text));
        }
    }

    /// A client uses the sandbox: the intervals without activity begin anew.
    pub fn touch(&self) {
        self.upkeep.touch();
        self.status.lock().record.insert("lastActivityAt".into(), json!(now()));
    }

    /// Sets or, with 0 minutes, ends the time after which it is destroyed.
    pub fn set_ttl(&self, minute: Duration, minutes: u32) {
        let time = (minutes > 0).then(|| minute.saturating_mul(minutes));
        self.upkeep.destroy_after(time);
        self.set_or_remove("autoDestroyAt", time.map(timestamp::after).unwrap_or_default());
    }

    /// Takes over another record, except for the keys in `kept`, and gives up those in `removed`.
    pub fn hand_over(&self, record: &Map<String, Value>, removed: &[&str], kept: &[&str]) {
        let mut status = self.status.lock();
        for (key, value) in record.iter().filter(|(key, _)| !kept.contains(&key.as_str())) {
            status.set(key, value.clone());
        }
        for key in removed {
            status.record.shift_remove(*key);
        }
    }

    /// Begins a change to this state, if `check` allows it from the present ones.
    pub fn begin<E>(
        &self,
        desired: &str,
        check: impl FnOnce(&States<'_>) -> Result<(), E>,
    ) -> Result<Change, E> {
        let mut status = self.status.lock();
        let text = |key: &str| status.record.get(key).and_then(Value::as_str).unwrap_or_default();
        let states =
            States { state: text("state"), desired: text("desiredState"), returning: status.returning };
        check(&states)?;
        let returning = states.state == desired && desired != "destroyed";
        status.returning = returning;
        status.set("desiredState", json!(desired));
        status.change += 1;
        Ok(Change(status.change))
    }

    /// The change that a new sandbox begins with: its first start.
    pub fn first_change(&self) -> Change {
        Change(0)
    }

    /// Writes to the record, unless a later change has begun; `false` then.
    pub fn advance<const N: usize>(&self, change: Change, values: [(&str, Value); N]) -> bool {
        let mut status = self.status.lock();
        if Change(status.change) != change {
            return false;
        }
        for (key, value) in values {
            status.set(key, value);
        }
        true
    }

    /// Ends a change in the state in which it began; a sandbox whose processes ended meanwhile has stopped.
    pub fn return_to(&self, change: Change, state: &str) {
        let ended = state == "started" && self.toolbox().is_none();
        let mut status = self.status.lock();
        if Change(status.change) == change {
            status.set("state", json!(if ended { "stopped" } else { state }));
            if ended {
                status.set("desiredState", json!("stopped"));
            }
            status.returning = false;
        }
    }

    /// Whether it has a file system and processes of its own, which can be held and copied.
    pub fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// Gives it the image that it starts from.
    pub fn set_image(&self, image: &Image) {
        self.origin.lock().clone_from(&image.layer);
        self.image.lock().clone_from(&image.config);
        if let Some(user) = &image.config.user {
            self.set("user", user.as_str());
        }
    }

    pub fn image_config(&self) -> ImageConfig {
        self.image.lock().clone()
    }

    /// Holds every process of it. Blocks until all are held.
    pub fn pause(&self) -> io::Result<()> {
        self.container.lock().pause()
    }

    /// Lets its processes go on.
    pub fn resume(&self) -> io::Result<()> {
        self.container.lock().resume()
    }

    /// A client has read the state.
    pub fn notify_observed(&self) {
        self.observed.notify_waiters();
    }

    /// Returns once a client has read the state after this call began.
    pub async fn observed(&self) {
        self.observed.notified().await;
    }

    /// The toolbox, while the sandbox is started.
    pub fn toolbox(&self) -> Option<Arc<ToolboxHost>> {
        match &*self.toolbox.lock() {
            Toolbox::On(host) => Some(host.clone()),
            Toolbox::Off | Toolbox::Gone => None,
        }
    }

    /// Its root directory, as the machine sees it.
    pub fn root(&self) -> Option<PathBuf> {
        self.toolbox()?.root()
    }

    /// Starts the toolbox, on the files that there are. Blocks until it can be reached.
    pub fn start_toolbox(self: &Arc<Self>) -> io::Result<()> {
        let mut toolbox = self.toolbox.lock();
        match &*toolbox {
            Toolbox::On(_) => return Ok(()),
            Toolbox::Gone => return Err(io::Error::other("the sandbox is deleted")),
            Toolbox::Off => {}
        }
        let origin = self.origin.lock().take();
        if let Some(origin) = origin {
            let filled = self.container.lock().fill(&origin);
            filled.inspect_err(|_| *self.origin.lock() = Some(origin))?;
        }
        let host = Arc::new(ToolboxHost::start(self.container.clone(), &self.machine_config())?);
        tokio::spawn(self.clone().watch(host.clone(), host.ended()));
        *toolbox = Toolbox::On(host);
        Ok(())
    }

    /// A sandbox whose first process ends by itself has stopped.
    async fn watch(self: Arc<Self>, host: Arc<ToolboxHost>, ended: impl Future<Output = ()>) {
        ended.await;
        {
            let mut toolbox = self.toolbox.lock();
            if !matches!(&*toolbox, Toolbox::On(current) if Arc::ptr_eq(current, &host)) {
                return;
            }
            *toolbox = Toolbox::Off;
        }
        let _ = tokio::task::spawn_blocking(move || host.stop()).await;
        let runs = |states: &States<'_>| states.are_settled() && states.state == "started";
        if let Ok(change) = self.begin("stopped", |states| if runs(states) { Ok(()) } else { Err(()) }) {
            self.advance(change, [("state", json!("stopped"))]);
        }
    }

    fn machine_config(&self) -> MachineConfig {
        let image = self.image_config();
        let mut env = image.env.clone();
        let own = self.get("env");
        let own = own.as_object().into_iter().flatten();
        env.extend(own.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))));
        env.extend(self.secrets.lock().clone());
        MachineConfig {
            sandbox_id: self.id.clone(),
            protocol: self.protocol,
            home: if self.isolated { HOME.into() } else { self.directory.join("home") },
            log_dir: if self.isolated { LOGS.into() } else { self.directory.join("logs") },
            isolated: self.isolated,
            env,
            entrypoint: image.command_line(),
            work_dir: image.work_dir.map(PathBuf::from),
            user: image.user.filter(|_| self.isolated),
            resources: self.resources(),
            protected: self.protected(),
        }
    }

    /// What the sandbox shares with the server and its user.
    fn protected(&self) -> Vec<PathBuf> {
        if self.isolated {
            return Vec::new();
        }
        self.directory.parent().map(Path::to_owned).into_iter().chain(home_dir()).collect()
    }

    pub fn resources(&self) -> Resources {
        Resources::of(&self.status.lock().record)
    }

    /// Grows the disk of a stopped sandbox. Without isolation its size means nothing. Blocks.
    pub fn grow(&self, disk_gib: u64) -> io::Result<()> {
        if self.isolated { self.container.lock().grow(disk_gib << 30) } else { Ok(()) }
    }

    /// Sets the limits that its record has, and tells its toolbox.
    pub async fn set_limits(&self) {
        let resources = self.resources();
        if let Err(error) = self.container.lock().limit(host::limits(&resources)) {
            tracing::warn!("cannot change the limits of sandbox {}: {error}", self.id);
        }
        if let Some(toolbox) = self.toolbox() {
            toolbox.resize(resources).await;
        }
    }

    /// Ends every process; the files stay. Blocks until they are gone.
    pub fn stop_toolbox(&self) {
        self.switch(Toolbox::Off);
    }

    /// Saves its files as they are, in a new file of the state directory. Blocks while they are copied.
    pub fn save(&self) -> io::Result<SavedLayer> {
        let name = format!("{}.layer", Uuid::new_v4().simple());
        let path = self.directory.with_file_name(name);
        self.container.lock().save(&path)
    }

    /// Gives back what a stopped sandbox holds beside its files.
    pub fn archive(&self) -> io::Result<()> {
        self.container.lock().archive()
    }

    /// Ends every process and removes every file, and nothing is ever started again. Blocks until all is gone.
    pub fn delete(&self) {
        self.switch(Toolbox::Gone);
        self.container.lock().delete();
    }

    fn switch(&self, to: Toolbox) {
        let mut toolbox = self.toolbox.lock();
        let before = std::mem::replace(&mut *toolbox, to);
        if let Toolbox::Gone = before {
            *toolbox = Toolbox::Gone;
        }
        drop(toolbox);
        if let Toolbox::On(host) = before {
            host.stop();
        }
    }
}

impl Status {
    fn set(&mut self, key: &str, value: Value) {
        let before = self.record.insert(key.into(), value).unwrap_or_default();
        self.record.insert("updatedAt".into(), json!(now()));
        if self.record.get(key) != Some(&before) {
            let sandbox = || Value::Object(self.record.clone());
            self.events.changed(&self.organization, key, &before, sandbox);
        }
    }
}

/// Where a sandbox keeps the logs of its commands.
const LOGS: &str = "/run/daytona";

/// The record of a sandbox without any option, in the key order of the service's answers.
pub fn defaults(app: &AppState, organization: &str) -> Map<String, Value> {
    let time = now();
    let value = json!({
        "id": Uuid::new_v4().to_string(),
        "organizationId": organization,
        "name": "",
        "snapshot": DEFAULT_SNAPSHOT,
        "user": "daytona",
        "env": {},
        "labels": {},
        "public": false,
        "networkBlockAll": false,
        "target": "local",
        "cpu": 1,
        "gpu": 0,
        "memory": 1,
        "disk": 3,
        "state": "creating",
        "desiredState": "started",
        "backupState": "None",
        "autoStopInterval": 15,
        "autoPauseInterval": 0,
        "autoArchiveInterval": 10080,
        "autoDeleteInterval": -1,
        "volumes": [],
        "createdAt": time,
        "updatedAt": time,
        "lastActivityAt": time,
        "sandboxClass": "container",
        "daemonVersion": "v0.0.0-dev",
        "runnerId": Uuid::new_v4().to_string(),
        "toolboxProxyUrl": format!("{}/toolbox", app.base),
    });
    match value {
        Value::Object(record) => record,
        _ => Map::new(),
    }
}

/// The snapshot of a sandbox that is created without one.
pub const DEFAULT_SNAPSHOT: &str = "daytona-small";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::isolation::{Isolation, Wanted};

    #[test]
    fn a_superseded_change_writes_nothing() {
        let none = PathBuf::from("/nonexistent");
        let state = tempfile::Builder::new().prefix("daytona-dev-").tempdir().unwrap();
        let isolation = Isolation::find(Wanted::None, &none, state.path()).unwrap();
        let app = AppState::new(&Options::default(), 0, none, isolation);
        let sandbox = Sandbox::listed(&app, 0);
        let allow = |_: &States<'_>| Ok::<_, ()>(());
        let archive = sandbox.begin("archived", allow).unwrap();
        assert!(sandbox.advance(archive, [("state", json!("archiving"))]));
        let start = sandbox.begin("started", allow).unwrap();
        assert!(!sandbox.advance(archive, [("state", json!("archived"))]));
        assert_eq!(sandbox.state(), "archiving");
        assert!(sandbox.advance(start, [("state", json!("started"))]));
        assert!(sandbox.begin("stopped", |states| states.are_settled().then_some(()).ok_or(())).is_ok());
    }
}
