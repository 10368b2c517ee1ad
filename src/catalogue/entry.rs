//! What the catalogue says of one operation.

use crate::client::Client;
use crate::client::error::{Error, Result};
use crate::client::operation::{Context, Outcome, Params, TargetRef};
use crate::client::parse::parse_object;
use crate::client::sandbox::Sandbox;
use crate::client::stream::{Channel, Ended, ErrorContext, Io};
use crate::client::transport::{TimedOut, timeout_at};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// One operation.
pub struct Operation {
    /// As `files.list`, in all languages.
    pub name: &'static str,
    pub target: Target,
    pub tier: Tier,
    /// The required arguments in the order of the C function; their types and texts are the schema's.
    pub required: &'static [&'static str],
    /// Takes raw bytes beside the JSON.
    pub body: bool,
    /// The result of a call.
    pub returns: Returns,
    /// A submitted call reports PROGRESS.
    pub progress: bool,
    /// The statuses that it can fail with beside those of its kind; `daytona_operations` tells all.
    pub fails: &'static [i32],
    /// The error codes of its own; those that any operation can have are [`Scope::Any`] in the table.
    ///
    /// [`Scope::Any`]: crate::client::codes::Scope::Any
    pub codes: &'static [&'static str],
    /// The endpoints it stands on, as `GET {sb}/files`; `{sb}` is the sandbox's toolbox URL.
    pub endpoint: &'static str,
    /// What it does, and what its errors mean.
    pub doc: &'static str,
    /// What cancelling it does to the remote side.
    pub cancel: &'static str,
    pub timeout: Timeout,
    pub call: Option<fn(Call) -> Result<CallFuture>>,
    pub stream: Option<fn(Stream) -> Result<StreamFuture>>,
    /// What the events of the stream carry, where it is one.
    pub events: Option<StreamEvents>,
    /// Arguments and options.
    #[cfg(feature = "schema")]
    pub params_schema: SchemaOf,
    /// The JSON of the result of a call; `None` where it is no JSON.
    #[cfg(feature = "schema")]
    pub result_schema: Option<SchemaOf>,
}

/// What the events of a stream carry.
pub struct StreamEvents {
    /// The channels that DATA can be of.
    pub channels: &'static [Channel],
    pub input: Input,
    /// The JSON of OPENED.
    #[cfg(feature = "schema")]
    pub opened_schema: SchemaOf,
    /// The JSON of ENDED after a good end; after a failure it is the error JSON.
    #[cfg(feature = "schema")]
    pub ended_schema: SchemaOf,
}

/// Adds a type to the schemas, and refers to it.
#[cfg(feature = "schema")]
pub type SchemaOf = fn(&mut schemars::SchemaGenerator) -> schemars::Schema;

/// Whether a stream takes what its user writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input {
    /// Writing is UNSUPPORTED.
    None,
    /// It takes input as long as it is open; `finish` is UNSUPPORTED.
    Endless,
    /// It takes input until `finish`, and then completes.
    Finished,
}

/// The kind of thing that an operation acts on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    Client,
    Sandbox,
    /// The echo target, with which bindings test themselves.
    Echo,
}

/// Where an operation comes from: the Go SDK guide, a newer official SDK, or this library alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tier {
    Guide,
    Newer,
    Ours,
}

/// The kind of a call's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Returns {
    Json,
    Null,
    Bytes,
    /// A text, as it is: no JSON.
    Text,
    /// A new sandbox handle beside the JSON.
    Handle,
}

/// The limit where `timeoutMs` is absent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// 60 seconds: whatever answers at once.
    Minute,
    /// None: executes, transfers, streams. Connect and idle limits apply.
    None,
}

/// What a call gets.
pub struct Call {
    pub target: TargetRef,
    pub params: Vec<u8>,
    pub context: Context,
}

/// What a stream gets.
pub struct Stream {
    pub target: TargetRef,
    pub params: Vec<u8>,
    /// Makes the stream's two ends, once `bufferBytes` is known.
    pub io: Box<dyn FnOnce(Option<u64>) -> Io + Send>,
}

pub type CallFuture = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;
pub type StreamFuture = Pin<Box<dyn Future<Output = Result<Ended>> + Send>>;

/// The limit in force: as given, else the operation's default.
fn limit(given: Option<u64>, default: Timeout) -> Option<Duration> {
    match (given, default) {
        (Some(0), _) | (None, Timeout::None) => None,
        (Some(milliseconds), _) => Some(Duration::from_millis(milliseconds)),
        (None, Timeout::Minute) => Some(Duration::from_secs(60)),
    }
}

