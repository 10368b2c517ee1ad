//! Enumerations and structs, and how those that show a shape of the catalogue are filled.

use super::{entries, placed, text};
use crate::languages::go::names::{columns, comment, described, exported};
use crate::languages::go::shapes::field_type;
use crate::languages::surface::{Shape, Surface};
use serde_json::{Map, Value};
use std::fmt::Write;

/// What stands in the package `types`, and what in `daytona`.
pub fn render(names: &Value, surface: &Surface) -> Result<(String, String), String> {
    let (mut shown, mut own) = (String::new(), String::new());
    for (name, it) in entries(names, "enumerations")? {
        let (name, is_own) = placed(name);
        enumeration(if is_own { &mut own } else { &mut shown }, name, it)?;
    }
    for (name, it) in entries(names, "types")? {
        let (name, is_own) = placed(name);
        structure(if is_own { &mut own } else { &mut shown }, name, it, surface)?;
    }
    Ok((shown, own))
}

fn enumeration(body: &mut String, name: &str, it: &Value) -> Result<(), String> {
    write!(
        body,
        "\n// {name} is {}\ntype {name} string\n\n// Values of {name}.\nconst (\n",
        text(&it["doc"])
    )
    .unwrap();
    let values = entries(it, "values")?;
    let prefixes: Vec<&str> = std::iter::once(name).chain(it["also"].as_str()).collect();
    let constants = prefixes.iter().flat_map(|prefix| {
        values.iter().map(move |(value, is)| (format!("{prefix}{value}"), format!("{name} = {is}")))
    });
    columns(body, "\t", constants);
    body.push_str(")\n");
    Ok(())
}

fn structure(body: &mut String, name: &str, it: &Value, surface: &Surface) -> Result<(), String> {
    body.push('\n');
    body.push_str(&comment(&format!("{name} is {}", text(&it["doc"])), ""));
    if let Some(is) = it["is"].as_str() {
        writeln!(body, "type {name} {is}").unwrap();
        return Ok(());
    }
    writeln!(body, "type {name} struct {{").unwrap();
    if let Some(embedded) = it["embeds"].as_str() {
        writeln!(body, "\t{embedded}").unwrap();
    }
    let fields = entries(it, "fields")?;
    let of =
        it["from"].as_str().map(|from| surface.shape(from).ok_or(format!("official.json: no shape {from}")));
    let of = of.transpose()?;
    let is_json = of.is_none() && fields.values().any(|is| is[1].is_string());
    // A blank line between fields, so that gofmt has nothing to align.
    for (number, (field, is)) in fields.iter().enumerate() {
        if number > 0 || it["embeds"].is_string() {
            body.push('\n');
        }
        let (of_field, json) = (text(&is[0]), text(&is[1]));
        if let Some(member) = of.and_then(|of| of.members.iter().find(|member| member.name == json)) {
            body.push_str(&comment(&format!("{field}: {}", described(member)), "\t"));
        }
        if !is_json {
            writeln!(body, "\t{field} {of_field}").unwrap();
            continue;
        }
        let is_plain = it["plain"] == true && !of_field.starts_with(['*', '[', 'm']);
        let tag = match json {
            "" => "-".to_owned(),
            json if is_plain => json.to_owned(),
            json => format!("{json},omitzero"),
        };
        writeln!(body, "\t{field} {of_field} `json:\"{tag}\"`").unwrap();
    }
    body.push_str("}\n");
    if it["getters"] == true {
        for (field, is) in fields {
            getter(body, name, field, text(&is[0]));
        }
    }
    if it["services"] == true {
        provider(body, name, fields);
    }
    measurer(body, name, fields);
    of.map_or(Ok(()), |of| setter(body, name, fields, of))
}

/// The method that makes the services of what has some.
fn provider(body: &mut String, name: &str, fields: &Map<String, Value>) {
    let (receiver, on) = (super::receiver(name), text(&fields["API"][0]));
    writeln!(body, "\nfunc ({receiver} *{name}) serve(on {on}) {{\n\t{receiver}.API = on").unwrap();
    for (field, of) in fields.iter().filter_map(|(field, is)| Some((field, text(&is[0]).strip_prefix('*')?)))
    {
        if of.ends_with("Service") {
            writeln!(body, "\t{receiver}.{field} = &{of}{{on}}").unwrap();
        }
    }
    body.push_str("}\n");
}

fn getter(body: &mut String, name: &str, field: &str, of: &str) {
    let (plain, read) = match of.strip_prefix('*') {
        Some(plain) => (plain, format!("*o.{field}")),
        None => (of, format!("o.{field}")),
    };
    let absent =
        if of.starts_with('*') { format!("o == nil || o.{field} == nil") } else { "o == nil".into() };
    write!(
        body,
        "\n// Get{field} gives {field}, or the zero value.\nfunc (o *{name}) Get{field}() (value {plain}) {{\n\
         \tif {absent} {{\n\t\treturn value\n\t}}\n\treturn {read}\n}}\n"
    )
    .unwrap();
}

/// The method that sets the field of a metric.
fn measurer(body: &mut String, name: &str, fields: &Map<String, Value>) {
    let metrics = fields.iter().filter_map(|(field, is)| Some((field, text(&is[0]), is[3].as_str()?)));
    let cases: String = metrics
        .map(|(field, of, metric)| {
            format!("\tcase api.Metric{}:\n\t\ts.{field} = {of}(value)\n", exported(metric))
        })
        .collect();
    if !cases.is_empty() {
        write!(
            body,
            "\nfunc (s *{name}) measure(metric api.Metric, value float64) {{\n\tswitch metric {{\n{cases}\t}}\n}}\n"
        )
        .unwrap();
    }
}

/// The method that fills a struct from the shape that it shows.
fn setter(body: &mut String, name: &str, fields: &Map<String, Value>, of: &Shape) -> Result<(), String> {
    writeln!(body, "\nfunc (s *{name}) set(data api.{}) {{", exported(&of.name)).unwrap();
    for (field, is) in fields.iter().filter(|(_, is)| is[1].is_string()) {
        let (wanted, json) = (text(&is[0]), text(&is[1]));
        let member = of.members.iter().find(|member| member.name == json);
        let member = member.ok_or(format!("official.json: {} has no {json}", of.name))?;
        let (value, had) = (format!("data.{}", exported(json)), field_type(member, of.is_parameter));
        let value = match (is[2].as_str().filter(|it| !it.is_empty()), had.strip_prefix('*')) {
            (Some(function), _) => format!("{function}({value})"),
            (None, _) if had == wanted.replace("api.", "") => value,
            (None, Some(_)) if wanted == "*string" => format!("(*string)({value})"),
            (None, Some(had)) if had == wanted => format!("of({value})"),
            (None, Some(_)) => format!("{wanted}(of({value}))"),
            (None, None) => format!("{wanted}({value})"),
        };
        writeln!(body, "\ts.{field} = {value}").unwrap();
    }
    body.push_str("}\n");
    Ok(())
}
