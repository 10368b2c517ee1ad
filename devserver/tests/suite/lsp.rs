//! Language servers in the 0.205 mode: the real ones, and one that misbehaves.

use crate::client::{DevServer, Sandbox, until};
use serde_json::{Value, json};

async fn set_path(sandbox: &Sandbox<'_>, path: &str) {
    let (status, answer) = sandbox.post("/env", json!({ "set": { "PATH": path } })).await;
    assert!(status < 300, "{answer}");
}

/// Starts the server of a project in the home.
async fn started(sandbox: &Sandbox<'_>, language: &str) -> (u16, Value) {
    let project = sandbox.home().await;
    sandbox.post("/lsp/start", json!({ "languageId": language, "pathToProject": project })).await
}

async fn document(sandbox: &Sandbox<'_>, language: &str, file: &str) -> Value {
    let home = sandbox.home().await;
    json!({ "languageId": language, "pathToProject": home, "uri": format!("file://{home}/{file}") })
}

async fn symbols(sandbox: &Sandbox<'_>, language: &str, what: &str, key: &str, value: &str) -> (u16, Value) {
    let home = sandbox.home().await;
    let query = [("languageId", language), ("pathToProject", &home), (key, value)];
    sandbox.get(&format!("/lsp/{what}?{}", serde_urlencoded::to_string(query).unwrap())).await
}

fn names(symbols: &Value) -> Vec<&str> {
    symbols.as_array().unwrap().iter().map(|symbol| symbol["name"].as_str().unwrap()).collect()
}

fn refused(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn python_completes_and_finds_symbols_in_a_file_and_in_the_project() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let home = sandbox.home().await;
    sandbox.write("main.py", "class Grüßer:\n    def greet(self):\n        pass\n\nGrüßer().gr\n").await;
    sandbox.write("other file.py", "def other():\n    pass\n").await;
    assert_eq!(started(&sandbox, "python").await, (200, Value::String(String::new())));
    assert_eq!(started(&sandbox, "python").await.0, 200);
    let main = document(&sandbox, "python", "main.py").await;
    assert_eq!(sandbox.post("/lsp/did-open", main.clone()).await.0, 200);
    let mut completion = main.clone();
    completion["position"] = json!({ "line": 4, "character": 11 });
    let (status, list) = sandbox.post("/lsp/completions", completion.clone()).await;
    assert_eq!(status, 200, "{list}");
    let items = list["items"].as_array().unwrap();
    let greet = items.iter().find(|item| item["label"].as_str().unwrap().starts_with("greet"));
    assert!(greet.is_some_and(|item| item["kind"].is_u64()), "{list}");
    completion["position"] = json!({ "line": 0, "character": 0 });
    assert_eq!(sandbox.post("/lsp/completions", completion).await.0, 200);
    let uri = main["uri"].as_str().unwrap();
    let (status, found) = symbols(&sandbox, "python", "document-symbols", "uri", uri).await;
    assert_eq!((status, names(&found)), (200, vec!["Grüßer", "greet"]));
    assert_eq!(found[0]["location"]["range"]["start"], json!({ "character": 0, "line": 0 }));
    let (status, found) = symbols(&sandbox, "python", "workspacesymbols", "query", "OTHER").await;
    assert_eq!((status, names(&found)), (200, vec!["other"]));
    assert_eq!(found[0]["location"]["uri"], format!("file://{home}/other file.py"));
    let (_, none) = symbols(&sandbox, "python", "workspacesymbols", "query", "nothing").await;
    assert_eq!(none, json!([]));
    assert_eq!(sandbox.post("/lsp/did-close", main).await.0, 200);
}

#[tokio::test]
async fn typescript_and_javascript_have_servers_of_their_own() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let text = "class Greeter { greet() { return 1 } }\nconst it = new Greeter()\nit.gr\n";
    for (language, file) in [("typescript", "m.ts"), ("javascript", "m.js")] {
        sandbox.write(file, text).await;
        assert_eq!(started(&sandbox, language).await.0, 200);
        let mut document = document(&sandbox, language, file).await;
        assert_eq!(sandbox.post("/lsp/did-open", document.clone()).await.0, 200);
        document["position"] = json!({ "line": 2, "character": 5 });
        let (_, list) = sandbox.post("/lsp/completions", document).await;
        let items = list["items"].as_array().unwrap();
        assert!(items.iter().any(|item| item["label"] == "greet"), "{list}");
        let (_, found) = symbols(&sandbox, language, "workspacesymbols", "query", "Greeter").await;
        assert!(names(&found).contains(&"Greeter"), "{found}");
    }
}

#[tokio::test]
async fn each_mistake_is_refused_with_its_code() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.write("m.py", "x = 1\n").await;
    let uninitialized = (400, "LSP_SERVER_NOT_INITIALIZED");
    let document = document(&sandbox, "python", "m.py").await;
    for path in ["did-open", "did-close"] {
        let answer = sandbox.post(&format!("/lsp/{path}"), document.clone()).await;
        assert_eq!(refused(&answer), uninitialized, "{path}");
        assert_eq!(answer.1["source"], "DAYTONA_DAEMON");
    }
    let uri = document["uri"].as_str().unwrap();
    let answer = symbols(&sandbox, "python", "document-symbols", "uri", uri).await;
    assert_eq!(refused(&answer), uninitialized);
    // Asking first spoils nothing.
    assert_eq!(started(&sandbox, "python").await.0, 200);
    assert_eq!(symbols(&sandbox, "python", "workspacesymbols", "query", "x").await.0, 200);

    let answer = started(&sandbox, "cobol").await;
    assert_eq!(refused(&answer), (400, "BAD_REQUEST"));
    assert!(answer.1["message"].as_str().unwrap().contains("cobol"), "{answer:?}");
    let mut missing = document.clone();
    missing["uri"] = json!("file:///no/such.py");
    let answer = sandbox.post("/lsp/did-open", missing).await;
    assert!(answer.0 == 400 && answer.1["message"].as_str().unwrap().contains("/no/such.py"), "{answer:?}");
    let answer = sandbox.post("/lsp/start", json!({ "languageId": "python" })).await;
    assert_eq!(refused(&answer), (400, "INVALID_REQUEST_BODY"));
    let answer = symbols(&sandbox, "python", "workspacesymbols", "query", "").await;
    assert_eq!(refused(&answer), (400, "BAD_REQUEST"));

    let project = json!({ "languageId": "python", "pathToProject": sandbox.home().await });
    assert_eq!(sandbox.post("/lsp/stop", project.clone()).await.0, 200);
    assert_eq!(refused(&sandbox.post("/lsp/stop", project).await), (500, "INTERNAL_SERVER_ERROR"));
    assert_eq!(refused(&sandbox.post("/lsp/did-open", document).await), uninitialized);
}

