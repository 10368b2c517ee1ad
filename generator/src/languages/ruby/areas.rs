//! One class for each area, with a method for each operation and the official gem's methods beside them.

use super::super::mapping::{Answer, Area, find};
use super::super::surface::{Member, Operation, Returns, Surface, Target};
use super::super::types::{Type, Typed};
use super::official::{Argument, Goes, Method, Official};
use super::spelling::{comment, listed, member_doc, optional, pair, shape, type_of, word};
use std::fmt::Write;

/// `calls.rb` and `calls.rbs`
pub fn render(surface: &Surface, official: &Official) -> Result<(String, String), String> {
    let mut out = Out { surface, official, text: String::new(), types: String::new() };
    let mut done: Vec<&str> = Vec::new();
    // Areas with a property stand before the classes that have them.
    let mut areas: Vec<&Area> = official.areas.iter().collect();
    areas.sort_by_key(|area| area.property.is_none());
    for area in areas {
        out.area(area)?;
        done.push(&area.class);
    }
    for class in official.classes.iter().filter(|class| !done.contains(&class.name.as_str())) {
        out.open(&class.name, "Area", "Calls by the names that the official gem gives them.");
        out.bound(&class.bound);
        for method in &class.methods {
            out.official_method(method, &class.bound)?;
        }
        for (name, of) in
            official.properties.iter().filter(|(of, _)| *of == class.name).flat_map(|(_, it)| it)
        {
            let _ = writeln!(out.text, "    def {name} = @{name} ||= {of}.new(target)\n");
            let _ = writeln!(out.types, "    def {name}: () -> {}::{of}", class.name);
        }
        out.close();
    }
    let before = "require_relative '../target'\nrequire_relative '../answers'\nrequire_relative 'records'\n\nmodule Daytona\n";
    let ended = |text: String| text.trim_end().to_owned() + "\nend\n";
    Ok((ended(before.to_owned() + &out.text), ended("module Daytona\n".to_owned() + &out.types)))
}

/// The operations of an area.
pub fn operations<'a>(surface: &'a Surface, area: &str) -> Vec<&'a Operation> {
    let belongs = |it: &&Operation| match (area, it.area()) {
        ("client", "sandbox") => it.target == Target::Client,
        ("sandbox", "sandbox") => it.target == Target::Sandbox,
        (name, of) => name == of,
    };
    surface.operations.iter().filter(belongs).collect()
}

struct Out<'a> {
    surface: &'a Surface,
    official: &'a Official,
    text: String,
    types: String,
}

/// A parameter of a method: as it is declared, in RBS, and what is documented of it.
struct Parameter {
    text: String,
    signature: String,
    doc: Option<String>,
}

