//! Types of the catalogue, as programming languages have them.

use serde_json::{Map, Value};

/// The type of a value, without null.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    Text,
    /// A time, ISO 8601.
    Time,
    Integer,
    Number,
    Boolean,
    /// Any JSON.
    Any,
    /// A free-form object.
    Object,
    List(Box<Type>),
    /// An object with names of the caller's or the server's choice.
    Map(Box<Type>),
    /// One of [`super::surface::Surface::shapes`].
    Shape(String),
    /// One of [`super::surface::Surface::choices`].
    Choice(String),
    /// One of several, told apart by the JSON's own type.
    Either(Vec<Type>),
}

/// A type, and whether null can stand in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Typed {
    pub of: Type,
    pub nullable: bool,
}

impl Typed {
    pub fn read(schema: &Value, definitions: &Map<String, Value>) -> Self {
        let alternatives = match schema["anyOf"].as_array() {
            Some(alternatives) => alternatives.as_slice(),
            None => std::slice::from_ref(schema),
        };
        let mut types: Vec<Type> = Vec::new();
        let mut nullable = false;
        for schema in alternatives {
            match &schema["type"] {
                Value::Array(names) => {
                    for name in names.iter().filter_map(Value::as_str) {
                        match name {
                            "null" => nullable = true,
                            name => types.push(base(name, schema, definitions)),
                        }
                    }
                }
                Value::String(name) if name == "null" => nullable = true,
                Value::String(name) => types.push(base(name, schema, definitions)),
                _ => types.push(referred(schema, definitions)),
            }
        }
        let of = match types.len() {
            0 => Type::Any,
            1 => types.remove(0),
            _ => Type::Either(types),
        };
        Self { of, nullable }
    }
}

fn base(name: &str, schema: &Value, definitions: &Map<String, Value>) -> Type {
    match name {
        "string" if schema["format"] == "date-time" => Type::Time,
        "string" => Type::Text,
        "integer" => Type::Integer,
        "number" => Type::Number,
        "boolean" => Type::Boolean,
        "array" => Type::List(Box::new(Typed::read(&schema["items"], definitions).of)),
        "object" => match &schema["additionalProperties"] {
            values if values.is_object() => Type::Map(Box::new(Typed::read(values, definitions).of)),
            _ => Type::Object,
        },
        _ => Type::Any,
    }
}

/// A shared shape; a shared list is the list itself.
fn referred(schema: &Value, definitions: &Map<String, Value>) -> Type {
    let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) else {
        return Type::Any;
    };
    match definitions[name]["type"].as_str() {
        Some("object") if definitions[name].get("properties").is_some() => Type::Shape(name.to_owned()),
        Some("string") => Type::Choice(name.to_owned()),
        _ => Typed::read(&definitions[name], definitions).of,
    }
}
