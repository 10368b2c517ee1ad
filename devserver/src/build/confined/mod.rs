//! Opens files below a directory as if the directory were the root: a link that leads out of it leads to nothing
//! outside.

#[cfg(target_os = "linux")]
mod resolved;
#[cfg(any(not(target_os = "linux"), test))]
mod walked;

#[cfg(target_os = "linux")]
pub use resolved::{LOOK, open};
#[cfg(not(target_os = "linux"))]
pub use walked::{LOOK, open};
