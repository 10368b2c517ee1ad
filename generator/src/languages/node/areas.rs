//! One class for each area, with a method for each operation and the official package's methods beside them.

use super::super::mapping::{Answer, Area, Class, find};
use super::super::surface::{Member, Operation, Returns, Surface, Target, channel};
use super::super::types::Type;
use super::official::{Argument, Goes, Method, Official};
use super::shapes::listed;
use super::spelling::{WIDTH, comment, member_doc, member_type, shape, signature, type_of, used};
use heck::{ToLowerCamelCase, ToUpperCamelCase};
use std::fmt::Write;

/// `calls.js`, `calls.d.ts`, and the names of the classes.
pub fn render(surface: &Surface, official: &Official) -> Result<(String, String, Vec<String>), String> {
    let mut out = Out { surface, official, script: String::new(), types: String::new(), names: Vec::new() };
    for operation in &surface.operations {
        out.options(operation);
    }
    let mut done: Vec<&str> = Vec::new();
    // Areas with a property stand before the classes that have them.
    let mut areas: Vec<(&String, &Area)> = official.areas.iter().collect();
    areas.sort_by_key(|(_, area)| area.property.is_none());
    for (name, area) in areas {
        out.area(name, area)?;
        done.push(&area.class);
    }
    for class in official.classes.iter().filter(|class| !done.contains(&class.name.as_str())) {
        if official.is_written(&class.name) {
            out.written(class)?;
            continue;
        }
        out.open(&class.name, "Area", "Calls by the names that the official package gives them.");
        out.constructor(class);
        for method in &class.methods {
            out.official_method(method, None, &class.bound)?;
        }
        out.properties(&class.name);
        out.close();
    }
    let before = "\n'use strict'\n\nconst { Area, Root, Target } = require('../target')\n\
                  const { positional, idOf, secretList } = require('../arguments')\n\
                  const answers = require('../answers')\n\n";
    let script = format!("{before}{}module.exports = {{\n  {},\n}}\n", out.script, out.names.join(",\n  "));
    let shapes = surface.shapes.iter().map(|it| shape(&it.name));
    let shapes = used(shapes, &out.types);
    let types = used(official.types.iter().map(|(name, _)| name.clone()), &out.types);
    let choices = used(surface.choices.iter().map(|it| it.name.clone()), &out.types);
    let mut before = String::from(
        "\nimport type { Area, CallOptions, ProgressOptions, Root, Target } from '../target'\n\
         import type { Image } from '../image'\nimport type { Sandbox } from '../sandbox'\n\
         import type { Stream } from '../stream'\nimport type { PtyHandle } from '../compatible'\n\
         import type { Readable } from 'node:stream'\n",
    );
    for (names, from) in [(choices, "./choices"), (shapes, "./shapes"), (types, "./official")] {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        before += &listed("import type ", &names, &format!(" from '{from}'"));
    }
    Ok((script, before + "\n" + out.types.trim_end() + "\n", out.names))
}

struct Out<'a> {
    surface: &'a Surface,
    official: &'a Official,
    script: String,
    types: String,
    names: Vec<String>,
}

