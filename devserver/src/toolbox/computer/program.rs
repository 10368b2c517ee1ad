//! One program of the desktop: started, started again when it ends, stopped.

use super::failure::Failure;
use crate::processes;
use crate::toolbox::Machine;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// Before a program that has ended is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// What a program has from SIGTERM to SIGKILL.
const STOP_LIMIT: Duration = Duration::from_secs(3);

/// How a program is started.
#[derive(Clone)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub home: PathBuf,
    /// Without an ending.
    pub output: PathBuf,
}

pub struct Program {
    pub name: &'static str,
    /// Lower ones start first.
    priority: u32,
    restarts: bool,
    process: Arc<Mutex<Option<u32>>>,
    run: Mutex<Option<Run>>,
}

/// A program that is wanted.
struct Run {
    launch: Launch,
    stop: CancellationToken,
    ended: tokio::task::JoinHandle<()>,
}

impl Program {
    pub fn new(name: &'static str, priority: u32, restarts: bool) -> Self {
        Self { name, priority, restarts, process: Arc::default(), run: Mutex::default() }
    }

    pub fn is_running(&self) -> bool {
        self.process.lock().is_some()
    }

    pub fn process(&self) -> Option<u32> {
        *self.process.lock()
    }

    /// As the daemon tells it in the answer of start and stop.
    pub fn status(&self) -> Value {
        let process = self.process();
        json!({
            "Running": process.is_some(),
            "Priority": self.priority,
            "AutoRestart": self.restarts,
            "Pid": process,
        })
    }

    /// Where its output goes, without an ending.
    pub fn output_path(&self, machine: &Machine) -> PathBuf {
        machine.home.join(".daytona/computeruse").join(self.name)
    }

    /// What it wrote: `log` is its standard output, `err` its standard error.
    pub fn output(&self, machine: &Machine, ending: &str) -> Result<String, Failure> {
        let path = self.output_path(machine).with_extension(ending);
        match std::fs::read(&path) {
            Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(Failure::bad_request(format!(
                "failed to read log file for {}: open {}: {}",
                self.name,
                path.display(),
                processes::reason(&error)
            ))),
        }
    }

    /// Starts it and keeps it running until it is stopped.
    pub async fn start(&self, launch: Launch) -> Result<(), Failure> {
        self.stop().await;
        let child = spawn(&launch)?;
        let (stop, process) = (CancellationToken::new(), self.process.clone());
        *process.lock() = child.id();
        let (again, stopped, restarts) = (launch.clone(), stop.clone(), self.restarts);
        let ended = tokio::spawn(keep_running(child, again, restarts, process, stopped));
        *self.run.lock() = Some(Run { launch, stop, ended });
        Ok(())
    }

    /// How it was last started.
    pub fn launch(&self) -> Option<Launch> {
        self.run.lock().as_ref().map(|run| run.launch.clone())
    }

    /// Returns when it has ended.
    pub async fn stop(&self) {
        let run = self.run.lock().take();
        if let Some(run) = run {
            run.stop.cancel();
            let _panicked = run.ended.await;
        }
    }

    /// It is not started again. Does not wait.
    pub fn forget(&self) {
        if let Some(run) = self.run.lock().take() {
            run.stop.cancel();
        }
    }
}

fn spawn(launch: &Launch) -> Result<Child, Failure> {
    if let Some(directory) = launch.output.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let output =
        |ending| File::options().create(true).append(true).open(launch.output.with_extension(ending));
    let child = Command::new(&launch.program)
        .args(&launch.arguments)
        .env_clear()
        .envs(&launch.environment)
        .current_dir(&launch.home)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(output("log")?)
        .stderr(output("err")?)
        .spawn();
    child.map_err(|error| {
        let reason = processes::reason(&error);
        Failure::internal(format!("failed to start {}: {reason}", launch.program.display()))
    })
}

async fn keep_running(
    mut child: Child,
    launch: Launch,
    restarts: bool,
    process: Arc<Mutex<Option<u32>>>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            _status = child.wait() => {}
            () = stop.cancelled() => end(&mut child).await,
        }
        *process.lock() = None;
        if !restarts || stop.is_cancelled() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(RESTART_PAUSE) => {}
            () = stop.cancelled() => return,
        }
        match spawn(&launch) {
            Ok(again) => child = again,
            Err(failure) => return tracing::warn!(?failure, "a program of the desktop cannot start again"),
        }
        *process.lock() = child.id();
    }
}

/// Ends a program and its group.
async fn end(child: &mut Child) {
    // Not reaped yet, so the id still is this group's.
    let Some(group) = child.id() else { return };
    if let Ok(number) = i32::try_from(group) {
        let _gone = killpg(Pid::from_raw(number), Signal::SIGTERM);
    }
    if tokio::time::timeout(STOP_LIMIT, child.wait()).await.is_err() {
        processes::kill_group(group);
        let _ended = child.wait().await;
    }
}
