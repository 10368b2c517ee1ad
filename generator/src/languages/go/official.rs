//! The names of the official SDK: the packages `types` and `options` and the plain methods of `daytona`, from
//! `bindings/go/official.json`.

use super::file;
use super::names::{comment, described, exported, summary};
use crate::languages::File;
use crate::languages::surface::{Operation, Surface, Target};
use serde_json::{Map, Value};
use std::fmt::Write;

const NAMES: &str = include_str!("../../../../bindings/go/official.json");

pub fn render(surface: &Surface) -> Result<Vec<File>, String> {
    let names: Value = serde_json::from_str(NAMES).map_err(|error| format!("official.json: {error}"))?;
    Ok(vec![
        file("types/gen_types.go", types(&names)?),
        file("options/gen_options.go", options(&names, surface)?),
        file("daytona/gen_services.go", services(&names, surface)?),
    ])
}

fn entries<'a>(value: &'a Value, key: &str) -> Result<&'a Map<String, Value>, String> {
    value[key].as_object().ok_or(format!("official.json: {key} is no object"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn types(names: &Value) -> Result<String, String> {
    let mut body = String::new();
    for (name, it) in entries(names, "enumerations")? {
        write!(
            body,
            "\n// {name} is {}\ntype {name} string\n\n// Values of {name}.\nconst (\n",
            text(&it["doc"])
        )
        .unwrap();
        let values = entries(it, "values")?;
        let prefixes: Vec<&str> = std::iter::once(name.as_str()).chain(it["also"].as_str()).collect();
        let constants: Vec<(String, &Value)> = prefixes
            .iter()
            .flat_map(|prefix| values.iter().map(move |(value, is)| (format!("{prefix}{value}"), is)))
            .collect();
        let width = constants.iter().map(|(constant, _)| constant.len()).max().unwrap_or(0);
        for (constant, is) in constants {
            writeln!(body, "\t{constant}{} {name} = {is}", " ".repeat(width - constant.len())).unwrap();
        }
        body.push_str(")\n");
    }
    for (name, it) in entries(names, "types")? {
        body.push('\n');
        body.push_str(&comment(&format!("{name} is {}", text(&it["doc"])), ""));
        if let Some(is) = it["is"].as_str() {
            writeln!(body, "type {name} {is}").unwrap();
            continue;
        }
        writeln!(body, "type {name} struct {{").unwrap();
        if let Some(embedded) = it["embeds"].as_str() {
            writeln!(body, "\t{embedded}").unwrap();
        }
        let fields = entries(it, "fields")?;
        // A blank line between fields, so that gofmt has nothing to align.
        for (number, (field, is)) in fields.iter().enumerate() {
            if number > 0 || it["embeds"].is_string() {
                body.push('\n');
            }
            let (of, json) = (text(&is[0]), text(&is[1]));
            let plain = it["plain"] == true && !of.starts_with(['*', '[', 'm']);
            let tag = match json {
                "" => "-".to_owned(),
                json if plain => json.to_owned(),
                json => format!("{json},omitzero"),
            };
            writeln!(body, "\t{field} {of} `json:\"{tag}\"`").unwrap();
        }
        body.push_str("}\n");
        if it["getters"] == true {
            for (field, is) in fields {
                getter(&mut body, name, field, text(&is[0]));
            }
        }
    }
    Ok(format!(
        "// Package types has the parameters and results of the package daytona.\npackage types\n{}{body}",
        imports(&["net/http", "time"], &[])
    ))
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

fn options(names: &Value, surface: &Surface) -> Result<String, String> {
    let mut body = String::from(
        "\n// Apply makes the options of their functions.\nfunc Apply[T any](opts ...func(*T)) *T {\n\tvalue := new(T)\n\
         \tfor _, option := range opts {\n\t\toption(value)\n\t}\n\treturn value\n}\n",
    );
    for (name, it) in entries(names, "options")? {
        let operation = find(surface, text(&it["of"]))?;
        write!(body, "\n// {name} are the options of {}.\ntype {name} struct {{\n", operation.name).unwrap();
        let fields = entries(it, "fields")?;
        for (number, (field, is)) in fields.iter().enumerate() {
            if number > 0 {
                body.push('\n');
            }
            let of = match text(&is[0]) {
                "true" => "bool".to_owned(),
                of => of.replace("...", "[]"),
            };
            writeln!(body, "\t{field} {of}").unwrap();
        }
        body.push_str("}\n");
        for (field, is) in fields {
            let function = text(&is[2]);
            let known = operation.options.iter().find(|option| option.name == text(&is[1]));
            let doc = known
                .map_or(format!("sets {field}."), |option| format!("sets {field}: {}", described(option)));
            let (takes, set) = match text(&is[0]) {
                "true" => (String::new(), "true".to_owned()),
                of if of.starts_with("...") => (format!("value {of}"), "value".into()),
                of if of.starts_with('*') => (format!("value {}", &of[1..]), "&value".into()),
                of => (format!("value {of}"), "value".into()),
            };
            body.push('\n');
            body.push_str(&comment(&format!("{function} {doc}"), ""));
            write!(
                body,
                "func {function}({takes}) func(*{name}) {{\n\treturn func(options *{name}) {{ options.{field} = {set} }}\n}}\n"
            )
            .unwrap();
        }
    }
    let head = "// Package options has the optional parameters of the package daytona.\npackage options\n";
    Ok(format!("{head}{}{body}", imports(&["time"], &["types"])))
}

fn services(names: &Value, surface: &Surface) -> Result<String, String> {
    let options = entries(names, "options")?;
    let mut body = format!(
        "\n// Version is the version of this package, which is the library's.\nconst Version = \"{}\"\n{}",
        surface.version,
        states(surface)
    );
    for (service, it) in entries(names, "services")? {
        let methods = it["methods"].as_array().ok_or(format!("official.json: {service} has no methods"))?;
        if service != "Sandbox" {
            let first = find(surface, text(&methods[0][1]))?;
            let on = if first.target == Target::Client { "*api.Client" } else { "*api.SandboxHandle" };
            write!(body, "\n// {service}: {}.\ntype {service} struct{{ on {on} }}\n", text(&it["doc"]))
                .unwrap();
        }
        for method in methods {
            render_method(&mut body, service, method, options, surface)?;
        }
    }
    Ok(format!("package daytona\n{}{body}", imports(&["context", "time"], &["api", "options", "types"])))
}

/// The states of a sandbox, which the official package has as its own.
fn states(surface: &Surface) -> String {
    let states = surface.choices.iter().find(|choice| choice.name == "SandboxState");
    let mut body = String::from("\n// The states of a sandbox that are known.\nconst (\n");
    let names: Vec<String> =
        states.into_iter().flat_map(|choice| &choice.values).map(|value| exported(value)).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for name in &names {
        writeln!(body, "\tSandboxState{name}{} = api.SandboxState{name}", " ".repeat(width - name.len()))
            .unwrap();
    }
    body.push_str(")\n");
    body
}

fn render_method(
    body: &mut String,
    service: &str,
    method: &Value,
    options: &Map<String, Value>,
    surface: &Surface,
) -> Result<(), String> {
    let [name, operation, takes, option, gives] = std::array::from_fn(|at| text(&method[at]));
    let operation = find(surface, operation)?;
    let mut parameters = String::from("ctx context.Context");
    let mut arguments = String::new();
    for one in takes.split(", ").filter(|one| !one.is_empty()) {
        let (parameter, key) =
            one.split_once('@').unwrap_or((one, one.split(' ').next().unwrap_or_default()));
        let (name, of) = parameter.split_once(' ').ok_or(format!("official.json: {one} has no type"))?;
        write!(parameters, ", {parameter}").unwrap();
        if key != "*"
            && !operation.arguments.iter().chain(&operation.options).any(|it| it.name == key)
            && key != "timeoutMs"
        {
            return Err(format!("official.json: {} has no {key}", operation.name));
        }
        arguments.push_str(&argument(name, of, key));
    }
    match options.get(option) {
        Some(is) => {
            write!(parameters, ", opts ...func(*options.{option})").unwrap();
            for (field, is) in entries(is, "fields")? {
                let (of, key) = (text(&is[0]), text(&is[1]));
                if !key.is_empty() {
                    arguments.push_str(&argument(
                        &format!("o.{field}"),
                        if of == "string" { "*" } else { of },
                        key,
                    ));
                }
            }
        }
        None if option == "wait" => arguments.push_str(", api.Value(\"wait\", true)"),
        None if option.is_empty() => {}
        None => return Err(format!("official.json: there are no options {option}")),
    }
    let (gives, member) = gives.split_once(" .").unwrap_or((gives, ""));
    let (result, of) = gives.split_once('=').unwrap_or((gives, gives));
    let on = if service == "Sandbox" { "s.API" } else { "s.on" };
    let call = match (of, member) {
        ("", _) => format!("null(ctx, {on}, \"{}\"{arguments})", operation.name),
        ("update", _) => format!("s.update(ctx, \"{}\"{arguments})", operation.name),
        (of, "") => format!("get[{of}](ctx, {on}, \"{}\"{arguments})", operation.name),
        (of, member) => format!("member[{of}](ctx, {on}, \"{}\", \"{member}\"{arguments})", operation.name),
    };
    let result = match result {
        "" | "update" => "error".to_owned(),
        of => format!("({of}, error)"),
    };
    let doc = operation.doc.trim().split("\n\n").next().unwrap_or_default();
    body.push('\n');
    body.push_str(&comment(
        &format!(
            "{}\n\nThe operation {}: the package api has its documentation.",
            summary(name, doc),
            operation.name
        ),
        "",
    ));
    writeln!(body, "func (s *{service}) {name}({parameters}) {result} {{").unwrap();
    if options.contains_key(option) {
        body.push_str("\to := options.Apply(opts...)\n");
    }
    writeln!(body, "\treturn {call}\n}}").unwrap();
    Ok(())
}

/// One argument of a call. What may be nil is left out then.
fn argument(name: &str, of: &str, key: &str) -> String {
    match of {
        _ if key == "*" => format!(", api.Members({name})"),
        "string" => format!(", api.Text(\"{key}\", {name})"),
        "int" => format!(", api.Integer(\"{key}\", int64({name}))"),
        "time.Duration" => format!(", milliseconds(\"{key}\", {name})"),
        "*time.Duration" => format!(", seconds(\"{key}\", {name})"),
        "...bool" => format!(", last(\"{key}\", {name})"),
        "bool" | "[]string" if !name.contains('.') => format!(", api.Value(\"{key}\", {name})"),
        _ => format!(", api.Optional(\"{key}\", {name})"),
    }
}

fn find<'a>(surface: &'a Surface, name: &str) -> Result<&'a Operation, String> {
    let operation = surface.operations.iter().find(|operation| operation.name == name);
    operation.ok_or(format!("official.json: there is no operation {name}"))
}

fn imports(standard: &[&str], own: &[&str]) -> String {
    let standard: String = standard.iter().map(|package| format!("\t\"{package}\"\n")).collect();
    let own: String =
        own.iter().map(|it| format!("\t\"github.com/libdaytona/libdaytona/bindings/go/{it}\"\n")).collect();
    let between = if own.is_empty() { "" } else { "\n" };
    format!("\nimport (\n{standard}{between}{own})\n")
}
