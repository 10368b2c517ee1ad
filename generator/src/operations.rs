//! `operations.json`: the catalogue for programs that generate from it, and `daytona_operations`. One line an
//! entry, so that a change shows as the lines that it changes.

use crate::model::{Catalogue, Field, Function, channel_names, status_names};
use daytona::catalogue::constants::{CHANNELS, Constant, KINDS, LOG_LEVELS};
use daytona::catalogue::{Input, Returns, StreamEvents, Target, Tier, Timeout, statuses as sets};
use daytona::client::codes::{self, Scope, Source};
use daytona::client::status;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// As much as parameters may take within the line of an operation.
const INLINE_PARAMS_BYTES: usize = 900;

pub fn render(catalogue: &Catalogue) -> String {
    let statuses = status::ALL
        .iter()
        .map(|(number, name, doc)| json!({ "name": name, "number": number, "doc": doc.trim() }));
    let classes = codes::CLASSES.iter().map(
        |class| json!({ "name": class.name, "parent": class.parent, "statuses": status_names(class.statuses) }),
    );
    let codes = codes::ALL.iter().map(|code| {
        json!({
            "code": code.name,
            "source": (code.source == Source::Daemon).then_some("DAYTONA_DAEMON"),
            "status": status_names(&[code.status])[0],
            "class": code.class,
            "any": code.scope == Scope::Any,
            "doc": code.doc.trim(),
        })
    });
    let common = catalogue.common.iter().map(|field| (field.name.clone(), field.schema.clone())).collect();
    let mut text = String::from("{\n");
    line(&mut text, "generated", &json!(format!("by `{}` from the catalogue; do not edit", crate::COMMAND)));
    line(&mut text, "manual", &json!("docs/catalogue.md"));
    line(&mut text, "version", &json!(daytona::VERSION));
    line(&mut text, "protocol", &json!(daytona::PROTOCOL_VERSION));
    list(&mut text, "statuses", statuses);
    let sets = json!({
        "always": status_names(sets::ALWAYS),
        "blocking": status_names(sets::BLOCKING),
        "submitted": status_names(sets::SUBMITTED),
        "remote": status_names(sets::REMOTE),
    });
    line(&mut text, "statusSets", &sets);
    list(&mut text, "classes", classes);
    list(&mut text, "codes", codes);
    list(&mut text, "kinds", constants(KINDS));
    list(&mut text, "channels", constants(CHANNELS));
    list(&mut text, "logLevels", constants(LOG_LEVELS));
    line(&mut text, "config", &catalogue.config);
    line(&mut text, "queue", &catalogue.queue);
    line(&mut text, "error", &catalogue.error);
    line(&mut text, "progress", &catalogue.progress);
    object(&mut text, "common", &common);
    let mut definitions = catalogue.definitions.clone();
    let operations: Vec<Value> =
        catalogue.functions.iter().map(|function| operation(function, &mut definitions)).collect();
    definitions.sort_keys();
    object(&mut text, "$defs", &definitions);
    list(&mut text, "operations", operations.into_iter());
    text.truncate(text.trim_end_matches([',', '\n']).len());
    text.push_str("\n}\n");
    text
}

fn line(text: &mut String, key: &str, value: &Value) {
    let _ = writeln!(text, "\"{key}\":{value},");
}

fn list(text: &mut String, key: &str, values: impl Iterator<Item = Value>) {
    let lines: Vec<String> = values.map(|value| value.to_string()).collect();
    let _ = writeln!(text, "\"{key}\":[\n{}\n],", lines.join(",\n"));
}

fn object(text: &mut String, key: &str, members: &Map<String, Value>) {
    let lines: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    let _ = writeln!(text, "\"{key}\":{{\n{}\n}},", lines.join(",\n"));
}

fn constants(of: &[Constant]) -> impl Iterator<Item = Value> {
    of.iter().map(|(name, number, doc)| json!({ "name": name, "number": number, "doc": doc }))
}

/// The parameters of an operation, or a reference to them where they are many: beside the text of the operation they
/// would make its line too long to read.
fn params(function: &Function, definitions: &mut Map<String, Value>) -> Value {
    let fields = function.arguments.iter().chain(&function.options);
    let properties: Map<String, Value> =
        fields.map(|Field { name, schema, .. }| (name.clone(), schema.clone())).collect();
    let properties = Value::Object(properties);
    if properties.to_string().len() <= INLINE_PARAMS_BYTES {
        return properties;
    }
    let name =
        format!("{}Params", function.operation.name.split(['.', '_']).map(capitalized).collect::<String>());
    let shape = json!({
        "description": format!("The parameters of {}.", function.operation.name),
        "type": "object",
        "properties": properties,
        "required": function.operation.required,
    });
    let reference = json!({ "$ref": format!("#/$defs/{name}") });
    let taken = definitions.insert(name, shape);
    assert!(taken.is_none(), "{}: its parameters have the name of another shape", function.operation.name);
    reference
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn operation(function: &Function, definitions: &mut Map<String, Value>) -> Value {
    let it = function.operation;
    json!({
        "name": it.name,
        "target": match it.target {
            Target::Client => "client",
            Target::Sandbox => "sandbox",
            Target::Echo => "echo",
        },
        "tier": match it.tier {
            Tier::Guide => "guide",
            Tier::Newer => "newer",
            Tier::Ours => "ours",
        },
        "doc": function.doc,
        "function": function.is_named().then(|| function.c_name()),
        "required": it.required,
        "params": params(function, definitions),
        "body": it.body,
        "call": it.call.map(|_| json!({
            "returns": match it.returns {
                Returns::Json => "json",
                Returns::Null => "null",
                Returns::Bytes => "bytes",
                Returns::Text => "text",
                Returns::Handle => "handle",
            },
            "result": function.result,
            "progress": it.progress,
        })),
        "stream": it.events.as_ref().map(|events| stream(function, events)),
        "timeoutMs": match it.timeout {
            Timeout::Minute => json!(60_000),
            Timeout::None => Value::Null,
        },
        "endpoint": it.endpoint,
        "cancel": it.cancel,
        "remote": !it.is_local(),
        "statuses": status_names(&it.own_statuses()),
        "codes": it.codes,
    })
}

fn stream(function: &Function, events: &StreamEvents) -> Value {
    json!({
        "opened": function.opened,
        "ended": function.ended,
        "handle": function.operation.returns == Returns::Handle,
        "channels": channel_names(events),
        "input": match events.input {
            Input::None => "none",
            Input::Endless => "endless",
            Input::Finished => "finished",
        },
        "progress": false,
    })
}
