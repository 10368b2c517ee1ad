//! One run of the `git` program.
//!
//! A username and password travel through a pipe: never in the arguments, the environment, a URL or a file.
//! A shell moves the pipe from standard input to descriptor 3 and becomes git; git's transport inherits it,
//! and the credential helper, a shell function given with `-c`, copies it to the transport.

use crate::toolbox::Machine;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Makes standard input descriptor 3 and becomes the program in the arguments.
const AS_DESCRIPTOR_3: &str = "exec 3<&0 </dev/null; exec \"$0\" \"$@\"";

/// Empties the list of configured helpers, then adds the one that copies descriptor 3.
const HELPER: [&str; 4] =
    ["-c", "credential.helper=", "-c", "credential.helper=!f() { test \"$1\" = get && cat <&3; }; f"];

/// Settings of every run. A hook of the repository could read the credential, and the daemon runs none. The
/// owner of the files may be another user of the sandbox.
const SETTINGS: [&str; 6] =
    ["-c", "core.hooksPath=/dev/null", "-c", "safe.directory=*", "-c", "advice.detachedHead=false"];

/// Of more output than this only the end is kept for messages.
const MESSAGE_BYTES: usize = 8 * 1024;

#[derive(Clone)]
pub struct Credentials {
    pub username: String,
    pub password: String,
}

#[derive(Default)]
enum Input {
    #[default]
    None,
    Bytes(Vec<u8>),
    Credentials(Credentials),
}

/// A run to be: the directory, the arguments, and what goes in.
pub struct Git {
    directory: Option<PathBuf>,
    settings: Vec<String>,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    input: Input,
}

/// Why there is no output.
pub enum Failure {
    NotInstalled,
    NotStarted(io::Error),
    /// It ended with an exit code other than 0.
    Exit(Exit),
}

pub struct Exit {
    /// -1: killed by a signal.
    pub code: i32,
    /// Both outputs as they came, to find the reason in: a username may be a part of git's own words.
    pub output: String,
    /// What a message may not have.
    pub(super) secrets: Vec<String>,
}

impl Git {
    pub fn new(arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self {
            directory: None,
            settings: Vec::new(),
            arguments,
            variables: Vec::new(),
            input: Input::default(),
        }
    }

    /// Runs in a repository, which is this very directory and not one above it.
    pub fn within(directory: &Path, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { directory: Some(directory.to_owned()), ..Self::new(arguments) }
    }

    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub fn setting(mut self, setting: &str) -> Self {
        self.settings.extend(["-c".to_owned(), setting.to_owned()]);
        self
    }

    pub fn env(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Input::Bytes(bytes.into());
        self
    }

    pub fn credentials(mut self, credentials: Option<&Credentials>) -> Self {
        if let Some(credentials) = credentials {
            self.input = Input::Credentials(credentials.clone());
        }
        self
    }

    /// The standard output of a run that succeeded.
    pub async fn run(self, machine: &Machine) -> Result<Vec<u8>, Failure> {
        let program = machine.program("git").ok_or(Failure::NotInstalled)?;
        let (mut command, input) = match &self.input {
            Input::None => (Command::new(program), None),
            Input::Bytes(bytes) => (Command::new(program), Some(bytes.clone())),
            Input::Credentials(credentials) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", AS_DESCRIPTOR_3]).arg(program).args(HELPER);
                (shell, Some(credentials.described().into_bytes()))
            }
        };
        command.args(SETTINGS).args(&self.settings);
        if let Some(directory) = &self.directory {
            command.arg("-C").arg(directory);
        }
        command.args(&self.arguments).env_clear().envs(self.environment(machine));
        command
            .current_dir(if machine.home.is_dir() { &machine.home } else { Path::new("/") })
            .process_group(0)
            .stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Failure::NotStarted)?;
        let stdin = child.stdin.take();
        let feed = async move {
            if let (Some(mut stdin), Some(input)) = (stdin, input) {
                // A run that ended early does not read the rest.
                let _ended = stdin.write_all(&input).await;
            }
        };
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let (mut out_pipe, mut err_pipe) = (child.stdout.take(), child.stderr.take());
        let read_stdout = async {
            if let Some(pipe) = &mut out_pipe {
                let _lost = pipe.read_to_end(&mut stdout).await;
            }
        };
        let read_stderr = async {
            if let Some(pipe) = &mut err_pipe {
                let _lost = pipe.read_to_end(&mut stderr).await;
            }
        };
        tokio::join!(feed, read_stdout, read_stderr);
        let status = child.wait().await.map_err(Failure::NotStarted)?;
        if status.success() {
            return Ok(stdout);
        }
        stderr.extend_from_slice(&stdout);
        let output = end_of(&stderr);
        Err(Failure::Exit(Exit { code: status.code().unwrap_or(-1), output, secrets: self.secrets() }))
    }

    /// Whether it exits with 0, for a question with such an answer.
    pub async fn succeeds(self, machine: &Machine) -> Result<bool, Failure> {
        match self.run(machine).await {
            Ok(_) => Ok(true),
            Err(Failure::Exit(_)) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The standard output as one line.
    pub async fn line(self, machine: &Machine) -> Result<String, Failure> {
        let output = self.run(machine).await?;
        Ok(String::from_utf8_lossy(&output).trim_end_matches('\n').to_owned())
    }

    /// The sandbox's environment without anything that changes what git does or traces, and with English
    /// messages. Nothing may ask a terminal.
    fn environment(&self, machine: &Machine) -> Vec<(String, String)> {
        let steers = |name: &str| name.starts_with("GIT_") || name == "SSH_ASKPASS";
        let mut all: Vec<(String, String)> =
            machine.command_env().into_iter().filter(|(name, _)| !steers(name)).collect();
        let mut set = |name: &str, value: &str| all.push((name.to_owned(), value.to_owned()));
        set("LC_ALL", "C");
        set("GIT_TERMINAL_PROMPT", "0");
        set("GIT_SSH_COMMAND", "ssh -o BatchMode=yes");
        set("GIT_OPTIONAL_LOCKS", "0");
        set("GIT_LITERAL_PATHSPECS", "1");
        if let Some(above) = self.directory.as_deref().and_then(Path::parent) {
            set("GIT_CEILING_DIRECTORIES", &above.to_string_lossy());
        }
        for (name, value) in &self.variables {
            set(name, value);
        }
        all
    }

    fn secrets(&self) -> Vec<String> {
        let Input::Credentials(Credentials { username, password }) = &self.input else {
            return Vec::new();
        };
        // The password first: the username may be a part of it.
        [password, username].into_iter().filter(|secret| !secret.is_empty()).cloned().collect()
    }
}

impl Credentials {
    /// In the form of git's credential helpers.
    pub fn described(&self) -> String {
        format!("username={}\npassword={}\n", self.username, self.password)
    }

    /// A line break or NUL would end the value in that form.
    pub fn are_legal(&self) -> bool {
        let breaks = |text: &str| text.contains(['\n', '\r', '\0']);
        !breaks(&self.username) && !breaks(&self.password)
    }
}

fn end_of(output: &[u8]) -> String {
    let start = output.len().saturating_sub(MESSAGE_BYTES);
    String::from_utf8_lossy(&output[start..]).into_owned()
}
