//! The names of the official package, from the one mapping file of this language.

use super::super::surface::{Choice, Member, Operation, Surface};
use super::super::types::Type;
use serde_json::Value;
use std::collections::BTreeMap;

const MAPPING: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/node/official.json"));

/// What follows the argument's name in the mapping.
pub enum Goes {
    /// An argument or option of the operation, by its name there; `is_object` where it takes an object.
    To { field: String, is_object: bool },
    /// The same, of an object with an id.
    Id(String),
    /// The operation's limit, in seconds, and what applies without it.
    Seconds(Option<String>),
    /// An object of options, of this type.
    Spread(String),
}

pub struct Argument {
    pub name: String,
    pub goes: Goes,
    pub is_optional: bool,
}

pub enum Answer {
    Natural,
    Void,
    Field(String),
    Function { name: String, of: String },
}

pub struct Method {
    pub name: String,
    pub operation: String,
    pub arguments: Vec<Argument>,
    pub answer: Answer,
}

pub struct Class {
    pub name: String,
    pub methods: Vec<Method>,
}

pub struct Area {
    pub class: String,
    pub parent: String,
    pub property: Option<String>,
}

pub struct Official {
    pub areas: BTreeMap<String, Area>,
    pub classes: Vec<Class>,
    pub names: BTreeMap<String, String>,
    pub calls: BTreeMap<String, String>,
    pub streams: BTreeMap<String, String>,
    pub manual: Vec<String>,
    pub answers: Vec<String>,
    pub errors: Vec<(String, Option<String>)>,
    pub parents: BTreeMap<String, String>,
    /// Classes that another one counts as an instance of.
    pub instances: BTreeMap<String, String>,
    pub enums: Vec<Choice>,
    pub renamed: Vec<(String, String)>,
    pub types: Vec<(String, String)>,
}

impl Official {
    /// Reads the mapping, and refuses what the catalogue does not have.
    pub fn read(surface: &Surface) -> Result<Self, String> {
        let mapping: Value =
            serde_json::from_str(MAPPING).map_err(|error| format!("official.json: {error}"))?;
        let area = |it: &Value| Area {
            class: text(&it["class"]),
            parent: it["parent"].as_str().unwrap_or("Area").to_owned(),
            property: it["property"].as_str().map(str::to_owned),
        };
        let mut classes = Vec::new();
        for (name, methods) in entries(&mapping["classes"]) {
            let methods: Result<Vec<Method>, String> =
                entries(methods).map(|(method, it)| read_method(surface, method, it)).collect();
            let methods = methods.map_err(|error| format!("official.json, {name}: {error}"))?;
            classes.push(Class { name: name.clone(), methods });
        }
        let pairs = |it: &Value| entries(it).map(|(name, of)| (name.clone(), text(of))).collect::<Vec<_>>();
        let names: Vec<(String, String)> =
            ["names", "calls", "streams"].iter().flat_map(|key| pairs(&mapping[*key])).collect();
        let mentioned = names.iter().map(|(name, _)| name.clone());
        for name in mentioned.chain(list(&mapping["manual"])).chain(list(&mapping["answers"])) {
            find(surface, &name)?;
        }
        Ok(Self {
            areas: entries(&mapping["areas"]).map(|(name, it)| (name.clone(), area(it))).collect(),
            classes,
            names: pairs(&mapping["names"]).into_iter().collect(),
            calls: pairs(&mapping["calls"]).into_iter().collect(),
            streams: pairs(&mapping["streams"]).into_iter().collect(),
            manual: list(&mapping["manual"]),
            answers: list(&mapping["answers"]),
            errors: entries(&mapping["errors"])
                .map(|(name, it)| (name.clone(), it.as_str().map(str::to_owned)))
                .collect(),
            parents: pairs(&mapping["parents"]).into_iter().collect(),
            instances: pairs(&mapping["instances"]).into_iter().collect(),
            enums: entries(&mapping["enums"])
                .map(|(name, values)| Choice {
                    name: name.clone(),
                    doc: "Languages.".into(),
                    values: list(values),
                    is_closed: false,
                })
                .collect(),
            renamed: pairs(&mapping["renamed"]),
            types: pairs(&mapping["types"]),
        })
    }

    /// The methods of a class that are the official package's.
    pub fn methods(&self, class: &str) -> &[Method] {
        self.classes.iter().find(|it| it.name == class).map_or(&[], |it| &it.methods)
    }
}

fn find<'a>(surface: &'a Surface, name: &str) -> Result<&'a Operation, String> {
    let found = surface.operations.iter().find(|it| it.name == name);
    found.ok_or_else(|| format!("official.json: there is no operation {name}"))
}

fn read_method(surface: &Surface, name: &str, it: &Value) -> Result<Method, String> {
    let operation = find(surface, it["operation"].as_str().unwrap_or_default())?;
    let arguments: Result<Vec<Argument>, String> =
        list(&it["arguments"]).iter().map(|spec| read_argument(operation, name, spec)).collect();
    let answer = match it["result"].as_str() {
        None => Answer::Natural,
        Some("void") => Answer::Void,
        Some(result) => match (result.strip_prefix('.'), result.split_once(' ')) {
            (Some(field), _) => Answer::Field(field.to_owned()),
            (None, Some((name, of))) => Answer::Function { name: name.into(), of: of.into() },
            _ => return Err(format!("{name}: the result {result} has no type")),
        },
    };
    let arguments = arguments?;
    for required in &operation.arguments {
        let given = arguments.iter().any(|argument| match &argument.goes {
            Goes::To { field, .. } | Goes::Id(field) => *field == required.name,
            Goes::Spread(_) => true,
            Goes::Seconds(_) => false,
        });
        if !given {
            return Err(format!("{name}: {} needs {}", operation.name, required.name));
        }
    }
    Ok(Method { name: name.to_owned(), operation: operation.name.clone(), arguments, answer })
}

fn read_argument(operation: &Operation, method: &str, spec: &str) -> Result<Argument, String> {
    let (spec, default) = match spec.split_once('=') {
        Some((spec, default)) => (spec, Some(default.to_owned())),
        None => (spec, None),
    };
    let (spec, is_optional) = match spec.strip_suffix('?') {
        Some(spec) => (spec, true),
        None => (spec, default.is_some()),
    };
    let (name, to) = spec.split_once(':').unwrap_or((spec, spec));
    let member = |field: &str| -> Result<&Member, String> {
        let mut members = operation.arguments.iter().chain(&operation.options);
        let found = members.find(|member| member.name == field);
        found.ok_or_else(|| format!("{method}: {} has no {field}", operation.name))
    };
    let goes = if to == "seconds" {
        Goes::Seconds(default)
    } else if let Some(of) = to.strip_prefix('*') {
        Goes::Spread(of.to_owned())
    } else if let Some(field) = to.strip_suffix(".id") {
        member(field)?;
        Goes::Id(field.to_owned())
    } else {
        let is_object = matches!(member(to)?.of, Type::Map(_) | Type::Object | Type::Shape(_));
        Goes::To { field: to.to_owned(), is_object }
    };
    Ok(Argument { name: name.to_owned(), goes, is_optional })
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
