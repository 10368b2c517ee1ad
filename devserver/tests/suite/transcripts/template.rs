//! Recorded values as templates: equal except for the placeholders that the recordings' README lists and
//! those in `sandbox.json`.

use std::collections::BTreeMap;

use regex::{Captures, Regex};
use serde_json::Value;

/// The pattern of a placeholder.
pub struct Templates {
    placeholders: BTreeMap<&'static str, String>,
    finder: Regex,
}

const UUID: &str = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
/// RFC 3339, Go's `time.String()`, and HTTP dates.
const TIME: &str = concat!(
    r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)",
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4} [A-Z]+",
    r"|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT)"
);

impl Templates {
    pub fn new(home: &str, name: &str) -> Self {
        let placeholders = BTreeMap::from([
            // The README's list.
            ("<uuid>", UUID.to_owned()),
            ("<time>", TIME.to_owned()),
            ("<home>", regex::escape(home)),
            ("<sha>", "(?:[0-9a-f]{40}|[0-9a-f]{64})".to_owned()),
            ("<host>", r"[A-Za-z0-9.-]+(?::\d+)?".to_owned()),
            ("<pid>", r"\d+".to_owned()),
            ("<prompt>", r"[^\r\n]*".to_owned()),
            // Known: the replay's own name.
            ("<name>", regex::escape(name)),
            // Credentials, which the recording omits.
            ("<token>", r"[\w.-]+".to_owned()),
            ("<key>", r"[\w.-]+".to_owned()),
            ("<url>", r"https?://[^\s]+".to_owned()),
            // The size of an image.
            ("<bytes>", r"\d+".to_owned()),
        ]);
        let alternatives: Vec<_> = placeholders.keys().map(|key| regex::escape(key)).collect();
        // Two volatile values that the recorder missed: a process id that bash pads to five
        // columns, and the moment in the name that a deleted sandbox is given.
        // Sandboxes here share the machine's ports, so that a program may have a later one.
        let finder = format!("{}|:  +[0-9]+ Killed|_[0-9]{{13}}|PORT=5901", alternatives.join("|"));
        Self { placeholders, finder: Regex::new(&finder).unwrap() }
    }

    pub fn holds_placeholders(&self, text: &str) -> bool {
        self.finder.is_match(text)
    }

    /// Whether `actual` matches the template.
    pub fn matches(&self, template: &str, actual: &str) -> bool {
        if template == actual {
            return true;
        }
        if let Some((start, length)) = cut(template) {
            let same_length = length.is_none_or(|length| actual.chars().count() == length);
            return same_length && actual.starts_with(start);
        }
        if let Some(start) = image(template) {
            return actual.starts_with(start);
        }
        if !self.finder.is_match(template) {
            return false;
        }
        let mut pattern = String::from("^(?s:");
        let mut after = 0;
        for found in self.finder.find_iter(template) {
            pattern.push_str(&regex::escape(&template[after..found.start()]));
            pattern.push_str(match self.placeholders.get(found.as_str()) {
                Some(stands_for) => stands_for,
                None if found.as_str().starts_with('_') => "_[0-9]{13}",
                None if found.as_str().starts_with("PORT") => "PORT=[0-9]+",
                None => ": +[0-9]+ Killed",
            });
            after = found.end();
        }
        pattern.push_str(&regex::escape(&template[after..]));
        pattern.push_str(")$");
        Regex::new(&pattern).unwrap().is_match(actual)
    }

    /// A request with its placeholders replaced: the name, and the last created id.
    pub fn filled(&self, template: &str, name: &str, id: &str) -> String {
        let placeholder = Regex::new("<name>|<uuid>").unwrap();
        placeholder
            .replace_all(
                template,
                |found: &Captures| {
                    if &found[0] == "<name>" { name.to_owned() } else { id.to_owned() }
                },
            )
            .into_owned()
    }

