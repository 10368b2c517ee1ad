//! Sandboxes as small machines: namespaces, a file system, limits, and the process that makes them. Nothing
//! here knows the toolbox or the control plane: a container runs a daemon that the caller names.
//!
//! * `allowed`: what this kernel allows. `plan`, `layout`: what a container is made of, and what it sees.
//! * `container`: one, as the server has it. `maker`, `users`, `tree`: the process that makes it.
//! * `cgroup`, `image`: limits, and a layer of limited size. `layer`, `archive`: its files saved. `volumes`:
//!   directories that containers share. `state`: what an earlier server left.
//! * `channel`, `calls`, `failure`: messages, system calls, reasons.

mod allowed;
mod archive;
mod calls;
mod cgroup;
mod channel;
mod container;
mod failure;
mod image;
mod layer;
mod layout;
mod maker;
mod plan;
mod state;
mod tree;
mod users;
mod volumes;

pub use allowed::{Isolation, Wanted, find_binary};
pub use cgroup::Limits;
pub use container::{Container, connect};
pub use layer::SavedLayer;
pub use layout::HOME;
pub use maker::{Daemon, main};
pub use plan::{Ids, Layer, Plan, Tree};
pub use state::StateDirectory;
pub use volumes::VolumeMount;
