//! What the runtime and its tests look up by operation.

use super::super::surface::{Operation, Returns, Surface, channel};
use super::official::{Named, Official};
use super::spelling::{WIDTH, signature};
use heck::ToLowerCamelCase;
use std::fmt::Write;

/// The functions that the package calls.
const CALLED: [&str; 17] = [
    "daytona_version",
    "daytona_status_name",
    "daytona_client_open",
    "daytona_echo_open",
    "daytona_close",
    "daytona_shutdown",
    "daytona_free",
    "daytona_call",
    "daytona_submit",
    "daytona_cancel",
    "daytona_queue_open",
    "daytona_queue_next",
    "daytona_queue_fd",
    "daytona_stream_open",
    "daytona_stream_finish",
    "daytona_stream_write",
    "daytona_log",
];

pub fn render(surface: &Surface, official: &Official) -> String {
    let (major, minor) = surface.interface();
    let mut text = format!(
        "\n'use strict'\n\n/** The interface of the library that this package needs: `major << 16 | minor`. */\n\
         const ABI = ({major} << 16) | {minor}\n\n/** What an operation gives back, unless it is JSON. */\n\
         const returns = Object.assign(Object.create(null), {{\n"
    );
    for operation in &surface.operations {
        let Some(call) = &operation.call else { continue };
        let of = match call.returns {
            Returns::Json => continue,
            Returns::Null => "null",
            Returns::Bytes => "bytes",
            Returns::Text => "text",
            Returns::Handle => "handle",
        };
        let _ = writeln!(text, "  '{}': '{of}',", operation.name);
    }
    text += "})\n\n/** Operations whose limit is a minute unless another is given. */\nconst bounded = new Set([\n";
    for operation in surface.operations.iter().filter(|it| it.timeout_ms == Some(60_000)) {
        let _ = writeln!(text, "  '{}',", operation.name);
    }
    text += "])\n\n/** Operations that take bytes. */\n";
    let bodies = surface.operations.iter().filter(|it| it.body).map(|it| format!("'{}'", it.name));
    let _ = writeln!(text, "const bodies = new Set([{}])", bodies.collect::<Vec<_>>().join(", "));
    text += "\n/** Streams whose input comes to an end. */\n";
    let finishes = |it: &&Operation| it.stream.as_ref().is_some_and(|stream| stream.input == "finished");
    let finishes = surface.operations.iter().filter(finishes).map(|it| format!("'{}'", it.name));
    let finishes = ["[".to_owned() + &finishes.collect::<Vec<_>>().join(", ") + "]"];
    text += &signature("const finishes = new Set", &finishes, "", 0);
    let channels = surface.channels.iter().map(|it| format!("'{}'", channel(&it.name)));
    let channels = channels.collect::<Vec<_>>().join(", ");
    text += "\n/** The channels of streams, by number. */\n";
    let _ = write!(text, "const channels = [{channels}]\n\n");
    let levels = surface.log_levels.iter().map(|it| (it.name.replace("LOG_", "").to_lowercase(), it.number));
    numbers(&mut text, "Levels of the library's log", "levels", levels);
    let kinds = surface.kinds.iter().map(|it| (it.name.clone(), it.number));
    numbers(&mut text, "Kinds of events", "kinds", kinds);
    let statuses = surface.statuses.iter().map(|it| (it.name.replace("HTTP_", ""), it.number));
    numbers(&mut text, "How a call ended", "statuses", statuses);
    text += "/** The C functions, as koffi declares them. */\nconst functions = {\n";
    for (gives, name, parameters) in surface.functions().filter(|(_, name, _)| CALLED.contains(name)) {
        let key = name.trim_start_matches("daytona_").to_lower_camel_case();
        let parameters = parameters.iter().map(|(of, _)| koffi(of)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "  {key}: '{} {name}({parameters})',", koffi(gives));
    }
    text += "}\n\n/** The library's names of parameters that the official package calls otherwise. */\nconst names = {\n";
    for (name, named) in &official.types {
        let Named::Fields(fields) = named else { continue };
        if fields.is_parameter && !fields.names.is_empty() {
            let _ = writeln!(text, "  {name}: {{");
            for (name, of) in &fields.names {
                let _ = writeln!(text, "    {name}: '{of}',");
            }
            text += "  },\n";
        }
    }
    text += "}\n\n/** The field of SandboxMetrics for each metric. @type {Record<string, string>} */\nconst metrics = {\n";
    for (metric, field) in &official.metrics {
        let _ = writeln!(text, "  '{metric}': '{field}',");
    }
    text += "}\n\nmodule.exports = {\n  ...{ ABI, returns, bounded, bodies, finishes, channels, levels, kinds, statuses, functions, names, metrics },\n}\n";
    text
}

/// A type of C as koffi has it: a text that goes in is one, every other pointer an address or an array.
fn koffi(of: &str) -> &str {
    match of {
        "const char *" => "str",
        pointer if pointer.ends_with('*') => "void *",
        handle if handle.starts_with("daytona_") => "uint64_t",
        number => number,
    }
}

fn numbers(text: &mut String, doc: &str, table: &str, names: impl Iterator<Item = (String, i64)>) {
    let _ = writeln!(text, "/** {doc}, by name. @type {{Record<string, number>}} */\nconst {table} = {{");
    for (name, number) in names {
        let _ = writeln!(text, "  {name}: {number},");
    }
    text.push_str("}\n\n");
}

/// `methods.js`: where the tests find the method of an operation.
pub fn methods(surface: &Surface, official: &Official) -> String {
    let mut text = String::from(
        "\n'use strict'\n\n/** The area, the methods of call and stream, and the arguments of each operation. */\n\
         module.exports = {\n",
    );
    for operation in &surface.operations {
        let own = official.names.get(&operation.name).cloned();
        let own = own.unwrap_or_else(|| operation.verb().to_lower_camel_case());
        let area = official.areas.get(operation.area()).and_then(|area| area.property.as_deref());
        let name = |given: Option<&String>| format!("'{}'", given.unwrap_or(&own));
        let call = operation.call.as_ref().map(|_| name(official.calls.get(&operation.name)));
        let stream = operation.stream.as_ref().map(|_| name(official.streams.get(&operation.name)));
        let arguments: Vec<String> = operation.arguments.iter().map(|it| format!("'{}'", it.name)).collect();
        let fields = [
            area.map(|area| format!("area: '{area}'")),
            call.map(|call| format!("call: {call}")),
            stream.map(|stream| format!("stream: {stream}")),
            Some(format!("arguments: [{}]", arguments.join(", "))),
            operation.body.then(|| "body: true".to_owned()),
        ];
        let fields: Vec<String> = fields.into_iter().flatten().collect();
        let line = format!("  '{}': {{ {} }},", operation.name, fields.join(", "));
        if line.len() <= WIDTH {
            let _ = writeln!(text, "{line}");
        } else {
            let _ = writeln!(text, "  '{}': {{\n    {},\n  }},", operation.name, fields.join(",\n    "));
        }
    }
    text + "}\n"
}
