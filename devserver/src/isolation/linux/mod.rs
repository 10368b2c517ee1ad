//! What Linux has for a container.
//!
//! * `namespaces`: whether they work, and what all containers share. `namespaced`: one of them; `maker`, `users`,
//!   `tree`, `layout`, `volumes`: the process that makes it, told by `spec`. `control_groups`: limits.
//! * `image`, `archive`: a layer of limited size, a layer saved. `channel`, `kernel`: messages with descriptors,
//!   system calls.

mod archive;
mod channel;
pub mod control_groups;
mod image;
mod kernel;
mod layout;
mod maker;
mod namespaced;
pub mod namespaces;
mod spec;
mod tree;
mod users;
mod volumes;
