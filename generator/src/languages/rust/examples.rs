//! The examples of the documentation: all are compiled, and those that need no server are run.

use super::requests::{CREATE, OWN, gives, is_echoed, option_name};
use super::spelling::{shape, snake, variant};
use super::types::has_constructor;
use crate::languages::surface::{Choice, Member, Operation, Shape, Surface, Target};
use crate::languages::types::Type;
use heck::ToSnakeCase;

/// So long a chain of calls stands on one line.
const LINE: usize = 90;

/// An operation's request with one more call on it or none, awaited.
pub fn awaited(surface: &Surface, operation: &Operation, more: &str) -> String {
    let mut calls = called(surface, operation);
    calls.extend([more, "await?"].into_iter().filter(|it| !it.is_empty()).map(str::to_owned));
    let binding = if gives(operation) == "()" { "" } else { "let given = " };
    in_function("    ", operation.target, &format!("{binding}{};", chain(&calls)))
}

/// A request with options, before it is sent.
pub fn request(surface: &Surface, operation: &Operation, name: &str, options: &[&Member]) -> String {
    let mut calls = called(surface, operation);
    calls.extend(options.iter().map(|option| set(surface, option)));
    let lines = format!("let request: daytona::requests::{name} = {};\nrequest.await?;", chain(&calls));
    in_function("", operation.target, &lines)
}

/// An area, from an operation of it.
pub fn area(surface: &Surface, operation: &Operation, indent: &str, name: &str) -> String {
    let calls = called(surface, operation);
    let lines = format!("let {}: daytona::requests::{name} = {}.{};", operation.area(), calls[0], calls[1]);
    in_function(indent, operation.target, &lines)
}

/// What a sandbox is to be made of, with one option.
pub fn spec(surface: &Surface, name: &str, option: &Member) -> String {
    block("    ", "", &format!("let spec = daytona::{name}::default().{};", set(surface, option)))
}

/// A method that sets an option, called.
pub fn set(surface: &Surface, option: &Member) -> String {
    format!("{}({})", option_name(option), argument(surface, option))
}

/// A shape that programs make, or one of which they get the JSON.
pub fn structure(surface: &Surface, of: &Shape, indent: &str) -> String {
    let name = shape(&of.name);
    let variable = name.to_snake_case();
    if has_constructor(of) {
        return block(indent, "", &format!("let {variable} = {};", constructed(surface, of)));
    }
    if of.is_parameter {
        let field = &of.members[0];
        let lines = format!(
            "let {variable} = daytona::types::{name} {{ {}: Some({}), ..Default::default() }};",
            snake(&field.name),
            field_value(surface, &field.of)
        );
        return block(indent, "", &lines);
    }
    let lines = format!(
        "let {variable}: daytona::types::{name} = serde_json::from_str(r#\"{}\"#)?;\n\
         assert_eq!({variable}.additional[\"newer\"], true);\n\
         # Ok::<(), serde_json::Error>(())",
        json(surface, of, Some("\"newer\":true"))
    );
    block(indent, "", &lines)
}

/// A choice, and that newer values are kept.
pub fn choice(indent: &str, of: &Choice) -> String {
    let (name, known) = (&of.name, &of.values[0]);
    let lines = format!(
        "use daytona::types::{name};\n\n\
         assert_eq!({name}::from(\"{known}\"), {name}::{});\n\
         assert_eq!({name}::from(\"newer\").as_str(), \"newer\");",
        variant(known)
    );
    block(indent, "", &lines)
}

fn constructed(surface: &Surface, of: &Shape) -> String {
    let required = of.members.iter().filter(|it| it.required && !it.nullable);
    let values: Vec<String> =
        required.map(|it| argument(surface, &Member { unit: None, ..it.clone() })).collect();
    format!("daytona::types::{}::new({})", shape(&of.name), values.join(", "))
}

fn in_function(indent: &str, target: Target, lines: &str) -> String {
    let parameter = match target {
        Target::Client => "client: daytona::Client",
        Target::Sandbox => "sandbox: daytona::Sandbox",
        Target::Echo => "echo: daytona::Echo",
    };
    let lines = format!("# async fn example({parameter}) -> daytona::Result<()> {{\n{lines}\n# Ok(())\n# }}");
    block(indent, "no_run", &lines)
}

/// A program's lines within a documentation comment.
fn block(indent: &str, attribute: &str, lines: &str) -> String {
    let lines: String =
        lines.lines().map(|line| format!("{indent}/// {line}").trim_end().to_owned() + "\n").collect();
    format!("{indent}///\n{indent}/// ```{attribute}\n{lines}{indent}/// ```\n")
}

