//! Enough JSON to read results without a JSON library, in C and in shell-like foreign interfaces.
//! Nothing is parsed but the way to the value: numbers and texts arrive as the server wrote them.

use crate::client::error::{Error, Result};
use crate::client::status;
use crate::ffi::exports::guard::{null, stateless};
use crate::ffi::exports::text::{Out, Place, argument, bytes, json_argument, text};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::ffi::{CStr, c_char};
use std::fmt;
use std::ptr::null_mut;

/// A text or key as it is read. A lone surrogate, which UTF-8 cannot hold, is U+FFFD in it.
struct Text(String);

impl<'de> serde::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Text;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(without_surrogates(bytes)))
            }
        }
        // As bytes serde_json gives a lone surrogate in the three bytes of its code point.
        deserializer.deserialize_bytes(Bytes)
    }
}

fn without_surrogates(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        // ED A0 80 is three invalid chunks of one byte each; the first stands for all.
        if chunk.invalid().first() == Some(&0xed) {
            text.push('\u{fffd}');
        }
    }
    text
}

/// One step of a JSON Pointer: the member of that name, or the element of that number.
struct Step<'t>(&'t str);

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Text(key)) = map.next_key()? {
            if key == self.0 {
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        // RFC 6901: no sign, no leading zero.
        let plain = self.0 == "0" || (!self.0.starts_with('0') && self.0.bytes().all(|b| b.is_ascii_digit()));
        let wanted = self.0.parse::<usize>().ok().filter(|_| plain);
        let (mut found, mut at) = (None, 0);
        while let Some(value) = seq.next_element::<&RawValue>()? {
            if wanted == Some(at) {
                found = Some(value);
            }
            at += 1;
        }
        Ok(found)
    }
}

/// The raw text of what the pointer points to; NO_MATCH for nothing and for null.
fn find<'j>(json: &'j str, pointer: &str) -> Result<&'j str> {
    let no_match = || Error::new(status::NO_MATCH, format!("nothing is at {pointer:?}"));
    let mut value: &RawValue = serde_json::from_str(json)
        .map_err(|error| Error::new(status::INVALID_JSON, format!("this is not JSON: {error}")))?;
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(Error::invalid(format!("{pointer:?} is no JSON Pointer: it has to start with /")));
    }
    if pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(Error::invalid(format!("{pointer:?} is no JSON Pointer: ~ stands before 0 or 1 only")));
    }
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if !value.get().starts_with(['{', '[']) {
            return Err(no_match());
        }
        let mut deserializer = serde_json::Deserializer::from_str(value.get());
        let step = Step(&token).deserialize(&mut deserializer);
        value = step
            .map_err(|error| Error::new(status::INVALID_JSON, format!("this is not JSON: {error}")))?
            .ok_or_else(no_match)?;
    }
    match value.get() {
        "null" => Err(no_match()),
        text => Ok(text),
    }
}

/// A JSON text and a pointer into it, as C gave them.
#[derive(Clone, Copy)]
struct Query<'a> {
    json: Option<&'a CStr>,
    pointer: Option<&'a CStr>,
}

impl<'a> Query<'a> {
    /// # Safety
    /// Both are NULL, or NUL-terminated and unchanged until the export returns.
    unsafe fn new(json: *const c_char, pointer: *const c_char) -> Self {
        // SAFETY: the same contract.
        unsafe { Self { json: text(json), pointer: text(pointer) } }
    }

    /// The raw text of what the pointer leads to, and the pointer.
    fn find(self) -> Result<(&'a str, &'a str)> {
        let (json, pointer) = (json_argument(self.json, "json")?, argument(self.pointer, "pointer")?);
        Ok((find(json, pointer)?, pointer))
    }

    /// Reads what the pointer leads to as a `T`; INVALID_ARGUMENT for another type.
    fn read<T: serde::de::DeserializeOwned>(self, wanted: &str) -> Result<T> {
        let (found, pointer) = self.find()?;
        serde_json::from_str(found).map_err(|_| is_not(pointer, wanted))
    }
}

fn is_not(pointer: &str, wanted: &str) -> Error {
    Error::invalid(format!("what is at {pointer:?} is not {wanted}"))
}

/// Reads a text out of a JSON text. A lone surrogate, which UTF-8 cannot hold, is U+FFFD in the result.
///
/// `json`: any JSON text. `pointer`: a JSON Pointer (RFC 6901), as "/items/0/name"; "" is the whole.
/// `text`: gets the text, NUL-terminated; free it with daytona_free. `len`: may be NULL; gets its length.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_NO_MATCH (nothing or
/// null is there), DAYTONA_INVALID_ARGUMENT (NULL, no pointer, or a value of another type),
/// DAYTONA_INVALID_JSON, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_text(
    json: *const c_char,
    pointer: *const c_char,
    text: *mut *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (query, place) = unsafe { (Query::new(json, pointer), Out::new(text, len)) };
    give(place, text.is_null(), || query.read::<Text>("a text").map(|text| text.0.into_bytes()))
}

