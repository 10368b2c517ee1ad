//! What a terminal's socket says beside output: control messages, and the close frame.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

/// A text frame's meaning.
#[derive(Debug, PartialEq)]
pub(super) enum Control {
    Connected,
    Exited(Exit),
    Failed(String),
    /// A control message that this version does not know.
    Unknown,
}

/// How a terminal's shell ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Exit {
    /// -1 where a signal ended it.
    pub code: i64,
    pub reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    #[serde(rename = "type")]
    kind: Option<String>,
    status: Option<String>,
    exit_code: Option<i64>,
    exit_reason: Option<String>,
    error: Option<String>,
}

impl Control {
    /// `None` for a text that is output: whatever is not a control message.
    pub fn parse(text: &Bytes) -> Option<Self> {
        if text.first() != Some(&b'{') {
            return None;
        }
        let wire: Wire = serde_json::from_slice(text).ok()?;
        if wire.kind.as_deref() != Some("control") {
            return None;
        }
        Some(match (wire.status.as_deref(), wire.exit_code) {
            (Some("connected"), _) => Self::Connected,
            (Some("exited"), Some(code)) => {
                Self::Exited(Exit { code, reason: reason(wire.exit_reason, wire.error) })
            }
            (Some("error"), _) => {
                Self::Failed(wire.error.unwrap_or_else(|| "the server gave no reason".to_owned()))
            }
            _ => Self::Unknown,
        })
    }
}

impl Exit {
    /// The exit that a close frame tells of, if it does. Its JSON counts whatever the code is:
    /// 0.190 closes with 1011 for every exit that is not 0.
    pub fn of_close(code: u16, reason: &str) -> Option<Self> {
        let told: Value = serde_json::from_str(reason).unwrap_or_default();
        let text = |name: &str| told[name].as_str().map(str::to_owned);
        match &told["exitCode"] {
            Value::Null => (code == 1000).then_some(Self { code: 0, reason: None }),
            // One that cannot be read is not 0, and what stands beside it takes nothing from it.
            told => told
                .as_i64()
                .map(|code| Self { code, reason: self::reason(text("exitReason"), text("error")) }),
        }
    }
}

fn reason(reason: Option<String>, error: Option<String>) -> Option<String> {
    reason.or(error).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &'static str) -> Option<Control> {
        Control::parse(&Bytes::from_static(text.as_bytes()))
    }

    fn exit(code: i64, reason: &str) -> Exit {
        Exit { code, reason: (!reason.is_empty()).then(|| reason.to_owned()) }
    }

    #[test]
    fn control_messages_are_told_from_output() {
        assert_eq!(parse(r#"{"type":"control","status":"connected"}"#), Some(Control::Connected));
        assert_eq!(
            parse(r#"{"type":"control","status":"exited","exitCode":3,"exitReason":"non-zero exit"}"#),
            Some(Control::Exited(exit(3, "non-zero exit")))
        );
        assert_eq!(
            parse(r#"{"status":"error","error":"no","type":"control"}"#),
            Some(Control::Failed("no".to_owned()))
        );
        assert_eq!(parse(r#"{"type":"control","status":"resized"}"#), Some(Control::Unknown));
        for output in ["", "ls\r\n", "{", "{}", r#"{"type":"data"}"#, r#"["control"]"#, r#"{"type":7}"#] {
            assert_eq!(parse(output), None, "{output}");
        }
    }

    #[test]
    fn the_close_frame_tells_the_exit_code_whatever_its_own_code_is() {
        for code in [1000, 1011, 1001, 4000, 1005] {
            let json = r#"{"exitCode":130,"exitReason":"Ctrl+C"}"#;
            assert_eq!(Exit::of_close(code, json), Some(exit(130, "Ctrl+C")));
        }
        assert_eq!(Exit::of_close(1000, r#"{"exitCode":0}"#), Some(exit(0, "")));
        assert_eq!(Exit::of_close(1000, ""), Some(exit(0, "")));
    }

    #[test]
    fn an_exit_code_is_never_taken_for_0_because_of_what_stands_beside_it_or_how_it_is_written() {
        for beside in [r#""exitReason":7"#, r#""error":{"a":1}"#, r#""status":[]"#] {
            assert_eq!(Exit::of_close(1000, &format!(r#"{{"exitCode":3,{beside}}}"#)), Some(exit(3, "")));
        }
        for code in [r#""3""#, "3.5", "true", "99999999999999999999"] {
            assert_eq!(Exit::of_close(1000, &format!(r#"{{"exitCode":{code}}}"#)), None, "{code}");
        }
        assert_eq!(Exit::of_close(1000, r#"{"exitCode":null}"#), Some(exit(0, "")));
    }

    #[test]
    fn a_close_that_tells_nothing_is_no_exit() {
        for code in [1001, 1005, 1008, 1011] {
            assert_eq!(Exit::of_close(code, ""), None);
            assert_eq!(Exit::of_close(code, "slow consumer"), None);
            assert_eq!(Exit::of_close(code, "{}"), None);
        }
    }
}
