//! How a shell ended, as the daemon's frames encode it.

use axum::extract::ws::CloseFrame;
use serde_json::{Value, json};
use std::process::ExitStatus;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(i32);

impl Exit {
    /// A deleted terminal, whatever its shell ended with.
    pub const DELETED: Self = Self(137);

    /// A shell that a signal killed has no exit code: -1.
    pub fn of(status: ExitStatus) -> Self {
        Self(status.code().unwrap_or(-1))
    }

    /// A shell whose exit status could not be read.
    pub const LOST: Self = Self(1);

    fn reason(self) -> Option<String> {
        match self.0 {
            0 => None,
            130 => Some("Ctrl+C".into()),
            137 => Some("SIGKILL".into()),
            143 => Some("SIGTERM".into()),
            code if code > 128 => Some(format!("signal {}", code - 128)),
            _ => Some("non-zero exit".into()),
        }
    }

    fn json(self) -> Value {
        match self.reason() {
            Some(reason) => json!({ "exitCode": self.0, "exitReason": reason }),
            None => json!({ "exitCode": self.0 }),
        }
    }

    /// The control frame for clients that requested it.
    pub fn control(self) -> String {
        let mut control = json!({ "type": "control", "status": "exited" });
        if let (Some(control), Value::Object(fields)) = (control.as_object_mut(), self.json()) {
            control.extend(fields);
        }
        control.to_string()
    }

    /// The close frame, which every client gets.
    pub fn close(self) -> CloseFrame {
        const NORMAL: u16 = 1000;
        const INTERNAL: u16 = 1011;
        CloseFrame {
            code: if self.0 == 0 { NORMAL } else { INTERNAL },
            reason: self.json().to_string().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exit_is_fields_as_the_daemon_tells_it() {
        for (code, close, reason) in [
            (0, 1000, r#"{"exitCode":0}"#),
            (3, 1011, r#"{"exitCode":3,"exitReason":"non-zero exit"}"#),
            (-1, 1011, r#"{"exitCode":-1,"exitReason":"non-zero exit"}"#),
            (130, 1011, r#"{"exitCode":130,"exitReason":"Ctrl+C"}"#),
            (255, 1011, r#"{"exitCode":255,"exitReason":"signal 127"}"#),
        ] {
            let frame = Exit(code).close();
            assert_eq!((frame.code, frame.reason.as_str()), (close, reason));
        }
        assert_eq!(
            Exit::DELETED.control(),
            r#"{"type":"control","status":"exited","exitCode":137,"exitReason":"SIGKILL"}"#
        );
    }
}
