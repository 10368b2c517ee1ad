//! Where an error comes from: the one place that completes the errors of operations.

use super::target::resolve;
use crate::catalogue::{Operation, TargetRef};
use crate::client::error::{Error, Result};
use crate::client::stream::ErrorContext;
use crate::ffi::runtime::process::Process;

/// What running work adds to its error, whoever ended it: its operation, its sandbox, and what its function
/// found out.
#[derive(Clone)]
pub struct Origin {
    pub operation: &'static Operation,
    target: TargetRef,
    pub context: ErrorContext,
}

impl Origin {
    pub fn new(operation: &'static Operation, target: TargetRef) -> Self {
        Self { operation, target, context: ErrorContext::default() }
    }

    pub fn complete<T>(&self, outcome: Result<T>) -> Result<T> {
        outcome.map_err(|mut error| {
            self.context.complete(&mut error);
            complete(&mut error, self.operation, Some(&self.target));
            error
        })
    }
}

/// Runs what an export does for an operation, and completes its error. What was refused before it began has no
/// [`Origin`]; its sandbox is the one that the handle stands for.
pub fn completed<T>(
    process: &Process,
    operation: &'static Operation,
    handle: u64,
    body: impl FnOnce() -> Result<T>,
) -> Result<T> {
    body().map_err(|mut error| {
        let target = resolve(process, handle, operation.target).ok().map(|(target, _)| target);
        complete(&mut error, operation, target.as_ref());
        error
    })
}

fn complete(error: &mut Error, operation: &'static Operation, target: Option<&TargetRef>) {
    let detail = error.detail_mut();
    detail.operation.get_or_insert(operation.name);
    if let Some(TargetRef::Sandbox(sandbox)) = target {
        detail.sandbox_id.get_or_insert_with(|| sandbox.id().to_owned());
    }
}
