//! The entrypoint session: the image's command, started with the sandbox. Without one it is `sleep infinity`,
//! started by the first request for the session.

use super::command::Command;
use super::pipe::Source;
use super::pump::{Ending, LogPump};
use crate::processes::quoted;
use crate::toolbox::Machine;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, PipeReader};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;
use tokio::sync::watch;

pub const ID: &str = "entrypoint";
const COMMAND_ID: &str = "entrypoint_command";

pub struct Entrypoint {
    pub command: Arc<Command>,
    /// Never sent to: an entrypoint has no shell that could end before it.
    _shell: watch::Sender<bool>,
}

impl Entrypoint {
    pub fn start(machine: &Machine) -> io::Result<Self> {
        let words = words(machine);
        let text = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let log = machine.log_dir.join("entrypoint.log");
        let command = Arc::new(Command::new(COMMAND_ID.to_owned(), text, log, None));
        let log = command.create_log()?;
        let (stdout, out) = io::pipe()?;
        let (stderr, error) = io::pipe()?;
        let (program, arguments) = words.split_first().ok_or_else(|| io::Error::other("no entrypoint"))?;
        let mut process = tokio::process::Command::new(program);
        process
            .args(arguments)
            .env_clear()
            .envs(machine.command_env())
            .current_dir(&machine.work_dir)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error);
        let child = process.spawn();
        drop(process);
        let (ended, gone) = watch::channel(false);
        match child {
            Ok(child) => {
                let pump = LogPump {
                    command: command.clone(),
                    log,
                    stdout: source(stdout)?,
                    stderr: source(stderr)?,
                    ending: Ending::Child(Box::new(child)),
                    write_ends: Vec::new(),
                    echo: None,
                };
                command.pumped_by(tokio::spawn(pump.run(gone)).abort_handle());
            }
            // A shell's exit codes for a command that cannot be started.
            Err(error) if error.raw_os_error().is_some() => {
                command.exited(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 });
            }
            Err(error) => return Err(error),
        }
        Ok(Self { command, _shell: ended })
    }

    pub fn json(&self) -> Value {
        json!({ "sessionId": ID, "commands": [self.command.json()] })
    }
}

fn source(pipe: PipeReader) -> io::Result<Source> {
    Source::new(File::from(OwnedFd::from(pipe)))
}

/// The image's command line, else one that runs for ever.
fn words(machine: &Machine) -> Vec<String> {
    match machine.entrypoint.as_slice() {
        [] => vec!["sleep".to_owned(), "infinity".to_owned()],
        words => words.to_vec(),
    }
}
