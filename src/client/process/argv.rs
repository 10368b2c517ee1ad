//! The arguments of `process.code_run`. The daemon of 0.190 joins them with spaces and runs the line in a shell:
//! `a b` becomes two arguments, and `a;rm -rf b` a second command. Which newer daemons do so is documented
//! nowhere, and the version number does not tell. So arguments that a shell would change are preceded by a
//! one-line program that reports how a harmless argument arrived.

use super::script;
use crate::client::error::Result;
use crate::client::sandbox::Sandbox;
use http::Method;
use serde::Deserialize;
use serde_json::json;

const PROBE_ARGUMENT: &str = "a b";

/// The arguments, quoted where the daemon gives them to a shell.
pub(super) async fn quoted_as_needed(
    sandbox: &Sandbox,
    language: &str,
    argv: Vec<String>,
) -> Result<Vec<String>> {
    if argv.iter().all(|argument| is_plain(argument)) || passes_arguments_whole(sandbox, language).await? {
        return Ok(argv);
    }
    Ok(argv.iter().map(|argument| quoted(argument)).collect())
}

async fn passes_arguments_whole(sandbox: &Sandbox, language: &str) -> Result<bool> {
    #[derive(Deserialize)]
    struct Ran {
        #[serde(default)]
        result: String,
    }
    let code = match language {
        "python" => "import sys; print(sys.argv[1])",
        _ => "console.log(process.argv[1])",
    };
    let body = json!({ "code": code, "language": language, "argv": [PROBE_ARGUMENT] });
    let request = sandbox.toolbox(Method::POST, "process/code-run").await?.json(&body);
    let request = request.answered_within(sandbox.client().config().idle_timeout);
    let answer = request.send().await?.json_or_null().await?;
    // An unreadable answer proves nothing: the arguments are sent as they are.
    Ok(serde_json::from_slice(&answer.text).map_or(true, |ran: Ran| ran.result.trim_end() == PROBE_ARGUMENT))
}

/// Whether a shell leaves the argument as it is.
fn is_plain(argument: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
    !argument.is_empty() && argument.bytes().all(plain)
}

fn quoted(argument: &str) -> String {
    let mut text = String::with_capacity(argument.len() + 2);
    script::quote(&mut text, argument);
    text
}
