//! Where the tests find the method of an operation.

use super::super::surface::{Operation, Surface};
use super::areas::operations;
use super::official::{Goes, Method, Official};
use super::spelling::word;
use std::fmt::Write;

pub fn render(surface: &Surface, official: &Official) -> String {
    let mut text = String::from(
        "# The area of each operation, the methods of its call and its stream, and what their arguments are called:\n\
         # `seconds` is the limit. Nothing stands for what is written by hand.\nMETHODS = {\n",
    );
    let mut rows = Vec::new();
    for area in &official.areas {
        for operation in operations(surface, &area.name) {
            let mut fields = Vec::new();
            if let Some(property) = &area.property {
                fields.push(format!("area: :{property}"));
            }
            if operation.call.is_some() && !official.is_manual(operation) {
                let name = official.own_name(operation, false);
                let methods = official.methods(&area.class);
                match methods.iter().find(|it| it.name == name) {
                    Some(method) => fields.push(format!("call: {}", of_method(operation, method))),
                    None => fields.push(format!("call: {}", own(operation, &name))),
                }
            }
            if operation.stream.is_some() {
                fields.push(format!("stream: {}", own(operation, &official.own_name(operation, true))));
            }
            rows.push(format!("  '{}' => {{\n    {}\n  }}", operation.name, fields.join(",\n    ")));
        }
    }
    let _ = writeln!(text, "{}\n}}.freeze", rows.join(",\n"));
    text
}

fn own(operation: &Operation, name: &str) -> String {
    let positional: Vec<String> = operation.arguments.iter().map(|it| it.name.clone()).collect();
    let keywords = operation.options.iter().map(|it| (it.name.clone(), word(&it.name)));
    row(
        name,
        &positional,
        keywords.chain([("timeoutMs".into(), "timeout_ms".into())]).collect(),
        operation.body,
    )
}

fn of_method(operation: &Operation, method: &Method) -> String {
    let mut positional = Vec::new();
    let mut keywords = Vec::new();
    let mut known = Vec::new();
    for argument in &method.arguments {
        let field = match &argument.goes {
            Goes::To(field) | Goes::Id(field) => field.clone(),
            Goes::Seconds => "seconds".into(),
            Goes::Spread => continue,
        };
        known.push(field.clone());
        match argument.is_keyword {
            true => keywords.push((field, argument.name.clone())),
            false => positional.push(field),
        }
    }
    for option in operation.options.iter().filter(|it| !known.contains(&it.name)) {
        keywords.push((option.name.clone(), word(&option.name)));
    }
    if !known.contains(&"seconds".to_owned()) {
        keywords.push(("timeoutMs".into(), "timeout_ms".into()));
    }
    row(&method.name, &positional, keywords, operation.body)
}

fn row(name: &str, positional: &[String], keywords: Vec<(String, String)>, body: bool) -> String {
    let keywords: Vec<String> = keywords.iter().map(|(json, ruby)| format!("'{json}' => :{ruby}")).collect();
    let body = if body { ", body: true" } else { "" };
    format!(
        "{{\n      name: :{name}, positional: %w[{}]{body},\n      keywords: {{ {} }}\n    }}",
        positional.join(" "),
        keywords.join(", ")
    )
}
