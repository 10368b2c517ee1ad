//! One shell that reads a script from standard input, in a process group of its own, with both outputs in
//! one pipe.

use crate::processes;
use crate::toolbox::Machine;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;

pub struct Command {
    pub script: String,
    /// Relative to the home; empty: the home.
    pub cwd: String,
    pub env: BTreeMap<String, String>,
    pub limit: Option<Duration>,
}

pub struct Ran {
    pub exit_code: i64,
    pub output: Vec<u8>,
}

impl Command {
    /// Runs to the end; `None`: killed at its limit.
    pub async fn run(self, machine: &Machine) -> Option<Ran> {
        let (mut child, output) = match self.start(machine) {
            Ok(started) => started,
            // The daemon answers 200 with Go's error text as output.
            Err(error) => {
                let reason = processes::reason(&error);
                let output = format!("fork/exec {}: {reason}", processes::shell().display()).into_bytes();
                return Some(Ran { exit_code: -1, output });
            }
        };
        let work = finish(&mut child, output, self.script);
        let Some(limit) = self.limit else { return Some(work.await) };
        if let Ok(ran) = tokio::time::timeout(limit, work).await {
            return Some(ran);
        }
        // Not reaped yet, so the id still is this group's.
        if let Some(group) = child.id() {
            processes::kill_group(group);
        }
        let _ = child.wait().await;
        None
    }

    fn start(&self, machine: &Machine) -> io::Result<(Child, Receiver)> {
        let (reader, writer) = io::pipe()?;
        let mut command = tokio::process::Command::new(processes::shell());
        command
            .env_clear()
            .envs(machine.command_env_with(&self.env))
            .current_dir(machine.work_dir.join(&self.cwd))
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(writer.try_clone()?)
            .stderr(writer);
        let child = command.spawn()?;
        Ok((child, Receiver::from_owned_fd(OwnedFd::from(reader))?))
    }
}

/// Writes the script and reads the output until no process has it open any more.
async fn finish(child: &mut Child, mut output: Receiver, script: String) -> Ran {
    let stdin = child.stdin.take();
    let feed = async move {
        if let Some(mut stdin) = stdin {
            // Fails when the shell has ended early.
            let _ended = stdin.write_all(script.as_bytes()).await;
        }
    };
    let collect = async {
        let mut collected = Vec::new();
        let _lost = output.read_to_end(&mut collected).await;
        let status = child.wait().await;
        // `None` for a shell that a signal killed.
        let exit_code = status.ok().and_then(|status| status.code()).map_or(-1, i64::from);
        Ran { exit_code, output: collected }
    };
    let mut collect = std::pin::pin!(collect);
    // A process that holds the input open without reading does not delay the answer.
    tokio::select! {
        ran = &mut collect => return ran,
        () = feed => {}
    }
    collect.await
}
