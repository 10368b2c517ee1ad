//! One exchange: its answer in a server's mouth, and what the client makes of it.

use super::question::{self, Question, SANDBOX, decoded};
use super::recording::{Exchange, Response};
use crate::canned::{Answer, Asked, Server, json_answer, with_headers};
use crate::described;
use crate::support;
use daytona::catalogue::{self, Context, Operation, Outcome as Returned, Returns, Target, TargetRef};
use daytona::client::status;
use daytona::{Error, Result};
use serde_json::{Value, json};

/// Recorded without some of their fields: they are not held against the catalogue.
const ABRIDGED: [&str; 2] = ["get with commands", "list with links"];

pub enum Outcome {
    Same,
    Skipped(&'static str),
    Differs(String),
}

pub async fn compare(area: &str, exchange: &Exchange) -> Outcome {
    let asked = match question::of(area, exchange) {
        Ok(asked) => asked,
        Err(reason) => return Outcome::Skipped(reason),
    };
    let recorded = &exchange.response;
    let number = u16::try_from(recorded.status.as_u64().expect("a status")).unwrap();
    let Some(body) = body_of(recorded) else {
        return Outcome::Skipped("recorded by its length and beginning alone");
    };
    let good = (200..300).contains(&number);
    let kind = recorded.headers.get("Content-Type").map_or("", String::as_str);
    if good && kind.starts_with("text/plain") && asked.operation == "session.logs" {
        return Outcome::Skipped("a level of the protocol that the client does not say it speaks");
    }
    if good && ["sandbox.start", "sandbox.stop", "sandbox.archive"].contains(&asked.operation) {
        return Outcome::Skipped("answers the reading that ends its wait: sandbox_real shows that");
    }
    let (sent, result) = ask(exchange, &asked, number, kind, &body).await;
    let error = match result {
        Err(error) if !sent && [status::INVALID_ARGUMENT, status::UNSUPPORTED].contains(&error.status()) => {
            return Outcome::Skipped("the client refuses that before it is sent");
        }
        _ if !sent => return Outcome::Differs("the client never asked that".to_owned()),
        Ok(result) if good => {
            let returns = catalogue::find(asked.operation).expect("an operation").returns;
            let nothing = body.is_empty() && returns != Returns::Bytes || returns == Returns::Null;
            let truth = if nothing { b"null" } else { &body[..] };
            return if result == truth {
                let whole = returns != Returns::Bytes && !ABRIDGED.contains(&exchange.name.as_str());
                let json = whole.then(|| serde_json::from_slice(&result).unwrap());
                match json.map_or(Ok(()), |json| described::result(asked.operation, &json)) {
                    Ok(()) => Outcome::Same,
                    Err(how) => Outcome::Differs(how),
                }
            } else {
                Outcome::Differs(format!("the result is {}", String::from_utf8_lossy(&result)))
            };
        }
        Ok(result) => return Outcome::Differs(format!("a success: {}", String::from_utf8_lossy(&result))),
        Err(error) if good => return Outcome::Differs(format!("an error: {error}")),
        Err(error) => error,
    };
    if let Err(how) = described::error(asked.operation, &error) {
        return Outcome::Differs(how);
    }
    match missing(&error, number, &recorded.body) {
        None => Outcome::Same,
        Some(what) => Outcome::Differs(format!("{what} is not in {error:?}")),
    }
}

/// What of the recorded refusal the error does not say.
fn missing(error: &Error, number: u16, body: &Value) -> Option<String> {
    let detail = error.detail();
    if (detail.status, detail.http_status) != (i32::from(number), Some(number)) {
        return Some(format!("the status {number}"));
    }
    if let Some(code) = body["code"].as_str()
        && detail.code.as_deref() != Some(code)
    {
        return Some(format!("the code {code}"));
    }
    let words = ["message", "error"].iter().find_map(|key| body[*key].as_str()).or(body.as_str());
    let words = words.map(str::trim).filter(|words| !detail.message.contains(words));
    words.map(|words| format!("{words:?}"))
}

/// Whether the recorded request was made, and what came of the operation.
async fn ask(
    exchange: &Exchange,
    asked: &Question,
    number: u16,
    kind: &str,
    body: &[u8],
) -> (bool, Result<Vec<u8>>) {
    let headers = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
    let answer = with_headers(&format!("{number} Recorded"), &headers, body);
    let (method, target) = (exchange.request.method.clone(), parts(&exchange.request.path));
    let is_recorded = move |asked: &Asked| {
        let mut words = asked.line.split(' ');
        words.next() == Some(&method) && words.next().map(parts) == Some(target.clone())
    };
    let recorded = is_recorded.clone();
    let server = Server::start(move |asked| {
        Answer::Keep(if recorded(asked) {
            answer.clone()
        } else if asked.line.starts_with("GET /sandbox/") {
            // Whether the sandbox is to blame, or has been made already.
            json_answer("200 OK", &json!({"id": SANDBOX, "state": "started"}))
        } else {
            with_headers("404 Not Found", "Content-Type: text/plain\r\n", b"404 page not found")
        })
    })
    .await;
    let client = support::client(&server.url(), json!({}));
    let operation = catalogue::find(asked.operation).expect("an operation");
    let target = target_of(operation, &client, &server).await;
    let context = Context { body: asked.body.into(), ..support::context() };
    let call = catalogue::Call { target, params: asked.params.to_string().into_bytes(), context };
    let result = match operation.call.expect("a call")(call) {
        Err(error) => Err(error),
        Ok(call) => support::soon(call).await.map(|outcome| match outcome {
            Returned::Json(json) | Returned::NewSandbox(_, json) | Returned::Bytes(json) => json,
            Returned::Text(text) => text.into_bytes(),
            Returned::Null => b"null".to_vec(),
        }),
    };
    (server.asked().iter().any(is_recorded), result)
}

async fn target_of(operation: &Operation, client: &daytona::client::Client, server: &Server) -> TargetRef {
    match operation.target {
        Target::Client => TargetRef::Client(client.clone()),
        _ => TargetRef::Sandbox(support::sandbox(client, &server.url()).await),
    }
}

/// Path and query of a target, decoded, the query in any order; below the toolbox or the API alike.
fn parts(target: &str) -> (Vec<String>, Vec<(String, String)>) {
    let target = target.replace("<name>", SANDBOX);
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let path = path.strip_prefix(&format!("/{SANDBOX}/")).unwrap_or(path.trim_start_matches('/'));
    let mut query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        // What is false is not said.
        .filter(|(key, value)| (key.as_ref(), value.as_ref()) != ("recursive", "false"))
        .map(|(key, value)| (key.into(), value.into()))
        .collect();
    query.sort();
    (path.trim_end_matches('/').split('/').map(decoded).collect(), query)
}

/// The recorded body's bytes, where they were recorded.
fn body_of(recorded: &Response) -> Option<Vec<u8>> {
    match &recorded.body {
        Value::Null => Some(Vec::new()),
        // Longer than the recorder keeps.
        Value::String(text) if text.starts_with('{') && !text.trim_end().ends_with('}') => None,
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Object(object) if object.contains_key("hex") => None,
        json => {
            let volatile = [r#""<pid>""#, r#""<bytes>""#];
            Some(volatile.iter().fold(json.to_string(), |json, mark| json.replace(mark, "7")).into_bytes())
        }
    }
}
