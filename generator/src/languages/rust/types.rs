//! Shapes and choices.

use super::spelling::{doc, owned, shape, snake};
use crate::languages::surface::{Choice, Member, Shape, Surface};
use heck::ToUpperCamelCase;
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut text = String::from(
        "//!
//! What requests take and results are made of.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
",
    );
    for shape in surface.shapes.iter().filter(|it| is_published(it)) {
        structure(&mut text, shape);
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

fn structure(text: &mut String, of: &Shape) {
    let name = shape(&of.name);
    let derived = if has_required_values(of) { "" } else { "Default, " };
    let _ = write!(
        text,
        "\n{}#[derive(Clone, Debug, {derived}PartialEq, Serialize, Deserialize)]\n",
        doc("", &of.doc)
    );
    // What only results have may grow.
    if !of.is_parameter {
        text.push_str("#[non_exhaustive]\n");
    }
    let _ = writeln!(text, "pub struct {name} {{");
    for member in &of.members {
        text.push_str(&doc("    ", &documentation(member)));
        let field = snake(&member.name);
        let mut attributes = Vec::new();
        if field.trim_start_matches("r#") != member.name {
            attributes.push(format!("rename = \"{}\"", member.name));
        }
        let optional = !member.required || member.nullable;
        if optional {
            attributes.push("default".into());
        }
        if !member.required {
            attributes.push("skip_serializing_if = \"Option::is_none\"".into());
        }
        if !attributes.is_empty() {
            let _ = writeln!(text, "    #[serde({})]", attributes.join(", "));
        }
        let of = owned(&member.of);
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
}

/// Whether there is a field without which it makes no sense.
fn has_required_values(of: &Shape) -> bool {
    of.is_parameter && of.members.iter().any(|member| member.required)
        || of.members.iter().any(|member| member.required && !member.nullable)
}

/// A field's text, with its default.
pub fn documentation(member: &Member) -> String {
    let mut text = member.doc.clone();
    if !member.known.is_empty() {
        let values: Vec<String> = member.known.iter().map(|value| format!("`{value}`")).collect();
        let _ = write!(text, " Known: {}.", values.join(", "));
    }
    if let Some(default) = &member.default {
        let _ = write!(text, " Default: `{default}`.");
    }
    text
}

fn enumeration(text: &mut String, choice: &Choice) {
    let name = &choice.name;
    let variants: Vec<(String, &String)> = choice
        .values
        .iter()
        .map(|value| (value.replace(['.', '/'], "_").to_upper_camel_case(), value))
        .collect();
    let _ = write!(
        text,
        "\n{}#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]\n#[serde(from = \"String\", into = \"String\")]\n\
         #[non_exhaustive]\npub enum {name} {{\n",
        doc("", &choice.doc)
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
    pub fn as_str(&self) -> &str {{
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
"
    );
}
