//! An operation as its generated texts need it: arguments with their types, options, statuses.

use daytona::catalogue::{Operation, Returns, Target};
use serde_json::Value;

/// One operation, read from its entry and its schema.
pub struct Function {
    pub operation: &'static Operation,
    pub arguments: Vec<Field>,
    pub options: Vec<Field>,
    pub params_schema: Value,
    pub result_schema: Option<Value>,
}

/// An argument or option.
pub struct Field {
    pub name: String,
    pub kind: Kind,
    pub doc: String,
    /// As people say it: `text`, `list of texts`.
    pub type_name: String,
}

/// How a required argument crosses the C border.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
    Json,
    TextOrObject,
}

impl Function {
    pub fn of(operation: &'static Operation) -> Result<Self, String> {
        let params_schema = (operation.params_schema)().to_value();
        let result_schema = operation.result_schema.map(|schema| schema().to_value());
        let empty = serde_json::Map::new();
        let properties = params_schema["properties"].as_object().unwrap_or(&empty);
        let field = |name: &str, schema: &Value| Field {
            name: name.to_owned(),
            kind: kind(schema, &params_schema),
            doc: schema["description"].as_str().unwrap_or_default().replace('\n', " "),
            type_name: type_name(schema, &params_schema),
        };
        let arguments = operation.required.iter().map(|name| match properties.get(*name) {
            Some(schema) => Ok(field(name, schema)),
            None => Err(format!("{}: no parameter is named {name}", operation.name)),
        });
        let arguments: Vec<Field> = arguments.collect::<Result<_, _>>()?;
        let options: Vec<Field> = properties
            .iter()
            .filter(|(name, _)| !operation.required.contains(&name.as_str()))
            .map(|(name, schema)| field(name, schema))
            .collect();
        for it in arguments.iter().chain(&options) {
            if it.doc.is_empty() {
                return Err(format!("{}: `{}` has no documentation", operation.name, it.name));
            }
        }
        Ok(Self { operation, arguments, options, params_schema, result_schema })
    }

    /// Has a C function of its own: calls do, unless they are the echo target's.
    pub fn is_named(&self) -> bool {
        self.operation.call.is_some() && self.operation.target != Target::Echo
    }

    pub fn area(&self) -> &'static str {
        self.operation.name.split('.').next().unwrap_or_default()
    }

    pub fn c_name(&self) -> String {
        format!("daytona_{}", self.operation.name.replace('.', "_"))
    }

    /// Works without a server.
    pub fn is_local(&self) -> bool {
        self.operation.endpoint == "none"
    }

    /// Every status it can return, by name.
    pub fn statuses(&self) -> Vec<&'static str> {
        let mut statuses = vec!["OK", "INVALID_ARGUMENT", "INVALID_HANDLE", "INVALID_JSON"];
        if !self.is_local() {
            statuses.extend(["TIMEOUT", "CONNECTION", "TLS", "PROTOCOL"]);
        }
        statuses.extend(["CANCELLED", "CLOSED", "FORKED", "PANIC", "UNSUPPORTED", "BUSY"]);
        match self.operation.name {
            "files.upload" | "files.download" | "files.upload_many" | "files.download_many" => {
                statuses.push("IO");
            }
            "sandbox.find" => statuses.push("NO_MATCH"),
            "sandbox.create" | "sandbox.start" | "sandbox.stop" | "sandbox.resize" => {
                statuses.push("SANDBOX_FAILED");
            }
            name if name.starts_with("sandbox.wait") => statuses.push("SANDBOX_FAILED"),
            _ => {}
        }
        statuses
    }

    /// What its `out` gets.
    pub fn result(&self) -> &'static str {
        match self.operation.returns {
            Returns::Json => "the result as JSON",
            Returns::Null => "`null`",
            Returns::Bytes => "the bytes",
            Returns::Handle => "the sandbox as JSON",
        }
    }
}

pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Follows a reference into the schema's definitions, and past `null` alternatives.
fn resolve<'s>(schema: &'s Value, root: &'s Value) -> &'s Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return resolve(&root["$defs"][name], root);
    }
    if let Some(alternatives) = schema["anyOf"].as_array()
        && let Some(first) = alternatives.iter().find(|it| it["type"] != "null")
    {
        return resolve(first, root);
    }
    schema
}

fn base_type(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

fn kind(schema: &Value, root: &Value) -> Kind {
    match base_type(resolve(schema, root)) {
        Some("string") => Kind::Text,
        Some("integer") => Kind::Integer,
        Some(_) => Kind::Json,
        None => Kind::TextOrObject,
    }
}

pub fn type_name(schema: &Value, root: &Value) -> String {
    let schema = resolve(schema, root);
    match base_type(schema) {
        Some("string") => "text".into(),
        Some("integer") => "integer".into(),
        Some("number") => "number".into(),
        Some("boolean") => "true or false".into(),
        Some("array") => match schema.get("items") {
            Some(items) => format!("list of {}", plural(&type_name(items, root))),
            None => "list".into(),
        },
        Some("object") => match schema.get("additionalProperties") {
            Some(values) if values.is_object() => format!("object of {}", plural(&type_name(values, root))),
            _ => "object".into(),
        },
        _ => "text or object".into(),
    }
}

fn plural(name: &str) -> String {
    match name {
        "text" | "integer" | "number" | "object" | "list" => format!("{name}s"),
        other => other.to_owned(),
    }
}