impl Out<'_> {
    fn open(&mut self, class: &str, parent: &str, doc: &str) {
        self.text += &comment(doc, 2);
        let _ = writeln!(self.text, "  class {class} < {parent}");
        let _ = writeln!(self.types, "  class {class} < {parent}");
    }

    /// What the methods of a class are about, which its constructor takes.
    fn bound(&mut self, bound: &[Argument]) {
        if bound.is_empty() {
            return;
        }
        let names = |before: &str, after: &str| {
            let names: Vec<String> = bound.iter().map(|it| format!("{before}{}{after}", it.name)).collect();
            names.join(", ")
        };
        let _ = write!(
            self.text,
            "    attr_reader {}\n\n    def initialize(target, {})\n      super(target)\n",
            names(":", ""),
            names("", ":")
        );
        for Argument { name, .. } in bound {
            let _ = writeln!(self.text, "      @{name} = {name}");
            let _ = writeln!(self.types, "    attr_reader {name}: (String | Symbol)");
        }
        self.text += "    end\n\n";
        let _ = writeln!(
            self.types,
            "    def initialize: (Target target, {}) -> void",
            names("", ": (String | Symbol)")
        );
    }

    fn close(&mut self) {
        for text in [&mut self.text, &mut self.types] {
            text.truncate(text.trim_end().len());
            *text += "\n  end\n\n";
        }
    }

    fn area(&mut self, area: &Area) -> Result<(), String> {
        let doc = match area.parent.as_str() {
            "Target" => format!("The operations of a {}.", area.name),
            _ => format!("The operations `{}.*`.", area.name),
        };
        self.open(&area.class, &area.parent, &doc);
        let official = self.official.methods(&area.class);
        for operation in operations(self.surface, &area.name) {
            if operation.call.is_some() {
                let name = self.official.own_name(operation, false);
                let is_taken =
                    official.iter().any(|it| it.name == name) || self.official.is_manual(operation);
                if !is_taken {
                    self.call(operation, &name);
                }
            }
            if operation.stream.is_some() {
                self.stream(operation, &self.official.own_name(operation, true));
            }
        }
        for method in official {
            self.official_method(method, &[])?;
        }
        if area.parent == "Target" {
            self.properties(&area.name);
        }
        if area.name == "sandbox" {
            self.fields();
        }
        self.close();
        Ok(())
    }

    /// The areas of a client or a sandbox.
    fn properties(&mut self, of: &str) {
        for area in &self.official.areas {
            let Some(property) = &area.property else { continue };
            let target = operations(self.surface, &area.name).first().map(|it| it.target);
            let here = match target {
                Some(Target::Client) => of == "client",
                Some(Target::Sandbox) => of == "sandbox",
                _ => false,
            };
            if here {
                self.text += &comment(&format!("`{}.*`", area.name), 4);
                let _ = writeln!(self.text, "    def {property} = area(:{property}, {})\n", area.class);
                let _ = writeln!(self.types, "    def {property}: () -> {}", area.class);
            }
        }
    }

    /// What the server said of the sandbox last.
    fn fields(&mut self) {
        let Some(shape) = self.surface.shape("Sandbox") else { return };
        for member in &shape.members {
            self.text += &comment(&member_doc(member), 4);
            let name = word(&member.name);
            let _ = writeln!(self.text, "    def {name} = info.{name}\n");
            let kind = type_of(&member.of, false);
            let kind = if member.required && !member.nullable { kind } else { optional(&kind) };
            let _ = writeln!(self.types, "    def {name}: () -> {kind}");
        }
    }

    fn call(&mut self, operation: &Operation, name: &str) {
        let mut parameters: Vec<Parameter> = operation.arguments.iter().map(positional).collect();
        let mut given: Vec<String> = operation.arguments.iter().map(passed).collect();
        if operation.body {
            parameters.push(Parameter {
                text: "data".into(),
                signature: "(String | IO) data".into(),
                doc: None,
            });
        }
        self.further(operation, &mut parameters, &mut given, &[]);
        let body = if operation.body { ", data" } else { "" };
        let expression = self.invoked(operation, &given, body, "");
        self.method(name, &parameters, &call_doc(operation), expression, &self.natural_type(operation));
    }

    fn stream(&mut self, operation: &Operation, name: &str) {
        let Some(stream) = &operation.stream else { return };
        let mut parameters: Vec<Parameter> = operation.arguments.iter().map(positional).collect();
        let mut given: Vec<String> = operation.arguments.iter().map(passed).collect();
        for option in &operation.options {
            parameters.push(keyword(option));
            given.push(passed(option));
        }
        parameters.push(timeout());
        given.push("timeoutMs: timeout_ms".into());
        parameters.push(Parameter { text: "&block".into(), signature: String::new(), doc: None });
        let of = |typed: Option<&Typed>| match typed.map(|it| &it.of) {
            Some(Type::Shape(name)) => shape(name),
            _ => "nil".into(),
        };
        let opened = of(stream.opened.as_ref());
        let ended = if stream.handle { "nil".into() } else { of(stream.ended.as_ref()) };
        let hash = hash(&given);
        let classes =
            if opened == "nil" && ended == "nil" { String::new() } else { format!(", [{opened}, {ended}]") };
        let call = vec![format!("invoke_stream('{}', {hash}{classes}, &block)", operation.name)];
        let mut doc = operation.doc.clone();
        let _ =
            write!(doc, "\n\nWith a block it yields each Chunk and gives how it ended, else it is a Stream.");
        let _ = write!(doc, "\n\nClosed: {}", operation.cancel);
        let ended = match (stream.handle, ended.as_str()) {
            (true, _) => "Sandbox".to_owned(),
            (false, "nil") => "untyped".to_owned(),
            (false, of) => of.to_owned(),
        };
        self.method(name, &parameters, &doc, Body::Lines(call), &format!("{{ (Chunk) -> void }} -> {ended}"));
    }

    /// The options that stand in no argument, the limit, and the progress.
    fn further(
        &self,
        operation: &Operation,
        parameters: &mut Vec<Parameter>,
        given: &mut Vec<String>,
        arguments: &[Argument],
    ) {
        let is_given = |name: &str| {
            arguments.iter().any(|it| matches!(&it.goes, Goes::To(field) | Goes::Id(field) if field == name))
        };
        for option in operation.options.iter().filter(|it| !is_given(&it.name)) {
            parameters.push(keyword(option));
            given.push(passed(option));
        }
        if !arguments.iter().any(|it| it.goes == Goes::Seconds) {
            parameters.push(timeout());
            given.push("timeoutMs: timeout_ms".into());
        }
        if operation.call.as_ref().is_some_and(|call| call.progress) {
            parameters.push(Parameter { text: "&block".into(), signature: String::new(), doc: None });
        }
    }

    /// What a method does: `invoke` and what makes its answer a record.
    fn invoked(&self, operation: &Operation, given: &[String], body: &str, spread: &str) -> Body {
        let params = format!("{{ {} }}{spread}", given.join(", "));
        let block = if operation.call.as_ref().is_some_and(|call| call.progress) { ", &block" } else { "" };
        let invoke = format!("invoke('{}', {params}{body}{block})", operation.name);
        Body::Wrapped { invoke, wrap: self.wrap(operation) }
    }

    /// The call around an answer, which ends with its opening bracket.
    fn wrap(&self, operation: &Operation) -> String {
        if self.refreshes(operation) {
            return "update(".into();
        }
        let Some(call) = &operation.call else { return String::new() };
        match (&call.returns, call.result.as_ref().map(|it| &it.of)) {
            (Returns::Json, Some(Type::Shape(name))) => format!("{}.of(", shape(name)),
            (Returns::Json, Some(Type::List(of))) => match of.as_ref() {
                Type::Shape(name) => format!("{}.list(", shape(name)),
                _ => String::new(),
            },
            _ => String::new(),
        }
    }

    fn refreshes(&self, operation: &Operation) -> bool {
        operation.gives_its_sandbox() && !self.official.answers.contains(&operation.name)
    }

    /// What a call gives back, in RBS.
    fn natural_type(&self, operation: &Operation) -> String {
        let Some(call) = &operation.call else { return "-> void".into() };
        let block = if call.progress { "?{ (Progress) -> void } " } else { "" };
        if self.refreshes(operation) {
            return format!("{block}-> self");
        }
        let of = match (&call.returns, &call.result) {
            (Returns::Null, _) => "nil".into(),
            (Returns::Bytes | Returns::Text, _) => "String".into(),
            (Returns::Handle, _) => "Sandbox".into(),
            (Returns::Json, Some(result)) if result.nullable => optional(&type_of(&result.of, false)),
            (Returns::Json, Some(result)) => type_of(&result.of, false),
            (Returns::Json, None) => "untyped".into(),
        };
        format!("{block}-> {of}")
    }

    /// A method of the official gem, which has the operation's other options as keywords.
    fn official_method(&mut self, method: &Method, bound: &[Argument]) -> Result<(), String> {
        let operation = find(self.surface, &method.operation)?;
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut given: Vec<String> = bound.iter().filter_map(passed_as).collect();
        let mut spread = String::new();
        let member =
            |name: &str| operation.arguments.iter().chain(&operation.options).find(|it| it.name == name);
        for argument in &method.arguments {
            let name = &argument.name;
            let (field, kind, value) = match &argument.goes {
                Goes::To(field) => {
                    let of = member(field).map(|it| type_of(&it.of, true)).unwrap_or("untyped".into());
                    let is_time = member(field).is_some_and(|it| it.of == Type::Time);
                    (Some(field), of, if is_time { format!("iso({name})") } else { name.clone() })
                }
                Goes::Id(field) => (Some(field), "untyped".into(), format!("id_of({name})")),
                Goes::Seconds => (None, "(Integer | Float)".into(), format!("milliseconds({name})")),
                Goes::Spread => (None, "untyped".into(), String::new()),
            };
            match (&argument.goes, field) {
                (Goes::Spread, _) => spread = format!(".merge(spread({name}))"),
                (_, Some(field)) => given.push(pair(field, &value)),
                (_, None) => given.push(pair("timeoutMs", &value)),
            }
            let doc =
                field.and_then(|field| member(field)).map(|it| format!("@param {name} {}", member_doc(it)));
            let default =
                |text: &str| argument.default.as_ref().map(|it| text.to_owned() + it).unwrap_or_default();
            let kind = if argument.default.as_deref() == Some("nil") { optional(&kind) } else { kind };
            parameters.push(match (argument.is_keyword, argument.default.is_some()) {
                (true, false) => {
                    Parameter { text: format!("{name}:"), signature: format!("{name}: {kind}"), doc }
                }
                (true, true) => {
                    let signature = format!("?{name}: {kind}");
                    Parameter { text: format!("{name}:{}", default(" ")), signature, doc }
                }
                (false, false) => Parameter { text: name.clone(), signature: format!("{kind} {name}"), doc },
                (false, true) => {
                    let signature = format!("?{kind} {name}");
                    Parameter { text: format!("{name}{}", default(" = ")), signature, doc }
                }
            });
        }
        if let Some(follow) = &method.follow {
            for name in ["on_stdout", "on_stderr"] {
                let signature = format!("?{name}: ^(String) -> void?");
                parameters.push(Parameter { text: format!("{name}: nil"), signature, doc: None });
            }
            let stream = format!("invoke_stream('{follow}', {})", hash(&given));
            let functions = "stdout: on_stdout, stderr: on_stderr";
            let lines =
                vec![format!("stream = {stream}"), format!("Compatible.dispatch(stream, {functions})")];
            self.method(
                &method.name,
                &parameters,
                &find(self.surface, follow)?.doc,
                Body::Lines(lines),
                "-> untyped",
            );
            return Ok(());
        }
        if !method.name.ends_with('=') {
            self.further(operation, &mut parameters, &mut given, &method.arguments);
        }
        let natural = self.invoked(operation, &given, "", &spread);
        let (body, returns) = match &method.answer {
            Answer::Natural => (natural, self.natural_type(operation)),
            Answer::Void => (natural.then("nil"), "-> nil".into()),
            Answer::Field(field) => {
                let of = operation.call.as_ref().and_then(|it| it.result.as_ref()).map(|it| &it.of);
                let member = match of {
                    Some(Type::Shape(name)) => self.surface.shape(name),
                    _ => None,
                };
                let member = member.and_then(|shape| shape.members.iter().find(|it| it.name == *field));
                let of = member.map(|it| type_of(&it.of, false)).unwrap_or("untyped".into());
                let of = if member.is_some_and(|it| it.nullable) { optional(&of) } else { of };
                (natural.field(&word(field)), format!("-> {of}"))
            }
            Answer::Function { name, of } => {
                // RBS has no other names of a class.
                let of = self.official.types.iter().find(|(name, _)| name == of).map_or(of, |(_, of)| of);
                (natural.through(&format!("Answers.{name}(")), format!("-> {of}"))
            }
        };
        self.method(&method.name, &parameters, &call_doc(operation), body, &returns);
        Ok(())
    }

    fn method(&mut self, name: &str, parameters: &[Parameter], doc: &str, body: Body, returns: &str) {
        let mut doc = doc.to_owned();
        for parameter in parameters {
            if let Some(of) = &parameter.doc {
                let _ = write!(doc, "\n{of}");
            }
        }
        self.text += &comment(&doc, 4);
        let declared: Vec<String> = parameters.iter().map(|it| it.text.clone()).collect();
        if declared.is_empty() {
            let _ = writeln!(self.text, "    def {name}");
        } else {
            self.text += &listed(&format!("def {name}("), &declared, ")", 4);
        }
        self.text += &body.text();
        self.text += "    end\n\n";
        let signatures = parameters.iter().filter(|it| !it.signature.is_empty());
        let signatures: Vec<String> = signatures.map(|it| it.signature.clone()).collect();
        let signatures = signatures.join(", ");
        match returns.strip_prefix("{ (Chunk)") {
            Some(_) => {
                let _ = writeln!(self.types, "    def {name}: ({signatures}) {returns}");
                let _ = writeln!(self.types, "           | ({signatures}) -> Stream");
            }
            None => {
                let _ = writeln!(self.types, "    def {name}: ({signatures}) {returns}");
            }
        }
    }
}

