//! Credentials in what git and the remote's server wrote.

/// From this length on a secret cannot be a part of other words by chance, and is replaced wherever it stands.
const TELLING_CHARS: usize = 8;
const HIDDEN: &str = "***";
/// What the remote's server says: it may quote what it was sent. Git itself writes a credential in a URL alone.
const OF_SERVER: &str = "remote: ";

/// The text without the userinfo of its URLs and without these secrets. A short one is replaced where the server may
/// have quoted it: as a word of its own, in the server's lines.
pub fn redact(text: &str, secrets: &[String]) -> String {
    let mut text = without_userinfo(text);
    for secret in secrets {
        text = match secret.chars().count() {
            0 => text,
            TELLING_CHARS.. => text.replace(secret, HIDDEN),
            _ => {
                let lines = text.split('\n').map(|line| match line.starts_with(OF_SERVER) {
                    true => without_word(line, secret),
                    false => line.to_owned(),
                });
                lines.collect::<Vec<_>>().join("\n")
            }
        };
    }
    text
}

fn without_userinfo(text: &str) -> String {
    let mut parts = text.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let ends = |it: char| it.is_whitespace() || "/?#'\"<>".contains(it);
        let authority = part.find(ends).map_or(part, |end| &part[..end]);
        match authority.rfind('@') {
            Some(at) => {
                out.push_str(HIDDEN);
                out.push_str(&part[at..]);
            }
            None => out.push_str(part),
        }
    }
    out
}

/// The text without the occurrences that no letter or digit touches.
fn without_word(text: &str, word: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let is_part = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        out.push_str(before);
        let inside = is_part(out.chars().next_back()) || is_part(after.chars().next());
        out.push_str(if inside { word } else { HIDDEN });
        rest = after;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(text: &str, secrets: &[&str]) -> String {
        redact(text, &secrets.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_of_a_letter_leaves_messages_readable() {
        let text = "repository 'http://a:b@localhost:80/a/b.git/' not found\nunable to access a branch";
        assert_eq!(
            redacted(text, &["b", "a"]),
            "repository 'http://***@localhost:80/a/b.git/' not found\nunable to access a branch"
        );
    }

    #[test]
    fn a_short_secret_that_the_server_quotes_is_hidden() {
        for (text, hidden) in [
            ("remote: bad password 'b' for a, abba", "remote: bad password '***' for ***, abba"),
            ("remote: password=b", "remote: password=***"),
            ("remote: http://a:b@h/x", "remote: http://***@h/x"),
        ] {
            assert_eq!(redacted(text, &["b", "a"]), hidden);
        }
    }

    #[test]
    fn a_long_secret_is_hidden_wherever_it_stands() {
        let secret = "hunter2-and-more";
        let text =
            format!("x{secret}y\nremote: {secret}\nhttp://{secret}@h/{secret} https://u@h https://h/@x");
        let hidden = "x***y\nremote: ***\nhttp://***@h/*** https://***@h https://h/@x";
        assert_eq!(redacted(&text, &[secret, ""]), hidden);
    }
}
