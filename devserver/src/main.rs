//! `daytona-dev`: a Daytona on your own machine. Serves until Ctrl-C, or while a command runs with the
//! environment to use it.

use clap::{Parser, Subcommand, ValueEnum};
use daytona_dev::faults::Rule;
use daytona_dev::{Options, Protocol, Server};
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// A Daytona on your own machine: sandboxes are directories and real processes.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1; 0 is any free one.
    #[arg(long, default_value_t = 0, global = true)]
    port: u16,
    /// Which Daytona to be: the hosted service, or the last self-hosted release.
    #[arg(long, value_enum, default_value = "0.205", global = true)]
    protocol: Spoken,
    /// Requests a minute and key, then 429.
    #[arg(long, value_name = "N", global = true)]
    rate_limit: Option<u32>,
    /// Where sandboxes live; a directory inside it is made and removed again.
    #[arg(long, value_name = "DIRECTORY", global = true)]
    state: Option<PathBuf>,
    /// Misbehave: KIND[=VALUE]@PATH[*COUNT]. Kinds: cut, cut-after, cut-body=BYTES, stall,
    /// stall-body=BYTES, delay=MS, status=CODE, html=CODE, empty=CODE, garbage, close-idle=MS, split,
    /// ws-drop=WRITES, ws-close=CODE, ws-silent=WRITES.
    #[arg(long, value_name = "FAULT", global = true)]
    fault: Vec<Rule>,
    /// Sandboxes that exist from the start, for long lists.
    #[arg(long, value_name = "N", default_value_t = 0, global = true)]
    sandboxes: usize,
    #[command(subcommand)]
    command: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Runs a command with the environment to use the server, cleans up, and ends as the command did.
    Run {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Spoken {
    #[value(name = "0.190")]
    V0_190,
    #[value(name = "0.205")]
    V0_205,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let options = Options {
        protocol: match arguments.protocol {
            Spoken::V0_190 => Protocol::V0_190,
            Spoken::V0_205 => Protocol::V0_205,
        },
        port: arguments.port,
        rate_limit: arguments.rate_limit,
        state_dir: arguments.state,
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
    let code = match arguments.command {
        Some(Action::Run { command }) => run(&server, &command).await,
        None => {
            println!("A Daytona serves at {}. To use it:\n", server.api_url());
            for (name, value) in environment(&server) {
                println!("export {name}={value}");
            }
            println!("\nCtrl-C ends it, with every process and file of its sandboxes.");
            interrupted().await;
            ExitCode::SUCCESS
        }
    };
    // The drop kills and removes; it blocks for as long as that takes.
    drop(server);
    code
}

fn environment(server: &Server) -> [(&'static str, String); 3] {
    [
        ("DAYTONA_API_URL", server.api_url().to_owned()),
        ("DAYTONA_API_KEY", server.api_key().to_owned()),
        ("DAYTONA_API_KEY_2", server.api_key_2().to_owned()),
    ]
}

async fn run(server: &Server, command: &[String]) -> ExitCode {
    let Some((program, arguments)) = command.split_first() else { return ExitCode::FAILURE };
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).envs(environment(server)).kill_on_drop(true);
    for other in ["DAYTONA_JWT_TOKEN", "DAYTONA_ORGANIZATION_ID", "DAYTONA_SERVER_URL", "DAYTONA_TARGET"] {
        child.env_remove(other);
    }
    let mut child = match child.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("daytona-dev: cannot run {program}: {error}");
            return ExitCode::from(127);
        }
    };
    tokio::select! {
        ended = child.wait() => match ended.ok().and_then(|status| status.code()) {
            Some(code) => ExitCode::from(u8::try_from(code).unwrap_or(1)),
            None => ExitCode::from(128),
        },
        () = interrupted() => ExitCode::from(130),
    }
}

/// Ready at SIGINT or SIGTERM.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
