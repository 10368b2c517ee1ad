//! How types, names and documentation are spelt in TypeScript and JavaScript.

use super::super::surface::Member;
use super::super::types::Type;
use super::super::wrapped;
use std::fmt::Write;

/// Lines are no longer than this.
pub const WIDTH: usize = 120;

/// A shape whose name is that of a class of the package has another one.
pub fn shape(name: &str) -> String {
    match name {
        "Sandbox" => "SandboxInfo".into(),
        "Image" => "ImageSpec".into(),
        "Error" => "ErrorInfo".into(),
        name => name.into(),
    }
}

/// A type as an argument or option takes it, or as a result has it.
pub fn type_of(of: &Type, is_parameter: bool) -> String {
    match of {
        Type::Text => "string".into(),
        Type::Time if is_parameter => "string | Date".into(),
        Type::Time => "string".into(),
        Type::Integer | Type::Number => "number".into(),
        Type::Boolean => "boolean".into(),
        Type::Any => "unknown".into(),
        Type::Object => "Record<string, unknown>".into(),
        Type::List(of) => match type_of(of, is_parameter) {
            of if of.contains(" | ") && !of.ends_with("[]") => format!("({of})[]"),
            of => format!("{of}[]"),
        },
        Type::Map(of) => format!("Record<string, {}>", type_of(of, is_parameter)),
        Type::Shape(name) => shape(name),
        Type::Choice(name) => name.clone(),
        Type::Either(types) => {
            types.iter().map(|of| type_of(of, is_parameter)).collect::<Vec<_>>().join(" | ")
        }
    }
}

/// The type of a field; of an image also the builder's class.
pub fn member_type(member: &Member, is_parameter: bool) -> String {
    let mut of = match member.known.as_slice() {
        [] => type_of(&member.of, is_parameter),
        known => {
            let known: Vec<String> = known.iter().map(|value| format!("'{value}'")).collect();
            format!("{} | (string & {{}})", known.join(" | "))
        }
    };
    if is_parameter && of.contains("ImageSpec") {
        of = of.replace("ImageSpec", "Image | ImageSpec");
    }
    if member.nullable { format!("{of} | null") } else { of }
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

/// A documentation comment of paragraphs and tags, at an indentation.
pub fn comment(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let text = text.replace("*/", "*\u{200b}/");
    let one_line = format!("{margin}/** {text} */\n");
    if !text.contains('\n') && one_line.len() <= WIDTH {
        return one_line;
    }
    let mut comment = format!("{margin}/**\n");
    for paragraph in text.split('\n') {
        if paragraph.is_empty() {
            let _ = writeln!(comment, "{margin} *");
        }
        for line in wrapped(paragraph, WIDTH - indent - 3) {
            let _ = writeln!(comment, "{margin} * {line}");
        }
    }
    comment + &margin + " */\n"
}

/// A call or declaration with its parameters, on one line or one a line.
pub fn signature(before: &str, parameters: &[String], after: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let one_line = format!("{margin}{before}({}){after}", parameters.join(", "));
    if one_line.len() <= WIDTH || parameters.is_empty() {
        return one_line + "\n";
    }
    let mut text = format!("{margin}{before}(\n");
    for parameter in parameters {
        let comma = if parameter.starts_with("...") { "" } else { "," };
        let _ = writeln!(text, "{margin}  {parameter}{comma}");
    }
    text + &margin + ")" + after + "\n"
}

/// The words of a name, as a constant is spelt.
pub fn constant(value: &str) -> String {
    use heck::ToShoutySnakeCase;
    value.to_shouty_snake_case()
}

/// Those of some names that a text of TypeScript uses, in alphabetical order.
pub fn used(names: impl Iterator<Item = String>, text: &str) -> Vec<String> {
    let words: std::collections::HashSet<&str> =
        text.split(|letter: char| !letter.is_alphanumeric() && letter != '_').collect();
    let mut names: Vec<String> = names.filter(|name| words.contains(name.as_str())).collect();
    names.sort();
    names.dedup();
    names
}
