//! Client and sandbox handles; blocking and submitted calls.

pub mod named;
pub mod origin;
pub mod pending_call;
pub mod run;
pub mod target;