/// Reads any value out of a JSON text, as JSON text, as it was written.
///
/// `json`, `pointer`: as for daytona_json_text. `value`: gets the JSON text; free it with daytona_free.
/// `len`: may be NULL; gets its length.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_NO_MATCH,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_raw(
    json: *const c_char,
    pointer: *const c_char,
    value: *mut *mut c_char,
    len: *mut usize,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (query, place) = unsafe { (Query::new(json, pointer), Out::new(value, len)) };
    give(place, value.is_null(), || query.find().map(|(raw, _)| raw.as_bytes().to_vec()))
}

fn give(place: Out, is_null: bool, find: impl FnOnce() -> Result<Vec<u8>>) -> i32 {
    place.clear();
    stateless(|| {
        if is_null {
            return Err(null("the place for the result"));
        }
        place.give(find()?);
        Ok(())
    })
}

/// Stores what was read; on failure `place` keeps what it had.
fn set<T>(place: Place<T>, read: impl FnOnce() -> Result<T>) -> i32 {
    stateless(|| {
        place.required("the place for the result")?.store(read()?);
        Ok(())
    })
}

/// Reads an integer out of a JSON text; a fraction or one beyond 64 bits is of another type.
///
/// `json`, `pointer`: as for daytona_json_text. `value`: gets it; left as it was on failure.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_NO_MATCH,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_int(
    json: *const c_char,
    pointer: *const c_char,
    value: *mut i64,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (query, value) = unsafe { (Query::new(json, pointer), Place::new(value)) };
    set(value, || {
        let (found, pointer) = query.find()?;
        // Not serde, to which -0 is a fraction.
        found.parse().map_err(|_| is_not(pointer, "an integer of 64 bits"))
    })
}

/// Reads a number out of a JSON text.
///
/// `json`, `pointer`: as for daytona_json_text. `value`: gets it; left as it was on failure.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_NO_MATCH,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_number(
    json: *const c_char,
    pointer: *const c_char,
    value: *mut f64,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (query, value) = unsafe { (Query::new(json, pointer), Place::new(value)) };
    set(value, || query.read("a number"))
}

/// Reads true (1) or false (0) out of a JSON text.
///
/// `json`, `pointer`: as for daytona_json_text. `value`: gets it; left as it was on failure.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_NO_MATCH,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_bool(
    json: *const c_char,
    pointer: *const c_char,
    value: *mut i32,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let (query, value) = unsafe { (Query::new(json, pointer), Place::new(value)) };
    set(value, || query.read::<bool>("true or false").map(i32::from))
}

/// Counts the elements of an array or the members of an object in a JSON text.
///
/// `json`, `pointer`: as for daytona_json_text. `count`: gets the number; left as it was on failure.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_NO_MATCH,
/// DAYTONA_INVALID_ARGUMENT, DAYTONA_INVALID_JSON, DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_count(
    json: *const c_char,
    pointer: *const c_char,
    count: *mut usize,
) -> i32 {
    struct Count(usize);
    impl<'de> serde::Deserialize<'de> for Count {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Counter;
            impl<'de> Visitor<'de> for Counter {
                type Value = Count;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("an array or an object")
                }
                fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
                    let mut count = 0;
                    while seq.next_element::<IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Count(count))
                }
                fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                    let mut count = 0;
                    while map.next_entry::<Text, IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Count(count))
                }
            }
            deserializer.deserialize_any(Counter)
        }
    }
    // SAFETY: as the documentation demands of the caller.
    let (query, count) = unsafe { (Query::new(json, pointer), Place::new(count)) };
    set(count, || query.read::<Count>("an array or an object").map(|count| count.0))
}

/// Makes a JSON text literal, with its quotes, of a text: for building options without a JSON library.
///
/// `text`, `len`: UTF-8 bytes, which need no NUL behind them and may contain some; NULL is allowed with a
/// length of 0. `literal`: gets the literal; free it with daytona_free.
///
/// Any thread, an inline callback too; before and after a fork. DAYTONA_OK, DAYTONA_INVALID_ARGUMENT (NULL, or
/// not UTF-8), DAYTONA_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn daytona_json_quote(
    text: *const c_char,
    len: usize,
    literal: *mut *mut c_char,
) -> i32 {
    // SAFETY: as the documentation demands of the caller.
    let place = unsafe { Out::new(literal, null_mut()) };
    give(place, literal.is_null(), || {
        // SAFETY: as above.
        let text = std::str::from_utf8(unsafe { bytes(text.cast(), len, "text") }?)
            .map_err(|error| Error::invalid(format!("the text is not UTF-8: {error}")))?;
        serde_json::to_vec(text).map_err(|error| Error::invalid(error.to_string()))
    })
}