/// A target adds to the error of a failed operation what it knows of the reason.
pub(super) trait EnrichError: Clone + Send + Sync + 'static {
    fn enrich(&self, error: Error) -> impl Future<Output = Error> + Send;
}

impl EnrichError for Sandbox {
    async fn enrich(&self, error: Error) -> Error {
        let mut error = Sandbox::enrich(self, error).await;
        error.detail_mut().sandbox_id.get_or_insert_with(|| self.id().to_owned());
        error
    }
}
impl EnrichError for Client {
    async fn enrich(&self, error: Error) -> Error {
        error
    }
}
impl EnrichError for () {
    async fn enrich(&self, error: Error) -> Error {
        error
    }
}

/// Runs an operation's function under its time limit, and completes the error of a failure: the look at the
/// sandbox's state that explains it has what is left of the same limit. The function comes boxed: each future
/// around it would otherwise have room for it twice, and a call would move five times its size.
async fn bounded<T: Send>(
    name: &'static str,
    limit: Option<Duration>,
    error_context: ErrorContext,
    target: impl EnrichError,
    work: Pin<Box<impl Future<Output = Result<T>>>>,
) -> Result<T> {
    let deadline = limit.map(|limit| (limit, Instant::now() + limit));
    let outcome = match deadline {
        None => work.await,
        Some((limit, deadline)) => match timeout_at(deadline, work).await {
            Ok(outcome) => outcome,
            Err(TimedOut { attempts }) => {
                let mut error = Error::new(
                    crate::client::status::TIMEOUT,
                    format!(
                        "{name} took longer than {} ms; raise `timeoutMs`, or give 0 for no limit",
                        limit.as_millis()
                    ),
                );
                error.detail_mut().attempts = attempts;
                Err(error)
            }
        },
    };
    let failure = match outcome {
        Ok(value) => return Ok(value),
        Err(failure) => failure,
    };
    let enriched = Box::pin(target.enrich(failure.clone()));
    let mut error = match deadline {
        None => enriched.await,
        Some((_, deadline)) => timeout_at(deadline, enriched).await.unwrap_or(failure),
    };
    error.detail_mut().operation.get_or_insert(name);
    error_context.complete(&mut error);
    Err(error)
}

pub(super) fn call<P, T, O, F>(
    name: &'static str,
    timeout: Timeout,
    target: T,
    params: &[u8],
    context: Context,
    function: impl FnOnce(T, P, Context) -> F,
) -> Result<CallFuture>
where
    P: Params,
    T: EnrichError,
    O: Into<Outcome> + Send + 'static,
    F: Future<Output = Result<O>> + Send + 'static,
{
    let parsed: P = parse_object(name, params)?;
    let error_context = context.error_context.clone();
    let limit = limit(parsed.timeout_ms(), timeout);
    let work = Box::pin(function(target.clone(), parsed, context));
    Ok(Box::pin(async move { bounded(name, limit, error_context, target, work).await.map(Into::into) }))
}

pub(super) fn stream<P, T, F>(
    name: &'static str,
    target: T,
    params: &[u8],
    io: Box<dyn FnOnce(Option<u64>) -> Io + Send>,
    function: impl FnOnce(T, P, Io) -> F,
) -> Result<StreamFuture>
where
    P: Params,
    T: EnrichError,
    F: Future<Output = Result<Ended>> + Send + 'static,
{
    let parsed: P = parse_object(name, params)?;
    let io = io(parsed.buffer_bytes());
    let error_context = io.error_context.clone();
    let limit = limit(parsed.timeout_ms(), Timeout::None);
    let work = Box::pin(function(target.clone(), parsed, io));
    Ok(Box::pin(bounded(name, limit, error_context, target, work)))
}

/// The error for an operation on the wrong kind of thing.
pub(super) fn wrong_subject(wanted: &str) -> Error {
    Error::new(
        crate::client::status::INVALID_HANDLE,
        format!("this operation acts on {wanted}; the handle given is of something else"),
    )
}

