//! The names of the official gem, from the one mapping file of this language.

use super::super::mapping::{self, Area, Class, Pairs, entries, list, pairs};
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

pub type Method = mapping::Method<Argument>;

/// A class of parameters or of parts of an answer.
pub struct Struct {
    pub name: String,
    pub parent: Option<String>,
    pub fields: Vec<Argument>,
}

pub struct Official {
    pub areas: Vec<Area>,
    pub classes: Vec<Class<Argument>>,
    /// The methods of a class that give objects of other classes.
    pub properties: Vec<(String, Pairs)>,
    pub names: Pairs,
    pub calls: Pairs,
    pub streams: Pairs,
    /// Operations whose method is written by hand.
    pub manual: Vec<String>,
    /// Operations that give a sandbox and change none.
    pub answers: Vec<String>,
    pub structs: Vec<Struct>,
    /// All classes of errors, parents first.
    pub errors: Vec<(String, Option<String>)>,
    pub renamed: Pairs,
    pub types: Pairs,
    /// The reader of SandboxMetrics for each metric.
    pub metrics: Pairs,
    /// Fields that are a Time.
    pub times: Vec<String>,
    /// Further readers of a shape's fields: the shape, the reader, the field.
    pub aliases: Vec<(String, String, String)>,
}

impl Official {
    /// Reads the mapping, and refuses what the catalogue does not have.
    pub fn read(surface: &Surface) -> Result<Self, String> {
        let mapping = mapping::read(MAPPING, surface)?;
        Ok(Self {
            areas: mapping::areas(&mapping),
            classes: mapping::classes(&mapping, surface)?,
            properties: entries(&mapping["properties"]).map(|(name, it)| (name.clone(), pairs(it))).collect(),
            names: pairs(&mapping["names"]),
            calls: pairs(&mapping["calls"]),
            streams: pairs(&mapping["streams"]),
            manual: list(&mapping["manual"]),
            answers: list(&mapping["answers"]),
            structs: entries(&mapping["structs"]).map(|(name, it)| read_struct(name, it)).collect(),
            errors: mapping::error_classes(&mapping, surface),
            renamed: pairs(&mapping["renamed"]),
            types: pairs(&mapping["types"]),
            metrics: pairs(&mapping["metrics"]),
            times: list(&mapping["times"]),
            aliases: entries(&mapping["aliases"])
                .flat_map(|(shape, it)| pairs(it).into_iter().map(|(to, from)| (shape.clone(), to, from)))
                .collect(),
        })
    }

    /// The methods of a class that are the official gem's.
    pub fn methods(&self, class: &str) -> &[Method] {
        mapping::methods(&self.classes, class)
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

impl mapping::Argument for Argument {
    fn read(operation: &Operation, method: &str, spec: &str) -> Result<Self, String> {
        let argument = read_argument(spec);
        let has =
            |field: &String| operation.arguments.iter().chain(&operation.options).any(|it| it.name == *field);
        match &argument.goes {
            Goes::To(field) | Goes::Id(field) if !has(field) => {
                Err(format!("{method}: {} has no {field}", operation.name))
            }
            _ => Ok(argument),
        }
    }

    fn gives(&self, name: &str) -> bool {
        match &self.goes {
            Goes::To(field) | Goes::Id(field) => field == name,
            Goes::Spread => true,
            Goes::Seconds => false,
        }
    }
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
