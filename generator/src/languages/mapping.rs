//! The mapping files of the packages for Node and Ruby: the official names as data, read and held against the catalogue.
//! How an argument is written there is each language's own.

use super::surface::{Operation, Surface};
use serde_json::Value;

pub type Pairs = Vec<(String, String)>;

/// What a method gives.
pub enum Answer {
    Natural,
    Void,
    Field(String),
    Function { name: String, of: String },
}

pub struct Method<A> {
    pub name: String,
    pub operation: String,
    pub arguments: Vec<A>,
    pub answer: Answer,
    /// What is said of it in place of the operation's documentation.
    pub doc: Option<String>,
    /// The stream that gives the same live, to functions.
    pub follow: Option<String>,
    /// The option whose function gets the log of the operation's stream.
    pub log: Option<String>,
}

pub struct Class<A> {
    pub name: String,
    /// What its constructor takes beside its target, for all of its methods.
    pub bound: Vec<A>,
    pub methods: Vec<Method<A>>,
}

/// The operations that stand before the same dot, as a class.
pub struct Area {
    pub name: String,
    pub class: String,
    pub parent: String,
    pub property: Option<String>,
}

pub trait Argument: Sized {
    /// Refuses what the operation does not take.
    fn read(operation: &Operation, method: &str, spec: &str) -> Result<Self, String>;

    /// Whether it gives the operation the argument of this name.
    fn gives(&self, name: &str) -> bool;
}

/// Reads a mapping file, and refuses an operation that the catalogue does not have.
pub fn read(file: &str, surface: &Surface) -> Result<Value, String> {
    let mapping: Value = serde_json::from_str(file).map_err(|error| format!("official.json: {error}"))?;
    let names = ["names", "calls", "streams"].into_iter().flat_map(|key| pairs(&mapping[key]));
    let lists = ["manual", "answers"].into_iter().flat_map(|key| list(&mapping[key]));
    for name in names.map(|(name, _)| name).chain(lists) {
        find(surface, &name)?;
    }
    Ok(mapping)
}

pub fn areas(mapping: &Value) -> Vec<Area> {
    let area = |(name, it): (&String, &Value)| Area {
        name: name.clone(),
        class: text(&it["class"]),
        parent: it["parent"].as_str().unwrap_or("Area").to_owned(),
        property: it["property"].as_str().map(str::to_owned),
    };
    entries(&mapping["areas"]).map(area).collect()
}

pub fn classes<A: Argument>(mapping: &Value, surface: &Surface) -> Result<Vec<Class<A>>, String> {
    let mut classes = Vec::new();
    for (name, methods) in entries(&mapping["classes"]) {
        let bound = list(&mapping["bound"][name]);
        let mut class = Class { name: name.clone(), bound: Vec::new(), methods: Vec::new() };
        for (method, it) in entries(methods) {
            for it in it.as_array().map_or(std::slice::from_ref(it), Vec::as_slice) {
                let read = method_of(surface, method, it, &bound);
                let (bound, method) = read.map_err(|error| format!("official.json, {name}: {error}"))?;
                class.bound = bound;
                class.methods.push(method);
            }
        }
        classes.push(class);
    }
    Ok(classes)
}

/// A method, and the arguments that are bound to its object, as its operation has them.
fn method_of<A: Argument>(
    surface: &Surface,
    name: &str,
    it: &Value,
    bound: &[String],
) -> Result<(Vec<A>, Method<A>), String> {
    let operation = find(surface, it["operation"].as_str().unwrap_or_default())?;
    let read = |specs: &[String]| -> Result<Vec<A>, String> {
        specs.iter().map(|spec| A::read(operation, name, spec)).collect()
    };
    let (bound, arguments) = (read(bound)?, read(&list(&it["arguments"]))?);
    let answer = match it["result"].as_str() {
        None => Answer::Natural,
        Some("void") => Answer::Void,
        Some(result) => match (result.strip_prefix('.'), result.split_once(' ')) {
            (Some(field), _) => Answer::Field(field.to_owned()),
            (None, Some((name, of))) => Answer::Function { name: name.into(), of: of.into() },
            _ => return Err(format!("{name}: the result {result} has no type")),
        },
    };
    for required in &operation.arguments {
        if !bound.iter().chain(&arguments).any(|argument| argument.gives(&required.name)) {
            return Err(format!("{name}: {} needs {}", operation.name, required.name));
        }
    }
    let text = |key: &str| it[key].as_str().map(str::to_owned);
    let (doc, follow, log) = (text("doc"), text("follow"), text("log"));
    if let Some(follow) = &follow {
        find(surface, follow)?;
    }
    let (name, operation) = (name.to_owned(), operation.name.clone());
    Ok((bound, Method { name, operation, arguments, answer, doc, follow, log }))
}

/// The methods of a class.
pub fn methods<'a, A>(classes: &'a [Class<A>], class: &str) -> &'a [Method<A>] {
    classes.iter().find(|it| it.name == class).map_or(&[], |it| &it.methods)
}

/// The classes of errors with their parents, which stand before their children: those of the mapping, and those of the
/// catalogue, below other parents where the mapping says so.
pub fn error_classes(mapping: &Value, surface: &Surface) -> Vec<(String, Option<String>)> {
    let mut left: Vec<(String, Option<String>)> = entries(&mapping["errors"])
        .map(|(name, it)| (name.clone(), it.as_str().map(str::to_owned)))
        .collect();
    for class in &surface.classes {
        let parent = mapping["parents"][&class.name].as_str().map(str::to_owned);
        left.push((class.name.clone(), parent.or(class.parent.clone())));
    }
    let mut ordered: Vec<(String, Option<String>)> = Vec::new();
    while ordered.len() < left.len() {
        for class in &left {
            let has = |name: &String| ordered.iter().any(|(it, _)| it == name);
            if !has(&class.0) && class.1.as_ref().is_none_or(has) {
                ordered.push(class.clone());
            }
        }
    }
    ordered
}

/// What a class of errors stands for; empty for one that the mapping alone has.
pub fn error_doc(surface: &Surface, name: &str) -> String {
    let Some(class) = surface.classes.iter().find(|class| class.name == name) else { return String::new() };
    if class.statuses.is_empty()
        && let Some(code) = surface.codes.iter().find(|code| code.class == name && !code.doc.is_empty())
    {
        return code.doc.clone();
    }
    let statuses = class.statuses.iter();
    let statuses = statuses.filter_map(|name| surface.statuses.iter().find(|status| status.name == *name));
    statuses.map(|status| status.doc.as_str()).collect::<Vec<_>>().join(" ")
}

pub fn find<'a>(surface: &'a Surface, name: &str) -> Result<&'a Operation, String> {
    let found = surface.operations.iter().find(|it| it.name == name);
    found.ok_or_else(|| format!("official.json: there is no operation {name}"))
}

pub fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

pub fn pairs(value: &Value) -> Pairs {
    entries(value).map(|(name, of)| (name.clone(), text(of))).collect()
}

pub fn list(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