enum Body {
    Lines(Vec<String>),
    /// `invoke` with its hash, within a call of this name.
    Wrapped {
        invoke: String,
        wrap: String,
    },
}

impl Body {
    fn then(self, line: &str) -> Self {
        Self::Lines(vec![self.expression(), line.to_owned()])
    }

    fn field(self, name: &str) -> Self {
        Self::Lines(vec![format!("{}.{name}", self.expression())])
    }

    fn through(self, function: &str) -> Self {
        match self {
            Self::Wrapped { invoke, .. } => Self::Wrapped { invoke, wrap: function.to_owned() },
            lines => lines,
        }
    }

    fn expression(self) -> String {
        match self {
            Self::Lines(lines) => lines.join("\n"),
            Self::Wrapped { invoke, wrap } if wrap.is_empty() => invoke,
            Self::Wrapped { invoke, wrap } => format!("{wrap}{invoke})"),
        }
    }

    /// The lines of the method; a hash that is too long for its line goes on below its first key.
    fn text(self) -> String {
        let lines = match self {
            Self::Lines(lines) => lines,
            wrapped => vec![wrapped.expression()],
        };
        lines.iter().map(|line| broken(line)).collect()
    }
}

fn broken(line: &str) -> String {
    let Some((before, rest)) = line.split_once("{ ") else { return format!("      {line}\n") };
    let Some((hash, after)) = rest.rsplit_once(" }") else { return format!("      {line}\n") };
    let parts: Vec<String> = hash.split(", ").map(str::to_owned).collect();
    listed(&format!("{before}{{ "), &parts, &format!(" }}{after}"), 6)
}

