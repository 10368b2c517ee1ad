//! A Python process that runs code: started, told what to run, interrupted, killed.

use crate::processes;
use crate::toolbox::Machine;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

const SCRIPT: &str = include_str!("worker.py");

/// Frames between the process and the context; beyond them the process waits.
const FRAMES: usize = 64;

/// How long the frames of a process that has ended are waited for: a child that it forked may keep the pipe
/// open for ever.
const LAST_FRAMES: Duration = Duration::from_millis(500);

/// What the worker says about the code that it runs.
#[derive(Debug, Default, Deserialize)]
pub struct Frame {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub value: String,
    #[serde(default)]
    pub traceback: String,
}

pub struct Worker {
    process: Child,
    commands: ChildStdin,
    frames: mpsc::Receiver<Frame>,
}

pub enum StartError {
    /// There is no python3 in the sandbox's PATH.
    NotInstalled,
    Io(io::Error),
}

impl Worker {
    pub fn start(machine: &Machine, cwd: &Path) -> Result<Self, StartError> {
        let python = machine.program("python3").or_else(|| machine.program("python"));
        let python = python.ok_or(StartError::NotInstalled)?;
        let mut command = Command::new(python);
        command
            .args(["-u", "-c", SCRIPT])
            .env_clear()
            .envs(machine.command_env())
            .env("PYTHONIOENCODING", "utf-8")
            .current_dir(cwd)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = command.spawn().map_err(StartError::Io)?;
        let (Some(commands), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(StartError::Io(io::Error::other("the pipes are missing")));
        };
        let (sender, frames) = mpsc::channel(FRAMES);
        tokio::spawn(async move {
            let mut output = BufReader::with_capacity(64 * 1024, output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).await.is_ok_and(|length| length > 0) {
                // A line that was cut by the death of the process is none.
                let Ok(frame) = serde_json::from_slice(&line) else { break };
                if sender.send(frame).await.is_err() {
                    break;
                }
                line.clear();
            }
        });
        Ok(Self { process, commands, frames })
    }

    pub async fn run(&mut self, code: &str, envs: &BTreeMap<String, String>) -> io::Result<()> {
        let command = json!({ "code": code, "envs": envs }).to_string();
        self.commands.write_all(command.as_bytes()).await?;
        self.commands.write_all(b"\n").await?;
        self.commands.flush().await
    }

    /// The next frame; `None`: the process has ended, and this was everything.
    pub async fn next(&mut self) -> Option<Frame> {
        tokio::select! {
            biased;
            frame = self.frames.recv() => frame,
            _ended = self.process.wait() => {
                tokio::time::timeout(LAST_FRAMES, self.frames.recv()).await.ok().flatten()
            }
        }
    }

    /// Whether the process has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    pub fn signal(&self, signal: Signal) {
        // Not waited for yet, so the number still is this process's.
        if let Some(process) = self.process.id().and_then(|id| i32::try_from(id).ok()) {
            let _gone = kill(Pid::from_raw(process), signal);
        }
    }

    /// Kills the process and what it started in its group.
    pub async fn kill(mut self) {
        if let Some(group) = self.process.id() {
            processes::kill_group(group);
        }
        let _ended = self.process.wait().await;
    }
}
