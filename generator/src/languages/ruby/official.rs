//! The names of the official gem, from the one mapping file of this language.

use super::super::surface::{Operation, Surface};
use serde_json::Value;

const MAPPING: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/ruby/official.json"));

/// Where an argument goes.
#[derive(Clone, PartialEq)]
pub enum Goes {
    /// To an argument or option of the operation, by its name there.
    To(String),
    /// The same, from an object with an id.
    Id(String),
    /// To the operation's limit, from seconds.
    Seconds,
    /// An object whose fields are arguments.
    Spread,
}

pub struct Argument {
    pub name: String,
    pub goes: Goes,
    pub is_keyword: bool,
    /// In Ruby; none where it has to be given.
    pub default: Option<String>,
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
    pub name: String,
    pub class: String,
    pub parent: String,
    pub property: Option<String>,
}

/// A class of parameters or of parts of an answer.
pub struct Struct {
    pub name: String,
    pub parent: Option<String>,
    pub fields: Vec<Argument>,
}

type Pairs = Vec<(String, String)>;

pub struct Official {
    pub areas: Vec<Area>,
    pub classes: Vec<Class>,
    pub names: Pairs,
    pub calls: Pairs,
    pub streams: Pairs,
    /// Operations whose method is written by hand.
    pub manual: Vec<String>,
    /// Operations that give a sandbox and change none.
    pub answers: Vec<String>,
    pub structs: Vec<Struct>,
    pub errors: Vec<(String, Option<String>)>,
    pub parents: Pairs,
    pub renamed: Pairs,
    pub types: Pairs,
    /// Fields that are a Time.
    pub times: Vec<String>,
    /// Further readers of a shape's fields: the shape, the reader, the field.
    pub aliases: Vec<(String, String, String)>,
}

impl Official {
    /// Reads the mapping, and refuses what the catalogue does not have.
    pub fn read(surface: &Surface) -> Result<Self, String> {
        let mapping: Value =
            serde_json::from_str(MAPPING).map_err(|error| format!("official.json: {error}"))?;
        let mut classes = Vec::new();
        for (name, methods) in entries(&mapping["classes"]) {
            let methods: Result<Vec<Method>, String> =
                entries(methods).map(|(method, it)| read_method(surface, method, it)).collect();
            let methods = methods.map_err(|error| format!("official.json, {name}: {error}"))?;
            classes.push(Class { name: name.clone(), methods });
        }
        let official = Self {
            areas: entries(&mapping["areas"]).map(|(name, it)| area(name, it)).collect(),
            classes,
            names: pairs(&mapping["names"]),
            calls: pairs(&mapping["calls"]),
            streams: pairs(&mapping["streams"]),
            manual: list(&mapping["manual"]),
            answers: list(&mapping["answers"]),
            structs: entries(&mapping["structs"]).map(|(name, it)| read_struct(name, it)).collect(),
            errors: entries(&mapping["errors"])
                .map(|(name, it)| (name.clone(), it.as_str().map(str::to_owned)))
                .collect(),
            parents: pairs(&mapping["parents"]),
            renamed: pairs(&mapping["renamed"]),
            types: pairs(&mapping["types"]),
            times: list(&mapping["times"]),
            aliases: entries(&mapping["aliases"])
                .flat_map(|(shape, it)| pairs(it).into_iter().map(|(to, from)| (shape.clone(), to, from)))
                .collect(),
        };
        let mentioned = [&official.names, &official.calls, &official.streams].into_iter().flatten();
        for name in mentioned.map(|(name, _)| name).chain(&official.manual).chain(&official.answers) {
            find(surface, name)?;
        }
        Ok(official)
    }

    /// The methods of a class that are the official gem's.
    pub fn methods(&self, class: &str) -> &[Method] {
        self.classes.iter().find(|it| it.name == class).map_or(&[], |it| &it.methods)
    }

