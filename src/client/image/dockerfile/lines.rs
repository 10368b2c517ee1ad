//! The logical lines of a Dockerfile: continuations joined, comments and here-documents taken out.

use super::at;
use crate::client::error::Result;

/// An instruction with its continuations, without the bodies of its here-documents.
#[derive(Debug)]
pub(super) struct LogicalLine {
    /// The line that it begins on, from 1.
    pub line: usize,
    pub text: String,
    pub escape: char,
}

pub(super) fn read(text: &str) -> Result<Vec<LogicalLine>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).zip(1..).peekable();
    let escape = escape_directive(text)?;
    let mut logical = Vec::new();
    while let Some((first, line)) = lines.next() {
        let trimmed = first.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mut text = String::new();
        let mut physical = trimmed;
        while let Some(continued) = continued(physical, escape) {
            text.push_str(continued);
            let skipped = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
            physical = loop {
                match lines.next() {
                    Some((next, _)) if skipped(next) => {}
                    Some((next, _)) => break next,
                    None => break "",
                }
            };
        }
        text.push_str(physical);
        for (name, strips_tabs) in here_documents(&text, escape) {
            let is_end = |line: &str| {
                let line = if strips_tabs { line.trim_start_matches('\t') } else { line };
                line == name
            };
            if !lines.any(|(body, _)| is_end(body)) {
                return Err(at(line, &format!("the here-document {name:?} has no end")));
            }
        }
        logical.push(LogicalLine { line, text, escape });
    }
    Ok(logical)
}

/// A line without its continuation mark; `None` where it has none.
fn continued(line: &str, escape: char) -> Option<&str> {
    let line = line.trim_end_matches([' ', '\t']);
    let before = line.strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(before)
}

/// The escape character. Directives stand at the very top, before any comment.
fn escape_directive(text: &str) -> Result<char> {
    for (line, number) in text.lines().zip(1..) {
        let Some(comment) = line.trim().strip_prefix('#') else { break };
        let Some((key, value)) = comment.split_once('=') else { break };
        match key.trim().to_ascii_lowercase().as_str() {
            "escape" => match value.trim() {
                "\\" => return Ok('\\'),
                "`" => return Ok('`'),
                other => {
                    return Err(at(number, &format!("the escape character is {other:?}; it can be \\ or `")));
                }
            },
            key if !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric()) => {}
            _ => break,
        }
    }
    Ok('\\')
}

/// The here-documents that a line begins, in order, and whether tabs before their lines do not count.
fn here_documents(text: &str, escape: char) -> Vec<(String, bool)> {
    let (word, mut rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut name = word.to_ascii_uppercase();
    if name == "ONBUILD" {
        rest = rest.trim_start();
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        (name, rest) = (word.to_ascii_uppercase(), after);
    }
    if !matches!(name.as_str(), "RUN" | "COPY" | "ADD") {
        return Vec::new();
    }
    let mut documents = Vec::new();
    rest = rest.trim_start();
    while !rest.is_empty() {
        let (word, after) = rest.split_at(end_of_word(rest, escape));
        documents.extend(here_document(word));
        rest = after.trim_start();
    }
    documents
}

/// The name that a word as `<<EOF`, `3<<-'EOF'` ends its here-document with.
pub(super) fn here_document(word: &str) -> Option<(String, bool)> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let (rest, strips_tabs) = rest.strip_prefix('-').map_or((rest, false), |rest| (rest, true));
    let name: String = rest.chars().filter(|c| !matches!(c, '"' | '\'' | '\\')).collect();
    (!name.is_empty() && !name.contains('<')).then_some((name, strips_tabs))
}

/// Where the first word of a text ends, quotes and escapes considered.
pub(super) fn end_of_word(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some('\''), '\'') => quote = None,
            (Some('\''), _) => {}
            (_, c) if c == escape => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, c) if c.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}
