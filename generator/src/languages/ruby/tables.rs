//! What the runtime looks up by operation.

use super::super::surface::{Operation, Returns, Surface, Target};
use super::super::types::Type;
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut numbers = surface.version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
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
    let _ = writeln!(text, "    LOG_LEVELS = {{ {} }}.freeze", levels.collect::<Vec<_>>().join(", "));
    text + "  end\nend\n"
}

pub fn channel(name: &str) -> String {
    if name == "NONE" { "data".into() } else { name.to_lowercase() }
}

/// The answer is the sandbox itself, which the object then holds.
pub fn refreshes(operation: &Operation) -> bool {
    let call = operation.call.as_ref();
    let is_handle = call.is_some_and(|call| matches!(call.returns, Returns::Handle));
    let is_sandbox = |of: &Type| matches!(of, Type::Shape(name) if name == "Sandbox");
    let of = call.and_then(|call| call.result.as_ref()).map(|result| &result.of);
    operation.target == Target::Sandbox
        && !is_handle
        && operation.area() == "sandbox"
        && of.is_some_and(is_sandbox)
}
