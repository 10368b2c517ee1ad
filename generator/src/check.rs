//! What the catalogue has to say of every operation, before anything is generated from it. `make generate` and
//! the part `generated` of `make test` fail where something lacks.

use crate::model::Catalogue;
use daytona::catalogue::Returns;
use daytona::client::{codes, status};
use serde_json::Value;

/// As much as an operation may take of the JSON that the library carries, on average.
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
    }
    for function in &catalogue.functions {
        let operation = function.operation;
        let name = operation.name;
        for field in function.arguments.iter().chain(&function.options) {
            let at = format!("{name}: `{}`", field.name);
            documented(&mut lacks, &at, &field.schema);
            walk(&mut lacks, &at, &field.schema);
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
    fn a_catalogue_that_is_too_large_is_refused() {
        let catalogue = catalogue();
        let json = " ".repeat(BYTES_AN_OPERATION * catalogue.functions.len() + 1);
        assert!(check(&catalogue, &json).unwrap_err().contains("bytes, more than"));
    }
}
