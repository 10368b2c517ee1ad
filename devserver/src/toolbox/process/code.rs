//! Code in one of the supported languages, as a command line for the shell. Python code that uses
//! matplotlib runs under a driver that collects the figures; all other code runs unchanged.

use crate::processes::quoted;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use tempfile::TempDir;

const CHARTS: &str = include_str!("charts.py");

pub struct Code<'a> {
    language: Language,
    code: &'a str,
    arguments: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Language {
    Python,
    JavaScript,
    TypeScript,
}

/// The directory into which the driver writes the charts; removed with this value.
pub struct Artifacts(TempDir);

impl<'a> Code<'a> {
    /// `None`: the language is not supported. The arguments are already quoted for the shell.
    pub fn new(language: &str, code: &'a str, arguments: &[String]) -> Option<Self> {
        let language = match language {
            "python" => Language::Python,
            "javascript" => Language::JavaScript,
            "typescript" => Language::TypeScript,
            _ => return None,
        };
        let arguments = arguments.iter().fold(String::new(), |all, argument| format!("{all} {argument}"));
        Some(Self { language, code, arguments })
    }

    /// The command line. It contains the code in base64, so that the shell interprets none of it.
    pub fn script(&self) -> (String, Option<Artifacts>) {
        let code = format!("printf %s '{}' | base64 -d", BASE64_STANDARD.encode(self.code));
        let arguments = &self.arguments;
        match self.language {
            Language::Python => {
                let artifacts = self.code.contains("matplotlib").then(tempfile::tempdir).and_then(Result::ok);
                let Some(directory) = artifacts else {
                    return (format!("{code} | python3 -u -{arguments}"), None);
                };
                let driver = BASE64_STANDARD.encode(CHARTS);
                let file = quoted(&directory.path().join("charts.json").to_string_lossy());
                let script = format!(
                    "{code} | DAYTONA_CHARTS={file} python3 -u -c \
                     \"$(printf %s '{driver}' | base64 -d)\"{arguments}"
                );
                (script, Some(Artifacts(directory)))
            }
            Language::JavaScript => (format!("node --eval=\"$({code})\"{arguments}"), None),
            // With the daemon's options, ts-node as it does; without ts-node, what else runs TypeScript.
            // CommonJS because ts-node evaluates code as a script, whatever TypeScript's default is.
            Language::TypeScript => {
                let script = format!(
                    "daytona_code=$({code})\n\
                     if ! command -v ts-node >/dev/null; then\n\
                     if command -v tsx >/dev/null; then exec tsx --eval \"$daytona_code\"{arguments}; fi\n\
                     if node --experimental-strip-types --eval 0 >/dev/null 2>&1; then\n\
                     exec node --disable-warning=ExperimentalWarning --experimental-strip-types \
                     --input-type=module-typescript --eval=\"$daytona_code\"{arguments}; fi\n\
                     fi\n\
                     ts-node -T -O '{{\"module\":\"CommonJS\"}}' --eval \"$daytona_code\"{arguments}"
                );
                (script, None)
            }
        }
    }
}

impl Artifacts {
    /// The charts, if there are any.
    pub fn charts(&self) -> Option<Value> {
        let text = std::fs::read(self.0.path().join("charts.json")).ok()?;
        let charts: Value = serde_json::from_slice(&text).ok()?;
        charts.as_array().is_some_and(|charts| !charts.is_empty()).then_some(charts)
    }
}
