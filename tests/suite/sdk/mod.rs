//! The Rust SDK, as a program uses it.

mod echo;
mod real;
