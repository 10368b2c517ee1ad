//! What exists once a process: its state, handles, the driver of the runtime, the platform's calls.

pub mod cancel;
pub mod driver;
pub mod handle;
pub mod library_thread;
pub mod platform;
pub mod process;
pub mod wait;
