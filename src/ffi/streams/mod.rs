//! Streams: between the client's function, which produces, and a consumer.

pub mod open;
pub mod state;
pub mod stream;
