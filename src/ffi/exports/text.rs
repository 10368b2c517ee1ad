//! Texts, bytes and places for results across the boundary.
//!
//! A raw pointer of the caller's becomes one of these types where an export begins, in an `unsafe` call that
//! states the contract; everything behind it is safe.

use super::guard::null;
use super::memory;
use crate::client::error::{Error, Result};
use crate::client::status;
use bytes::Bytes;
use std::ffi::{CStr, c_char};
use std::ptr::null_mut;

/// Where a value of the caller's is stored; NULL stores nothing.
pub struct Place<T>(*mut T);

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Place<T> {}

impl<T> Place<T> {
    /// # Safety
    /// `pointer` is NULL, or may be written as a `T` until the export returns.
    pub unsafe fn new(pointer: *mut T) -> Self {
        Self(pointer)
    }

    pub fn store(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: not NULL, so writable by the contract of `new`.
            unsafe { self.0.write(value) };
        }
    }

    /// Refuses NULL.
    pub fn required(self, name: &str) -> Result<Self> {
        if self.0.is_null() { Err(null(name)) } else { Ok(self) }
    }
}

/// Where a result or an error goes; either pointer may be NULL.
#[derive(Clone, Copy)]
pub struct Out {
    text: Place<*mut c_char>,
    len: Place<usize>,
}

impl Out {
    /// # Safety
    /// As for [`Place::new`], both.
    pub unsafe fn new(text: *mut *mut c_char, len: *mut usize) -> Self {
        // SAFETY: the same contract.
        unsafe { Self { text: Place::new(text), len: Place::new(len) } }
    }

    /// For results that are bytes, whose end cannot be found without their length.
    pub fn must_have_length(&self) -> Result<()> {
        if !self.text.0.is_null() && self.len.0.is_null() {
            return Err(Error::invalid("`out_len` is NULL; bytes need it, they may contain NUL"));
        }
        Ok(())
    }

    pub fn clear(&self) {
        self.text.store(null_mut());
        self.len.store(0);
    }

    pub fn give(&self, text: Vec<u8>) {
        self.len.store(text.len());
        if !self.text.0.is_null() {
            self.text.store(memory::give(text));
        }
    }

    pub fn give_error(&self, error: &Error) {
        if self.text.0.is_null() {
            self.len.store(0);
        } else {
            self.give(error.json());
        }
    }
}

/// A NUL-terminated text of the caller's, `None` for NULL.
///
/// # Safety
/// `text` is NULL, or NUL-terminated and unchanged until the export returns.
pub unsafe fn text<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, and the contract above.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// Raw bytes of the caller's. NULL is allowed with a length of 0.
///
/// # Safety
/// `data` is NULL, or points to `len` bytes that are readable and unchanged until the export returns.
pub unsafe fn bytes<'a>(data: *const u8, len: usize, name: &str) -> Result<&'a [u8]> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(null(name));
    }
    if len > isize::MAX as usize {
        return Err(Error::invalid(format!("`{name}` is longer than memory can be: {len} bytes")));
    }
    // SAFETY: not NULL, not longer than memory, and the contract above.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A copy of the caller's bytes.
///
/// # Safety
/// As for [`bytes`].
pub unsafe fn body(data: *const u8, len: usize) -> Result<Bytes> {
    // SAFETY: the same contract.
    unsafe { bytes(data, len, "data") }.map(Bytes::copy_from_slice)
}

/// An argument that has to be UTF-8.
pub fn argument<'a>(text: Option<&'a CStr>, name: &str) -> Result<&'a str> {
    text.ok_or_else(|| null(name))?.to_str().map_err(|error| {
        Error::invalid(format!("`{name}` is not UTF-8: byte {} is wrong", error.valid_up_to()))
    })
}

/// An argument that has to be JSON.
pub fn json_argument<'a>(text: Option<&'a CStr>, name: &str) -> Result<&'a str> {
    argument(text, name).map_err(|error| match text {
        Some(_) => Error::new(status::INVALID_JSON, error.to_string()),
        None => error,
    })
}

/// Parameters: a JSON object, or NULL for `{}`.
pub fn params(text: Option<&CStr>) -> Result<Vec<u8>> {
    Ok(options(text, "params")?.unwrap_or("{}").as_bytes().to_vec())
}

/// Options: a JSON object, or NULL for none.
pub fn options<'a>(text: Option<&'a CStr>, name: &str) -> Result<Option<&'a str>> {
    text.map(|_| json_argument(text, name)).transpose()
}
