//! The C functions written by hand, and what every C function stands on: panic guards, texts, memory.

pub mod call;
pub mod client;
pub mod close;
pub mod guard;
pub mod json;
pub mod log;
pub mod memory;
pub mod queue;
pub mod stream;
pub mod stream_read;
pub mod stream_write;
pub mod text;
pub mod version;
