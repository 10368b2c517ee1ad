//! The echo target: answers from inside the library, so that a binding can test its marshalling
//! with no server.

use super::error::{Error, Result};
use super::stream::{Channel, Ended, Io};
use super::transport::Json;
use crate::client::operation::{Context, Outcome, Params, TargetRef};
use bytes::Bytes;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::time::Duration;

/// Any object, kept byte for byte, so that a test of a binding's marshalling can compare it.
#[derive(Clone, Debug)]
pub struct Anything {
    text: Box<RawValue>,
    timeout_ms: Option<u64>,
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Common {
            #[serde(default, deserialize_with = "crate::client::parse::whole_option")]
            timeout_ms: Option<u64>,
        }
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let Common { timeout_ms } = serde_json::from_str(text.get())
            .map_err(|_| D::Error::custom("`timeoutMs` has to be a whole number of at least 0"))?;
        Ok(Self { text, timeout_ms })
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Anything {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Anything".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let mut schema = serde_json::Map::<String, serde_json::Value>::json_schema(generator);
        schema.insert("description".into(), "Any object.".into());
        schema
    }
}

impl Params for Anything {
    fn timeout_ms(&self) -> Option<u64> {
        self.timeout_ms
    }
}

crate::params! {
    /// No parameters of its own.
    pub struct Nothing {}
}

crate::params! {
    pub struct Failure {
        /// The status to fail with.
        pub status: i32,
        /// The message; absent: one that says that this was asked for.
        pub message: Option<String>,
        /// The server's code to report.
        pub code: Option<String>,
        /// The source to report.
        pub source: Option<String>,
        /// Whether to report the failure as one that may pass.
        pub retryable: Option<bool> = false,
        /// Milliseconds after which to report that a retry makes sense.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "ms")))]
        pub retry_after_ms: Option<u64>,
        /// The request id to report.
        pub request_id: Option<String>,
        /// How many attempts to report.
        pub attempts: Option<u32> = 0,
        /// The sandbox to report.
        pub sandbox_id: Option<String>,
        /// The response's headers to report.
        #[cfg_attr(feature = "schema", schemars(with = "Option<std::collections::BTreeMap<String, String>>"))]
        pub headers: Option<serde_json::Map<String, serde_json::Value>>,
    }
}

crate::params! {
    pub struct Delay {
        /// How long, in milliseconds.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "ms")))]
        pub ms: u64,
    }
}

crate::params! {
    stream
    pub struct Chunks {
        /// How many chunks to send; absent: none with `echo`, else one.
        pub chunks: Option<u64>,
        /// Bytes a chunk.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
        pub size: Option<usize> = 16,
        /// 0 none, 1 stdout, 2 stderr, 3 structured.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = [0, 1, 2, 3])))]
        pub channel: Option<i32> = 1,
        /// Milliseconds before each chunk.
        #[cfg_attr(feature = "schema", schemars(extend("unit" = "ms")))]
        pub delay_ms: Option<u64> = 0,
        /// Gives what is written back as DATA, until its input is finished.
        pub echo: Option<bool> = false,
    }
}

/// How an echo stream ended.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "EchoEnded"))]
#[serde(rename_all = "camelCase")]
pub struct Streamed {
    /// Always 0.
    pub exit_code: i64,
    /// Bytes sent.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
    /// The same.
    #[cfg_attr(feature = "schema", schemars(extend("unit" = "bytes")))]
    pub position: u64,
    /// Chunks sent.
    pub chunks: u64,
}

/// The largest chunk that may be asked for.
const CHUNK_BYTES_MOST: usize = 64 << 20;

pub async fn value(_: (), params: Anything, _: Context) -> Result<Json> {
    Ok(Vec::from(params.text.get()).into())
}

pub async fn bytes(_: (), _: Nothing, context: Context) -> Result<Vec<u8>> {
    Ok(context.body.to_vec())
}

pub async fn error(_: (), params: Failure, _: Context) -> Result<()> {
    if !matches!(params.status, 1..=99 | 400..=599) {
        return Err(Error::invalid(format!(
            "echo.error: `status` is {}; a failure is 1 to 99, or 400 to 599 as of a server",
            params.status
        )));
    }
    let (retryable, attempts) = (params.retryable(), params.attempts());
    let message =
        params.message.unwrap_or_else(|| format!("echo.error was asked for status {}", params.status));
    let mut error = Error::new(params.status, message);
    let detail = error.detail_mut();
    detail.http_status = u16::try_from(params.status).ok().filter(|status| *status >= 400);
    detail.code = params.code;
    detail.source = params.source;
    detail.retryable = retryable;
    detail.retry_after_ms = params.retry_after_ms;
    detail.request_id = params.request_id;
    detail.attempts = attempts;
    detail.sandbox_id = params.sandbox_id;
    detail.headers = params.headers;
    Err(error)
}

pub async fn delay(_: (), params: Delay, _: Context) -> Result<()> {
    tokio::time::sleep(Duration::from_millis(params.ms)).await;
    Ok(())
}

pub async fn handle(_: (), params: Anything, _: Context) -> Result<Outcome> {
    Ok(Outcome::NewSandbox(TargetRef::Echo, params.text.get().into()))
}

#[allow(clippy::panic)] // What it is for.
pub async fn panic(_: (), _: Nothing, _: Context) -> Result<()> {
    tokio::task::yield_now().await;
    panic!("echo.panic");
}

pub async fn stream(_: (), params: Chunks, mut io: Io) -> Result<Ended> {
    let channel = match params.channel() {
        0 => Channel::None,
        1 => Channel::Stdout,
        2 => Channel::Stderr,
        3 => Channel::Structured,
        other => {
            return Err(Error::invalid(format!("echo.stream: `channel` is {other}; it goes from 0 to 3")));
        }
    };
    let size = params.size();
    if size > CHUNK_BYTES_MOST {
        return Err(Error::invalid(format!(
            "echo.stream: `size` is {size}; at most {CHUNK_BYTES_MOST} bytes"
        )));
    }
    let echo = params.echo();
    let asked = params.chunks.unwrap_or(u64::from(!echo));
    io.opened("null");
    let (mut position, mut chunks) = (0, 0);
    for number in 0..asked {
        if params.delay_ms() > 0 {
            tokio::time::sleep(Duration::from_millis(params.delay_ms())).await;
        }
        // Each chunk is filled with its number's letter, so that order can be checked.
        let fill = b'a' + (number % 26) as u8;
        position += size as u64;
        chunks += 1;
        io.send(channel, Bytes::from(vec![fill; size]), position).await;
    }
    while let Some(written) = if echo { io.input.next().await } else { None } {
        position += written.len() as u64;
        chunks += 1;
        io.send(channel, written, position).await;
    }
    let json = json(&Streamed { exit_code: 0, bytes: position, position, chunks }).text;
    Ok(Ended { json, position: Some(position), sandbox: None })
}

fn json(value: &impl Serialize) -> Json {
    serde_json::to_vec(value).unwrap_or_default().into()
}
