//! A schema's type, as people say it: `text`, `integer, ms`, `list of FileInfo`.

use serde_json::{Map, Value};

/// Writes types; shared shapes are named, and described elsewhere.
pub struct Types<'a> {
    pub definitions: &'a Map<String, Value>,
    /// In a page where each shape is a heading.
    pub links: bool,
}

impl Types<'_> {
    pub fn name(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
            // An open enumeration is a text; its values are told beside it.
            return match self.definitions.get(name) {
                Some(shape) if shape["type"] != "object" => self.name(shape),
                _ if self.links => format!("[{name}](#{})", name.to_ascii_lowercase()),
                _ => name.to_owned(),
            };
        }
        if let Some(alternatives) = schema["anyOf"].as_array() {
            return alternatives.iter().map(|it| self.name(it)).collect::<Vec<_>>().join(" or ");
        }
        let names: Vec<String> = match &schema["type"] {
            Value::Array(names) => {
                names.iter().filter_map(Value::as_str).map(|name| self.base(name, schema)).collect()
            }
            Value::String(name) => vec![self.base(name, schema)],
            _ => vec!["any value".to_owned()],
        };
        names.join(" or ")
    }

    fn base(&self, name: &str, schema: &Value) -> String {
        match name {
            "string" if schema["format"] == "date-time" => "text, a time (ISO 8601)".into(),
            "string" => "text".into(),
            "integer" | "number" => match schema["unit"].as_str() {
                Some(unit) => format!("{name}, {unit}"),
                None => name.into(),
            },
            "boolean" => "true or false".into(),
            "array" => format!("list of {}", plural(&self.name(&schema["items"]))),
            "object" => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => format!("object of {}", plural(&self.name(values))),
                _ => "object".into(),
            },
            other => other.into(),
        }
    }

    /// A field's documentation, with the values that are known and the default.
    pub fn told(&self, schema: &Value) -> String {
        let mut text = schema["description"].as_str().unwrap_or_default().to_owned();
        // Shared lists are no heading of their own, as objects are.
        let shared = schema.get("$ref").map(|_| crate::schema::resolve(schema, self.definitions));
        if let Some(shared) = shared.filter(|shared| shared["type"] == "array") {
            text.push(' ');
            text.push_str(shared["description"].as_str().unwrap_or_default());
        }
        if let Some(values) = self.values(schema) {
            text.push(' ');
            text.push_str(&values);
        }
        if let Some(default) = schema.get("default") {
            text.push_str(&format!(" Default: {default}."));
        }
        text
    }

    /// The values that it can have, or that are known, in a sentence of their own.
    fn values(&self, schema: &Value) -> Option<String> {
        let inner = [&schema["items"], schema].into_iter().find(|it| !it.is_null())?;
        let schema = crate::schema::resolve(inner, self.definitions);
        let listed = |values: &Vec<Value>| {
            let value = |it: &Value| match it.as_str() {
                Some(text) => format!("`{text}`"),
                None => it.to_string(),
            };
            values.iter().map(value).collect::<Vec<_>>().join(", ")
        };
        match (schema["enum"].as_array(), schema["known"].as_array()) {
            (Some(values), _) => Some(format!("One of {}.", listed(values))),
            (_, Some(values)) => Some(format!("{}; others may come.", listed(values))),
            _ => None,
        }
    }
}

fn plural(name: &str) -> String {
    match name {
        "text" | "integer" | "number" | "object" | "list" => format!("{name}s"),
        other => other.to_owned(),
    }
}
