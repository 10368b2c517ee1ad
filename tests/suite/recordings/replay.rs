//! One exchange: its answer in a server's mouth, and what the client makes of it.

use super::question::{self, Question, SANDBOX, decoded};
use super::recording::{Exchange, Response};
use super::{ordinary, sockets};
use crate::canned::{Answer, RequestInfo, Server, json_answer, with_headers};
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

/// What is compared elsewhere, or cannot be.
fn reason_to_skip(exchange: &Exchange) -> Option<&'static str> {
    if exchange.response.status == "TimeoutError" {
        return Some("was never answered: follow_faults shows what becomes of that");
    }
    match exchange.request.path.as_str() {
        "/files/bulk-download" if !is_refusal(exchange) => {
            return Some("a part for each file: files::many shows that");
        }
        "/files/bulk-upload" => {
            return Some("a refused batch is sent again file by file: files::many shows that");
        }
        "/port" => return Some("recorded by its shape alone"),
        "/snapshots" if exchange.request.method == "POST" && !is_refusal(exchange) => {
            return Some("what snapshot.create asks until the end of the build was not recorded");
        }
        path if path.ends_with("/signing-key") => return Some("a word was recorded in the place of the key"),
        _ => {}
    }
    if exchange.response.body.get("is").is_some() {
        return Some("recorded by its shape alone");
    }
    body_of(&exchange.response).is_none().then_some("recorded by its length and beginning alone")
}

pub async fn compare(area: &str, exchange: &Exchange) -> Outcome {
    if exchange.request.upgrade.is_some() {
        return sockets::compare(exchange).await;
    }
    if exchange.request.path == "/files/bulk-upload" && !is_refusal(exchange) {
        return batch(exchange).await;
    }
    if let Some(reason) = reason_to_skip(exchange) {
        return Outcome::Skipped(reason);
    }
    if let Ok(question) = question::of(area, exchange) {
        let method = exchange.request.method.clone();
        let target = parts(&exchange.request.path);
        let asked = ask(exchange, &question, move |asked_method, path| {
            asked_method == method && parts(path) == target
        });
        match asked.await {
            (false, Err(error)) if is_refused_here(&error) => {}
            (sent, result) => return judge(exchange, question.operation, sent, result),
        }
    }
    let segments = parts(&exchange.request.path).0;
    let (question, endpoint) = match ordinary::of(area, exchange, &segments) {
        Some(found) => found,
        None if is_refusal(exchange) => ordinary::stand_in(area),
        None => return Outcome::Skipped("no operation of this library asks that"),
    };
    let asked = ask(exchange, &question, move |method, path| endpoint.matches(method, &parts(path).0));
    let (sent, result) = asked.await;
    judge(exchange, question.operation, sent, result)
}

/// An upload of the files that the answer lists, and of two that it leaves out.
async fn batch(exchange: &Exchange) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let mut sent = exchange.response.body["files"].as_array().cloned().unwrap_or_default();
    let stored = sent.len();
    sent.extend([json!({"path": "left out", "bytes": 3}), json!({"path": "this too", "bytes": 0})]);
    let pairs: Vec<Value> = sent
        .iter()
        .enumerate()
        .map(|(number, file)| {
            let local = directory.path().join(number.to_string());
            std::fs::write(&local, vec![b'x'; file["bytes"].as_u64().unwrap() as usize]).unwrap();
            json!({"localPath": local, "remotePath": file["path"]})
        })
        .collect();
    let question = Question { operation: "files.upload_many", params: json!({ "files": pairs }), body: b"" };
    let asked = ask(exchange, &question, |method, path| method == "POST" && path.ends_with("bulk-upload"));
    match asked.await {
        (true, Ok(result)) => {
            let result: Value = serde_json::from_slice(&result).unwrap();
            let mut told = result.as_array().unwrap().iter().zip(&sent).enumerate();
            let is_true = told.all(|(number, (told, file))| match number < stored {
                true => told["error"].is_null() && told["bytes"] == file["bytes"],
                false => told["error"].is_object(),
            });
            if is_true { Outcome::Same } else { Outcome::Differs(format!("the result is {result}")) }
        }
        other => Outcome::Differs(format!("{other:?}")),
    }
}

/// The client does not send what it knows to be wrong.
fn is_refused_here(error: &Error) -> bool {
    [status::INVALID_ARGUMENT, status::UNSUPPORTED].contains(&error.status())
}

fn number(exchange: &Exchange) -> u16 {
    u16::try_from(exchange.response.status.as_u64().expect("a status")).unwrap()
}

fn is_refusal(exchange: &Exchange) -> bool {
    !(200..300).contains(&number(exchange))
}

fn kind(exchange: &Exchange) -> &str {
    exchange.response.headers.get("Content-Type").map_or("", String::as_str)
}

/// Successes that the client must not take for one.
fn is_no_result(exchange: &Exchange, operation: &str) -> bool {
    let number = number(exchange);
    // A part that was not asked for; the logs of another level of the protocol; a redirection, which could carry
    // the credential away.
    number == 206
        || (300..400).contains(&number)
        || number == 200 && operation == "session.logs" && kind(exchange).starts_with("text/plain")
}

