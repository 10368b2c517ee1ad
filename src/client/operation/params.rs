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

/// What every operation takes beside its own parameters. [`params!`](crate::params) adds the keys.
#[cfg(feature = "schema")]
#[derive(schemars::JsonSchema)]
#[schemars(rename_all = "camelCase")]
pub struct CommonOptions {
    /// Milliseconds until the library gives up; 0 is no limit, absent the operation's default. Of a stream it
    /// bounds its whole life.
    #[schemars(extend("unit" = "ms"))]
    pub timeout_ms: Option<u64>,
    /// Of a stream without a queue: how many bytes may wait unread (and, of what is written, unsent) before the
    /// socket is paused. Default 1 MiB, at least 64 KiB.
    #[schemars(extend("unit" = "bytes", "streams" = true))]
    pub buffer_bytes: Option<u64>,
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
            /// As every operation takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
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
            /// As every operation takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
            pub timeout_ms: Option<u64>,
            /// As every stream takes it: [`CommonOptions`]($crate::client::operation::CommonOptions).
            #[cfg_attr(feature = "schema", schemars(skip))]
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
    // The slow way, for numbers that are integers as doubles, and for the sake of the message.
    let mut value: serde_json::Value = serde_json::from_slice(json).map_err(|error| {
        Error::new(status::INVALID_JSON, format!("{operation}: the parameters are not JSON: {error}"))
    })?;
    whole_numbers_to_integers(&mut value);
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

/// Writes each number without a fraction as an integer: some languages know doubles alone, and print 1000
/// as `1000.0` or `1e3`.
fn whole_numbers_to_integers(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(integer) = number.as_f64().and_then(whole) {
                *number = integer;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole_numbers_to_integers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers_to_integers),
        _ => {}
    }
}

/// The integer that a double is, if it is one of 64 bits.
fn whole(double: f64) -> Option<serde_json::Number> {
    const BEYOND_U64: f64 = 18_446_744_073_709_551_616.0;
    const LEAST_I64: f64 = -9_223_372_036_854_775_808.0;
    if double.fract() != 0.0 {
        None
    } else if (0.0..BEYOND_U64).contains(&double) {
        Some((double as u64).into())
    } else if (LEAST_I64..0.0).contains(&double) {
        Some((double as i64).into())
    } else {
        None
    }
}

/// An optional integer that may be written as a double, for a type that parses itself.
pub fn whole_option<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    use serde::Deserialize;
    use serde::de::Error;
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let integer = number.as_f64().filter(|_| number.is_f64()).and_then(whole).unwrap_or(number);
    match integer.as_u64() {
        Some(integer) => Ok(Some(integer)),
        None => Err(D::Error::custom(format!("{integer} is not a whole number of at least 0"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::params! {
        pub struct Numbers {
            pub count: Option<i32>,
            pub ratio: Option<f64>,
            pub list: Option<Vec<u8>>,
        }
    }

    fn parse(json: &str) -> Result<Numbers> {
        parse_object("test", json.as_bytes())
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        let it = parse(r#"{"timeoutMs":1000.0,"count":-3e0,"ratio":2.0,"list":[1.0,2]}"#).unwrap();
        assert_eq!((it.timeout_ms, it.count, it.ratio), (Some(1000), Some(-3), Some(2.0)));
        assert_eq!(it.list, Some(vec![1, 2]));
        assert_eq!(parse(r#"{"timeoutMs":1.5e3}"#).unwrap().timeout_ms, Some(1500));
        assert_eq!(parse(r#"{"timeoutMs":-0.0}"#).unwrap().timeout_ms, Some(0));
    }

    #[test]
    fn a_fraction_or_a_number_beyond_the_type_is_an_error_that_names_the_key() {
        for json in
            [r#"{"count":1.5}"#, r#"{"count":1e10}"#, r#"{"timeoutMs":-1.0}"#, r#"{"timeoutMs":1e20}"#]
        {
            let error = parse(json).unwrap_err();
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{json}");
            let key = if json.contains("count") { "count" } else { "timeoutMs" };
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn a_lone_surrogate_is_invalid_json_with_its_place() {
        let error = parse(r#"{"count":"\ud800"}"#).unwrap_err();
        assert_eq!(error.status(), status::INVALID_JSON);
        assert!(error.to_string().contains("column"), "{error}");
    }
}