    /// The name of an operation's own method, of its call or its stream.
    pub fn own_name(&self, operation: &Operation, is_stream: bool) -> String {
        let of = |pairs: &Pairs| {
            pairs.iter().find(|(name, _)| *name == operation.name).map(|(_, own)| own.clone())
        };
        of(if is_stream { &self.streams } else { &self.calls })
            .or_else(|| of(&self.names))
            .unwrap_or_else(|| operation.verb().to_owned())
    }

    pub fn is_manual(&self, operation: &Operation) -> bool {
        self.manual.contains(&operation.name)
    }
}

fn area(name: &str, it: &Value) -> Area {
    Area {
        name: name.to_owned(),
        class: text(&it["class"]),
        parent: it["parent"].as_str().unwrap_or("Area").to_owned(),
        property: it["property"].as_str().map(str::to_owned),
    }
}

pub fn find<'a>(surface: &'a Surface, name: &str) -> Result<&'a Operation, String> {
    let found = surface.operations.iter().find(|it| it.name == name);
    found.ok_or_else(|| format!("official.json: there is no operation {name}"))
}

fn read_method(surface: &Surface, name: &str, it: &Value) -> Result<Method, String> {
    let operation = find(surface, it["operation"].as_str().unwrap_or_default())?;
    let arguments: Vec<Argument> = list(&it["arguments"]).iter().map(|spec| read_argument(spec)).collect();
    let answer = match it["result"].as_str() {
        None => Answer::Natural,
        Some("void") => Answer::Void,
        Some(result) => match (result.strip_prefix('.'), result.split_once(' ')) {
            (Some(field), _) => Answer::Field(field.to_owned()),
            (None, Some((name, of))) => Answer::Function { name: name.into(), of: of.into() },
            _ => return Err(format!("{name}: the result {result} has no type")),
        },
    };
    let has = |field: &str| operation.arguments.iter().chain(&operation.options).any(|it| it.name == field);
    for argument in &arguments {
        match &argument.goes {
            Goes::To(field) | Goes::Id(field) if !has(field) => {
                return Err(format!("{name}: {} has no {field}", operation.name));
            }
            _ => {}
        }
    }
    for required in &operation.arguments {
        let given = arguments.iter().any(|argument| match &argument.goes {
            Goes::To(field) | Goes::Id(field) => *field == required.name,
            Goes::Spread => true,
            Goes::Seconds => false,
        });
        if !given {
            return Err(format!("{name}: {} needs {}", operation.name, required.name));
        }
    }
    Ok(Method { name: name.to_owned(), operation: operation.name.clone(), arguments, answer })
}

/// `NAME[:][?|=DEFAULT][>TO]`
fn read_argument(spec: &str) -> Argument {
    let (spec, to) = match spec.split_once('>') {
        Some((spec, to)) => (spec, Some(to)),
        None => (spec, None),
    };
    let (spec, default) = match (spec.split_once('='), spec.strip_suffix('?')) {
        (Some((spec, default)), _) => (spec, Some(default.to_owned())),
        (None, Some(spec)) => (spec, Some("nil".to_owned())),
        (None, None) => (spec, None),
    };
    let (name, is_keyword) = match spec.strip_suffix(':') {
        Some(name) => (name, true),
        None => (spec, false),
    };
    let goes = match to {
        None => Goes::To(name.to_owned()),
        Some("seconds") => Goes::Seconds,
        Some("*") => Goes::Spread,
        Some(to) => match to.strip_suffix(".id") {
            Some(field) => Goes::Id(field.to_owned()),
            None => Goes::To(to.to_owned()),
        },
    };
    Argument { name: name.to_owned(), goes, is_keyword, default }
}

fn read_struct(name: &str, it: &Value) -> Struct {
    let (name, parent) = match name.split_once('<') {
        Some((name, parent)) => (name, Some(parent.to_owned())),
        None => (name, None),
    };
    let fields = list(it).iter().map(|spec| read_argument(spec)).collect();
    Struct { name: name.to_owned(), parent, fields }
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn pairs(value: &Value) -> Pairs {
    entries(value).map(|(name, of)| (name.clone(), text(of))).collect()
}

fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
