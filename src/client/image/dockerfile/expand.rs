//! Variables and quotes in the words of a Dockerfile.

use std::collections::BTreeMap;

/// The values of ARG and ENV.
pub(super) type Variables = BTreeMap<String, String>;

/// Paths are shorter; values that double from line to line are not let grow further.
const MAX_BYTES: usize = 64 << 10;
/// How deep a `${` may stand in another one.
const MAX_NESTING: usize = 32;

/// A word with its variables replaced and its quotes taken away. The error is what is wrong with it.
pub(super) fn expand(word: &str, variables: &Variables, escape: char) -> Result<String, String> {
    expand_nested(word, variables, escape, 0)
}

fn expand_nested(word: &str, variables: &Variables, escape: char, nesting: usize) -> Result<String, String> {
    if nesting > MAX_NESTING {
        return Err(format!("a `${{` stands in more than {MAX_NESTING} others"));
    }
    let mut chars = word.chars().peekable();
    let mut expanded = String::new();
    let mut quote = None;
    while let Some(c) = chars.next() {
        if expanded.len() > MAX_BYTES {
            return Err("it is longer than a path can be".to_owned());
        }
        match (quote, c) {
            (Some('\''), '\'') => quote = None,
            (Some('\''), c) => expanded.push(c),
            (None, '\'') => quote = Some('\''),
            (None, '"') => quote = Some('"'),
            (Some(_), '"') => quote = None,
            (Some(_), c) if c == escape => match chars.peek().copied() {
                Some(next) if next == '"' || next == '$' || next == escape => {
                    expanded.push(next);
                    chars.next();
                }
                _ => expanded.push(c),
            },
            (None, c) if c == escape => expanded.extend(chars.next()),
            (_, '$') => {
                let mut name = String::new();
                if chars.peek() == Some(&'{') {
                    chars.next();
                    let inner: String = braced(&mut chars).ok_or("a `${` has no `}`")?;
                    expanded.push_str(&value(&inner, variables, escape, nesting)?);
                    continue;
                }
                while let Some(c) = chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                match name.as_str() {
                    "" => expanded.push('$'),
                    name => expanded.push_str(known(name, variables)?),
                }
            }
            (_, c) => expanded.push(c),
        }
    }
    if quote.is_some() { Err("a quote has no end".to_owned()) } else { Ok(expanded) }
}

/// The text up to the brace that closes.
fn braced(chars: &mut impl Iterator<Item = char>) -> Option<String> {
    let mut inner = String::new();
    let mut depth = 1;
    for c in chars {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(inner),
            '}' => depth -= 1,
            _ => {}
        }
        inner.push(c);
    }
    None
}

/// What stands between `${` and `}`.
fn value(inner: &str, variables: &Variables, escape: char, nesting: usize) -> Result<String, String> {
    let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
    let (name, modifier) = inner.split_at(end);
    let set = variables.get(name);
    let filled = set.filter(|value| !value.is_empty());
    let other = |word: &str| expand_nested(word, variables, escape, nesting + 1);
    if modifier.is_empty() {
        known(name, variables).map(str::to_owned)
    } else if let Some(word) = modifier.strip_prefix(":-") {
        filled.map_or_else(|| other(word), |value| Ok(value.clone()))
    } else if let Some(word) = modifier.strip_prefix('-') {
        set.map_or_else(|| other(word), |value| Ok(value.clone()))
    } else if let Some(word) = modifier.strip_prefix(":+") {
        filled.map_or(Ok(String::new()), |_| other(word))
    } else if let Some(word) = modifier.strip_prefix('+') {
        set.map_or(Ok(String::new()), |_| other(word))
    } else {
        Err(format!("`${{{inner}}}` cannot be worked out here"))
    }
}

fn known<'v>(name: &str, variables: &'v Variables) -> Result<&'v str, String> {
    let value = variables.get(name).map(String::as_str);
    value.ok_or_else(|| format!("`{name}` has no value in the Dockerfile; give it one with ARG {name}=..."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_quotes_taken_away() {
        let variables = BTreeMap::from([("A".to_owned(), "1 2".to_owned()), ("E".to_owned(), String::new())]);
        for (word, expected) in [
            ("x$A/y", "x1 2/y"),
            ("${A}b", "1 2b"),
            ("'$A'\"$A\"\\$A", "$A1 2$A"),
            ("${E:-d}${E-d}${A:+s}${E:+s}", "ds"),
            ("${N:-$A}", "1 2"),
            ("a\\ b$", "a b$"),
        ] {
            assert_eq!(expand(word, &variables, '\\').as_deref(), Ok(expected), "{word}");
        }
        for word in ["$N", "${N}", "${A", "${A#x}", "'a"] {
            assert!(expand(word, &variables, '\\').is_err(), "{word}");
        }
    }

    #[test]
    fn a_word_that_nests_or_grows_without_measure_is_refused() {
        let nested = |depth: usize| format!("{}x{}", "${A:-".repeat(depth), "}".repeat(depth));
        let variables = BTreeMap::new();
        assert_eq!(expand(&nested(20), &variables, '\\').as_deref(), Ok("x"));
        assert!(expand(&nested(100_000), &variables, '\\').is_err());
        let variables = BTreeMap::from([("A".to_owned(), "x".repeat(MAX_BYTES))]);
        assert_eq!(expand("$A", &variables, '\\').map(|value| value.len()), Ok(MAX_BYTES));
        assert!(expand(&"$A".repeat(100_000), &variables, '\\').is_err());
    }
}
