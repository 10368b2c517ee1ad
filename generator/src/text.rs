//! The documentation of one function, from the catalogue's one text.

use crate::model::{Catalogue, Function, Kind, channel_names, snake};
use crate::schema::resolve;
use crate::types::Types;
use daytona::catalogue::{Returns, Target, Timeout};
use serde_json::Value;

/// What stands over the C function.
pub fn documentation(catalogue: &Catalogue, function: &Function) -> String {
    let operation = function.operation;
    let types = Types { definitions: &catalogue.definitions, links: false };
    let mut text = String::new();
    let mut say = |paragraph: &str| {
        text.push_str(paragraph.trim_end());
        text.push('\n');
    };
    say(&function.doc);
    say("");
    say(match operation.target {
        Target::Client => "`client`: a client handle.",
        Target::Sandbox => "`sandbox`: a sandbox handle.",
        Target::Echo => "`client`: a handle of the echo target.",
    });
    for argument in &function.arguments {
        let json = match argument.kind(&catalogue.definitions) {
            Kind::Json => ", as JSON text",
            Kind::Flag => ", 0 is false",
            _ => "",
        };
        let (name, type_name) = (snake(&argument.name), types.name(&argument.schema));
        say(&format!("`{name}` ({type_name}{json}): {}", types.told(&argument.schema)));
    }
    if operation.body {
        say("`data`, `len`: the raw bytes, copied; NULL is allowed with a length of 0.");
    }
    say("`options`: NULL, or a JSON object with any of");
    say("");
    for option in function.options.iter().chain(catalogue.common_of(function)) {
        say(&format!("* `{}` ({}): {}", option.name, types.name(&option.schema), types.told(&option.schema)));
    }
    say("");
    if operation.returns == Returns::Handle {
        say("`result`: gets the new sandbox handle, 0 on failure; close it with daytona_close.");
    }
    let length = match operation.returns {
        Returns::Bytes => "may be NULL, but `out` needs `out_len`",
        _ => "may be NULL",
    };
    say(&format!(
        "`out`, `out_len`: {length}. Get {}, or the error JSON on failure; free it with daytona_free.",
        function.result_name()
    ));
    if let Some(shape) = function.result.as_ref().and_then(|result| shape(catalogue, result)) {
        say(&shape);
    }
    if let Some(stream) = stream(catalogue, function) {
        say(&stream);
    }
    say("");
    say("Any thread, several at once; DAYTONA_BUSY in an inline callback.");
    say(match operation.timeout {
        _ if operation.is_local() => "Answers at once.",
        Timeout::Minute => "Gives up after 60 s unless `timeoutMs` says otherwise.",
        Timeout::None => "Has no time limit of its own; connect and idle limits apply.",
    });
    say(&format!("Submitted and cancelled: {}", operation.cancel));
    say(&format!("Endpoint: {}", operation.endpoint));
    say(&statuses(function));
    text
}

/// What its events carry where it is opened as a stream.
fn stream(catalogue: &Catalogue, function: &Function) -> Option<String> {
    let events = function.operation.events.as_ref()?;
    let shape = |schema: &Option<Value>| {
        if *schema == function.result {
            return Some("the fields of the result".to_owned());
        }
        let schema = resolve(schema.as_ref()?, &catalogue.definitions);
        let names: Vec<&str> = schema["properties"].as_object()?.keys().map(String::as_str).collect();
        Some(names.join(", "))
    };
    let fields =
        |schema| shape(schema).filter(|names| !names.is_empty()).unwrap_or_else(|| "no fields".into());
    Some(format!(
        "As a stream: DATA of {}; OPENED has {}, ENDED {}.",
        channel_names(events).join(", "),
        fields(&function.opened),
        fields(&function.ended),
    ))
}

/// The fields of a result; those that may be absent end in a question mark.
fn shape(catalogue: &Catalogue, result: &Value) -> Option<String> {
    let (what, item) = match result["items"].is_object() {
        true => ("Each has the fields", &result["items"]),
        false => ("Its fields are", result),
    };
    let schema = resolve(item, &catalogue.definitions);
    let required = schema["required"].as_array();
    let names: Vec<String> = schema["properties"]
        .as_object()?
        .keys()
        .map(|name| match required.is_some_and(|names| names.iter().any(|it| it == name)) {
            true => name.clone(),
            false => format!("{name}?"),
        })
        .collect();
    let absent = if names.iter().any(|name| name.ends_with('?')) { " (? may be absent)" } else { "" };
    Some(format!("{what} {}{absent}; a newer server's arrive by themselves.", names.join(", ")))
}

/// Every status of the blocking function, in the words of the header.
fn statuses(function: &Function) -> String {
    let names: Vec<String> =
        function.blocking_statuses().into_iter().map(|name| format!("DAYTONA_{name}")).collect();
    let http = if function.operation.is_local() { "" } else { ", and 400 to 599 as the server answers" };
    let codes = match function.operation.codes {
        [] => String::new(),
        codes => format!(" `code` can be {}.", codes.join(", ")),
    };
    format!("Returns {}{http}.{codes}", names.join(", "))
}

/// Breaks lines at a width, keeping paragraphs and list marks.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent = if line.starts_with("* ") { "  " } else { "" };
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.len() + 1 + word.len() > width {
                lines.push(std::mem::replace(&mut current, format!("{indent}{word}")));
            } else {
                if !current.is_empty() {
                    current.push(' ');
                }
                current.push_str(word);
            }
        }
        lines.push(current);
    }
    lines
}
