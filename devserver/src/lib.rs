//! The Daytona API on your own machine: control plane, toolboxes and preview proxy on loopback, over real
//! processes, terminals and files. The binary is `daytona-dev`; tests start a [`Server`] in process.
//!
//! * `server`: the listener, and where a request goes. `faults`: faults on demand.
//! * The control plane. `app_state`: organizations, keys, sandboxes. `sandbox`: one of them. `api`: what is below
//!   `/api`. `proxy`: access to toolboxes and ports. `rate`: how often. `upkeep`: what happens as time passes.
//!   `events`: what is told to who listens.
//! * `build`: image builds. `store`: the object store for image contexts. `byte_range`: the `Range` of a download.
//! * The border. `host`: how the server reaches a sandbox's toolbox. `daemon`: the process that serves it.
//!   `isolation`: the container that this process runs in.
//! * The sandbox. `toolbox`: all that answers inside of it, and nothing else. `processes`: the system's
//!   processes. Both know nothing of the control plane.

mod api;
mod app_state;
mod build;
mod byte_range;
pub mod daemon;
mod events;
pub mod faults;
mod host;
pub mod isolation;
#[cfg(target_os = "linux")]
pub mod outside;
mod processes;
mod proxy;
mod rate;
mod sandbox;
mod server;
mod store;
mod timestamp;
mod toolbox;
mod upkeep;

use faults::Rule;
pub use isolation::Wanted;
pub use server::Server;
use std::path::PathBuf;
use std::time::Duration;

/// The version of the protocol.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Protocol {
    /// The last self-hosted release.
    V0_190,
    /// The hosted service.
    #[default]
    V0_205,
    /// The hosted service later: lists go by cursors alone and filter by GPUs, sandboxes have `queueTimeout` and `kvm`.
    V0_226,
}

/// The options of a server.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub protocol: Protocol,
    /// The port on 127.0.0.1; 0: any free one.
    pub port: u16,
    /// Requests per minute and key; absent: no limit.
    pub rate_limit: Option<u32>,
    /// The parent of the state directory, which is created and removed; absent: the system's temporary
    /// directory.
    pub state_dir: Option<PathBuf>,
    /// The length of a minute of the intervals (auto-stop, TTL and the like), and between samples of the metrics.
    /// Absent: 60 s.
    pub minute: Option<Duration>,
    /// How far sandboxes are isolated from the machine.
    pub isolation: Wanted,
    /// The one way to build sandboxes, for tests of each; absent: the strongest that the kernel allows.
    pub plan: Option<isolation::Plan>,
    /// The binary `daytona-dev`, which every sandbox runs as its daemon. Absent: `DAYTONA_DEV_BINARY`, this
    /// process's own program, or the binary that cargo has built beside it.
    pub binary: Option<PathBuf>,
    /// The faults from the start.
    pub faults: Vec<Rule>,
    /// The number of sandboxes that exist from the start, without directories: for tests of long lists.
    pub sandboxes: usize,
}
