//! The patterns of what a sync leaves as it is: globs, of which only `*`, `?` and `**` are special.

use crate::client::error::{Error, Result};
use glob::{MatchOptions, Pattern};

/// `*` and `?` stay within a name, and a name that begins with a dot is like any other.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

#[derive(Default)]
pub(super) struct Exclude {
    /// For paths from the top.
    patterns: Vec<Pattern>,
}

impl Exclude {
    pub fn new(patterns: Vec<String>) -> Result<Self> {
        let patterns = patterns.iter().map(|pattern| compiled(pattern)).collect::<Result<_>>()?;
        Ok(Self { patterns })
    }

    /// Does a pattern match the path, or a directory above it?
    pub fn covers(&self, path: &str) -> bool {
        let matched = |path: &str| self.patterns.iter().any(|pattern| pattern.matches_with(path, OPTIONS));
        path.match_indices('/').any(|(at, _)| matched(&path[..at])) || matched(path)
    }
}

/// A pattern with a slash counts from the top, a name anywhere.
fn compiled(pattern: &str) -> Result<Pattern> {
    let trimmed = pattern.trim_end_matches('/');
    if trimmed.is_empty() {
        return Err(Error::invalid("`exclude` has an empty pattern, which would leave out everything"));
    }
    let mut names: Vec<_> = trimmed.trim_start_matches('/').split('/').map(literal).collect();
    if !trimmed.contains('/') {
        names.insert(0, "**".to_owned());
    }
    // With a directory goes everything below it, so that `a/**` is `a`.
    while names.len() > 1 && names.last().is_some_and(|name| name == "**") {
        names.pop();
    }
    Pattern::new(&names.join("/")).map_err(|error| {
        Error::invalid(format!("`exclude` has the pattern \"{}\": {error}", pattern.escape_debug()))
    })
}

/// A name of a pattern, with brackets as what they are: names such as `[id]` are common. Of several stars only
/// a name of two is special.
fn literal(name: &str) -> String {
    if name == "**" {
        return name.to_owned();
    }
    let mut literal = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '[' => literal.push_str("[[]"),
            '*' if literal.ends_with('*') => {}
            letter => literal.push(letter),
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(pattern: &str, path: &str) -> bool {
        Exclude::new(vec![pattern.to_owned()]).unwrap().covers(path)
    }

    #[test]
    fn a_name_counts_wherever_it_is_and_takes_what_is_below() {
        for path in [".git", "a/.git", ".git/config", "a/.git/b/c"] {
            assert!(covers(".git", path) && covers(".git/", path), "{path}");
        }
        assert!(!covers(".git", ".gitignore"));
        assert!(covers("*.p?c", "a/b.pyc") && !covers("*.p?c", "a/b.pc"));
        assert!(covers("*", "anything/at all"));
        assert!(covers("a*b*c", "aXbbYc") && !covers("a*b*c", "aXbbY"));
    }

    #[test]
    fn a_path_counts_from_the_top() {
        assert!(covers("build/out", "build/out/x") && !covers("build/out", "a/build/out"));
        assert!(covers("/build", "build/x") == covers("build/", "build/x"));
        for path in ["b/x.o", "b/a/x.o", "b/a/c/x.o"] {
            assert!(covers("b/**/*.o", path), "{path}");
        }
        assert!(!covers("b/**/*.o", "x.o") && !covers("b/*.o", "b/a/x.o"));
        assert!(covers("**/tmp", "tmp/x") && covers("**/tmp", "a/b/tmp"));
    }

    #[test]
    fn only_the_documented_wildcards_are_special() {
        for name in ["[id]", "{a,b}", "!x", "back\\slash", "^", "a-b", "[!a]"] {
            assert!(covers(name, name) && covers(name, &format!("d/{name}/f")), "{name}");
            assert!(covers(&format!("d/{name}"), &format!("d/{name}")), "{name}");
        }
        assert!(!covers("[id]", "i") && !covers("{a,b}", "a") && !covers("!x", "y") && !covers("a\\*", "a*"));
        assert!(covers("?.txt", "ü.txt") && covers("日?", "日本") && !covers("?", "ab"));
    }

    #[test]
    fn a_pattern_that_is_none_is_refused() {
        assert!(Exclude::new(vec![String::new()]).is_err() && Exclude::new(vec!["/".to_owned()]).is_err());
    }
}
