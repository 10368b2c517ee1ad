//! The names of the official package, from the one mapping file of this language.

use super::super::mapping::{self, Area, Class, Pairs, entries, list, pairs};
use super::super::surface::{Choice, Member, Operation, Surface};
use super::super::types::Type;
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

pub type Method = mapping::Method<Argument>;

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
    pub types: Pairs,
}

impl Official {
    /// Reads the mapping, and refuses what the catalogue does not have.
    pub fn read(surface: &Surface) -> Result<Self, String> {
        let mapping = mapping::read(MAPPING, surface)?;
        let map = |key: &str| pairs(&mapping[key]).into_iter().collect();
        Ok(Self {
            areas: mapping::areas(&mapping).into_iter().map(|area| (area.name.clone(), area)).collect(),
            classes: mapping::classes(&mapping, surface)?,
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
            types: pairs(&mapping["types"]),
        })
    }

    /// The methods of a class that are the official package's.
    pub fn methods(&self, class: &str) -> &[Method] {
        mapping::methods(&self.classes, class)
    }
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
        } else if let Some(field) = to.strip_suffix(".id") {
            member(field)?;
            Goes::Id(field.to_owned())
        } else {
            let is_object = matches!(member(to)?.of, Type::Map(_) | Type::Object | Type::Shape(_));
            Goes::To { field: to.to_owned(), is_object }
        };
        Ok(Self { name: name.to_owned(), goes, is_optional })
    }

    fn gives(&self, name: &str) -> bool {
        match &self.goes {
            Goes::To { field, .. } | Goes::Id(field) => field == name,
            Goes::Spread(_) => true,
            Goes::Seconds(_) => false,
        }
    }
}
