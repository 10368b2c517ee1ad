//! The services and their methods, and the steps of an image.

use super::{entries, find, text};
use crate::languages::go::names::{columns, comment, described, exported, summary};
use crate::languages::surface::{Member, Surface, Target};
use serde_json::Value;
use std::fmt::Write;

pub fn render(names: &Value, surface: &Surface) -> Result<String, String> {
    let services = entries(names, "services")?;
    let mut body = format!(
        "\n// Version is the version of this package, which is the library's.\nconst Version = \"{}\"\n{}",
        surface.version,
        states(surface)
    );
    for (name, it) in services {
        let methods = it["methods"].as_array().ok_or(format!("official.json: {name} has no methods"))?;
        let service = Service { name, bound: parameters(text(&it["bound"]))? };
        if it["doc"] != "" {
            let target = find(surface, text(&methods[0][1]))?.target;
            service.declare(&mut body, text(&it["doc"]), target);
        }
        for (part, of) in it["parts"].as_object().into_iter().flatten() {
            let of = text(of);
            let bound = parameters(text(&services[of]["bound"]))?;
            service.part(&mut body, part, of, &bound, text(&services[of]["doc"]));
        }
        for method in methods {
            service.method(&mut body, method, names, surface)?;
        }
    }
    for (name, it) in entries(names, "images")? {
        let (key, takes) = (text(&it[0]), parameters(text(&it[1]))?);
        let doc = format!("{name} begins an image: {}", described(member(surface, "Image", key)?));
        write!(
            body,
            "\n{}func {name}({}) *DockerImage {{\n\treturn &DockerImage{{begin: \"{key}\", with: {}}}\n}}\n",
            comment(&doc, ""),
            declared(&takes),
            takes.first().map_or("nil", |it| it.name)
        )
        .unwrap();
    }
    for (name, it) in entries(names, "image")? {
        step(&mut body, name, it, surface)?;
    }
    Ok(body)
}

/// The states of a sandbox, which the official package has as its own.
fn states(surface: &Surface) -> String {
    let states = surface.choices.iter().find(|choice| choice.name == "SandboxState");
    let mut body = String::from(
        "\n// SandboxState is the state of a sandbox.\ntype SandboxState = api.SandboxState\n\n\
         // The states of a sandbox that are known.\nconst (\n",
    );
    let names = states.into_iter().flat_map(|choice| &choice.values).map(|value| exported(value));
    let constant = |name| (format!("SandboxState{name}"), format!("= api.SandboxState{name}"));
    columns(&mut body, "\t", names.map(constant));
    body.push_str(")\n");
    body
}

/// A parameter of a method, and the argument of the operation that it gives.
struct Parameter<'a> {
    name: &'a str,
    /// Empty where `name` is the argument's value.
    of: &'a str,
    field: Option<&'a str>,
    key: &'a str,
    function: Option<&'a str>,
}

fn parameters<'a>(list: &'a str) -> Result<Vec<Parameter<'a>>, String> {
    let one = |one: &'a str| {
        if let Some((key, value)) = one.split_once('=').filter(|_| !one.contains(' ')) {
            return Ok(Parameter { name: value, of: "", field: None, key, function: None });
        }
        let (declared, key) = one.split_once('@').map_or((one, None), |(it, key)| (it, Some(key)));
        let (name, of) = declared.split_once(' ').ok_or(format!("official.json: {one} has no type"))?;
        let (key, function) = match key.unwrap_or(name).split_once('=') {
            Some((key, function)) => (key, Some(function)),
            None => (key.unwrap_or(name), None),
        };
        let (of, field) = match of.rsplit_once('.') {
            Some((of, field)) if of.contains('.') && !of.starts_with('.') => (of, Some(field)),
            _ => (of, None),
        };
        Ok(Parameter { name, of, field, key, function })
    };
    list.split(", ").filter(|it| !it.is_empty()).map(one).collect()
}

fn declared(parameters: &[Parameter]) -> String {
    let shown = parameters.iter().filter(|it| !it.of.is_empty());
    shown.map(|it| format!("{} {}", it.name, it.of)).collect::<Vec<_>>().join(", ")
}

