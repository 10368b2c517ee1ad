//! One request: an operation, what it acts on, and its parameters as given so far.

use super::client::Echo;
use super::output::{Ending, Input, Output};
use super::sandbox::Sandbox;
use super::target::Target;
use crate::catalogue::{Call, CallFuture, Operation, Stream};
use crate::client::error::{Error, Result};
use crate::client::lock::Mutex;
use crate::client::operation::{Context as CallContext, Outcome, Progress, TargetRef};
use crate::client::per_runtime::current_runtime;
use crate::client::status;
use crate::client::stream::ErrorContext;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The future of a request: it is sent at the first poll, and dropping it cancels it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let request = daytona::Echo::default().bytes("content");
/// let pending: daytona::Pending<Vec<u8>> = request.into_future();
/// assert_eq!(tokio::spawn(pending).await.expect("no panic").expect("an answer"), b"content");
/// # }
/// ```
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

#[derive(Clone)]
pub struct Request {
    pub operation: &'static Operation,
    target: Target,
    params: Parameters,
    body: Bytes,
    progress: Option<Progress>,
}

/// Parameters by their names in the JSON.
#[derive(Clone, Default)]
pub struct Parameters {
    given: Map<String, Value>,
    /// The first that has no JSON.
    refused: Option<Error>,
}

/// Their values may be secrets: the names alone show.
impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.given.keys()).finish()
    }
}

impl Parameters {
    /// Those of a whole object.
    pub fn of(operation: &'static Operation, params: impl Serialize) -> Result<Self> {
        match serde_json::to_value(params) {
            Ok(Value::Object(given)) => Ok(Self { given, refused: None }),
            Ok(Value::Null) => Ok(Self::default()),
            Ok(_) => Err(named(operation, Error::invalid("the parameters have to be an object"))),
            Err(error) => {
                Err(named(operation, Error::invalid(format!("the parameters have no JSON: {error}"))))
            }
        }
    }

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

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.operation.name, self.params)
    }
}

impl Request {
    pub fn new(operation: &'static Operation, target: &Target) -> Self {
        Self::with(operation, target, Parameters::default())
    }

    pub fn with(operation: &'static Operation, target: &Target, params: Parameters) -> Self {
        Self { operation, target: target.clone(), params, body: Bytes::new(), progress: None }
    }

    pub fn set(&mut self, name: &str, value: impl Serialize) {
        self.params.set(name, value);
    }

    pub fn body(&mut self, body: Bytes) {
        self.body = body;
    }

    /// All parameters at once, where their names are free.
    pub fn set_all(&mut self, values: Map<String, Value>) {
        self.params.given.extend(values);
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
                Outcome::Text(text) => read(operation, Value::from(text).to_string().as_bytes()),
                Outcome::Bytes(_) => Err(unexpected(operation)),
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
        let target = self.target.clone();
        Box::pin(async move {
            match self.send().await? {
                Outcome::NewSandbox(TargetRef::Sandbox(sandbox), _) => Ok(Sandbox::of(sandbox, &target)),
                _ => Err(unexpected(operation)),
            }
        })
    }

    /// Another echo target beside the JSON.
    pub fn echo(self) -> Pending<(Echo, Map<String, Value>)> {
        let operation = self.operation;
        Box::pin(async move {
            match self.send().await? {
                Outcome::NewSandbox(_, json) => Ok((Echo::default(), read(operation, &json)?)),
                _ => Err(unexpected(operation)),
            }
        })
    }

    /// Opens the stream; ready when it is open.
    pub fn stream<O, E, I>(self) -> Pending<Output<O, E, I>>
    where
        O: DeserializeOwned + Send + 'static,
        E: Ending + Send + 'static,
        I: Input,
    {
        Box::pin(async move {
            let Self { operation, target, params, .. } = self;
            let begin = operation
                .stream
                .ok_or_else(|| Error::invalid("it is a call, no stream"))
                .map_err(|error| named(operation, error))?;
            let params = params.written().map_err(|error| named(operation, error))?;
            let to = target.to.clone();
            let open = |io| begin(Stream { target: to, params, io }).map_err(|error| named(operation, error));
            Output::open(operation, target, open).await
        })
    }

