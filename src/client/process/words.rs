//! The arguments of `process.code_run`. The daemon of 0.190 joins them with spaces and gives the line to a
//! shell: `a b` becomes two arguments, and `a;rm -rf b` another command. Whether a newer one does is not
//! written anywhere, and its version number does not tell. So before arguments that a shell would change
//! leave, a program of one line says what became of a harmless one.

use super::script;
use crate::client::error::Result;
use crate::client::sandbox::Sandbox;
use http::Method;
use serde::Deserialize;
use serde_json::json;

const SPACED: &str = "a b";

/// The arguments in the form in which they arrive as they are.
pub(super) async fn kept_whole(sandbox: &Sandbox, language: &str, argv: Vec<String>) -> Result<Vec<String>> {
    if argv.iter().all(|word| is_plain(word)) || arrives_whole(sandbox, language).await? {
        return Ok(argv);
    }
    Ok(argv.iter().map(|word| quoted(word)).collect())
}

async fn arrives_whole(sandbox: &Sandbox, language: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Ran {
        #[serde(default)]
        result: String,
    }
    let code = match language {
        "python" => "import sys; print(sys.argv[1])",
        _ => "console.log(process.argv[1])",
    };
    let body = json!({ "code": code, "language": language, "argv": [SPACED] });
    let request = sandbox.toolbox(Method::POST, "process/code-run").await?;
    let answer = request.json(&body).send().await?.json().await?;
    // Where nothing is known the arguments go as they are.
    Ok(serde_json::from_slice(&answer.0).map_or(true, |ran: Ran| ran.result.trim_end() == SPACED))
}

/// Means the same with a shell in between and without.
fn is_plain(word: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
    !word.is_empty() && word.bytes().all(plain)
}

fn quoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 2);
    script::quote(&mut text, word);
    text
}
