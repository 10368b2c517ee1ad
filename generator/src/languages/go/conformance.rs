//! The table from operation to typed call that the conformance driver goes through.

use super::file;
use super::names::{exported, go_type, options_type};
use crate::languages::File;
use crate::languages::surface::{Operation, Returns, Surface, Target};
use std::fmt::Write;

pub fn render(surface: &Surface) -> File {
    let mut calls = String::new();
    let mut streams = String::new();
    for operation in &surface.operations {
        let on = receiver(operation);
        let verb = exported(operation.verb());
        let arguments = arguments(operation, surface);
        if let Some(call) = &operation.call {
            let convert = match call.returns {
                Returns::Null => "null",
                Returns::Bytes => "raw",
                Returns::Text => "value",
                Returns::Handle => "handle",
                Returns::Json => "value",
            };
            writeln!(
                calls,
                "\t\"{}\": func(ctx context.Context, on *target, p *params) outcome {{",
                operation.name
            )
            .unwrap();
            writeln!(calls, "\t\treturn {convert}({on}.{verb}({arguments}))\n\t}},").unwrap();
        }
        if operation.stream.is_some() {
            let verb = if operation.call.is_some() { format!("{verb}Stream") } else { verb };
            let arguments = arguments.replace(", p.body", "");
            writeln!(
                streams,
                "\t\"{}\": func(ctx context.Context, on *target, p *params) (stream, error) {{",
                operation.name
            )
            .unwrap();
            writeln!(streams, "\t\treturn streamOf({on}.{verb}({arguments}))\n\t}},").unwrap();
        }
    }
    let imports = "import (\n\t\"context\"\n\n\t\"github.com/libdaytona/libdaytona/bindings/go/api\"\n)\n";
    file(
        "internal/conformance/gen_calls.go",
        format!(
            "package main\n\n{imports}\nvar calls = map[string]func(context.Context, *target, *params) outcome{{\n{calls}}}\n\n\
             var streams = map[string]func(context.Context, *target, *params) (stream, error){{\n{streams}}}\n"
        ),
    )
}

fn receiver(operation: &Operation) -> String {
    match (operation.area(), operation.target) {
        ("client", _) => "on.client".into(),
        ("sandbox", Target::Sandbox) => "on.sandbox".into(),
        (_, Target::Sandbox) => format!("on.sandbox.{}", exported(operation.area())),
        (_, _) => format!("on.client.{}", exported(operation.area())),
    }
}

/// The arguments in the order of Go's evaluation: each takes its own parameter, the options take the rest.
fn arguments(operation: &Operation, surface: &Surface) -> String {
    let mut arguments = String::from("ctx");
    for argument in &operation.arguments {
        let of = go_type(&argument.of, true);
        let of = if of.chars().next().is_some_and(char::is_uppercase) {
            format!("api.{of}")
        } else {
            qualified(&of)
        };
        write!(arguments, ", take[{of}](p, \"{}\")", argument.name).unwrap();
    }
    if matches!(operation.name.as_str(), "echo.value" | "echo.handle") {
        arguments.push_str(", p.all()");
    }
    if operation.body {
        arguments.push_str(", p.body");
    }
    let progress = operation.call.as_ref().is_some_and(|call| call.progress);
    let options = if operation.options.is_empty() && !progress && operation.stream.is_none() {
        "CallOptions".to_owned()
    } else if operation.options.is_empty() && !progress && operation.call.is_none() {
        "StreamOptions".to_owned()
    } else {
        options_type(operation, surface)
    };
    write!(arguments, ", rest[api.{options}](p)").unwrap();
    arguments
}

/// A type of lists and maps, with the package of what it is made of.
fn qualified(of: &str) -> String {
    let at = of.find(char::is_uppercase);
    match at {
        Some(at) if !of[..at].contains('.') => format!("{}api.{}", &of[..at], &of[at..]),
        _ => of.to_owned(),
    }
}
