//! Shell patterns for names, by the rules of Go's `filepath.Match`: `*`, `?`, `[a-z]`, `[^a-z]` and
//! `\` before a literal character. The usual crates also accept `[!a]`, `{a,b}` or `**`, which the daemon
//! does not.

/// Whether the whole name matches. A malformed pattern matches nothing.
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Where to continue after a mismatch: after the latest star, which takes one more character.
    let mut star: Option<(usize, usize)> = None;
    let (mut p, mut n) = (0, 0);
    loop {
        if pattern.get(p) == Some(&'*') {
            star = Some((p + 1, n));
            p += 1;
            continue;
        }
        let step = match (p < pattern.len(), name.get(n)) {
            (false, None) => return true,
            (true, Some(&character)) => one(&pattern[p..], character),
            _ => Step::Differs,
        };
        match step {
            Step::Malformed => return false,
            Step::Same(length) => {
                p += length;
                n += 1;
            }
            Step::Differs => match star {
                Some((after, given)) if given < name.len() => {
                    star = Some((after, given + 1));
                    p = after;
                    n = given + 1;
                }
                _ => return false,
            },
        }
    }
}

enum Step {
    /// The character matches; consumes this many characters of the pattern.
    Same(usize),
    Differs,
    Malformed,
}

fn one(pattern: &[char], character: char) -> Step {
    let step = |same, length| if same { Step::Same(length) } else { Step::Differs };
    match pattern {
        ['?', ..] => step(character != '/', 1),
        ['\\', escaped, ..] => step(*escaped == character, 2),
        ['\\'] => Step::Malformed,
        ['[', class @ ..] => match class_of(class, character) {
            Some((same, length)) => step(same, length + 1),
            None => Step::Malformed,
        },
        [literal, ..] => step(*literal == character, 1),
        [] => Step::Differs,
    }
}

/// Whether the character is in the class, and the length of the class with its closing bracket.
fn class_of(class: &[char], character: char) -> Option<(bool, usize)> {
    let negated = class.first() == Some(&'^');
    let mut at = usize::from(negated);
    let mut found = false;
    let mut ranges = 0;
    while ranges == 0 || class.get(at)? != &']' {
        let low = bound(class, &mut at)?;
        let high = if class.get(at)? == &'-' {
            at += 1;
            bound(class, &mut at)?
        } else {
            low
        };
        found |= (low..=high).contains(&character);
        ranges += 1;
    }
    Some((found != negated, at + 1))
}

fn bound(class: &[char], at: &mut usize) -> Option<char> {
    let escaped = class.get(*at)? == &'\\';
    *at += usize::from(escaped);
    let bound = *class.get(*at)?;
    *at += 1;
    (escaped || !matches!(bound, '-' | ']')).then_some(bound)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_pattern_matches_the_whole_name() {
        for (pattern, name, expected) in [
            ("*.txt", "a.txt", true),
            ("*.txt", "a.txt.bak", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-c-d", false),
            ("?", "ü", true),
            ("?", "", false),
            ("*", "", true),
            ("[a-c]x", "bx", true),
            ("[^a-c]x", "bx", false),
            ("[^a-c]x", "dx", true),
            (r"\*", "*", true),
            (r"\*", "a", false),
            ("{a,b}", "a", false),
            ("**", "anything", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_malformed_pattern_matches_nothing() {
        for pattern in ["[", "[]a]", "[a-", "[-]", "a\\"] {
            assert!(!matches(pattern, "a"), "{pattern}");
            assert!(!matches(pattern, "["), "{pattern}");
        }
    }
}
