//! Starting and stopping the desktop, and the programs that it consists of.

use super::{answered, posting, reading};
use crate::client::error::Result;
use crate::client::operation::Context;
use crate::client::path_segment::encode_path_segment;
use crate::client::sandbox::Sandbox;
use crate::client::status;
use crate::client::transport::Json;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long a daemon that was just started may load its desktop part: about 2 s were seen.
const LOADING_LIMIT: Duration = Duration::from_secs(6);
const LOADING_PAUSE: Duration = Duration::from_millis(250);

crate::params! {
    pub struct ComputerNothing {}
}

crate::params! {
    pub struct ProcessStatus {
        /// `xvfb`, `xfce4`, `x11vnc`, `novnc` or `atspi`.
        #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::ComputerProcessName"))]
        pub name: String,
    }
}

crate::params! {
    pub struct ProcessLogs {
        /// `xvfb`, `xfce4`, `x11vnc`, `novnc` or `atspi`.
        #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::ComputerProcessName"))]
        pub name: String,
    }
}

crate::params! {
    pub struct ProcessErrors {
        /// `xvfb`, `xfce4`, `x11vnc`, `novnc` or `atspi`.
        #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::ComputerProcessName"))]
        pub name: String,
    }
}

crate::params! {
    pub struct ProcessRestart {
        /// `xvfb`, `xfce4`, `x11vnc`, `novnc` or `atspi`.
        #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::ComputerProcessName"))]
        pub name: String,
    }
}

/// What the desktop consists of after a start or stop.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesktopChanged {
    /// What the server says about it.
    pub message: String,
    /// Its programs by name: xvfb, xfce4, x11vnc, novnc and atspi.
    pub status: BTreeMap<String, ComputerProcess>,
}

/// One program of the desktop. The daemon writes these keys with capitals.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "PascalCase")]
pub struct ComputerProcess {
    /// Whether it runs.
    pub running: bool,
    /// Programs with a lower number start first.
    pub priority: i32,
    /// Whether the daemon starts it again when it ends.
    pub auto_restart: bool,
    /// Its process id in the sandbox; null where it does not run.
    pub pid: Option<i64>,
}

/// Whether the desktop runs.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DesktopStatus {
    /// `active`: all of it; `partial`: some of its programs; `inactive`: none.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::DesktopState"))]
    pub status: String,
}

/// Whether one program of the desktop runs.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessRunning {
    /// Its name.
    pub process_name: String,
    /// Whether it runs.
    pub running: bool,
}

/// The standard output of a program of the desktop.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessLogsText {
    /// Its name.
    pub process_name: String,
    /// All that it wrote.
    pub logs: String,
}

/// The standard error of a program of the desktop.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessErrorsText {
    /// Its name.
    pub process_name: String,
    /// All that it wrote.
    pub errors: String,
}

/// A program of the desktop that was started anew.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ProcessRestarted {
    /// What the server says about it.
    pub message: String,
    /// Its name.
    pub process_name: String,
}

pub async fn start(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    let end = Instant::now() + LOADING_LIMIT;
    loop {
        let error = match answered(posting(&sandbox, "start", []).await?, "the desktop's programs").await {
            Ok(json) => return Ok(json),
            Err(error) => error,
        };
        // Refused before anything was started, as other 503s are not.
        let loads = error.status() == status::HTTP_SERVICE_UNAVAILABLE
            && error.detail().message.contains("still loading");
        if !loads || Instant::now() + LOADING_PAUSE > end {
            return Err(error);
        }
        tokio::time::sleep(LOADING_PAUSE).await;
    }
}

pub async fn stop(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    answered(posting(&sandbox, "stop", []).await?, "the desktop's programs").await
}

pub async fn status(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    reading(&sandbox, "process-status", "the desktop's status").await
}

pub async fn system_status(sandbox: Sandbox, _: ComputerNothing, _: Context) -> Result<Json> {
    reading(&sandbox, "status", "the desktop's status").await
}

pub async fn process_status(sandbox: Sandbox, params: ProcessStatus, _: Context) -> Result<Json> {
    reading(&sandbox, &process(&params.name, "status")?, "a program's status").await
}

pub async fn process_logs(sandbox: Sandbox, params: ProcessLogs, _: Context) -> Result<Json> {
    reading(&sandbox, &process(&params.name, "logs")?, "a program's output").await
}

pub async fn process_errors(sandbox: Sandbox, params: ProcessErrors, _: Context) -> Result<Json> {
    reading(&sandbox, &process(&params.name, "errors")?, "a program's output").await
}

pub async fn process_restart(sandbox: Sandbox, params: ProcessRestart, _: Context) -> Result<Json> {
    let path = process(&params.name, "restart")?;
    answered(posting(&sandbox, &path, []).await?, "a program that was started anew").await
}

fn process(name: &str, what: &str) -> Result<String> {
    Ok(format!("process/{}/{what}", encode_path_segment("the program's name", name)?))
}
