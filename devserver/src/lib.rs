//! A Daytona on your own machine: the API, the toolbox and the preview proxy on loopback, over real
//! processes, terminals and files. The binary is `daytona-dev`; tests start a [`Server`] in process.
//!
//! * `server`: the listener, and where a request goes. `world`: organizations, keys, sandboxes.
//! * `api`: the control plane. `toolbox`: what answers inside a sandbox. `preview`: its ports.
//! * `processes`: what runs on the machine, and how it ends. `faults`: misbehaviour on demand.

mod api;
pub mod faults;
mod preview;
mod processes;
mod rate;
mod sandbox;
mod server;
mod toolbox;
mod world;

use faults::Rule;
pub use server::Server;
use std::path::PathBuf;

/// Which Daytona it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// The last self-hosted release.
    V0_190,
    /// The hosted service.
    #[default]
    V0_205,
}

/// How a server is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub protocol: Protocol,
    /// 0: any free port.
    pub port: u16,
    /// Requests a minute and key; absent: as many as come.
    pub rate_limit: Option<u32>,
    /// Where sandboxes live; absent: a temporary directory. Removed at the end.
    pub state_dir: Option<PathBuf>,
    /// Misbehaviour from the start.
    pub faults: Vec<Rule>,
    /// Started sandboxes that exist from the start, without directories: for long lists.
    pub sandboxes: usize,
}
