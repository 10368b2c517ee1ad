//! The names of the official SDK: the packages `types` and `options`, the plain methods of `daytona` and the
//! constructors of `errors`, from `bindings/go/official.json`, whose `doc` describes its words.

mod options;
mod services;
mod types;

use super::file;
use crate::languages::File;
use crate::languages::surface::{Operation, Surface};
use serde_json::{Map, Value};
use std::fmt::Write;

const NAMES: &str = include_str!("../../../../../bindings/go/official.json");

pub fn render(surface: &Surface) -> Result<Vec<File>, String> {
    let names: Value = serde_json::from_str(NAMES).map_err(|error| format!("official.json: {error}"))?;
    let (shown, own_types) = types::render(&names, surface)?;
    let (taken, own_options) = options::render(&names, surface)?;
    let types_head = "// Package types has the parameters and results of the package daytona.\n";
    let options_head = "// Package options has the optional parameters of the package daytona.\n";
    let shown = constants(&names, "types")? + &shown;
    let errors = constants(&names, "errors")? + &constructors(&names)?;
    Ok(vec![
        file("types/gen_types.go", format!("{types_head}{}", package("types", &shown))),
        file("options/gen_options.go", format!("{options_head}{}", package("options", &taken))),
        file("daytona/gen_types.go", package("daytona", &(own_types + &own_options))),
        file("daytona/gen_services.go", package("daytona", &services::render(&names, surface)?)),
        file("errors/gen_constructors.go", package("errors", &errors)),
    ])
}

/// A file of a package, with the imports that its text needs.
fn package(name: &str, body: &str) -> String {
    const PACKAGES: [&str; 7] = ["context", "net/http", "slices", "time", "api", "options", "types"];
    let (mut standard, mut own) = (String::new(), String::new());
    for package in PACKAGES {
        let qualifier = package.rsplit('/').next().unwrap_or(package);
        let is_used = body.match_indices(&format!("{qualifier}.")).any(|(at, it)| {
            let is_whole = !body[..at].ends_with(char::is_alphanumeric);
            is_whole && body[at + it.len()..].starts_with(char::is_uppercase)
        });
        if !is_used || qualifier == name {
            continue;
        }
        if matches!(package, "api" | "options" | "types") {
            writeln!(own, "\t\"github.com/libdaytona/libdaytona/bindings/go/{package}\"").unwrap();
        } else {
            writeln!(standard, "\t\"{package}\"").unwrap();
        }
    }
    let between = if standard.is_empty() || own.is_empty() { "" } else { "\n" };
    let imports = match standard.len() + own.len() {
        0 => String::new(),
        _ => format!("\nimport (\n{standard}{between}{own})\n"),
    };
    format!("package {name}\n{imports}{body}")
}

/// The constants of a package.
fn constants(names: &Value, package: &str) -> Result<String, String> {
    let mut body = String::new();
    for (name, it) in entries(names, "constants")? {
        if let Some(name) = name.strip_prefix(package).and_then(|name| name.strip_prefix('.')) {
            write!(body, "\n// {name} {}\nconst {name} = {}\n", text(&it[1]), it[0]).unwrap();
        }
    }
    Ok(body)
}

/// What makes errors of the official package's types.
fn constructors(names: &Value) -> Result<String, String> {
    let mut body = String::new();
    for (name, it) in entries(names, "errors")? {
        let (of, status) = (text(&it[0]), &it[1]);
        let gives = if of.is_empty() { "DaytonaError" } else { of };
        let (mut takes, mut headers) = ("message string".to_owned(), "nil");
        if *status == 0 {
            takes.push_str(", statusCode int");
        }
        if it[2] == "headers" {
            (headers, takes) = ("headers", takes + ", headers http.Header");
        }
        let made = match status {
            Value::String(status) => format!("New(\"{status}\", message)"),
            status if *status == 0 => format!("NewDaytonaError(message, statusCode, {headers})"),
            status => format!("NewDaytonaError(message, {status}, {headers})"),
        };
        let made = if of.is_empty() { made } else { format!("&{of}{{{made}}}") };
        let of_what = match status {
            status if *status == 0 => "an HTTP status".to_owned(),
            status => format!("the status {}", status.to_string().trim_matches('"')),
        };
        write!(
            body,
            "\n// {name} makes an error of {of_what}.\nfunc {name}({takes}) *{gives} {{\n\treturn {made}\n}}\n"
        )
        .unwrap();
    }
    Ok(body)
}

fn entries<'a>(value: &'a Value, key: &str) -> Result<&'a Map<String, Value>, String> {
    value[key].as_object().ok_or(format!("official.json: {key} is no object"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What the methods of a type call it.
fn receiver(name: &str) -> &'static str {
    match name {
        "Client" => "c",
        "PtyHandle" => "h",
        _ => "s",
    }
}

/// A name, and whether it stands in the package `daytona` rather than where its kind has its own.
fn placed(name: &str) -> (&str, bool) {
    name.strip_prefix("daytona.").map_or((name, false), |own| (own, true))
}

fn find<'a>(surface: &'a Surface, name: &str) -> Result<&'a Operation, String> {
    let operation = surface.operations.iter().find(|operation| operation.name == name);
    operation.ok_or(format!("official.json: there is no operation {name}"))
}
