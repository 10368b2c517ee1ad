//! Arguments and options: one serde struct per operation, documented field by field. The structs
//! live beside the functions, one room a noun; [`params!`](crate::params) adds what all have in common.

use crate::client::error::{Error, Result};
use crate::client::status;
use serde::de::DeserializeOwned;

/// What every operation's parameters have in common.
pub trait Params: DeserializeOwned + Send + 'static {
    /// `timeoutMs` as given: 0 is no limit, absent the operation's default.
    fn timeout_ms(&self) -> Option<u64>;
    /// `bufferBytes` as given: the bound on a stream's unread data.
    fn buffer_bytes(&self) -> Option<u64> {
        None
    }
}

/// Declares a struct of parameters: camelCase keys, unknown keys refused, `timeoutMs` everywhere and
/// `bufferBytes` where `stream` stands before the struct. A required argument has a plain type, an
/// option is an `Option`.
#[macro_export]
macro_rules! params {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Milliseconds until this side gives up; 0 is no limit, absent the operation's default.
            pub timeout_ms: Option<u64>,
        }
        impl $crate::client::operation::Params for $name {
            fn timeout_ms(&self) -> Option<u64> {
                self.timeout_ms
            }
        }
    };
    (stream $(#[$meta:meta])* pub struct $name:ident { $($(#[$field_meta:meta])* pub $field:ident : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
            /// Milliseconds until this side gives up; 0 is no limit, absent the operation's default.
            pub timeout_ms: Option<u64>,
            /// As a stream without a queue: how many bytes may wait unread (and, of what is written,
            /// unsent) before the socket is paused. Default 1 MiB, at least 64 KiB.
            pub buffer_bytes: Option<u64>,
        }
        impl $crate::client::operation::Params for $name {
            fn timeout_ms(&self) -> Option<u64> {
                self.timeout_ms
            }
            fn buffer_bytes(&self) -> Option<u64> {
                self.buffer_bytes
            }
        }
    };
}

/// Parses parameters; the error names the offending key and what was expected.
pub fn parse_object<P: DeserializeOwned>(operation: &str, json: &[u8]) -> Result<P> {
    // serde would take an array for a struct, field by field.
    if json.trim_ascii_start().starts_with(b"{")
        && let Ok(params) = serde_json::from_slice(json)
    {
        return Ok(params);
    }
    // The slow way, for the sake of the message.
    let value: serde_json::Value = serde_json::from_slice(json).map_err(|error| {
        Error::new(status::INVALID_JSON, format!("{operation}: the parameters are not JSON: {error}"))
    })?;
    if !value.is_object() {
        return Err(Error::invalid(format!(
            "{operation}: the parameters must be a JSON object, such as {{\"timeoutMs\":5000}}"
        )));
    }
    match serde_path_to_error::deserialize(value) {
        Ok(params) => Ok(params),
        Err(error) => {
            let path = error.path().to_string();
            let what = error.into_inner();
            Err(Error::invalid(if path == "." {
                format!("{operation}: {what}")
            } else {
                format!("{operation}: `{path}`: {what}")
            }))
        }
    }
}
