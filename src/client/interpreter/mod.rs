//! The interpreter: Python code in contexts that keep their variables between runs.
//!
//! * `run`: one run and its WebSocket.

mod run;

pub use run::{Ran, Run, RunEnded, RunFailure, RunOpened, run, run_stream};

use super::error::Result;
use super::path_segment::encode_path_segment;
use super::remote_guard::deleted_in;
use super::sandbox::Sandbox;
use super::transport::Json;
use crate::client::operation::Context;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct CreateContext {
        /// The working directory; absent: the sandbox's.
        pub cwd: Option<String>,
        /// No other than `python`.
        pub language: Option<String> = "python",
    }
}

crate::params! {
    pub struct ListContexts {}
}

crate::params! {
    pub struct DeleteContext {
        /// The context's id.
        pub id: String,
    }
}

/// A context.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InterpreterContext {
    /// The context's id.
    pub id: String,
    /// Its working directory.
    pub cwd: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// Whether it has a worker; a server of 0.190 answers true also when the worker has died.
    pub active: bool,
    /// The language.
    pub language: String,
}

/// The contexts that were made; the default one is not among them.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct InterpreterContexts {
    /// In no particular order.
    pub contexts: Vec<InterpreterContext>,
}

pub async fn create_context(sandbox: Sandbox, params: CreateContext, _: Context) -> Result<Json> {
    let fields = [("cwd", params.cwd.map(Into::into)), ("language", params.language.map(Into::into))];
    let request = sandbox.toolbox(Method::POST, "process/interpreter/context").await?;
    request.json_given(fields).send().await?.object("a context").await
}

pub async fn list_contexts(sandbox: Sandbox, _: ListContexts, _: Context) -> Result<Json> {
    let request = sandbox.toolbox(Method::GET, "process/interpreter/context").await?;
    request.send().await?.object("a list of contexts").await
}

pub async fn delete_context(sandbox: Sandbox, params: DeleteContext, _: Context) -> Result<()> {
    let path = format!("process/interpreter/context/{}", encode_path_segment("context", &params.id)?);
    deleted_in(&sandbox, sandbox.toolbox(Method::DELETE, &path).await?.send().await).await
}