fn positional(member: &Member) -> Parameter {
    let name = word(&member.name);
    let signature = format!("{} {name}", type_of(&member.of, true));
    let doc = Some(format!("@param {name} {}", member_doc(member)));
    Parameter { text: name, signature, doc }
}

fn keyword(member: &Member) -> Parameter {
    let name = word(&member.name);
    let signature = format!("?{name}: {}", optional(&type_of(&member.of, true)));
    let doc = Some(format!("@param {name} {}", member_doc(member)));
    Parameter { text: format!("{name}: nil"), signature, doc }
}

fn passed(member: &Member) -> String {
    let name = word(&member.name);
    let value = if member.of == Type::Time { format!("iso({name})") } else { name };
    pair(&member.name, &value)
}

fn hash(given: &[String]) -> String {
    if given.is_empty() { "{}".into() } else { format!("{{ {} }}", given.join(", ")) }
}

/// A variable of the object as its operations take it.
fn passed_as(argument: &Argument) -> Option<String> {
    match &argument.goes {
        Goes::To(field) => Some(pair(field, &argument.name)),
        _ => None,
    }
}

fn timeout() -> Parameter {
    Parameter { text: "timeout_ms: nil".into(), signature: "?timeout_ms: Integer?".into(), doc: None }
}

fn call_doc(operation: &Operation) -> String {
    let mut doc = operation.doc.clone();
    let limit = match operation.timeout_ms {
        Some(limit) => format!("Gives up after {} s unless `timeout_ms` says otherwise.", limit / 1000),
        None => "Has no limit of time unless `timeout_ms` gives one.".to_owned(),
    };
    let _ = write!(doc, "\n\n{limit} Cancelled: {}", operation.cancel);
    doc
}
