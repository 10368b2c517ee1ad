//! What the runtime looks up by operation.

use super::super::surface::{Returns, Surface, channel};
use super::official::Official;
use std::fmt::Write;

/// The functions that the gem calls.
const CALLED: [&str; 16] = [
    "client_open",
    "echo_open",
    "close",
    "free",
    "submit",
    "cancel",
    "queue_open",
    "queue_next",
    "stream_open",
    "stream_write",
    "stream_finish",
    "log",
    "shutdown",
    "version",
    "protocol_version",
    "status_name",
];

pub fn render(surface: &Surface, official: &Official) -> String {
    let (major, minor) = surface.interface();
    let mut text = format!(
        "module Daytona\n  # What the runtime looks up.\n  module Tables\n    \
         # The interface of the library that this gem needs: `major << 16 | minor`.\n    \
         ABI = ({major} << 16) | {minor}\n\n    \
         # The version of this gem.\n    VERSION = '{}'\n\n    \
         # What an operation gives back, unless it is JSON.\n    RETURNS = {{\n",
        surface.version
    );
    let mut rows = Vec::new();
    for operation in &surface.operations {
        let Some(call) = &operation.call else { continue };
        let of = match call.returns {
            Returns::Json => continue,
            Returns::Null => "null",
            Returns::Bytes => "bytes",
            Returns::Text => "text",
            Returns::Handle => "handle",
        };
        rows.push(format!("      '{}' => :{of}", operation.name));
    }
    text += &rows.join(",\n");
    text += "\n    }.freeze\n\n    # The channels of streams, by number.\n";
    let channels = surface.channels.iter().map(|it| channel(&it.name));
    let _ = writeln!(text, "    CHANNELS = %i[{}].freeze\n", channels.collect::<Vec<_>>().join(" "));
    text += "    # Levels of the library's log, by name.\n";
    let level = |name: &str| name.trim_start_matches("LOG_").to_lowercase();
    let levels = surface.log_levels.iter().map(|it| format!("{}: {}", level(&it.name), it.number));
    let _ = writeln!(text, "    LOG_LEVELS = {{ {} }}.freeze\n", levels.collect::<Vec<_>>().join(", "));
    let kinds = surface.kinds.iter().map(|it| (it.name.clone(), it.number));
    numbers(&mut text, "Kinds of events.", "Kind", kinds);
    let statuses = surface.statuses.iter().map(|it| (it.name.replace("HTTP_", ""), it.number));
    numbers(&mut text, "How a call ended.", "Status", statuses);
    text +=
        "    # What the C functions take, as the ffi gem has it, and what they give.\n    FUNCTIONS = {\n";
    let functions = surface.functions().filter_map(|(gives, name, parameters)| {
        let name = name.trim_start_matches("daytona_");
        let takes: Vec<&str> = parameters.iter().map(|(of, _)| ffi(of)).collect();
        CALLED.contains(&name).then(|| format!("      {name}: [%i[{}], :{}]", takes.join(" "), ffi(gives)))
    });
    let _ = writeln!(text, "{}\n    }}.freeze\n", functions.collect::<Vec<_>>().join(",\n"));
    text += "    # The fields of SandboxMetrics, by the metric that each comes from.\n    METRICS = {\n";
    let metrics = official.metrics.iter().map(|(metric, field)| format!("      '{metric}' => :{field}"));
    let _ = writeln!(text, "{}\n    }}.freeze", metrics.collect::<Vec<_>>().join(",\n"));
    text + "  end\nend\n"
}

/// A type of C as the ffi gem has it.
fn ffi(of: &str) -> &str {
    match of {
        "const char *" => "string",
        "const uint8_t *" => "buffer_in",
        pointer if pointer.ends_with('*') => "pointer",
        handle if handle.starts_with("daytona_") => "uint64",
        "size_t" => of,
        number => number.trim_end_matches("_t"),
    }
}

fn numbers(text: &mut String, doc: &str, module: &str, names: impl Iterator<Item = (String, i64)>) {
    let _ = writeln!(text, "    # {doc}\n    module {module}");
    for (name, number) in names {
        let _ = writeln!(text, "      {name} = {number}");
    }
    text.push_str("    end\n\n");
}
