//! The requests, decoded, and their refusals: in 0.190 a status alone, in 0.205 the daemon's envelope.

use crate::Protocol;
use crate::toolbox::Machine;
use crate::toolbox::call::{BAD_REQUEST, ErrorCode, ErrorResponse, INTERNAL, INVALID_BODY, ToolboxCall};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

const NOT_INITIALIZED: ErrorCode = (StatusCode::BAD_REQUEST, "LSP_SERVER_NOT_INITIALIZED");
const SILENT: ErrorCode = (StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT");

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Project {
    pub language_id: String,
    pub path_to_project: String,
}

impl Project {
    pub fn key(&self) -> (String, String) {
        (self.language_id.clone(), self.path_to_project.clone())
    }
}

#[derive(Deserialize)]
pub struct Document {
    #[serde(flatten)]
    pub project: Project,
    pub uri: String,
}

#[derive(Deserialize)]
pub struct Completion {
    #[serde(flatten)]
    pub project: Project,
    pub uri: String,
    pub position: Position,
    pub context: Option<Value>,
}

/// Counted from 0.
#[derive(Deserialize)]
pub struct Position {
    pub line: i64,
    pub character: i64,
}

/// Of a GET: the project and the one further value.
pub struct Query {
    pub project: Project,
    pub value: String,
}

/// The daemon's validator: what is required must not be empty, and in 0.190 no number of a position 0 either.
pub trait Body: DeserializeOwned {
    fn is_complete(&self, protocol: Protocol) -> bool;
}

impl Body for Project {
    fn is_complete(&self, _: Protocol) -> bool {
        !self.language_id.is_empty() && !self.path_to_project.is_empty()
    }
}

impl Body for Document {
    fn is_complete(&self, protocol: Protocol) -> bool {
        self.project.is_complete(protocol) && !self.uri.is_empty()
    }
}

impl Body for Completion {
    fn is_complete(&self, protocol: Protocol) -> bool {
        let has_zero = self.position.line == 0 || self.position.character == 0;
        self.project.is_complete(protocol)
            && !self.uri.is_empty()
            && !(protocol == Protocol::V0_190 && has_zero)
    }
}

pub struct LspCall(ToolboxCall);

impl LspCall {
    pub async fn read<T: Body>(machine: Arc<Machine>, request: Request) -> Result<(Self, T), ErrorResponse> {
        let call = Self(ToolboxCall::read(machine, request).await?);
        let invalid = |why: &str| call.refuse(INVALID_BODY, &format!("invalid request body: {why}"));
        let body: T = serde_json::from_slice(&call.0.body).map_err(|error| invalid(&error.to_string()))?;
        if !body.is_complete(call.protocol()) {
            return Err(invalid("a required field is missing or empty"));
        }
        Ok((call, body))
    }

    /// A GET with `?languageId&pathToProject` and that key.
    pub fn query(machine: Arc<Machine>, request: Request, key: &str) -> Result<(Self, Query), ErrorResponse> {
        let (parts, _) = request.into_parts();
        let call = Self(ToolboxCall::new(machine, parts.method, parts.uri.path(), parts.headers));
        let pairs: Vec<(String, String)> =
            serde_urlencoded::from_str(parts.uri.query().unwrap_or_default()).unwrap_or_default();
        let value = |key: &str| {
            let value = pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
            value
                .filter(|value| !value.is_empty())
                .ok_or_else(|| call.bad_request(&format!("{key} is required")))
        };
        let project = Project { language_id: value("languageId")?, path_to_project: value("pathToProject")? };
        let query = Query { project, value: value(key)? };
        Ok((call, query))
    }

    pub fn machine(&self) -> &Arc<Machine> {
        &self.0.machine
    }

    pub fn protocol(&self) -> Protocol {
        self.0.machine.protocol
    }

    fn refuse(&self, code: ErrorCode, message: &str) -> ErrorResponse {
        match self.protocol() {
            Protocol::V0_190 => code.0.into_response().into(),
            Protocol::V0_205 | Protocol::V0_226 => self.0.refuse(code, message),
        }
    }

    pub fn bad_request(&self, message: &str) -> ErrorResponse {
        self.refuse(BAD_REQUEST, &format!("bad request: {message}"))
    }

    pub fn internal(&self, message: &str) -> ErrorResponse {
        self.refuse(INTERNAL, message)
    }

    pub fn unknown_language(&self, project: &Project) -> ErrorResponse {
        let language = &project.language_id;
        self.bad_request(&format!(
            "unsupported language: {language}; the languages are python, typescript and javascript"
        ))
    }

    pub fn not_initialized(&self) -> ErrorResponse {
        self.refuse(NOT_INITIALIZED, "bad request: server not initialized: start it first")
    }

    pub fn ended(&self, complaint: &str) -> ErrorResponse {
        let message = format!("bad request: the language server has ended: start it again{complaint}");
        self.refuse(NOT_INITIALIZED, &message)
    }

    /// The real 0.190 daemon waits for ever.
    pub fn silent(&self, message: &str) -> ErrorResponse {
        self.refuse(SILENT, &format!("request timeout: {message}"))
    }
}
