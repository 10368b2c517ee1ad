//! The session of the sandbox's entrypoint: a process of its own, started when the sandbox is, or when
//! somebody first asks for the one that only sleeps.

use super::command::Command;
use super::pipe::Source;
use super::pump::{Ending, Pump};
use crate::processes::quoted;
use crate::sandbox::Sandbox;
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
    /// There is no shell around it that could go: it tells its end itself.
    _shell: watch::Sender<bool>,
}

impl Entrypoint {
    pub fn start(sandbox: &Sandbox) -> io::Result<Self> {
        let words = words(sandbox);
        let text = words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
        let log = sandbox.state_dir.join("entrypoint.log");
        let command = Arc::new(Command::new(COMMAND_ID.to_owned(), text, log, None));
        let log = command.create_log()?;
        let (stdout, out) = io::pipe()?;
        let (stderr, error) = io::pipe()?;
        let (program, arguments) = words.split_first().ok_or_else(|| io::Error::other("no entrypoint"))?;
        let mut process = tokio::process::Command::new(program);
        process
            .args(arguments)
            .env_clear()
            .envs(sandbox.command_env())
            .current_dir(&sandbox.home)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(error);
        let child = sandbox.start_process(|| process.spawn());
        drop(process);
        let (tell, gone) = watch::channel(false);
        match child {
            Ok(child) => {
                let pump = Pump {
                    command: command.clone(),
                    log,
                    stdout: source(stdout)?,
                    stderr: source(stderr)?,
                    ending: Ending::Child(Box::new(child)),
                    holds: Vec::new(),
                    echo: None,
                };
                command.pumped_by(tokio::spawn(pump.run(gone)).abort_handle());
            }
            // As a shell would say it.
            Err(error) if error.raw_os_error().is_some() => {
                command.exited(if error.kind() == io::ErrorKind::NotFound { 127 } else { 126 });
            }
            Err(error) => return Err(error),
        }
        Ok(Self { command, _shell: tell })
    }

    pub fn json(&self) -> Value {
        json!({ "sessionId": ID, "commands": [self.command.json()] })
    }
}

fn source(pipe: PipeReader) -> io::Result<Source> {
    Source::new(File::from(OwnedFd::from(pipe)))
}

/// Whether the sandbox's image says what to run.
pub fn is_custom(sandbox: &Sandbox) -> bool {
    !of_image(sandbox).is_empty()
}

fn words(sandbox: &Sandbox) -> Vec<String> {
    let words = of_image(sandbox);
    if words.is_empty() { vec!["sleep".to_owned(), "infinity".to_owned()] } else { words }
}

/// ENTRYPOINT, with CMD as its arguments or in its place.
fn of_image(sandbox: &Sandbox) -> Vec<String> {
    let info = sandbox.get("buildInfo");
    let dockerfile = info["dockerfileContent"].as_str().unwrap_or_default();
    let mut words = instruction(dockerfile, "ENTRYPOINT");
    words.extend(instruction(dockerfile, "CMD"));
    words
}

/// The last such instruction, in its JSON form or as a line for the shell.
fn instruction(dockerfile: &str, name: &str) -> Vec<String> {
    let arguments = dockerfile.lines().rev().find_map(|line| {
        let (word, rest) = line.trim().split_once(char::is_whitespace)?;
        word.eq_ignore_ascii_case(name).then_some(rest.trim())
    });
    let Some(arguments) = arguments.filter(|arguments| !arguments.is_empty()) else { return Vec::new() };
    serde_json::from_str(arguments)
        .unwrap_or_else(|_| vec!["/bin/sh".to_owned(), "-c".to_owned(), arguments.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_instruction_counts_in_either_form() {
        let dockerfile = "FROM x\nENTRYPOINT a\nentrypoint [\"b\", \"c d\"]\nCMD echo $HOME\n";
        assert_eq!(instruction(dockerfile, "ENTRYPOINT"), ["b", "c d"]);
        assert_eq!(instruction(dockerfile, "CMD"), ["/bin/sh", "-c", "echo $HOME"]);
        assert!(instruction("FROM x\n", "CMD").is_empty());
    }
}
