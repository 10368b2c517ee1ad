//! What the runtime looks up by operation.

use super::super::surface::{Operation, Returns, Surface, channel};
use super::official::{Named, Official};
use super::spelling::signature;
use std::fmt::Write;

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
    text += "])\n\n/** Streams whose input comes to an end. */\n";
    let finishes = |it: &&Operation| it.stream.as_ref().is_some_and(|stream| stream.input == "finished");
    let finishes = surface.operations.iter().filter(finishes).map(|it| format!("'{}'", it.name));
    let finishes = ["[".to_owned() + &finishes.collect::<Vec<_>>().join(", ") + "]"];
    text += &signature("const finishes = new Set", &finishes, "", 0);
    let channels = surface.channels.iter().map(|it| format!("'{}'", channel(&it.name)));
    let channels = channels.collect::<Vec<_>>().join(", ");
    text += "\n/** The channels of streams, by number. */\n";
    let _ = write!(text, "const channels = [{channels}]\n\n");
    text += "/** Levels of the library's log, by name. */\nconst levels = {\n";
    for level in &surface.log_levels {
        let name = level.name.trim_start_matches("LOG_").to_lowercase();
        let _ = writeln!(text, "  {name}: {},", level.number);
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
    text += "}\n\nmodule.exports = { ABI, returns, bounded, finishes, channels, levels, names }\n";
    text
}
