//! `daytona-dev`: the Daytona API on your own machine. Serves until Ctrl-C, or while a command runs, whose
//! environment leads it here.

use clap::{Parser, Subcommand, ValueEnum};
use daytona_dev::faults::Rule;
use daytona_dev::{Options, Protocol, Server, Wanted};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;
use tokio::signal::unix::{self as signal, SignalKind};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// The Daytona API on your own machine: every sandbox is an isolated container.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1; 0: any free one.
    #[arg(long, default_value_t = 0, global = true)]
    port: u16,
    /// The protocol version: 0.205 is the hosted service, 0.226 the same later, 0.190 the last self-hosted release.
    #[arg(long, value_enum, default_value = "0.205", global = true)]
    protocol: ProtocolVersion,
    /// Requests per minute and key, then 429; default: no limit.
    #[arg(long, value_name = "N", global = true)]
    rate_limit: Option<u32>,
    /// The parent of the state directory, which is created and removed; default: the system's temporary directory.
    #[arg(long, value_name = "DIRECTORY", global = true)]
    state: Option<PathBuf>,
    /// Isolation of the sandboxes from this machine: as far as the system allows; or no server without it; or none.
    #[arg(long, value_enum, default_value = "auto", global = true)]
    isolation: Isolation,
    /// The length of a minute of auto-stop, auto-pause, auto-archive, auto-delete, TTL and metrics, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 60_000, global = true)]
    minute: u64,
    /// A fault, KIND[=VALUE]@PATH[*COUNT]; may be repeated. Kinds: cut, cut-after, cut-body=BYTES, stall,
    /// stall-body=BYTES, delay=MS, status=CODE, html=CODE, empty=CODE, garbage, close-idle=MS, split,
    /// ws-drop=FRAMES, ws-close=CODE, ws-silent=FRAMES.
    #[arg(long, value_name = "FAULT", global = true)]
    fault: Vec<Rule>,
    /// The number of sandboxes that exist from the start, for tests of long lists.
    #[arg(long, value_name = "N", default_value_t = 0, global = true)]
    sandboxes: usize,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Runs a command with the environment to use the server, cleans up, and exits with its exit code.
    Run {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<OsString>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Isolation {
    Auto,
    Required,
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProtocolVersion {
    #[value(name = "0.190")]
    V0_190,
    #[value(name = "0.205")]
    V0_205,
    #[value(name = "0.226")]
    V0_226,
}

fn main() -> ExitCode {
    // Before there is a second thread: this process is to become a sandbox's first one.
    if daytona_dev::isolation::main(daytona_dev::daemon::run) {
        return ExitCode::SUCCESS;
    }
    serve()
}

#[tokio::main]
async fn serve() -> ExitCode {
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments = Arguments::parse();
    // Before anything is created that a signal would leave behind.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("daytona-dev: cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    let options = Options {
        protocol: match arguments.protocol {
            ProtocolVersion::V0_190 => Protocol::V0_190,
            ProtocolVersion::V0_205 => Protocol::V0_205,
            ProtocolVersion::V0_226 => Protocol::V0_226,
        },
        port: arguments.port,
        rate_limit: arguments.rate_limit,
        minute: Some(Duration::from_millis(arguments.minute)),
        state_dir: arguments.state,
        isolation: match arguments.isolation {
            Isolation::Auto => Wanted::Auto,
            Isolation::Required => Wanted::Required,
            Isolation::None => Wanted::None,
        },
        plan: None,
        binary: None,
        faults: arguments.fault,
        sandboxes: arguments.sandboxes,
    };
    let server = match Server::start(options).await {
        Ok(server) => server,
        Err(error) => {
            eprintln!("daytona-dev: cannot serve: {error}");
            return ExitCode::FAILURE;
        }
    };
    for note in server.notes() {
        eprintln!("daytona-dev: {note}");
    }
    let code = match arguments.command {
        Some(Command::Run { command }) => run(&server, &command, &mut signals).await,
        None => {
            // A closed stdout is not an error.
            let _ = std::io::stdout().write_all(usage(&server).as_bytes());
            signals.next().await;
            ExitCode::SUCCESS
        }
    };
    // Ends all processes and removes all files; blocks until that is done.
    drop(server);
    code
}

fn usage(server: &Server) -> String {
    let exports = environment(server).map(|(name, value)| format!("export {name}={value}\n")).concat();
    let url = server.api_url();
    format!(
        "daytona-dev serves the Daytona API at {url}. To use it:\n\n{exports}\n\
         Ctrl-C ends it, with all processes and files of its sandboxes.\n"
    )
}

fn environment(server: &Server) -> [(&'static str, String); 3] {
    [
        ("DAYTONA_API_URL", server.api_url().to_owned()),
        ("DAYTONA_API_KEY", server.api_key().to_owned()),
        ("DAYTONA_API_KEY_2", server.api_key_2().to_owned()),
    ]
}

/// The time between the signal that ends a command and SIGKILL.
const EXIT_GRACE: Duration = Duration::from_secs(5);

async fn run(server: &Server, command: &[OsString], signals: &mut Signals) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).envs(environment(server)).kill_on_drop(true);
    for other in ["DAYTONA_JWT_TOKEN", "DAYTONA_ORGANIZATION_ID", "DAYTONA_SERVER_URL", "DAYTONA_TARGET"] {
        child.env_remove(other);
    }
    let mut child = match child.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("daytona-dev: cannot run {}: {error}", program.display());
            return ExitCode::from(127);
        }
    };
    let signal = loop {
        tokio::select! {
            ended = child.wait() => return ended.map_or(ExitCode::FAILURE, exit_code),
            // The terminal has sent its Ctrl-C to the command as well, which decides what it means.
            signal = signals.next() => if signal != Signal::SIGINT || !is_of_the_terminal() { break signal },
        }
    };
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
    if let Ok(ended) = tokio::time::timeout(EXIT_GRACE, child.wait()).await {
        return ended.map_or(ExitCode::FAILURE, exit_code);
    }
    let _ = child.kill().await;
    ExitCode::from(128 + signal as u8)
}

/// Whether this process is one of those that Ctrl-C in the terminal reaches.
fn is_of_the_terminal() -> bool {
    let input = std::io::stdin();
    input.is_terminal() && tcgetpgrp(input).is_ok_and(|foreground| foreground == getpgrp())
}

/// The exit code as a shell reports it: 128 plus the number of the signal.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// SIGINT, SIGTERM and SIGHUP: Ctrl-C, a script, a closed terminal.
struct Signals([(Signal, signal::Signal); 3]);

impl Signals {
    fn new() -> std::io::Result<Self> {
        let listen = |signal: Signal| {
            let kind = SignalKind::from_raw(signal as i32);
            Ok::<_, std::io::Error>((signal, signal::signal(kind)?))
        };
        Ok(Self([listen(Signal::SIGINT)?, listen(Signal::SIGTERM)?, listen(Signal::SIGHUP)?]))
    }

    async fn next(&mut self) -> Signal {
        let [(int, interrupt), (term, terminate), (hup, hang_up)] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => *int,
            _ = terminate.recv() => *term,
            _ = hang_up.recv() => *hup,
        }
    }
}
