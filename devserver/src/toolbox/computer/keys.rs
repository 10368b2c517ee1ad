//! The names of keys, and combinations of them.

use super::failure::Failure;

/// An X keysym.
pub type Keysym = u32;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modifier {
    Ctrl,
    Alt,
    Shift,
    Cmd,
}

impl Modifier {
    pub fn keysym(self) -> Keysym {
        match self {
            Self::Shift => 0xffe1,
            Self::Ctrl => 0xffe3,
            Self::Alt => 0xffe9,
            Self::Cmd => 0xffeb,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ctrl" | "control" => Self::Ctrl,
            "alt" | "option" => Self::Alt,
            "shift" => Self::Shift,
            "cmd" | "command" | "meta" | "super" | "win" | "windows" => Self::Cmd,
            _ => return None,
        })
    }
}

/// A key, with the modifiers that are held meanwhile.
#[derive(PartialEq, Eq, Debug)]
pub struct Chord {
    pub modifiers: Vec<Modifier>,
    pub key: Keysym,
}

/// The named keys. A modifier has its kind beside it: it cannot be held for itself.
const NAMED: &[(&str, Keysym, Option<Modifier>)] = &[
    ("backspace", 0xff08, None),
    ("tab", 0xff09, None),
    ("enter", 0xff0d, None),
    ("return", 0xff0d, None),
    ("escape", 0xff1b, None),
    ("esc", 0xff1b, None),
    ("space", 0x0020, None),
    ("spacebar", 0x0020, None),
    ("delete", 0xffff, None),
    ("del", 0xffff, None),
    ("insert", 0xff63, None),
    ("home", 0xff50, None),
    ("end", 0xff57, None),
    ("left", 0xff51, None),
    ("up", 0xff52, None),
    ("right", 0xff53, None),
    ("down", 0xff54, None),
    ("pageup", 0xff55, None),
    ("page_up", 0xff55, None),
    ("pagedown", 0xff56, None),
    ("page_down", 0xff56, None),
    ("menu", 0xff67, None),
    ("capslock", 0xffe5, None),
    ("num_lock", 0xff7f, None),
    ("num_enter", 0xff8d, None),
    ("num_equal", 0xffbd, None),
    ("num_asterisk", 0xffaa, None),
    ("num_plus", 0xffab, None),
    ("num_minus", 0xffad, None),
    ("num_decimal", 0xffae, None),
    ("num_slash", 0xffaf, None),
    ("alt", 0xffe9, Some(Modifier::Alt)),
    ("option", 0xffe9, Some(Modifier::Alt)),
    ("lalt", 0xffe9, Some(Modifier::Alt)),
    ("left_alt", 0xffe9, Some(Modifier::Alt)),
    ("ralt", 0xffea, Some(Modifier::Alt)),
    ("right_alt", 0xffea, Some(Modifier::Alt)),
    ("ctrl", 0xffe3, Some(Modifier::Ctrl)),
    ("control", 0xffe3, Some(Modifier::Ctrl)),
    ("lctrl", 0xffe3, Some(Modifier::Ctrl)),
    ("left_ctrl", 0xffe3, Some(Modifier::Ctrl)),
    ("left_control", 0xffe3, Some(Modifier::Ctrl)),
    ("rctrl", 0xffe4, Some(Modifier::Ctrl)),
    ("right_ctrl", 0xffe4, Some(Modifier::Ctrl)),
    ("right_control", 0xffe4, Some(Modifier::Ctrl)),
    ("shift", 0xffe1, Some(Modifier::Shift)),
    ("lshift", 0xffe1, Some(Modifier::Shift)),
    ("left_shift", 0xffe1, Some(Modifier::Shift)),
    ("rshift", 0xffe2, Some(Modifier::Shift)),
    ("right_shift", 0xffe2, Some(Modifier::Shift)),
    ("cmd", 0xffeb, Some(Modifier::Cmd)),
    ("command", 0xffeb, Some(Modifier::Cmd)),
    ("meta", 0xffeb, Some(Modifier::Cmd)),
    ("super", 0xffeb, Some(Modifier::Cmd)),
    ("win", 0xffeb, Some(Modifier::Cmd)),
    ("windows", 0xffeb, Some(Modifier::Cmd)),
    ("lcmd", 0xffeb, Some(Modifier::Cmd)),
    ("left_cmd", 0xffeb, Some(Modifier::Cmd)),
    ("left_command", 0xffeb, Some(Modifier::Cmd)),
    ("rcmd", 0xffec, Some(Modifier::Cmd)),
    ("right_cmd", 0xffec, Some(Modifier::Cmd)),
    ("right_command", 0xffec, Some(Modifier::Cmd)),
];

/// Signs that have a key of their own on a US keyboard.
const UNSHIFTED: &str = "',-./;=[\\]`";
/// Signs that need Shift there, each followed by the one whose key it is on.
const SHIFTED: &str = "!1\"'#3$4%5&7(9)0*8+=:;<,>.?/@2^6_-{[|\\}]~`";

/// A key of one request, with the modifiers named beside it.
pub fn pressed(key: &str, modifiers: &[String]) -> Result<Chord, Failure> {
    chord(named(key)?, modifiers.iter().map(String::as_str))
}

/// Modifiers that are held while the mouse is used.
pub fn modifiers(names: &[String]) -> Result<Vec<Modifier>, Failure> {
    Ok(chord((0, None), names.iter().map(String::as_str))?.modifiers)
}

