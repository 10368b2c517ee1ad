//! The style of the Ruby SDK.

use super::local_path::{base_name, expand_home, resolve};
use super::official::{self, Dialect, NEWEST_SERIES};
use super::quote;
use crate::client::error::Result;

pub(super) struct Ruby;

impl Dialect for Ruby {
    fn quote(&self, word: &str) -> String {
        quote::shellwords(word)
    }

    fn python_version(&self, asked: Option<&str>) -> Result<String> {
        official::newest_of(asked.unwrap_or(NEWEST_SERIES))
    }

    /// The SDK means a backslash before each `'`, but Ruby's replacement text `\'` is what follows the match.
    fn program(&self, words: &[String]) -> String {
        let words: Vec<String> = words
            .iter()
            .map(|word| {
                let word = word.replace('"', "\\\"");
                let mut escaped = String::new();
                let mut rest = word.as_str();
                while let Some((before, after)) = rest.split_once('\'') {
                    escaped.push_str(before);
                    escaped.push_str(after);
                    rest = after;
                }
                format!("\"{escaped}{rest}\"")
            })
            .collect();
        words.join(" ")
    }

    /// An empty array is put into the brackets as a text.
    fn exec_form(&self, words: &[String]) -> String {
        match words {
            [] => "[[]]".to_owned(),
            words => format!("[\"{}\"]", words.join("\", \"")),
        }
    }

    fn has_index(&self, _url: &str) -> bool {
        true
    }

    fn extra_options(&self, extra: &str) -> String {
        let leading = |c: char| matches!(c, '\0' | '\t'..='\r' | ' ');
        let extra = extra.trim_matches(leading);
        if extra.is_empty() { String::new() } else { format!(" {extra}") }
    }

    fn local(&self, path: &str) -> String {
        resolve(&expand_home(path))
    }

    fn archive(&self, local: &str) -> String {
        let name = base_name(local);
        let without_drive = match name.as_bytes() {
            [letter, b':', ..] if letter.is_ascii_alphabetic() => &name[2..],
            _ => name,
        };
        without_drive.trim_start_matches(['/', '\\']).to_owned()
    }

    fn remote_of_directory(&self, remote: &str, local: &str) -> String {
        format!("{remote}/{}", base_name(local))
    }

    fn prefix_of_raw(&self, _context_dir: &str) -> &'static str {
        "/"
    }

    fn checks_files(&self) -> bool {
        false
    }
}