    /// Adds every field that differs, with its path.
    pub fn differences(&self, path: &str, recorded: &Value, answered: &Value, found: &mut Vec<String>) {
        match (recorded, answered) {
            (Value::Object(recorded), Value::Object(answered)) => {
                for (key, value) in recorded {
                    match answered.get(key) {
                        Some(other) => self.differences(&format!("{path}.{key}"), value, other, found),
                        None => found.push(format!("{path}.{key}: missing, recorded {value}")),
                    }
                }
                for (key, value) in answered.iter().filter(|(key, _)| !recorded.contains_key(*key)) {
                    found.push(format!("{path}.{key}: answered {value}, recorded without it"));
                }
            }
            // A list that the recorder shortened.
            (Value::Array(recorded), Value::Array(answered))
                if shortened_list(recorded).is_some_and(|(_, length)| length == answered.len()) =>
            {
                let start = shortened_list(recorded).map_or(&[][..], |(start, _)| start);
                for (index, (value, other)) in start.iter().zip(answered).enumerate() {
                    self.differences(&format!("{path}[{index}]"), value, other, found);
                }
            }
            (Value::Array(recorded), Value::Array(answered)) if recorded.len() == answered.len() => {
                for (index, (value, other)) in recorded.iter().zip(answered).enumerate() {
                    self.differences(&format!("{path}[{index}]"), value, other, found);
                }
            }
            (Value::String(recorded), Value::String(answered)) if self.matches(recorded, answered) => {}
            // A volatile number.
            (Value::String(recorded), Value::Number(answered))
                if recorded.starts_with('<') && self.matches(recorded, &answered.to_string()) => {}
            (recorded, answered) if recorded == answered => {}
            (recorded, answered) => found.push(format!(
                "{path}: recorded {}, answered {}",
                shortened(&recorded.to_string()),
                shortened(&answered.to_string())
            )),
        }
    }
}

/// The recorded start of a list that the recorder shortened, and the length of the whole list.
pub fn shortened_list(list: &[Value]) -> Option<(&[Value], usize)> {
    let (mark, start) = list.split_last()?;
    let length = mark.as_str()?.strip_prefix("<... ")?.strip_suffix(" in all>")?.parse().ok()?;
    Some((start, length))
}

/// The start of a text that the recorder shortened, and its length where that is known.
fn cut(template: &str) -> Option<(&str, Option<usize>)> {
    let (start, rest) = template.split_once("<... ")?;
    let count = rest.split(' ').next()?.parse().ok();
    Some((start, count.filter(|_| rest.contains("in all"))))
}

/// How the base64 of an image begins: its format alone is compared.
fn image(template: &str) -> Option<&str> {
    template.strip_prefix("<base64, ")?.split_once("begins ")?.1.get(..4)
}

pub fn shortened(text: &str) -> String {
    if text.chars().count() <= 400 {
        return text.to_owned();
    }
    let start: String = text.chars().take(400).collect();
    format!("{start}... ({} characters)", text.chars().count())
}

#[test]
fn a_placeholder_masks_its_own_kind_only() {
    let templates = Templates::new("/h", "n");
    let uuid = "0b9c1f2e-1111-4222-8333-444455556666";
    assert!(templates.matches("<home>/<uuid>/x", &format!("/h/{uuid}/x")));
    assert!(!templates.matches("<home>/<uuid>/x", &format!("/other/{uuid}/x")));
    assert!(!templates.matches("<home>/<uuid>/x", &format!("/h/{uuid}/y")));
    assert!(!templates.matches("<time>", "yesterday"));
    assert!(templates.matches("<time>", "2026-01-02 03:04:05.6 +0000 UTC"));
    assert!(!templates.matches("xxx<... 5 characters in all>", "xxxx"));
    assert!(templates.matches("xxx<... 5 characters in all>", "xxxxx"));
}

#[test]
fn every_differing_field_is_told() {
    let templates = Templates::new("/h", "n");
    let mut found = Vec::new();
    let recorded = serde_json::json!({"a": 1, "b": ["x"], "c": null});
    let answered = serde_json::json!({"a": 2, "b": ["x", "y"], "d": 1});
    templates.differences("body", &recorded, &answered, &mut found);
    assert_eq!(found.len(), 4, "{found:?}");
}
