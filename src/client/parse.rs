//! JSON objects from the caller: parameters, configurations, options. An error says which key is wrong, what it
//! has to be and what it is, in the words of JSON.

use super::error::{Error, Result};
use super::json::plain;
use super::sensitive;
use super::status;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

/// Parses an object; `operation` begins the message of an error.
pub fn parse_object<P: DeserializeOwned>(operation: &str, json: &[u8]) -> Result<P> {
    // serde would take an array for a struct, field by field.
    if json.trim_ascii_start().starts_with(b"{")
        && let Ok(params) = serde_json::from_slice(json)
    {
        return Ok(params);
    }
    // The slow way, for numbers that are integers as doubles, and for the sake of the message.
    let mut value: Value = serde_json::from_slice(json).map_err(|error| no_value(operation, json, &error))?;
    whole_numbers_to_integers(&mut value);
    if !value.is_object() {
        return Err(Error::invalid(format!(
            "{operation}: the parameters must be a JSON object, such as {{\"timeoutMs\":5000}}, not {}",
            named(&value)
        )));
    }
    let text = value.to_string();
    let mut deserializer = serde_json::Deserializer::from_str(&text);
    serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let complaint = complaint(&value, error.path(), &error.inner().to_string());
        Error::invalid(format!("{operation}: {complaint}"))
    })
}

/// The error of what is no JSON, or has a number that no type holds: that is a wrong value of its member.
fn no_value(operation: &str, json: &[u8], error: &serde_json::Error) -> Error {
    if error.to_string().starts_with("number out of range") {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        if let Err(error) = serde_path_to_error::deserialize::<_, Value>(&mut deserializer) {
            return Error::invalid(format!("{operation}: `{}` is a number out of range", error.path()));
        }
    }
    Error::new(status::INVALID_JSON, format!("{operation}: the parameters are not JSON: {error}"))
}

/// What is wrong, from serde's words for it.
fn complaint(value: &Value, path: &Path, words: &str) -> String {
    // The text was written here: its lines and columns are nobody's.
    let words = words.rfind(" at line ").map_or(words, |end| &words[..end]);
    let key = path.to_string();
    let within = key.rsplit_once('.').map_or(String::new(), |(outer, _)| format!(" in `{outer}`"));
    if let Some(expected) = words.strip_prefix("unknown field ").and_then(|rest| rest.split_once(", ")) {
        let (unknown, known) = expected;
        let known = known.trim_start_matches("expected one of ").trim_start_matches("expected ");
        return format!("there is no {unknown}{within}; the keys are {known}");
    }
    if let Some(missing) = words.strip_prefix("missing field ") {
        let within = if key == "." { String::new() } else { format!(" in `{key}`") };
        return format!("{missing} is missing{within}");
    }
    let expected = ["invalid type: ", "invalid value: "]
        .iter()
        .find_map(|begin| words.strip_prefix(begin))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match expected {
        Some((_, sensitive::EXPECTED)) => format!("`{key}` has to be a text"),
        Some((_, expected)) => {
            format!("`{key}` has to be {}, and is {}", plain(expected), named(at(value, path)))
        }
        None if key == "." => words.to_owned(),
        None => format!("`{key}`: {words}"),
    }
}

/// The value that a path leads to.
fn at<'v>(value: &'v Value, path: &Path) -> &'v Value {
    let mut value = value;
    for segment in path.iter() {
        value = match segment {
            Segment::Map { key } => &value[key.as_str()],
            Segment::Seq { index } => &value[*index],
            _ => return value,
        };
    }
    value
}

/// A value, in a message.
fn named(value: &Value) -> String {
    const LONGEST: usize = 40;
    match value {
        Value::String(text) if text.chars().count() <= LONGEST => format!("the text {value}"),
        Value::String(text) => {
            format!("the text {}...", Value::from(text.chars().take(LONGEST).collect::<String>()))
        }
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
        other => other.to_string(),
    }
}

/// Writes each number without a fraction as an integer: some languages know doubles alone, and print 1000
/// as `1000.0` or `1e3`.
fn whole_numbers_to_integers(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(integer) = number.as_f64().and_then(whole) {
                *number = integer;
            }
        }
        Value::Array(values) => values.iter_mut().for_each(whole_numbers_to_integers),
        Value::Object(members) => members.values_mut().for_each(whole_numbers_to_integers),
        _ => {}
    }
}

/// The integer that a double is, if it is one of 64 bits.
fn whole(double: f64) -> Option<serde_json::Number> {
    const BEYOND_U64: f64 = 18_446_744_073_709_551_616.0;
    const LEAST_I64: f64 = -9_223_372_036_854_775_808.0;
    if double.fract() != 0.0 {
        None
    } else if (0.0..BEYOND_U64).contains(&double) {
        Some((double as u64).into())
    } else if (LEAST_I64..0.0).contains(&double) {
        Some((double as i64).into())
    } else {
        None
    }
}

