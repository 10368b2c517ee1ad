//! The C boundary: the only `unsafe` of the library, and no HTTP.
//!
//! * `exports`: the C functions, and what each of them needs: panic guards, texts in and out, memory.
//! * `calls`: client and sandbox handles, blocking and submitted calls. `streams`: streams.
//! * `events`: queues, callbacks, and the data that a consumer may still look at.
//! * `runtime`: the process's state, handles, the driver, what differs between platforms.
//! * `generated`: one function an operation, and the constants.
//!
//! Nothing here may panic: the lints deny what could.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::todo, clippy::unimplemented, clippy::unreachable)]
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types)] // The types are C's.
#![allow(clippy::missing_safety_doc)] // Every export states its contract in C's terms.

mod calls;
mod events;
mod exports;
mod generated;
mod runtime;
mod streams;
