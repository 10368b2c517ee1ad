//! MATCH, BYTES and BYTES-MATCH, as README.md has them. What comes is JSON; what is absent is `None`.

use base64::Engine;
use regex::Regex;
use serde_json::{Map, Value};

/// A parameter with its special objects resolved.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(object) => match (object.get("$number"), object.get("$utf16")) {
            (Some(number), _) => number.as_str().unwrap().parse().map(Value::Number).unwrap(),
            (_, Some(units)) => {
                let units: Vec<u16> = serde_json::from_value(units.clone()).unwrap();
                String::from_utf16_lossy(&units).into()
            }
            _ => object.iter().map(|(key, value)| (key.clone(), plain(value))).collect::<Map<_, _>>().into(),
        },
        other => other.clone(),
    }
}

pub fn bytes_of(given: &Value) -> Vec<u8> {
    let once = match given["base64"].as_str() {
        Some(text) => base64::engine::general_purpose::STANDARD.decode(text).unwrap(),
        None => given["text"].as_str().unwrap().as_bytes().to_vec(),
    };
    once.repeat(given["times"].as_u64().unwrap_or(1) as usize)
}

pub fn match_bytes(expected: &Value, came: &[u8], place: &str) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(&came[..came.len().min(2000)]).into_owned();
    if let Some(texts) = expected["contains"].as_array() {
        let mut rest = came;
        for text in texts.iter().filter_map(Value::as_str) {
            match rest.windows(text.len()).position(|it| it == text.as_bytes()) {
                Some(at) => rest = &rest[at + text.len()..],
                None => return Err(format!("{place}: no {text:?} in {:?}", shown())),
            }
        }
        Ok(())
    } else if let Some(count) = expected["count"].as_u64() {
        if came.len() as u64 == count {
            Ok(())
        } else {
            Err(format!("{place}: {count} bytes expected, came {}", came.len()))
        }
    } else if came == bytes_of(expected) {
        Ok(())
    } else {
        Err(format!("{place}: expected {expected}, came {:?}", shown()))
    }
}

pub fn matches(expected: &Value, came: Option<&Value>, place: &str) -> Result<(), String> {
    let differs = || {
        let mut shown = came.map_or("nothing".into(), Value::to_string);
        shown.truncate((0..=2000).rev().find(|at| shown.is_char_boundary(*at)).unwrap_or(0));
        Err(format!("{place}: expected {expected}, came {shown}"))
    };
    match (expected, came) {
        (Value::Object(wanted), _) if wanted.keys().any(|key| key.starts_with('$')) => {
            let (key, wanted) = wanted.iter().next().unwrap();
            if special(key, wanted, came)? { Ok(()) } else { differs() }
        }
        (Value::Object(wanted), Some(Value::Object(has))) => {
            wanted.iter().try_for_each(|(key, item)| matches(item, has.get(key), &format!("{place}/{key}")))
        }
        (Value::Array(wanted), Some(Value::Array(has))) if wanted.len() == has.len() => {
            let mut pairs = wanted.iter().zip(has).enumerate();
            pairs.try_for_each(|(at, (item, has))| matches(item, Some(has), &format!("{place}/{at}")))
        }
        // An optional field is `None` whether it is null or absent.
        (Value::Null, None) => Ok(()),
        (Value::Number(wanted), Some(Value::Number(has))) if wanted.as_f64() == has.as_f64() => Ok(()),
        (wanted, Some(has)) if wanted == has => Ok(()),
        _ => differs(),
    }
}

fn special(key: &str, wanted: &Value, came: Option<&Value>) -> Result<bool, String> {
    let array = || came.and_then(Value::as_array);
    Ok(match key {
        "$any" => came.is_some(),
        "$absent" => came.is_none_or(Value::is_null),
        "$type" => came.is_some_and(|came| is_a(wanted.as_str().unwrap(), came)),
        "$regex" => {
            let expression = wanted.as_str().unwrap();
            let Some(text) = came.and_then(Value::as_str) else { return Ok(false) };
            // `regex` looks nowhere ahead: what lacks a text is told in another way.
            match expression.strip_prefix("^((?!").and_then(|rest| rest.strip_suffix(").)*$")) {
                Some(lacking) => !text.contains(lacking),
                None => Regex::new(expression).map_err(|error| error.to_string())?.is_match(text),
            }
        }
        "$atLeast" => came.and_then(Value::as_f64).is_some_and(|number| number >= wanted.as_f64().unwrap()),
        "$number" | "$utf16" => came == Some(&plain(&serde_json::json!({ key: wanted }))),
        "$count" => array().is_some_and(|items| Some(items.len() as u64) == wanted.as_u64()),
        "$includes" => array().is_some_and(|items| {
            let wanted = wanted.as_array().unwrap();
            wanted.iter().all(|one| items.iter().any(|item| matches(one, Some(item), "").is_ok()))
        }),
        "$oneOf" => wanted.as_array().unwrap().iter().any(|one| matches(one, came, "").is_ok()),
        _ => return Err(format!("unknown special object {key}")),
    })
}

fn is_a(name: &str, came: &Value) -> bool {
    match name {
        "string" => came.is_string(),
        "integer" => came.is_i64() || came.is_u64(),
        "number" => came.is_number(),
        "boolean" => came.is_boolean(),
        "array" => came.is_array(),
        "object" => came.is_object(),
        _ => came.is_null(),
    }
}
