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

/// A value as JSON text.
pub fn written(value: &Value) -> Vec<u8> {
    let mut text = Vec::new();
    // Serializing a value into memory does not fail.
    let _infallible = value.serialize(&mut Serializer::with_formatter(&mut text, Go(CompactFormatter)));
    text
}

struct Go(CompactFormatter);

impl Formatter for Go {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = next_special(rest) {
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

/// The place of the next character that Go escapes.
fn next_special(text: &str) -> Option<usize> {
    let html = memchr::memchr3(b'<', b'>', b'&', text.as_bytes());
    // Looks no further than the place that is known already.
    let before = &text.as_bytes()[..html.unwrap_or(text.len())];
    let others = ["\u{2028}", "\u{2029}", "\u{fffd}"].map(str::as_bytes);
    let is_other = |at: &usize| others.iter().any(|other| before[*at..].starts_with(other));
    // The first bytes of the others.
    memchr::memchr2_iter(0xe2, 0xef, before).find(is_other).or(html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_html_knows_and_what_was_no_utf8_is_escaped() {
        let value = serde_json::json!({"a": "€<&€>\u{fffd}\n\u{1}ä\"\u{2028}"});
        let expected = r#"{"a":"€\u003c\u0026€\u003e\ufffd\n\u0001ä\"\u2028"}"#;
        assert_eq!(String::from_utf8(written(&value)).unwrap(), expected);
    }
}
