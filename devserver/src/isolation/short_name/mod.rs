//! A short name for a directory, for as long as the value lives: for sockets, whose paths are limited.

#[cfg(target_os = "linux")]
mod descriptor;
#[cfg(any(not(target_os = "linux"), test))]
mod link;

#[cfg(target_os = "linux")]
pub use descriptor::ShortName;
#[cfg(not(target_os = "linux"))]
pub use link::ShortName;
