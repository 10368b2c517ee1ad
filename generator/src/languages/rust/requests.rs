//! A request for each operation: the method that makes it, its options, and what it gives when it is awaited.

use super::examples;
use super::spelling::{converted, doc, owned, pascal, shape, snake, taken};
use super::types::documentation;
use crate::languages::surface::{Member, Operation, Returns, Surface, Target};
use crate::languages::types::{Type, Typed};
use std::fmt::Write;

/// What is awaited as a stream, though it is a call as well.
const STREAMS_FIRST: [&str; 2] = ["process.run", "interpreter.run"];
/// Its options are a value of their own, because it has little but options.
pub const CREATE: &str = "sandbox.create";
const SPEC: &str = "SandboxSpec";
/// The area whose methods stand on the target itself.
pub const OWN: [&str; 3] = ["sandbox", "client", "echo"];

pub fn areas(surface: &Surface) -> Vec<String> {
    let mut areas: Vec<String> = surface.operations.iter().map(|it| it.area().to_owned()).collect();
    areas.dedup();
    areas
}

pub fn area(surface: &Surface, area: &str) -> String {
    let operations: Vec<&Operation> = surface.operations.iter().filter(|it| it.area() == area).collect();
    let mut text = String::from(
        "
use crate::catalogue::operation;
use crate::client::error::Result;
use crate::sdk::request::{self, Parameters, Pending, Request};
use crate::sdk::target::Target;
use crate::sdk::{Client, Echo, EndlessInput, FiniteInput, NoInput, Output, Sandbox, types::*};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::time::Duration;
",
    );
    for (target, owner) in [(Target::Client, "Client"), (Target::Sandbox, "Sandbox"), (Target::Echo, "Echo")]
    {
        let of_target: Vec<&&Operation> = operations.iter().filter(|it| it.target == target).collect();
        if of_target.is_empty() {
            continue;
        }
        let owner = if OWN.contains(&area) {
            owner.to_owned()
        } else {
            room(&mut text, surface, of_target[0], owner)
        };
        let _ = writeln!(text, "\nimpl {owner} {{");
        for operation in of_target {
            method(&mut text, surface, operation);
        }
        text.push_str("}\n");
    }
    for operation in operations {
        if operation.name == CREATE {
            spec(&mut text, surface, operation);
        }
        request(&mut text, surface, operation);
    }
    text
}

/// The area's own type, made by a method of the target.
fn room(text: &mut String, surface: &Surface, first: &Operation, owner: &str) -> String {
    let area = first.area();
    let name = format!("{}Area", pascal(area));
    let _ = write!(
        text,
        "
/// The operations `{area}.*`.
{}#[derive(Clone, Debug)]
pub struct {name}(Target);

impl {owner} {{
    /// The operations `{area}.*`.
{}    pub fn {area}(&self) -> {name} {{
        {name}(self.target.clone())
    }}
}}
",
        examples::area(surface, first, "", &name),
        examples::area(surface, first, "    ", &name)
    );
    name
}

fn request_name(operation: &Operation) -> String {
    format!("{}Request", pascal(&operation.name.replace('.', "_")))
}

