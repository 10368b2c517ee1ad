//! XML documentation, from the catalogue's one text.

use super::super::surface::{Member, Operation};
use super::super::wrapped;
use super::{names, types};
use serde_json::Value;
use std::fmt::Write;

const WIDTH: usize = 118;

/// One element, broken into lines at this indentation.
pub fn element(out: &mut String, indent: &str, open: &str, close: &str, text: &str) {
    let text = format!("{open}{text}{close}");
    let room = WIDTH - indent.len() - 4;
    for line in wrapped(&text, room) {
        let _ = writeln!(out, "{indent}/// {line}");
    }
}

/// A text of the catalogue as XML: code in backticks is `<c>`.
pub fn xml(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let mut out = String::new();
    for (index, part) in text.split('`').enumerate() {
        match index % 2 {
            0 => out.push_str(part),
            _ => {
                let _ = write!(out, "<c>{part}</c>");
            }
        }
    }
    out
}

/// The first paragraph as the summary, the others as remarks.
pub fn summary(out: &mut String, indent: &str, doc: &str) {
    let mut paragraphs = doc.split("\n\n");
    element(out, indent, "<summary>", "</summary>", &xml(paragraphs.next().unwrap_or_default()));
    let rest: Vec<&str> = paragraphs.collect();
    if !rest.is_empty() {
        element(out, indent, "<remarks>", "</remarks>", &xml(&rest.join(" ")));
    }
}

/// What is said of a field, an argument or an option, with its default, its known values and its unit, which a time span
/// has in itself.
pub fn told(member: &Member) -> String {
    let mut text = member.doc.replace("\n\n", " ");
    if !member.known.is_empty() {
        let values: Vec<String> = member.known.iter().map(|value| format!("`{value}`")).collect();
        let _ = write!(text, " Known: {}.", values.join(", "));
    }
    match &member.default {
        None | Some(Value::Null) => {
            if let (Some(unit), None) = (&member.unit, types::span(member)) {
                let _ = write!(text, " Unit: {unit}.");
            }
        }
        Some(Value::String(value)) if value.is_empty() => {}
        Some(Value::String(value)) => {
            let _ = write!(text, " Default: `{value}`.");
        }
        Some(Value::Bool(false)) => text.push_str(" Default: false."),
        Some(Value::Bool(true)) => text.push_str(" Default: true."),
        Some(value) => {
            let unit = member.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
            let _ = write!(text, " Default: {value}{unit}.");
        }
    }
    text
}

/// What is said of an argument or an option: also what stands for its number without an end.
pub fn given(member: &Member) -> String {
    match (member.endless, types::span(member)) {
        (Some(endless), Some(_)) => {
            format!("{} As a time span {endless} is `Timeout.InfiniteTimeSpan`.", told(member))
        }
        _ => told(member),
    }
}

/// The documentation of a method.
pub fn method(out: &mut String, operation: &Operation, returns: &str, has_progress: bool) {
    let indent = "    ";
    let mut paragraphs = operation.doc.split("\n\n");
    element(out, indent, "<summary>", "</summary>", &xml(paragraphs.next().unwrap_or_default()));
    let mut rest: Vec<String> = paragraphs.map(str::to_owned).collect();
    rest.push(format!("Cancelled: {}", operation.cancel));
    if operation.endpoint != "none" {
        rest.push(format!("Endpoint: `{}`.", operation.endpoint));
    }
    element(out, indent, "<remarks>", "</remarks>", &xml(&rest.join(" ")));
    for member in &operation.arguments {
        let name = names::argument(member);
        let open = format!("<param name=\"{}\">", name.trim_start_matches('@'));
        element(out, indent, &open, "</param>", &xml(&given(member)));
    }
    if operation.body {
        element(out, indent, "<param name=\"content\">", "</param>", "The bytes.");
    }
    element(out, indent, "<param name=\"options\">", "</param>", "What else can be said; null is nothing.");
    if has_progress {
        element(out, indent, "<param name=\"progress\">", "</param>", "Is told how far the transfer is.");
    }
    element(out, indent, "<param name=\"cancellationToken\">", "</param>", "Cancels it.");
    element(out, indent, "<returns>", "</returns>", returns);
}