impl Out<'_> {
    /// The interface of an operation's options; without any it is the common one.
    fn options(&mut self, operation: &Operation) {
        if operation.options.is_empty() {
            return;
        }
        self.types += &comment(&format!("Options of {}.", operation.name), 0);
        let base = if has_progress(operation) { "ProgressOptions" } else { "CallOptions" };
        let _ = writeln!(self.types, "export interface {} extends {base} {{", options_name(operation));
        for member in &operation.options {
            self.types += &comment(&member_doc(member), 2);
            let _ = writeln!(self.types, "  {}?: {}", member.name, member_type(member, true));
        }
        self.types += "}\n\n";
    }

    fn open(&mut self, class: &str, parent: &str, doc: &str) {
        let _ = writeln!(self.script, "class {class} extends {parent} {{");
        self.types += &comment(doc, 0);
        let _ = writeln!(self.types, "export declare class {class} extends {parent} {{");
        self.names.push(class.to_owned());
    }

    /// The declaration of a class whose methods are written by hand, over the generated class of its area.
    fn written(&mut self, class: &Class<Argument>) -> Result<(), String> {
        let mut properties = self.official.properties.values().flatten();
        let doc = properties.find(|(_, of, _)| *of == class.name).map_or("", |(_, _, doc)| doc);
        let parent = class.name.trim_end_matches("Service");
        self.types += &comment(doc, 0);
        let _ = writeln!(self.types, "export declare class {} extends {parent}Calls {{", class.name);
        for method in &class.methods {
            self.declare_official(method, find(self.surface, &method.operation)?, None, None)?;
        }
        self.types.truncate(self.types.trim_end().len());
        self.types += "\n}\n\n";
        Ok(())
    }

    fn close(&mut self) {
        for text in [&mut self.script, &mut self.types] {
            text.truncate(text.trim_end().len());
            *text += "\n}\n\n";
        }
    }

    fn area(&mut self, name: &str, area: &Area) -> Result<(), String> {
        let target = |it: &Operation| match (name, it.area()) {
            ("client", "sandbox") => it.target == Target::Client,
            ("sandbox", "sandbox") => it.target == Target::Sandbox,
            (name, of) => name == of,
        };
        let operations: Vec<&Operation> = self.surface.operations.iter().filter(|it| target(it)).collect();
        let doc = match area.parent.as_str() {
            "Area" => format!("The operations `{name}.*`."),
            _ => format!("The operations of a {name}."),
        };
        self.open(&area.class, &area.parent, &doc);
        let official = self.official.methods(&area.class);
        for operation in operations {
            let own = self.official.names.get(&operation.name).cloned();
            let own = own.unwrap_or_else(|| operation.verb().to_lower_camel_case());
            let is_manual = self.official.manual.contains(&operation.name);
            if operation.call.is_some() {
                let name = self.official.calls.get(&operation.name).unwrap_or(&own);
                let is_official = official.iter().any(|it| it.name == *name);
                if !is_official && !is_manual {
                    self.call(operation, name);
                }
            }
            if operation.stream.is_some() {
                let name = self.official.streams.get(&operation.name).unwrap_or(&own);
                self.stream(operation, name);
            }
        }
        for method in official {
            let own = self.surface.operations.iter().find(|it| it.name == method.operation);
            let own = own.filter(|it| target(it) && it.verb().to_lower_camel_case() == method.name);
            self.official_method(method, own, &[])?;
        }
        for name in self.official.delegates.get(&area.class).into_iter().flatten() {
            self.delegate(name)?;
        }
        if area.parent != "Area" {
            self.areas(name, &area.class);
        }
        self.properties(&area.class);
        self.close();
        Ok(())
    }

    /// The areas of a client or a sandbox, those apart whose property is of another class.
    fn areas(&mut self, of: &str, class: &str) {
        let others = self.official.properties.get(class);
        for (name, area) in &self.official.areas {
            let Some(property) = &area.property else { continue };
            let first = self.surface.operations.iter().find(|it| it.area() == name);
            let here = match first.map(|it| it.target) {
                Some(Target::Client) => of == "client",
                Some(Target::Sandbox) => of == "sandbox",
                _ => false,
            };
            if here && !others.is_some_and(|others| others.iter().any(|(other, ..)| other == property)) {
                self.property(property, &area.class, &format!("`{name}.*`"));
            }
        }
    }

    fn properties(&mut self, class: &str) {
        for (property, class, doc) in self.official.properties.get(class).into_iter().flatten() {
            self.property(property, class, doc);
        }
    }

    /// An object of another class, which is made when it is used first: a hand-written class is not there before.
    fn property(&mut self, name: &str, class: &str, doc: &str) {
        let made = match self.official.is_written(class) {
            true => format!("(require('../compatible').{class})"),
            false => class.to_owned(),
        };
        let _ = write!(
            self.script,
            "  get {name}() {{\n    return (this._areas.{name} ??= new {made}(this._target))\n  }}\n\n"
        );
        let _ = write!(self.types, "{}  get {name}(): {class}\n\n", comment(doc, 2));
    }

    /// Takes what the methods of a class have in common.
    fn constructor(&mut self, class: &Class<Argument>) {
        if class.bound.is_empty() {
            return;
        }
        let names: Vec<&str> = class.bound.iter().map(|it| it.name.as_str()).collect();
        let given = class.bound.iter().filter_map(|it| match &it.goes {
            Goes::To { field, .. } => Some((field.as_str(), it.name.clone())),
            _ => None,
        });
        let _ = write!(
            self.script,
            "  #bound\n\n  constructor(target, {}) {{\n    super(target)\n    this.#bound = {}\n  }}\n\n",
            names.join(", "),
            params(given)
        );
        let operation = class.methods.first().map(|method| method.operation.as_str()).unwrap_or_default();
        let operation = self.surface.operations.iter().find(|it| it.name == operation);
        let mut doc = String::from("The methods are about these.");
        let mut parameters = vec!["sandbox: Sandbox".to_owned()];
        for argument in &class.bound {
            let (parameter, about) = parameter(argument, operation.expect("the mapping was checked"));
            let _ = write!(doc, "\n@param {} {about}", argument.name);
            parameters.push(parameter);
        }
        self.types += &comment(&doc, 2);
        self.types += &signature("constructor", &parameters, "", 2);
        self.types.push('\n');
    }

    /// A method of a sandbox, which comes before its arguments.
    fn delegate(&mut self, name: &str) -> Result<(), String> {
        let method = self.official.methods("SandboxCalls").iter().find(|it| it.name == name);
        let method = method.ok_or_else(|| format!("official.json: a sandbox has no method {name}"))?;
        let operation = find(self.surface, &method.operation)?;
        let _ = write!(
            self.script,
            "  async {name}(sandbox, ...more) {{\n    return sandbox.{name}(...more)\n  }}\n\n"
        );
        self.declare_official(method, operation, None, Some("sandbox: Sandbox"))
    }

    fn call(&mut self, operation: &Operation, name: &str) {
        let mut names: Vec<String> = operation.arguments.iter().map(|it| it.name.clone()).collect();
        let body = if operation.body { ", body" } else { "" };
        names.extend(operation.body.then(|| "body".to_owned()));
        names.push("options".into());
        let params = params(operation.arguments.iter().map(|it| (it.name.as_str(), it.name.clone())));
        let how = if self.refreshes(operation) { "_refresh" } else { "call" };
        let _ = write!(
            self.script,
            "  {name}({}) {{\n    return this._target.{how}('{}', {params}, options{body})\n  }}\n\n",
            names.join(", "),
            operation.name
        );
        let returns = format!("Promise<{}>", self.natural(operation));
        self.declare(operation, name, &returns, &call_doc(operation));
    }

    fn stream(&mut self, operation: &Operation, name: &str) {
        let mut names: Vec<String> = operation.arguments.iter().map(|it| it.name.clone()).collect();
        names.push("options".into());
        let params = params(operation.arguments.iter().map(|it| (it.name.as_str(), it.name.clone())));
        let _ = write!(
            self.script,
            "  {name}({}) {{\n    return this._target.openStream('{}', {params}, options)\n  }}\n\n",
            names.join(", "),
            operation.name
        );
        let stream = operation.stream.as_ref();
        let part = |typed: Option<&super::super::types::Typed>| match typed {
            Some(typed) if typed.nullable && typed.of == Type::Any => "null".to_owned(),
            Some(typed) => type_of(&typed.of, false),
            None => "null".to_owned(),
        };
        let ended = match stream.is_some_and(|it| it.handle) {
            true => "Sandbox".to_owned(),
            false => part(stream.and_then(|it| it.ended.as_ref())),
        };
        let opened = part(stream.and_then(|it| it.opened.as_ref()));
        let mut doc = operation.doc.clone();
        let _ = write!(doc, "\n\nClosed: {}", operation.cancel);
        let channels = stream.iter().flat_map(|it| &it.channels).map(|name| format!("'{}'", channel(name)));
        let channels = channels.collect::<Vec<_>>().join(" | ");
        self.declare(operation, name, &format!("Stream<{opened}, {ended}, {channels}>"), &doc);
    }

    /// The declaration of an operation in its own form: required arguments, bytes, options.
    fn declare(&mut self, operation: &Operation, name: &str, returns: &str, doc: &str) {
        let mut doc = doc.to_owned();
        for argument in &operation.arguments {
            let _ = write!(doc, "\n@param {} {}", argument.name, member_doc(argument));
        }
        self.types += &comment(&doc, 2);
        let parameters = own_parameters(operation);
        self.types += &signature(name, &parameters, &format!(": {returns}"), 2);
        self.types.push('\n');
    }

    fn refreshes(&self, operation: &Operation) -> bool {
        operation.gives_its_sandbox() && !self.official.answers.contains(&operation.name)
    }

    /// What a call gives back.
    fn natural(&self, operation: &Operation) -> String {
        let Some(call) = &operation.call else { return "void".into() };
        if self.refreshes(operation) {
            return "void".into();
        }
        match (&call.returns, &call.result) {
            (Returns::Null, _) => "void".into(),
            (Returns::Bytes, _) => "Buffer".into(),
            (Returns::Text, _) => "string".into(),
            (Returns::Handle, _) => "Sandbox".into(),
            (Returns::Json, Some(result)) => {
                let null = if result.nullable { " | null" } else { "" };
                type_of(&result.of, false) + null
            }
            (Returns::Json, None) => "unknown".into(),
        }
    }

    /// A method of the official package, which also takes the operation's own form where the names are the same.
    fn official_method(
        &mut self,
        method: &Method,
        own: Option<&Operation>,
        bound: &[Argument],
    ) -> Result<(), String> {
        let operation = find(self.surface, &method.operation)?;
        let mut names = Vec::new();
        let mut given = Vec::new();
        let mut more = Vec::new();
        for argument in &method.arguments {
            match &argument.goes {
                Goes::To { field, .. } if !argument.is_optional => {
                    names.push(argument.name.clone());
                    given.push((field.as_str(), argument.name.clone()));
                }
                Goes::Made(field, function, _) => {
                    names.push(argument.name.clone());
                    given.push((field.as_str(), format!("{function}({})", argument.name)));
                }
                Goes::To { field, is_object } => {
                    more.push(format!("'{}{field}'", if *is_object { "%" } else { "" }))
                }
                Goes::Seconds(default) => more.push(format!("'@{}'", default.as_deref().unwrap_or_default())),
                Goes::Typed(_) => {}
                Goes::Spread(of) => {
                    more.push(format!("'*{}'", self.official.named_fields(of).unwrap_or_default()))
                }
            }
        }
        let params = match (bound, given.as_slice()) {
            ([], given) => params(given.iter().cloned()),
            (_, []) => "this.#bound".to_owned(),
            (_, given) => params([("...this.#bound", "...this.#bound".into())].iter().chain(given).cloned()),
        };
        let is_computed = !more.is_empty() || params.contains('(');
        let options = match more.is_empty() {
            true => "options".to_owned(),
            false => format!("positional([{}], more)", more.join(", ")),
        };
        if let Some((names, how, arguments)) = self.with_functions(method, operation, &names, &params) {
            let _ = writeln!(self.script, "  {}({}) {{", method.name, names.join(", "));
            self.script += &signature(&format!("return this._target.{how}"), &arguments, "", 4);
            self.script += "  }\n\n";
            return self.declare_official(method, operation, None, None);
        }
        names.push(if more.is_empty() { "options".into() } else { "...more".into() });
        let how = if self.refreshes(operation) { "_refresh" } else { "call" };
        let answer = match &method.answer {
            Answer::Natural => String::new(),
            Answer::Void => ".then(() => undefined)".into(),
            Answer::Field(field) => format!(".then((answer) => answer.{field} ?? undefined)"),
            Answer::Function { name, .. } => format!(".then(answers.{name})"),
        };
        // What is wrong with an argument rejects, like every other failure of the call.
        let is_async = if is_computed { "async " } else { "" };
        let _ = writeln!(self.script, "  {is_async}{}({}) {{", method.name, names.join(", "));
        let arguments = [format!("'{}'", operation.name), params, options];
        if answer.is_empty() {
            self.script += &signature(&format!("return this._target.{how}"), &arguments, "", 4);
        } else {
            let call = format!("this._target.{how}({}){answer}", arguments.join(", "));
            if call.len() + 11 <= WIDTH {
                let _ = writeln!(self.script, "    return {call}");
            } else {
                self.script += &signature(&format!("const answer = this._target.{how}"), &arguments, "", 4);
                let _ = writeln!(self.script, "    return answer{answer}");
            }
        }
        self.script += "  }\n\n";
        self.declare_official(method, operation, own, None)
    }

    /// What a method with functions for its output takes, and the call that it makes.
    fn with_functions(
        &self,
        method: &Method,
        operation: &Operation,
        names: &[String],
        params: &str,
    ) -> Option<(Vec<String>, &'static str, Vec<String>)> {
        let quoted = |text: &str| format!("'{text}'");
        if let Some(follow) = &method.follow {
            let names = [names, &["...more".into()]].concat();
            let arguments = vec![quoted(&operation.name), quoted(follow), params.into(), "more".into()];
            return Some((names, "_logs", arguments));
        }
        let log = method.log.as_ref()?;
        let of = method.arguments.iter().find_map(|it| match &it.goes {
            Goes::Spread(of) => self.official.named_fields(of),
            _ => None,
        });
        let names = vec!["params".to_owned(), "options".to_owned()];
        let mut arguments = vec![quoted(&operation.name), quoted(of.unwrap_or_default())];
        arguments.extend(names.iter().cloned().chain([quoted(log)]));
        Some((names, "_build", arguments))
    }

    fn declare_official(
        &mut self,
        method: &Method,
        operation: &Operation,
        own: Option<&Operation>,
        first: Option<&str>,
    ) -> Result<(), String> {
        let mut returns = format!("Promise<{}>", self.answer(method, operation)?);
        let mut doc = method.doc.clone().unwrap_or_else(|| call_doc(operation));
        let mut parameters: Vec<String> = first.map(str::to_owned).into_iter().collect();
        for argument in &method.arguments {
            let (parameter, about) = parameter(argument, operation);
            if !about.is_empty() {
                let _ = write!(doc, "\n@param {} {about}", argument.name);
            }
            parameters.push(parameter);
        }
        let mut own = own.filter(|own| !own.options.is_empty());
        if let ([Argument { goes: Goes::Spread(_), .. }], Some(same)) = (method.arguments.as_slice(), own)
            && own_parameters(same).len() == 1
        {
            // One signature where both forms are one object: of overloads TypeScript infers no `const page` in a loop whose
            // cursor is the page's.
            parameters[0] += &format!(" | {}", options_name(same));
            own = None;
        }
        if let Some(other) = self.official.deprecated.get(&method.name) {
            let _ = write!(doc, "\n@deprecated Use `{other}`.");
        }
        if let Some(log) = &method.log {
            let _ = write!(
                doc,
                "\n@param options `timeout`: seconds until the library gives up, 0 is no limit. `{log}` gets the build log."
            );
            let options =
                format!("{{ {log}?: (chunk: string) => void; timeout?: number }} & ProgressOptions");
            parameters.push(format!("options?: {options}"));
        } else if method.follow.is_some() {
            doc += "\n@param onStdout With functions: all of it, live until the command ends.";
        } else {
            match parameters.last_mut() {
                Some(last) if last.starts_with("options") => *last += " & CallOptions",
                _ if has_progress(operation) => parameters.push("options?: ProgressOptions".into()),
                _ => parameters.push("options?: CallOptions".into()),
            }
        }
        self.types += &comment(&doc, 2);
        if method.follow.is_some() {
            self.types += &signature(&method.name, &parameters, &format!(": {returns}"), 2);
            returns = "Promise<void>".into();
            parameters.extend(["onStdout", "onStderr"].map(|it| format!("{it}: (chunk: string) => void")));
            parameters.push("options?: CallOptions".into());
        }
        self.types += &signature(&method.name, &parameters, &format!(": {returns}"), 2);
        if let Some(own) = own {
            self.types += &signature(&method.name, &own_parameters(own), &format!(": {returns}"), 2);
        }
        self.types.push('\n');
        Ok(())
    }

    fn answer(&self, method: &Method, operation: &Operation) -> Result<String, String> {
        Ok(match &method.answer {
            Answer::Natural => self.natural(operation),
            Answer::Void => "void".into(),
            Answer::Function { of, .. } => of.clone(),
            Answer::Field(field) => {
                let result = operation.call.as_ref().and_then(|call| call.result.as_ref());
                let shape = match result.map(|it| &it.of) {
                    Some(Type::Shape(name)) => self.surface.shape(name),
                    _ => None,
                };
                let member = shape.and_then(|shape| shape.members.iter().find(|it| it.name == *field));
                let member = member.ok_or_else(|| format!("{}: the answer has no {field}", method.name))?;
                let of = type_of(&member.of, false);
                if member.nullable || !member.required { of + " | undefined" } else { of }
            }
        })
    }
}

