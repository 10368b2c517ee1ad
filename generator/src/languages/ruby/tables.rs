//! What the runtime looks up by operation.

use super::super::surface::{Returns, Surface, channel};
use super::official::Official;
use std::fmt::Write;

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
    text += "    # The fields of SandboxMetrics, by the metric that each comes from.\n    METRICS = {\n";
    let metrics = official.metrics.iter().map(|(metric, field)| format!("      '{metric}' => :{field}"));
    let _ = writeln!(text, "{}\n    }}.freeze", metrics.collect::<Vec<_>>().join(",\n"));
    text + "  end\nend\n"
}