fn method(text: &mut String, surface: &Surface, operation: &Operation) {
    let target = if OWN.contains(&operation.area()) { "&self.target" } else { "&self.0" };
    let mut parameters = String::new();
    let mut sets = String::new();
    for argument in &operation.arguments {
        let (of, expression) = match argument.of {
            // One that is not UTF-8 is refused, and not made another.
            Type::Text if argument.name.starts_with("local") => {
                ("impl AsRef<std::path::Path>".into(), "value.as_ref()".into())
            }
            _ => taken(&argument.of, argument.unit.as_deref()),
        };
        let name = snake(&argument.name);
        let expression = converted(&argument.of, &expression).replace("value", &name);
        let _ = write!(parameters, ", {name}: {of}");
        let _ = writeln!(sets, "        it.set(\"{}\", {expression});", argument.name);
    }
    if operation.body {
        parameters.push_str(", data: impl AsRef<[u8]> + Send + 'static");
        sets.push_str("        it.body(bytes::Bytes::from_owner(data));\n");
    }
    if is_echoed(operation) {
        parameters.push_str(", values: Map<String, Value>");
        sets.push_str("        it.set_all(values);\n");
    }
    let is_create = operation.name == CREATE;
    if is_create {
        let _ = write!(parameters, ", spec: {SPEC}");
    }
    let name = request_name(operation);
    let made = match is_create {
        true => format!("Request::with(OPERATION, {target}, spec.0)"),
        false => format!("Request::new(OPERATION, {target})"),
    };
    let mutable = if sets.is_empty() { "" } else { "mut " };
    let _ = write!(
        text,
        "{}    pub fn {}(&self{parameters}) -> {name} {{
        const OPERATION: &crate::catalogue::Operation = operation(\"{}\");
        let {mutable}it = {made};
{sets}        {name}(it)
    }}\n\n",
        method_documentation(surface, operation),
        snake(operation.verb()),
        operation.name,
    );
}

fn method_documentation(surface: &Surface, operation: &Operation) -> String {
    let mut text = format!("{}\n", operation.doc);
    for argument in &operation.arguments {
        let is_duration = taken(&argument.of, argument.unit.as_deref()).0 == "Duration";
        let _ = write!(text, "\n`{}`: {}\n", snake(&argument.name), documentation(argument, is_duration));
    }
    let _ = write!(text, "\nDropped while it runs: {}\n", operation.cancel);
    doc("    ", &text) + &examples::awaited(surface, operation, "")
}

/// The options of `sandbox.create`.
fn spec(text: &mut String, surface: &Surface, operation: &Operation) {
    let _ = write!(
        text,
        "
/// What a new sandbox is made of, for [`Client::create`].
///
/// ```
/// use daytona::SandboxSpec;
///
/// let spec = SandboxSpec::default().language(\"python\").env([(\"GREETING\", \"hi\")]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct {SPEC}(Parameters);

impl {SPEC} {{
"
    );
    for option in &operation.options {
        setter(text, option, &examples::spec(surface, SPEC, option));
    }
    text.push_str("}\n");
}

fn request(text: &mut String, surface: &Surface, operation: &Operation) {
    let name = request_name(operation);
    let area =
        if OWN.contains(&operation.area()) { String::new() } else { format!(".{}()", operation.area()) };
    let owner = match operation.target {
        Target::Client => "Client",
        Target::Sandbox => "Sandbox",
        Target::Echo => "Echo",
    };
    let made = match area.as_str() {
        "" => format!("[`{owner}::{0}`]", operation.verb()),
        _ => format!("[`{}Area::{}`]", pascal(operation.area()), operation.verb()),
    };
    let options = match operation.name.as_str() {
        CREATE => &[],
        _ => operation.options.as_slice(),
    };
    let common = surface.common.iter().filter(|it| !it.streams || operation.stream.is_some());
    let options: Vec<&Member> = options.iter().chain(common).collect();
    let _ = write!(
        text,
        "\n/// The request `{}`, made by {made}. It is sent when it is awaited.\n{}\
         #[must_use = \"a request is sent when it is awaited\"]\n#[derive(Clone, Debug)]\npub struct {name}(Request);\n\nimpl {name} {{\n",
        operation.name,
        examples::request(surface, operation, &name, &options)
    );
    let example = |more: &str| examples::awaited(surface, operation, more);
    for option in options {
        setter(text, option, &example(&examples::set(surface, option)));
    }
    if operation.call.as_ref().is_some_and(|call| call.progress) {
        let _ = write!(
            text,
            "    /// Calls this with how many bytes were moved, and with the total where it is known.
{}    pub fn on_progress(mut self, progress: impl Fn(u64, Option<u64>) + Send + Sync + 'static) -> Self {{
        self.0.progress(progress);
        self
    }}\n\n",
            example("on_progress(|moved, total| println!(\"{moved} of {total:?}\"))")
        );
    }
    if is_both(operation) {
        match STREAMS_FIRST.contains(&operation.name.as_str()) {
            true => {
                let (result, sent) = result(operation);
                let _ = write!(
                    text,
                    "    /// Waits for the end, and gives everything at once.
{}    pub fn collected(self) -> Pending<{result}> {{
        self.0.{sent}()
    }}\n",
                    example("collected()")
                );
            }
            false => {
                let _ = write!(
                    text,
                    "    /// Opens it as a stream: its data is the log of the build.
{}    pub fn stream(self) -> Pending<{}> {{
        self.0.stream()
    }}\n",
                    example("stream()"),
                    output(operation)
                );
            }
        }
    }
    text.push_str("}\n");
    let (given, sent) = match is_streamed(operation) {
        true => (output(operation), "stream"),
        false => result(operation),
    };
    let _ = write!(
        text,
        "
impl IntoFuture for {name} {{
    type Output = Result<{given}>;
    type IntoFuture = Pending<{given}>;

    fn into_future(self) -> Self::IntoFuture {{
        self.0.{sent}()
    }}
}}
"
    );
}

fn setter(text: &mut String, option: &Member, example: &str) {
    let (of, expression) = taken(&option.of, option.unit.as_deref());
    // Beside an operation's own `timeout`, which the server keeps.
    let name = option_name(option);
    let _ = write!(
        text,
        "{}{example}    pub fn {name}(mut self, value: {of}) -> Self {{
        self.0.set(\"{}\", {});
        self
    }}\n\n",
        doc("    ", &documentation(option, of == "Duration")),
        option.name,
        converted(&option.of, &expression)
    );
}

