//! How Rust spells the catalogue's types, names and texts.

use crate::languages::types::Type;
use heck::{ToSnakeCase, ToUpperCamelCase};

/// Rust's words, which no name can be.
const KEYWORDS: [&str; 8] = ["type", "move", "ref", "match", "in", "use", "where", "loop"];

pub fn snake(name: &str) -> String {
    let name = name.replace("GiB", "Gib").to_snake_case();
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

pub fn pascal(name: &str) -> String {
    name.to_upper_camel_case()
}

/// The name of a shape: a sandbox's JSON is not the sandbox.
pub fn shape(name: &str) -> String {
    match name {
        "Sandbox" => "SandboxInfo".into(),
        "Error" => "ErrorInfo".into(),
        other => other.into(),
    }
}

/// A value of a choice.
pub fn variant(value: &str) -> String {
    pascal(&value.replace(['.', '/'], "_"))
}

/// A type as a field holds it.
pub fn owned(of: &Type) -> String {
    match of {
        Type::Text | Type::Time => "String".into(),
        Type::Integer => "i64".into(),
        Type::Number => "f64".into(),
        Type::Boolean => "bool".into(),
        Type::Any | Type::Either(_) => "Value".into(),
        Type::Object => "Map<String, Value>".into(),
        Type::List(of) => format!("Vec<{}>", owned(of)),
        Type::Map(of) => format!("BTreeMap<String, {}>", owned(of)),
        Type::Shape(name) if name == "Anything" => "Value".into(),
        Type::Shape(name) => shape(name),
        Type::Choice(name) => name.clone(),
    }
}

/// What a function takes for it, and the expression that makes a field's value of `value`.
pub fn taken(of: &Type, unit: Option<&str>) -> (String, String) {
    let plain = |of: &str| (of.to_owned(), "value".to_owned());
    match (of, unit) {
        (Type::Number | Type::Integer, Some("s")) => ("Duration".into(), "request::seconds(value)".into()),
        (Type::Number | Type::Integer, Some("ms")) => ("Duration".into(), "request::milliseconds(value)".into()),
        (Type::Number, _) => ("f64".into(), "request::Finite(value)".into()),
        (Type::Text | Type::Time, _) => ("impl Into<String>".into(), "value.into()".into()),
        (Type::Choice(name), _) => (format!("impl Into<{name}>"), "value.into()".into()),
        (Type::List(inner), _) => match inner.as_ref() {
            Type::Text | Type::Choice(_) | Type::Time => (
                format!("impl IntoIterator<Item = impl Into<{}>>", owned(inner)),
                format!("value.into_iter().map(Into::into).collect::<Vec<{}>>()", owned(inner)),
            ),
            _ => (
                format!("impl IntoIterator<Item = {}>", owned(inner)),
                format!("value.into_iter().collect::<Vec<{}>>()", owned(inner)),
            ),
        },
        (Type::Map(inner), _) => match inner.as_ref() {
            Type::Text => (
                "impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>".into(),
                "value.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<BTreeMap<String, String>>()"
                    .into(),
            ),
            _ => plain(&owned(of)),
        },
        // What has several forms in JSON.
        (Type::Any | Type::Either(_), _) => plain("impl serde::Serialize"),
        (Type::Shape(name), _) if name == "Image" => plain("impl serde::Serialize"),
        _ => plain(&owned(of)),
    }
}

/// Whether it needs an annotation where it is handed to a generic function.
pub fn converted(of: &Type, expression: &str) -> String {
    match of {
        Type::Text | Type::Time if expression == "value.into()" => "Into::<String>::into(value)".into(),
        Type::Choice(name) if expression == "value.into()" => format!("Into::<{name}>::into(value)"),
        _ => expression.to_owned(),
    }
}

/// A documentation comment.
pub fn doc(indent: &str, text: &str) -> String {
    let mut comment = String::new();
    for line in text.trim().lines() {
        let line = line.trim_end();
        let space = if line.is_empty() { "" } else { " " };
        comment.push_str(&format!("{indent}///{space}{}\n", escaped(&spelt(line))));
    }
    comment
}

/// A line with the names of fields and options as Rust has them.
fn spelt(line: &str) -> String {
    let is_name = |it: &str| it.starts_with(char::is_lowercase) && it.chars().all(char::is_alphanumeric);
    let parts = line.split('`').enumerate().map(|(at, part)| match at % 2 {
        1 if part == "timeoutMs" => "time_limit".into(),
        1 if is_name(part) => snake(part),
        _ => part.to_owned(),
    });
    parts.collect::<Vec<String>>().join("`")
}

/// A line in which rustdoc finds neither links nor tags, outside of code.
fn escaped(line: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for letter in line.chars() {
        match letter {
            '`' => is_code = !is_code,
            '<' | '[' | ']' if !is_code => text.push('\\'),
            _ => {}
        }
        text.push(letter);
    }
    text
}
