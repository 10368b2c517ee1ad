//! File names in `Content-Disposition`: in Latin-1 as `filename`, in UTF-8 as `filename*`.

use std::path::Path;

/// `filename="..."; filename*=utf-8''...` for a name, as the bytes of a header.
pub fn names(name: &Path) -> Vec<u8> {
    let name = name.to_string_lossy();
    let mut header = b"filename=\"".to_vec();
    header.extend(latin_1(&name));
    header.extend_from_slice(b"\"; filename*=utf-8''");
    header.extend(name.bytes().flat_map(|byte| {
        if is_attribute_character(byte) { vec![byte] } else { format!("%{byte:02X}").into_bytes() }
    }));
    header
}

/// A quoted string in Latin-1, without line ends and with an underscore for every other character.
fn latin_1(name: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '\\' | '"' => bytes.extend([b'\\', character as u8]),
            '\r' | '\n' | '\0' => {}
            '\u{1}'..='\u{1f}' | '\u{7f}' | '\u{100}'.. => bytes.push(b'_'),
            other => bytes.push(other as u8),
        }
    }
    bytes
}

/// RFC 5987: whether a byte is not encoded in `filename*`.
fn is_attribute_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_letters_beyond_ascii_survive() {
        let header = names(Path::new("a\"\\\nü日\t.txt"));
        assert_eq!(
            header,
            b"filename=\"a\\\"\\\\\xfc__.txt\"; filename*=utf-8''a%22%5C%0A%C3%BC%E6%97%A5%09.txt"
        );
    }
}
