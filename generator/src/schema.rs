//! The schemas of the catalogue: from schemars' to the published form.
//!
//! Two generators, because serde gives the same attributes two meanings: parameters are what the library reads,
//! results are what it or the server writes. Shared shapes stand in `$defs`, once.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Number, Value};

/// Collects schemas.
pub struct Schemas {
    parameters: SchemaGenerator,
    results: SchemaGenerator,
}

/// A function of the catalogue that adds a type to a generator.
type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

impl Schemas {
    pub fn new() -> Self {
        let generator = |contract| {
            let mut settings = SchemaSettings::draft2020_12();
            settings.contract = contract;
            SchemaGenerator::new(settings)
        };
        Self { parameters: generator(Contract::Deserialize), results: generator(Contract::Serialize) }
    }

    pub fn parameters(&mut self, of: SchemaOf) -> Value {
        published(of(&mut self.parameters).to_value(), Direction::In)
    }

    pub fn result(&mut self, of: SchemaOf) -> Value {
        published(of(&mut self.results).to_value(), Direction::Out)
    }

    /// The shapes that were referred to, by name.
    pub fn definitions(mut self) -> Result<Map<String, Value>, String> {
        let mut definitions = Map::new();
        let parameters = self.parameters.take_definitions(true).into_iter();
        let results = self.results.take_definitions(true).into_iter();
        let all = parameters.map(|it| (Direction::In, it)).chain(results.map(|it| (Direction::Out, it)));
        for (direction, (name, schema)) in all {
            if name.ends_with(|last: char| last.is_ascii_digit()) {
                return Err(format!(
                    "two types are published as {}: rename one",
                    name.trim_end_matches(char::is_numeric)
                ));
            }
            let schema = published(schema, direction);
            if definitions.get(&name).is_some_and(|other| *other != schema) {
                return Err(format!("{name} is read and written in different shapes: make it two types"));
            }
            definitions.insert(name, schema);
        }
        definitions.sort_keys();
        Ok(definitions)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    In,
    Out,
}

/// The published form: texts in one line a paragraph, `null` only where it can come.
fn published(mut schema: Value, direction: Direction) -> Value {
    rewrite(&mut schema, direction);
    schema
}

fn rewrite(schema: &mut Value, direction: Direction) {
    let Some(object) = schema.as_object_mut() else { return };
    for noise in ["$schema", "title"] {
        object.remove(noise);
    }
    match object.get_mut("default") {
        Some(default) if direction == Direction::Out || default.is_null() => {
            object.remove("default");
        }
        Some(Value::Number(number)) => *number = without_fraction(number),
        _ => {}
    }
    // Unknown keys are refused in every parameter, and ignored in every result.
    if object.get("additionalProperties") == Some(&Value::Bool(false)) {
        object.remove("additionalProperties");
    }
    // There is no other number.
    if object.get("format") == Some(&Value::from("double")) {
        object.remove("format");
    }
    // The format says it.
    if object.get("format") == Some(&Value::from("uint16"))
        && object.get("maximum") == Some(&Value::from(65535))
    {
        object.remove("maximum");
    }
    if object.get("format").and_then(Value::as_str).is_some_and(|format| format.starts_with("uint"))
        && object.get("minimum").and_then(Value::as_u64) == Some(0)
    {
        object.remove("minimum");
    }
    if let Some(Value::String(text)) = object.get_mut("description") {
        // Without the example in Rust, which comes last.
        *text = flowing(text.split("```").next().unwrap_or_default());
    }
    let absent_or_null = object.remove("absentOrNull").is_some();
    let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (name, property) in properties {
            let is_required = required.iter().any(|it| it == name);
            if !is_required && (direction == Direction::In || !absent_or_null) {
                without_null(property);
            }
            rewrite(property, direction);
        }
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner) = object.get_mut(key) {
            rewrite(inner, direction);
        }
    }
    if let Some(Value::Array(alternatives)) = object.get_mut("anyOf") {
        alternatives.iter_mut().for_each(|inner| rewrite(inner, direction));
    }
}

/// A double that is a whole number, as JSON has it elsewhere: 600, not 600.0.
fn without_fraction(number: &Number) -> Number {
    match number.as_f64() {
        Some(double) if number.is_f64() && double.fract() == 0.0 && double.abs() < 1e15 => {
            Number::from(double as i64)
        }
        _ => number.clone(),
    }
}

/// What is absent instead of null.
fn without_null(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    let Some(Value::Array(alternatives)) = object.get_mut("anyOf") else { return };
    alternatives.retain(|it| it["type"] != "null");
    if let [only] = alternatives.as_slice() {
        let only = only.clone();
        object.remove("anyOf");
        if let Value::Object(members) = only {
            for (key, value) in members {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// A documentation comment as texts have it: unindented, one line a paragraph or list item.
pub fn flowing(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim().lines().map(str::trim) {
        match lines.last_mut() {
            Some(last) if !(last.is_empty() || line.is_empty() || line.starts_with("* ")) => {
                last.push(' ');
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// Follows a reference.
pub fn resolve<'s>(schema: &'s Value, definitions: &'s Map<String, Value>) -> &'s Value {
    match schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        Some(name) => definitions.get(name).unwrap_or(&Value::Null),
        None => schema,
    }
}

/// The first type that is not null.
pub fn base_type(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}
