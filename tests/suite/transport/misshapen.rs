//! An answer that is not what was promised: its error tells of the request and the answer as every other does.

use crate::canned::{Answer, RequestInfo, Server, with_headers};
use crate::described;
use crate::support::toolbox::{Reply, Socket, Toolbox, upgrade};
use crate::support::{self, call, client, open, soon};
use daytona::Error;
use daytona::catalogue::{self, Outcome, TargetRef};
use daytona::client::Client;
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Map, Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

const REQUEST_ID: &str = "request-7";

/// How long the next of many calls is waited for: many wait for a state that these servers never have.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A value that the schema allows, the same for all texts.
fn value(name: &str, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return value("", described::definition(name));
    }
    if let Some(first) = schema["known"].as_array().or(schema["enum"].as_array()).and_then(|all| all.first())
    {
        return first.get("value").unwrap_or(first).clone();
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        return value(name, &alternatives[0]);
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([value("", &schema["items"])]),
        Some("object") => required(&schema["required"], &schema["properties"]),
        _ if name == "localPath" || name == "localDir" => json!("/nowhere/x"),
        _ => json!("x"),
    }
}

fn required(names: &Value, properties: &Value) -> Value {
    let names = names.as_array().into_iter().flatten().filter_map(Value::as_str);
    Value::Object(names.map(|name| (name.to_owned(), value(name, &properties[name]))).collect::<Map<_, _>>())
}

async fn outcome(operation: &str, target: TargetRef, params: &Value) -> Result<Outcome, Error> {
    let call =
        catalogue::Call { target, params: params.to_string().into_bytes(), context: support::context() };
    let function = catalogue::find(operation).unwrap().call.unwrap();
    function(call)?.await
}

/// Whether a result is an object where the catalogue promises one, and so of a list.
fn is_of_promised_kind(operation: &str, outcome: &Outcome) -> bool {
    let (Outcome::Json(json) | Outcome::NewSandbox(_, json)) = outcome else { return true };
    let mut promised = &described::operation(operation)["call"]["result"];
    while let Some(name) = promised["$ref"].as_str() {
        promised = described::definition(name.trim_start_matches("#/$defs/"));
    }
    let json: Value = serde_json::from_slice(json).unwrap();
    match promised["type"].as_str() {
        Some("object") => json.is_object(),
        Some("array") => json.is_array(),
        _ => true,
    }
}

/// A server that answers everything with this.
async fn always(body: &'static str) -> (Server, Client, Sandbox) {
    let headers = format!("Content-Type: application/json\r\nX-Request-Id: {REQUEST_ID}\r\n");
    let server =
        Server::start(move |_: &RequestInfo| Answer::Keep(with_headers("200 OK", &headers, body.as_bytes())))
            .await;
    let client = client(&server.url(), json!({}));
    let sandbox = support::sandbox(&client, &server.url()).await;
    (server, client, sandbox)
}

#[tokio::test]
async fn every_operation_tells_of_an_answer_that_is_not_what_was_promised() {
    let catalogue: Value =
        serde_json::from_str(include_str!("../../../src/catalogue/operations.json")).unwrap();
    let mut failed = std::collections::BTreeSet::new();
    let (mut silent, mut taken) = (Vec::new(), Vec::new());
    for body in ["[]", "{}", "7", "\"text\"", "{\"items\":7,\"id\":\"\"}", "<html>no</html>", ""] {
        let (_server, client, sandbox) = always(body).await;
        let operations = catalogue["operations"].as_array().unwrap();
        let calls = operations.iter().filter(|it| it["remote"] == true && !it["call"].is_null()).map(|it| {
            let name = it["name"].as_str().unwrap();
            let params = &it["params"];
            let properties = match params["$ref"].as_str() {
                Some(path) => &described::definition(path.trim_start_matches("#/$defs/"))["properties"],
                None => params,
            };
            let params = required(&it["required"], properties);
            let target = match it["target"].as_str() {
                Some("client") => TargetRef::Client(client.clone()),
                _ => TargetRef::Sandbox(sandbox.clone()),
            };
            async move { (name, outcome(name, target, &params).await, it["target"] == "sandbox") }
        });
        let mut calls: FuturesUnordered<_> = calls.collect();
        while let Ok(Some((name, outcome, of_sandbox))) = tokio::time::timeout(PATIENCE, calls.next()).await {
            let error = match outcome {
                Err(error) if error.status() == status::PROTOCOL => error,
                Ok(result) if !is_of_promised_kind(name, &result) => {
                    taken.push(format!("{name} takes {body}"));
                    continue;
                }
                _ => continue,
            };
            let detail = error.detail();
            failed.insert(name);
            let told = (detail.attempts, detail.http_status, detail.request_id.as_deref());
            if told != (1, Some(200), Some(REQUEST_ID)) || detail.headers.is_none() {
                silent.push(format!("{name}, answered {body}: {told:?} {detail:?}"));
            } else if of_sandbox && detail.sandbox_id.as_deref() != Some("sb-1") {
                silent.push(format!("{name}, answered {body}: the sandbox is not named, {detail:?}"));
            }
        }
    }
    assert!(silent.is_empty(), "{}\n{}", silent.len(), silent.join("\n"));
    assert!(taken.is_empty(), "{}", taken.join("\n"));
    assert!(failed.len() >= 100, "{}: {failed:?}", failed.len());
}

