//! The machine that a toolbox runs on: one sandbox's directories, environment and processes.
//!
//! A machine is made from a [`MachineConfig`], which is plain data, and refers to nothing else: no other
//! sandbox, no key, no state of the control plane. A toolbox can therefore be served by any process.

use super::computer::Desktop;
use super::interpreter::Interpreters;
use super::lsp::LanguageServers;
use super::pty::Ptys;
use super::session::Sessions;
use super::usage::CpuUse;
use crate::processes::MARK;
use crate::{Protocol, processes};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// All that a toolbox knows of its sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MachineConfig {
    pub sandbox_id: String,
    pub protocol: Protocol,
    /// The user's home. Exists already.
    pub home: PathBuf,
    /// The image's working directory: where commands start and relative paths begin; absent, or not there: the
    /// home.
    pub work_dir: Option<PathBuf>,
    /// The image's user, as whom everything runs; absent: root.
    pub user: Option<String>,
    /// The logs of session commands, outside the home. Exists already.
    pub log_dir: PathBuf,
    /// Variables of every process, beside those that the machine sets itself.
    pub env: BTreeMap<String, String>,
    /// The command line of the image's ENTRYPOINT and CMD; empty: none, and the entrypoint session runs
    /// `sleep infinity` once a client asks for it.
    pub entrypoint: Vec<String>,
    pub resources: Resources,
    /// The sandbox has processes and files of its own: every process that is seen is the sandbox's.
    pub isolated: bool,
    /// Directories that the files endpoints refuse to delete, move or change, and all above them: what the
    /// sandbox shares with the server and its user. Empty in a sandbox with a file system of its own.
    pub protected: Vec<PathBuf>,
}

/// The size of a sandbox, as its metrics tell it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Resources {
    pub cpu: u64,
    pub memory_gib: u64,
    pub disk_gib: u64,
}

impl Resources {
    /// Those of a sandbox's record.
    pub fn of(record: &Map<String, Value>) -> Self {
        let size = |key: &str| record.get(key).and_then(Value::as_u64).unwrap_or(1);
        Self { cpu: size("cpu"), memory_gib: size("memory"), disk_gib: size("disk") }
    }
}

/// A running machine. It ends with the process that serves it.
pub struct Machine {
    pub id: String,
    pub protocol: Protocol,
    pub home: PathBuf,
    /// Where commands start and relative paths begin.
    pub work_dir: PathBuf,
    pub log_dir: PathBuf,
    pub entrypoint: Vec<String>,
    pub protected: Vec<PathBuf>,
    pub isolated: bool,
    pub cpu_use: CpuUse,
    pub env: Mutex<BTreeMap<String, String>>,
    pub sessions: Sessions,
    pub ptys: Ptys,
    pub interpreters: Interpreters,
    pub desktop: Desktop,
    pub language_servers: LanguageServers,
    resources: Mutex<Resources>,
}

impl Machine {
    /// Starts the image's entrypoint, if it has one.
    pub fn start(config: MachineConfig) -> Arc<Self> {
        let machine = Arc::new(Self {
            id: config.sandbox_id,
            protocol: config.protocol,
            work_dir: config.work_dir.filter(|path| path.is_dir()).unwrap_or_else(|| config.home.clone()),
            home: config.home,
            log_dir: config.log_dir,
            entrypoint: config.entrypoint,
            protected: config.protected,
            isolated: config.isolated,
            cpu_use: CpuUse::default(),
            env: Mutex::new(config.env),
            sessions: Sessions::default(),
            ptys: Ptys::default(),
            interpreters: Interpreters::default(),
            desktop: Desktop::default(),
            language_servers: LanguageServers::default(),
            resources: Mutex::new(config.resources),
        });
        machine.sessions.start(&machine);
        machine
    }

    /// Whether its files are those of the machine that the server runs on.
    pub fn shares_files(&self) -> bool {
        !self.isolated
    }

    pub fn resources(&self) -> Resources {
        *self.resources.lock()
    }

    pub fn resize(&self, resources: Resources) {
        *self.resources.lock() = resources;
    }

    /// The environment of every process: PATH and TZ of the server, the locale, terminal and shell of an
    /// official image, the sandbox's own variables, and the mark.
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
        if let Some(display) = self.desktop.variable() {
            env.insert("DISPLAY".into(), display);
        }
        if let Some(address) = self.desktop.bus_address() {
            env.insert("DBUS_SESSION_BUS_ADDRESS".into(), address);
        }
        env.extend(self.env.lock().clone());
        env.insert(MARK.into(), self.id.clone());
        env
    }

    /// The program of that name in the sandbox's PATH.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let path = self.command_env().remove("PATH").unwrap_or_else(|| "/usr/bin:/bin".to_owned());
        std::env::split_paths(&path).map(|directory| directory.join(name)).find(|program| program.is_file())
    }

    /// The environment with the variables of one command, which cannot change the mark.
    pub fn command_env_with(&self, more: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut env = self.command_env();
        env.extend(more.clone());
        env.insert(MARK.into(), self.id.clone());
        env
    }

    /// Ends sessions and terminals, which tell their clients so, and kills every process. Blocks until they
    /// are gone.
    pub fn stop(&self) {
        self.sessions.clear();
        self.ptys.clear();
        self.interpreters.clear();
        self.desktop.clear();
        self.language_servers.clear();
        processes::kill_until_gone(|| self.processes());
    }

    /// Every process of this machine.
    pub fn processes(&self) -> BTreeSet<i32> {
        if !self.isolated {
            return processes::of_sandbox(&self.id);
        }
        const INIT: i32 = 1;
        let daemon = i32::try_from(std::process::id()).ok();
        processes::all().into_iter().filter(|process| *process != INIT && Some(*process) != daemon).collect()
    }
}