impl Parameter<'_> {
    /// A list, which is none for nil.
    fn items(&self) -> String {
        format!("append({}{{}}, {}...)", self.of, self.name)
    }

    /// The argument of a call. What may be nil is left out then.
    fn argument(&self, name: &str) -> String {
        let key = self.key;
        if let Some(function) = self.function {
            return format!(", api.Value(\"{key}\", {function}({name}))");
        }
        if let Some(field) = self.field {
            return format!(", api.Optional(\"{key}\", of({name}).{field})");
        }
        match self.of {
            _ if key == "*" => format!(", api.Members({name})"),
            "string" => format!(", api.Text(\"{key}\", {name})"),
            "int" => format!(", api.Integer(\"{key}\", int64({name}))"),
            "time.Duration" => format!(", api.Milliseconds(\"{key}\", {name})"),
            "*time.Duration" => format!(", seconds(\"{key}\", {name})"),
            "...bool" => format!(", api.Value(\"{key}\", slices.Contains({name}, true))"),
            "" => format!(", api.Value(\"{key}\", {name})"),
            "bool" | "[]string" if !name.contains('.') => format!(", api.Value(\"{key}\", {name})"),
            _ => format!(", api.Optional(\"{key}\", {name})"),
        }
    }
}

struct Service<'a> {
    name: &'a str,
    bound: Vec<Parameter<'a>>,
}

impl Service<'_> {
    fn receiver(&self) -> String {
        format!("{} *{}", super::receiver(self.name), self.name)
    }

    /// What its operations act on.
    fn target(&self) -> String {
        let field = if matches!(self.name, "Client" | "Sandbox") { "API" } else { "on" };
        format!("{}.{field}", super::receiver(self.name))
    }

    fn declare(&self, body: &mut String, doc: &str, target: Target) {
        let name = self.name;
        let on = if target == Target::Client { "*api.Client" } else { "*api.SandboxHandle" };
        write!(body, "\n// {name}: {doc}.\ntype {name} struct").unwrap();
        if self.bound.is_empty() {
            writeln!(body, "{{ on {on} }}").unwrap();
        } else {
            let bound: String = self.bound.iter().map(|it| format!("\n\t{} {}\n", it.name, it.of)).collect();
            writeln!(body, " {{\n\ton {on}\n{bound}}}").unwrap();
        }
        if let (Target::Client, Some(field)) = (target, name.strip_suffix("Service")) {
            write!(
                body,
                "\n// New{name} gives the field {field} of a client.\n\
                 func New{name}(client *Client) *{name} {{ return client.{field} }}\n"
            )
            .unwrap();
        }
    }

    /// A method that gives another service.
    fn part(&self, body: &mut String, name: &str, of: &str, bound: &[Parameter], doc: &str) {
        let values: String = bound.iter().map(|it| format!(", {}", it.name)).collect();
        write!(
            body,
            "\n// {name} gives {doc}.\nfunc ({}) {name}({}) *{of} {{\n\treturn &{of}{{{}{values}}}\n}}\n",
            self.receiver(),
            declared(bound),
            self.target()
        )
        .unwrap();
    }

    fn method(
        &self,
        body: &mut String,
        method: &Value,
        names: &Value,
        surface: &Surface,
    ) -> Result<(), String> {
        let options = entries(names, "options")?;
        let [name, operation, takes, option, gives] = std::array::from_fn(|at| text(&method[at]));
        let operation = find(surface, operation)?;
        let takes = parameters(takes)?;
        for key in self.bound.iter().chain(&takes).map(|it| it.key) {
            let is_known = operation.arguments.iter().chain(&operation.options).any(|it| it.name == key);
            if !is_known && !matches!(key, "*" | "timeoutMs") {
                return Err(format!("official.json: {} has no {key}", operation.name));
            }
        }
        let mut parameters = String::from("ctx context.Context");
        if !declared(&takes).is_empty() {
            write!(parameters, ", {}", declared(&takes)).unwrap();
        }
        let mut arguments: String = self
            .bound
            .iter()
            .map(|it| it.argument(&format!("{}.{}", super::receiver(self.name), it.name)))
            .collect();
        arguments.extend(takes.iter().map(|it| it.argument(it.name)));
        match options.get(option) {
            Some(is) => {
                write!(parameters, ", opts ...func(*options.{option})").unwrap();
                for (field, is) in entries(is, "fields")?.iter().filter(|(_, is)| is[1] != "") {
                    let of = if is[0] == "string" { "optional" } else { text(&is[0]) };
                    let option =
                        Parameter { name: field, of, field: None, key: text(&is[1]), function: None };
                    arguments.push_str(&option.argument(&format!("o.{field}")));
                }
            }
            None if option.is_empty() => {}
            None => return Err(format!("official.json: there are no options {option}")),
        }
        if gives == "follow" {
            parameters.push_str(", stdout, stderr chan<- string");
        }
        let then = gives.strip_prefix("then ").and_then(|it| it.split_once(' '));
        let (mut result, call) = self.call(&operation.name, then.map_or(gives, |_| ""), &arguments);
        let shape = names["types"][format!("daytona.{gives}")]["from"].as_str();
        let mut doc = operation.doc.trim().split("\n\n").next().unwrap_or_default().to_owned();
        if let Some((then, of)) = then {
            result = format!("({of}, error)");
            doc.push_str(&format!(" Then it gives what {then} gives."));
        }
        body.push('\n');
        body.push_str(&comment(
            &format!(
                "{}\n\nThe operation {}: the package api has its documentation.",
                summary(name, &doc),
                operation.name
            ),
            "",
        ));
        writeln!(body, "func ({}) {name}({parameters}) {result} {{", self.receiver()).unwrap();
        if options.contains_key(option) {
            body.push_str("\to := options.Apply(opts...)\n");
        }
        match (shape, then) {
            (_, Some((then, _))) => writeln!(
                body,
                "\tif err := {call}; err != nil {{\n\t\treturn nil, err\n\t}}\n\treturn {}.{then}(ctx, {})\n}}",
                super::receiver(self.name),
                takes.first().map_or("", |it| it.name)
            ),
            (Some(of), _) => write!(
                body,
                "\tvar shown {gives}\n\tdata, err := api.Call[api.{}](ctx, {}, \"{}\"{arguments})\n\tif err == nil {{\n\t\tshown.set(data)\n\t}}\n\treturn shown, err\n}}\n",
                exported(of),
                self.target(),
                operation.name
            ),
            _ => writeln!(body, "\treturn {call}\n}}"),
        }
        .unwrap();
        Ok(())
    }

    /// The result of a method, and the call that gives it.
    fn call(&self, operation: &str, gives: &str, arguments: &str) -> (String, String) {
        let call = |function: &str, more: &str| {
            format!("{function}(ctx, {}, \"{operation}\"{more}{arguments})", self.target())
        };
        let client = if self.name == "Client" { "c" } else { "s.client" };
        match (gives, gives.split_once(" ."), gives.split_once('=')) {
            ("", ..) => ("error".to_owned(), call("api.CallNull", "")),
            ("update", ..) => ("error".to_owned(), format!("s.update(ctx, \"{operation}\"{arguments})")),
            ("follow", ..) => ("error".to_owned(), call("follow", ", stdout, stderr")),
            ("*Sandbox", ..) => {
                ("(*Sandbox, error)".to_owned(), format!("{client}.made({})", call("api.CallSandbox", "")))
            }
            ("*PtyHandle", ..) => ("(*PtyHandle, error)".to_owned(), call("terminal", "")),
            (_, Some((of, member)), _) => {
                (format!("({of}, error)"), call(&format!("member[{of}]"), &format!(", \"{member}\"")))
            }
            (_, _, Some((result, of))) => {
                let call = call(&format!("get[{of}]"), "");
                match result.split_once(' ') {
                    Some((result, function)) => (format!("({result}, error)"), format!("{function}({call})")),
                    None => (format!("({result}, error)"), call),
                }
            }
            (of, ..) => (format!("({of}, error)"), call(&format!("get[{of}]"), "")),
        }
    }
}

