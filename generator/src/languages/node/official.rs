//! The names of the official package, from the one mapping file of this language.

use super::super::mapping::{self, Area, Class, Pairs, entries, list, pairs};
use super::super::surface::{Choice, Member, Operation, Surface};
use super::super::types::Type;
use serde_json::Value;
use std::collections::BTreeMap;

const MAPPING: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../bindings/node/official.json"));

/// What follows the argument's name in the mapping.
pub enum Goes {
    /// An argument or option of the operation, by its name there; `is_object` where it takes an object.
    To { field: String, is_object: bool },
    /// The same, of what a function of lib/arguments.js makes it from: the field, the function, the type that it takes.
    Made(String, &'static str, &'static str),
    /// The operation's limit, in seconds, and what applies without it.
    Seconds(Option<String>),
    /// An object of options, of this type.
    Spread(String),
    /// What only this side takes, of this type.
    Typed(String),
}

pub struct Argument {
    pub name: String,
    pub goes: Goes,
    pub is_optional: bool,
}

pub type Method = mapping::Method<Argument>;

/// A type that the official package has a name for.
pub enum Named {
    /// Another name of a type.
    Alias(String),
    Fields(Fields),
}

/// Some fields of a shape, or of the parameters of an operation.
#[derive(Default)]
pub struct Fields {
    pub doc: String,
    /// With what the parameters of an operation are: each is optional unless it is required.
    pub members: Vec<Member>,
    pub is_parameter: bool,
    /// Other names of fields, and what those are here. A field that is left out can have one.
    pub names: Pairs,
    /// Fields that are left out; all, where it extends the shape itself.
    pub without: Vec<String>,
    /// Types that differ, and fields that are not the library's; `?` behind a name: it may be absent.
    pub types: Pairs,
    pub extends: Option<String>,
}

pub struct Official {
    pub areas: BTreeMap<String, Area>,
    pub classes: Vec<Class<Argument>>,
    pub names: BTreeMap<String, String>,
    pub calls: BTreeMap<String, String>,
    pub streams: BTreeMap<String, String>,
    pub manual: Vec<String>,
    pub answers: Vec<String>,
    /// All classes of errors, parents first.
    pub errors: Vec<(String, Option<String>)>,
    /// Classes that another one counts as an instance of.
    pub instances: BTreeMap<String, String>,
    pub enums: Vec<Choice>,
    pub renamed: Pairs,
    pub types: Vec<(String, Named)>,
    /// Exports of hand-written files, by file.
    pub written: Vec<(String, Vec<String>)>,
    /// Constants, by name, with what they are.
    pub constants: Vec<(String, Value, String)>,
    /// Types that the official package has as classes.
    pub parameters: Vec<String>,
    /// For a class, the objects that it has: property, class and documentation.
    pub properties: BTreeMap<String, Vec<(String, String, String)>>,
    /// For a class, the methods of a sandbox that it has too.
    pub delegates: BTreeMap<String, Vec<String>>,
    /// Methods that add a step to an image: the step, and their arguments.
    pub steps: BTreeMap<String, Vec<String>>,
    /// The field of SandboxMetrics for each metric.
    pub metrics: Pairs,
    /// Deprecated methods, and those to use.
    pub deprecated: BTreeMap<String, String>,
}

impl Official {
    /// Reads the mapping, and refuses what the catalogue does not have.
    pub fn read(surface: &Surface) -> Result<Self, String> {
        let mapping = mapping::read(MAPPING, surface)?;
        let map = |key: &str| pairs(&mapping[key]).into_iter().collect();
        let classes = mapping::classes(&mapping, surface)?;
        let mut types = Vec::new();
        for (name, it) in entries(&mapping["types"]) {
            types.push((name.clone(), named(surface, name, it)?));
        }
        for (name, it) in spread(surface, &classes)? {
            if !name.contains([' ', '[']) && !types.iter().any(|(other, _)| *other == name) {
                types.push((name, it));
            }
        }
        types.sort_by(|(one, _), (other, _)| one.cmp(other));
        let property = |(name, it): (String, String)| {
            let (class, doc) = it.split_once(' ').unwrap_or((&it, ""));
            (name, class.to_owned(), doc.to_owned())
        };
        Ok(Self {
            areas: mapping::areas(&mapping).into_iter().map(|area| (area.name.clone(), area)).collect(),
            classes,
            names: map("names"),
            calls: map("calls"),
            streams: map("streams"),
            manual: list(&mapping["manual"]),
            answers: list(&mapping["answers"]),
            errors: mapping::error_classes(&mapping, surface),
            instances: map("instances"),
            enums: entries(&mapping["enums"])
                .map(|(name, values)| Choice {
                    name: name.clone(),
                    doc: "Languages.".into(),
                    values: list(values),
                    is_closed: false,
                })
                .collect(),
            renamed: pairs(&mapping["renamed"]),
            types,
            deprecated: map("deprecated"),
            written: entries(&mapping["written"]).map(|(file, it)| (file.clone(), list(it))).collect(),
            constants: entries(&mapping["constants"])
                .flat_map(|(doc, it)| {
                    entries(it).map(|(name, value)| (name.clone(), value.clone(), doc.clone()))
                })
                .collect(),
            parameters: list(&mapping["parameters"]),
            properties: entries(&mapping["properties"])
                .map(|(class, it)| (class.clone(), pairs(it).into_iter().map(property).collect()))
                .collect(),
            delegates: lists(&mapping["delegates"]),
            steps: lists(&mapping["steps"]),
            metrics: pairs(&mapping["metrics"]),
        })
    }

