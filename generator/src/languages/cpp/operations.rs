//! The classes whose methods are the operations: one an area, and what clients, sandboxes and the echo target do
//! themselves.

use super::super::surface::{Call, Member, Operation, Returns, Surface, Target};
use super::super::types::Type;
use super::text::{self, comment};
use super::{header, name};
use heck::{ToPascalCase, ToSnakeCase};
use std::fmt::Write;

/// The operations of one class.
pub struct Class<'a> {
    pub name: String,
    /// The accessor that gives it; none of a target's own.
    pub accessor: Option<String>,
    pub target: Target,
    pub operations: Vec<&'a Operation>,
}

pub fn render(surface: &Surface) -> String {
    let mut body = String::from("class Echo;\n\n");
    for class in classes(surface) {
        let of = class.operations[0].name.split('.').next().unwrap_or_default();
        let says = match class.accessor {
            Some(_) => format!("The operations `{of}.*`."),
            None => format!("What {} does itself, and the areas of its operations.", base(class.target)),
        };
        comment(&mut body, "", &says);
        let _ = write!(
            body,
            "class {name} : public detail::Operations {{\n  public:\n    explicit {name}(const detail::Operations &of) noexcept : Operations(of) {{}}\n",
            name = class.name
        );
        for operation in &class.operations {
            methods(&mut body, surface, operation);
        }
        if class.accessor.is_none() {
            body.push('\n');
            for area in classes(surface).iter().filter(|it| it.target == class.target) {
                if let Some(accessor) = &area.accessor {
                    let _ = writeln!(body, "    {} {accessor}() const {{ return {0}(*this); }}", area.name);
                }
            }
        }
        body += "};\n\n";
    }
    header("operations", "Every operation.", &["daytona/stream.hpp"], &body)
}

/// What needs the classes of handles, which are built upon these.
pub fn definitions(surface: &Surface) -> String {
    let mut body = String::new();
    for class in classes(surface) {
        for operation in &class.operations {
            for method in calls(operation).iter().filter(|it| it.makes_handle) {
                let _ = write!(
                    body,
                    "inline {} {}::{}({}) const {{\n    {}\n}}\n",
                    method.returns,
                    class.name,
                    method.name,
                    method.parameters.replace(" = Json()", ""),
                    method.body
                );
            }
        }
    }
    header("definitions", "Operations that make a handle.", &["daytona.hpp"], &body)
}

/// Areas before the targets that give them.
pub fn classes(surface: &Surface) -> Vec<Class<'_>> {
    let mut classes: Vec<Class> = Vec::new();
    for operation in &surface.operations {
        let own = matches!(operation.area(), "client" | "sandbox" | "echo");
        let name = if own { base(operation.target).to_owned() } else { operation.area().to_pascal_case() };
        let name = format!("{name}Operations");
        match classes.iter_mut().find(|it| it.name == name) {
            Some(class) => class.operations.push(operation),
            None => classes.push(Class {
                name,
                accessor: (!own).then(|| operation.area().to_owned()),
                target: operation.target,
                operations: vec![operation],
            }),
        }
    }
    classes.sort_by_key(|class| class.accessor.is_none());
    classes
}

fn base(target: Target) -> &'static str {
    match target {
        Target::Client => "Client",
        Target::Sandbox => "Sandbox",
        Target::Echo => "Echo",
    }
}

pub struct Method {
    pub name: String,
    pub returns: String,
    pub parameters: String,
    pub body: String,
    pub makes_handle: bool,
    says: String,
}

/// The name of an operation's call; of one that runs something and is a stream as well, the stream has the plain
/// one.
pub fn call_name(operation: &Operation) -> String {
    match operation.stream.is_some() && operation.verb() == "run" {
        true => "run_result".into(),
        false => name(operation.verb()),
    }
}

pub fn stream_name(operation: &Operation) -> String {
    match operation.call.is_some() && operation.verb() != "run" {
        true => format!("{}_stream", operation.verb()),
        false => name(operation.verb()),
    }
}

pub fn argument_name(argument: &Member) -> String {
    name(&argument.name.to_snake_case())
}

