//! Sandboxes as small machines: namespaces, a file system, limits, and the process that makes them. Nothing
//! here knows the toolbox or the control plane: a container runs a daemon that the caller names.
//!
//! * `allowed`: what this system allows. `container`: a sandbox, as the server has it. `plain`: one without
//!   isolation. `launch`: the process that the server starts for it. `socket`, `short_name`: how it is reached.
//! * `plan`, `limits`, `layer`: ways to build one, what it may use, its files saved. `state`: the server's
//!   directory, and what an earlier server left. `calls`, `failure`: system calls, reasons.
//! * Of Linux alone. `namespaces`: whether they work, and what all containers share. `namespaced`: one of them;
//!   `maker`, `users`, `tree`, `layout`, `volumes`: the process that makes it, told by `spec`. `control_groups`:
//!   limits. `image`, `archive`: a layer of limited size, a layer saved. `channel`, `kernel`: messages with
//!   descriptors, system calls. On another system `no_namespaces` and `no_control_groups` stand in.

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

#[cfg(target_os = "linux")]
mod archive;
#[cfg(target_os = "linux")]
mod channel;
#[cfg(target_os = "linux")]
mod image;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod layout;
#[cfg(target_os = "linux")]
mod maker;
#[cfg(target_os = "linux")]
mod namespaced;
#[cfg(target_os = "linux")]
mod spec;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod users;
#[cfg(target_os = "linux")]
mod volumes;

#[cfg(target_os = "linux")]
mod control_groups;
#[cfg(not(target_os = "linux"))]
#[path = "no_control_groups.rs"]
mod control_groups;

#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(not(target_os = "linux"))]
#[path = "no_namespaces.rs"]
mod namespaces;

pub use allowed::{Isolation, Wanted, find_binary};
pub use container::Container;
pub use launch::{Daemon, main};
pub use layer::SavedLayer;
pub use limits::Limits;
pub use plan::{HOME, Ids, Layer, Plan, Tree, VolumeMount};
pub use socket::connect;
pub use state::StateDirectory;