/// An argument's declaration, and what is said of it.
fn parameter(argument: &Argument, operation: &Operation) -> (String, String) {
    let (of, about) = match &argument.goes {
        Goes::To { field, .. } => {
            let member = member(operation, field);
            (member_type(member, true), member_doc(member))
        }
        Goes::Made(field, _, of) => {
            let one = if of.starts_with("Record") { " Here in one object." } else { "" };
            ((*of).to_owned(), member_doc(member(operation, field)) + one)
        }
        Goes::Seconds(default) => {
            let default = default.as_ref().map(|it| format!(" Default: {it}.")).unwrap_or_default();
            ("number".to_owned(), format!("Seconds until the library gives up; 0 is no limit.{default}"))
        }
        Goes::Spread(of) => (of.clone(), "Options by name.".to_owned()),
        Goes::Typed(of) => (of.clone(), String::new()),
    };
    let optional = if argument.is_optional { "?" } else { "" };
    (format!("{}{optional}: {of}", argument.name), about)
}

fn member<'a>(operation: &'a Operation, field: &str) -> &'a Member {
    let mut members = operation.arguments.iter().chain(&operation.options);
    members.find(|member| member.name == field).expect("the mapping was checked")
}

fn has_progress(operation: &Operation) -> bool {
    operation.call.as_ref().is_some_and(|call| call.progress)
        || operation.stream.as_ref().is_some_and(|stream| stream.progress)
}