/// As `ctrl+shift+t`.
pub fn hotkey(text: &str) -> Result<Chord, Failure> {
    let failed = |failure: String| Failure::bad_request(format!("invalid hotkey {text:?}: {failure}"));
    let parts: Vec<&str> = text.split('+').map(str::trim).collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(failed("empty key token".to_owned()));
    }
    if parts.iter().any(|part| part.contains(char::is_whitespace)) {
        return Err(failed("only a single chord is supported".to_owned()));
    }
    let Some((key, modifiers)) = parts.split_last() else { return Err(failed("empty key token".to_owned())) };
    let key = find(key).map_err(failed)?;
    held(key, modifiers.iter().copied()).map_err(failed)
}

fn named(key: &str) -> Result<(Keysym, Option<Modifier>), Failure> {
    find(key).map_err(Failure::bad_request)
}

fn chord<'a>(
    key: (Keysym, Option<Modifier>),
    modifiers: impl Iterator<Item = &'a str>,
) -> Result<Chord, Failure> {
    held(key, modifiers).map_err(Failure::bad_request)
}

fn held<'a>(
    (key, kind): (Keysym, Option<Modifier>),
    modifiers: impl Iterator<Item = &'a str>,
) -> Result<Chord, String> {
    let mut held = Vec::new();
    for name in modifiers {
        let modifier = Modifier::named(&token(name)).ok_or_else(|| {
            format!("unsupported modifier {name:?}; supported modifiers: ctrl, alt, shift, cmd")
        })?;
        if held.contains(&modifier) || kind == Some(modifier) {
            return Err(format!("the modifier {name:?} is there twice"));
        }
        held.push(modifier);
    }
    Ok(Chord { modifiers: held, key })
}

/// Names in any case, with `-` for `_`.
fn token(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

fn find(key: &str) -> Result<(Keysym, Option<Modifier>), String> {
    let unsupported = |why: &str| format!("unsupported key {key:?}{why}");
    let mut letters = key.chars();
    match (letters.next(), letters.next()) {
        (None, _) => return Err(unsupported(": empty key token")),
        (Some(letter), None) => {
            if letter.is_ascii_alphanumeric() || UNSHIFTED.contains(letter) {
                return Ok((letter.to_ascii_lowercase().into(), None));
            }
            let pairs: Vec<char> = SHIFTED.chars().collect();
            let base = pairs.chunks(2).find(|pair| pair[0] == letter).map(|pair| pair[1]);
            return Err(match base {
                Some(base) => unsupported(&format!(
                    "; use press({:?}, [\"shift\"]) for a shifted key or type({key:?}) for text",
                    base.to_string()
                )),
                None => unsupported(&format!("; use a named key, or type({key:?}) for text")),
            });
        }
        _ => {}
    }
    let name = token(key);
    if let Some((_, keysym, kind)) = NAMED.iter().find(|(known, ..)| *known == name) {
        return Ok((*keysym, *kind));
    }
    let numbered = |prefix: &str| name.strip_prefix(prefix)?.parse::<u32>().ok();
    match (numbered("f"), numbered("num")) {
        (Some(number @ 1..=24), _) if name == format!("f{number}") => Ok((0xffbd + number, None)),
        (_, Some(digit @ 0..=9)) if name == format!("num{digit}") => Ok((0xffb0 + digit, None)),
        _ => Err(unsupported("; see supported keyboard key names in the computer-use docs")),
    }
}

/// The keysyms of a text; a line break is Enter.
pub fn text(text: &str) -> Result<Vec<Keysym>, Failure> {
    let text = text.replace("\r\n", "\n");
    text.chars()
        .map(|letter| match letter {
            '\n' | '\r' => Ok(0xff0d),
            '\t' => Err(Failure::bad_request(
                "keyboard.type does not translate '\\t' to Tab; use keyboard.press(\"tab\") for Tab key events",
            )),
            '\u{2028}' | '\u{2029}' => Err(Failure::bad_request(format!(
                "unsupported separator character in keyboard.type: U+{:04X}",
                letter as u32
            ))),
            _ if letter.is_control() => Err(Failure::bad_request(format!(
                "unsupported control character in keyboard.type: U+{:04X}",
                letter as u32
            ))),
            // Latin-1 has the numbers of its characters, all others those of Unicode with a mark.
            '\u{20}'..='\u{ff}' => Ok(letter as u32),
            _ => Ok(0x0100_0000 | letter as u32),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_chords_are_read_in_any_case() {
        for (key, keysym) in
            [("Enter", 0xff0d), ("F12", 0xffc9), ("A", 0x61), ("page-up", 0xff55), ("num7", 0xffb7)]
        {
            assert_eq!(pressed(key, &[]).unwrap(), Chord { modifiers: vec![], key: keysym }, "{key}");
        }
        let chord = Chord { modifiers: vec![Modifier::Ctrl, Modifier::Shift], key: 0x74 };
        assert_eq!(hotkey("Ctrl + shift+T").unwrap(), chord);
        assert_eq!(hotkey("a").unwrap(), Chord { modifiers: vec![], key: 0x61 });
    }

    #[test]
    fn what_is_no_key_is_named() {
        for key in ["", "nokey", "f25", "f01", "num10", "?", "é", " "] {
            assert!(pressed(key, &[]).is_err(), "{key}");
        }
        for keys in
            ["", "+", "ctrl+", "foo+bar", "foo+a", "ctrl+ctrl+a", "a+b", "ctrl+c ctrl+v", "ctrl+lctrl"]
        {
            assert!(hotkey(keys).is_err(), "{keys}");
        }
    }

    #[test]
    fn a_text_is_its_characters_and_no_control_characters() {
        assert_eq!(text("aé\r\n€").unwrap(), [0x61, 0xe9, 0xff0d, 0x0100_20ac]);
        for refused in ["\t", "\u{1b}", "\u{2028}", "\0"] {
            assert!(text(refused).is_err());
        }
    }
}
