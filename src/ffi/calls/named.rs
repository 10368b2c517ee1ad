//! What every named function does: it puts its arguments and options into one object and calls.

use super::origin::completed;
use super::run::{Request, run};
use crate::catalogue::{Operation, Returns};
use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::exports::guard::export;
use crate::ffi::exports::text::{self, Out, Place, json_argument};
use bytes::Bytes;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};

/// An argument of a named function, as C gave it.
pub enum Argument {
    /// A text.
    Text(&'static str, *const c_char),
    /// A port, size, count and the like.
    Integer(&'static str, i32),
    /// true or false: 0 is false.
    Flag(&'static str, i32),
    /// JSON text of an array or object.
    Json(&'static str, *const c_char),
    /// An object's JSON text if it starts with `{`, else a text.
    TextOrObject(&'static str, *const c_char),
}

impl Argument {
    fn name(&self) -> &'static str {
        let (Self::Text(name, _)
        | Self::Integer(name, _)
        | Self::Flag(name, _)
        | Self::Json(name, _)
        | Self::TextOrObject(name, _)) = self;
        name
    }
}

/// Runs a named function.
///
/// # Safety
/// Every pointer is NULL or valid until this returns: the texts NUL-terminated, the body as long as it says,
/// `result` writable.
pub unsafe fn named(
    operation: &'static Operation,
    target: u64,
    arguments: &[Argument],
    options: *const c_char,
    body: Option<(*const u8, usize)>,
    result: *mut u64,
    out: Out,
) -> i32 {
    // SAFETY: the contract above.
    let (options, result) = unsafe { (text::text(options), Place::new(result)) };
    result.store(0);
    export(out, |process| {
        completed(process, operation, target, || {
            if operation.returns == Returns::Handle {
                result.required("result")?;
            }
            if operation.returns == Returns::Bytes {
                out.must_have_length()?;
            }
            // SAFETY: the contract above.
            let params = unsafe { compose(operation, arguments, options) }?;
            let body = match body {
                // SAFETY: the contract above.
                Some((data, len)) => unsafe { text::body(data, len) }?,
                None => Bytes::new(),
            };
            run(process, Request { operation, target, params, body }, result)
        })
    })
}

/// Composes `{"path":"/a", ...options}`.
///
/// # Safety
/// The texts among the arguments are NULL or NUL-terminated.
unsafe fn compose(operation: &Operation, arguments: &[Argument], options: Option<&CStr>) -> Result<Vec<u8>> {
    let options = text::options(options, "options")?;
    let mut params = Vec::with_capacity(64 + options.map_or(0, str::len));
    params.push(b'{');
    for argument in arguments {
        // SAFETY: the contract above.
        unsafe { append(&mut params, argument) }?;
        params.push(b',');
    }
    if let Some(options) = options {
        let trimmed = options.trim_matches([' ', '\t', '\r', '\n']);
        let inner = trimmed.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let Some(inner) = inner else {
            return Err(match serde_json::from_str::<IgnoredAny>(options) {
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
            let keys: BTreeMap<Cow<'_, str>, IgnoredAny> = serde_json::from_str(options).unwrap_or_default();
            if let Some(argument) = arguments.iter().find(|argument| keys.contains_key(argument.name())) {
                let (operation, name) = (operation.name, argument.name());
                return Err(Error::invalid(format!("{operation}: `{name}` is an argument, and no option")));
            }
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

/// # Safety
/// As for [`compose`].
unsafe fn append(params: &mut Vec<u8>, argument: &Argument) -> Result<()> {
    // SAFETY: the contract above.
    let text = |pointer: *const c_char| unsafe { text::text(pointer) };
    let key = |params: &mut Vec<u8>, name: &str| {
        params.push(b'"');
        params.extend_from_slice(name.as_bytes());
        params.extend_from_slice(b"\":");
    };
    let quote = |params: &mut Vec<u8>, text: &str| {
        serde_json::to_writer(params, text).map_err(|error| Error::invalid(error.to_string()))
    };
    let raw = |params: &mut Vec<u8>, name: &str, json: &str| {
        serde_json::from_str::<IgnoredAny>(json)
            .map_err(|error| Error::new(status::INVALID_JSON, format!("`{name}` is not JSON: {error}")))?;
        params.extend_from_slice(json.as_bytes());
        Ok::<(), Error>(())
    };
    match *argument {
        Argument::Text(name, value) => {
            let value = text::argument(text(value), name)?;
            key(params, name);
            quote(params, value)
        }
        Argument::Integer(name, value) => {
            key(params, name);
            params.extend_from_slice(value.to_string().as_bytes());
            Ok(())
        }
        Argument::Flag(name, value) => {
            key(params, name);
            params.extend_from_slice(if value == 0 { b"false" } else { b"true" });
            Ok(())
        }
        Argument::Json(name, value) => {
            let value = json_argument(text(value), name)?;
            key(params, name);
            raw(params, name, value)
        }
        Argument::TextOrObject(name, value) => {
            let value = text::argument(text(value), name)?;
            key(params, name);
            if value.trim_start().starts_with('{') { raw(params, name, value) } else { quote(params, value) }
        }
    }
}
