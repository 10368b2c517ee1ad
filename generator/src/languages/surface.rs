//! The whole public surface that a package shows: shapes, open enumerations, errors and operations.

use super::declared;
use super::types::{Type, Typed};
pub use daytona::catalogue::{Returns, Target};
use serde_json::{Map, Value};

pub struct Surface {
    pub version: String,
    /// Objects of parameters and results, by name.
    pub shapes: Vec<Shape>,
    /// Texts with known values, by name.
    pub choices: Vec<Choice>,
    /// The tree of error classes, parents first.
    pub classes: Vec<Class>,
    pub codes: Vec<Code>,
    pub statuses: Vec<Constant>,
    pub channels: Vec<Constant>,
    pub log_levels: Vec<Constant>,
    /// What events tell.
    pub kinds: Vec<Constant>,
    /// The options that every operation takes; `streams` marks those of streams alone.
    pub common: Vec<Member>,
    pub operations: Vec<Operation>,
    /// The declarations of the header, as `daytona.cdef` has them.
    pub declarations: String,
}

/// An object.
pub struct Shape {
    pub name: String,
    pub doc: String,
    pub members: Vec<Member>,
    /// It is part of what an operation takes, or of what one gives.
    pub is_parameter: bool,
    pub is_result: bool,
}

/// A field of an object, an argument or an option.
#[derive(Clone)]
pub struct Member {
    /// As the JSON has it.
    pub name: String,
    pub doc: String,
    pub of: Type,
    pub nullable: bool,
    /// Of a result: it is never absent. Of parameters: it has to be given.
    pub required: bool,
    /// What applies where an option is absent.
    pub default: Option<Value>,
    /// `ms`, `s`, `minutes`, `bytes`, `GiB`, `vCPU`, `degrees`
    pub unit: Option<String>,
    /// Of a time: the number that stands for one without an end.
    pub endless: Option<i64>,
    /// Of an integer: `int32`, `int64`, `uint32`, `uint64`
    pub format: Option<String>,
    /// An option of streams alone.
    pub streams: bool,
    /// The values of an enumeration that has no name of its own.
    pub known: Vec<String>,
}

/// A text of which some values are known.
pub struct Choice {
    pub name: String,
    pub doc: String,
    pub values: Vec<String>,
    /// The library refuses any other value; else a newer server may have more.
    pub is_closed: bool,
}

pub struct Class {
    pub name: String,
    pub parent: Option<String>,
    pub statuses: Vec<String>,
}

pub struct Code {
    pub code: String,
    /// Who has to have made the error; without one the code alone tells.
    pub source: Option<String>,
    pub class: String,
    pub doc: String,
}

pub struct Constant {
    pub name: String,
    pub number: i64,
    pub doc: String,
}

pub struct Operation {
    /// `files.list`
    pub name: String,
    pub target: Target,
    pub doc: String,
    /// Required, in the order of the C function.
    pub arguments: Vec<Member>,
    pub options: Vec<Member>,
    /// Raw bytes go beside the JSON.
    pub body: bool,
    pub call: Option<Call>,
    pub stream: Option<Stream>,
    pub timeout_ms: Option<i64>,
    pub endpoint: String,
    pub cancel: String,
    pub statuses: Vec<String>,
    pub codes: Vec<String>,
}

pub struct Call {
    pub returns: Returns,
    pub result: Option<Typed>,
    pub progress: bool,
}

pub struct Stream {
    pub opened: Option<Typed>,
    pub ended: Option<Typed>,
    /// ENDED carries a sandbox's handle.
    pub handle: bool,
    pub channels: Vec<String>,
    /// `none`, `endless` or `finished`
    pub input: String,
    pub progress: bool,
}

impl Operation {
    /// `files` of `files.list`
    pub fn area(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// `list` of `files.list`
    pub fn verb(&self) -> &str {
        self.name.split('.').nth(1).unwrap_or_default()
    }

    /// It gives the JSON of the sandbox that it acts on.
    pub fn gives_its_sandbox(&self) -> bool {
        let of = self.call.as_ref().and_then(|call| call.result.as_ref()).map(|result| &result.of);
        let is_handle = self.call.as_ref().is_some_and(|call| matches!(call.returns, Returns::Handle));
        self.target == Target::Sandbox
            && !is_handle
            && self.area() == "sandbox"
            && matches!(of, Some(Type::Shape(name)) if name == "Sandbox")
    }
}

/// The name of a channel in lower case: one that has no other beside it is plain data.
pub fn channel(name: &str) -> String {
    if name == "NONE" { "data".to_owned() } else { name.to_lowercase() }
}

impl Surface {
    /// The interface that the header describes: major and minor.
    pub fn interface(&self) -> (u32, u32) {
        let mut numbers = self.version.split('.').map(|digits| digits.parse::<u32>().unwrap_or_default());
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
    }

