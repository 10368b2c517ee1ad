//! What git's requests have in common: the shapes of their bodies, the repository, the credentials.

use super::failure::{self, Reason};
use super::program::{Credentials, Failure};
use crate::toolbox::Machine;
use crate::toolbox::call::{Answer, BAD_REQUEST, ErrorResponse, ToolboxCall};
use crate::toolbox::go_json::{FieldType, Shape};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::{Map, Value};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A request with a body, decoded.
pub struct GitCall {
    pub call: ToolboxCall,
    fields: Map<String, Value>,
}

pub const fn shape(name: &'static str, fields: &'static [(&'static str, FieldType)]) -> Shape {
    Shape { package: "git", name, fields }
}

impl GitCall {
    pub async fn read(
        machine: Arc<Machine>,
        request: Request,
        shape: &Shape,
        required: &[&str],
    ) -> Result<Self, ErrorResponse> {
        let call = ToolboxCall::read(machine, request).await?;
        let fields = call.fields(shape, required)?;
        Ok(Self { call, fields })
    }

    pub fn machine(&self) -> &Machine {
        &self.call.machine
    }

    /// Empty when absent.
    pub fn text(&self, key: &str) -> &str {
        self.given(key).unwrap_or_default()
    }

    pub fn given(&self, key: &str) -> Option<&str> {
        self.fields.get(key).and_then(Value::as_str)
    }

    /// Neither absent nor empty.
    pub fn non_empty(&self, key: &str) -> Option<&str> {
        self.given(key).filter(|text| !text.is_empty())
    }

    pub fn flag(&self, key: &str) -> bool {
        self.fields.get(key).is_some_and(|flag| flag == true)
    }

    pub fn number(&self, key: &str) -> Option<i64> {
        self.fields.get(key).and_then(Value::as_i64)
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let items = self.fields.get(key).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Where `path` is on this machine.
    pub fn directory(&self) -> PathBuf {
        self.call.machine.work_dir.join(self.text("path"))
    }

    /// The repository at `path`.
    pub fn repository(&self) -> Result<PathBuf, ErrorResponse> {
        repository(&self.call, self.text("path"))
    }

    /// Both of them, or none, as the daemon takes them.
    pub fn credentials(&self) -> Result<Option<Credentials>, ErrorResponse> {
        let (Some(username), Some(password)) = (self.given("username"), self.given("password")) else {
            return Ok(None);
        };
        let credentials = Credentials { username: username.to_owned(), password: password.to_owned() };
        if !credentials.are_legal() {
            return Err(self.bad_request("username and password must be single lines"));
        }
        Ok(Some(credentials))
    }

    pub fn bad_request(&self, message: &str) -> ErrorResponse {
        self.call.refuse(BAD_REQUEST, &format!("bad request: {message}"))
    }

    pub fn failed(&self, failure: Failure) -> ErrorResponse {
        failure::refusal(&self.call, failure)
    }

    pub fn refused(&self, reason: Reason, text: &str) -> ErrorResponse {
        failure::because(&self.call, reason, text)
    }

    /// A value that git would take for an option.
    pub fn no_option(&self, key: &str) -> Result<(), ErrorResponse> {
        match self.text(key).starts_with('-') {
            true => Err(self.bad_request(&format!("{key} must not start with '-'"))),
            false => Ok(()),
        }
    }
}

/// Runs to its end also when the client leaves meanwhile.
pub async fn to_the_end(work: impl Future<Output = Answer> + Send + 'static) -> Answer {
    match tokio::spawn(work).await {
        Ok(answer) => answer,
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR.into_response().into()),
    }
}

pub fn done(status: StatusCode) -> Answer {
    Ok::<Response<Body>, ErrorResponse>(status.into_response())
}

/// The repository at a path: the directory itself, as the daemon does not search the ones above.
pub fn repository(call: &ToolboxCall, path: &str) -> Result<PathBuf, ErrorResponse> {
    let directory = call.machine.work_dir.join(path);
    match is_repository(&directory) {
        true => Ok(directory),
        false => Err(failure::because(call, Reason::NotARepository, "repository does not exist")),
    }
}

pub fn is_repository(directory: &Path) -> bool {
    let is_bare = directory.join("HEAD").is_file() && directory.join("objects").is_dir();
    directory.join(".git").exists() || is_bare
}

/// The values of a query; the first of equal keys counts.
pub fn query(request: &Request, key: &str) -> Option<String> {
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_str(request.uri().query().unwrap_or_default()).unwrap_or_default();
    pairs.into_iter().find(|(name, value)| name == key && !value.is_empty()).map(|(_, value)| value)
}

/// The call and the repository of a GET with `?path`.
pub async fn query_call(
    machine: Arc<Machine>,
    request: Request,
) -> Result<(ToolboxCall, PathBuf), ErrorResponse> {
    let path = query(&request, "path");
    let call = ToolboxCall::read(machine, request).await?;
    let Some(path) = path else { return Err(call.refuse(BAD_REQUEST, "bad request: path is required")) };
    let repository = repository(&call, &path)?;
    Ok((call, repository))
}
