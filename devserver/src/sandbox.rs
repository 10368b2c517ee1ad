//! One sandbox: its JSON, the directory it owns, and every process that it started.

use crate::toolbox::pty::Ptys;
use crate::toolbox::session::Sessions;
use crate::world::{World, now, random_key};
use crate::{Protocol, processes};
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use uuid::Uuid;

/// By this variable a process is known to be of a sandbox, however it was started.
const MARK: &str = "DAYTONA_SANDBOX_ID";

pub struct Sandbox {
    pub id: String,
    pub organization: String,
    /// The user's home, and where relative paths start: a real directory that the sandbox owns.
    pub home: PathBuf,
    /// What the server keeps about it beside its files (logs); also its own.
    pub state_dir: PathBuf,
    pub env: Mutex<BTreeMap<String, String>>,
    pub protocol: Protocol,
    pub signing_key: Mutex<String>,
    pub preview_token: String,
    /// Signed preview tokens: port and when they expire.
    pub signed_previews: Mutex<BTreeMap<String, (u16, i64)>>,
    pub build_log: Mutex<String>,
    pub sessions: Sessions,
    pub ptys: Ptys,
    /// A resize is under way: the one change that ends in the state in which it began.
    pub resizing: AtomicBool,
    /// A client has looked since the last change began.
    pub seen: AtomicBool,
    record: Mutex<Map<String, Value>>,
    /// Read while a process is started, written while all are killed; true once the server is gone.
    closed: RwLock<bool>,
}

impl Sandbox {
    /// A sandbox with this JSON; its directory is made by [`Sandbox::make_home`].
    pub fn new(world: &World, record: Map<String, Value>) -> Arc<Self> {
        let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = text("id");
        let env = record.get("env").and_then(Value::as_object);
        let env = env
            .into_iter()
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        Arc::new(Self {
            organization: text("organizationId"),
            home: world.state_dir.join(&id).join("home"),
            state_dir: world.state_dir.join(&id).join("state"),
            env: Mutex::new(env.collect()),
            protocol: world.protocol,
            signing_key: Mutex::new(random_key()),
            preview_token: Uuid::new_v4().simple().to_string(),
            signed_previews: Mutex::default(),
            build_log: Mutex::default(),
            sessions: Sessions::default(),
            ptys: Ptys::default(),
            resizing: AtomicBool::new(false),
            seen: AtomicBool::new(false),
            record: Mutex::new(record),
            closed: RwLock::new(false),
            id,
        })
    }

    /// One of many that only a list will ever see.
    pub fn listed(world: &World, number: usize) -> Arc<Self> {
        let mut record = defaults(world, &world.organizations[0].id);
        record.insert("name".into(), json!(format!("listed-{number:05}")));
        record.insert("state".into(), json!("started"));
        record.insert("env".into(), json!({}));
        record.insert("labels".into(), json!({ "listed": number.to_string() }));
        Self::new(world, record)
    }

    /// Its directories, below the server's own: where that is gone, the server has ended, and nothing is made.
    pub fn make_home(&self) -> std::io::Result<()> {
        let own = self.home.parent().unwrap_or(&self.home);
        for directory in [own, &self.home, &self.state_dir] {
            match std::fs::create_dir(directory) {
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
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

    /// The environment of every process: the machine's path, the language and terminal that every
    /// sandbox has, the sandbox's own variables, its home, and the mark by which it is found again.
    pub fn command_env(&self) -> BTreeMap<String, String> {
        let mut env: BTreeMap<String, String> = ["PATH", "TZ"]
            .into_iter()
            .filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?)))
            .collect();
        env.insert("LANG".into(), "C.UTF-8".into());
        env.insert("TERM".into(), "xterm-256color".into());
        env.insert("SHELL".into(), "/bin/bash".into());
        env.insert("USER".into(), std::env::var("USER").unwrap_or_else(|_| "daytona".into()));
        env.insert("HOME".into(), self.home.display().to_string());
        env.extend(self.env.lock().clone());
        env.insert(MARK.into(), self.id.clone());
        env
    }

    /// The same with more variables, of which none can take the mark away.
    pub fn command_env_with(&self, more: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut env = self.command_env();
        env.extend(more.clone());
        env.insert(MARK.into(), self.id.clone());
        env
    }

    /// Starts a process, unless this sandbox is going away: none may come after `kill_all`.
    pub fn start_process<T>(&self, start: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let closed = self.closed.read();
        if *closed || self.state() != "started" {
            return Err(io::Error::other("the sandbox is not running"));
        }
        start()
    }

    /// Every process of this sandbox, found by its mark, also those that left their group; and what
    /// descends from them, also with an environment of its own.
    pub fn processes(&self) -> BTreeSet<i32> {
        let mark = format!("{MARK}={}", self.id);
        let marked = processes::all().into_iter().filter(|pid| {
            let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        });
        processes::with_descendants(marked)
    }

    /// Kills every process, again until none is left: one may have forked meanwhile.
    pub fn kill_all(&self) {
        let _closed = self.closed.write();
        self.sessions.clear();
        self.ptys.clear();
        for _ in 0..500 {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            processes::kill_all(left);
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
    }

    /// As `kill_all`, and nothing is ever started again.
    pub fn close(&self) {
        *self.closed.write() = true;
        self.kill_all();
    }

    pub fn remove_files(&self) {
        if let Some(directory) = self.home.parent() {
            let _ = std::fs::remove_dir_all(directory);
        }
    }
}

/// What every sandbox has before its maker is asked, in the order of the service's answers.
pub fn defaults(world: &World, organization: &str) -> Map<String, Value> {
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
        "toolboxProxyUrl": format!("{}/toolbox", world.base),
    });
    match value {
        Value::Object(record) => record,
        _ => Map::new(),
    }
}

/// The snapshot that a create without one starts from.
pub const DEFAULT_SNAPSHOT: &str = "rig-default";
