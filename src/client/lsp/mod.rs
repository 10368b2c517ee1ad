//! Language servers of the sandbox: started for a language and a project, told which documents are open, asked for
//! completions and symbols.
//!
//! * `failure`: what a refusal means where the daemon says a status alone.

mod failure;

use super::error::{Error, Result};
use super::files;
use super::sandbox::{self, Sandbox};
use super::transport::Json;
use crate::client::operation::Context;
use failure::{START, STOP, USE, cannot};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A language that has a server: `python` or `typescript`; `javascript` has TypeScript's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LspLanguage"))]
#[serde(rename_all = "lowercase")]
pub enum Language {
    Python,
    TypeScript,
    JavaScript,
}

impl Language {
    fn id(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::TypeScript => "typescript",
            Self::JavaScript => "javascript",
        }
    }
}

crate::params! {
    pub struct Start {
        /// The language.
        pub language: Language,
        /// The project's directory; a relative path is below the working directory, which is asked for then.
        pub project_path: String,
    }
}

crate::params! {
    pub struct Stop {
        /// The language that it was started for.
        pub language: Language,
        /// The project's directory that it was started for.
        pub project_path: String,
    }
}

crate::params! {
    pub struct DidOpen {
        /// The language that the server was started for.
        pub language: Language,
        /// The project's directory that the server was started for.
        pub project_path: String,
        /// The file; a relative path is below the project's directory, or below the working directory where
        /// `projectPath` is relative as well. A `file://` URI passes as it is.
        pub path: String,
    }
}

crate::params! {
    pub struct DidClose {
        /// The language that the server was started for.
        pub language: Language,
        /// The project's directory that the server was started for.
        pub project_path: String,
        /// The file, as it was opened.
        pub path: String,
    }
}

crate::params! {
    pub struct Completions {
        /// The language that the server was started for.
        pub language: Language,
        /// The project's directory that the server was started for.
        pub project_path: String,
        /// The file, as it was opened.
        pub path: String,
        /// The line, counted from 0.
        #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
        pub line: i32,
        /// The place in the line, counted from 0 in UTF-16 code units.
        #[cfg_attr(feature = "schema", schemars(range(min = 0)))]
        pub character: i32,
    }
}

crate::params! {
    pub struct DocumentSymbols {
        /// The language that the server was started for.
        pub language: Language,
        /// The project's directory that the server was started for.
        pub project_path: String,
        /// The file, as it was opened.
        pub path: String,
    }
}

crate::params! {
    pub struct WorkspaceSymbols {
        /// The language that the server was started for.
        pub language: Language,
        /// The project's directory that the server was started for.
        pub project_path: String,
        /// What the names are compared with, in the language server's own way.
        pub query: String,
    }
}

/// What may stand at a place.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "CompletionList"))]
#[serde(rename_all = "camelCase")]
pub struct CompletionList {
    /// Whether there are more, which typing on would show.
    pub is_incomplete: bool,
    /// The completions; null where the language server has no answer.
    pub items: Option<Vec<CompletionItem>>,
}

/// One completion.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct CompletionItem {
    /// What a person sees, and what is inserted where `insertText` is absent.
    pub label: String,
    /// The Language Server Protocol's number of its kind: 2 a method, 3 a function, 6 a variable, 7 a class ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<i32>,
    /// More about it, as a type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Its documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Documentation>,
    /// What to sort by; absent: the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort_text: Option<String>,
    /// What to compare with what was typed; absent: the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_text: Option<String>,
    /// What to insert; absent: the label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub insert_text: Option<String>,
}

/// A text, or a text in a markup.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(untagged)]
pub enum Documentation {
    Text(String),
    Markup(Markup),
}

/// A text in a markup.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "MarkupContent"))]
pub struct Markup {
    /// `markdown` or `plaintext`.
    pub kind: String,
    /// The text.
    pub value: String,
}

/// A class, function, variable and the like.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LspSymbol"))]
pub struct Symbol {
    /// The Language Server Protocol's number of its kind: 5 a class, 6 a method, 12 a function, 13 a variable ...
    pub kind: i32,
    /// Where it is.
    pub location: Location,
    /// Its name.
    pub name: String,
}

/// A place in a file.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LspLocation"))]
pub struct Location {
    /// From where to where.
    pub range: Range,
    /// The file, as a `file://` URI.
    pub uri: String,
}

/// From where to where.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LspRange"))]
pub struct Range {
    /// Behind its last character.
    pub end: Position,
    /// Its first character.
    pub start: Position,
}

/// A place in a text.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(rename = "LspPosition"))]
pub struct Position {
    /// Counted from 0 in UTF-16 code units.
    pub character: i32,
    /// Counted from 0.
    pub line: i32,
}

/// The language and project that a server was started for.
struct Project {
    operation: &'static str,
    language: Language,
    path: String,
    /// What a relative file is below.
    base: String,
}

