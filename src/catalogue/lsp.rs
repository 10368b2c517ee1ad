//! The entries of `lsp.*`.

use super::Operation;
use super::entry::operation;
use crate::client::lsp;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Starts a language server for a project. One that runs already is success.
        ///
        /// A server that is not installed in the sandbox is HTTP_INTERNAL_SERVER (500). A server of 0.190 starts
        /// typescript-language-server for Python as well, which finds classes and little else.
        "lsp.start", Sandbox, Guide, lsp::Start,
        required: ["language", "projectPath"],
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/lsp/start",
        cancel: "Drops the connection; the language server may run.",
        timeout: Minute,
        call: lsp::start,
    },
    operation! {
        /// Ends a language server. One that was not started is HTTP_INTERNAL_SERVER (500).
        "lsp.stop", Sandbox, Guide, lsp::Stop,
        required: ["language", "projectPath"],
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/lsp/stop",
        cancel: "Drops the connection; the language server may have ended.",
        timeout: Minute,
        call: lsp::stop,
    },
    operation! {
        /// Tells a language server that a file is open, with its content as it is now in the sandbox.
        ///
        /// A file that does not exist is HTTP_BAD_REQUEST, and so is a language server that was not started, with
        /// the code LSP_SERVER_NOT_INITIALIZED from 0.205 on.
        "lsp.did_open", Sandbox, Guide, lsp::DidOpen,
        required: ["language", "projectPath", "path"],
        fails: [HTTP_BAD_REQUEST],
        codes: [LSP_SERVER_NOT_INITIALIZED],
        endpoint: "POST {sb}/lsp/did-open",
        cancel: "Drops the connection; the file may be open.",
        timeout: Minute,
        call: lsp::did_open,
    },
    operation! {
        /// Tells a language server that a file is open no more.
        "lsp.did_close", Sandbox, Guide, lsp::DidClose,
        required: ["language", "projectPath", "path"],
        fails: [HTTP_BAD_REQUEST],
        codes: [LSP_SERVER_NOT_INITIALIZED],
        endpoint: "POST {sb}/lsp/did-close",
        cancel: "Drops the connection; the file may be closed.",
        timeout: Minute,
        call: lsp::did_close,
    },
    operation! {
        /// What may stand at a place of a file that is open.
        ///
        /// A server of 0.190 refuses line 0 and character 0 with HTTP_BAD_REQUEST.
        "lsp.completions", Sandbox, Guide, lsp::Completions,
        required: ["language", "projectPath", "path", "line", "character"],
        result: Json(lsp::CompletionList),
        fails: [HTTP_BAD_REQUEST],
        codes: [LSP_SERVER_NOT_INITIALIZED],
        endpoint: "POST {sb}/lsp/completions",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: lsp::completions,
    },
    operation! {
        /// The classes, functions, variables and the like of a file.
        ///
        /// On a server of 0.190 asking before `lsp.start` makes `lsp.workspace_symbols` of a Python project fail
        /// until the language server is stopped.
        "lsp.document_symbols", Sandbox, Guide, lsp::DocumentSymbols,
        required: ["language", "projectPath", "path"],
        result: Json(Vec<lsp::Symbol>),
        fails: [HTTP_BAD_REQUEST],
        codes: [LSP_SERVER_NOT_INITIALIZED],
        endpoint: "GET {sb}/lsp/document-symbols",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: lsp::document_symbols,
    },
    operation! {
        /// The symbols of the whole project with such a name.
        ///
        /// TypeScript's server wants a file of the project to be open, else it is HTTP_BAD_REQUEST.
        "lsp.workspace_symbols", Sandbox, Guide, lsp::WorkspaceSymbols,
        required: ["language", "projectPath", "query"],
        result: Json(Vec<lsp::Symbol>),
        fails: [HTTP_BAD_REQUEST],
        codes: [LSP_SERVER_NOT_INITIALIZED],
        endpoint: "GET {sb}/lsp/workspacesymbols",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: lsp::workspace_symbols,
    },
];
