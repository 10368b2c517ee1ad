//! The style of the Python SDK.

use super::local_path::{base_name, expand_home, normalize};
use super::official::{self, Dialect, NEWEST_SERIES};
use super::quote;
use crate::client::error::{Error, Result};

pub(super) struct Python;

impl Dialect for Python {
    fn quote(&self, word: &str) -> String {
        quote::shell(word)
    }

    /// A full version is taken as it is. The SDK's default is the version of the interpreter that it runs in, which
    /// only its caller knows.
    fn python_version(&self, asked: Option<&str>) -> Result<String> {
        let asked = asked.unwrap_or(NEWEST_SERIES);
        let parts: Vec<&str> = asked.split('.').collect();
        let number =
            |text: &str| matches!(text.len(), 1..=2) && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_full = match parts[..] {
            ["3", minor, micro] => {
                let (micro, candidate) = micro.split_once("rc").unwrap_or((micro, ""));
                number(minor) && number(micro) && candidate.bytes().all(|byte| byte.is_ascii_digit())
            }
            _ => false,
        };
        match parts[..] {
            [major, minor, _] if is_full => {
                official::newest_of(&format!("{major}.{minor}"))?;
                Ok(asked.to_owned())
            }
            ["3", minor] if number(minor) => official::newest_of(asked),
            _ => Err(Error::invalid(format!("`debianSlim` is {asked:?}, which is no version of Python 3"))),
        }
    }

    fn program(&self, words: &[String]) -> String {
        escaped_words(words)
    }

    fn extra_options(&self, extra: &str) -> String {
        if extra.is_empty() { String::new() } else { format!(" {}", extra.trim_matches(is_space)) }
    }

    fn local(&self, path: &str) -> String {
        expand_home(path)
    }

    fn archive(&self, local: &str) -> String {
        normalize(local).trim_start_matches('/').trim_start_matches('\\').to_owned()
    }

    fn remote_of_directory(&self, remote: &str, local: &str) -> String {
        let name = if local == "." { "" } else { base_name(local) };
        format!("{remote}{name}")
    }

    /// What is left of the path when the directory is taken away, slash included.
    fn prefix_of_raw(&self, context_dir: &str) -> &'static str {
        if context_dir.ends_with('/') { "" } else { "/" }
    }
}

/// A program and its arguments as the Python and TypeScript SDKs write them.
pub(super) fn escaped_words(words: &[String]) -> String {
    let words: Vec<String> = words
        .iter()
        .map(|word| format!("\"{}\"", word.replace('"', "\\\\\\\"").replace('\'', "\\'")))
        .collect();
    words.join(" ")
}

/// White space as Python's `strip` knows it.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}
