//! Daytona sandboxes for Rust programs: run commands and Python, hold terminals, move files, drive git and a desktop.
//! It is the core of libdaytona, which gives the same to every language that can call C.
//!
//! It is not published yet; a program depends on its directory or repository, and on Tokio:
//!
//! ```toml
//! [dependencies]
//! libdaytona = { path = "../libdaytona" } # the crate `daytona`
//! tokio = { version = "1", features = ["macros", "rt"] }
//! ```
//!
//! ```no_run
//! use daytona::{Client, SandboxSpec};
//! use std::time::Duration;
//!
//! # async fn example() -> daytona::Result<()> {
//! let client = Client::from_env()?; // DAYTONA_API_KEY ...
//! let sandbox = client.create(SandboxSpec::default().language("python")).await?;
//! let done = sandbox.process().execute("echo hello").cwd("/tmp").timeout(Duration::from_secs(5)).await?;
//! println!("{}", done.result);
//!
//! let mut run = sandbox.process().run("cargo test").await?;
//! while let Some(chunk) = run.next().await {
//!     print!("{}", chunk?.text());
//! }
//! println!("exit {}", run.finish().await?.exit_code);
//! sandbox.delete().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Everything runs on the caller's Tokio runtime, with its time and its I/O enabled. Awaiting a request sends it, and
//! dropping it cancels it; a failure is an [`Error`], matched by its [`ErrorClass`]. A stream is an [`Output`].
#![deny(unsafe_code)]

// The map of the house. Arrows go one way: `ffi` and `sdk` → `catalogue` → `client` → `client::transport`.
//
// * `client`: every noun. Async; knows HTTP and WebSocket, knows no C.
// * `catalogue`: every operation exactly once: name, arguments, result, documentation, function.
//   The C functions, the header, the reference and the languages' packages are generated from it.
// * `ffi`: the C boundary: handles, calls, queues, streams. The only `unsafe`. Knows no HTTP.
// * `sdk`: the Rust SDK, which this crate shows: typed requests over the catalogue, generated from it.

// Not the interface of a Rust program: what the C boundary, the generator and the tests stand on.
#[doc(hidden)]
pub mod catalogue;
#[doc(hidden)]
pub mod client;
#[cfg(feature = "ffi")]
#[allow(unsafe_code)]
#[doc(hidden)]
pub mod ffi;
#[cfg(feature = "sdk")]
mod sdk;

pub use client::error::{Error, ErrorDetail, Result};
pub use client::stream::Channel;
#[cfg(feature = "sdk")]
pub use sdk::{
    Chunk, Client, Closing, Echo, EndlessInput, ErrorClass, FiniteInput, Input, NamedRequest, NoInput,
    Output, Pending, Sandbox, StreamInput, TakesInput, requests, requests::SandboxSpec, types,
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
