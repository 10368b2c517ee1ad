//! The Rust SDK: a typed request for every operation of the catalogue, generated from it (`generated`), over a few
//! hand-written types.
//!
//! A request is built by a method of [`Client`], [`Sandbox`] or one of their areas, takes its options by methods
//! of its own and is sent when it is awaited. Dropping its future cancels it; what that does to the remote side stands in
//! the documentation of each operation. A request that opens a stream gives an [`Output`].

mod by_name;
mod class;
mod client;
mod generated;
mod output;
mod request;
mod sandbox;
mod target;

pub use by_name::NamedRequest;
pub use class::ErrorClass;
pub use client::{Client, Echo};
pub use generated::requests;
pub use generated::types;
pub use output::{Chunk, EndlessInput, FiniteInput, Input, NoInput, Output, StreamInput, TakesInput};
pub use request::Pending;
pub use sandbox::Sandbox;
pub use target::Closing;