/// An optional integer that may be written as a double, for a type that parses itself.
pub fn whole_option<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    use serde::Deserialize;
    use serde::de::Error;
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else { return Ok(None) };
    let integer = number.as_f64().filter(|_| number.is_f64()).and_then(whole).unwrap_or(number);
    match integer.as_u64() {
        Some(integer) => Ok(Some(integer)),
        None => Err(D::Error::custom(format!("{integer} is not a whole number of at least 0"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::params! {
        pub struct Numbers {
            pub count: Option<i32>,
            pub ratio: Option<f64>,
            pub list: Option<Vec<u8>>,
            #[allow(dead_code)] // Read by serde alone.
            pub inner: Option<Inner>,
        }
    }

    #[derive(Clone, Debug, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[serde(deny_unknown_fields)]
    pub struct Inner {
        #[allow(dead_code)] // Read by serde alone.
        pub name: String,
    }

    fn parse(json: &str) -> Result<Numbers> {
        parse_object("test", json.as_bytes())
    }

    #[test]
    fn a_number_without_a_fraction_is_an_integer() {
        let it = parse(r#"{"timeoutMs":1000.0,"count":-3e0,"ratio":2.0,"list":[1.0,2]}"#).unwrap();
        assert_eq!((it.timeout_ms, it.count, it.ratio), (Some(1000), Some(-3), Some(2.0)));
        assert_eq!(it.list, Some(vec![1, 2]));
        assert_eq!(parse(r#"{"timeoutMs":1.5e3}"#).unwrap().timeout_ms, Some(1500));
        assert_eq!(parse(r#"{"timeoutMs":-0.0}"#).unwrap().timeout_ms, Some(0));
    }

    #[test]
    fn a_fraction_or_a_number_beyond_the_type_is_an_error_that_names_the_key() {
        let digits = format!(r#"{{"timeoutMs":1{}}}"#, "0".repeat(400));
        for json in [
            r#"{"count":1.5}"#,
            r#"{"count":1e10}"#,
            r#"{"timeoutMs":-1.0}"#,
            r#"{"timeoutMs":1e20}"#,
            r#"{"timeoutMs":18446744073709551616}"#,
            r#"{"timeoutMs":1e400}"#,
            r#"{"ratio":1,"count":-1e400}"#,
            &digits,
        ] {
            let error = parse(json).unwrap_err();
            assert_eq!(error.status(), status::INVALID_ARGUMENT, "{json}");
            let key = if json.contains("count") { "count" } else { "timeoutMs" };
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    fn message(json: &str) -> String {
        let error = parse(json).unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{json}");
        error.to_string()
    }

    #[test]
    fn an_error_names_the_key_what_it_has_to_be_and_what_it_is() {
        for (json, expected) in [
            (
                r#"{"timeoutMs":"5"}"#,
                r#"test: `timeoutMs` has to be a whole number of at least 0, and is the text "5""#,
            ),
            (r#"{"timeoutMs":-1}"#, "test: `timeoutMs` has to be a whole number of at least 0, and is -1"),
            (
                r#"{"count":1.5}"#,
                "test: `count` has to be a whole number from -2147483648 to 2147483647, and is 1.5",
            ),
            (r#"{"ratio":true}"#, "test: `ratio` has to be a number, and is true"),
            (r#"{"list":{}}"#, "test: `list` has to be an array, and is an object"),
            (r#"{"list":[1,1e400]}"#, "test: `list[1]` is a number out of range"),
            (r#"{"list":[1,null]}"#, "test: `list[1]` has to be a whole number from 0 to 255, and is null"),
            (r#"{"inner":3}"#, "test: `inner` has to be an object, and is 3"),
            (r#"{"inner":{}}"#, "test: `name` is missing in `inner`"),
            (r#"{"inner":{"name":1}}"#, "test: `inner.name` has to be a text, and is 1"),
            (r#"{"inner":{"nam":1}}"#, "test: there is no `nam` in `inner`; the keys are `name`"),
            (
                r#"{"cuont":1}"#,
                "test: there is no `cuont`; the keys are `count`, `ratio`, `list`, `inner`, `timeoutMs`",
            ),
            (
                "[1]",
                r#"test: the parameters must be a JSON object, such as {"timeoutMs":5000}, not an array"#,
            ),
        ] {
            assert_eq!(message(json), expected);
        }
        let long = message(&format!(r#"{{"count":"{}"}}"#, "ü".repeat(500)));
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn a_lone_surrogate_is_invalid_json_with_its_place() {
        let error = parse(r#"{"count":"\ud800"}"#).unwrap_err();
        assert_eq!(error.status(), status::INVALID_JSON);
        assert!(error.to_string().contains("column"), "{error}");
    }
}
