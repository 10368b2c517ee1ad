//! Sandboxes as small machines: namespaces, a file system, limits, and the process that makes them. Nothing
//! here knows the toolbox or the control plane: a container runs a daemon that the caller names.
//!
//! * `allowed`: what this system allows. `container`: a sandbox, as the server has it. `plain`: one without
//!   isolation. `launch`: the process that the server starts for it. `socket`, `short_name`: how it is reached.
//! * `plan`, `limits`, `layer`: ways to build one, what it may use, its files saved. `state`: the server's
//!   directory, and what an earlier server left. `calls`, `failure`: system calls, reasons.
//! * `system`: what the system has for it, namespaces and control groups: `linux`, or `elsewhere`, without either.

mod allowed;
mod calls;
mod container;
mod failure;
mod launch;
mod layer;
mod limits;
mod plain;
mod plan;
mod short_name;
mod socket;
mod state;
#[cfg_attr(target_os = "linux", path = "linux/mod.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere/mod.rs")]
mod system;

use system::{control_groups, namespaces};

pub use allowed::{Isolation, Wanted, find_binary};
pub use container::Container;
pub use launch::{Daemon, main};
pub use layer::SavedLayer;
pub use limits::Limits;
pub use plan::{HOME, Ids, Layer, Plan, Tree, VolumeMount};
pub use socket::connect;
pub use state::StateDirectory;
