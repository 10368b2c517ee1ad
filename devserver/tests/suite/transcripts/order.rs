//! The orders that the recordings call random: stdout against stderr of a session, and the commands
//! in the list of a session.

use serde_json::Value;

const MARKERS: [(&str, &str); 2] = [("\u{1}\u{1}\u{1}", "stdout"), ("\u{2}\u{2}\u{2}", "stderr")];

/// Output with each channel's lines together. Without markers the channels are indistinguishable and the
/// lines are sorted.
pub fn by_channel(output: &str) -> String {
    let lines = output.split_inclusive('\n');
    if !MARKERS.iter().any(|(marker, _)| output.contains(marker)) {
        let mut lines: Vec<_> = lines.collect();
        lines.sort_unstable();
        return lines.concat();
    }
    let mut channels = [String::new(), String::new(), String::new()];
    for line in lines {
        let channel = MARKERS.iter().position(|(marker, _)| line.starts_with(marker));
        channels[channel.unwrap_or(2)].push_str(line);
    }
    channels.concat()
}

/// The same for an answer, a plain text or the field `output`; and its list of commands by name.
pub fn in_answer(answer: &mut Value) {
    let output = match answer {
        Value::Object(fields) => {
            if let Some(Value::Array(commands)) = fields.get_mut("commands") {
                commands.sort_by_key(|command| command["command"].to_string());
            }
            fields.get_mut("output")
        }
        other => Some(other),
    };
    if let Some(Value::String(text)) = output {
        *text = by_channel(text);
    }
}

/// Lines of a channel in any order: where the echo of an input meets the output it caused.
pub fn in_any_order(answer: &mut Value) {
    if let Value::Object(fields) = answer {
        for value in fields.values_mut() {
            if let Value::String(text) = value {
                let mut lines: Vec<_> = text.split_inclusive('\n').collect();
                lines.sort_unstable();
                *value = lines.concat().into();
            }
        }
    }
}

#[test]
fn channels_keep_their_own_order() {
    let one = "\u{1}\u{1}\u{1}a\n\u{2}\u{2}\u{2}e\n\u{1}\u{1}\u{1}b\n";
    let other = "\u{2}\u{2}\u{2}e\n\u{1}\u{1}\u{1}a\n\u{1}\u{1}\u{1}b\n";
    let wrong = "\u{2}\u{2}\u{2}e\n\u{1}\u{1}\u{1}b\n\u{1}\u{1}\u{1}a\n";
    assert_eq!(by_channel(one), by_channel(other));
    assert_ne!(by_channel(one), by_channel(wrong));
}
