//! The C boundary: the only `unsafe` of the library, and no HTTP.
//!
//! * `process`: what exists once a process, and what a fork does to it. `handle`: checked handles.
//! * `driver`: who turns the runtime. `cancel`: how work is ended from outside.
//! * `guard`, `lock`, `text`, `memory`: panics, locks, texts in and out, what `daytona_free` frees.
//! * `event`, `queue`, `batch`, `slot`, `callback`: one primitive for everything asynchronous.
//! * `target`: client and sandbox handles. `call`, `named`, `submitted`: calls. `stream`: streams.
//! * `json`, `version`, `log`: small services. `generated`: one function an operation.
//!
//! Nothing here may panic: the lints deny what could.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![deny(clippy::todo, clippy::unimplemented, clippy::unreachable)]
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types)] // The types are C's.
#![allow(clippy::missing_safety_doc)] // Every export states its contract in C's terms.

mod call;
mod callback;
mod cancel;
mod close;
mod delivered;
mod driver;
mod event;
mod generated;
mod guard;
mod handle;
mod json;
mod lock;
mod log;
mod memory;
mod named;
mod pending_call;
mod platform;
mod process;
mod queue;
mod queue_api;
mod stream;
mod stream_api;
mod stream_read;
mod stream_slot;
mod stream_write;
mod target;
mod text;
mod version;
