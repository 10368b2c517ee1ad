//! Every operation, exactly once. An entry says what an operation is called, what it acts on, its
//! arguments, result and documentation, and names the async function that does it. The C functions,
//! the header, `operations.json` and the reference are generated from here (`make generate`).
//!
//! To add an operation: one async function in `client/`, one entry here, `make generate`.

#[cfg(feature = "schema")]
pub mod common;
pub mod constants;
mod entry;
mod queue_options;
pub mod statuses;

mod client;
mod computer;
mod echo;
mod files;
mod git;
mod image;
mod interpreter;
mod lsp;
mod process;
mod pty;
mod region;
mod sandbox;
mod secret;
mod session;
mod snapshot;
mod volume;
mod warm_pool;

pub use crate::client::operation::{Context, Outcome, Progress, TargetRef};
pub use entry::{
    Call, CallFuture, Input, Operation, Returns, Stream, StreamEvents, StreamFuture, Target, Tier, Timeout,
};
pub use queue_options::QueueOptions;

use std::collections::HashMap;
use std::sync::LazyLock;

const AREAS: &[&[Operation]] = &[
    client::ENTRIES,
    sandbox::ENTRIES,
    sandbox::SETTINGS,
    sandbox::ACCESS,
    sandbox::COPIES,
    process::ENTRIES,
    session::ENTRIES,
    pty::ENTRIES,
    files::ENTRIES,
    git::ENTRIES,
    snapshot::ENTRIES,
    image::ENTRIES,
    interpreter::ENTRIES,
    computer::ENTRIES,
    lsp::ENTRIES,
    volume::ENTRIES,
    secret::ENTRIES,
    warm_pool::ENTRIES,
    region::ENTRIES,
    echo::ENTRIES,
];

/// All operations, area by area, in the order of the reference.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    AREAS.iter().copied().flatten()
}

/// The operation of that name, looked up by the compiler: `const { operation("files.list") }`.
pub const fn operation(name: &str) -> &'static Operation {
    let mut area = 0;
    while area < AREAS.len() {
        let mut entry = 0;
        while entry < AREAS[area].len() {
            if same(AREAS[area][entry].name.as_bytes(), name.as_bytes()) {
                return &AREAS[area][entry];
            }
            entry += 1;
        }
        area += 1;
    }
    panic!("the catalogue has no operation of that name")
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// The operation of that name.
pub fn find(name: &str) -> Option<&'static Operation> {
    static BY_NAME: LazyLock<HashMap<&'static str, &'static Operation>> =
        LazyLock::new(|| all().map(|operation| (operation.name, operation)).collect());
    BY_NAME.get(name).copied()
}