fn member<'a>(surface: &'a Surface, shape: &str, key: &str) -> Result<&'a Member, String> {
    let known = surface.shape(shape).and_then(|it| it.members.iter().find(|it| it.name == key));
    known.ok_or(format!("official.json: {shape} has no {key}"))
}

/// A method that adds a step to an image.
fn step(body: &mut String, name: &str, it: &Value, surface: &Surface) -> Result<(), String> {
    let (key, takes) = (text(&it[0]), parameters(text(&it[1]))?);
    let known = member(surface, "ImageStep", key)?;
    let mut declared = declared(&takes);
    let value = match takes.as_slice() {
        [one] if it[2].is_string() => {
            let options = text(&it[2]);
            write!(declared, ", opts ...func(*options.{options})").unwrap();
            format!(
                "struct {{\n\t\t{} {} `json:\"{}\"`\n\t\t*options.{options}\n\t}}{{{}, options.Apply(opts...)}}",
                exported(one.name),
                one.of,
                one.key,
                one.items()
            )
        }
        [one] if one.of.starts_with("[]") => one.items(),
        [one] => one.name.to_owned(),
        [key, value] if it[2] == "entry" => format!("map[string]string{{{}: {}}}", key.name, value.name),
        several => {
            let members = several.iter().map(|it| format!("\"{}\": {}", it.key, it.name));
            format!("map[string]string{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
    };
    body.push('\n');
    body.push_str(&comment(&format!("{name} adds a step: {}", described(known)), ""));
    write!(
        body,
        "func (img *DockerImage) {name}({declared}) *DockerImage {{\n\treturn img.step(\"{key}\", {value})\n}}\n"
    )
    .unwrap();
    Ok(())
}
