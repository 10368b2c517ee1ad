//! A parser of Dockerfiles, as far as it takes to know which local files one needs: instructions with their lines,
//! flags and words; continuations, comments, parser directives and here-documents.

mod expand;
mod lines;
mod takes;

#[allow(unused_imports)]
pub(super) use takes::{Taken, takes};

use crate::client::error::{Error, Result};
use lines::LogicalLine;

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A whole Dockerfile, which begins with FROM or ARG.
    Whole,
    /// Lines of one.
    Lines,
}

/// One instruction.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// In capitals.
    pub name: String,
    /// As `--from=build`, in order.
    pub flags: Vec<String>,
    /// What follows the flags, on one line.
    pub rest: String,
    /// The character that escapes in this Dockerfile.
    pub escape: char,
}

const NAMES: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// The flags of an instruction, where an unknown one is an error.
const FLAGS: [(&str, &[&str]); 5] = [
    ("FROM", &["platform"]),
    ("COPY", &["from", "chown", "chmod", "link", "parents", "exclude"]),
    ("ADD", &["checksum", "chown", "chmod", "link", "keep-git-dir", "exclude", "unpack"]),
    ("RUN", &["mount", "network", "security", "device"]),
    ("HEALTHCHECK", &["interval", "timeout", "start-period", "start-interval", "retries"]),
];

/// The instructions of a text; the error of one that cannot be read names its line.
pub(super) fn parse(text: &str, part: Part) -> Result<Vec<Instruction>> {
    let mut instructions = Vec::new();
    let mut has_begun = part == Part::Lines;
    for logical in lines::read(text)? {
        let instruction = instruction(&logical)?;
        match instruction.name.as_str() {
            "FROM" => has_begun = true,
            "ARG" => {}
            _ if has_begun => {}
            name => return Err(at(logical.line, &format!("{name} stands before the first FROM"))),
        }
        instructions.push(instruction);
    }
    if instructions.is_empty() && part == Part::Whole {
        return Err(at(1, "there is no instruction"));
    }
    Ok(instructions)
}

fn instruction(logical: &LogicalLine) -> Result<Instruction> {
    let line = logical.line;
    let text = logical.text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let name = word.to_ascii_uppercase();
    if !NAMES.contains(&name.as_str()) {
        return Err(at(line, &format!("there is no instruction {:?}", shortened(word))));
    }
    let (flags, rest) = flags(rest.trim(), logical.escape);
    if let Some((_, known)) = FLAGS.iter().find(|(of, _)| *of == name) {
        for flag in &flags {
            let flag = flag.trim_start_matches("--").split('=').next().unwrap_or_default();
            if !known.contains(&flag) {
                return Err(at(line, &format!("{name} has no flag --{flag}")));
            }
        }
    }
    let instruction = Instruction { line, flags, rest: rest.to_owned(), escape: logical.escape, name };
    instruction.check()?;
    Ok(instruction)
}

impl Instruction {
    fn check(&self) -> Result<()> {
        let name = &self.name;
        let words = self.words().len();
        match name.as_str() {
            "CMD" | "ENTRYPOINT" => Ok(()),
            "COPY" | "ADD" if words < 2 => {
                Err(at(self.line, &format!("{name} needs a source and a destination")))
            }
            "FROM" if !matches!(words, 1 | 3) => {
                Err(at(self.line, "FROM needs an image, or `image AS name`"))
            }
            _ if words == 0 => Err(at(self.line, &format!("{name} needs an argument"))),
            _ => Ok(()),
        }
    }

    /// The words of the JSON form, or those between white space.
    pub fn words(&self) -> Vec<String> {
        if self.rest.starts_with('[')
            && let Ok(words) = serde_json::from_str::<Vec<String>>(&self.rest)
        {
            return words;
        }
        self.rest.split_whitespace().map(str::to_owned).collect()
    }

