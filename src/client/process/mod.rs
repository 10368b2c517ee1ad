//! Commands that run once: `execute` waits for the output, `run` streams it, `code_run` takes a
//! program's text instead of a command.

mod argv;
mod code_run;
mod run;
mod script;

pub use code_run::{Artifacts, Chart, ChartAxes, ChartElement, CodeRan, CodeRun, Coordinate, code_run};
pub use run::{Ran, Run, RunOpened, run, run_stream};
pub(crate) use script::quote;

use super::error::{Error, Result};
use super::sandbox::Sandbox;
use super::transport::{Json, Request};
use crate::client::operation::Context;
use http::Method;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

crate::params! {
    pub struct Execute {
        /// The command, given to the sandbox's shell.
        pub command: String,
        /// The working directory; absent: the sandbox's.
        pub cwd: Option<String>,
        /// Environment variables beside the sandbox's own.
        pub env: Option<BTreeMap<String, String>>,
        /// Seconds, may be fractional, until the server kills the command (status 408); 0:
        /// never, and the call waits as long as the command runs. The server counts whole seconds: a
        /// fraction is rounded up. The call ends 5 s later at most, also when the server does not answer.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "s")))]
        pub timeout: Option<f64> = 0.0,
    }
}

/// What a finished command left.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ExecuteResult"))]
#[serde(rename_all = "camelCase")]
pub struct Executed {
    /// The exit code; -1 when the shell could not be started or was killed by a signal.
    pub exit_code: i64,
    /// stdout and stderr together.
    pub result: String,
}

pub async fn execute(sandbox: Sandbox, params: Execute, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    struct Body<'a> {
        command: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cwd: Option<&'a str>,
        #[serde(rename = "envs", skip_serializing_if = "Option::is_none")]
        env: Option<&'a BTreeMap<String, String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        timeout: Option<u32>,
    }
    let timeout = whole_seconds("process.execute", params.timeout())?;
    let body =
        Body { command: &params.command, cwd: params.cwd.as_deref(), env: params.env.as_ref(), timeout };
    let request = sandbox.toolbox(Method::POST, "process/execute").await?.json(&body);
    finished(request, timeout, "what a command left").await
}

/// Sends what runs for so many seconds at most and answers what it left. An answer that does not tell the exit code is
/// refused: it would pass for success.
async fn finished(request: Request, timeout: Option<u32>, what: &str) -> Result<Json> {
    #[derive(Deserialize)]
    struct Finished {
        #[serde(rename = "exitCode")]
        _exit_code: i64,
    }
    // The server answers at the limit; some seconds later nobody is there to answer, or to finish an answer.
    let limit = timeout.map(|seconds| Duration::from_secs(u64::from(seconds) + 5));
    let json = request.answered_within(limit).send().await?.json().await?;
    json.read::<Finished>(what)?;
    Ok(json)
}

/// A time limit in seconds; 0 is none. One that is longer than the server counts is the longest that it does, more than a
/// century: as good as none.
fn limit(operation: &str, seconds: f64) -> Result<Option<Duration>> {
    if seconds == 0.0 {
        return Ok(None);
    }
    Duration::try_from_secs_f64(seconds.clamp(-1.0, u32::MAX.into())).map(Some).map_err(|_| {
        Error::invalid(format!("{operation}: `timeout` is {seconds}; give seconds, 0 for no limit"))
    })
}

/// Rounded up: half a second must not become 0, which is no limit.
pub(crate) fn whole_seconds(operation: &str, timeout: f64) -> Result<Option<u32>> {
    // A limit too short to be measured is still one.
    Ok(limit(operation, timeout)?.map(|limit| limit.as_secs_f64().ceil().max(1.0) as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(timeout: f64) -> Option<u32> {
        whole_seconds("process.execute", timeout).unwrap()
    }

    #[test]
    fn zero_and_fractions_stay_distinct() {
        assert_eq!(seconds(0.0), None);
        assert_eq!(seconds(0.5), Some(1));
        assert_eq!(seconds(1e-12), Some(1));
        assert_eq!(seconds(1.0), Some(1));
        assert_eq!(seconds(1.001), Some(2));
    }

    #[test]
    fn a_limit_beyond_what_the_server_counts_is_the_longest_that_it_does() {
        for timeout in [f64::from(u32::MAX), 5e9, Duration::MAX.as_secs_f64(), f64::INFINITY] {
            assert_eq!(seconds(timeout), Some(u32::MAX));
        }
    }

    #[test]
    fn a_limit_that_is_no_time_is_refused() {
        for timeout in [-1.0, -0.001, f64::NEG_INFINITY, f64::NAN] {
            assert!(limit("process.execute", timeout).is_err(), "{timeout}");
        }
    }
}
