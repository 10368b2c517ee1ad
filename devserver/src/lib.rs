//! A Daytona on your own machine: the API, the toolbox and the preview proxy on loopback, over real
//! processes, terminals and files. The binary is `daytona-dev`; tests start a [`Server`] in process.
//!
//! * `server`: the listener, and where a request goes. `faults`: misbehaviour on demand.
//! * The control plane. `app_state`: organizations, keys, sandboxes. `sandbox`: one of them. `api`: what is below
//!   `/api`. `proxy`: who may reach a sandbox's toolbox and ports. `rate`: how often.
//! * The border. `host`: where a sandbox's toolbox runs.
//! * The sandbox. `toolbox`: all that answers inside of it, and nothing else. `processes`: the system's
//!   processes. Both know nothing of the control plane.

mod api;
mod app_state;
pub mod faults;
mod host;
mod processes;
mod proxy;
mod rate;
mod sandbox;
mod server;
mod timestamp;
mod toolbox;

use faults::Rule;
pub use server::Server;
use std::path::PathBuf;

/// Which Daytona it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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
