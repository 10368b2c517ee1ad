//! The numbers of the interface that have names.

use super::super::surface::{Constant, Surface};
use super::{docs, names};
use std::fmt::Write;

pub fn render(surface: &Surface) -> String {
    let mut out = String::new();
    let doc = "How a call ended: 1 to 99 happened on this side, 400 to 599 is an HTTP status.";
    constants(&mut out, "public enum DaytonaStatus", doc, &surface.statuses);
    constants(&mut out, "public enum OutputChannel", "What a chunk of output belongs to.", &surface.channels);
    constants(
        &mut out,
        "public enum DaytonaLogLevel",
        "How much the library says of itself.",
        &surface.log_levels,
    );
    constants(&mut out, "internal enum EventKind", "What an event tells.", &surface.kinds);
    out
}

fn constants(out: &mut String, declaration: &str, doc: &str, constants: &[Constant]) {
    let _ = writeln!(out, "/// <summary>{doc}</summary>\n{declaration}\n{{");
    // There is no listener that hears nothing.
    for constant in constants.iter().filter(|it| it.name != "LOG_OFF") {
        let name = match constant.name.strip_prefix("LOG_").unwrap_or(&constant.name) {
            "WARN" => "Warning".into(),
            "INFO" => "Information".into(),
            name => names::pascal(name),
        };
        docs::element(out, "    ", "<summary>", "</summary>", &docs::xml(&constant.doc));
        let _ = writeln!(out, "    {name} = {},\n", constant.number);
    }
    out.truncate(out.len() - 1);
    out.push_str("}\n\n");
}
