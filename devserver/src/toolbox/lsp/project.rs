//! Symbols of all files of a project, where the language server looks only into one file at a time: python-lsp-server
//! has no `workspace/symbol`, and the guide asks for it.

use super::connection::Failure;
use super::language_server::LanguageServer;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The most files that are looked into.
const MAX_FILES: usize = 1000;
/// The most directories that are listed.
const MAX_DIRECTORIES: usize = 1000;
/// So many files at a time.
const AT_ONCE: usize = 4;
/// The time for all of them together.
const LIMIT: Duration = Duration::from_secs(30);

/// Directories that hold what others wrote.
const NOT_OF_THE_PROJECT: [&str; 4] = ["node_modules", "__pycache__", "venv", "site-packages"];

/// The symbols whose names contain the text, in any case.
pub async fn symbols(server: &LanguageServer, root: PathBuf, text: &str) -> Result<Value, Failure> {
    let files = tokio::task::spawn_blocking(move || python_files(&root)).await.unwrap_or_default();
    let text = text.to_lowercase();
    let found = async {
        let mut found = Vec::new();
        let mut answers = stream::iter(files)
            .map(|file| async move { server.document_symbols(&format!("file://{}", file.display())).await })
            .buffered(AT_ONCE);
        while let Some(answer) = answers.next().await {
            match answer {
                Ok(symbols) => found.extend(symbols.as_array().into_iter().flatten().cloned()),
                // A file that it cannot read has no symbols.
                Err(Failure::Refused(..)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    };
    let mut found = tokio::time::timeout(LIMIT, found).await.map_err(|_| Failure::Silent(LIMIT))??;
    found.retain(|symbol: &Value| {
        symbol["name"].as_str().is_some_and(|name| name.to_lowercase().contains(&text))
    });
    Ok(found.into())
}

/// The Python files below a directory, hidden ones and links left out.
fn python_files(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut directories, mut listed) = (Vec::new(), vec![root.to_owned()], 0);
    while let Some(directory) = directories.pop() {
        listed += 1;
        if listed > MAX_DIRECTORIES {
            break;
        }
        let Ok(entries) = std::fs::read_dir(directory) else { continue };
        for entry in entries.flatten() {
            let (name, path) = (entry.file_name(), entry.path());
            let name = name.to_string_lossy();
            let Ok(kind) = entry.file_type() else { continue };
            if name.starts_with('.') || NOT_OF_THE_PROJECT.contains(&name.as_ref()) {
                continue;
            }
            if kind.is_dir() {
                directories.push(path);
            } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "py") {
                files.push(path);
            }
        }
    }
    files.sort();
    files.truncate(MAX_FILES);
    files
}
