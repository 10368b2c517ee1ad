//! Client and sandbox handles; blocking and submitted calls.

pub mod call;
pub mod named;
pub mod pending_call;
pub mod target;
