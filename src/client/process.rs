//! Commands that run once: `execute` waits for the output, `run` streams it.

use super::error::Result;
use super::sandbox::Sandbox;
use super::transport::Json;
use crate::catalogue::Context;
use std::collections::BTreeMap;

crate::params! {
    pub struct Execute {
        /// The command, given to the sandbox's shell.
        pub command: String,
        /// The working directory; absent: the sandbox's.
        pub cwd: Option<String>,
        /// Environment variables beside the sandbox's own.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the server kills the command (status 408); 0 or absent: never.
        pub timeout: Option<f64>,
    }
}

/// What a finished command left.
#[derive(serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// The exit code; -1 when the shell could not be started or was killed by a signal.
    pub exit_code: i64,
    /// stdout and stderr together.
    pub result: String,
}

pub async fn execute(_sandbox: Sandbox, _params: Execute, _context: Context) -> Result<Json> {
    todo!()
}
