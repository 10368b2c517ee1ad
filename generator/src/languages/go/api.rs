//! The package `api`: one file for each area, with a method for each operation.

use super::file;
use super::names::{
    columns, comment, described, exported, go_type, has_nil, local, options_type, service, summary,
};
use super::shapes::{field_type, omit};
use crate::languages::File;
use crate::languages::surface::{Call, Member, Operation, Returns, Stream, Surface, Target};
use crate::languages::types::{Type, Typed};
use std::fmt::Write;

pub fn render(surface: &Surface) -> Vec<File> {
    let mut areas: Vec<&str> = Vec::new();
    for operation in &surface.operations {
        if !areas.contains(&operation.area()) {
            areas.push(operation.area());
        }
    }
    let mut files = vec![file("api/gen_services.go", services(surface, &areas))];
    for area in areas {
        let operations: Vec<&Operation> = surface.operations.iter().filter(|it| it.area() == area).collect();
        let mut body = String::new();
        for operation in operations {
            render_operation(&mut body, operation, surface);
        }
        let mut imports = String::from("import (\n\t\"context\"\n");
        if body.contains("json.RawMessage") {
            imports.push_str("\t\"encoding/json\"\n");
        }
        imports.push_str(")\n");
        files.push(file(&format!("api/gen_{area}.go"), format!("package api\n\n{imports}{body}")));
    }
    files
}

/// The services of a client and of a sandbox: fields, one for each area.
fn services(surface: &Surface, areas: &[&str]) -> String {
    let mut text = String::from("package api\n");
    let of = |area: &str, target: Target| {
        let on = |it: Target| it == target || (target == Target::Client && it == Target::Echo);
        area != "client" && surface.operations.iter().any(|it| it.area() == area && on(it.target))
    };
    for area in areas {
        if of(area, Target::Client) || (of(area, Target::Sandbox) && *area != "sandbox") {
            write!(
                text,
                "\n// {0} has the operations of the area {area}.\ntype {0} struct{{ target *target }}\n",
                service(area)
            )
            .unwrap();
        }
    }
    for (kind, target) in [("client", Target::Client), ("sandbox", Target::Sandbox)] {
        let fields: Vec<&&str> = areas
            .iter()
            .filter(|area| of(area, target) && (target == Target::Client || **area != "sandbox"))
            .collect();
        write!(text, "\n// {kind}Services are the areas of a {kind}.\ntype {kind}Services struct {{\n")
            .unwrap();
        columns(&mut text, "\t", fields.iter().map(|area| (exported(area), format!("*{}", service(area)))));
        write!(
            text,
            "}}\n\nfunc {kind}ServicesOf(on *target) {kind}Services {{\n\treturn {kind}Services{{\n"
        )
        .unwrap();
        let made = |area: &&&str| (format!("{}:", exported(area)), format!("&{}{{on}},", service(area)));
        columns(&mut text, "\t\t", fields.iter().map(made));
        text.push_str("\t}\n}\n");
    }
    text
}

fn render_operation(text: &mut String, operation: &Operation, surface: &Surface) {
    let options = render_options(text, operation, surface);
    if let Some(call) = &operation.call {
        render_call(text, operation, call, &options);
    }
    if let Some(stream) = &operation.stream {
        render_stream(text, operation, stream, &options);
    }
}

/// The options of one operation as a struct, and its name.
fn render_options(text: &mut String, operation: &Operation, surface: &Surface) -> String {
    let progress = operation.call.as_ref().is_some_and(|call| call.progress);
    let streams = operation.stream.is_some();
    if operation.options.is_empty() && !progress && !streams {
        return "CallOptions".into();
    }
    if operation.options.is_empty() && !progress && operation.call.is_none() {
        return "StreamOptions".into();
    }
    let name = options_type(operation, surface);
    write!(text, "\n// {name} are the options of {}, all optional.\ntype {name} struct {{\n", operation.name)
        .unwrap();
    for member in &operation.options {
        let field = exported(&member.name);
        text.push_str(&comment(&format!("{field}: {}", described(member)), "\t"));
        let plain = Member { required: false, ..member.clone() };
        writeln!(text, "\t{field} {} `json:\"{}{}\"`", field_type(&plain, true), member.name, omit(&plain))
            .unwrap();
    }
    if progress {
        text.push_str("\t// Progress: called by the calling goroutine while the transfer runs.\n");
        text.push_str("\tProgress func(Progress) `json:\"-\"`\n");
    }
    writeln!(text, "\n\t{}", if streams { "StreamOptions" } else { "CallOptions" }).unwrap();
    text.push_str("}\n");
    if progress {
        write!(text, "\nfunc (o *{name}) reports() func(Progress) {{ return o.Progress }}\n").unwrap();
    }
    name
}