/// Whether what came of the operation is what was recorded.
fn judge(exchange: &Exchange, operation: &str, sent: bool, result: Result<Vec<u8>>) -> Outcome {
    let (recorded, number) = (&exchange.response, number(exchange));
    let body = body_of(recorded).unwrap_or_default();
    let error = match result {
        _ if !sent => return Outcome::Differs(format!("{operation} never asked that: {result:?}")),
        Err(error) if is_no_result(exchange, operation) => {
            return match error.status() {
                status::PROTOCOL => Outcome::Same,
                other => Outcome::Differs(format!("{other} instead of PROTOCOL: {error}")),
            };
        }
        // A route that the daemon is too old for.
        Err(error) if error.status() == status::UNSUPPORTED && number == 404 => {
            return match error.detail().message.contains("0.205") {
                true => Outcome::Same,
                false => Outcome::Differs(format!("no version is named: {error}")),
            };
        }
        Ok(result) if is_refusal(exchange) && operation == "files.download_many" => {
            // Each file has the error of the batch.
            let told = serde_json::from_slice::<Value>(&result).unwrap();
            let error = &told[0]["error"];
            let said = recorded.body["error"].as_str().unwrap_or("paths");
            let is_same = error["status"] == number && error["message"].as_str().unwrap().contains(said);
            return if is_same { Outcome::Same } else { Outcome::Differs(format!("the result is {told}")) };
        }
        Ok(result) if is_refusal(exchange) || is_no_result(exchange, operation) => {
            return Outcome::Differs(format!("a success: {}", String::from_utf8_lossy(&result)));
        }
        Ok(result) => {
            let returns = catalogue::find(operation).expect("an operation").returns;
            let nothing = body.is_empty() && returns != Returns::Bytes || returns == Returns::Null;
            let truth = if nothing { b"null" } else { &body[..] };
            let is_reading =
                settled(recorded).is_some_and(|reading| result == reading.to_string().as_bytes());
            if result != truth && !is_reading {
                return Outcome::Differs(format!("the result is {}", String::from_utf8_lossy(&result)));
            }
            let whole = returns != Returns::Bytes && !ABRIDGED.contains(&exchange.name.as_str());
            let json = whole.then(|| serde_json::from_slice(&result).unwrap());
            return match json.map_or(Ok(()), |json| described::result(operation, &json)) {
                Ok(()) => Outcome::Same,
                Err(how) => Outcome::Differs(how),
            };
        }
        Err(error) if !is_refusal(exchange) => return Outcome::Differs(format!("an error: {error}")),
        Err(error) => error,
    };
    if let Err(how) = described::error(operation, &error) {
        return Outcome::Differs(how);
    }
    match missing(&error, number, &recorded.body) {
        None => Outcome::Same,
        Some(what) => Outcome::Differs(format!("{what} is not in {error:?}")),
    }
}

/// The sandbox once it is in the state that a recorded answer says it is on its way to.
fn settled(recorded: &Response) -> Option<Value> {
    let mut sandbox = recorded.body.clone();
    let state = sandbox.get("desiredState")?.clone();
    *sandbox.get_mut("state")? = state;
    Some(sandbox)
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
    // Some JSON was recorded as text.
    let parsed = body.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let body = parsed.as_ref().filter(|parsed| parsed.is_object()).unwrap_or(body);
    let words = ["message", "error"].iter().find_map(|key| body[*key].as_str()).or(body.as_str());
    let words = words.map(str::trim).filter(|words| !detail.message.contains(words));
    words.map(|words| format!("{words:?}"))
}

/// Whether a request was made that gets the recorded answer, and what came of the operation.
async fn ask(
    exchange: &Exchange,
    asked: &Question,
    gets_the_answer: impl Fn(&str, &str) -> bool + Clone + Send + Sync + 'static,
) -> (bool, Result<Vec<u8>>) {
    let recorded = &exchange.response;
    let kind = kind(exchange);
    let headers = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
    let headers = match recorded.headers.get("Location") {
        Some(location) => format!("{headers}Location: {location}\r\n"),
        None => headers,
    };
    let body = body_of(recorded).unwrap_or_default();
    let answer = with_headers(&format!("{} Recorded", number(exchange)), &headers, &body);
    let is_recorded = move |asked: &RequestInfo| {
        let mut words = asked.line.split(' ');
        words.next().zip(words.next()).is_some_and(|(method, path)| gets_the_answer(method, path))
    };
    // Whether the sandbox is to blame, has been made already, or is in the state that is waited for.
    let reading = settled(recorded).unwrap_or_else(|| json!({"id": SANDBOX, "state": "started"}));
    let counts = is_recorded.clone();
    let server = Server::start(move |asked| {
        Answer::Keep(if counts(asked) {
            answer.clone()
        } else if asked.line.starts_with("GET /sandbox/") {
            json_answer("200 OK", &reading)
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
    (server.requests().iter().any(is_recorded), result)
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
        // Without the mark of what the recorder left out.
        Value::Array(list)
            if list.last().and_then(Value::as_str).is_some_and(|mark| mark.starts_with("<... ")) =>
        {
            Some(Value::from(&list[..list.len() - 1]).to_string().into_bytes())
        }
        json => {
            let volatile = [r#""<pid>""#, r#""<bytes>""#];
            Some(volatile.iter().fold(json.to_string(), |json, mark| json.replace(mark, "7")).into_bytes())
        }
    }
}
