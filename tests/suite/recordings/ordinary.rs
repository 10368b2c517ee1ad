//! The operation of a recorded request's endpoint, with arguments of its own: what the recorder sent, the client may
//! refuse or never send, and what the daemon answered still has to be understood. The catalogue knows the endpoints
//! and the arguments; [`given`] has those that must be more than any text or number.

use super::question::Question;
use super::recording::Exchange;
use crate::described;
use daytona::catalogue::{self, Operation};
use serde_json::{Map, Value, json};

/// Arguments of operations that refuse arbitrary ones.
fn given(operation: &str) -> Value {
    match operation {
        "sandbox.create" => json!({"waitForStart": false}),
        "sandbox.port_in_use" => json!({"port": 3000}),
        // What is no id is looked up by its name first.
        "snapshot.delete" | "volume.delete" => json!({"idOrName": "0b8f1e2a-6d3c-4b7a-9f21-3c5d7e9a1b2c"}),
        "sandbox.resize" => json!({"resources": {"cpu": 1}}),
        "files.download_many" => {
            let local = std::env::temp_dir().join("never-downloaded");
            json!({"files": [{"localPath": local, "remotePath": "a"}]})
        }
        "files.set_permissions" => json!({"mode": "644"}),
        operation if operation.starts_with("lsp.") => json!({"projectPath": "/p"}),
        _ => json!({}),
    }
}

/// A method and the segments of a path, of which those in braces stand for any.
#[derive(Clone)]
pub struct Endpoint {
    method: String,
    segments: Vec<String>,
}

impl Endpoint {
    /// Those that a text of the catalogue names with their base, as `GET {sb}/files`: the first, and what stands in
    /// for it on older servers.
    fn all(operation: &Operation, base: &str) -> Vec<Self> {
        let words: Vec<&str> = operation.endpoint.split([' ', ',', ';']).collect();
        let pairs = words.windows(2).enumerate().filter_map(|(at, pair)| {
            let is_answered = at == 0 || words[at - 1] == "servers";
            let path = pair[1].strip_prefix(base)?.strip_prefix('/').filter(|_| is_answered)?;
            let path = path.split('?').next().unwrap_or(path);
            let segments = path.split('/').map(str::to_owned).collect();
            Some(Self { method: pair[0].to_owned(), segments })
        });
        pairs.collect()
    }

    pub fn matches(&self, method: &str, segments: &[String]) -> bool {
        let same = |(ours, theirs): (&String, &String)| ours.starts_with('{') || ours == theirs;
        self.method == method
            && self.segments.len() == segments.len()
            && self.segments.iter().zip(segments).all(same)
    }

    fn wildcards(&self) -> usize {
        self.segments.iter().filter(|segment| segment.starts_with('{')).count()
    }
}

/// What is asked, and the endpoint whose answer was recorded; nothing where no call asks there.
pub fn of(area: &str, exchange: &Exchange, segments: &[String]) -> Option<(Question, Endpoint)> {
    let base = if area == "sandbox" { "{api}" } else { "{sb}" };
    let method = exchange.request.method.as_str();
    let calls = catalogue::all().filter(|operation| operation.call.is_some());
    let found = calls.flat_map(|operation| {
        Endpoint::all(operation, base).into_iter().map(move |endpoint| (operation, endpoint))
    });
    let found = found.filter(|(_, endpoint)| endpoint.matches(method, segments));
    // The operation that is this one request, before those that go on with others.
    let (operation, endpoint) =
        found.min_by_key(|(operation, endpoint)| (endpoint.wildcards(), operation.endpoint.contains(',')))?;
    let question =
        Question { operation: operation.name, params: arguments(operation.name), body: b"hello world" };
    Some((question, endpoint))
}

/// Every required argument, of the type that the catalogue says.
fn arguments(operation: &str) -> Value {
    let described = described::operation(operation);
    let required = described["required"].as_array().unwrap().iter().filter_map(Value::as_str);
    let mut arguments: Map<String, Value> =
        required.map(|name| (name.to_owned(), any(&described["params"][name]))).collect();
    for (name, value) in given(operation).as_object().unwrap() {
        arguments.insert(name.clone(), value.clone());
    }
    arguments.into()
}

fn any(schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return any(described::definition(name));
    }
    if let Some(values) = schema["enum"].as_array().or(schema["known"].as_array()) {
        return values[0].clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([any(&schema["items"])]),
        Some("object") => json!({}),
        _ => json!("a"),
    }
}

/// An operation that any refusal of the API or of a toolbox can be the answer to.
pub fn stand_in(area: &str) -> (Question, Endpoint) {
    let (operation, path) =
        if area == "sandbox" { ("client.config", "config") } else { ("sandbox.work_dir", "work-dir") };
    let question = Question { operation, params: json!({}), body: b"" };
    (question, Endpoint { method: "GET".to_owned(), segments: vec![path.to_owned()] })
}
