//! Compares a recorded answer with the received one: status, headers, body.

use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{
    order,
    recording::{Exchange, from_hex},
    scene,
    template::{Templates, shortened},
};

/// Headers that an answer must not have if the recording does not. All others are not compared.
const TELLING: [&str; 7] = [
    "accept-ranges",
    "content-disposition",
    "content-type",
    "last-modified",
    "location",
    "sec-websocket-protocol",
    "transfer-encoding",
];

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// All differences.
pub fn differences(area: &str, exchange: &Exchange, answer: &Answer, templates: &Templates) -> Vec<String> {
    let mut found = Vec::new();
    let recorded = &exchange.response;
    if recorded.status != answer.status {
        found.push(format!(
            "status: recorded {}, answered {} {}",
            recorded.status,
            answer.status,
            shortened(&String::from_utf8_lossy(&answer.body))
        ));
    }
    headers(exchange, answer, templates, &mut found);
    body(area, exchange, answer, templates, &mut found);
    found
}

fn headers(exchange: &Exchange, answer: &Answer, templates: &Templates, found: &mut Vec<String>) {
    let recorded = &exchange.response;
    for (name, value) in &recorded.headers {
        // Not compared where the body contains masked values. The entries of this list have times of different
        // lengths, so that it is about as long as the longest body that is not sent in chunks.
        let is_image = recorded.body.get("screenshot").is_some();
        let varies = name == "Content-Length" && length_varies(&recorded.body, templates)
            || name == "Transfer-Encoding" && is_image
            || name == "Transfer-Encoding" && exchange.name == "list with links";
        let answered = text_of(&answer.headers, name);
        match &answered {
            _ if varies => {}
            None if value == "(none)" => {}
            Some(answered) if templates.matches(value, answered) => {}
            other => found.push(format!("header {name}: recorded {value:?}, answered {other:?}")),
        }
    }
    for name in TELLING {
        let is_recorded = recorded.headers.keys().any(|key| key.eq_ignore_ascii_case(name));
        if let (false, Some(value)) = (is_recorded, text_of(&answer.headers, name)) {
            let is_cut_differently =
                name == "transfer-encoding" && !recorded.headers.contains_key("Content-Length");
            if !is_cut_differently {
                found.push(format!("header {name}: answered {value:?}, recorded without it"));
            }
        }
    }
}

/// The recorder dropped non-ASCII bytes of headers, such as Latin-1 in `filename`.
fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    Some(bytes.iter().filter(|byte| byte.is_ascii()).map(|byte| *byte as char).collect())
}

fn length_varies(body: &Value, templates: &Templates) -> bool {
    described(body).is_some() || templates.holds_placeholders(&body.to_string())
}

fn body(area: &str, exchange: &Exchange, answer: &Answer, templates: &Templates, found: &mut Vec<String>) {
    let recorded = &exchange.response.body;
    if exchange.request.method == "HEAD" {
        return;
    }
    if let Some(description) = described(recorded) {
        if let Err(difference) = description(recorded, &answer.body) {
            found.push(format!("body: {difference}"));
        }
        return;
    }
    let mut answered = match recorded {
        Value::Null if answer.body.is_empty() => Value::Null,
        Value::Object(_) | Value::Array(_) => serde_json::from_slice(&answer.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&answer.body).into_owned().into()),
        _ if exchange.note.contains("Latin-1") => {
            answer.body.iter().map(|byte| *byte as char).collect::<String>().into()
        }
        _ => String::from_utf8_lossy(&answer.body).into_owned().into(),
    };
    let mut recorded = recorded.clone();
    if area == "session" {
        order::in_answer(&mut recorded);
        order::in_answer(&mut answered);
    }
    if scene::lines_in_any_order(area, &exchange.name) {
        order::in_any_order(&mut recorded);
        order::in_any_order(&mut answered);
    }
    if exchange.name == "list with links" {
        return entries_among(&recorded, &answered, templates, found);
    }
    templates.differences("body", &recorded, &answered, found);
}

/// The recording keeps two entries, and of those the fields that a link or a pipe changes.
fn entries_among(recorded: &Value, answered: &Value, templates: &Templates, found: &mut Vec<String>) {
    let entries = answered.as_array().map(Vec::as_slice).unwrap_or_default();
    for wanted in recorded.as_array().into_iter().flatten() {
        let Some(entry) = entries.iter().find(|entry| entry["name"] == wanted["name"]) else {
            found.push(format!("body: no entry {}", wanted["name"]));
            continue;
        };
        for (key, value) in wanted.as_object().into_iter().flatten() {
            templates.differences(&format!("body {}.{key}", wanted["name"]), value, &entry[key], found);
        }
    }
    if entries.iter().any(|entry| entry["name"] == "dangling") {
        found.push("body: the dangling link is listed".to_owned());
    }
}

type Description = fn(&Value, &[u8]) -> Result<(), String>;

/// Bodies of which the recording has only a description.
fn described(body: &Value) -> Option<Description> {
    let has = |key: &str| body.get(key).is_some();
    if has("bytes") && has("hex") {
        return Some(|recorded, answered| {
            let start = from_hex(recorded["hex"].as_str().unwrap());
            let same = recorded["bytes"] == answered.len() && answered.starts_with(&start);
            same.then_some(()).ok_or_else(|| format!("{} bytes, recorded {recorded}", answered.len()))
        });
    }
    if has("keys of an entry") {
        return Some(|recorded, answered| {
            let entries: Vec<Value> = serde_json::from_slice(answered).map_err(|error| error.to_string())?;
            if entries.is_empty() {
                return Err("an empty list".to_owned());
            }
            entries.iter().try_for_each(|entry| same_keys(&recorded["keys of an entry"], entry))
        });
    }
    if body.get("ports").is_some_and(Value::is_string) {
        return Some(|_, answered| {
            let answered: Value = serde_json::from_slice(answered).map_err(|error| error.to_string())?;
            same_keys(&serde_json::json!(["ports"]), &answered)?;
            let ports = answered["ports"].as_array().ok_or("ports is no list")?;
            ports.iter().all(Value::is_u64).then_some(()).ok_or_else(|| format!("ports: {ports:?}"))
        });
    }
    if body.get("commands").is_some_and(Value::is_string) {
        return Some(|recorded, answered| {
            let answered: Value = serde_json::from_slice(answered).map_err(|error| error.to_string())?;
            same_keys(&recorded["keys"], &answered)?;
            let commands = answered["commands"].as_array().ok_or("commands is no list")?;
            let first = commands.first().ok_or("commands is empty")?;
            same_keys(&recorded["first"], first)
        });
    }
    None
}

fn same_keys(recorded: &Value, answered: &Value) -> Result<(), String> {
    let mut keys: Vec<_> = answered.as_object().map(|fields| fields.keys().collect()).unwrap_or_default();
    keys.sort();
    let mut wanted: Vec<_> = recorded.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    wanted.sort_unstable();
    (keys == wanted).then_some(()).ok_or_else(|| format!("keys {keys:?}, recorded {wanted:?}"))
}
