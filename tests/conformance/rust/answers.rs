//! What steps act on, and what they give.

use daytona::{
    Channel, Chunk, Client, Echo, EndlessInput, Error, FiniteInput, NamedRequest, Output, Pending, Sandbox,
    StreamInput,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::future::Future;
use std::pin::Pin;

/// What a step acts on.
#[derive(Clone)]
pub enum On {
    Client(Client),
    Sandbox(Sandbox),
    Echo(Echo),
}

impl On {
    pub fn client(&self) -> Result<&Client, String> {
        if let Self::Client(client) = self { Ok(client) } else { Err("it is no client".into()) }
    }

    pub fn sandbox(&self) -> Result<&Sandbox, String> {
        if let Self::Sandbox(sandbox) = self { Ok(sandbox) } else { Err("it is no sandbox".into()) }
    }

    pub fn echo(&self) -> Result<&Echo, String> {
        if let Self::Echo(echo) = self { Ok(echo) } else { Err("it is no echo target".into()) }
    }

    pub fn operation(&self, name: &str, params: &Map<String, Value>) -> NamedRequest {
        match self {
            Self::Client(client) => client.operation(name, params),
            Self::Sandbox(sandbox) => sandbox.operation(name, params),
            Self::Echo(echo) => echo.operation(name, params),
        }
    }

    /// A sandbox has nothing to close: what is done with it goes on without it.
    pub fn close(&self) {
        let _closing = match self {
            Self::Client(client) => client.close(),
            Self::Echo(echo) => echo.close(),
            Self::Sandbox(_) => return,
        };
    }
}

/// What a call gave.
#[derive(Default)]
pub struct Answer {
    pub json: Value,
    pub bytes: Vec<u8>,
    pub made: Option<On>,
}

impl Answer {
    fn of(value: impl Serialize) -> Self {
        Self { json: serde_json::to_value(value).unwrap(), ..Self::default() }
    }

    /// With the JSON that the sandbox was made of; by name, because attaching takes less than the typed `info` has.
    async fn made(sandbox: Sandbox) -> Result<Self, Error> {
        let json = match sandbox.operation("sandbox.info", ()).await? {
            Value::Null => json!({ "id": sandbox.id() }),
            known => known,
        };
        Ok(Self { json, made: Some(On::Sandbox(sandbox)), ..Self::default() })
    }
}

pub type Work<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;
pub type Next<'a> = Pin<Box<dyn Future<Output = Option<Result<Chunk, Error>>> + Send + 'a>>;
pub type Call = Work<Answer>;
pub type Open = Work<Box<dyn Streaming>>;

pub fn json<T: Serialize + Send + 'static>(pending: Pending<T>) -> Call {
    Box::pin(async { pending.await.map(Answer::of) })
}

pub fn nothing(pending: Pending<()>) -> Call {
    json(pending)
}

pub fn text(pending: Pending<String>) -> Call {
    json(pending)
}

pub fn bytes(pending: Pending<Vec<u8>>) -> Call {
    Box::pin(async { Ok(Answer { bytes: pending.await?, ..Answer::default() }) })
}

pub fn sandbox(pending: Pending<Sandbox>) -> Call {
    Box::pin(async { Answer::made(pending.await?).await })
}

pub fn echo(pending: Pending<(Echo, Map<String, Value>)>) -> Call {
    Box::pin(async {
        let (echo, values) = pending.await?;
        Ok(Answer { made: Some(On::Echo(echo)), ..Answer::of(values) })
    })
}

/// An open stream of any operation.
pub trait Streaming: Send {
    fn opened(&self) -> Value;
    fn next(&mut self) -> Next<'_>;
    /// What it takes, where it takes anything.
    fn input(&self) -> Option<Input>;
    fn finish(self: Box<Self>) -> Call;
}

pub enum Input {
    Endless(StreamInput<EndlessInput>),
    Finite(StreamInput<FiniteInput>),
}

impl Input {
    pub async fn write(&self, data: &[u8]) -> Result<(), Error> {
        match self {
            Self::Endless(input) => input.write(data).await,
            Self::Finite(input) => input.write(data).await,
        }
    }
}

/// What a stream opens with and ends with, but a sandbox.
pub trait Json: Serialize + DeserializeOwned + Send + Sync + 'static {}
impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Json for T {}

struct Typed<O, E, I> {
    output: Output<O, E, I>,
    input: fn(&Output<O, E, I>) -> Option<Input>,
    finish: fn(Output<O, E, I>) -> Call,
}

impl<O: Json, E: 'static, I: 'static> Streaming for Typed<O, E, I> {
    fn opened(&self) -> Value {
        serde_json::to_value(self.output.opened()).unwrap()
    }

    fn next(&mut self) -> Next<'_> {
        Box::pin(self.output.next())
    }

    fn input(&self) -> Option<Input> {
        (self.input)(&self.output)
    }

    fn finish(self: Box<Self>) -> Call {
        (self.finish)(self.output)
    }
}

fn open<O: Json, E: Send + 'static, I: 'static>(
    pending: Pending<Output<O, E, I>>,
    input: fn(&Output<O, E, I>) -> Option<Input>,
    finish: fn(Output<O, E, I>) -> Call,
) -> Open {
    Box::pin(async move {
        let output = pending.await?;
        Ok(Box::new(Typed { output, input, finish }) as Box<dyn Streaming>)
    })
}

fn ended<O: Json, E: Json, I: daytona::Input>(output: Output<O, E, I>) -> Call {
    Box::pin(async { output.finish().await.map(Answer::of) })
}

pub fn none<O: Json, E: Json>(pending: Pending<Output<O, E>>) -> Open {
    open(pending, |_| None, ended)
}

pub fn none_sandbox<O: Json>(pending: Pending<Output<O, Sandbox>>) -> Open {
    open(pending, |_| None, |output| Box::pin(async { Answer::made(output.finish().await?).await }))
}

pub fn endless<O: Json, E: Json>(pending: Pending<Output<O, E, EndlessInput>>) -> Open {
    open(pending, |output| Some(Input::Endless(output.input())), ended)
}

pub fn finished<O: Json, E: Json>(pending: Pending<Output<O, E, FiniteInput>>) -> Open {
    open(pending, |output| Some(Input::Finite(output.input())), ended)
}

/// What came of a stream, apart from its structured values.
#[derive(Default)]
pub struct Gathered {
    pub channels: [Vec<u8>; 3],
    pub structured: Vec<Value>,
    all: Vec<u8>,
    looked: usize,
}

impl Gathered {
    /// Takes the next piece; whether there was one.
    pub async fn next(&mut self, stream: &mut dyn Streaming) -> Result<bool, Error> {
        let Some(chunk) = stream.next().await.transpose()? else { return Ok(false) };
        if chunk.channel == Channel::Structured {
            self.structured.push(serde_json::from_slice(&chunk.data).unwrap());
        } else {
            self.channels[chunk.channel as usize].extend_from_slice(&chunk.data);
            self.all.extend_from_slice(&chunk.data);
        }
        Ok(true)
    }

    /// Whether the text stands after what was found before it.
    pub fn finds(&mut self, text: &str) -> bool {
        let found = self.all[self.looked..].windows(text.len()).position(|it| it == text.as_bytes());
        self.looked += found.map_or(0, |at| at + text.len());
        found.is_some()
    }
}