    /// The value of a flag, empty where it has none; `None` where the flag is not given.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find_map(|flag| {
            let (flag, value) = flag.trim_start_matches("--").split_once('=').unwrap_or((&flag[2..], ""));
            (flag == name).then_some(value)
        })
    }
}

/// The flags at the beginning of an instruction's arguments, and what follows them.
fn flags(arguments: &str, escape: char) -> (Vec<String>, &str) {
    let mut flags = Vec::new();
    let mut rest = arguments;
    while rest.starts_with("--") {
        let end = lines::end_of_word(rest, escape);
        let (flag, after) = rest.split_at(end);
        rest = after.trim_start();
        if flag == "--" {
            break;
        }
        flags.push(flag.to_owned());
    }
    (flags, rest)
}

/// An error of a line of a Dockerfile.
pub(super) fn at(line: usize, what: &str) -> Error {
    Error::invalid(format!("line {line} of the Dockerfile: {what}"))
}

fn shortened(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(usize, String, Vec<String>, String)> {
        let instructions = parse(text, Part::Lines).unwrap();
        instructions.into_iter().map(|it| (it.line, it.name, it.flags, it.rest)).collect()
    }

    fn refusal(text: &str) -> String {
        parse(text, Part::Whole).unwrap_err().to_string()
    }

    #[test]
    fn continuations_and_the_comments_between_them_are_one_instruction() {
        let text = "run a \\\n  # a comment\n\n  b \\  \n c\ncopy x \\\ny";
        assert_eq!(
            parsed(text),
            [(1, "RUN".into(), vec![], "a   b  c".into()), (6, "COPY".into(), vec![], "x y".into()),]
        );
        assert_eq!(parsed("RUN a\\\\\nRUN b").len(), 2);
    }

    #[test]
    fn the_escape_directive_changes_the_continuation() {
        let text = "# escape=`\nRUN dir c:\\\nCOPY a `\n b";
        assert_eq!(parsed(text)[1], (3, "COPY".into(), vec![], "a  b".into()));
        assert!(refusal("# escape=x\nFROM a").contains("line 1"));
    }

    #[test]
    fn a_here_document_is_no_instruction() {
        let text = "RUN <<EOF cat <<-'X Y' >z\nCOPY a b\nEOF\n\tCOPY c d\n\tX Y\nCOPY <<one <<two e /f/\n1\none\n2\ntwo\nUSER u";
        let names: Vec<(usize, String)> =
            parsed(text).into_iter().map(|(line, name, ..)| (line, name)).collect();
        assert_eq!(names, [(1, "RUN".into()), (6, "COPY".into()), (11, "USER".into())]);
        assert_eq!(parsed("RUN echo \"<<EOF\" $((1<<x))\nUSER u").len(), 2);
        assert!(refusal("FROM a\nRUN <<EOF\nno end").contains("line 2"));
    }

    #[test]
    fn flags_and_words_are_told_apart() {
        let instructions =
            parse("COPY --link --chown=a:b --from=x [\"a b\", \"/c\"]\nADD [a b] c", Part::Lines).unwrap();
        assert_eq!(instructions[0].words(), ["a b", "/c"]);
        assert_eq!(instructions[0].flag("chown"), Some("a:b"));
        assert_eq!(instructions[0].flag("link"), Some(""));
        assert_eq!(instructions[0].flag("chmod"), None);
        assert_eq!(instructions[1].words(), ["[a", "b]", "c"]);
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        for (text, line) in [
            ("", 1),
            ("# nothing\n", 1),
            ("RUN x", 1),
            ("FROM a\n\nRUNN x", 3),
            ("FROM a\nCOPY x", 2),
            ("FROM a\nCOPY --frm=b x y", 2),
            ("FROM a\nCOPY [\"x\"]", 2),
            ("FROM a\nWORKDIR", 2),
            ("FROM a b", 1),
            ("ARG V=1\nFROM a\nRUN b \\\n && c\nNO", 5),
        ] {
            assert!(refusal(text).starts_with(&format!("line {line} of")), "{text:?}: {}", refusal(text));
        }
    }
}
