//! An operation by its name, for what takes names and parameters from elsewhere.

use super::client::{Client, Echo};
use super::output::{Input, Output};
use super::request::{Parameters, Pending, Request, named};
use super::sandbox::Sandbox;
use super::target::Target;
use crate::catalogue::{self, Operation, Returns};
use crate::client::error::{Error, Result};
use serde::Serialize;
use serde_json::Value;
use std::future::IntoFuture;

/// A request by the name of its operation, made by [`Client::operation`] and [`Sandbox::operation`]. It is sent when it is
/// awaited, and gives the JSON of the result: a text as one of JSON, a new sandbox as what is known of it. As of every
/// request of this crate, a result that is nested deeper than 128 levels is
/// [`ErrorClass::Protocol`](super::ErrorClass::Protocol): reading it would take the stack.
///
/// ```no_run
/// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
/// let done = sandbox.operation("process.execute", serde_json::json!({ "command": "hostname" })).await?;
/// println!("{}", done["result"]);
/// # Ok(())
/// # }
/// ```
#[must_use = "a request is sent when it is awaited"]
#[derive(Clone, Debug)]
pub struct NamedRequest(Result<Request>);

impl NamedRequest {
    fn new(target: &Target, operation: &str, params: impl Serialize) -> Self {
        let unknown = || Error::invalid(format!("there is no operation {operation}"));
        Self(
            catalogue::find(operation).ok_or_else(unknown).and_then(|operation| {
                Ok(Request::with(operation, target, Parameters::of(operation, params)?))
            }),
        )
    }

    /// The bytes that go beside the parameters: the content of `files.write`.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let to = serde_json::json!({ "path": "notes.txt" });
    /// sandbox.operation("files.write", to).body("two\n").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn body(self, data: impl AsRef<[u8]> + Send + 'static) -> Self {
        let takes =
            |it: &Operation| it.body.then_some(()).ok_or("takes no body; its parameters are its JSON");
        Self(self.checked(takes).map(|mut request| {
            request.body(bytes::Bytes::from_owner(data));
            request
        }))
    }

    /// Sends it, for an operation that gives bytes.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let from = serde_json::json!({ "path": "notes.txt" });
    /// let content: Vec<u8> = sandbox.operation("files.read", from).bytes().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn bytes(self) -> Pending<Vec<u8>> {
        let gives = |it: &Operation| match (it.call, it.returns) {
            (Some(_), returns) if returns != Returns::Bytes => Err("gives JSON, no bytes: await it itself"),
            _ => Ok(()),
        };
        match self.checked(gives) {
            Ok(request) => request.bytes(),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    /// Opens it as a stream. The third type of [`Output`] says what the stream takes; [`NoInput`](super::NoInput) can stand
    /// for any, of a stream that is read alone.
    ///
    /// ```no_run
    /// # async fn example(sandbox: daytona::Sandbox) -> daytona::Result<()> {
    /// let command = serde_json::json!({ "command": "make" });
    /// let mut output = sandbox.operation("process.run", command).stream::<daytona::NoInput>().await?;
    /// while let Some(chunk) = output.next().await {
    ///     print!("{}", chunk?.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn stream<I: Input>(self) -> Pending<Output<Value, Value, I>> {
        let takes = |it: &Operation| match (I::KIND, it.events.as_ref().map(|events| events.input)) {
            (given, Some(takes)) if given != catalogue::Input::None && given != takes => match takes {
                catalogue::Input::None => Err("takes no input: its type is `NoInput`"),
                catalogue::Input::Endless => Err("takes input without an end: its type is `EndlessInput`"),
                catalogue::Input::Finished => Err("takes input until its end: its type is `FiniteInput`"),
            },
            _ => Ok(()),
        };
        match self.checked(takes) {
            Ok(request) => request.stream(),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    /// The request, if the operation is of this kind: it is not sent in vain.
    fn checked(self, is: impl Fn(&Operation) -> Result<(), &'static str>) -> Result<Request> {
        let request = self.0?;
        let operation = request.operation;
        let wrong = |what| named(operation, Error::invalid(format!("{} {what}", operation.name)));
        is(operation).map_err(wrong)?;
        Ok(request)
    }
}

impl IntoFuture for NamedRequest {
    type Output = Result<Value>;
    type IntoFuture = Pending<Value>;

    fn into_future(self) -> Self::IntoFuture {
        let gives = |it: &Operation| match it.returns {
            Returns::Bytes if it.call.is_some() => Err("gives bytes, no JSON: take them with `bytes`"),
            _ => Ok(()),
        };
        match self.checked(gives) {
            Ok(request) => request.json(),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }
}

impl Client {
    /// An operation of a client by its name, with its parameters as JSON.
    pub fn operation(&self, name: &str, params: impl Serialize) -> NamedRequest {
        NamedRequest::new(&self.target, name, params)
    }
}

impl Sandbox {
    /// An operation of a sandbox by its name, with its parameters as JSON.
    pub fn operation(&self, name: &str, params: impl Serialize) -> NamedRequest {
        NamedRequest::new(&self.target, name, params)
    }
}

impl Echo {
    /// An operation of the echo target by its name, with its parameters as JSON.
    pub fn operation(&self, name: &str, params: impl Serialize) -> NamedRequest {
        NamedRequest::new(&self.target, name, params)
    }
}
