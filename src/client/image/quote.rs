//! The quoting of words: for a POSIX shell, for a Dockerfile, and as the official SDKs do it.

/// A word for a POSIX shell, as Python's `shlex.quote`.
pub(super) fn shell(word: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if !word.is_empty() && word.chars().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// A word as Ruby's `Shellwords.escape`.
pub(super) fn shellwords(word: &str) -> String {
    if word.is_empty() {
        return "''".to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 8);
    for c in word.chars() {
        match c {
            '\n' => quoted.push_str("'\n'"),
            _ => {
                if !c.is_ascii_alphanumeric() && !"_-.,:+/@".contains(c) {
                    quoted.push('\\');
                }
                quoted.push(c);
            }
        }
    }
    quoted
}

/// A word as the npm package shell-quote.
pub(super) fn shell_quote(word: &str) -> String {
    let has = |wanted: &str| word.contains(|c| wanted.contains(c));
    let has_space = word.contains(is_js_space);
    if word.is_empty() {
        "''".to_owned()
    } else if has("'") && has("!") {
        format!("'{}'", word.replace('\'', "'\"'\"'"))
    } else if (has("\"\\") || has_space) && !has("'") {
        format!("'{word}'")
    } else if has("\"'") || has_space {
        let mut quoted = String::from("\"");
        for c in word.chars() {
            if "\"\\$`".contains(c) {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted + "\""
    } else {
        let special = |c: char| "#!\"$&'()*,:;<=>?@[\\]^`{|}~".contains(c);
        let chars: Vec<char> = word.chars().collect();
        let mut quoted = String::with_capacity(word.len() + 8);
        let mut at = 0;
        while at < chars.len() {
            // A drive's letter and colon stay as they are before a special character.
            if chars[at].is_ascii_alphabetic()
                && chars.get(at + 1) == Some(&':')
                && chars.get(at + 2).copied().is_some_and(special)
            {
                quoted.extend([chars[at], ':', '\\', chars[at + 2]]);
                at += 3;
                continue;
            }
            if special(chars[at]) {
                quoted.push('\\');
            }
            quoted.push(chars[at]);
            at += 1;
        }
        quoted
    }
}

/// White space as JavaScript's regular expressions and `trim` know it.
pub(super) fn is_js_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{2028}' | '\u{2029}')
        || matches!(c, '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}')
}

/// A JSON text as Go's `json.Marshal`: safe inside HTML.
pub(super) fn go_json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => quoted.push(c),
        }
    }
    quoted + "\""
}

/// A JSON text.
pub(super) fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A JSON array of texts, as the exec form of an instruction.
pub(super) fn json_array<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<String> = words.into_iter().map(json).collect();
    format!("[{}]", words.join(", "))
}

/// A value in an instruction that replaces variables and takes quotes away: ENV, LABEL, WORKDIR, USER.
pub(super) fn dockerfile(value: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_@%+:,./-".contains(c);
    if !value.is_empty() && value.chars().all(safe) {
        return value.to_owned();
    }
    format!("\"{}\"", escaped(value, "\\\"$"))
}

/// A source or destination of COPY and ADD: variables in it are replaced and quotes taken away.
pub(super) fn path_word(path: &str) -> String {
    escaped(path, "\\\"'$")
}

/// The same for a path that stands for itself: a source is a pattern.
pub(super) fn literal_source(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '*' | '?' | '[' => pattern.extend(['[', c, ']']),
            '\\' => pattern.push_str("\\\\"),
            _ => pattern.push(c),
        }
    }
    path_word(&pattern)
}

fn escaped(text: &str, special: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if special.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}