pub fn argument_type(of: &Type) -> &'static str {
    match of {
        Type::Text | Type::Time | Type::Choice(_) => "std::string_view",
        Type::Integer => "std::int64_t",
        Type::Boolean => "bool",
        Type::List(of) if matches!(**of, Type::Text | Type::Choice(_)) => "const std::vector<std::string> &",
        _ => "const Json &",
    }
}

fn methods(body: &mut String, surface: &Surface, operation: &Operation) {
    let streams = operation.stream.as_ref();
    let first = if operation.call.is_some() && call_name(operation) == name(operation.verb()) {
        None
    } else {
        streams
    };
    let mut methods = calls(operation);
    let stream = stream(operation);
    let at = if first.is_some() { 0 } else { methods.len() };
    methods.splice(at..at, stream);
    for (number, method) in methods.iter().enumerate() {
        let says = match number {
            0 => text::operation(surface, operation, operation.call.as_ref(), streams),
            _ => method.says.clone(),
        };
        if number == 0 {
            body.push('\n');
        }
        comment(body, "    ", &says);
        let separator = if method.returns.ends_with('&') { "" } else { " " };
        let _ = write!(body, "    {}{separator}{}({}) const", method.returns, method.name, method.parameters);
        match method.makes_handle {
            true => body.push_str(";\n"),
            false => {
                let _ = writeln!(body, " {{\n        {}\n    }}", method.body);
            }
        }
    }
}

/// The blocking call, the one with reports of progress, and the future.
fn calls(operation: &Operation) -> Vec<Method> {
    let Some(call) = &operation.call else { return Vec::new() };
    let (name, of) = (call_name(operation), result(operation, call));
    let (parameters, params) = (parameters(operation), params(operation));
    let data = if operation.body { ", data" } else { "" };
    let returned = if of == "void" { "" } else { "return " };
    let makes_handle = call.returns == Returns::Handle;
    let method = |name: String, returns: String, parameters: String, body: String, says: String| Method {
        name,
        returns,
        parameters,
        body,
        makes_handle,
        says,
    };
    let mut methods = vec![method(
        name.clone(),
        of.into(),
        parameters.clone(),
        format!("{returned}call_<{of}>({params}{data});"),
        if name == "run_result" {
            "The same to its end, with all of its output at once.".into()
        } else {
            String::new()
        },
    )];
    if call.progress {
        methods.push(method(
            name.clone(),
            of.into(),
            format!("{}, const OnProgress &on_progress", parameters.replace(" = Json()", "")),
            format!("{returned}call_<{of}>({params}, on_progress);"),
            "The same with reports of progress, on this thread.".into(),
        ));
    }
    methods.push(method(
        format!("{}_async", name.trim_end_matches('_')),
        format!("Call<{of}>"),
        parameters,
        format!("return submit_<{of}>({params}{data});"),
        "The same as a future.".into(),
    ));
    methods
}

fn stream(operation: &Operation) -> Option<Method> {
    let stream = operation.stream.as_ref()?;
    let of = if stream.handle { "SandboxStream" } else { "Stream" };
    Some(Method {
        name: stream_name(operation),
        returns: of.into(),
        parameters: parameters(operation),
        body: format!("return open_<{of}>({}, options);", params(operation)),
        makes_handle: false,
        says: "The same as a stream.".into(),
    })
}

/// The type that a call gives.
pub fn result(operation: &Operation, call: &Call) -> &'static str {
    match call.returns {
        Returns::Json => "Json",
        Returns::Null => "void",
        Returns::Bytes | Returns::Text => "std::string",
        Returns::Handle if operation.target == Target::Echo => "Echo",
        Returns::Handle => "Sandbox",
    }
}

fn parameters(operation: &Operation) -> String {
    let mut parameters: Vec<String> = Vec::new();
    for argument in &operation.arguments {
        let of = argument_type(&argument.of);
        let separator = if of.ends_with('&') { "" } else { " " };
        parameters.push(format!("{of}{separator}{}", argument_name(argument)));
    }
    if operation.body {
        parameters.push("std::string_view data".into());
    }
    parameters.push("const Json &options = Json()".into());
    parameters.join(", ")
}

fn params(operation: &Operation) -> String {
    let mut params = format!("Params(\"{}\", options)", operation.name);
    for argument in &operation.arguments {
        let _ = write!(params, ".with(\"{}\", {})", argument.name, argument_name(argument));
    }
    params
}