/// Calls behind each other, as rustfmt would have them.
fn chain(calls: &[String]) -> String {
    let line = calls.join(".");
    if line.len() <= LINE { line } else { calls.join("\n    .") }
}

/// The calls that make an operation's request, from its target on.
fn called(surface: &Surface, operation: &Operation) -> Vec<String> {
    let target = match operation.target {
        Target::Client => "client",
        Target::Sandbox => "sandbox",
        Target::Echo => "echo",
    };
    let mut values: Vec<String> = operation.arguments.iter().map(|it| argument(surface, it)).collect();
    if operation.body {
        values.push("\"content\"".into());
    }
    if is_echoed(operation) {
        values.push("serde_json::Map::new()".into());
    }
    if operation.name == CREATE {
        values.push("daytona::SandboxSpec::default()".into());
    }
    let mut calls = vec![target.to_owned()];
    if !OWN.contains(&operation.area()) {
        calls.push(format!("{}()", operation.area()));
    }
    calls.push(format!("{}({})", snake(operation.verb()), values.join(", ")));
    calls
}

/// A value that a method takes.
fn argument(surface: &Surface, member: &Member) -> String {
    match (&member.of, member.unit.as_deref()) {
        (_, Some("s" | "ms")) => "std::time::Duration::from_secs(60)".into(),
        (Type::List(inner), _) => match inner.as_ref() {
            Type::Text | Type::Time => format!("[\"{}\"]", member.name.to_snake_case()),
            Type::Choice(name) => format!("[\"{}\"]", known(surface, name)),
            _ => "vec![]".into(),
        },
        (Type::Map(inner), _) if **inner == Type::Text => "[(\"name\", \"value\")]".into(),
        (Type::Text | Type::Any | Type::Either(_), _) => {
            let value = member.known.first().cloned().unwrap_or_else(|| member.name.to_snake_case());
            format!("\"{value}\"")
        }
        (Type::Time, _) => format!("\"{TIME}\""),
        (Type::Choice(name), _) => format!("\"{}\"", known(surface, name)),
        (Type::Shape(name), _) if name == "Image" => "daytona::types::Image::default()".into(),
        (Type::Shape(name), _) => match surface.shapes.iter().find(|it| it.name == *name) {
            Some(shape) if has_constructor(shape) => constructed(surface, shape),
            _ => "Default::default()".into(),
        },
        (of, _) => field_value(surface, of),
    }
}

/// A value that a field has.
fn field_value(surface: &Surface, of: &Type) -> String {
    match of {
        Type::Integer => "1".into(),
        Type::Number => "1.0".into(),
        Type::Boolean => "true".into(),
        Type::Text => "\"text\".into()".into(),
        Type::Time => format!("\"{TIME}\".into()"),
        Type::Choice(name) => format!("\"{}\".into()", known(surface, name)),
        Type::Any | Type::Either(_) => "\"value\".into()".into(),
        Type::Object => "serde_json::Map::new()".into(),
        Type::List(_) => "vec![]".into(),
        Type::Map(_) | Type::Shape(_) => "Default::default()".into(),
    }
}

const TIME: &str = "2026-01-31T12:00:00Z";

/// The JSON of a shape with what is always there, and more.
fn json(surface: &Surface, of: &Shape, more: Option<&str>) -> String {
    let required = of.members.iter().filter(|it| it.required && !it.nullable);
    let members = required.map(|it| format!("\"{}\":{}", it.name, json_value(surface, &it.of)));
    let members: Vec<String> = members.chain(more.map(str::to_owned)).collect();
    format!("{{{}}}", members.join(","))
}

fn json_value(surface: &Surface, of: &Type) -> String {
    match of {
        Type::Integer => "1".into(),
        Type::Number => "1.5".into(),
        Type::Boolean => "true".into(),
        Type::Text | Type::Any | Type::Either(_) => "\"text\"".into(),
        Type::Time => format!("\"{TIME}\""),
        Type::Choice(name) => format!("\"{}\"", known(surface, name)),
        Type::List(_) => "[]".into(),
        Type::Map(_) | Type::Object => "{}".into(),
        Type::Shape(name) => match surface.shapes.iter().find(|it| it.name == *name) {
            Some(shape) => json(surface, shape, None),
            None => "{}".into(),
        },
    }
}

fn known<'a>(surface: &'a Surface, choice: &str) -> &'a str {
    surface.choices.iter().find(|it| it.name == choice).map_or("value", |it| &it.values[0])
}
