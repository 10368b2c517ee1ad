//! This program once more, as the first process of a sandbox: how the server starts it, and what it does then.

use super::calls;
use super::failure::{During, Step};
use super::{namespaces, plain};
use serde_json::Value;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What serves a sandbox, from inside.
pub type Daemon = fn(UnixListener, Value);

/// The hidden subcommand that makes a container out of namespaces.
pub const NAMESPACED: &str = "__container";
/// The hidden subcommand that is the daemon of a container without isolation.
pub const PLAIN: &str = "__container-plain";

/// Does what a hidden subcommand asks for, and returns when that has ended; `false`: there is none. Only for a
/// process with one thread.
pub fn main(daemon: Daemon) -> bool {
    match std::env::args_os().nth(1).and_then(|argument| argument.into_string().ok()).as_deref() {
        Some(NAMESPACED) => namespaces::main(daemon),
        Some(PLAIN) => plain::main(daemon),
        _ => return false,
    }
    true
}

/// The command that runs this program for a sandbox, told everything through its input.
pub fn command(program: &Path, subcommand: &str, control: OwnedFd) -> Command {
    let mut command = Command::new(program);
    command.arg0("daytona-dev").arg(subcommand).env_clear().current_dir("/");
    for name in ["PATH", "TZ", "USER", "RUST_LOG", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::from(control)).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    command
}

/// Starts it.
pub fn spawn(command: &mut Command) -> io::Result<Child> {
    command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("its daemon's binary cannot be run: {error}")))
}

/// The connection to the server, which is the standard input.
pub fn take_input() -> io::Result<OwnedFd> {
    io::stdin().as_fd().try_clone_to_owned()
}

/// Standard input was the lifeline, and the output the server's own.
pub fn detach_input() -> Step<()> {
    let null = File::options().read(true).write(true).open("/dev/null").during("open /dev/null")?;
    calls::replace(null.as_fd(), 0).during("detach the input")?;
    calls::replace(null.as_fd(), 1).during("detach the output")
}

/// Makes a container's directory, its user's alone, if it is not there.
pub fn make_directory(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(io::Error::new(error.kind(), format!("{} cannot be made: {error}", path.display())))
        }
        _ => Ok(()),
    }
}
