//! Here-documents of RUN, COPY and ADD.

/// A text between its own line and a line with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heredoc {
    pub name: String,
    /// The name is not quoted: variables are replaced.
    pub expands: bool,
    /// `<<-`: tabs at the start of lines go.
    pub strips_tabs: bool,
    pub content: String,
}

/// Those that a line announces, without their content.
pub fn announced(line: &str) -> Vec<Heredoc> {
    let mut found = Vec::new();
    let (mut rest, mut quote) = (line, None);
    while let Some(letter) = rest.chars().next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => {
                let skipped = letter.len_utf8() + rest[1..].chars().next().map_or(0, char::len_utf8);
                rest = &rest[skipped..];
                continue;
            }
            ('"' | '\'', None) => quote = Some(letter),
            (letter, Some(open)) if letter == open => quote = None,
            ('<', None) if rest.starts_with("<<<") => {
                rest = &rest[3..];
                continue;
            }
            ('<', None) if rest.starts_with("<<") => {
                rest = &rest[2..];
                let strips_tabs = rest.starts_with('-');
                rest = rest.strip_prefix('-').unwrap_or(rest);
                if let Some((name, expands, after)) = name(rest) {
                    found.push(Heredoc { name, expands, strips_tabs, content: String::new() });
                    rest = after;
                }
                continue;
            }
            _ => {}
        }
        rest = &rest[letter.len_utf8()..];
    }
    found
}

fn name(rest: &str) -> Option<(String, bool, &str)> {
    let open = rest.chars().next().filter(|letter| ['"', '\''].contains(letter));
    let (name, after) = match open {
        Some(quote) => rest[1..].split_once(quote)?,
        None => {
            let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
            rest.split_at(end.unwrap_or(rest.len()))
        }
    };
    (!name.is_empty()).then(|| (name.to_owned(), open.is_none(), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_announces_its_documents() {
        let names = |line| -> Vec<(String, bool, bool)> {
            announced(line).into_iter().map(|it| (it.name, it.expands, it.strips_tabs)).collect()
        };
        assert_eq!(names("cat <<EOF > /a"), [("EOF".into(), true, false)]);
        assert_eq!(names("<<-'A b' <<\"C\""), [("A b".into(), false, true), ("C".into(), false, false)]);
        for none in ["echo '<<EOF'", "echo \"<<EOF\"", "x <<< word", "echo 1 \\<<EOF2 | x <<", "a < b"] {
            assert_eq!(names(none), [], "{none}");
        }
    }
}