fn options_name(operation: &Operation) -> String {
    match (operation.options.is_empty(), has_progress(operation)) {
        (true, true) => "ProgressOptions".into(),
        (true, false) => "CallOptions".into(),
        // The official package has a PtyCreateOptions of its own.
        _ => format!("{}Options", operation.name.replace("pty.", "terminal.").to_upper_camel_case()),
    }
}

fn own_parameters(operation: &Operation) -> Vec<String> {
    let mut parameters: Vec<String> =
        operation.arguments.iter().map(|it| format!("{}: {}", it.name, member_type(it, true))).collect();
    parameters.extend(operation.body.then(|| "body: string | ArrayBuffer | ArrayBufferView".to_owned()));
    parameters.push(format!("options?: {}", options_name(operation)));
    parameters
}

/// What a call does, when it gives up, and what becomes of it when it is cancelled.
fn call_doc(operation: &Operation) -> String {
    let mut doc = operation.doc.clone();
    let limit = match operation.timeout_ms {
        Some(limit) => format!("Gives up after {} s unless `timeoutMs` says otherwise.", limit / 1000),
        None => "Has no limit unless `timeoutMs` gives one.".into(),
    };
    let _ = write!(doc, "\n\n{limit} Cancelled: {}", operation.cancel);
    doc
}

/// `{ path, idOrName: idOf(snapshot) }`
fn params<'a>(given: impl Iterator<Item = (&'a str, String)>) -> String {
    let fields: Vec<String> = given
        .map(|(field, value)| if field == value { value } else { format!("{field}: {value}") })
        .collect();
    if fields.is_empty() { "{}".into() } else { format!("{{ {} }}", fields.join(", ")) }
}
