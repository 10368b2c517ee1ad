//! libdaytona: Daytona sandboxes from every language that can call C.
//!
//! The map of the house. Arrows go one way: `ffi` → `catalogue` → `client` → `client::transport`.
//!
//! * [`client`]: the Rust SDK. Async; knows HTTP and WebSocket, knows no C.
//! * [`catalogue`]: every operation exactly once: name, arguments, result, documentation, function.
//!   The C functions, the header and the reference are generated from it.
//! * `ffi`: the C boundary: handles, calls, queues, streams. The only `unsafe`. Knows no HTTP.
#![deny(unsafe_code)]

pub mod catalogue;
pub mod client;
#[cfg(feature = "ffi")]
#[allow(unsafe_code)]
pub mod ffi;
#[cfg(feature = "sdk")]
mod sdk;

pub use client::error::{Error, Result};
pub use client::stream::Channel;
#[cfg(feature = "sdk")]
pub use sdk::{
    Chunk, Client, Echo, ErrorClass, Output, Pending, Sandbox, requests, requests::SandboxSpec, types,
};

/// This library's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The protocol level, as a literal for `concat!`.
macro_rules! protocol_version {
    () => {
        "0.205.1"
    };
}
#[cfg(feature = "ffi")]
pub(crate) use protocol_version;
/// The protocol level that the library speaks: servers change behaviour by it.
pub const PROTOCOL_VERSION: &str = protocol_version!();
