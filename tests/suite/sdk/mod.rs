//! The Rust SDK, as a program uses it.

mod answers;
mod echo;
mod real;
mod runtimes;
