//! The table from operation to typed request that the conformance driver goes through.

use super::requests::{CREATE, OWN, is_echoed, is_streamed, option_name, result};
use super::spelling::{owned, snake};
use crate::languages::surface::{Member, Operation, Surface, Target};
use crate::languages::types::Type;
use std::fmt::Write;

/// Beside the driver.
pub const PATH: &str = "tests/conformance/rust/table.rs";

pub fn render(surface: &Surface) -> String {
    let mut calls = String::new();
    let mut streams = String::new();
    for operation in &surface.operations {
        let request = request(operation, surface);
        let name = &operation.name;
        let streamed = is_streamed(operation);
        if operation.call.is_some() {
            let kind = result(operation).1;
            let sent = if streamed { "it.collected()" } else { "it.into_future()" };
            let _ = writeln!(calls, "\"{name}\" => |on, p| {{ {request} p.end()?; Ok({kind}({sent})) }},");
        }
        if let Some(stream) = &operation.stream {
            let sent = if streamed { "it.into_future()" } else { "it.stream()" };
            let ended = if stream.handle { "_sandbox" } else { "" };
            let input = &stream.input;
            let _ = writeln!(
                streams,
                "\"{name}\" => |on, p| {{ {request} p.end()?; Ok({input}{ended}({sent})) }},"
            );
        }
    }
    format!(
        "
use crate::answers::*;
use crate::parameters::Parameters;
use daytona::types::*;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::IntoFuture;

pub type MakeCall = fn(&On, &mut Parameters) -> Result<Call, String>;
pub type MakeStream = fn(&On, &mut Parameters) -> Result<Open, String>;

pub fn call(operation: &str) -> Option<MakeCall> {{
    Some(match operation {{
{calls}
        _ => return None,
    }})
}}

pub fn stream(operation: &str) -> Option<MakeStream> {{
    Some(match operation {{
{streams}
        _ => return None,
    }})
}}
"
    )
}

/// Makes the request, with all that is given.
fn request(operation: &Operation, surface: &Surface) -> String {
    let target = match operation.target {
        Target::Client => "on.client()?",
        Target::Sandbox => "on.sandbox()?",
        Target::Echo => "on.echo()?",
    };
    let area =
        if OWN.contains(&operation.area()) { String::new() } else { format!(".{}()", operation.area()) };
    let mut arguments: Vec<String> = operation
        .arguments
        .iter()
        .map(|argument| format!("p.argument({}, \"{}\")?", read(argument), argument.name))
        .collect();
    let mut text = String::new();
    let verb = snake(operation.verb());
    let common = surface.common.iter().filter(|it| !it.streams || operation.stream.is_some());
    let mut options = String::new();
    for option in common {
        set(&mut options, "it", option);
    }
    if operation.name == CREATE {
        text.push_str("let mut spec = daytona::SandboxSpec::default();");
        for option in &operation.options {
            set(&mut text, "spec", option);
        }
        arguments.push("spec".into());
    } else {
        let mut own = String::new();
        for option in &operation.options {
            set(&mut own, "it", option);
        }
        options.insert_str(0, &own);
    }
    if operation.body {
        arguments.push("p.body()".into());
    }
    if is_echoed(operation) {
        arguments.push("p.all()".into());
    }
    let _ = write!(text, "let mut it = {target}{area}.{verb}({});{options}", arguments.join(", "));
    text
}

fn set(text: &mut String, of: &str, option: &Member) {
    let (read, name) = (read(option), &option.name);
    let _ = write!(
        text,
        "if let Some(value) = p.option({read}, \"{name}\")? {{ {of} = {of}.{}(value); }}",
        option_name(option)
    );
}

/// The function that reads a parameter as its Rust type.
fn read(of: &Member) -> String {
    match (&of.of, of.unit.as_deref()) {
        (Type::Number | Type::Integer, Some("s")) => "Parameters::seconds".into(),
        (Type::Number | Type::Integer, Some("ms")) => "Parameters::milliseconds".into(),
        (of, _) => format!("Parameters::json::<{}>", owned(of)),
    }
}