/// Declares an entry. `call` and `stream` name async functions
/// `(Client | Sandbox, params, Context | Io) -> Result<Json | () | Vec<u8> | (Sandbox, Json) | Ended>`.
///
/// `fails` are names of [`status`](crate::client::status), beyond those that every operation of its kind has;
/// `codes` are names of [`codes`](crate::client::codes), whose statuses need not be repeated.
macro_rules! operation {
    (
        $(#[doc = $doc:literal])+
        $name:literal, $target:ident, $tier:ident, $params:ty,
        required: [$($required:literal),*],
        $(body: $body:literal,)?
        $(result: $result:ident $(($shape:ty))?,)?
        $(progress: $progress:literal,)?
        fails: [$($fail:ident),*],
        codes: [$($code:ident),*],
        endpoint: $endpoint:literal,
        cancel: $cancel:literal,
        timeout: $timeout:ident
        $(, call: $call:path)?
        $(, stream: $stream:path {
            opened: $opened:ty,
            ended: $ended:ty,
            channels: [$($channel:ident),+],
            input: $input:ident $(,)?
        })?
        $(,)?
    ) => {
        $crate::catalogue::Operation {
            name: $name,
            target: $crate::catalogue::Target::$target,
            tier: $crate::catalogue::Tier::$tier,
            required: &[$($required),*],
            body: false $(|| $body)?,
            returns: operation!(@returns $($result)?),
            progress: false $(|| $progress)?,
            fails: &[$($crate::client::status::$fail),*],
            codes: &[$($crate::client::codes::$code),*],
            endpoint: $endpoint,
            doc: concat!($($doc, "\n"),+),
            cancel: $cancel,
            timeout: $crate::catalogue::Timeout::$timeout,
            call: operation!(@option $(|call: $crate::catalogue::Call| {
                let target = operation!(@target $target call);
                $crate::catalogue::entry::call::<$params, _, _, _>($name, $crate::catalogue::Timeout::$timeout, target, &call.params, call.context, $call)
            })?),
            stream: operation!(@option $(|stream: $crate::catalogue::Stream| {
                let target = operation!(@target $target stream);
                $crate::catalogue::entry::stream::<$params, _, _>($name, target, &stream.params, stream.io, $stream)
            })?),
            events: operation!(@option $($crate::catalogue::StreamEvents {
                channels: &[$($crate::client::stream::Channel::$channel),+],
                input: $crate::catalogue::Input::$input,
                #[cfg(feature = "schema")]
                opened_schema: |schemas| schemas.subschema_for::<$opened>(),
                #[cfg(feature = "schema")]
                ended_schema: |schemas| schemas.subschema_for::<$ended>(),
            })?),
            #[cfg(feature = "schema")]
            params_schema: |schemas| <$params as schemars::JsonSchema>::json_schema(schemas),
            #[cfg(feature = "schema")]
            result_schema: operation!(@option $($(|schemas| schemas.subschema_for::<$shape>())?)?),
        }
    };
    (@returns) => { $crate::catalogue::Returns::Null };
    (@returns $result:ident) => { $crate::catalogue::Returns::$result };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
    (@target Client $from:ident) => {
        match $from.target {
            $crate::catalogue::TargetRef::Client(client) => client,
            _ => return Err($crate::catalogue::entry::wrong_subject("a client")),
        }
    };
    (@target Sandbox $from:ident) => {
        match $from.target {
            $crate::catalogue::TargetRef::Sandbox(sandbox) => sandbox,
            _ => return Err($crate::catalogue::entry::wrong_subject("a sandbox")),
        }
    };
    (@target Echo $from:ident) => {
        match $from.target {
            $crate::catalogue::TargetRef::Echo => (),
            _ => return Err($crate::catalogue::entry::wrong_subject("the echo target")),
        }
    };
}
pub(super) use operation;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_zero_and_n_are_three_limits() {
        let milliseconds = Duration::from_millis;
        assert_eq!(limit(None, Timeout::Minute), Some(milliseconds(60_000)));
        assert_eq!(limit(None, Timeout::None), None);
        for default in [Timeout::Minute, Timeout::None] {
            assert_eq!(limit(Some(0), default), None);
            assert_eq!(limit(Some(7), default), Some(milliseconds(7)));
        }
    }

    #[test]
    fn what_answers_at_once_has_a_minute_and_what_may_take_its_time_has_no_limit() {
        let default = |name: &str| crate::catalogue::find(name).unwrap().timeout;
        for name in
            ["sandbox.create", "sandbox.start", "sandbox.stop", "files.list", "session.create", "pty.list"]
        {
            assert_eq!(default(name), Timeout::Minute, "{name}");
        }
        for name in
            ["process.execute", "process.run", "session.execute", "files.upload", "files.read", "pty.open"]
        {
            assert_eq!(default(name), Timeout::None, "{name}");
        }
    }
}
