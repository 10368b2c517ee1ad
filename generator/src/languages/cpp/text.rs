//! Documentation, as comments.

use super::super::surface::{Call, Member, Operation, Returns, Stream, Surface};
use super::super::types::{Type, Typed};
use crate::text::wrap;
use std::fmt::Write;

const WIDTH: usize = 112;

/// A documentation comment.
pub fn comment(source: &mut String, indent: &str, text: &str) {
    for line in wrap(text.trim_end(), WIDTH - indent.len()) {
        let _ = writeln!(source, "{}", format!("{indent}/// {line}").trim_end());
    }
}

/// What stands over an operation's first method.
pub fn operation(
    surface: &Surface,
    operation: &Operation,
    call: Option<&Call>,
    stream: Option<&Stream>,
) -> String {
    let mut text = format!("{}\n", operation.doc.trim_end());
    if !operation.arguments.is_empty() {
        text.push('\n');
    }
    for argument in &operation.arguments {
        let _ = writeln!(
            text,
            "* `{}` ({}): {}",
            super::operations::argument_name(argument),
            kind(argument),
            told(argument)
        );
    }
    if operation.body {
        let _ = writeln!(text, "* `data`: the raw bytes.");
    }
    if !operation.options.is_empty() {
        text.push_str("\nOptions:\n");
    }
    for option in &operation.options {
        let _ = writeln!(text, "* `{}` ({}): {}", option.name, kind(option), told(option));
    }
    text.push('\n');
    if let Some(call) = call {
        let _ = writeln!(text, "{}", given(surface, call));
    }
    if let Some(stream) = stream {
        let channels = stream.channels.iter().map(|it| it.to_lowercase()).collect::<Vec<_>>().join(", ");
        let ended = stream.ended.as_ref().map(|it| shape(surface, it)).unwrap_or_default();
        let ended = if ended.is_empty() { String::new() } else { format!(" `result`: {ended}.") };
        let _ = writeln!(text, "Its chunks are of {channels}.{ended}");
    }
    let limit = match operation.timeout_ms {
        Some(limit) => format!("Gives up after {} s unless `timeoutMs` says otherwise.", limit / 1000),
        None => "No time limit of its own.".to_owned(),
    };
    let _ = writeln!(text, "{limit} Cancelled: {}", operation.cancel);
    let raised = raised(surface, operation);
    if !raised.is_empty() {
        let _ = writeln!(text, "Throws beside what every operation does: {}.", raised.join(", "));
    }
    if operation.endpoint != "none" {
        let _ = writeln!(text, "Endpoint: {}", operation.endpoint);
    }
    text
}

fn given(surface: &Surface, call: &Call) -> String {
    match (call.returns, &call.result) {
        (Returns::Null, _) => "Gives nothing.".into(),
        (Returns::Bytes, _) => "Gives the bytes.".into(),
        (Returns::Text, _) => "Gives the text.".into(),
        (Returns::Handle, _) => "Gives a handle, and the JSON beside it as `json`.".into(),
        (Returns::Json, Some(result)) => match shape(surface, result).as_str() {
            "" => "Gives JSON.".into(),
            shape => format!("Gives {shape}."),
        },
        (Returns::Json, None) => "Gives JSON.".into(),
    }
}

/// The fields of a result; those that may be absent end in a question mark.
fn shape(surface: &Surface, result: &Typed) -> String {
    let (each, of) = match &result.of {
        Type::List(of) => ("a list of objects with ", &**of),
        of => ("an object with ", of),
    };
    let Type::Shape(name) = of else { return String::new() };
    let Some(shape) = surface.shape(name) else { return String::new() };
    let fields: Vec<String> = shape
        .members
        .iter()
        .map(|it| if it.required { it.name.clone() } else { format!("{}?", it.name) })
        .collect();
    if fields.is_empty() { String::new() } else { format!("{each}{}", fields.join(", ")) }
}

fn kind(member: &Member) -> String {
    let unit = member.unit.as_ref().map(|unit| format!(", {unit}")).unwrap_or_default();
    format!("{}{unit}", spelt(&member.of))
}

fn spelt(of: &Type) -> String {
    match of {
        Type::Text | Type::Choice(_) => "text".into(),
        Type::Time => "text, a time (ISO 8601)".into(),
        Type::Integer => "integer".into(),
        Type::Number => "number".into(),
        Type::Boolean => "true or false".into(),
        Type::Any => "any JSON".into(),
        Type::Object => "object".into(),
        Type::List(of) => format!("list of {}", spelt(of)),
        Type::Map(of) => format!("object of {}", spelt(of)),
        Type::Shape(name) => name.clone(),
        Type::Either(types) => types.iter().map(spelt).collect::<Vec<_>>().join(" or "),
    }
}

fn told(member: &Member) -> String {
    let mut text = member.doc.trim_end().to_owned();
    if !member.known.is_empty() {
        let _ = write!(text, " Known: {}.", member.known.join(", "));
    }
    if let Some(default) = &member.default {
        let _ = write!(text, " Default: {default}.");
    }
    text
}

/// The classes of an operation's own statuses and codes.
fn raised(surface: &Surface, operation: &Operation) -> Vec<String> {
    let class = |status: &String| {
        surface.classes.iter().find(|it| it.statuses.contains(status)).map(|it| it.name.clone())
    };
    let of_code = |code: &String| surface.codes.iter().find(|it| it.code == *code).map(|it| it.class.clone());
    let mut names: Vec<String> = operation.statuses.iter().filter_map(class).collect();
    names.extend(operation.codes.iter().filter_map(of_code));
    let mut seen = Vec::new();
    names.retain(|name| {
        !seen.contains(name) && {
            seen.push(name.clone());
            true
        }
    });
    names
}
