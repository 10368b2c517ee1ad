//! Finds the first JSON value of a text, or fails with the message of Go's scanner.

/// What the scanner expects next.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Value,
    /// After `[`.
    ValueOrEnd,
    /// After a `,` in an object.
    Key,
    /// After `{`.
    KeyOrEnd,
    /// After a value.
    After,
}

/// The text of the first value.
pub fn first_value(text: &[u8]) -> Result<&[u8], String> {
    let mut scan = Scan { text, at: 0 };
    scan.skip_space();
    let start = scan.at;
    if start == text.len() {
        return Err("EOF".to_owned());
    }
    // The open containers; true: an object.
    let mut open: Vec<bool> = Vec::new();
    let mut next = Next::Value;
    loop {
        scan.skip_space();
        let Some(byte) = scan.peek() else { return Err(END.to_owned()) };
        next = match (next, byte) {
            (Next::KeyOrEnd, b'}') | (Next::ValueOrEnd, b']') => {
                scan.at += 1;
                open.pop();
                Next::After
            }
            (Next::Key | Next::KeyOrEnd, b'"') => {
                scan.string()?;
                scan.skip_space();
                scan.expect(b':', "after object key")?;
                Next::Value
            }
            (Next::Key | Next::KeyOrEnd, other) => {
                return Err(invalid(other, "looking for beginning of object key string"));
            }
            (Next::Value | Next::ValueOrEnd, b'{' | b'[') => {
                scan.at += 1;
                open.push(byte == b'{');
                if byte == b'{' { Next::KeyOrEnd } else { Next::ValueOrEnd }
            }
            (Next::Value | Next::ValueOrEnd, _) => {
                scan.scalar(byte)?;
                Next::After
            }
            (Next::After, b',') => {
                scan.at += 1;
                if open.last() == Some(&true) { Next::Key } else { Next::Value }
            }
            (Next::After, byte) => {
                let is_object = open.last() == Some(&true);
                if byte != if is_object { b'}' } else { b']' } {
                    let place = if is_object { "after object key:value pair" } else { "after array element" };
                    return Err(invalid(byte, place));
                }
                scan.at += 1;
                open.pop();
                Next::After
            }
        };
        if next == Next::After && open.is_empty() {
            return Ok(&text[start..scan.at]);
        }
    }
}

const END: &str = "unexpected EOF";

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self) -> Result<u8, String> {
        let byte = self.peek().ok_or(END)?;
        self.at += 1;
        Ok(byte)
    }

    fn expect(&mut self, wanted: u8, place: &str) -> Result<(), String> {
        let byte = self.take()?;
        if byte == wanted { Ok(()) } else { Err(invalid(byte, place)) }
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn scalar(&mut self, first: u8) -> Result<(), String> {
        match first {
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' | b'0'..=b'9' => self.number(),
            other => Err(invalid(other, "looking for beginning of value")),
        }
    }

    fn literal(&mut self, word: &str) -> Result<(), String> {
        self.at += 1;
        for expected in word.bytes().skip(1) {
            let place = format!("in literal {word} (expecting '{}')", char::from(expected));
            self.expect(expected, &place)?;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<(), String> {
        self.at += 1;
        loop {
            match self.take()? {
                b'"' => return Ok(()),
                b'\\' => match self.take()? {
                    b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => {}
                    b'u' => {
                        for _ in 0..4 {
                            let digit = self.take()?;
                            if !digit.is_ascii_hexdigit() {
                                return Err(invalid(digit, "in \\u hexadecimal character escape"));
                            }
                        }
                    }
                    other => return Err(invalid(other, "in string escape code")),
                },
                control @ 0..0x20 => return Err(invalid(control, "in string literal")),
                _ => {}
            }
        }
    }

    fn number(&mut self) -> Result<(), String> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        Ok(())
    }

    /// At least one digit.
    fn digits(&mut self, place: &str) -> Result<(), String> {
        let first = self.take()?;
        if !first.is_ascii_digit() {
            return Err(invalid(first, place));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }
}

/// Go prints a byte as the character of that number.
fn invalid(byte: u8, place: &str) -> String {
    let shown = match byte {
        b'\'' => "\\'".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        0..0x20 | 0x7f => format!("\\x{byte:02x}"),
        0x80..=0xa0 | 0xad => format!("\\u{byte:04x}"),
        _ => char::from(byte).to_string(),
    };
    format!("invalid character '{shown}' {place}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_is_found_among_what_surrounds_it() {
        for (text, value) in [
            (" {\"a\":[1,{}]} x", "{\"a\":[1,{}]}"),
            ("[]]", "[]"),
            ("-1.5e+3 ", "-1.5e+3"),
            ("\"\\u00e4\\n\"", "\"\\u00e4\\n\""),
            ("nullx", "null"),
        ] {
            assert_eq!(first_value(text.as_bytes()), Ok(value.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_in_gos_words() {
        for (text, error) in [
            ("", "EOF"),
            (" \n", "EOF"),
            ("{", "unexpected EOF"),
            ("\"a", "unexpected EOF"),
            ("{x", "invalid character 'x' looking for beginning of object key string"),
            ("{\"a\":1,}", "invalid character '}' looking for beginning of object key string"),
            ("{\"a\" 1}", "invalid character '1' after object key"),
            ("{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair"),
            ("[1 2]", "invalid character '2' after array element"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("\u{feff}{}", "invalid character 'ï' looking for beginning of value"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            ("\"\\x\"", "invalid character 'x' in string escape code"),
            ("\"\\u12g4\"", "invalid character 'g' in \\u hexadecimal character escape"),
            ("trxe", "invalid character 'x' in literal true (expecting 'u')"),
            ("-a", "invalid character 'a' in numeric literal"),
            ("1.a", "invalid character 'a' after decimal point in numeric literal"),
            ("1ea", "invalid character 'a' in exponent of numeric literal"),
        ] {
            assert_eq!(first_value(text.as_bytes()), Err(error.to_owned()), "{text}");
        }
    }

    #[test]
    fn depth_is_no_danger() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(first_value(deep.as_bytes()), Err("unexpected EOF".to_owned()));
    }
}
