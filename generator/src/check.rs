//! What the catalogue has to say of every operation, before anything is generated from it. `make generate` and
//! the part `generated` of `make test` fail where something lacks.

use crate::model::Catalogue;
use daytona::catalogue::Returns;
use daytona::client::{codes, status};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// As much as an operation may take of the JSON that the library carries: its own line, and on average everything.
const BYTES_AN_OPERATION: usize = 1800;

/// Everything that lacks, one a line.
pub fn check(catalogue: &Catalogue, json: &str) -> Result<(), String> {
    let mut lacks = Vec::new();
    for (name, schema) in &catalogue.definitions {
        documented(&mut lacks, name, schema);
        walk(&mut lacks, name, schema);
    }
    for field in &catalogue.common {
        documented(&mut lacks, &field.name, &field.schema);
        default(&mut lacks, &field.name, &field.schema);
    }
    for function in &catalogue.functions {
        let operation = function.operation;
        let name = operation.name;
        for field in function.arguments.iter().chain(&function.options) {
            let at = format!("{name}: `{}`", field.name);
            absent_truth(
                &mut lacks,
                &at,
                &field.schema,
                !function.arguments.iter().any(|it| it.name == field.name),
            );
            nested_truths(&mut lacks, &field.schema, &catalogue.definitions, &mut BTreeSet::new());
            documented(&mut lacks, &at, &field.schema);
            default(&mut lacks, &at, &field.schema);
            walk(&mut lacks, &at, &field.schema);
        }
        for argument in function.arguments.iter().filter(|it| it.schema.get("default").is_some()) {
            lacks.push(format!("{name}: `{}` is required, and yet has a default", argument.name));
        }
        for (what, text) in
            [("doc", function.doc.as_str()), ("cancel", operation.cancel), ("endpoint", operation.endpoint)]
        {
            if text.trim().is_empty() || text != text.trim() {
                lacks.push(format!("{name}: `{what}` is empty or indented"));
            }
        }
        if operation.call.is_none() && operation.stream.is_none() {
            lacks.push(format!("{name}: it is neither a call nor a stream"));
        }
        if operation.stream.is_some() != operation.events.is_some() {
            lacks.push(format!("{name}: a stream has to describe OPENED, ENDED and its channels"));
        }
        if operation.events.as_ref().is_some_and(|events| events.channels.is_empty()) {
            lacks.push(format!("{name}: a stream without a channel"));
        }
        if operation.progress && operation.call.is_none() {
            lacks.push(format!("{name}: PROGRESS is of submitted calls"));
        }
        let has_shape = matches!(operation.returns, Returns::Json | Returns::Handle);
        if has_shape != function.result.is_some() {
            lacks.push(format!("{name}: the result has no shape"));
        }
        for (what, schema) in
            [("result", &function.result), ("OPENED", &function.opened), ("ENDED", &function.ended)]
        {
            if let Some(schema) = schema {
                walk(&mut lacks, &format!("{name}: {what}"), schema);
            }
        }
        let statuses = operation.blocking_statuses();
        if !statuses.contains(&status::OK) || statuses.len() < 2 {
            lacks.push(format!("{name}: no statuses"));
        }
        for number in statuses {
            if !status::ALL.iter().any(|(known, ..)| *known == number) {
                lacks.push(format!("{name}: {number} is no status"));
            }
        }
        for code in operation.codes {
            match codes::find(code) {
                None => lacks.push(format!("{name}: {code} is no error code")),
                Some(code) if !codes::CLASSES.iter().any(|class| class.name == code.class) => {
                    lacks.push(format!("{name}: {} has no class", code.name));
                }
                Some(_) => {}
            }
        }
    }
    for line in json.lines().filter(|line| line.starts_with("{\"name\":") && line.contains("\"endpoint\":")) {
        let line = line.trim_end_matches(',');
        if line.len() > BYTES_AN_OPERATION {
            let name = line.split('"').nth(3).unwrap_or_default();
            lacks.push(format!(
                "{name}: its line of operations.json has {} bytes, more than {BYTES_AN_OPERATION}: shorten its texts, \
                 or give a shape that others share a type of its own",
                line.len()
            ));
        }
    }
    let most = BYTES_AN_OPERATION * catalogue.functions.len();
    if json.len() > most {
        lacks.push(format!(
            "operations.json has {} bytes, more than {most}: {BYTES_AN_OPERATION} an operation",
            json.len()
        ));
    }
    if lacks.is_empty() { Ok(()) } else { Err(lacks.join("\n")) }
}

