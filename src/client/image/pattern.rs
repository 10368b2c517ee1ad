//! Patterns of paths: those of COPY sources and of `.dockerignore`.

/// A pattern of a path, its parts separated by `/`: `*` and `?` stay within a part, `**` does not, `[a-z]` and `[^a-z]`
/// are sets, `\` takes the special meaning away.
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug, PartialEq)]
enum Token {
    Is(char),
    /// `?`
    Any,
    /// `*`
    Part,
    /// `**`
    Path,
    /// `**/`: any number of whole parts.
    Parts,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    pub fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut tokens = Vec::new();
        let mut at = 0;
        while at < chars.len() {
            let rest = &chars[at..];
            let (token, length) = match rest {
                ['*', '*', '/', ..] if at == 0 || chars[at - 1] == '/' => (Token::Parts, 3),
                ['*', '*', ..] => (Token::Path, 2),
                ['*', ..] => (Token::Part, 1),
                ['?', ..] => (Token::Any, 1),
                ['\\', c, ..] => (Token::Is(*c), 2),
                ['[', ..] => set(rest).unwrap_or((Token::Is('['), 1)),
                [c, ..] => (Token::Is(*c), 1),
                [] => break,
            };
            tokens.push(token);
            at += length;
        }
        Self(tokens)
    }

    /// Whether the text has anything in it that stands for more than itself.
    pub fn is_special(text: &str) -> bool {
        text.contains(['*', '?', '[', '\\'])
    }

    pub fn matches(&self, path: &str) -> bool {
        let tokens = &self.0;
        // The positions in the pattern that the path so far can have led to, and those inside of `**/`.
        let mut reached = vec![false; tokens.len() + 1];
        let mut inside = vec![false; tokens.len() + 1];
        reached[0] = true;
        self.skip(&mut reached);
        for c in path.chars() {
            let mut next = vec![false; tokens.len() + 1];
            let mut next_inside = vec![false; tokens.len() + 1];
            for (at, token) in tokens.iter().enumerate() {
                if !reached[at] && !inside[at] {
                    continue;
                }
                match token {
                    Token::Parts => {
                        next_inside[at] = true;
                        if c == '/' {
                            next[at] = true;
                        }
                    }
                    Token::Path => next[at] = true,
                    Token::Part if c != '/' => next[at] = true,
                    Token::Any if c != '/' => next[at + 1] = true,
                    Token::Is(wanted) if *wanted == c => next[at + 1] = true,
                    Token::Set { negated, ranges } if c != '/' => {
                        let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                        next[at + 1] |= within != *negated;
                    }
                    _ => {}
                }
            }
            (reached, inside) = (next, next_inside);
            self.skip(&mut reached);
        }
        reached[tokens.len()]
    }

    /// Stars may stand for nothing.
    fn skip(&self, reached: &mut [bool]) {
        for (at, token) in self.0.iter().enumerate() {
            if reached[at] && matches!(token, Token::Part | Token::Path | Token::Parts) {
                reached[at + 1] = true;
            }
        }
    }
}

/// A set `[...]` at the beginning, with the length of its text.
fn set(chars: &[char]) -> Option<(Token, usize)> {
    let negated = matches!(chars.get(1), Some('^' | '!'));
    let mut at = if negated { 2 } else { 1 };
    let mut ranges = Vec::new();
    loop {
        let low = match chars.get(at)? {
            ']' if !ranges.is_empty() => return Some((Token::Set { negated, ranges }, at + 1)),
            '\\' => {
                at += 1;
                *chars.get(at)?
            }
            c => *c,
        };
        at += 1;
        let high = match chars.get(at..at + 2) {
            Some(['-', high]) if *high != ']' => {
                at += 2;
                *high
            }
            _ => low,
        };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_docker_has_them() {
        for (pattern, path, expected) in [
            ("a*.txt", "ab.txt", true),
            ("a*.txt", "a/b.txt", false),
            ("*", ".hidden", true),
            ("?", "/", false),
            ("**", "a/b/c", true),
            ("**/c", "c", true),
            ("**/c", "a/b/c", true),
            ("**/c", "a/bc", false),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("a/**/b", "ab", false),
            ("a**b", "a/x/b", true),
            ("arr[[]0].txt", "arr[0].txt", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("[", "[", true),
            ("", "", true),
            ("ü?", "üß", true),
        ] {
            assert_eq!(Pattern::new(pattern).matches(path), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn a_pattern_of_many_stars_takes_no_time_to_speak_of() {
        let pattern = Pattern::new(&"*a".repeat(200));
        assert!(!pattern.matches(&"a".repeat(199)));
    }
}
