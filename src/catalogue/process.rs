//! The entries of `process.*`.

use super::Operation;
use super::entry::operation;
use crate::client::process;

pub(super) const ENTRIES: &[Operation] = &[operation! {
    /// Runs one command with the sandbox's shell and waits for it. stdout and stderr arrive together.
    ///
    /// A command that does not succeed is not an error: look at `exitCode`. A working directory that
    /// does not exist gives `exitCode` -1.
    "process.execute", Sandbox, Guide, process::Execute,
    required: ["command"],
    result: Json(process::Executed),
    endpoint: "POST {sb}/process/execute",
    cancel: "Drops the connection; the command runs on in the sandbox until its own `timeout`.",
    timeout: None,
    call: process::execute,
}];
