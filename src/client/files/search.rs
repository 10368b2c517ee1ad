//! Looking for names, looking for text, and replacing text.

use super::failure::{Hints, cannot};
use super::path;
use crate::client::error::{Error, Result};
use crate::client::operation::Context;
use crate::client::sandbox::Sandbox;
use crate::client::transport::Json;
use http::Method;
use serde::Serialize;

crate::params! {
    pub struct Search {
        /// The directory to look in, with everything below it. One that does not exist holds nothing.
        pub path: String,
        /// A pattern for names, as `*.go`: `*` is any text, `?` one character, `[a-z]` one of these.
        pub pattern: String,
    }
}

crate::params! {
    pub struct Find {
        /// The directory to look in, with everything below it, or one file.
        pub path: String,
        /// The text to look for within a line, as it stands: no pattern.
        pub pattern: String,
    }
}

crate::params! {
    pub struct Replace {
        /// The files, an array of paths.
        pub files: Vec<String>,
        /// The text to replace, as it stands: no pattern.
        pub pattern: String,
        /// What to put in its place.
        pub new_value: String,
    }
}

/// What was found by name.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "SearchResult"))]
pub struct Found {
    /// Paths that begin as `path` does.
    pub files: Vec<String>,
}

/// A line with the text.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "FindMatch"))]
pub struct Match {
    /// The path of the file.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// The whole line.
    pub content: String,
}

/// What became of one file.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "ReplaceResult"))]
pub struct Replaced {
    /// The path of the file.
    pub file: String,
    /// True also where the text did not occur.
    pub success: bool,
    /// Why it failed; absent where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

const SEARCH: Hints = &[];

pub async fn search(sandbox: Sandbox, params: Search, _: Context) -> Result<Json> {
    names(&sandbox, path("path", &params.path)?, pattern(&params.pattern)?).await
}

pub(super) async fn names(sandbox: &Sandbox, directory: &str, pattern: &str) -> Result<Json> {
    let answer = async {
        let request = sandbox.toolbox(Method::GET, "files/search").await?;
        let request = request.query("path", directory).query("pattern", pattern);
        request.send().await?.object("a list of names").await
    };
    answer.await.map_err(cannot("search", directory, SEARCH))
}

pub async fn find(sandbox: Sandbox, params: Find, _: Context) -> Result<Json> {
    let (directory, pattern) = (path("path", &params.path)?, pattern(&params.pattern)?);
    let answer = async {
        let request = sandbox.toolbox(Method::GET, "files/find").await?;
        let request = request.query("path", directory).query("pattern", pattern);
        request.send().await?.list("a list of matches").await
    };
    answer.await.map_err(cannot("search", directory, SEARCH))
}

pub async fn replace(sandbox: Sandbox, params: Replace, _: Context) -> Result<Json> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Body<'a> {
        files: &'a [String],
        pattern: &'a str,
        new_value: &'a str,
    }
    for file in &params.files {
        path("files", file)?;
    }
    let Some(first) = params.files.first() else {
        return Err(Error::invalid("files.replace: `files` is empty; name at least one file"));
    };
    let body =
        Body { files: &params.files, pattern: pattern(&params.pattern)?, new_value: &params.new_value };
    let answer = async {
        let request = sandbox.toolbox(Method::POST, "files/replace").await?.json(&body);
        request.send().await?.list("a list of replacements").await
    };
    let doing = match params.files.len() {
        1 => "replace text in".to_owned(),
        more => format!("replace text in {more} files, the first of them"),
    };
    answer.await.map_err(cannot(&doing, first, SEARCH))
}

fn pattern(pattern: &str) -> Result<&str> {
    if pattern.is_empty() {
        return Err(Error::invalid("`pattern` is empty; give the text or pattern to look for"));
    }
    Ok(pattern)
}
