//! Structs of options, and the functions that set them.

use super::{entries, find, placed, text};
use crate::languages::go::names::{comment, described};
use crate::languages::surface::Surface;
use serde_json::Value;
use std::fmt::Write;

/// What stands in the package `options`, and what in `daytona`.
pub fn render(names: &Value, surface: &Surface) -> Result<(String, String), String> {
    let mut shown = String::from(
        "\n// Apply makes the options of their functions; those that are nil have none.\nfunc Apply[T any](opts ...func(*T)) *T {\n\
         \tvalue := new(T)\n\tfor _, option := range opts {\n\t\tif option != nil {\n\t\t\toption(value)\n\t\t}\n\t}\n\
         \treturn value\n}\n",
    );
    let mut own = String::new();
    for (name, it) in entries(names, "options")? {
        let (name, is_own) = placed(name);
        let body = if is_own { &mut own } else { &mut shown };
        let operation = find(surface, text(&it["of"]))?;
        write!(body, "\n// {name} are the options of {}.\ntype {name} struct {{\n", operation.name).unwrap();
        let fields = entries(it, "fields")?;
        for (number, (field, is)) in fields.iter().enumerate() {
            if number > 0 {
                body.push('\n');
            }
            let of = match text(&is[0]) {
                "true" => "bool".to_owned(),
                of => of.replace("...", "[]"),
            };
            let tag = match text(&is[1]) {
                "" | "*" => "-".to_owned(),
                name => format!("{name},omitzero"),
            };
            writeln!(body, "\t{field} {of} `json:\"{tag}\"`").unwrap();
        }
        body.push_str("}\n");
        for (field, is) in fields {
            let function = text(&is[2]);
            let known = operation.options.iter().find(|option| option.name == text(&is[1]));
            let doc = known
                .map_or(format!("sets {field}."), |option| format!("sets {field}: {}", described(option)));
            let (takes, set) = match text(&is[0]) {
                "true" => (String::new(), "true".to_owned()),
                of if of.starts_with("...") => (format!("value {of}"), "value".into()),
                of if of.starts_with('*') => (format!("value {}", &of[1..]), "&value".into()),
                of => (format!("value {of}"), "value".into()),
            };
            body.push('\n');
            body.push_str(&comment(&format!("{function} {doc}"), ""));
            write!(
                body,
                "func {function}({takes}) func(*{name}) {{\n\treturn func(options *{name}) {{ options.{field} = {set} }}\n}}\n"
            )
            .unwrap();
        }
    }
    Ok((shown, own))
}