fn documented(lacks: &mut Vec<String>, at: &str, schema: &Value) {
    let text = schema["description"].as_str().unwrap_or_default();
    if text.is_empty() {
        lacks.push(format!("{at} has no documentation"));
    } else if text.contains("\n ") || text != text.trim() {
        lacks.push(format!("{at}: its documentation is indented"));
    }
}

/// A fixed default stands in `default`, where programs find it, and can be a value of the field.
fn default(lacks: &mut Vec<String>, at: &str, schema: &Value) {
    if states_default(schema["description"].as_str().unwrap_or_default()) {
        lacks.push(format!(
            "{at}: its text states a default; write it behind the type, as `pub depth: Option<i64> = 1,`"
        ));
    }
    let Some(default) = schema.get("default") else { return };
    let is_typed = match schema["type"].as_str() {
        Some("string") => default.is_string(),
        Some("boolean") => default.is_boolean(),
        Some("integer") => default.is_i64() || default.is_u64(),
        Some("number") => default.is_number(),
        // A text of known values is a reference.
        _ => schema.get("$ref").is_some() && default.is_string(),
    };
    let below = schema["minimum"].as_f64().zip(default.as_f64()).is_some_and(|(least, it)| it < least);
    let above = schema["maximum"].as_f64().zip(default.as_f64()).is_some_and(|(most, it)| it > most);
    let is_listed = schema["enum"].as_array().is_none_or(|values| values.contains(default));
    if !is_typed || below || above || !is_listed {
        lacks.push(format!("{at}: its default {default} is no value of it"));
    }
}

/// An optional boolean has a fixed default, unless its text says what its absence means.
fn absent_truth(lacks: &mut Vec<String>, at: &str, schema: &Value, optional: bool) {
    let text = schema["description"].as_str().unwrap_or_default().to_lowercase();
    let says = ["absent", "unchanged", "or only"].into_iter().any(|words| text.contains(words));
    if optional && schema["type"] == "boolean" && schema.get("default").is_none() && !says {
        let message =
            format!("{at} is an optional boolean without a default, and its text does not say what follows");
        if !lacks.contains(&message) {
            lacks.push(message);
        }
    }
}

/// The same of every field of an option, and of what it refers to.
fn nested_truths<'a>(
    lacks: &mut Vec<String>,
    schema: &'a Value,
    definitions: &'a Map<String, Value>,
    seen: &mut BTreeSet<&'a str>,
) {
    match schema {
        Value::Object(fields) => {
            if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next())
                && let Some(definition) = definitions.get(name)
                && seen.insert(name)
            {
                let required: Vec<&str> = definition["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                for (field, schema) in definition["properties"].as_object().into_iter().flatten() {
                    absent_truth(
                        lacks,
                        &format!("{name}.{field}"),
                        schema,
                        !required.contains(&field.as_str()),
                    );
                }
                nested_truths(lacks, definition, definitions, seen);
            }
            fields.values().for_each(|value| nested_truths(lacks, value, definitions, seen));
        }
        Value::Array(values) => {
            values.iter().for_each(|value| nested_truths(lacks, value, definitions, seen))
        }
        _ => {}
    }
}

/// Whether a text says `default 80`, `absent: origin` or `python (the default)`. What is absent may also follow from
/// something else, as in `absent: the sandbox's`; a text says that in more than one word.
fn states_default(text: &str) -> bool {
    let text = text.to_lowercase();
    let one_word = |rest: &str| {
        let rest = rest.trim_start_matches(':').trim_start();
        let word = rest.split([' ', ';', ',', ')']).next().unwrap_or_default();
        let is_last = rest[word.len()..].is_empty() || !rest[word.len()..].starts_with(' ');
        let is_literal = word.starts_with(|it: char| it.is_ascii_digit() || "\"`-".contains(it));
        !word.is_empty() && (is_literal || is_last || word.ends_with(['.', ':']))
    };
    let after = |mark: &str| text.split(mark).skip(1).any(one_word);
    ["(the default)", "absent or 0", "0 or absent", "true or absent", "false or absent"]
        .into_iter()
        .any(|words| text.contains(words))
        || ["; default ", ", default ", ". default ", "(default ", "absent:"].into_iter().any(after)
        || text.strip_prefix("default ").is_some_and(one_word)
}

