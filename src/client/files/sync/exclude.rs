//! What is left alone on both sides.

use crate::client::error::{Error, Result};

#[derive(Default)]
pub(super) struct Exclude {
    /// For a name, wherever it is.
    names: Vec<String>,
    /// For a path from the top, by its names.
    paths: Vec<Vec<String>>,
}

impl Exclude {
    pub fn new(patterns: Vec<String>) -> Result<Self> {
        let mut exclude = Self::default();
        for pattern in patterns {
            let trimmed = pattern.trim_end_matches('/');
            if trimmed.is_empty() {
                return Err(Error::invalid(
                    "`exclude` has an empty pattern, which would leave out everything",
                ));
            }
            if trimmed.contains('/') {
                exclude.paths.push(trimmed.trim_start_matches('/').split('/').map(str::to_owned).collect());
            } else {
                exclude.names.push(trimmed.to_owned());
            }
        }
        Ok(exclude)
    }

    /// Does a pattern match the path, or a directory on the way to it?
    pub fn covers(&self, path: &str) -> bool {
        let names: Vec<_> = path.split('/').collect();
        names.iter().any(|name| self.names.iter().any(|pattern| name_matches(pattern, name)))
            || (1..=names.len())
                .any(|end| self.paths.iter().any(|pattern| path_matches(pattern, &names[..end])))
    }
}

fn path_matches(pattern: &[String], names: &[&str]) -> bool {
    match pattern.split_first() {
        None => names.is_empty(),
        Some((first, rest)) if first == "**" => {
            (0..=names.len()).any(|skipped| path_matches(rest, &names[skipped..]))
        }
        Some((first, rest)) => names
            .split_first()
            .is_some_and(|(name, below)| name_matches(first, name) && path_matches(rest, below)),
    }
}

/// `*` is any text, `?` one character. Linear but for one step back to the last `*`.
fn name_matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, read));
                at += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[read] => {
                at += 1;
                read += 1;
            }
            _ => match star {
                Some((behind, from)) => {
                    star = Some((behind, from + 1));
                    (at, read) = (behind, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|left| *left == '*')
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
    fn a_pattern_that_is_none_is_refused() {
        assert!(Exclude::new(vec![String::new()]).is_err() && Exclude::new(vec!["/".to_owned()]).is_err());
    }
}