impl Project {
    async fn new(sandbox: &Sandbox, operation: &'static str, language: Language, path: &str) -> Result<Self> {
        if path.is_empty() {
            return Err(Error::invalid(format!(
                "{operation}: `projectPath` is empty; give the project's directory, as /home/daytona/project"
            )));
        }
        if path.starts_with('/') {
            return Ok(Self { operation, language, path: path.to_owned(), base: path.to_owned() });
        }
        // The daemon reads a relative path as the name of a host.
        let base = sandbox::working_directory(sandbox).await?;
        let path = files::join(&base, path.strip_prefix("./").unwrap_or(path));
        Ok(Self { operation, language, path, base })
    }

    fn body(&self) -> Value {
        json!({ "languageId": self.language.id(), "pathToProject": self.path })
    }

    /// A file's URI, not encoded: the daemon reads the path behind `file://` as it stands.
    fn uri(&self, path: &str) -> Result<String> {
        match path {
            "" => Err(Error::invalid(format!("{}: `path` is empty", self.operation))),
            uri if uri.starts_with("file://") => Ok(uri.to_owned()),
            path if path.starts_with('/') => Ok(format!("file://{path}")),
            path => Ok(format!("file://{}", files::join(&self.base, path))),
        }
    }

    async fn post(&self, sandbox: &Sandbox, path: &str, body: &Value) -> Result<super::transport::Response> {
        sandbox.toolbox(Method::POST, path).await?.json(body).send().await
    }

    async fn symbols(&self, sandbox: &Sandbox, path: &str, key: &str, value: &str) -> Result<Json> {
        let request = sandbox.toolbox(Method::GET, path).await?;
        let request = request.query("languageId", self.language.id());
        let request = request.query("pathToProject", &self.path).query(key, value);
        let json = request.send().await?.json().await?;
        match json.text.trim_ascii() {
            // The language server has no answer.
            b"null" => Ok(b"[]".to_vec().into()),
            _ => json.expect(b'[', "a list of symbols"),
        }
    }
}

pub async fn start(sandbox: Sandbox, params: Start, _: Context) -> Result<()> {
    let project = Project::new(&sandbox, "lsp.start", params.language, &params.project_path).await?;
    let started = project.post(&sandbox, "lsp/start", &project.body()).await;
    started.map(drop).map_err(cannot(START))
}

pub async fn stop(sandbox: Sandbox, params: Stop, _: Context) -> Result<()> {
    let project = Project::new(&sandbox, "lsp.stop", params.language, &params.project_path).await?;
    let stopped = project.post(&sandbox, "lsp/stop", &project.body()).await;
    stopped.map(drop).map_err(cannot(STOP))
}

pub async fn did_open(sandbox: Sandbox, params: DidOpen, _: Context) -> Result<()> {
    let project = Project::new(&sandbox, "lsp.did_open", params.language, &params.project_path).await?;
    let mut body = project.body();
    body["uri"] = project.uri(&params.path)?.into();
    project.post(&sandbox, "lsp/did-open", &body).await.map(drop).map_err(cannot(USE))
}

pub async fn did_close(sandbox: Sandbox, params: DidClose, _: Context) -> Result<()> {
    let project = Project::new(&sandbox, "lsp.did_close", params.language, &params.project_path).await?;
    let mut body = project.body();
    body["uri"] = project.uri(&params.path)?.into();
    project.post(&sandbox, "lsp/did-close", &body).await.map(drop).map_err(cannot(USE))
}

pub async fn completions(sandbox: Sandbox, params: Completions, _: Context) -> Result<Json> {
    let project = Project::new(&sandbox, "lsp.completions", params.language, &params.project_path).await?;
    if params.line < 0 || params.character < 0 {
        return Err(Error::invalid("lsp.completions: `line` and `character` are counted from 0"));
    }
    let mut body = project.body();
    body["uri"] = project.uri(&params.path)?.into();
    body["position"] = json!({ "line": params.line, "character": params.character });
    let answer = async {
        project.post(&sandbox, "lsp/completions", &body).await?.object("a list of completions").await
    };
    answer.await.map_err(cannot(USE))
}

pub async fn document_symbols(sandbox: Sandbox, params: DocumentSymbols, _: Context) -> Result<Json> {
    let project =
        Project::new(&sandbox, "lsp.document_symbols", params.language, &params.project_path).await?;
    let uri = project.uri(&params.path)?;
    project.symbols(&sandbox, "lsp/document-symbols", "uri", &uri).await.map_err(cannot(USE))
}

pub async fn workspace_symbols(sandbox: Sandbox, params: WorkspaceSymbols, _: Context) -> Result<Json> {
    let project =
        Project::new(&sandbox, "lsp.workspace_symbols", params.language, &params.project_path).await?;
    if params.query.is_empty() {
        return Err(Error::invalid("lsp.workspace_symbols: `query` is empty; give a part of a name"));
    }
    project.symbols(&sandbox, "lsp/workspacesymbols", "query", &params.query).await.map_err(cannot(USE))
}
