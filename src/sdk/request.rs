//! One request: an operation, what it acts on, and its parameters as given so far.

use super::output::{Ending, Output};
use super::sandbox::Sandbox;
use crate::catalogue::{Call, Operation, Stream};
use crate::client::error::{Error, Result};
use crate::client::operation::{Context, Outcome, Progress, TargetRef};
use crate::client::status;
use crate::client::stream::ErrorContext;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The future of a request that was sent. Dropping it cancels the request.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

#[derive(Clone)]
pub(super) struct Request {
    operation: &'static Operation,
    target: TargetRef,
    params: Parameters,
    body: Bytes,
    progress: Option<Progress>,
}

/// Parameters by their names in the JSON.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters {
    given: Map<String, Value>,
    /// The first that has no JSON.
    refused: Option<Error>,
}

impl Parameters {
    pub fn set(&mut self, name: &str, value: impl Serialize) {
        match serde_json::to_value(value) {
            Ok(value) => {
                self.given.insert(name.to_owned(), value);
            }
            Err(error) => {
                self.refused.get_or_insert(Error::invalid(format!("`{name}` has no JSON: {error}")));
            }
        }
    }

    fn written(&self) -> Result<Vec<u8>> {
        match &self.refused {
            Some(error) => Err(error.clone()),
            None => serde_json::to_vec(&self.given).map_err(|error| Error::invalid(error.to_string())),
        }
    }
}

impl Request {
    pub fn new(operation: &'static Operation, target: &TargetRef) -> Self {
        Self::with(operation, target, Parameters::default())
    }

    pub fn with(operation: &'static Operation, target: &TargetRef, params: Parameters) -> Self {
        Self { operation, target: target.clone(), params, body: Bytes::new(), progress: None }
    }

    pub fn set(&mut self, name: &str, value: impl Serialize) {
        self.params.set(name, value);
    }

    pub fn body(&mut self, body: Bytes) {
        self.body = body;
    }

    pub fn progress(&mut self, progress: impl Fn(u64, Option<u64>) + Send + Sync + 'static) {
        self.progress = Some(Arc::new(progress));
    }

    /// The result as JSON.
    pub fn json<T: DeserializeOwned + Send + 'static>(self) -> Pending<T> {
        let operation = self.operation;
        Box::pin(async move {
            match self.send().await? {
                Outcome::Json(json) | Outcome::NewSandbox(_, json) => read(operation, &json),
                Outcome::Null => read(operation, b"null"),
                Outcome::Bytes(_) | Outcome::Text(_) => Err(unexpected(operation)),
            }
        })
    }

    /// Nothing, or what nobody asks for.
    pub fn nothing(self) -> Pending<()> {
        Box::pin(async move { self.send().await.map(|_| ()) })
    }

    pub fn bytes(self) -> Pending<Vec<u8>> {
        let operation = self.operation;
        Box::pin(async move {
            match self.send().await? {
                Outcome::Bytes(bytes) => Ok(bytes),
                _ => Err(unexpected(operation)),
            }
        })
    }

    pub fn text(self) -> Pending<String> {
        let operation = self.operation;
        Box::pin(async move {
            match self.send().await? {
                Outcome::Text(text) => Ok(text),
                _ => Err(unexpected(operation)),
            }
        })
    }

    pub fn sandbox(self) -> Pending<Sandbox> {
        let operation = self.operation;
        Box::pin(async move {
            match self.send().await? {
                Outcome::NewSandbox(TargetRef::Sandbox(sandbox), _) => Ok(Sandbox::from(sandbox)),
                _ => Err(unexpected(operation)),
            }
        })
    }

    /// Opens the stream; ready when it is open.
    pub fn stream<O, E>(self) -> Pending<Output<O, E>>
    where
        O: DeserializeOwned + Send + 'static,
        E: Ending + Send + 'static,
    {
        Box::pin(async move {
            let Self { operation, target, params, .. } = self;
            let begin = operation.stream.ok_or_else(|| unexpected(operation))?;
            let params = params.written().map_err(|error| named(operation, error))?;
            let open = |io| begin(Stream { target, params, io }).map_err(|error| named(operation, error));
            Output::open(operation, open).await
        })
    }

    async fn send(self) -> Result<Outcome> {
        let Self { operation, target, params, body, progress } = self;
        let begin = operation.call.ok_or_else(|| unexpected(operation))?;
        let params = params.written().map_err(|error| named(operation, error))?;
        let context = Context { body, error_context: ErrorContext::default(), progress };
        begin(Call { target, params, context }).map_err(|error| named(operation, error))?.await
    }
}

/// Reads a result. A field that is not there but has to be is the server's fault.
pub(super) fn read<T: DeserializeOwned>(operation: &'static Operation, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(|error| {
        let message = format!("the server's answer to {} is not as it should be: {error}", operation.name);
        named(operation, Error::new(status::PROTOCOL, message))
    })
}

fn named(operation: &'static Operation, mut error: Error) -> Error {
    error.detail_mut().operation.get_or_insert(operation.name);
    error
}

/// The catalogue and the generated requests say different things of an operation.
fn unexpected(operation: &'static Operation) -> Error {
    named(operation, Error::new(status::PANIC, format!("{} answers in another way", operation.name)))
}

/// Seconds as the JSON has them: a whole number where it is one.
pub(super) fn seconds(duration: Duration) -> Value {
    match duration.subsec_nanos() {
        0 => Value::from(duration.as_secs()),
        _ => Value::from(duration.as_secs_f64()),
    }
}

/// Milliseconds as the JSON has them. What is not 0 does not become 0, which is no limit.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    let rounded_up = duration.as_nanos().div_ceil(1_000_000);
    u64::try_from(rounded_up).unwrap_or(u64::MAX).min(1 << 53)
}
