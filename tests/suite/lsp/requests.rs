//! What the operations of language servers send, and what they make of refusals.

use crate::support::call;
use crate::support::toolbox::{Reply, Toolbox, ok};
use daytona::client::status;
use serde_json::{Value, json};

fn at(path: &str) -> Value {
    json!({"language": "javascript", "projectPath": "/p", "path": path})
}

#[tokio::test]
async fn requests_name_the_language_the_project_and_an_uri() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.split('?').next().unwrap() {
        "lsp/completions" => ok(json!({"isIncomplete": false, "items": []})),
        "lsp/document-symbols" => Reply::Raw("200 OK", b"null".to_vec()),
        "lsp/workspacesymbols" => ok(json!([])),
        _ => Reply::Raw("200 OK", Vec::new()),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let project = json!({"language": "python", "projectPath": "/p q"});
    for operation in ["lsp.start", "lsp.stop"] {
        assert_eq!(call(&sandbox, operation, project.clone()).await.unwrap(), Value::Null);
    }
    // As it stands, below the project, or a URI already.
    for path in ["/a b/ü.js", "b.js", "file:///c.js"] {
        assert_eq!(call(&sandbox, "lsp.did_open", at(path)).await.unwrap(), Value::Null);
    }
    assert_eq!(call(&sandbox, "lsp.did_close", at("b.js")).await.unwrap(), Value::Null);
    let mut place = at("b.js");
    place["line"] = json!(3);
    place["character"] = json!(0);
    call(&sandbox, "lsp.completions", place).await.unwrap();
    // A language server without an answer has found nothing.
    assert_eq!(call(&sandbox, "lsp.document_symbols", at("b.js")).await.unwrap(), json!([]));
    let query = json!({"language": "typescript", "projectPath": "/p", "query": "a&b"});
    assert_eq!(call(&sandbox, "lsp.workspace_symbols", query).await.unwrap(), json!([]));

    let asked = toolbox.requests();
    let sent: Vec<_> = asked.iter().map(|asked| (asked.method.as_str(), asked.path.as_str())).collect();
    assert_eq!(sent[0], ("POST", "lsp/start"));
    assert_eq!(asked[0].body, json!({"languageId": "python", "pathToProject": "/p q"}));
    assert_eq!(sent[1], ("POST", "lsp/stop"));
    let uris: Vec<_> = asked[2..6].iter().map(|asked| asked.body["uri"].as_str().unwrap()).collect();
    assert_eq!(uris, ["file:///a b/ü.js", "file:///p/b.js", "file:///c.js", "file:///p/b.js"]);
    assert_eq!(asked[2].body["languageId"], "javascript");
    assert_eq!(sent[5], ("POST", "lsp/did-close"));
    assert_eq!(asked[6].body["position"], json!({"line": 3, "character": 0}));
    let path = "lsp/document-symbols?languageId=javascript&pathToProject=%2Fp&uri=file%3A%2F%2F%2Fp%2Fb.js";
    assert_eq!(sent[7], ("GET", path));
    assert_eq!(sent[8], ("GET", "lsp/workspacesymbols?languageId=typescript&pathToProject=%2Fp&query=a%26b"));
}

#[tokio::test]
async fn a_relative_project_and_its_files_are_below_the_working_directory() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        "work-dir" => ok(json!({"dir": "/work/"})),
        _ => Reply::Raw("200 OK", Vec::new()),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let project = json!({"language": "python", "projectPath": "./app"});
    call(&sandbox, "lsp.start", project).await.unwrap();
    let file = json!({"language": "python", "projectPath": "app", "path": "app/main.py"});
    call(&sandbox, "lsp.did_open", file).await.unwrap();
    let bodies: Vec<_> =
        toolbox.requests().into_iter().filter(|it| it.method == "POST").map(|it| it.body).collect();
    assert_eq!(bodies[0]["pathToProject"], "/work/app");
    assert_eq!(bodies[1]["pathToProject"], "/work/app");
    assert_eq!(bodies[1]["uri"], "file:///work/app/main.py");
}

#[tokio::test]
async fn a_wrong_argument_is_named_and_sends_nothing() {
    let toolbox = Toolbox::start(|_, _| unreachable!()).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for (operation, params, named) in [
        ("lsp.start", json!({"language": "cobol", "projectPath": "/p"}), "cobol"),
        ("lsp.start", json!({"language": "python", "projectPath": ""}), "projectPath"),
        ("lsp.stop", json!({"language": "python", "projectPath": ""}), "projectPath"),
        ("lsp.did_open", json!({"language": "python", "projectPath": "/p", "path": ""}), "path"),
        (
            "lsp.completions",
            json!({"language": "python", "projectPath": "/p", "path": "a", "line": -1, "character": 0}),
            "line",
        ),
        ("lsp.workspace_symbols", json!({"language": "python", "projectPath": "/p", "query": ""}), "query"),
    ] {
        let error = call(&sandbox, operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT, "{error}");
        assert!(error.detail().message.contains(named), "{error}");
    }
    let cobol = call(&sandbox, "lsp.start", json!({"language": "cobol", "projectPath": "/p"})).await;
    let message = cobol.unwrap_err().detail().message.clone();
    assert!(message.contains("python") && message.contains("typescript"), "{message}");
    assert!(toolbox.requests().is_empty());
}

#[tokio::test]
async fn a_refusal_without_a_word_is_explained() {
    let toolbox = Toolbox::start(|asked, _| match asked.path.as_str() {
        "lsp/start" | "lsp/stop" => Reply::Raw("500 Internal Server Error", Vec::new()),
        _ => Reply::Raw("400 Bad Request", Vec::new()),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let project = json!({"language": "javascript", "projectPath": "/p"});
    for (operation, params, expected, said) in [
        ("lsp.start", project.clone(), status::HTTP_INTERNAL_SERVER, "installed"),
        ("lsp.stop", project, status::HTTP_INTERNAL_SERVER, "started for this language"),
        ("lsp.did_open", at("a.js"), status::HTTP_BAD_REQUEST, "not started"),
        ("lsp.document_symbols", at("a.js"), status::HTTP_BAD_REQUEST, "not started"),
    ] {
        let error = call(&sandbox, operation, params).await.unwrap_err();
        assert_eq!(error.status(), expected);
        assert!(error.detail().message.contains(said), "{error}");
        assert_eq!(error.detail().code, None);
    }
}