#[tokio::test]
async fn a_missing_server_is_named_with_its_package() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    set_path(&sandbox, "/nowhere").await;
    for (language, package) in [("python", "python3-pylsp"), ("typescript", "npm packages")] {
        let answer = started(&sandbox, language).await;
        assert!(answer.1["message"].as_str().unwrap().contains(package), "{answer:?}");
        assert_eq!(answer.0, 500);
    }
}

/// A server that answers in an order of its own, and dies when asked for completions.
const MISBEHAVING: &str = r#"#!/usr/bin/env python3
import json, os, sys, threading
out = threading.Lock()
def read():
    length = 0
    while (line := sys.stdin.buffer.readline().strip()):
        name, _, value = line.partition(b':')
        if name.lower() == b'content-length': length = int(value)
    return json.loads(sys.stdin.buffer.read(length)) if length else sys.exit(0)
def say(message):
    body = json.dumps({'jsonrpc': '2.0', **message}).encode()
    with out:
        sys.stdout.buffer.write(b'Content-Length: %d\r\n\r\n' % len(body) + body)
        sys.stdout.buffer.flush()
held = None
while True:
    message = read()
    method, id = message['method'], message.get('id')
    if method == 'initialize':
        if os.path.exists('refuse'):
            print('cannot start today', file=sys.stderr, flush=True)
            sys.exit(3)
        say({'id': id, 'result': {'capabilities': {'workspaceSymbolProvider': True}}})
    elif method == 'workspace/symbol':
        name = message['params']['query']
        answer = {'id': id, 'result': [{'name': name, 'kind': 5}]}
        if name == 'first':
            held = answer
            open('held', 'w').close()
        else:
            say(answer)
            say(held)
    elif method == 'textDocument/completion':
        print('out of luck', file=sys.stderr, flush=True)
        # A child keeps the pipes open.
        if os.fork() == 0:
            import time; time.sleep(1000)
        os._exit(1)
"#;

#[tokio::test]
async fn a_server_that_dies_is_an_error_at_once_and_can_be_started_again() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    set_path(&sandbox, &format!("{}/bin:{}", sandbox.home().await, std::env::var("PATH").unwrap())).await;
    assert_eq!(sandbox.post("/files/folder?path=bin&mode=755", Value::Null).await.0, 201);
    sandbox.write("bin/pylsp", MISBEHAVING).await;
    let chmod = json!({ "command": "chmod +x bin/pylsp && touch refuse" });
    assert_eq!(sandbox.post("/process/execute", chmod).await.1["exitCode"], 0);
    let answer = started(&sandbox, "python").await;
    let message = answer.1["message"].as_str().unwrap();
    assert!(answer.0 == 500 && message.contains("cannot start today"), "{answer:?}");
    assert_eq!(sandbox.delete("/files?path=refuse").await.0, 204);
    assert_eq!(started(&sandbox, "python").await.0, 200);

    let held = sandbox.home_outside().await.join("held");
    let first = symbols(&sandbox, "python", "workspacesymbols", "query", "first");
    let second = async {
        until("the first is held", async || held.exists()).await;
        symbols(&sandbox, "python", "workspacesymbols", "query", "second").await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((names(&first.1), names(&second.1)), (vec!["first"], vec!["second"]));

    let mut completion = document(&sandbox, "python", "m.py").await;
    completion["position"] = json!({ "line": 1, "character": 1 });
    let answer = sandbox.post("/lsp/completions", completion.clone()).await;
    let message = answer.1["message"].as_str().unwrap();
    assert!(answer.0 == 400 && message.contains("ended") && message.contains("out of luck"), "{answer:?}");
    let answer = sandbox.post("/lsp/completions", completion).await;
    assert_eq!(refused(&answer), (400, "LSP_SERVER_NOT_INITIALIZED"));
    assert_eq!(started(&sandbox, "python").await.0, 200);
    assert_eq!(symbols(&sandbox, "python", "workspacesymbols", "query", "second").await.0, 200);
}

#[tokio::test]
async fn the_end_of_the_sandbox_ends_its_servers() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    assert_eq!(started(&sandbox, "python").await.0, 200);
    let path = format!("/sandbox/{}", sandbox.id);
    assert_eq!(dev_server.post(&format!("{path}/stop"), json!({})).await.0, 200);
    dev_server.wait_for(&sandbox.id, "stopped").await;
    assert_eq!(dev_server.post(&format!("{path}/start"), json!({})).await.0, 200);
    dev_server.wait_for(&sandbox.id, "started").await;
    let document = document(&sandbox, "python", "m.py").await;
    let answer = sandbox.post("/lsp/did-close", document).await;
    assert_eq!(refused(&answer), (400, "LSP_SERVER_NOT_INITIALIZED"));
}
