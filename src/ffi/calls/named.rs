//! What every named function does: it puts its arguments and options into one object and calls.

use crate::catalogue::{Operation, Returns};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::calls::call::{callable, check_result, named_error, run};
use crate::ffi::exports::guard::export;
use crate::ffi::exports::text::{self, Out, argument, json_argument, store};
use bytes::Bytes;
use std::ffi::c_char;

/// An argument of a named function, as C gave it.
pub enum Argument {
    /// A text.
    Text(&'static str, *const c_char),
    /// A port, size, count and the like.
    Integer(&'static str, i32),
    /// JSON text of an array or object.
    Json(&'static str, *const c_char),
    /// An object's JSON text if it starts with `{`, else a text.
    TextOrObject(&'static str, *const c_char),
}

/// What every named function does: puts its arguments and options into one object and calls.
pub fn named(
    operation: &'static str,
    target: u64,
    arguments: &[Argument],
    options: *const c_char,
    body: Option<(*const u8, usize)>,
    result: *mut u64,
    out: Out,
) -> i32 {
    store(result, 0);
    export(out, || {
        let operation = callable(operation)?;
        named_error(operation, {
            check_result(operation, result)
                .and_then(
                    |()| if operation.returns == Returns::Bytes { out.must_have_length() } else { Ok(()) },
                )
                .and_then(|()| compose(operation, arguments, options))
                .and_then(|params| {
                    let body = match body {
                        Some((data, len)) => text::body(data, len)?,
                        None => Bytes::new(),
                    };
                    run(operation, target, params, body, result)
                })
        })
    })
}

/// `{"path":"/a", ...options}`.
fn compose(operation: &Operation, arguments: &[Argument], options: *const c_char) -> Result<Vec<u8>> {
    let options = text::options(options, "options")?;
    let mut params = Vec::with_capacity(64 + options.map_or(0, str::len));
    params.push(b'{');
    for argument in arguments {
        append(&mut params, argument)?;
        params.push(b',');
    }
    if let Some(options) = options {
        let trimmed = options.trim_matches([' ', '\t', '\r', '\n']);
        let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let Some(inner) = inner else {
            return Err(match serde_json::from_str::<serde::de::IgnoredAny>(options) {
                Ok(_) => {
                    Error::invalid(format!("{}: the options must be a JSON object or NULL", operation.name))
                }
                Err(error) => Error::new(
                    status::INVALID_JSON,
                    format!("{}: the options are not JSON: {error}", operation.name),
                ),
            });
        };
        let inner = inner.trim_start_matches([' ', '\t', '\r', '\n']);
        if !inner.is_empty() {
            params.extend_from_slice(inner.as_bytes());
            params.push(b'}');
            return Ok(params);
        }
    }
    if params.last() == Some(&b',') {
        params.pop();
    }
    params.push(b'}');
    Ok(params)
}

fn append(params: &mut Vec<u8>, argument: &Argument) -> Result<()> {
    let key = |params: &mut Vec<u8>, name: &str| {
        params.push(b'"');
        params.extend_from_slice(name.as_bytes());
        params.extend_from_slice(b"\":");
    };
    let quote = |params: &mut Vec<u8>, text: &str| {
        serde_json::to_writer(params, text).map_err(|error| Error::invalid(error.to_string()))
    };
    let raw = |params: &mut Vec<u8>, name: &str, json: &str| {
        serde_json::from_str::<serde::de::IgnoredAny>(json)
            .map_err(|error| Error::new(status::INVALID_JSON, format!("`{name}` is not JSON: {error}")))?;
        params.extend_from_slice(json.as_bytes());
        Ok::<(), Error>(())
    };
    match *argument {
        Argument::Text(name, value) => {
            let value = self::argument(value, name)?;
            key(params, name);
            quote(params, value)
        }
        Argument::Integer(name, value) => {
            key(params, name);
            params.extend_from_slice(value.to_string().as_bytes());
            Ok(())
        }
        Argument::Json(name, value) => {
            let value = json_argument(value, name)?;
            key(params, name);
            raw(params, name, value)
        }
        Argument::TextOrObject(name, value) => {
            let value = self::argument(value, name)?;
            key(params, name);
            if value.trim_start().starts_with('{') { raw(params, name, value) } else { quote(params, value) }
        }
    }
}