    /// The class of errors of each status that has one, by the status's number.
    pub fn classes_by_status(&self) -> Vec<(i64, &str)> {
        let mut by_status: Vec<(i64, &str)> = Vec::new();
        for class in &self.classes {
            for status in &class.statuses {
                let number = self.statuses.iter().find(|it| it.name == *status).map(|it| it.number);
                let number = number.expect("a class has statuses of the list");
                if !by_status.iter().any(|(it, _)| *it == number) {
                    by_status.push((number, &class.name));
                }
            }
        }
        by_status.sort();
        by_status
    }

    /// The functions that the header declares: what each gives, its name, and its parameters as type and name.
    pub fn functions(&self) -> impl Iterator<Item = (&str, &str, Vec<(&str, &str)>)> {
        let declarations = self.declarations.split(';').map(str::trim);
        declarations.filter(|it| !it.starts_with("typedef")).filter_map(|declaration| {
            let (function, parameters) = declaration.split_once('(')?;
            let (gives, name) = declared(function);
            let parameters = parameters.trim_end_matches(')').split(',').filter(|it| *it != "void");
            Some((gives, name, parameters.map(declared).collect()))
        })
    }

    /// The fields of `daytona_event_t`, as type and name.
    pub fn event(&self) -> Result<impl Iterator<Item = (&str, &str)>, String> {
        let found =
            self.declarations.split_once("typedef struct {").and_then(|(_, rest)| rest.split_once('}'));
        let (fields, _) = found.ok_or("the header has no struct")?;
        Ok(fields.split(';').filter(|it| !it.trim().is_empty()).map(declared))
    }

    /// Reads the texts of `operations.json` and `daytona.cdef`.
    pub fn read(operations: &str, declarations: &str) -> Result<Self, String> {
        let catalogue: Value = serde_json::from_str(operations).map_err(|error| error.to_string())?;
        let definitions = catalogue["$defs"].as_object().ok_or("the catalogue has no $defs")?;
        let operations: Vec<Operation> =
            list(&catalogue["operations"]).map(|it| operation(it, definitions)).collect();
        let mut shapes = Vec::new();
        let mut choices = Vec::new();
        for (name, schema) in definitions {
            // The parameters of one operation; they are its arguments and options.
            let of_one = list(&catalogue["operations"])
                .any(|it| it["params"]["$ref"].as_str() == Some(&format!("#/$defs/{name}")));
            if of_one {
                continue;
            }
            match schema["type"].as_str() {
                Some("object") if schema.get("properties").is_some() => shapes.push(Shape {
                    name: name.clone(),
                    doc: text(&schema["description"]),
                    members: members(&schema["properties"], &schema["required"], definitions),
                    is_parameter: false,
                    is_result: false,
                }),
                Some("string") => choices.push(Choice {
                    name: name.clone(),
                    doc: text(&schema["description"]),
                    values: values(schema),
                    is_closed: schema.get("enum").is_some(),
                }),
                _ => {}
            }
        }
        let mut surface = Self {
            version: text(&catalogue["version"]),
            declarations: declarations.to_owned(),
            shapes,
            choices,
            classes: list(&catalogue["classes"]).map(class).collect(),
            codes: list(&catalogue["codes"]).map(code).collect(),
            statuses: list(&catalogue["statuses"]).map(constant).collect(),
            channels: list(&catalogue["channels"]).map(constant).collect(),
            log_levels: list(&catalogue["logLevels"]).map(constant).collect(),
            kinds: list(&catalogue["kinds"]).map(constant).collect(),
            common: members(&catalogue["common"], &Value::Null, definitions),
            operations,
        };
        let mut parameters = vec![Type::Shape("ClientConfig".into()), Type::Shape("QueueOptions".into())];
        let mut results = vec![Type::Shape("Error".into()), Type::Shape("Progress".into())];
        for operation in &surface.operations {
            parameters.extend(operation.arguments.iter().chain(&operation.options).map(|it| it.of.clone()));
            let (call, stream) = (operation.call.as_ref(), operation.stream.as_ref());
            let of_call = call.and_then(|it| it.result.as_ref());
            let of_stream = stream.into_iter().flat_map(|it| it.opened.iter().chain(&it.ended));
            results.extend(of_call.into_iter().chain(of_stream).map(|it| it.of.clone()));
        }
        surface.mark(&parameters, |shape| &mut shape.is_parameter);
        surface.mark(&results, |shape| &mut shape.is_result);
        Ok(surface)
    }

