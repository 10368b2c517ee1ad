//! JSON as Go writes it: the special characters of HTML and U+FFFD are escaped.

use axum::body::Body;
use axum::http::{Response, header};
use axum::response::IntoResponse;
use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter, Serializer};
use std::io::{self, Write};

/// A JSON response of the daemon.
pub fn answer(value: &Value) -> Response<Body> {
    ([(header::CONTENT_TYPE, "application/json; charset=utf-8")], written(value)).into_response()
}

fn written(value: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    // Serializing a value into memory does not fail.
    let _infallible = value.serialize(&mut Serializer::with_formatter(&mut text, Go(CompactFormatter)));
    text
}

struct Go(CompactFormatter);

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(['<', '>', '&', '\u{2028}', '\u{2029}', '\u{fffd}']) {
            writer.write_all(&rest.as_bytes()[..at])?;
            let mut after = rest[at..].chars();
            if let Some(escaped) = after.next() {
                write!(writer, "\\u{:04x}", u32::from(escaped))?;
            }
            rest = after.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + Write>(&mut self, writer: &mut W, escape: CharEscape) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_knows_and_what_was_no_utf8_is_escaped() {
        let value = serde_json::json!({"a": "<&>\u{fffd}\n\u{1}ä\""});
        let expected = r#"{"a":"\u003c\u0026\u003e\ufffd\n\u0001ä\""}"#;
        assert_eq!(String::from_utf8(written(&value)).unwrap(), expected);
    }
}
