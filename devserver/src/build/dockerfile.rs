//! The text of a Dockerfile as instructions, each with its line.

use super::heredoc::{self, Heredoc};

/// One instruction, not yet expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The line that it begins in, from 1.
    pub line: usize,
    /// As it was written, on one line.
    pub text: String,
    pub verb: Verb,
    /// `--NAME` or `--NAME=VALUE`.
    pub flags: Vec<(String, String)>,
    /// What follows the flags.
    pub rest: String,
    pub heredocs: Vec<Heredoc>,
}

macro_rules! verbs {
    ($($name:ident $text:literal),+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Verb {
            $($name),+
        }

        impl Verb {
            fn of(text: &str) -> Option<Self> {
                match text.to_ascii_uppercase().as_str() {
                    $($text => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

verbs! {
    From "FROM", Run "RUN", Copy "COPY", Add "ADD", Env "ENV", Arg "ARG", Workdir "WORKDIR", User "USER",
    Entrypoint "ENTRYPOINT", Cmd "CMD", Expose "EXPOSE", Label "LABEL", Volume "VOLUME", Shell "SHELL",
    Healthcheck "HEALTHCHECK", StopSignal "STOPSIGNAL", Maintainer "MAINTAINER", OnBuild "ONBUILD"
}

/// Why a text is no Dockerfile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    pub line: usize,
    pub message: String,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "dockerfile parse error on line {}: {}", self.line, self.message)
    }
}

pub fn parse(text: &str) -> Result<Vec<Instruction>, SyntaxError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let escape = escape(text);
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    let mut instructions = Vec::new();
    while let Some((line, first)) = lines.next() {
        let trimmed = first.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        let mut whole = String::new();
        let mut next = Some(first.trim_start());
        while let Some(part) = next {
            let stripped = part.trim_end().strip_suffix(escape);
            whole.push_str(stripped.unwrap_or(part));
            // Comments and empty lines do not end what is continued.
            next = stripped.and_then(|_| {
                lines.by_ref().map(|(_, line)| line).find(|line| {
                    let line = line.trim();
                    !line.is_empty() && !line.starts_with('#')
                })
            });
        }
        let mut instruction = instruction(line, whole.trim())?;
        for heredoc in &mut instruction.heredocs {
            read_heredoc(heredoc, line, &mut lines)?;
        }
        instructions.push(instruction);
    }
    check(&instructions, text)?;
    Ok(instructions)
}

/// The escape character that the directive at the top chooses.
fn escape(text: &str) -> char {
    for line in text.lines() {
        let Some(directive) = line.trim().strip_prefix('#') else { break };
        let Some((name, value)) = directive.split_once('=') else { break };
        if name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`" {
            return '`';
        }
    }
    '\\'
}

fn instruction(line: usize, text: &str) -> Result<Instruction, SyntaxError> {
    let error = |message: String| SyntaxError { line, message };
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let verb = Verb::of(word).ok_or_else(|| error(format!("unknown instruction: {word}")))?;
    let mut rest = rest.trim();
    let mut flags = Vec::new();
    if matches!(verb, Verb::From | Verb::Run | Verb::Copy | Verb::Add | Verb::Healthcheck) {
        while let Some(flag) = rest.strip_prefix("--") {
            let (flag, after) = flag.split_once(char::is_whitespace).unwrap_or((flag, ""));
            let (name, value) = flag.split_once('=').unwrap_or((flag, ""));
            flags.push((name.to_owned(), value.to_owned()));
            rest = after.trim_start();
        }
    }
    if rest.is_empty() && !matches!(verb, Verb::Cmd | Verb::Entrypoint) {
        return Err(error(format!("{} requires at least one argument", word.to_ascii_uppercase())));
    }
    let has_heredocs = matches!(verb, Verb::Run | Verb::Copy | Verb::Add) && json_words(rest).is_none();
    let heredocs = if has_heredocs { heredoc::announced(rest) } else { Vec::new() };
    let rest = rest.to_owned();
    Ok(Instruction { line, text: text.to_owned(), verb, flags, rest, heredocs })
}

fn read_heredoc<'a>(
    heredoc: &mut Heredoc,
    line: usize,
    lines: &mut impl Iterator<Item = (usize, &'a str)>,
) -> Result<(), SyntaxError> {
    for (_, text) in lines {
        let text = if heredoc.strips_tabs { text.trim_start_matches('\t') } else { text };
        if text == heredoc.name {
            return Ok(());
        }
        heredoc.content.push_str(text);
        heredoc.content.push('\n');
    }
    Err(SyntaxError { line, message: format!("unterminated heredoc: no line is {}", heredoc.name) })
}

/// What can be said without running anything.
fn check(instructions: &[Instruction], text: &str) -> Result<(), SyntaxError> {
    let Some(first) = instructions.iter().find(|it| it.verb != Verb::Arg) else {
        let line = text.lines().count().max(1);
        return Err(SyntaxError { line, message: "no FROM: a Dockerfile has at least one stage".into() });
    };
    if first.verb != Verb::From {
        return Err(SyntaxError { line: first.line, message: "no build stage in current context".into() });
    }
    for it in instructions {
        let error = |message: &str| Err(SyntaxError { line: it.line, message: message.to_owned() });
        let words = it.rest.split_whitespace().count();
        match it.verb {
            Verb::From if !(words == 1 || words == 3) => {
                return error("FROM requires either one or three arguments");
            }
            Verb::From
                if words == 3
                    && !it
                        .rest
                        .split_whitespace()
                        .nth(1)
                        .is_some_and(|word| word.eq_ignore_ascii_case("AS")) =>
            {
                return error("FROM requires either one or three arguments: FROM image AS name");
            }
            Verb::Copy | Verb::Add if json_words(&it.rest).map_or(words, |words| words.len()) < 2 => {
                return error("COPY and ADD require at least two arguments: a source and a destination");
            }
            Verb::Shell if json_words(&it.rest).is_none_or(|words| words.is_empty()) => {
                return error("SHELL requires the arguments to be in JSON form");
            }
            Verb::OnBuild => return error("ONBUILD is not supported: an image is the base of no other"),
            _ => {}
        }
    }
    Ok(())
}

/// The words of the JSON form; nothing: it is not that form.
pub fn json_words(rest: &str) -> Option<Vec<String>> {
    if rest.starts_with('[') { serde_json::from_str(rest).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_over_comments_and_blank_ones() {
        let text = "# syntax=docker/dockerfile:1\nARG V=1\nFROM --platform=x a AS b\n\nrun echo 1 \\\n  # no\n\n  2\nCMD\n";
        let parsed = parse(text).unwrap();
        let seen: Vec<_> = parsed.iter().map(|it| (it.line, it.verb, it.rest.as_str())).collect();
        assert_eq!(
            seen,
            [
                (2, Verb::Arg, "V=1"),
                (3, Verb::From, "a AS b"),
                (5, Verb::Run, "echo 1   2"),
                (9, Verb::Cmd, "")
            ]
        );
        assert_eq!(parsed[1].flags, [("platform".to_owned(), "x".to_owned())]);
    }

    #[test]
    fn heredocs_are_read_to_their_ends() {
        let text = "FROM a\nRUN <<A cat <<-'B'\none \\\nA\n\t\ttwo\n\tB\nCOPY <<C D\nC\n";
        let parsed = parse(text).unwrap();
        let content: Vec<_> = parsed[1].heredocs.iter().map(|it| it.content.as_str()).collect();
        assert_eq!(content, ["one \\\n", "two\n"]);
        assert_eq!((parsed.len(), parsed[2].heredocs[0].content.as_str()), (3, ""));
    }

    #[test]
    fn the_escape_directive_is_obeyed() {
        let parsed = parse("# escape=`\nFROM a\nRUN b `\nc \\\n").unwrap();
        assert_eq!(parsed[1].rest, "b c \\");
    }

    #[test]
    fn an_error_names_its_line() {
        for (text, line, part) in [
            ("FROM a\n\nFOO x\n", 3, "unknown instruction: FOO"),
            ("RUN x\nFROM a\n", 1, "no build stage"),
            ("# nothing\n", 1, "no FROM"),
            ("FROM\n", 1, "at least one argument"),
            ("FROM a b\n", 1, "one or three"),
            ("FROM a\nCOPY x\n", 2, "two arguments"),
            ("FROM a\nCOPY [\"x\"]\n", 2, "two arguments"),
            ("FROM a\nSHELL bash\n", 2, "JSON"),
            ("FROM a\nRUN true\nRUN <<E\nx\n", 3, "unterminated heredoc"),
            ("FROM a\nENV\n", 2, "at least one argument"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.line == line && error.to_string().contains(part), "{text:?}: {error}");
        }
    }
}
