//! Words of an instruction: quotes, escapes and variables.

use std::collections::BTreeMap;

/// The values that a text may refer to.
pub type Variables = BTreeMap<String, String>;

/// One word: quotes taken away, variables replaced, blanks kept.
pub fn word(text: &str, variables: &Variables) -> Result<String, String> {
    let mut scan = Scan { rest: text.chars().collect(), at: 0, variables };
    scan.text(None)
}

/// The words between blanks outside of quotes.
pub fn words(text: &str, variables: &Variables) -> Result<Vec<String>, String> {
    split(text).iter().map(|part| word(part, variables)).collect()
}

/// Variables replaced, quotes kept.
pub fn expand(text: &str, variables: &Variables) -> Result<String, String> {
    let mut scan = Scan { rest: text.chars().collect(), at: 0, variables };
    let mut text = String::new();
    while let Some(letter) = scan.next() {
        match letter {
            '\\' if scan.peek() == Some('$') => text.extend(scan.next()),
            '$' => text.push_str(&scan.variable()?),
            letter => text.push(letter),
        }
    }
    Ok(text)
}

/// The words as they are written, with their quotes.
pub fn split(text: &str) -> Vec<String> {
    let (mut words, mut current, mut quote) = (Vec::new(), String::new(), None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => {
                current.push(letter);
                current.extend(letters.next());
                continue;
            }
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            (letter, None) if letter.is_whitespace() => {
                if !current.is_empty() {
                    words.push(std::mem::take(&mut current));
                }
                continue;
            }
            _ => {}
        }
        current.push(letter);
    }
    if !current.is_empty() {
        words.push(current);
    }
    words
}

struct Scan<'a> {
    rest: Vec<char>,
    at: usize,
    variables: &'a Variables,
}

impl Scan<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(letter)
    }

    /// Up to this letter, which is taken as well; nothing: to the end.
    fn text(&mut self, until: Option<char>) -> Result<String, String> {
        let mut text = String::new();
        while let Some(letter) = self.next() {
            match letter {
                _ if Some(letter) == until => return Ok(text),
                '\'' => loop {
                    match self.next() {
                        Some('\'') => break,
                        Some(letter) => text.push(letter),
                        None => {
                            return Err(
                                "unexpected end of statement while looking for matching single-quote".into(),
                            );
                        }
                    }
                },
                '"' => self.quoted(&mut text)?,
                '\\' => text.extend(self.next()),
                '$' => text.push_str(&self.variable()?),
                letter => text.push(letter),
            }
        }
        match until {
            None => Ok(text),
            Some(_) => Err("unexpected end of statement: a } is missing".into()),
        }
    }

    fn quoted(&mut self, text: &mut String) -> Result<(), String> {
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('\\') => match self.next() {
                    Some(letter @ ('"' | '$' | '\\')) => text.push(letter),
                    Some(letter) => text.extend(['\\', letter]),
                    None => {}
                },
                Some('$') => text.push_str(&self.variable()?),
                Some(letter) => text.push(letter),
                None => {
                    return Err("unexpected end of statement while looking for matching double-quote".into());
                }
            }
        }
    }

    /// What follows a `$`.
    fn variable(&mut self) -> Result<String, String> {
        let braced = self.peek() == Some('{');
        if braced {
            self.at += 1;
        }
        let start = self.at;
        while self.peek().is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_') {
            self.at += 1;
        }
        let name: String = self.rest[start..self.at].iter().collect();
        let value = self.variables.get(&name).cloned();
        if !braced {
            return Ok(if name.is_empty() { "$".to_owned() } else { value.unwrap_or_default() });
        }
        match (self.next(), self.peek()) {
            (Some('}'), _) if !name.is_empty() => Ok(value.unwrap_or_default()),
            (Some(':'), Some(kind @ ('-' | '+' | '?'))) => {
                self.at += 1;
                let other = self.text(Some('}'))?;
                let value = value.filter(|value| !value.is_empty());
                match kind {
                    '-' => Ok(value.unwrap_or(other)),
                    '+' => Ok(if value.is_some() { other } else { String::new() }),
                    _ => value.ok_or_else(|| format!("{name}: {other}")),
                }
            }
            _ => Err(format!("unsupported modifier in substitution of ${{{name}...}}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_variables_are_read_as_docker_reads_them() {
        let variables = BTreeMap::from([("A".to_owned(), "x y".to_owned()), ("E".to_owned(), String::new())]);
        for (text, value) in [
            ("$A/b", "x y/b"),
            ("${A}b", "x yb"),
            ("'$A'", "$A"),
            ("\"$A\"", "x y"),
            ("\\$A", "$A"),
            ("a\\ b", "a b"),
            ("${N:-d}", "d"),
            ("${E:-$A}", "x y"),
            ("${A:+set}", "set"),
            ("${N:+set}", ""),
            ("$N", ""),
            ("\"it's \\\"q\\\"\"", "it's \"q\""),
            ("100$", "100$"),
        ] {
            assert_eq!(word(text, &variables).as_deref(), Ok(value), "{text}");
        }
        assert_eq!(expand("'$A' \\$A", &variables).as_deref(), Ok("'x y' $A"));
        assert_eq!(words("a='b c' \"d e\"  f", &variables).unwrap(), ["a=b c", "d e", "f"]);
        for wrong in ["'a", "\"a", "${A", "${A:=x}", "${A!x}"] {
            assert!(word(wrong, &variables).is_err(), "{wrong}");
        }
        assert!(word("${N:?needed}", &variables).unwrap_err().contains("needed"));
    }
}
