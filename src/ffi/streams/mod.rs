//! Streams: between the client's function, which produces, and a consumer.

pub mod stream;
