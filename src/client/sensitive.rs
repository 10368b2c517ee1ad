//! A text that no error, log line or `Debug` shows.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;

/// A parameter that is a credential.
#[derive(Clone)]
pub struct Sensitive(String);

const HIDDEN: &str = "***";
/// From this length on a value cannot be a part of other words by chance.
const TELLING_CHARS: usize = 8;

/// What a parse error says has to stand in its place. `parse` shows nothing of what stands there instead.
pub(crate) const EXPECTED: &str = "a text that is kept secret";

impl Sensitive {
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text without this one. A short one is hidden where it is a word of its own: inside other words it stands
    /// by chance, and the text would be garbled.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        let value = self.0.as_str();
        match value.chars().count() {
            0 => text.to_owned(),
            TELLING_CHARS.. => text.replace(value, HIDDEN),
            _ => {
                let mut out = String::with_capacity(text.len());
                let mut rest = text;
                let is_part = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
                while let Some(at) = rest.find(value) {
                    let after = &rest[at + value.len()..];
                    out.push_str(&rest[..at]);
                    let inside = is_part(out.chars().next_back()) || is_part(after.chars().next());
                    out.push_str(if inside { value } else { HIDDEN });
                    rest = after;
                }
                out + rest
            }
        }
    }
}

impl fmt::Debug for Sensitive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Sensitive {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Sensitive;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Sensitive, E> {
                Ok(Sensitive(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Sensitive {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sensitive".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(schemas: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(schemas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_hidden_and_a_short_one_leaves_other_words_alone() {
        let hidden = |value: &str, text: &str| Sensitive(value.to_owned()).hide_in(text);
        assert_eq!(hidden("a", "value 'a' has an a at last: a"), "value '***' has an *** at last: ***");
        assert_eq!(hidden("hunter2-x", "is hunter2-xy"), "is ***y");
        assert_eq!(hidden("", "as it is"), "as it is");
    }
}
