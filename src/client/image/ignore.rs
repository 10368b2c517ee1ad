//! `.dockerignore`: what of a context directory is left out.

use super::draft::cannot_read;
use super::local_path::normalize;
use super::pattern::Pattern;
use crate::client::error::Result;
use std::io::ErrorKind;
use std::path::Path;

/// The rules of a `.dockerignore`, in order; the last that matches decides.
#[derive(Default)]
pub(super) struct Ignore(Vec<Rule>);

struct Rule {
    pattern: Pattern,
    /// `!`: what matches is not left out after all.
    keeps: bool,
}

impl Ignore {
    /// The rules of a context directory; none where it has no such file.
    pub fn of(directory: &Path) -> Result<Self> {
        let path = directory.join(".dockerignore");
        match std::fs::read(&path) {
            Ok(text) => Ok(Self::parse(&String::from_utf8_lossy(&text))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(cannot_read(&path, &error)),
        }
    }

    fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rules = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let line = line.trim();
            let (line, keeps) = line.strip_prefix('!').map_or((line, false), |rest| (rest.trim(), true));
            if line.is_empty() {
                return None;
            }
            let pattern = normalize(line);
            Some(Rule { pattern: Pattern::new(pattern.strip_prefix('/').unwrap_or(&pattern)), keeps })
        });
        Self(rules.collect())
    }

    /// Whether a path relative to the directory is left out: it, or a directory above it, matches.
    pub fn leaves_out(&self, path: &str) -> bool {
        let mut left_out = false;
        for rule in self.0.iter().filter(|_| !path.is_empty()) {
            let above = path.match_indices('/').map(|(at, _)| &path[..at]);
            if rule.keeps == left_out && above.chain([path]).any(|path| rule.pattern.matches(path)) {
                left_out = !rule.keeps;
            }
        }
        left_out
    }

    /// Whether anything below a directory that is left out may be kept.
    pub fn has_exceptions(&self) -> bool {
        self.0.iter().any(|rule| rule.keeps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_rule_that_matches_decides() {
        let ignore = Ignore::parse(
            "# a comment\n  \n*.log\n/secret/\n**/node_modules\n!keep.log\ndocs\n!docs/README.md\n docs/*.tmp \n./x\n",
        );
        for (path, expected) in [
            ("a.log", true),
            ("sub/a.log", false),
            ("keep.log", false),
            ("secret", true),
            ("secret/key", true),
            ("a/node_modules/b/c.js", true),
            ("docs/a", true),
            ("docs/README.md", false),
            ("docs/a.tmp", true),
            ("x/y", true),
            ("src/main.rs", false),
        ] {
            assert_eq!(ignore.leaves_out(path), expected, "{path}");
        }
        assert!(ignore.has_exceptions());
    }
}
