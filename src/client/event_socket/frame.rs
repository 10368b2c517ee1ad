//! The frames of Socket.IO 4 over a WebSocket: texts that begin with a digit for the kind of packet, and for messages
//! a second one.

use crate::client::error::{Error, Result};
use crate::client::json;
use crate::client::status;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::time::Duration;

/// The longest that the server's own limits let a silent socket stay; keeps Instant arithmetic from overflowing.
const MAX_SILENCE: Duration = Duration::from_secs(600);

/// What the server says first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

/// One text of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Frame<'a> {
    /// The connection is open; silence for this long ends it.
    Open(Duration),
    Ping,
    /// The credential was accepted.
    Connected,
    /// It was not.
    Refused(&'a str),
    /// The server ends the connection.
    Closed,
    /// A name and the JSON with it.
    Event(String, &'a str),
    /// What this library has no use for.
    Other,
}

/// Reads a text; an error is one that no server of this protocol sends.
pub(super) fn parse(text: &str) -> Result<Frame<'_>> {
    let wrong = || {
        let start: String = text.chars().take(40).collect();
        Error::new(status::PROTOCOL, format!("the event socket said {start:?}: is this Daytona's address?"))
    };
    let Some(kind) = text.chars().next().filter(char::is_ascii_digit) else { return Err(wrong()) };
    let rest = &text[1..];
    Ok(match (kind, rest.chars().next()) {
        ('0', _) => {
            let handshake: Handshake = json::read(rest.as_bytes()).map_err(|_| wrong())?;
            let silence = handshake.ping_interval.saturating_add(handshake.ping_timeout);
            Frame::Open(Duration::from_millis(silence).min(MAX_SILENCE))
        }
        ('1', _) | ('4', Some('1')) => Frame::Closed,
        ('2', _) => Frame::Ping,
        ('4', Some('0')) => Frame::Connected,
        ('4', Some('4')) => Frame::Refused(&rest[1..]),
        ('4', Some('2')) => event(&rest[1..]).ok_or_else(wrong)?,
        _ => Frame::Other,
    })
}

/// `["name",{...}]`, with a number before it where an answer is wanted, which none is.
fn event(text: &str) -> Option<Frame<'_>> {
    let array = text.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let parts: Vec<&RawValue> = serde_json::from_str(array).ok()?;
    let name = serde_json::from_str(parts.first()?.get()).ok()?;
    Some(Frame::Event(name, parts.get(1).map_or("null", |data| data.get())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_frame_is_read() {
        let open = r#"0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1}"#;
        assert_eq!(parse(open).unwrap(), Frame::Open(Duration::from_secs(45)));
        let forever = r#"0{"pingInterval":18446744073709551615,"pingTimeout":1}"#;
        assert_eq!(parse(forever).unwrap(), Frame::Open(MAX_SILENCE));
        for (text, frame) in [
            ("2", Frame::Ping),
            (r#"40{"sid":"x"}"#, Frame::Connected),
            ("40", Frame::Connected),
            (r#"44{"message":"no"}"#, Frame::Refused(r#"{"message":"no"}"#)),
            ("41", Frame::Closed),
            ("1", Frame::Closed),
            ("3", Frame::Other),
            ("6", Frame::Other),
            (r#"42["a.b",{"c":[1, 2]}]"#, Frame::Event("a.b".into(), r#"{"c":[1, 2]}"#)),
            (r#"4217["a",1,2]"#, Frame::Event("a".into(), "1")),
            (r#"42["a"]"#, Frame::Event("a".into(), "null")),
        ] {
            assert_eq!(parse(text).unwrap(), frame, "{text}");
        }
    }

    #[test]
    fn what_is_no_frame_is_an_error_and_no_panic() {
        for text in [
            "", "x", "<html>", "0", "0{}", "0null", "42", "42{}", "42[", "42[1]", "42[]", "\u{e4}2",
            "42\u{e4}",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.status(), status::PROTOCOL, "{text}");
        }
    }
}
