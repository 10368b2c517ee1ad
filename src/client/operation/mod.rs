//! What every operation's function takes and answers, whoever calls it: its target, its parameters, its
//! context and its outcome. The catalogue names the functions; nothing here knows it.

mod params;

#[cfg(feature = "schema")]
pub use params::CommonOptions;
pub use params::{BUFFER_BYTES, Given, Params};

use super::Client;
use super::sandbox::Sandbox;
use super::stream::ErrorContext;
use super::transport::Json;
use bytes::Bytes;
use std::sync::Arc;

/// What an operation acts on.
#[derive(Clone)]
pub enum TargetRef {
    Client(Client),
    Sandbox(Sandbox),
    Echo,
}

/// Takes bytes moved, and the total where it is known.
pub type Progress = Arc<dyn Fn(u64, Option<u64>) + Send + Sync>;

/// What a call has beside its parameters.
pub struct Context {
    pub body: Bytes,
    pub error_context: ErrorContext,
    /// Where the progress of a transfer goes, if anywhere: bytes moved, total where known.
    pub progress: Option<Progress>,
}

/// What a call answers.
pub enum Outcome {
    Json(Vec<u8>),
    Null,
    Bytes(Vec<u8>),
    /// A text that is no JSON.
    Text(String),
    /// A new sandbox beside its JSON.
    NewSandbox(TargetRef, Vec<u8>),
}

impl From<Json> for Outcome {
    fn from(json: Json) -> Self {
        Self::Json(json.text)
    }
}
impl From<()> for Outcome {
    fn from((): ()) -> Self {
        Self::Null
    }
}
impl From<Vec<u8>> for Outcome {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}
impl From<String> for Outcome {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}
impl From<(Sandbox, Json)> for Outcome {
    fn from((sandbox, json): (Sandbox, Json)) -> Self {
        Self::NewSandbox(TargetRef::Sandbox(sandbox), json.text)
    }
}