    /// Whether a class is written by hand.
    pub fn is_written(&self, class: &str) -> bool {
        self.written.iter().any(|(_, names)| names.iter().any(|name| name == class))
    }

    /// The type in whose fields other names stand: itself, or one that it extends. Of several types, of the first.
    pub fn named_fields<'a>(&'a self, of: &'a str) -> Option<&'a str> {
        let of = of.split(" | ").next().unwrap_or_default();
        let (name, named) = self.types.iter().find(|(name, _)| name == of)?;
        match named {
            Named::Fields(fields) if !fields.names.is_empty() => Some(name.as_str()),
            Named::Fields(fields) => self.named_fields(fields.extends.as_deref()?),
            Named::Alias(_) => None,
        }
    }

    /// The methods of a class that are the official package's.
    pub fn methods(&self, class: &str) -> &[Method] {
        mapping::methods(&self.classes, class)
    }
}

fn lists(value: &Value) -> BTreeMap<String, Vec<String>> {
    entries(value).map(|(name, it)| (name.clone(), list(it))).collect()
}

/// The parameters of an operation, in one list.
fn parameters(operation: &Operation) -> Vec<Member> {
    let required = operation.arguments.iter().map(|it| Member { required: true, ..it.clone() });
    required.chain(operation.options.iter().cloned()).collect()
}

/// An entry of `types` in the mapping.
fn named(surface: &Surface, name: &str, it: &Value) -> Result<Named, String> {
    if let Some(alias) = it.as_str() {
        return Ok(Named::Alias(alias.to_owned()));
    }
    let mut fields = Fields {
        names: pairs(&it["names"]),
        without: list(&it["without"]),
        types: pairs(&it["types"]),
        extends: it["extends"].as_str().map(str::to_owned),
        ..Fields::default()
    };
    match it["of"].as_str() {
        Some(of) if of.contains('.') => {
            fields.doc = format!("Parameters of `{of}`.");
            fields.members = parameters(mapping::find(surface, of)?);
            fields.is_parameter = true;
        }
        Some(of) => {
            let shape = surface.shape(of).ok_or_else(|| format!("official.json: there is no shape {of}"))?;
            fields.doc = shape.doc.clone();
            fields.members = shape.members.clone();
            fields.is_parameter = shape.is_parameter;
        }
        None => {}
    }
    let (only, required) = (list(&it["only"]), list(&it["required"]));
    let known =
        only.iter().chain(&required).chain(&fields.without).chain(fields.names.iter().map(|(_, it)| it));
    for field in known {
        if !fields.members.iter().any(|member| member.name == *field) {
            return Err(format!("official.json: {name} has no {field}"));
        }
    }
    fields.members.retain(|member| only.is_empty() || only.contains(&member.name));
    for member in &mut fields.members {
        member.required |= required.contains(&member.name);
    }
    if fields.extends.is_some() && fields.extends.as_deref() == it["of"].as_str() {
        fields.without = fields.members.iter().map(|member| member.name.clone()).collect();
    }
    Ok(Named::Fields(fields))
}

/// The types of the `*TYPE` arguments: what the other arguments of their methods leave of the operations' parameters.
fn spread(surface: &Surface, classes: &[Class<Argument>]) -> Result<BTreeMap<String, Named>, String> {
    let mut types: BTreeMap<String, Named> = BTreeMap::new();
    for class in classes {
        for method in &class.methods {
            let given = class.bound.iter().chain(&method.arguments);
            let Some(name) = given.clone().find_map(|it| match &it.goes {
                Goes::Spread(name) => Some(name),
                _ => None,
            }) else {
                continue;
            };
            let operation = mapping::find(surface, &method.operation)?;
            let is_given = |field: &str| {
                let mut given = given.clone().filter(|it| !matches!(it.goes, Goes::Spread(_)));
                given.any(|it| mapping::Argument::gives(it, field))
            };
            let named = types.entry(name.clone()).or_insert_with(|| {
                let doc = format!("Parameters of `{}`.", operation.name);
                Named::Fields(Fields {
                    doc,
                    members: parameters(operation),
                    is_parameter: true,
                    ..Fields::default()
                })
            });
            if let Named::Fields(fields) = named {
                fields.members.retain(|member| !is_given(&member.name));
            }
        }
    }
    Ok(types)
}

impl mapping::Argument for Argument {
    fn read(operation: &Operation, method: &str, spec: &str) -> Result<Self, String> {
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
        } else if let Some(of) = to.strip_prefix('!') {
            Goes::Typed(of.to_owned())
        } else if let Some((field, from)) = to.split_once('.') {
            member(field)?;
            let (function, of) = match from {
                "id" => ("idOf", "string | { id: string }"),
                "list" => ("secretList", "Record<string, string>"),
                _ => return Err(format!("{method}: nothing makes {field} from {from}")),
            };
            Goes::Made(field.to_owned(), function, of)
        } else {
            let is_object = matches!(member(to)?.of, Type::Map(_) | Type::Object | Type::Shape(_));
            Goes::To { field: to.to_owned(), is_object }
        };
        Ok(Self { name: name.to_owned(), goes, is_optional })
    }

    fn gives(&self, name: &str) -> bool {
        match &self.goes {
            Goes::To { field, .. } | Goes::Made(field, ..) => field == name,
            Goes::Spread(_) | Goes::Typed(_) => true,
            Goes::Seconds(_) => false,
        }
    }
}
