//! Texts and bytes across the border: copied on the way in, owned by the caller on the way out.

use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::exports::guard::null;
use crate::ffi::exports::memory;
use bytes::Bytes;
use std::ffi::{CStr, c_char};
use std::ptr::null_mut;

/// Where a result or an error goes; either pointer may be NULL.
#[derive(Clone, Copy)]
pub struct Out {
    text: *mut *mut c_char,
    len: *mut usize,
}

impl Out {
    pub fn new(text: *mut *mut c_char, len: *mut usize) -> Self {
        Self { text, len }
    }

    /// The result is bytes, whose end nobody could find without the length.
    pub fn must_have_length(&self) -> Result<()> {
        if !self.text.is_null() && self.len.is_null() {
            return Err(Error::invalid("`out_len` is NULL; bytes need it, they may contain NUL"));
        }
        Ok(())
    }

    pub fn clear(&self) {
        store(self.text, null_mut());
        store(self.len, 0);
    }

    pub fn give(&self, text: Vec<u8>) {
        store(self.len, text.len());
        if !self.text.is_null() {
            store(self.text, memory::give(text));
        }
    }

    pub fn give_error(&self, error: &Error) {
        if self.text.is_null() {
            store(self.len, 0);
        } else {
            self.give(error.json());
        }
    }
}

/// Stores through a pointer of the caller's, unless it is NULL.
pub fn store<T>(place: *mut T, value: T) {
    if !place.is_null() {
        // SAFETY: the header demands that such a pointer is NULL or points to a `T` that may be written.
        unsafe { place.write(value) };
    }
}

/// A NUL-terminated UTF-8 argument, for as long as the call lasts.
pub fn argument<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: not NULL, and the header demands a NUL-terminated text that stays for the call.
    let bytes = unsafe { CStr::from_ptr(text) };
    bytes.to_str().map_err(|error| {
        Error::invalid(format!("`{name}` is not UTF-8: byte {} is wrong", error.valid_up_to()))
    })
}

/// The same for a text that must be JSON.
pub fn json_argument<'a>(text: *const c_char, name: &str) -> Result<&'a str> {
    argument(text, name).map_err(|mut error| {
        if !text.is_null() {
            error = Error::new(status::INVALID_JSON, error.to_string());
        }
        error
    })
}

/// Parameters: a JSON object, or NULL for `{}`.
pub fn params(text: *const c_char) -> Result<Vec<u8>> {
    Ok(options(text, "params")?.unwrap_or("{}").as_bytes().to_vec())
}

/// Options: a JSON object, or NULL for none.
pub fn options<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>> {
    if text.is_null() { Ok(None) } else { json_argument(text, name).map(Some) }
}

/// Raw bytes of the caller's, for as long as the call lasts.
pub fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null(name));
    }
    if len > isize::MAX as usize {
        return Err(Error::invalid(format!("`{name}` is longer than memory can be: {len} bytes")));
    }
    // SAFETY: not NULL, and the header demands `len` readable bytes that stay for the call.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A copy of the caller's bytes.
pub fn body(data: *const u8, len: usize) -> Result<Bytes> {
    bytes(data, len, "data").map(Bytes::copy_from_slice)
}