fn tells_of_its_handshake(error: &Error) -> bool {
    let detail = error.detail();
    (detail.attempts, detail.http_status, detail.sandbox_id.as_deref()) == (1, Some(101), Some("sb-1"))
        && detail.headers.is_some()
}

#[tokio::test]
async fn an_error_of_an_open_socket_tells_of_its_handshake() {
    let not_accepted = Toolbox::start(|_, _| Reply::Raw("101 Switching Protocols", Vec::new())).await;
    let unreadable = Toolbox::start(|_, _| {
        upgrade(async |mut socket: Socket| socket.send(Message::text("no JSON")).await.unwrap())
    })
    .await;
    let lost = Toolbox::start(|_, _| upgrade(async |_: Socket| {})).await;
    for (toolbox, status) in
        [(&not_accepted, status::PROTOCOL), (&unreadable, status::PROTOCOL), (&lost, status::CONNECTION)]
    {
        let sandbox = toolbox.sandbox(json!({})).await;
        let error = soon(call(&sandbox, "interpreter.run", json!({"code": "c"}))).await.unwrap_err();
        assert!(error.status() == status && tells_of_its_handshake(&error), "{error:?}");
    }
    let refused = Toolbox::start(|_, _| {
        upgrade(async |mut socket: Socket| {
            let frame = CloseFrame { code: 1009.into(), reason: "too large".into() };
            socket.send(Message::Close(Some(frame))).await.unwrap();
        })
    })
    .await;
    let stream = open(&refused.sandbox(json!({})).await, "pty.connect", json!({"id": "t"})).unwrap();
    let error = stream.failed().await;
    assert!(error.status() == status::PROTOCOL && tells_of_its_handshake(&error), "{error:?}");
}

/// The answer comes, and in its body what nobody promised.
#[tokio::test]
async fn an_error_found_in_a_body_in_pieces_tells_of_its_answer() {
    let multipart = "Content-Type: multipart/form-data; boundary=b\r\n";
    let part = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"y\"\r\n\r\n\r\n--b--\r\n";
    let home = tempfile::tempdir().unwrap();
    for (headers, body) in
        [(multipart, &b"--b--\r\n"[..]), (multipart, part), (multipart, b"--b\r\n"), ("", b"no parts")]
    {
        let server =
            Server::start(move |_: &RequestInfo| Answer::Keep(with_headers("200 OK", headers, body)));
        let server = server.await;
        let sandbox = support::sandbox(&client(&server.url(), json!({})), &server.url()).await;
        let pair = json!({"localPath": home.path().join("x"), "remotePath": "x"});
        let outcome = soon(call(&sandbox, "files.download_many", json!({"files": [pair]}))).await;
        let error = match &outcome {
            Ok(report) => report[0]["error"].clone(),
            Err(error) => serde_json::from_slice(&error.json()).unwrap(),
        };
        let told = (&error["status"], &error["attempts"], &error["httpStatus"], &error["sandboxId"]);
        assert_eq!(told, (&json!(8), &json!(1), &json!(200), &json!("sb-1")), "{error}");
        let read = open(&sandbox, "files.reader", json!({"path": "x"})).unwrap().failed().await;
        let told = (read.status(), read.detail().attempts, read.detail().http_status);
        assert_eq!(told, (status::PROTOCOL, 1, Some(200)), "{read:?}");
    }
}
