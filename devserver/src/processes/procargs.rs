//! The arguments and the environment of a process, as macOS gives them: the number of arguments, the program's path,
//! padding, the arguments, the variables; all but the number end with a NUL.

/// The variables. Empty where the system keeps them to itself.
pub fn environment(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (count, rest) = text.split_first_chunk().unwrap_or((&[0; 4], &[]));
    let count = usize::try_from(i32::from_ne_bytes(*count)).unwrap_or_default();
    let after_path = rest.iter().position(|byte| *byte == 0).map_or(&[][..], |end| &rest[end..]);
    let padding = after_path.iter().take_while(|byte| **byte == 0).count();
    let strings = after_path[padding..].split(|byte| *byte == 0);
    strings.skip(count).take_while(|variable| !variable.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_is_no_variable() {
        let mut text = 3_i32.to_ne_bytes().to_vec();
        text.extend(b"/usr/bin/env\0\0\0\0\0env\0\0A=argument\0A=1\0B=\0\0more\0");
        let found: Vec<&[u8]> = environment(&text).collect();
        assert_eq!(found, [&b"A=1"[..], b"B="]);
        // Whatever the system leaves out.
        for cut in 0..text.len() {
            assert!(environment(&text[..cut]).count() <= found.len());
        }
    }
}