/// The method that sets an option. A `Duration` has its unit in itself.
pub fn option_name(option: &Member) -> String {
    match option.name.as_str() {
        "timeoutMs" => "time_limit".into(),
        name => snake(name.strip_suffix("Ms").unwrap_or(name)),
    }
}

/// Its parameters are any object, which it gives back.
pub fn is_echoed(operation: &Operation) -> bool {
    matches!(operation.name.as_str(), "echo.value" | "echo.handle")
}

fn is_both(operation: &Operation) -> bool {
    operation.call.is_some() && operation.stream.is_some()
}

/// Whether awaiting it opens a stream.
pub fn is_streamed(operation: &Operation) -> bool {
    operation.call.is_none() || (is_both(operation) && STREAMS_FIRST.contains(&operation.name.as_str()))
}

pub fn gives(operation: &Operation) -> String {
    if is_streamed(operation) { output(operation) } else { result(operation).0 }
}

/// The result of a call, and the method of a request that gives it.
pub fn result(operation: &Operation) -> (String, &'static str) {
    let Some(call) = &operation.call else { return ("()".into(), "nothing") };
    match (call.returns, &call.result) {
        (Returns::Bytes, _) => ("Vec<u8>".into(), "bytes"),
        (Returns::Text, _) => ("String".into(), "text"),
        (Returns::Handle, _) if operation.target == Target::Echo => {
            ("(Echo, Map<String, Value>)".into(), "echo")
        }
        (Returns::Handle, _) => ("Sandbox".into(), "sandbox"),
        (Returns::Null, _) | (_, None) => ("()".into(), "nothing"),
        (_, Some(result)) => (typed(result), "json"),
    }
}

fn output(operation: &Operation) -> String {
    let Some(stream) = &operation.stream else { return "()".into() };
    let of = |of: &Option<Typed>| of.as_ref().map_or("()".into(), typed);
    let ended = if stream.handle { "Sandbox".into() } else { of(&stream.ended) };
    let input = match stream.input.as_str() {
        "none" => "",
        "endless" => ", EndlessInput",
        _ => ", FiniteInput",
    };
    format!("Output<{}, {ended}{input}>", of(&stream.opened))
}

fn typed(of: &Typed) -> String {
    let base = match &of.of {
        // Null alone.
        Type::Any if of.nullable => return "()".into(),
        Type::Shape(name) if name != "Anything" => shape(name),
        other => owned(other),
    };
    if of.nullable { format!("Option<{base}>") } else { base }
}
