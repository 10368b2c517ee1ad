//! Names and comments as Go has them.

use crate::languages::surface::{Member, Operation, Surface};
use crate::languages::types::Type;
use heck::{ToLowerCamelCase, ToUpperCamelCase};
use std::fmt::Write;

/// Words that Go writes in capitals.
const INITIALS: &[(&str, &str)] = &[
    ("Api", "API"),
    ("Cpu", "CPU"),
    ("Gpu", "GPU"),
    ("Http", "HTTP"),
    ("Id", "ID"),
    ("Json", "JSON"),
    ("Jwt", "JWT"),
    ("Os", "OS"),
    ("Sha", "SHA"),
    ("Ssh", "SSH"),
    ("Ttl", "TTL"),
    ("Uri", "URI"),
    ("Url", "URL"),
];

/// `ContextID` of `contextId`
pub fn exported(name: &str) -> String {
    words(&name.to_upper_camel_case())
}

fn words(name: &str) -> String {
    let mut joined = String::new();
    let mut word = String::new();
    let mut end = |word: &mut String| {
        let initials = INITIALS.iter().find(|(plain, _)| *plain == word.as_str());
        joined.push_str(initials.map_or(word.as_str(), |(_, capitals)| capitals));
        word.clear();
    };
    for letter in name.chars() {
        if letter.is_uppercase() {
            end(&mut word);
        }
        word.push(letter);
    }
    end(&mut word);
    joined
}

/// `contextID` of `contextId`
pub fn local(name: &str) -> String {
    let lower = name.to_lower_camel_case();
    let first = lower.find(char::is_uppercase).unwrap_or(lower.len());
    let name = format!("{}{}", &lower[..first], words(&lower[first..]));
    match name.as_str() {
        "ctx" | "options" | "range" | "type" | "func" | "package" | "default" | "select" | "map" | "len" => {
            format!("{name}Value")
        }
        _ => name,
    }
}

/// The Go type of a value. Inside parameters any JSON is what `encoding/json` writes; in results it is the text.
pub fn go_type(of: &Type, is_parameter: bool) -> String {
    match of {
        Type::Text => "string".into(),
        Type::Time => "Time".into(),
        Type::Integer => "int64".into(),
        Type::Number => "float64".into(),
        Type::Boolean => "bool".into(),
        Type::Any | Type::Either(_) if is_parameter => "any".into(),
        Type::Any | Type::Either(_) => "json.RawMessage".into(),
        Type::Object if is_parameter => "map[string]any".into(),
        Type::Object => "map[string]json.RawMessage".into(),
        Type::List(of) => format!("[]{}", go_type(of, is_parameter)),
        Type::Map(of) => format!("map[string]{}", go_type(of, is_parameter)),
        Type::Shape(name) | Type::Choice(name) => exported(name),
    }
}

/// Whether nil says that a value of this type is absent, without a pointer.
pub fn has_nil(of: &Type) -> bool {
    matches!(of, Type::Any | Type::Either(_) | Type::Object | Type::List(_) | Type::Map(_))
}

/// A comment of several paragraphs, each line with what stands before it.
pub fn comment(text: &str, indent: &str) -> String {
    let mut written = String::new();
    let width = 110 - indent.len() - 3;
    for paragraph in text.trim().split('\n') {
        let paragraph = paragraph.trim();
        if paragraph.is_empty() {
            written.push_str(&format!("{indent}//\n"));
            continue;
        }
        let mut line = String::new();
        let item = paragraph.strip_prefix("* ").or_else(|| paragraph.strip_prefix("- "));
        let (first, rest) = if item.is_some() { ("  - ", "    ") } else { ("", "") };
        for word in item.unwrap_or(paragraph).split_whitespace() {
            if line.is_empty() {
                line = format!("{first}{word}");
            } else if line.chars().count() + 1 + word.chars().count() > width {
                written.push_str(&format!("{indent}// {line}\n"));
                line = format!("{rest}{word}");
            } else {
                line.push(' ');
                line.push_str(word);
            }
        }
        written.push_str(&format!("{indent}// {line}\n"));
    }
    written
}

/// Lines of two columns, the second below each other, as gofmt has declarations and the entries of maps.
pub fn columns(text: &mut String, margin: &str, lines: impl IntoIterator<Item = (String, String)>) {
    let lines: Vec<(String, String)> = lines.into_iter().collect();
    let width = lines.iter().map(|(first, _)| first.len()).max().unwrap_or(0);
    for (first, second) in &lines {
        writeln!(text, "{margin}{first:width$} {second}").unwrap();
    }
}

/// What an option's or a field's comment says beside its description.
pub fn described(member: &Member) -> String {
    let mut text = member.doc.trim().to_owned();
    if let Some(default) = member.default.as_ref().filter(|value| !value.is_null()) {
        text.push_str(&format!(" Default: {default}."));
    }
    if let Some(unit) = &member.unit {
        text.push_str(&format!(" Unit: {unit}."));
    }
    if !member.known.is_empty() {
        text.push_str(&format!(" Known: {}.", member.known.join(", ")));
    }
    if text.is_empty() { "As the server has it.".into() } else { text }
}

/// The type that an area's methods stand on.
pub fn service(area: &str) -> String {
    format!("{}Service", exported(area))
}

/// Whether a shape's name would clash with a method's type.
pub fn options_type(operation: &Operation, surface: &Surface) -> String {
    let name = format!("{}{}Options", exported(operation.area()), exported(operation.verb()));
    debug_assert!(surface.shape(&name).is_none());
    name
}

/// `Clone clones a repository.` of `Clones a repository.`; what does not begin with a verb keeps its form.
pub fn summary(name: &str, doc: &str) -> String {
    let doc = doc.trim();
    let first = doc.split([' ', ',', ';', '.']).next().unwrap_or_default();
    let is_verb = first.ends_with('s')
        && first.len() > 3
        && !first.chars().skip(1).any(char::is_uppercase)
        && first != "This";
    match doc.chars().next() {
        Some(letter) if is_verb => format!("{name} {}{}", letter.to_lowercase(), &doc[letter.len_utf8()..]),
        _ => format!("{name}: {doc}"),
    }
}
