//! Shapes and choices.

use super::examples;
use super::spelling::{converted, doc, owned, shape, snake, taken, variant};
use crate::languages::surface::{Choice, Member, Shape, Surface};
use crate::languages::types::Type;
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut text = String::from(
        "//!
//! What requests take and results are made of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;

/// In the place of a secret.
struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(\"(hidden)\")
    }
}
",
    );
    for shape in surface.shapes.iter().filter(|it| is_published(it)) {
        structure(&mut text, surface, shape);
    }
    for choice in &surface.choices {
        enumeration(&mut text, choice);
    }
    text
}

/// What is not the business of a Rust program, or is there by hand.
fn is_published(shape: &Shape) -> bool {
    !["Anything", "QueueOptions", "Progress"].contains(&shape.name.as_str())
        && (shape.is_parameter || shape.is_result)
}

fn structure(text: &mut String, surface: &Surface, of: &Shape) {
    let name = shape(&of.name);
    let derived = if has_required_values(of) { "" } else { "Default, " };
    let _ = write!(
        text,
        "\n{}{}#[derive(Clone, {}{derived}PartialEq, Serialize, Deserialize)]\n",
        doc("", &of.doc),
        examples::structure(surface, of, ""),
        if has_secrets(of) { "" } else { "Debug, " }
    );
    // What only results have may grow.
    if !of.is_parameter {
        text.push_str("#[non_exhaustive]\n");
    }
    // One that is read, as from a file of settings, loses nothing unnoticed.
    if !of.is_result {
        text.push_str("#[serde(deny_unknown_fields)]\n");
    }
    let _ = writeln!(text, "pub struct {name} {{");
    for member in &of.members {
        text.push_str(&doc("    ", &documentation(member, false)));
        let field = snake(&member.name);
        let mut attributes = Vec::new();
        if field.trim_start_matches("r#") != member.name {
            attributes.push(format!("rename = \"{}\"", member.name));
        }
        let optional = !member.required || member.nullable;
        if optional {
            attributes.push("default".into());
        } else if of.name == "Sandbox" {
            // Who attaches may give a part of it.
            attributes.push("default".into());
        }
        if !member.required {
            attributes.push("skip_serializing_if = \"Option::is_none\"".into());
        }
        if !attributes.is_empty() {
            let _ = writeln!(text, "    #[serde({})]", attributes.join(", "));
        }
        let of = match &member.of {
            // In the order given: a variable may refer to those before it.
            Type::Map(_) if of.name == "ImageStep" => "Map<String, Value>".into(),
            other => owned(other),
        };
        let _ = match optional {
            true => writeln!(text, "    pub {field}: Option<{of}>,"),
            false => writeln!(text, "    pub {field}: {of},"),
        };
    }
    if of.is_result {
        text.push_str("    /// Fields that this version does not know.\n    #[serde(flatten)]\n");
        text.push_str("    pub additional: Map<String, Value>,\n");
    }
    text.push_str("}\n");
    if has_constructor(of) {
        constructor(text, surface, of);
    }
    if has_secrets(of) {
        debug(text, of);
    }
}

/// Whether it has a constructor in the place of a `Default`.
pub fn has_constructor(of: &Shape) -> bool {
    of.is_parameter && has_required_values(of)
}

/// In the place of a `Default`: with the fields without which it makes no sense.
fn constructor(text: &mut String, surface: &Surface, of: &Shape) {
    let (mut parameters, mut fields) = (Vec::new(), Vec::new());
    for member in &of.members {
        let field = snake(&member.name);
        if !member.required || member.nullable {
            fields.push(format!("{field}: None"));
            continue;
        }
        let (taken, expression) = taken(&member.of, None);
        let expression = converted(&member.of, &expression).replace("value", &field);
        parameters.push(format!("{field}: {taken}"));
        fields.push(if expression == field { field } else { format!("{field}: {expression}") });
    }
    if of.is_result {
        fields.push("additional: Map::new()".into());
    }
    let _ = write!(
        text,
        "
impl {} {{
    /// With what it cannot be without.
{}    pub fn new({}) -> Self {{
        Self {{ {} }}
    }}
}}
",
        shape(&of.name),
        examples::structure(surface, of, "    "),
        parameters.join(", "),
        fields.join(", ")
    );
}

