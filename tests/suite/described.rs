//! What the catalogue says of results and events, held against what comes: the recordings of the real daemon and
//! the dev server's answers pass through here.

use daytona::client::stream::Chunk;
use serde_json::Value;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../src/catalogue/operations.json")).unwrap());

/// What the catalogue says of an operation.
pub fn operation(name: &str) -> &'static Value {
    let operations = CATALOGUE["operations"].as_array().unwrap();
    operations.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("no operation {name}"))
}

/// A shape that several operations use.
pub fn definition(name: &str) -> &'static Value {
    &CATALOGUE["$defs"][name]
}

/// How a call's result differs from what the catalogue says of it.
pub fn result(name: &str, json: &Value) -> Result<(), String> {
    let call = &operation(name)["call"];
    match call["returns"].as_str() {
        Some("null") if json.is_null() => Ok(()),
        Some("json" | "handle") => {
            differs(&call["result"], json).map_err(|how| format!("{name}: {how}, in {json}"))
        }
        _ => Err(format!("{name} does not return {json}")),
    }
}

/// How the JSON of OPENED or ENDED differs, `event` being the one or the other.
pub fn event(name: &str, event: &str, json: &Value) -> Result<(), String> {
    let schema = &operation(name)["stream"][event];
    differs(schema, json).map_err(|how| format!("{name}, {event}: {how}, in {json}"))
}

/// How an error differs, or that the catalogue does not say that this operation can have it.
pub fn error(name: &str, error: &daytona::Error) -> Result<(), String> {
    let json: Value = serde_json::from_slice(&error.json()).unwrap();
    differs(&CATALOGUE["error"], &json).map_err(|how| format!("the error of {name}: {how}, in {json}"))?;
    let operation = operation(name);
    let lists = |names: &Value, wanted: &str| names.as_array().unwrap().iter().any(|it| it == wanted);
    let status = CATALOGUE["statuses"].as_array().unwrap().iter().find(|it| it["number"] == json["status"]);
    let status = status.map_or("HTTP", |status| status["name"].as_str().unwrap());
    let sets = &CATALOGUE["statusSets"];
    let remote =
        operation["remote"] == true && (lists(&sets["remote"], status) || status.starts_with("HTTP"));
    if !(remote || lists(&sets["always"], status) || lists(&operation["statuses"], status)) {
        return Err(format!("{name} can end with {status}: {json}"));
    }
    let known = CATALOGUE["codes"].as_array().unwrap().iter().find(|it| it["code"] == json["code"]);
    match known {
        Some(code)
            if code["any"] == false
                && operation["codes"].as_array().unwrap().iter().all(|it| it != &code["code"]) =>
        {
            Err(format!("{name} can have the code {}", code["code"]))
        }
        _ => Ok(()),
    }
}

/// A channel of DATA that the catalogue does not name.
pub fn channels(name: &str, chunks: &[Chunk]) -> Result<(), String> {
    let named = operation(name)["stream"]["channels"].as_array().unwrap();
    let channel = |chunk: &Chunk| &CATALOGUE["channels"][chunk.channel as usize]["name"];
    match chunks.iter().map(channel).find(|channel| !named.contains(channel)) {
        Some(channel) => Err(format!("{name} has the channel {channel}")),
        None => Ok(()),
    }
}

/// How a value differs from its schema.
fn differs(schema: &Value, json: &Value) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return differs(&CATALOGUE["$defs"][name], json).map_err(|how| format!("{how} of {name}"));
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        let mut reasons = Vec::new();
        for alternative in alternatives {
            match differs(alternative, json) {
                Ok(()) => return Ok(()),
                Err(how) => reasons.push(how),
            }
        }
        return Err(reasons.join(", or "));
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => return Err("a shape without a type".into()),
    };
    let is = |name: &&str| match *name {
        "null" => json.is_null(),
        "boolean" => json.is_boolean(),
        "string" => json.is_string(),
        "integer" => json.is_i64() || json.is_u64(),
        "number" => json.is_number(),
        "array" => json.is_array(),
        "object" => json.is_object(),
        _ => false,
    };
    if !types.iter().any(is) {
        return Err(format!("{json} is no {}", types.join(" or ")));
    }
    for (at, item) in json.as_array().into_iter().flatten().enumerate() {
        differs(&schema["items"], item).map_err(|how| format!("[{at}] {how}"))?;
    }
    let Some(members) = json.as_object() else { return Ok(()) };
    if let Some(properties) = schema["properties"].as_object() {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                return Err(format!("`{name}` is missing"));
            }
        }
        for (name, member) in members {
            let property = properties.get(name).ok_or_else(|| format!("`{name}` is not described"))?;
            differs(property, member).map_err(|how| format!("`{name}`: {how}"))?;
        }
    } else if schema["additionalProperties"].is_object() {
        for (name, member) in members {
            differs(&schema["additionalProperties"], member).map_err(|how| format!("`{name}`: {how}"))?;
        }
    }
    Ok(())
}
