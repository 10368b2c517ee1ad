//! How types, names and documentation are spelt in Ruby and in RBS.

use super::super::surface::Member;
use super::super::types::Type;
use super::super::wrapped;
use heck::{ToShoutySnakeCase, ToSnakeCase};
use std::fmt::Write;

/// Lines are no longer than this.
pub const WIDTH: usize = 120;

/// A shape whose name is that of a class of the gem has another one.
pub fn shape(name: &str) -> String {
    match name {
        "Sandbox" => "SandboxInfo".into(),
        "Image" => "ImageSpec".into(),
        "Error" => "ErrorInfo".into(),
        "Resources" => "ResourcesInfo".into(),
        name => name.into(),
    }
}

/// A name of the JSON as a method, variable or keyword has it.
pub fn word(name: &str) -> String {
    name.replace("GiB", "Gib").to_snake_case()
}

/// A field's reader: no method that every object has.
pub fn reader(name: &str) -> String {
    match word(name).as_str() {
        "hash" => "_hash".into(),
        name => name.into(),
    }
}

pub fn constant(value: &str) -> String {
    value.to_shouty_snake_case()
}

/// A type in RBS, as an argument or option takes it, or as a result has it.
pub fn type_of(of: &Type, is_parameter: bool) -> String {
    match of {
        Type::Text | Type::Choice(_) if is_parameter => "(String | Symbol)".into(),
        Type::Text | Type::Choice(_) => "String".into(),
        Type::Time if is_parameter => "(String | Time)".into(),
        Type::Time => "String".into(),
        Type::Integer => "Integer".into(),
        Type::Number => "(Integer | Float)".into(),
        Type::Boolean => "bool".into(),
        Type::Any => "untyped".into(),
        Type::Object => "Hash[untyped, untyped]".into(),
        Type::List(of) => format!("Array[{}]", type_of(of, is_parameter)),
        Type::Map(of) if is_parameter => format!("Hash[untyped, {}]", type_of(of, true)),
        Type::Map(of) => format!("Hash[String, {}]", type_of(of, false)),
        Type::Shape(_) if is_parameter => "(Hash[untyped, untyped] | Parameters | Record | Image)".into(),
        Type::Shape(name) => shape(name),
        Type::Either(types) => {
            let types: Vec<String> = types.iter().map(|of| type_of(of, is_parameter)).collect();
            format!("({})", types.join(" | "))
        }
    }
}

/// The same type where nil may stand in its place.
pub fn optional(of: &str) -> String {
    if of == "untyped" { of.to_owned() } else { format!("{of}?") }
}

/// The documentation of a field: with its unit and default.
pub fn member_doc(member: &Member) -> String {
    let mut doc = member.doc.clone();
    if let Some(default) = &member.default {
        let _ = write!(doc, " Default: {default}.");
    }
    match &member.unit {
        Some(unit) => format!("{doc} ({unit})"),
        None => doc,
    }
}

/// A documentation comment of paragraphs, at an indentation.
pub fn comment(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut comment = String::new();
    for paragraph in text.split('\n') {
        if paragraph.is_empty() {
            let _ = writeln!(comment, "{margin}#");
        }
        let more = if paragraph.starts_with('@') { "  " } else { "" };
        for (index, line) in wrapped(paragraph, WIDTH - indent - 4).iter().enumerate() {
            let more = if index == 0 { "" } else { more };
            let _ = writeln!(comment, "{margin}# {more}{line}");
        }
    }
    comment
}

/// Something in brackets, on as few lines as it fits on; what follows a line break stands below the first part.
pub fn listed(before: &str, parts: &[String], after: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut text = format!("{margin}{before}");
    let column = text.chars().count();
    let mut width = column;
    for (index, part) in parts.iter().enumerate() {
        let end = if index + 1 == parts.len() { after.len() } else { 1 };
        if index > 0 && width + 1 + part.chars().count() + end > WIDTH {
            text.push('\n');
            text += &" ".repeat(column);
            width = column;
        } else if index > 0 {
            text.push(' ');
            width += 1;
        }
        text += part;
        width += part.chars().count();
        if index + 1 < parts.len() {
            text.push(',');
            width += 1;
        }
    }
    text + after + "\n"
}

/// `{ a:, bC: b_c }`: a hash of parameters, without its braces.
pub fn pair(name: &str, value: &str) -> String {
    if name == value { format!("{name}:") } else { format!("{name}: {value}") }
}