/// A `Debug` that shows of secrets only that they are there.
fn debug(text: &mut String, of: &Shape) {
    let name = shape(&of.name);
    let mut fields = String::new();
    for member in &of.members {
        let field = snake(&member.name);
        let value = match (is_secret(of, member), !member.required || member.nullable) {
            (false, _) => format!("&self.{field}"),
            (true, true) => format!("&self.{field}.as_ref().map(|_| Hidden)"),
            (true, false) => "&Hidden".into(),
        };
        let _ = write!(fields, ".field(\"{field}\", {value})");
    }
    if of.is_result {
        fields.push_str(".field(\"additional\", &self.additional)");
    }
    let _ = write!(
        text,
        "
impl fmt::Debug for {name} {{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
        f.debug_struct(\"{name}\"){fields}.finish()
    }}
}}
"
    );
}

fn has_secrets(of: &Shape) -> bool {
    of.members.iter().any(|member| is_secret(of, member))
}

/// What opens something, or may: variables of environments and addresses with a signature included.
fn is_secret(of: &Shape, member: &Member) -> bool {
    match member.name.as_str() {
        "apiKey" | "jwtToken" | "token" | "sshCommand" | "env" | "envs" => true,
        "proxy" | "headers" => of.name == "ClientConfig",
        "url" => of.name.starts_with("Signed"),
        _ => false,
    }
}

/// Whether there is a field without which it makes no sense.
fn has_required_values(of: &Shape) -> bool {
    of.is_parameter && of.members.iter().any(|member| member.required)
        || of.members.iter().any(|member| member.required && !member.nullable)
}

/// A field's text, with its default and its unit, which a `Duration` has in itself.
pub fn documentation(member: &Member, is_duration: bool) -> String {
    let mut text = member.doc.clone();
    if is_duration {
        text = text.replace("Seconds, may be fractional, ", "Time ").replace("Milliseconds ", "Time ");
        text = text.replace(", in milliseconds", "");
    }
    if !member.known.is_empty() {
        let values: Vec<String> = member.known.iter().map(|value| format!("`{value}`")).collect();
        let _ = write!(text, " Known: {}.", values.join(", "));
    }
    let _ = match (&member.default, &member.unit) {
        (Some(default), Some(unit)) => write!(text, " Default: `{default}` {unit}."),
        (Some(default), None) => write!(text, " Default: `{default}`."),
        (None, Some(unit)) if !is_duration => write!(text, " Unit: {unit}."),
        (None, _) => Ok(()),
    };
    text
}

fn enumeration(text: &mut String, choice: &Choice) {
    let name = &choice.name;
    let variants: Vec<(String, &String)> =
        choice.values.iter().map(|value| (variant(value), value)).collect();
    let _ = write!(
        text,
        "\n{}{}#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]\n#[serde(from = \"String\", into = \"String\")]\n\
         #[non_exhaustive]\npub enum {name} {{\n",
        doc("", &choice.doc),
        examples::choice("", choice)
    );
    let mut from = String::new();
    let mut to = String::new();
    for (variant, value) in &variants {
        let _ = writeln!(text, "    /// `{value}`\n    {variant},");
        let _ = writeln!(from, "            \"{value}\" => Self::{variant},");
        let _ = writeln!(to, "            Self::{variant} => \"{value}\",");
    }
    let _ = write!(
        text,
        "    /// A value that this version does not know.
    Other(String),
}}

impl {name} {{
    /// The text that it stands for.
{}    pub fn as_str(&self) -> &str {{
        match self {{
{to}            Self::Other(value) => value,
        }}
    }}
}}

impl From<&str> for {name} {{
    fn from(value: &str) -> Self {{
        match value {{
{from}            other => Self::Other(other.to_owned()),
        }}
    }}
}}

impl From<String> for {name} {{
    fn from(value: String) -> Self {{
        Self::from(value.as_str())
    }}
}}

impl From<{name}> for String {{
    fn from(value: {name}) -> Self {{
        value.as_str().to_owned()
    }}
}}

impl fmt::Display for {name} {{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {{
        f.write_str(self.as_str())
    }}
}}
",
        examples::choice("    ", choice)
    );
}
