//! One sandbox as the control plane has it: the record that clients see, the directory it owns, and its
//! toolbox while it is started.

use crate::Protocol;
use crate::api::image;
use crate::app_state::{AppState, random_key};
use crate::host::ToolboxHost;
use crate::timestamp::now;
use crate::toolbox::{MachineConfig, Resources};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

pub struct Sandbox {
    pub id: String,
    pub organization: String,
    pub signing_key: Mutex<String>,
    pub preview_token: String,
    /// Signed preview tokens: port and when they expire.
    pub signed_previews: Mutex<BTreeMap<String, (u16, i64)>>,
    pub build_log: Mutex<String>,
    /// A resize is under way: the one change that ends in the state in which it began.
    pub resizing: AtomicBool,
    /// A client has looked since the last change began.
    pub seen: AtomicBool,
    protocol: Protocol,
    /// Everything that belongs to the sandbox alone, removed with it.
    directory: PathBuf,
    record: Mutex<Map<String, Value>>,
    toolbox: Mutex<Toolbox>,
}

/// A sandbox's toolbox.
enum Toolbox {
    Off,
    On(Arc<ToolboxHost>),
    /// The sandbox is deleted or the server has ended: nothing starts any more.
    Gone,
}

impl Sandbox {
    /// A sandbox with this JSON, not started yet.
    pub fn new(app: &AppState, record: Map<String, Value>) -> Arc<Self> {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = text("id");
        Arc::new(Self {
            organization: text("organizationId"),
            signing_key: Mutex::new(random_key()),
            preview_token: Uuid::new_v4().simple().to_string(),
            signed_previews: Mutex::default(),
            build_log: Mutex::default(),
            resizing: AtomicBool::new(false),
            seen: AtomicBool::new(false),
            protocol: app.protocol,
            directory: app.state_dir.join(&id),
            record: Mutex::new(record),
            toolbox: Mutex::new(Toolbox::Off),
            id,
        })
    }

    /// One of many that only a list will ever see.
    pub fn listed(app: &AppState, number: usize) -> Arc<Self> {
        let mut record = defaults(app, &app.organizations[0].id);
        record.insert("name".into(), json!(format!("listed-{number:05}")));
        record.insert("state".into(), json!("started"));
        record.insert("env".into(), json!({}));
        record.insert("labels".into(), json!({ "listed": number.to_string() }));
        Self::new(app, record)
    }

    /// What a client is told.
    pub fn json(&self) -> Value {
        Value::Object(self.record.lock().clone())
    }

    pub fn get(&self, key: &str) -> Value {
        self.record.lock().get(key).cloned().unwrap_or_default()
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
        let mut record = self.record.lock();
        record.insert(key.into(), value.into());
        record.insert("updatedAt".into(), json!(now()));
    }

    pub fn is_changing(&self) -> bool {
        let record = self.record.lock();
        record.get("state") != record.get("desiredState") || self.resizing.load(Ordering::Acquire)
    }

    /// Begins a change of state, unless one is under way.
    pub fn desire(&self, state: &str) -> bool {
        let mut record = self.record.lock();
        if record.get("state") != record.get("desiredState") || self.resizing.load(Ordering::Acquire) {
            return false;
        }
        record.insert("desiredState".into(), json!(state));
        self.seen.store(false, Ordering::Release);
        true
    }

    /// The toolbox, while the sandbox is started.
    pub fn toolbox(&self) -> Option<Arc<ToolboxHost>> {
        match &*self.toolbox.lock() {
            Toolbox::On(host) => Some(host.clone()),
            Toolbox::Off | Toolbox::Gone => None,
        }
    }

    /// Makes the sandbox's directories, where they are missing, and starts its toolbox.
    pub fn start_toolbox(&self) -> io::Result<()> {
        let mut toolbox = self.toolbox.lock();
        match &*toolbox {
            Toolbox::On(_) => return Ok(()),
            Toolbox::Gone => return Err(io::Error::other("the sandbox is deleted")),
            Toolbox::Off => {}
        }
        let config = self.machine_config();
        // The server's own directory is never made here: without it the server has ended.
        if !self.directory.exists() {
            std::fs::create_dir(&self.directory)?;
        }
        for directory in [&config.home, &config.log_dir] {
            DirBuilder::new().recursive(true).create(directory)?;
        }
        *toolbox = Toolbox::On(Arc::new(ToolboxHost::start(config)?));
        Ok(())
    }

    fn machine_config(&self) -> MachineConfig {
        let env = self.get("env");
        let env = env.as_object().into_iter().flatten();
        let dockerfile = self.get("buildInfo")["dockerfileContent"].as_str().unwrap_or_default().to_owned();
        MachineConfig {
            sandbox_id: self.id.clone(),
            protocol: self.protocol,
            home: self.directory.join("home"),
            log_dir: self.directory.join("logs"),
            env: env.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect(),
            entrypoint: image::command_line(&dockerfile),
            resources: self.resources(),
        }
    }

    pub fn resources(&self) -> Resources {
        let size = |key: &str| self.get(key).as_u64().unwrap_or(1);
        Resources { cpu: size("cpu"), memory_gib: size("memory"), disk_gib: size("disk") }
    }

    /// Ends every process; the files stay. Blocks until they are gone.
    pub fn stop_toolbox(&self) {
        self.switch(Toolbox::Off);
    }

    /// As `stop_toolbox`, and nothing is ever started again. `false`: it never had anything.
    pub fn close_toolbox(&self) {
        self.switch(Toolbox::Gone);
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

    pub fn remove_files(&self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// What every sandbox has before its maker is asked, in the order of the service's answers.
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

/// The snapshot that a create without one starts from.
pub const DEFAULT_SNAPSHOT: &str = "rig-default";