/// Every field below has a documentation and a type.
fn walk(lacks: &mut Vec<String>, at: &str, schema: &Value) {
    let typed = ["type", "$ref", "anyOf", "enum"].iter().any(|key| schema.get(key).is_some());
    if !typed {
        lacks.push(format!("{at} has no type"));
        return;
    }
    if let Some(properties) = schema["properties"].as_object() {
        for (name, property) in properties {
            let at = format!("{at}.{name}");
            documented(lacks, &at, property);
            default(lacks, &at, property);
            walk(lacks, &at, property);
        }
    } else if schema["type"] == "object" && schema.get("additionalProperties").is_none() {
        lacks.push(format!("{at} is an object of unknown fields"));
    }
    if schema["type"] == "array" {
        walk(lacks, &format!("{at}[]"), &schema["items"]);
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        walk(lacks, &format!("{at}{{}}"), values);
    }
    for alternative in schema["anyOf"].as_array().into_iter().flatten() {
        walk(lacks, at, alternative);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations;
    use daytona::catalogue::Operation;
    use serde_json::json;

    fn catalogue() -> Catalogue {
        Catalogue::read().unwrap()
    }

    /// What is said of a catalogue with this flaw.
    fn said(flaw: impl FnOnce(&mut Catalogue)) -> String {
        let mut catalogue = catalogue();
        flaw(&mut catalogue);
        check(&catalogue, "").unwrap_err()
    }

    /// The catalogue's entry of that name, changed.
    fn changed(catalogue: &mut Catalogue, name: &str, change: impl FnOnce(&mut Operation)) {
        let function = catalogue.functions.iter_mut().find(|it| it.operation.name == name).unwrap();
        let mut copy = without_events(function.operation);
        change(&mut copy);
        function.operation = Box::leak(Box::new(copy));
    }

    fn without_events(it: &'static Operation) -> Operation {
        Operation {
            name: it.name,
            target: it.target,
            tier: it.tier,
            required: it.required,
            body: it.body,
            returns: it.returns,
            progress: it.progress,
            fails: it.fails,
            codes: it.codes,
            endpoint: it.endpoint,
            doc: it.doc,
            cancel: it.cancel,
            timeout: it.timeout,
            call: it.call,
            stream: it.stream,
            events: None,
            params_schema: it.params_schema,
            result_schema: it.result_schema,
        }
    }

    #[test]
    fn the_catalogue_lacks_nothing() {
        let catalogue = catalogue();
        if let Err(lacks) = check(&catalogue, &operations::render(&catalogue)) {
            panic!("{lacks}");
        }
    }

    #[test]
    fn an_optional_boolean_without_a_default_is_named() {
        let without_default = |it: &mut Catalogue| {
            let pip = it.definitions.get_mut("ImagePipInstall").unwrap();
            pip["properties"]["pre"].as_object_mut().unwrap().remove("default");
            let function = it.functions.iter_mut().find(|it| it.operation.name == "sandbox.create").unwrap();
            let kvm = function.options.iter_mut().find(|it| it.name == "kvm").unwrap();
            kvm.schema.as_object_mut().unwrap().remove("default");
        };
        let lacks = said(without_default);
        for field in ["ImagePipInstall.pre", "sandbox.create: `kvm`"] {
            assert!(lacks.contains(&format!("{field} is an optional boolean without a default")), "{lacks}");
        }
    }

    #[test]
    fn a_field_without_documentation_is_named() {
        let lacks = said(|it| {
            it.definitions.insert("Thing".into(), json!({"description": "A thing.", "type": "object", "properties": {"size": {"type": "integer"}}}));
        });
        assert_eq!(lacks, "Thing.size has no documentation");
    }

    #[test]
    fn a_value_without_a_type_is_named() {
        let lacks = said(|it| {
            it.definitions.insert(
                "Thing".into(),
                json!({"description": "A thing.", "type": "array", "items": {"type": "object"}}),
            );
        });
        assert_eq!(lacks, "Thing[] is an object of unknown fields");
    }

    #[test]
    fn a_default_that_stands_in_the_text_alone_is_named() {
        for text in [
            "Columns, 1 to 1000; default 80.",
            "Bytes; default 16, with `echo` 0.",
            "Only say what would change; default false: nothing is changed.",
            "Its permissions; default \"0755\". The umask applies.",
            "Default 1 MiB.",
            "What runs: `python` (the default) or `javascript`.",
            "The remote; absent: origin. Needs 0.205.",
            "`soft` or `mixed`; absent: mixed",
            "Where to resume; absent or 0: from the beginning.",
        ] {
            assert!(states_default(text), "{text}");
        }
        for text in [
            "The working directory; absent: the sandbox's.",
            "The part that appears; absent: all of it.",
            "Default half of the process's limit on open files, at least 8.",
            "The context; absent: the default one.",
            "Where its telemetry goes instead of the default; absent in lists.",
            "What a sandbox is made from by default.",
        ] {
            assert!(!states_default(text), "{text}");
        }
        let lacks = said(|it| {
            it.common[0].schema["description"] = json!("Milliseconds; default 5.");
        });
        assert!(lacks.starts_with("timeoutMs: its text states a default; write it"), "{lacks}");
    }

    #[test]
    fn an_option_publishes_the_default_that_its_struct_states() {
        let catalogue = catalogue();
        let default = |operation: &str, option: &str| {
            let function = catalogue.functions.iter().find(|it| it.operation.name == operation).unwrap();
            function.options.iter().find(|it| it.name == option).unwrap().schema["default"].clone()
        };
        assert_eq!(default("pty.open", "cols"), json!(80));
        assert_eq!(default("interpreter.run", "timeout"), json!(600));
        assert_eq!(default("git.push", "remote"), json!("origin"));
        assert_eq!(default("files.list", "depth"), json!(1));
        assert_eq!(default("pty.open", "cwd"), json!(null));
    }

    #[test]
    fn a_default_that_is_no_value_of_its_field_is_named() {
        for default in [json!("7"), json!(0), json!(9), json!(null)] {
            let lacks = said(|it| {
                it.common[0].schema = json!({"description": "A size.", "type": "integer", "minimum": 1, "maximum": 8, "default": default});
            });
            assert_eq!(lacks, format!("timeoutMs: its default {default} is no value of it"));
        }
    }

    #[test]
    fn a_stream_that_does_not_describe_its_events_is_named() {
        let lacks = said(|it| changed(it, "files.reader", |entry| entry.events = None));
        assert_eq!(lacks, "files.reader: a stream has to describe OPENED, ENDED and its channels");
    }

    #[test]
    fn a_code_or_status_that_is_in_no_table_is_named() {
        let lacks = said(|it| changed(it, "files.list", |entry| entry.codes = &["MADE_UP"]));
        assert_eq!(lacks, "files.list: MADE_UP is no error code");
        let lacks = said(|it| changed(it, "files.list", |entry| entry.fails = &[77]));
        assert_eq!(lacks, "files.list: 77 is no status");
    }

    #[test]
    fn an_operation_whose_line_is_too_long_is_named() {
        let lacks = |doc: &str| {
            let line = format!("{{\"name\":\"a.b\",\"doc\":\"{doc}\",\"endpoint\":\"GET /\"}},");
            check(&catalogue(), &format!("{line}\n"))
        };
        assert!(lacks(&"a".repeat(1700)).is_ok());
        let error = lacks(&"a".repeat(1800)).unwrap_err();
        assert!(error.starts_with("a.b: its line of operations.json has 18"), "{error}");
    }

    #[test]
    fn a_catalogue_that_is_too_large_is_refused() {
        let catalogue = catalogue();
        let json = " ".repeat(BYTES_AN_OPERATION * catalogue.functions.len() + 1);
        assert!(check(&catalogue, &json).unwrap_err().contains("bytes, more than"));
    }
}
