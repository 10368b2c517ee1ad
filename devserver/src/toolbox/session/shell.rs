//! A session: one shell that reads its commands from standard input. Each command's text is a file that the
//! shell sources with redirections to pipes of its own, so that no text can break out of its command.

use super::command::Command;
use super::input::Input;
use super::pipe::OutputPipe;
use super::pump::{Ending, LogPump};
use crate::processes;
use crate::toolbox::Machine;
use nix::unistd::{Pid, getpgid};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;
use tokio::sync::watch;
use uuid::Uuid;

pub struct Session {
    pub id: String,
    directory: PathBuf,
    logs: PathBuf,
    commands: Mutex<Vec<Arc<Command>>>,
    input: tokio::sync::Mutex<ChildStdin>,
    shell: u32,
    gone: watch::Receiver<bool>,
}

pub enum ExecuteError {
    /// The shell has ended.
    ShellGone,
    Io(io::Error),
}

impl From<io::Error> for ExecuteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub struct NewCommand {
    pub text: String,
    pub takes_input: bool,
    pub suppress_echo: bool,
}

impl Session {
    pub fn start(machine: &Machine, id: &str) -> io::Result<Arc<Self>> {
        let mut command = tokio::process::Command::new(processes::shell());
        command
            .env_clear()
            .envs(machine.command_env())
            .current_dir(&machine.work_dir)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut shell = command.spawn()?;
        let missing = || io::Error::other("the shell has no input or number");
        let input = shell.stdin.take().ok_or_else(missing)?;
        let number = shell.id().ok_or_else(missing)?;
        let (ended, gone) = watch::channel(false);
        tokio::spawn(async move {
            let _status = shell.wait().await;
            ended.send_replace(true);
        });
        Ok(Arc::new(Self {
            id: id.to_owned(),
            directory: machine.home.join(".daytona/sessions").join(directory_name(id)),
            logs: machine.log_dir.clone(),
            commands: Mutex::default(),
            input: tokio::sync::Mutex::new(input),
            shell: number,
            gone,
        }))
    }

    pub fn json(&self) -> Value {
        let commands: Vec<_> = self.commands.lock().iter().map(|command| command.json()).collect();
        json!({ "sessionId": self.id, "commands": commands })
    }

    pub fn command(&self, id: &str) -> Option<Arc<Command>> {
        self.commands.lock().iter().find(|command| command.id == id).cloned()
    }

    /// The path of a running command's input pipe.
    pub fn input_path(&self, command: &Command) -> PathBuf {
        self.directory.join(&command.id).join("input.pipe")
    }

    /// Queues a command behind those that the shell has not finished.
    pub async fn execute(&self, new_command: NewCommand) -> Result<Arc<Command>, ExecuteError> {
        let id = Uuid::new_v4().to_string();
        let directory = self.directory.join(&id);
        std::fs::create_dir_all(&directory)?;
        let script = directory.join("cmd.sh");
        std::fs::write(&script, &new_command.text)?;
        let stdout = OutputPipe::make(directory.join("stdout.pipe"))?;
        let stderr = OutputPipe::make(directory.join("stderr.pipe"))?;
        let ending = OutputPipe::make(directory.join("exit.pipe"))?;
        let (input, echo) = if new_command.takes_input {
            let (input, echo) = Input::make(directory.join("input.pipe"), new_command.suppress_echo)?;
            (Some(input), echo)
        } else {
            (None, None)
        };
        // Never the shell's own standard input, which carries the commands.
        let from = input.as_ref().map_or_else(|| "/dev/null".into(), |input| quoted(&input.path));
        let line = format!(
            "command . {} <{from} >{} 2>{}\ncommand echo \"$?\" >{}\n",
            quoted(&script),
            quoted(&stdout.write_end.path),
            quoted(&stderr.write_end.path),
            quoted(&ending.write_end.path),
        );
        let log = self.logs.join(format!("{id}.log"));
        let command = Arc::new(Command::new(id, new_command.text, log, input));
        let log = command.create_log()?;
        self.commands.lock().push(command.clone());

        let mut input = self.input.lock().await;
        if *self.gone.borrow() || input.write_all(line.as_bytes()).await.is_err() {
            if let Some(input) = &command.input {
                input.close();
            }
            return Err(ExecuteError::ShellGone);
        }
        drop(input);
        let pump = LogPump {
            command: command.clone(),
            log,
            stdout: stdout.source,
            stderr: stderr.source,
            ending: Ending::Pipe(ending.source),
            write_ends: vec![stdout.write_end, stderr.write_end, ending.write_end],
            echo,
        };
        command.pumped_by(tokio::spawn(pump.run(self.gone.clone())).abort_handle());
        Ok(command)
    }

    /// Kills the shell and everything it runs, in its group or out of it. Blocks until they are gone.
    pub fn kill(&self, machine: &Machine) {
        let Ok(shell) = i32::try_from(self.shell) else { return };
        processes::kill_until_gone(|| {
            // The id is the shell's only while the shell lives; its group is recognized by the mark.
            let is_alive = !*self.gone.borrow();
            let below = if is_alive { processes::with_descendants([shell]) } else { Default::default() };
            let group = Some(Pid::from_raw(shell));
            let mut ours = machine.processes();
            ours.retain(|process| {
                below.contains(process) || getpgid(Some(Pid::from_raw(*process))).ok() == group
            });
            ours
        });
    }

    /// Ends the followers of its commands and removes their files.
    pub fn end(&self) {
        if !*self.gone.borrow() {
            processes::kill_group(self.shell);
        }
        for command in self.commands.lock().iter() {
            command.delete();
        }
        let _gone = std::fs::remove_dir_all(&self.directory);
    }
}

fn quoted(path: &Path) -> String {
    processes::quoted(&path.to_string_lossy())
}

/// The name of a session's directory: its id, unless that cannot be a file name.
fn directory_name(id: &str) -> String {
    let is_name = id.len() <= 200 && id != "." && id != ".." && !id.contains(['/', '\0']);
    if is_name { id.to_owned() } else { Uuid::new_v4().to_string() }
}
