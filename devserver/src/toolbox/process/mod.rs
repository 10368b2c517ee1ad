//! Commands and code that run to their end within one request, whose answer has all their output.

mod code;
mod command;

use super::call::{Answer, BAD_REQUEST, ErrorCode, ErrorResponse, INTERNAL, ToolboxCall};
use super::go_json::{self, Shape};
use crate::processes::quoted;
use crate::toolbox::Machine;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::routing::post;
use command::{Command, Ran};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

pub fn routes() -> Router<Arc<Machine>> {
    Router::new().route("/process/execute", post(execute)).route("/process/code-run", post(code_run))
}

const EXECUTE: Shape = Shape {
    package: "process",
    name: "ExecuteRequest",
    fields: &[
        ("command", go_json::FieldType::Text),
        ("cwd", go_json::FieldType::Text),
        ("envs", go_json::FieldType::TextMap),
        ("timeout", go_json::FieldType::Count),
    ],
};

const CODE_RUN: Shape = Shape {
    package: "process",
    name: "CodeRunRequest",
    fields: &[
        ("code", go_json::FieldType::Text),
        ("language", go_json::FieldType::Text),
        ("argv", go_json::FieldType::Texts),
        ("envs", go_json::FieldType::TextMap),
        ("timeout", go_json::FieldType::Count),
    ],
};

async fn execute(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    let fields = call.fields(&EXECUTE, &["command"])?;
    let script = text(&fields, "command");
    if script.trim().is_empty() {
        let message = "bad request: command cannot be empty or whitespace-only";
        return Err(call.refuse(BAD_REQUEST, message));
    }
    let cwd = text(&fields, "cwd");
    let command = Command { script, cwd, env: env(&call, &fields)?, limit: limit(&fields) };
    let ran = run(&call, command).await?;
    Ok(go_json::answer(&json!({ "exitCode": ran.exit_code, "result": go_json::text(&ran.output) })))
}

async fn code_run(State(machine): State<Arc<Machine>>, request: Request) -> Answer {
    let call = ToolboxCall::read(machine, request).await?;
    let fields = call.fields(&CODE_RUN, &["code", "language"])?;
    let env = env(&call, &fields)?;
    let language = text(&fields, "language");
    let argv = fields.get("argv").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    // The last self-hosted release does not quote the arguments for the shell.
    let argv: Vec<_> =
        if call.is_0_190() { argv.map(str::to_owned).collect() } else { argv.map(quoted).collect() };
    let code = text(&fields, "code");
    let Some(code) = code::Code::new(&language, &code, &argv) else {
        return Err(call.refuse(BAD_REQUEST, &format!("bad request: unsupported language: {language}")));
    };
    let (script, artifacts) = code.script();
    let ran = run(&call, Command { script, cwd: String::new(), env, limit: limit(&fields) }).await?;
    let mut answer = json!({ "exitCode": ran.exit_code, "result": go_json::text(&ran.output) });
    if let Some(charts) = artifacts.and_then(|artifacts| artifacts.charts()) {
        answer["artifacts"] = json!({ "charts": charts });
    }
    Ok(go_json::answer(&answer))
}

/// Runs the command to its end, also when the client disconnects.
async fn run(call: &ToolboxCall, command: Command) -> Result<Ran, ErrorResponse> {
    let machine = call.machine.clone();
    let ran = tokio::spawn(async move { command.run(&machine).await }).await;
    match ran {
        Ok(Some(ran)) => Ok(ran),
        Ok(None) => Err(call.refuse(timeout(call), "request timeout: command execution timeout")),
        Err(_) => Err(call.refuse(INTERNAL, "internal server error: the command was abandoned")),
    }
}

fn timeout(call: &ToolboxCall) -> ErrorCode {
    let code = if call.is_0_190() { "REQUEST_TIMEOUT" } else { "PROCESS_EXECUTION_TIMEOUT" };
    (StatusCode::REQUEST_TIMEOUT, code)
}

fn text(fields: &Map<String, Value>, key: &str) -> String {
    fields.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// 0 and absent: no limit.
fn limit(fields: &Map<String, Value>) -> Option<Duration> {
    fields.get("timeout").and_then(Value::as_u64).filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

fn env(call: &ToolboxCall, fields: &Map<String, Value>) -> Result<BTreeMap<String, String>, ErrorResponse> {
    let mut env = BTreeMap::new();
    for (name, value) in fields.get("envs").and_then(Value::as_object).into_iter().flatten() {
        if !is_identifier(name) {
            let message = format!("bad request: invalid environment variable name: '{name}'");
            return Err(call.refuse(BAD_REQUEST, &message));
        }
        env.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
    }
    Ok(env)
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
