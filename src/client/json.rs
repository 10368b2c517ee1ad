//! Reading JSON that a server wrote, and telling in plain words what is wrong with it.

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::borrow::Cow;

/// Parses JSON in which a lone surrogate, which UTF-8 cannot hold, is read as U+FFFD.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(json).or_else(|error| match without_lone_surrogates(json) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(replaced) => serde_json::from_slice(&replaced),
    })
}

/// The same JSON with `\ufffd` for each escape of a lone surrogate; borrowed where there is none.
fn without_lone_surrogates(json: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &json[at..]) {
        at += found;
        match escaped(json, at) {
            Some(0xD800..=0xDBFF) if matches!(escaped(json, at + 6), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                replaced.extend_from_slice(&json[copied..at]);
                replaced.extend_from_slice(b"\\ufffd");
                at += 6;
                copied = at;
            }
            _ => at = (at + 2).min(json.len()),
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    replaced.extend_from_slice(&json[copied..]);
    Cow::Owned(replaced)
}

/// The code unit of the escape `\uXXXX` that begins there.
fn escaped(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// What is wrong with JSON, in words that need no knowledge of Rust. Where it is no JSON the text names the
/// place; where it has another shape the caller knows which value is meant.
pub(crate) fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if error.classify() != Category::Data {
        return text;
    }
    let text = match text.rfind(" at line ") {
        Some(place) if error.line() > 0 => &text[..place],
        _ => &text,
    };
    if text.contains("did not match any variant") {
        return "it has none of the forms that are allowed here".to_owned();
    }
    match text.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let found = found.replace(": map", ": object").replace(": sequence", ": array");
            format!("{found}, expected {}", plain(expected))
        }
        None => text.to_owned(),
    }
}

/// A Rust type as JSON has it.
pub(super) fn plain(expected: &str) -> String {
    let range = match expected {
        "u8" => Some((0, i128::from(u8::MAX))),
        "u16" => Some((0, i128::from(u16::MAX))),
        "u32" => Some((0, i128::from(u32::MAX))),
        "i32" => Some((i128::from(i32::MIN), i128::from(i32::MAX))),
        _ => None,
    };
    if let Some((least, most)) = range {
        return format!("a whole number from {least} to {most}");
    }
    match expected {
        "u64" | "usize" => "a whole number of at least 0".into(),
        "i64" => "a whole number".into(),
        "f64" | "f32" => "a number".into(),
        "a string" => "a text".into(),
        "a boolean" => "true or false".into(),
        "a sequence" => "an array".into(),
        "a map" => "an object".into(),
        _ if expected.starts_with("struct ") => "an object".into(),
        _ => expected.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use serde_json::Value;

    #[test]
    fn a_lone_surrogate_is_read_as_the_replacement_character() {
        for (json, text) in [
            (r#""\ud800""#, "\u{fffd}"),
            (r#""a\udfffb\uD83D""#, "a\u{fffd}b\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\\ud800""#, "\\ud800"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
        ] {
            assert_eq!(read::<Value>(json.as_bytes()).unwrap(), Value::from(text), "{json}");
        }
        let object: Value = read(br#"{"\ud800": 1, "code": "X"}"#).unwrap();
        assert_eq!(object["code"], "X");
        for broken in ["\"\\ud8", "\"\\u", "\"\\", "{\"a\\ud800"] {
            assert!(read::<Value>(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_words_of_rust() {
        #[derive(Debug, Deserialize)]
        #[allow(dead_code)]
        struct Reading {
            count: Option<u64>,
            port: Option<u16>,
            name: Option<String>,
            inner: Option<Box<Reading>>,
            list: Option<Vec<f64>>,
            flag: Option<bool>,
        }
        for (json, text) in [
            (r#"{"count":"a"}"#, r#"invalid type: string "a", expected a whole number of at least 0"#),
            (r#"{"count":-1}"#, "invalid value: integer `-1`, expected a whole number of at least 0"),
            (r#"{"port":70000}"#, "invalid value: integer `70000`, expected a whole number from 0 to 65535"),
            (r#"{"name":{}}"#, "invalid type: object, expected a text"),
            (r#"{"inner":5}"#, "invalid type: integer `5`, expected an object"),
            (r#"{"list":{}}"#, "invalid type: object, expected an array"),
            (r#"{"flag":[]}"#, "invalid type: array, expected true or false"),
            ("[1", "EOF while parsing a list at line 1 column 2"),
        ] {
            let told = match json {
                "[1" => describe(&read::<Value>(json.as_bytes()).unwrap_err()),
                _ => describe(&read::<Reading>(json.as_bytes()).unwrap_err()),
            };
            assert_eq!(told, text);
        }
    }
}
