//! Parameter objects, and parts of answers, by the official gem's names.

use super::official::{Argument, Goes, Official, Struct};
use super::spelling::listed;
use std::fmt::Write;

pub fn render(official: &Official) -> (String, String) {
    let mut text =
        String::from("require_relative '../record'\nrequire_relative '../target'\n\nmodule Daytona\n");
    let mut types = String::from("module Daytona\n");
    let mut outside = (String::new(), String::new());
    for it in &official.structs {
        match it.name.split_once("::") {
            Some(("DaytonaApiClient", name)) => {
                outside.0 += &class(it, &format!("DaytonaApiClient::{name}"), "Daytona::Parameters", 0);
                outside.1 += &signature(it, name, "::Daytona::Parameters", 2);
            }
            _ => {
                let parent = it.parent.as_deref().unwrap_or("Parameters");
                text += &class(it, &it.name, parent, 2);
                types += &signature(it, &it.name, parent, 2);
            }
        }
    }
    text.truncate(text.trim_end().len());
    text += "\nend\n\n# The official gem's client of the API, of which programs name these.\nmodule DaytonaApiClient\nend\n\n";
    (text + outside.0.trim_end() + "\n", format!("{types}end\n\nmodule DaytonaApiClient\n{}end\n", outside.1))
}

fn class(it: &Struct, name: &str, parent: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    // Modules that contain a class are there before it.
    let mut text = String::new();
    match name.rsplit_once("::") {
        Some(("LspServer", _)) => text = format!("{margin}class LspServer < Area; end\n\n"),
        Some(("ComputerUse", "ScreenshotRegion")) => {
            text = format!("{margin}class ComputerUse < Area; end\n\n")
        }
        _ => {}
    }
    let fields: Vec<String> = it.fields.iter().map(|field| format!(":{}", field.name)).collect();
    let _ = writeln!(text, "{margin}class {name} < {parent}");
    text += &listed("  attr_accessor ", &fields, "", indent);
    text += &format!("\n{margin}  FIELDS = {{\n");
    let rows: Vec<String> =
        it.fields.iter().map(|field| format!("{margin}    {}: '{}'", field.name, json_name(field))).collect();
    text += &rows.join(",\n");
    let inherited = if it.parent.is_some() { format!(".merge({parent}::FIELDS)") } else { String::new() };
    let _ = writeln!(text, "\n{margin}  }}{inherited}.freeze\n");
    let mut parameters: Vec<String> = it.fields.iter().map(parameter).collect();
    parameters.extend(it.parent.is_some().then(|| "**rest".to_owned()));
    text += &listed("  def initialize(", &parameters, ")", indent);
    if it.parent.is_some() {
        let _ = writeln!(text, "{margin}    super(**rest)");
    }
    if it.parent.is_none() {
        let _ = writeln!(text, "{margin}    super()");
    }
    for field in &it.fields {
        let _ = writeln!(text, "{margin}    @{0} = {0}", field.name);
    }
    let _ = write!(text, "{margin}  end\n{margin}end\n\n");
    text
}

fn json_name(field: &Argument) -> &str {
    match &field.goes {
        Goes::To(name) | Goes::Id(name) => name,
        Goes::Seconds => "timeout",
        Goes::Spread => "",
    }
}

fn parameter(field: &Argument) -> String {
    let default = |text: &str| field.default.as_ref().map(|it| text.to_owned() + it).unwrap_or_default();
    match field.is_keyword {
        true => format!("{}:{}", field.name, default(" ")),
        false => format!("{}{}", field.name, default(" = ")),
    }
}

fn signature(it: &Struct, name: &str, parent: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut text = format!("{margin}class {name} < {parent}\n");
    for field in &it.fields {
        let _ = writeln!(text, "{margin}  attr_accessor {}: untyped", field.name);
    }
    let mut parameters: Vec<String> = it
        .fields
        .iter()
        .map(|field| match (field.is_keyword, field.default.is_some()) {
            (true, true) => format!("?{}: untyped", field.name),
            (true, false) => format!("{}: untyped", field.name),
            (false, true) => format!("?untyped {}", field.name),
            (false, false) => format!("untyped {}", field.name),
        })
        .collect();
    parameters.extend(it.parent.is_some().then(|| "**untyped".to_owned()));
    let _ = write!(text, "{margin}  def initialize: ({}) -> void\n{margin}end\n\n", parameters.join(", "));
    text
}
