//! `operations.json`: the catalogue for programs that generate from it, and `daytona_operations`.

use crate::model::Function;
use daytona::catalogue::constants::{CHANNELS, Constant, KINDS, LOG_LEVELS};
use daytona::catalogue::{Returns, Target, Tier, Timeout};
use daytona::client::status;
use serde_json::{Value, json};

pub fn render(functions: &[Function]) -> String {
    let constants = |of: &[Constant]| -> Value {
        of.iter().map(|(name, number, doc)| json!({ "name": name, "number": number, "doc": doc })).collect()
    };
    let statuses: Value = status::ALL
        .iter()
        .map(|(number, name, doc)| json!({ "name": name, "number": number, "doc": doc.trim() }))
        .collect();
    let operations: Value = functions.iter().map(operation).collect();
    let catalogue = json!({
        "generated": format!("by `{}` from the catalogue; do not edit", crate::COMMAND),
        "version": daytona::VERSION,
        "protocol": daytona::PROTOCOL_VERSION,
        "statuses": statuses,
        "kinds": constants(KINDS),
        "channels": constants(CHANNELS),
        "logLevels": constants(LOG_LEVELS),
        "operations": operations,
    });
    format!("{catalogue:#}\n")
}

fn operation(function: &Function) -> Value {
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
        "function": function.is_named().then(|| function.c_name()),
        "call": it.call.is_some(),
        "stream": it.stream.is_some(),
        "input": it.input,
        "finishable": it.finishable,
        "required": it.required,
        "body": it.body,
        "returns": match it.returns {
            Returns::Json => "json",
            Returns::Null => "null",
            Returns::Bytes => "bytes",
            Returns::Handle => "handle",
        },
        "timeoutMs": match it.timeout {
            Timeout::Minute => json!(60_000),
            Timeout::None => Value::Null,
        },
        "endpoint": it.endpoint,
        "doc": it.doc.trim(),
        "cancel": it.cancel,
        "statuses": function.statuses(),
        "params": function.params_schema,
        "result": function.result_schema,
    })
}
