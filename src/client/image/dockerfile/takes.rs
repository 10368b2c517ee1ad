//! What the instructions of a Dockerfile take from its context directory.

use super::expand::{Variables, expand};
use super::lines::{end_of_word, here_document};
use super::{Instruction, Part, at, parse};
use crate::client::error::Result;
use std::collections::BTreeMap;

/// One source of an instruction: a path or pattern below the context directory.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Taken {
    /// The line of the instruction, from 1.
    pub line: usize,
    pub pattern: String,
}

/// The sources of COPY and ADD that come from the context directory, and those of `RUN --mount=type=bind`.
pub(in super::super) fn takes(text: &str, part: Part) -> Result<Vec<Taken>> {
    let mut taken = Vec::new();
    let mut stages = Stages::default();
    for instruction in parse(text, part)? {
        let line = instruction.line;
        let read = |word: &str, stages: &Stages| {
            expand(word, &stages.current, instruction.escape)
                .map_err(|why| at(line, &format!("{word:?} in {}: {why}", instruction.name)))
        };
        match instruction.name.as_str() {
            "COPY" | "ADD" if instruction.flag("from").is_none() => {
                let mut words = instruction.words();
                words.pop();
                for word in words.iter().filter(|word| here_document(word).is_none()) {
                    let pattern = read(word, &stages)?;
                    if instruction.name == "COPY" || !is_remote(&pattern) {
                        taken.push(Taken { line, pattern });
                    }
                }
            }
            "RUN" => {
                let mounts = instruction.flags.iter().filter_map(|flag| flag.strip_prefix("--mount="));
                for source in mounts.filter_map(bound) {
                    taken.push(Taken { line, pattern: read(&source, &stages)? });
                }
            }
            "FROM" => stages.begin(&instruction),
            "ARG" | "ENV" => stages.set(&instruction),
            _ => {}
        }
    }
    Ok(taken)
}

/// Whether ADD fetches it.
fn is_remote(source: &str) -> bool {
    ["http://", "https://", "git://", "ssh://", "git@"].iter().any(|scheme| source.starts_with(scheme))
}

/// The source of a bind mount from the context.
fn bound(mount: &str) -> Option<String> {
    let mount = mount.trim_matches(['"', '\'']);
    let options: BTreeMap<&str, &str> =
        mount.split(',').map(|option| option.split_once('=').unwrap_or((option, ""))).collect();
    let kind = options.get("type").copied().unwrap_or("bind");
    if kind != "bind" || options.contains_key("from") {
        return None;
    }
    let source = options.get("source").or_else(|| options.get("src")).copied().unwrap_or(".");
    Some(source.to_owned())
}

/// The variables of the stages of a build.
#[derive(Default)]
struct Stages {
    /// ARG before the first FROM.
    global: Variables,
    current: Variables,
    finished: BTreeMap<String, Variables>,
    name: Option<String>,
    begun: bool,
}

impl Stages {
    fn begin(&mut self, from: &Instruction) {
        let ended = std::mem::take(&mut self.current);
        if !self.begun {
            self.global = ended;
        } else if let Some(name) = self.name.take() {
            self.finished.insert(name, ended);
        }
        self.begun = true;
        let words = from.words();
        self.current = words.first().and_then(|base| self.finished.get(base)).cloned().unwrap_or_default();
        self.name = words.get(2).cloned();
    }

    fn set(&mut self, instruction: &Instruction) {
        let mut rest = instruction.rest.as_str();
        let is_arg = instruction.name == "ARG";
        // A value that cannot be worked out matters only where it is used.
        let set = |name: &str, value: &str, current: &mut Variables| {
            match expand(value, current, instruction.escape) {
                Ok(value) => current.insert(name.to_owned(), value),
                Err(_) => current.remove(name),
            };
        };
        while !rest.is_empty() {
            let (word, after) = rest.split_at(end_of_word(rest, instruction.escape));
            match word.split_once('=') {
                Some((name, value)) => set(name, value, &mut self.current),
                None if is_arg => {
                    if let Some(value) = self.global.get(word).filter(|_| self.begun) {
                        self.current.insert(word.to_owned(), value.clone());
                    }
                }
                // The old form `ENV name value`, where the value is the rest of the line.
                None => return set(word, after.trim(), &mut self.current),
            }
            rest = after.trim_start();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(text: &str) -> Vec<(usize, String)> {
        takes(text, Part::Whole).unwrap().into_iter().map(|taken| (taken.line, taken.pattern)).collect()
    }

    #[test]
    fn sources_come_from_every_form_of_copy_and_add() {
        let text = "FROM a AS b\nCOPY --link --chmod=644 one two /d/\nADD [\"three four\", \"/d\"]\n\
                    COPY --from=b five /d\nADD https://x/y.tar six.tar /d/\nCOPY <<EOF seven /d/\nCOPY no no\nEOF\n\
                    RUN --mount=type=bind,source=eight,target=/e --mount=type=cache,target=/c true\n\
                    ONBUILD COPY nine /d\ncopy \\\n # comment\n ten /d";
        let expected = [
            (2, "one"),
            (2, "two"),
            (3, "three four"),
            (5, "six.tar"),
            (6, "seven"),
            (9, "eight"),
            (11, "ten"),
        ];
        assert_eq!(patterns(text), expected.map(|(line, pattern)| (line, pattern.to_owned())));
    }

    #[test]
    fn variables_of_a_stage_name_sources() {
        let text = "ARG V=1\nFROM a AS first\nARG V\nENV D=dir-$V E=\"x y\"\nCOPY ${D}/f $E /d\n\
                    FROM first\nCOPY $D /d\nFROM other\nENV D old form\nCOPY $D /d";
        let expected = [(5, "dir-1/f"), (5, "x y"), (7, "dir-1"), (10, "old form")];
        assert_eq!(patterns(text), expected.map(|(line, pattern)| (line, pattern.to_owned())));
        let error = takes("FROM a\nCOPY $NONE /d", Part::Whole).unwrap_err();
        assert!(error.to_string().contains("line 2") && error.to_string().contains("NONE"), "{error}");
    }
}
