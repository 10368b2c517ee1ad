//! The style of the TypeScript SDK.

use super::local_path::{base_name, expand_home};
use super::official::{self, Dialect, NEWEST_SERIES};
use super::python::escaped_words;
use super::quote;
use crate::client::error::Result;

pub(super) struct TypeScript;

impl Dialect for TypeScript {
    fn quote(&self, word: &str) -> String {
        quote::shell_quote(word)
    }

    fn python_version(&self, asked: Option<&str>) -> Result<String> {
        official::newest_of(asked.filter(|series| !series.is_empty()).unwrap_or(NEWEST_SERIES))
    }

    /// By UTF-16 code units.
    fn sort(&self, packages: &mut [String]) {
        packages.sort_by(|one, other| one.encode_utf16().cmp(other.encode_utf16()));
    }

    fn program(&self, words: &[String]) -> String {
        escaped_words(words)
    }

    fn extra_options(&self, extra: &str) -> String {
        if extra.is_empty() { String::new() } else { format!(" {}", extra.trim_matches(quote::is_js_space)) }
    }

    fn local(&self, path: &str) -> String {
        expand_home(path)
    }

    fn archive(&self, local: &str) -> String {
        local.to_owned()
    }

    fn remote_of_directory(&self, remote: &str, local: &str) -> String {
        format!("{remote}{}", base_name(local))
    }
}
