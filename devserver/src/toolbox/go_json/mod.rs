//! JSON as Go's `encoding/json` reads and writes it, including its error messages, which the daemon's answers
//! contain. Keys match in any case, the last of equal keys counts, and what follows the first value is
//! ignored.

mod syntax;
mod writing;

pub use writing::{answer, written};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::fmt;

/// The type of a field.
#[derive(Clone, Copy)]
pub enum FieldType {
    Text,
    Flag,
    /// `uint32`
    Count,
    Int,
    Texts,
    TextMap,
}

/// A Go struct of the daemon.
pub struct Shape {
    pub package: &'static str,
    pub name: &'static str,
    pub fields: &'static [(&'static str, FieldType)],
}

impl Shape {
    /// The fields that the body sets, by the names of the struct.
    pub fn decode(&self, body: &[u8]) -> Result<Map<String, Value>, String> {
        let value = String::from_utf8_lossy(syntax::first_value(body)?);
        let mut set = Map::new();
        match value.as_bytes().first() {
            Some(b'{') => {}
            Some(b'n') => return Ok(set),
            _ => {
                let found = kind_of(&value);
                let (package, name) = (self.package, self.name);
                return Err(format!("json: cannot unmarshal {found} into Go value of type {package}.{name}"));
            }
        }
        let pairs: Pairs = serde_json::from_str(&value).map_err(|error| format!("json: {error}"))?;
        // Go decodes to the end and then reports the first mismatch.
        let mut mismatch = None;
        for (key, raw) in &pairs.0 {
            let exact = self.fields.iter().find(|(name, _)| name == key);
            let field = exact.or_else(|| self.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case(key)));
            let Some((name, kind)) = field else { continue };
            if raw.get() == "null" {
                continue;
            }
            match kind.decode(raw.get()) {
                Ok(value) => _ = set.insert((*name).to_owned(), value),
                Err((found, wanted)) => {
                    mismatch.get_or_insert_with(|| {
                        let of = self.name;
                        format!(
                            "json: cannot unmarshal {found} into Go struct field {of}.{name} of type {wanted}"
                        )
                    });
                }
            }
        }
        mismatch.map_or(Ok(set), Err)
    }

    /// The message of the daemon's validator if required fields are absent, or texts empty.
    pub fn missing(&self, set: &Map<String, Value>, required: &[&str]) -> Option<String> {
        let absent = |name: &&&str| set.get(**name).is_none_or(|value| value == "");
        let complaint = |name: &&str| {
            let mut field = (*name).to_owned();
            // Go's name of the field, which is an acronym here and there.
            let first_word = if *name == "url" { 3 } else { 1 };
            field[..first_word].make_ascii_uppercase();
            format!(
                "Key: '{}.{field}' Error:Field validation for '{field}' failed on the 'required' tag",
                self.name
            )
        };
        let complaints: Vec<_> = required.iter().filter(absent).map(complaint).collect();
        (!complaints.is_empty()).then(|| complaints.join("\n"))
    }
}

impl FieldType {
    /// The value, or the JSON type that was found and the Go type that was expected.
    fn decode(self, raw: &str) -> Result<Value, (String, &'static str)> {
        let found = kind_of(raw);
        let other = |wanted| Err((found.to_owned(), wanted));
        match self {
            Self::Text if found == "string" => Ok(read(raw)),
            Self::Text => other("string"),
            Self::Flag if found == "bool" => Ok(read(raw)),
            Self::Flag => other("bool"),
            Self::Count if found == "number" => match raw.parse::<u32>() {
                Ok(number) => Ok(number.into()),
                Err(_) => Err((format!("number {raw}"), "uint32")),
            },
            Self::Count => other("uint32"),
            Self::Int if found == "number" => match raw.parse::<i64>() {
                Ok(number) => Ok(number.into()),
                Err(_) => Err((format!("number {raw}"), "int")),
            },
            Self::Int => other("int"),
            Self::Texts if found == "array" => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
                let items = items.iter().map(|item| text_or_empty(item.get()));
                Ok(items.collect::<Result<Vec<_>, _>>()?.into())
            }
            Self::Texts => other("[]string"),
            Self::TextMap if found == "object" => {
                let pairs = serde_json::from_str(raw).unwrap_or(Pairs(Vec::new()));
                let pairs = pairs.0.into_iter().map(|(key, value)| Ok((key, text_or_empty(value.get())?)));
                Ok(Value::Object(pairs.collect::<Result<_, (String, &'static str)>>()?))
            }
            Self::TextMap => other("map[string]string"),
        }
    }
}

/// An element of an array or map, where `null` is Go's zero value.
fn text_or_empty(raw: &str) -> Result<Value, (String, &'static str)> {
    if raw == "null" { Ok("".into()) } else { FieldType::Text.decode(raw) }
}

fn read(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or_default()
}

fn kind_of(raw: &str) -> &'static str {
    match raw.as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b'"') => "string",
        Some(b't' | b'f') => "bool",
        Some(b'n') => "null",
        _ => "number",
    }
}

/// An object's pairs in order, equal keys included.
struct Pairs(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// Bytes as Go encodes them in JSON: U+FFFD for every byte that is not UTF-8.
pub fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        package: "p",
        name: "T",
        fields: &[
            ("text", FieldType::Text),
            ("count", FieldType::Count),
            ("map", FieldType::TextMap),
            ("list", FieldType::Texts),
        ],
    };

    fn refusal(body: &str) -> String {
        SHAPE.decode(body.as_bytes()).unwrap_err()
    }

    #[test]
    fn the_last_of_equal_keys_counts_in_any_case() {
        let set = SHAPE.decode(br#"{"TEXT":"a","text":"b","other":[1],"count":null} rest"#).unwrap();
        assert_eq!(Value::Object(set), serde_json::json!({"text": "b"}));
    }

    #[test]
    fn mismatches_are_told_in_gos_words() {
        assert_eq!(refusal("[]"), "json: cannot unmarshal array into Go value of type p.T");
        let field = |found, name, wanted| {
            format!("json: cannot unmarshal {found} into Go struct field T.{name} of type {wanted}")
        };
        assert_eq!(refusal(r#"{"text":{}}"#), field("object", "text", "string"));
        assert_eq!(refusal(r#"{"count":1e2}"#), field("number 1e2", "count", "uint32"));
        assert_eq!(refusal(r#"{"count":4294967296}"#), field("number 4294967296", "count", "uint32"));
        assert_eq!(refusal(r#"{"map":{"a":1}}"#), field("number", "map", "string"));
        assert_eq!(refusal(r#"{"list":"a","text":1}"#), field("string", "list", "[]string"));
    }

    #[test]
    fn each_byte_that_is_no_utf8_is_one_replacement() {
        assert_eq!(text(b"a\xe2\x82b\xff"), "a\u{fffd}\u{fffd}b\u{fffd}");
    }
}
