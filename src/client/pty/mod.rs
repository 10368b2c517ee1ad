//! Terminals in the sandbox. `open` creates one and streams it, `connect` streams an existing one
//! ([`terminal`]); the rest are plain requests.

mod control;
mod terminal;

pub use terminal::{connect, open};

use super::error::{Error, Result};
use super::path_segment::encode_path_segment;
use super::remote_guard::deleted_in;
use super::sandbox::Sandbox;
use super::transport::{Json, Request};
use crate::client::operation::Context;
use http::Method;
use serde::Serialize;
use std::collections::BTreeMap;

crate::params! {
    stream pub struct Open {
        /// The terminal's id, of your choice: no slash.
        pub id: String,
        /// Columns, 1 to 1000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
        pub cols: Option<i64> = 80,
        /// Rows, 1 to 1000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
        pub rows: Option<i64> = 24,
        /// The working directory; absent: the sandbox's.
        pub cwd: Option<String>,
        /// Environment variables beside the sandbox's own; TERM is xterm-256color unless given.
        pub env: Option<BTreeMap<String, String>>,
    }
}

crate::params! {
    stream pub struct Connect {
        /// The terminal's id.
        pub id: String,
    }
}

crate::params! {
    pub struct Create {
        /// The terminal's id, of your choice: no slash.
        pub id: String,
        /// Columns, 1 to 1000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
        pub cols: Option<i64> = 80,
        /// Rows, 1 to 1000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
        pub rows: Option<i64> = 24,
        /// The working directory; absent: the sandbox's.
        pub cwd: Option<String>,
        /// Environment variables beside the sandbox's own; TERM is xterm-256color unless given.
        pub env: Option<BTreeMap<String, String>>,
        /// Start the shell when the first client connects, so that none of its output is missed.
        pub lazy_start: Option<bool> = false,
    }
}

crate::params! {
    pub struct List {}
}

crate::params! {
    pub struct Info {
        /// The terminal's id.
        pub id: String,
    }
}

crate::params! {
    pub struct Resize {
        /// The terminal's id.
        pub id: String,
        /// Columns, 1 to 1000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
        pub cols: i64,
        /// Rows, 1 to 1000.
        #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1000)))]
        pub rows: i64,
    }
}

crate::params! {
    pub struct Kill {
        /// The terminal's id.
        pub id: String,
    }
}

/// A terminal that was made.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PtyCreated"))]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// Its id, as it was given.
    pub session_id: String,
}

/// A terminal.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PtyInfo"))]
#[serde(rename_all = "camelCase")]
pub struct Terminal {
    /// The terminal's id.
    pub id: String,
    /// The directory that its shell was started in.
    pub cwd: String,
    /// As the wire spells it: the variables it was made with.
    pub envs: BTreeMap<String, String>,
    /// Columns.
    pub cols: i64,
    /// Rows.
    pub rows: i64,
    /// When it was made.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    pub created_at: String,
    /// Whether its shell runs.
    pub active: bool,
    /// Whether its shell starts when the first client connects.
    pub lazy_start: bool,
}

/// The terminals that are there.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PtyList"))]
#[serde(rename_all = "camelCase")]
pub struct Terminals {
    /// The terminals whose shells run.
    pub sessions: Vec<Terminal>,
}

/// A terminal that is connected.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PtyOpened"))]
pub struct Opened {
    /// Its id.
    pub id: String,
}

/// How a terminal's shell ended. A daemon of 0.190 may drop what was printed just before that: let the shell wait, as
/// in `make; sleep 1; exit`.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "PtyEnded"))]
#[serde(rename_all = "camelCase")]
pub struct Closed {
    /// The exit code; -1 where a signal ended the shell. One that is not 0 is no failure.
    pub exit_code: i64,
    /// Why, as `Ctrl+C`; null where the server gives no reason.
    pub reason: Option<String>,
    /// Bytes delivered.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
    /// The same.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub position: u64,
}

const TERMINALS: &str = "process/pty";
const MAX_SIZE: i64 = 1000;

fn path(id: &str, rest: &str) -> Result<String> {
    Ok(format!("{TERMINALS}/{}{rest}", encode_path_segment("the PTY id", id)?))
}

/// Checks a number of columns or rows. The server accepts 0, which makes a terminal that shows nothing.
fn size(option: &str, given: Option<i64>) -> Result<Option<i64>> {
    match given {
        Some(size) if !(1..=MAX_SIZE).contains(&size) => {
            Err(Error::invalid(format!("`{option}` is {size}; give 1 to {MAX_SIZE}")))
        }
        size => Ok(size),
    }
}

/// The body of POST /process/pty.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CreatePty<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cols: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    envs: Option<&'a BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lazy_start: Option<bool>,
}

async fn create_request(sandbox: &Sandbox, pty: &CreatePty<'_>) -> Result<Request> {
    encode_path_segment("the PTY id", pty.id)?;
    Ok(sandbox.toolbox(Method::POST, TERMINALS).await?.json(pty))
}

async fn kill_request(sandbox: &Sandbox, id: &str) -> Result<Request> {
    sandbox.toolbox(Method::DELETE, &path(id, "")?).await
}

pub async fn create(sandbox: Sandbox, params: Create, _: Context) -> Result<Json> {
    let pty = CreatePty {
        id: &params.id,
        cols: size("cols", params.cols)?,
        rows: size("rows", params.rows)?,
        cwd: params.cwd.as_deref(),
        envs: params.env.as_ref(),
        lazy_start: params.lazy_start,
    };
    create_request(&sandbox, &pty).await?.send().await?.object("a terminal's id").await
}

pub async fn list(sandbox: Sandbox, _: List, _: Context) -> Result<Json> {
    sandbox.toolbox(Method::GET, TERMINALS).await?.send().await?.object("a list of terminals").await
}

pub async fn info(sandbox: Sandbox, params: Info, _: Context) -> Result<Json> {
    let request = sandbox.toolbox(Method::GET, &path(&params.id, "")?).await?;
    request.send().await?.object("a terminal").await
}

pub async fn resize(sandbox: Sandbox, params: Resize, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    struct Body {
        cols: Option<i64>,
        rows: Option<i64>,
    }
    let body = Body { cols: size("cols", Some(params.cols))?, rows: size("rows", Some(params.rows))? };
    let request = sandbox.toolbox(Method::POST, &path(&params.id, "/resize")?).await?;
    request.json(&body).send().await?.object("a terminal").await
}

pub async fn kill(sandbox: Sandbox, params: Kill, _: Context) -> Result<()> {
    deleted_in(&sandbox, kill_request(&sandbox, &params.id).await?.send().await).await
}