    async fn send(self) -> Result<Outcome> {
        let Self { operation, target, params, body, progress } = self;
        let begin = operation
            .call
            .ok_or_else(|| Error::invalid("it is a stream, no call"))
            .map_err(|error| named(operation, error))?;
        let params = params.written().map_err(|error| named(operation, error))?;
        let runtime = current_runtime().map_err(|error| named(operation, error))?;
        let (progress, mut panicked) = progress.map(guarded).unzip();
        let context = CallContext { body, error_context: ErrorContext::default(), progress };
        let work = begin(Call { target: target.to.clone(), params, context })
            .map_err(|error| named(operation, error))?;
        let work = target.while_open(InRuntime { work: Some(work), runtime });
        let outcome = match &mut panicked {
            None => work.await,
            Some(panicked) => tokio::select! {
                biased;
                outcome = work => outcome,
                Ok(panic) = &mut *panicked => resume_unwind(panic),
            },
        };
        // The last report comes with the outcome.
        if let Some(Ok(panic)) = panicked.map(|mut it| it.try_recv()) {
            resume_unwind(panic);
        }
        outcome.map_err(|error| named(operation, error))
    }
}

/// The same function; a panic of it is the program's, and goes to who awaits the request. Where it is called, in a task
/// of the connection, it would end as a lost connection or as a bug of the library.
fn guarded(progress: Progress) -> (Progress, oneshot::Receiver<Box<dyn Any + Send>>) {
    let (sender, panicked) = oneshot::channel();
    let sender = Mutex::new(Some(sender));
    let guarded = move |moved, total| {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| progress(moved, total)))
            && let Some(sender) = sender.lock().take()
        {
            let _ = sender.send(panic);
        }
    };
    (Arc::new(guarded), panicked)
}

/// Work that is dropped within the runtime in which it began, wherever its owner drops it: what it removes in the sandbox
/// then, it removes there.
struct InRuntime {
    work: Option<CallFuture>,
    runtime: Handle,
}

impl Future for InRuntime {
    type Output = Result<Outcome>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.work.as_mut().map_or(Poll::Pending, |work| work.as_mut().poll(cx))
    }
}

impl Drop for InRuntime {
    fn drop(&mut self) {
        let _entered = self.runtime.enter();
        self.work = None;
    }
}

/// Reads a result. A field that is not there but has to be is the server's fault.
pub fn read<T: DeserializeOwned>(operation: &'static Operation, json: &[u8]) -> Result<T> {
    serde_json::from_slice(json).or_else(|_| {
        // Once more, the slow way, which knows the field.
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
            let what = match error.inner().to_string().starts_with("recursion limit exceeded") {
                true => "nested deeper than 128 levels, which are the most that are read".to_owned(),
                false => format!("not as it should be: {error}"),
            };
            let message = format!("the server's answer to {} is {what}", operation.name);
            named(operation, Error::new(status::PROTOCOL, message))
        })
    })
}

pub fn named(operation: &'static Operation, mut error: Error) -> Error {
    error.detail_mut().operation.get_or_insert(operation.name);
    error
}

/// The catalogue and the generated requests say different things of an operation.
fn unexpected(operation: &'static Operation) -> Error {
    named(operation, Error::new(status::PANIC, format!("{} answers in another way", operation.name)))
}

/// A number as the JSON has it. As a plain `f64` what is none would be null there, which is as if it was not given.
pub(super) struct Finite(pub f64);

impl Serialize for Finite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.is_finite() {
            true => serializer.serialize_f64(self.0),
            false => Err(S::Error::custom(format!("{} is not a finite number", self.0))),
        }
    }
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
    u64::try_from(rounded_up).unwrap_or(u64::MAX)
}