    pub fn shape(&self, name: &str) -> Option<&Shape> {
        self.shapes.iter().find(|shape| shape.name == name)
    }

    /// Marks the shapes that these types are made of.
    fn mark(&mut self, types: &[Type], flag: fn(&mut Shape) -> &mut bool) {
        for of in types {
            match of {
                Type::List(of) | Type::Map(of) => self.mark(std::slice::from_ref(of), flag),
                Type::Either(types) => self.mark(types, flag),
                Type::Shape(name) => {
                    let Some(shape) = self.shapes.iter_mut().find(|shape| shape.name == *name) else {
                        continue;
                    };
                    if std::mem::replace(flag(shape), true) {
                        continue;
                    }
                    let inner: Vec<Type> = shape.members.iter().map(|member| member.of.clone()).collect();
                    self.mark(&inner, flag);
                }
                _ => {}
            }
        }
    }
}

fn operation(it: &Value, definitions: &Map<String, Value>) -> Operation {
    let params = match it["params"]["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => &definitions[name]["properties"],
        None => &it["params"],
    };
    let mut options = members(params, &it["required"], definitions);
    let mut arguments = Vec::new();
    for name in list(&it["required"]).filter_map(Value::as_str) {
        let at = options.iter().position(|member| member.name == name);
        arguments.push(options.remove(at.expect("the generator has checked the catalogue")));
    }
    let typed = |schema: &Value| (!schema.is_null()).then(|| Typed::read(schema, definitions));
    let call = it["call"].is_object().then(|| Call {
        returns: match it["call"]["returns"].as_str() {
            Some("null") => Returns::Null,
            Some("bytes") => Returns::Bytes,
            Some("text") => Returns::Text,
            Some("handle") => Returns::Handle,
            _ => Returns::Json,
        },
        result: typed(&it["call"]["result"]),
        progress: it["call"]["progress"] == true,
    });
    let stream = it["stream"].is_object().then(|| Stream {
        opened: typed(&it["stream"]["opened"]),
        ended: typed(&it["stream"]["ended"]),
        handle: it["stream"]["handle"] == true,
        channels: list(&it["stream"]["channels"]).map(text).collect(),
        input: text(&it["stream"]["input"]),
        progress: it["stream"]["progress"] == true,
    });
    Operation {
        name: text(&it["name"]),
        target: match it["target"].as_str() {
            Some("client") => Target::Client,
            Some("sandbox") => Target::Sandbox,
            _ => Target::Echo,
        },
        doc: text(&it["doc"]),
        arguments,
        options,
        body: it["body"] == true,
        call,
        stream,
        timeout_ms: it["timeoutMs"].as_i64(),
        endpoint: text(&it["endpoint"]),
        cancel: text(&it["cancel"]),
        statuses: list(&it["statuses"]).map(text).collect(),
        codes: list(&it["codes"]).map(text).collect(),
    }
}

fn members(properties: &Value, required: &Value, definitions: &Map<String, Value>) -> Vec<Member> {
    let member = |(name, schema): (&String, &Value)| {
        let typed = Typed::read(schema, definitions);
        Member {
            name: name.clone(),
            doc: text(&schema["description"]),
            of: typed.of,
            nullable: typed.nullable,
            required: list(required).any(|it| it.as_str() == Some(name)),
            default: schema.get("default").cloned(),
            unit: schema["unit"].as_str().map(str::to_owned),
            endless: schema["endless"].as_i64(),
            format: schema["format"].as_str().map(str::to_owned),
            streams: schema["streams"] == true,
            known: values(schema),
        }
    };
    properties.as_object().into_iter().flatten().map(member).collect()
}

/// The values of an enumeration, open or closed.
fn values(schema: &Value) -> Vec<String> {
    list(&schema["known"]).chain(list(&schema["enum"])).map(text).collect()
}

fn class(it: &Value) -> Class {
    Class {
        name: text(&it["name"]),
        parent: it["parent"].as_str().map(str::to_owned),
        statuses: list(&it["statuses"]).map(text).collect(),
    }
}

fn code(it: &Value) -> Code {
    let source = it["source"].as_str().map(str::to_owned);
    Code { code: text(&it["code"]), source, class: text(&it["class"]), doc: text(&it["doc"]) }
}

fn constant(it: &Value) -> Constant {
    Constant {
        name: text(&it["name"]),
        number: it["number"].as_i64().unwrap_or_default(),
        doc: text(&it["doc"]),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
