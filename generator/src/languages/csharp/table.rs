//! The table of the conformance driver: from an operation's name and JSON to the typed call.

use super::super::surface::{Member, Operation, Returns, Surface, Target};
use super::super::types::Type;
use super::types::{Span, Use};
use super::{names, operations, shapes, types};
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut out = String::from(
        "/// <summary>The typed call of each operation.</summary>\ninternal static class Table\n{\n    \
         internal static readonly Dictionary<string, Func<Handles, Input, Task<Outcome>>> Calls = new()\n    {\n",
    );
    let public = |it: &&Operation| it.target != Target::Echo && !names::SKIPPED.contains(&it.name.as_str());
    for operation in surface.operations.iter().filter(public) {
        let Some(call) = &operation.call else { continue };
        let body = if operation.body { "input.Body, " } else { "" };
        let progress = if call.progress { "null, " } else { "" };
        let invoked = format!(
            "{}.{}Async({}{body}{}, {progress}input.Cancellation)",
            owner(operation),
            operations::call_name(operation, call),
            arguments(operation),
            options(operation),
        );
        let _ = match call.returns {
            Returns::Null => writeln!(
                out,
                "        [\"{}\"] = static (on, input) => Outcome.Of({invoked}),",
                operation.name
            ),
            _ => writeln!(
                out,
                "        [\"{}\"] = static async (on, input) => Outcome.Of(await {invoked}),",
                operation.name
            ),
        };
    }
    out.push_str("    };\n\n    internal static readonly Dictionary<string, Func<Handles, Input, Task<Flow>>> Streams = new()\n    {\n");
    for operation in surface.operations.iter().filter(public).filter(|it| it.stream.is_some()) {
        let _ = writeln!(
            out,
            "        [\"{}\"] = static async (on, input) => Flow.Of(await {}.{}Async({}{}, input.Cancellation)),",
            operation.name,
            owner(operation),
            names::stream(operation),
            arguments(operation),
            options(operation),
        );
    }
    out.push_str("    };\n\n    /// <summary>What operations act on.</summary>\n    internal static readonly Dictionary<string, string> Targets = new()\n    {\n");
    for operation in &surface.operations {
        let target = match operation.target {
            Target::Client => "client",
            Target::Sandbox => "sandbox",
            Target::Echo => "echo",
        };
        let _ = writeln!(out, "        [\"{}\"] = \"{target}\",", operation.name);
    }
    out.push_str("    };\n\n    /// <summary>The error classes of the catalogue.</summary>\n    internal static readonly HashSet<string> Classes =\n    [\n");
    for class in &surface.classes {
        let _ = writeln!(out, "        \"{}\",", class.name);
    }
    out.push_str("    ];\n\n    /// <summary>The configuration of a client.</summary>\n    internal static DaytonaOptions Config(Input input) => new()\n    {\n");
    for member in surface.shape("ClientConfig").iter().flat_map(|shape| &shape.members) {
        let _ =
            writeln!(out, "        {} = {},", names::property(member, "DaytonaOptions"), optional(member));
    }
    out.push_str("    };\n}\n");
    out
}

fn owner(operation: &Operation) -> String {
    let owner = if operation.target == Target::Client { "on.Client" } else { "on.Sandbox" };
    match operation.area() {
        "client" | "sandbox" => owner.to_owned(),
        area => format!("{owner}.{}", names::pascal(area)),
    }
}

fn arguments(operation: &Operation) -> String {
    let mut out = String::new();
    for member in &operation.arguments {
        let mark = if types::is_reference(&member.of) && types::span(member).is_none() {
            "!"
        } else {
            ".GetValueOrDefault()"
        };
        let _ = write!(out, "{}{mark}, ", read(member, Use::Argument));
    }
    out
}

fn options(operation: &Operation) -> String {
    if !shapes::has_options(operation) {
        return "input.Options()".into();
    }
    let name = names::options(operation);
    let mut out = format!("new {name} {{ CallTimeout = input.Limit(\"timeoutMs\")");
    for member in &operation.options {
        let _ = write!(out, ", {} = {}", names::property(member, &name), optional(member));
    }
    out.push_str(" }");
    out
}

fn optional(member: &Member) -> String {
    let mark = if types::is_collection(&member.of) { "!" } else { "" };
    format!("{}{mark}", read(member, Use::Option))
}

fn read(member: &Member, use_of: Use) -> String {
    let name = &member.name;
    let of = types::parameter(member, use_of);
    let inner = |of: &str| {
        of.split_once('<').map_or(String::new(), |(_, rest)| rest.trim_end_matches('>').to_owned())
    };
    let method = match (&member.of, types::span(member)) {
        (_, Some(Span::Milliseconds)) if member.endless == Some(0) => "Limit".into(),
        (_, Some(Span::Milliseconds)) => "Milliseconds".into(),
        (_, Some(Span::Seconds)) => "Seconds".into(),
        (_, Some(Span::Minutes)) => "Minutes".into(),
        (Type::Text, None) => "Text".into(),
        (Type::Time, None) => "Time".into(),
        (Type::Integer, None) => if of == "int" { "Int" } else { "Long" }.into(),
        (Type::Number, None) => "Number".into(),
        (Type::Boolean, None) => "Boolean".into(),
        (Type::Shape(name), None) if name == "Image" => "Image".into(),
        (Type::Shape(_), None) => format!("Shape<{of}>"),
        (Type::Choice(_), None) => format!("Choice<{of}>"),
        (Type::Map(_), None) => "Map".into(),
        (Type::List(item), None) => match **item {
            Type::Shape(_) => format!("Shapes<{}>", inner(&of)),
            Type::Choice(_) => format!("Choices<{}>", inner(&of)),
            Type::Map(_) => if use_of == Use::Argument { "ReadOnlyMaps" } else { "Maps" }.into(),
            _ => "Texts".into(),
        },
        (Type::Either(_), None) if of == "Image" => "Image".into(),
        _ => "Json".into(),
    };
    format!("input.{method}(\"{name}\")")
}