fn render_call(text: &mut String, operation: &Operation, call: &Call, options: &str) {
    let (function, result) = match (&call.returns, &call.result) {
        (Returns::Null, _) => ("CallNull".to_owned(), "error".to_owned()),
        (Returns::Bytes, _) => ("CallBytes".into(), "([]byte, error)".into()),
        (Returns::Text, _) => ("CallBytes".into(), "(string, error)".into()),
        (Returns::Handle, _) => ("CallSandbox".into(), "(*SandboxHandle, error)".into()),
        (Returns::Json, Some(typed)) => {
            let of = result_type(typed);
            (format!("Call[{of}]"), format!("({of}, error)"))
        }
        (Returns::Json, None) => ("Call[json.RawMessage]".into(), "(json.RawMessage, error)".into()),
    };
    let name = method(operation);
    let body = if operation.body { ", body []byte" } else { "" };
    text.push('\n');
    text.push_str(&comment(&documentation(operation, &name), ""));
    let (receiver, target) = receiver(operation);
    writeln!(
        text,
        "func ({receiver}) {name}(ctx context.Context{}{body}, options *{options}) {result} {{",
        parameters(operation)
    )
    .unwrap();
    let body = if operation.body { ", Body(body)" } else { "" };
    let (name, arguments) = (&operation.name, arguments(operation));
    let made = format!("{function}(ctx, {target}, \"{name}\"{arguments}{body}, Members(options))");
    match call.returns {
        Returns::Text => writeln!(text, "\ttext, err := {made}\n\treturn string(text), err\n}}").unwrap(),
        _ => writeln!(text, "\treturn {made}\n}}").unwrap(),
    }
}

fn render_stream(text: &mut String, operation: &Operation, stream: &Stream, options: &str) {
    let of = |typed: &Option<Typed>| typed.as_ref().map_or("Nothing".into(), result_type);
    let (opened, ended) = (of(&stream.opened), of(&stream.ended));
    let name =
        if operation.call.is_some() { format!("{}Stream", method(operation)) } else { method(operation) };
    let mut doc = documentation(operation, &name);
    if operation.call.is_some() {
        doc = format!(
            "{name} opens {} as a stream: {}",
            operation.name,
            doc.split_once(": ").map_or("", |it| it.1)
        );
    }
    text.push('\n');
    text.push_str(&comment(&doc, ""));
    let (receiver, target) = receiver(operation);
    write!(
        text,
        "func ({receiver}) {name}(ctx context.Context{}, options *{options}) (*Stream[{opened}, {ended}], error) {{\n\
         \treturn OpenStream[{opened}, {ended}](ctx, {target}, \"{}\"{}, Members(options))\n}}\n",
        parameters(operation),
        operation.name,
        arguments(operation)
    )
    .unwrap();
}

/// The type of a result; one that may be null is a pointer.
fn result_type(typed: &Typed) -> String {
    if typed.of == Type::Any && typed.nullable {
        return "Nothing".into();
    }
    let of = go_type(&typed.of, false);
    if typed.nullable && !has_nil(&typed.of) { format!("*{of}") } else { of }
}

fn method(operation: &Operation) -> String {
    exported(operation.verb())
}

/// The receiver of an operation's method, and what it acts on.
fn receiver(operation: &Operation) -> (String, &'static str) {
    match (operation.area(), operation.target) {
        ("client", _) => ("c *Client".into(), "c.target"),
        ("sandbox", Target::Sandbox) => ("s *SandboxHandle".into(), "s.target"),
        (area, _) => (format!("s *{}", service(area)), "s.target"),
    }
}

fn parameters(operation: &Operation) -> String {
    let one = |it: &Member| format!(", {} {}", local(&it.name), go_type(&it.of, true));
    let any = if takes_anything(operation) { ", values map[string]any" } else { "" };
    operation.arguments.iter().map(one).chain([any.to_owned()]).collect()
}

/// The echo target's operations that give back whatever they are given.
fn takes_anything(operation: &Operation) -> bool {
    matches!(operation.name.as_str(), "echo.value" | "echo.handle")
}

/// The required arguments, as the calls by name take them.
fn arguments(operation: &Operation) -> String {
    let one = |it: &Member| {
        let (key, name) = (&it.name, local(&it.name));
        match &it.of {
            Type::Text => format!(", Text(\"{key}\", {name})"),
            Type::Choice(_) | Type::Time => format!(", Text(\"{key}\", string({name}))"),
            Type::Integer => format!(", Integer(\"{key}\", {name})"),
            _ => format!(", Value(\"{key}\", {name})"),
        }
    };
    let any = if takes_anything(operation) { ", Members(values)" } else { "" };
    operation.arguments.iter().map(one).chain([any.to_owned()]).collect()
}

fn documentation(operation: &Operation, name: &str) -> String {
    let mut text = format!("{}\n", summary(name, &operation.doc));
    if !operation.arguments.is_empty() {
        text.push('\n');
    }
    for argument in &operation.arguments {
        text.push_str(&format!("* {}: {}\n", local(&argument.name), described(argument)));
    }
    text.push_str("\nCancelled: ");
    text.push_str(operation.cancel.trim());
    match operation.timeout_ms {
        Some(limit) => text.push_str(&format!(" Without a deadline it gives up after {} s.", limit / 1000)),
        None => text.push_str(" Without a deadline it has no time limit of its own."),
    }
    if !operation.statuses.is_empty() || !operation.codes.is_empty() {
        let all: Vec<&str> = operation.statuses.iter().chain(&operation.codes).map(String::as_str).collect();
        text.push_str(&format!("\n\nFails with {}, beside what every operation can.", all.join(", ")));
    }
    text.push_str(&format!("\n\nEndpoint: {}", operation.endpoint.trim()));
    text
}
