//! Git, language servers and contexts of the interpreter: small calls of their own areas.

use super::case::{Matrix, Truth, fault, fixture, lets_act, limit_ms, limited, of_one_order, of_one_request};
use crate::fixture::Fixture;
use crate::support;
use serde_json::{Value, json};

async fn commits(fixture: &Fixture) -> usize {
    let count = fixture.executes("git -C r rev-list --count HEAD").await;
    count["result"].as_str().unwrap().trim().parse().unwrap()
}

#[tokio::test]
async fn a_commit_is_never_made_twice_nor_told_wrongly() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.does("git.init", json!({"path": "r"})).await;
    let commit = async |limit: u64| {
        let params = json!({
            "path": "r", "message": "m", "author": "A", "email": "a@b.c", "allowEmpty": true, "timeoutMs": limit,
        });
        let committed = fixture.call("git.commit", params).await?;
        Ok(json!(committed["hash"].as_str().map(str::len)))
    };
    let truth = commit(limit_ms(Truth)).await.unwrap();
    for (kind, promise) in of_one_request(false) {
        let before = commits(&fixture).await;
        let fault = fault(kind, "/git/commit", Some(1));
        let run = async || commit(limit_ms(promise)).await;
        matrix.case(&fixture, "git.commit", &fault, promise, &truth, run).await;
        let acted = usize::from(matches!(promise, Truth) || lets_act(kind));
        support::until(&fault, async || commits(&fixture).await - before >= acted).await;
        let made = commits(&fixture).await - before;
        matrix.check(made == acted, || format!("{fault}: {made} commits, not {acted}"));
    }
    matrix.end();
}

#[tokio::test]
async fn questions_about_repositories_and_contexts_are_repeated_until_they_are_answered() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.does("git.init", json!({"path": "r"})).await;
    fixture.put("r/new", "x");
    fixture.does("interpreter.create_context", json!({})).await;
    for (operation, params, path) in [
        ("git.status", json!({"path": "r"}), "/git/status"),
        ("git.branches", json!({"path": "r"}), "/git/branches"),
        ("interpreter.list_contexts", json!({}), "/interpreter/context"),
    ] {
        let ask = async |promise| fixture.call(operation, limited(&params, promise)).await;
        let truth = ask(Truth).await.unwrap();
        for (kind, promise) in of_one_request(true) {
            let run = async || ask(promise).await;
            matrix.case(&fixture, operation, &fault(kind, path, Some(1)), promise, &truth, run).await;
        }
    }
    matrix.end();
}

#[tokio::test]
async fn a_language_server_answers_truly_or_not_at_all() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.put("main.py", "class MyClass:\n    def method(self):\n        pass\n\nMyClass().me\n");
    let home = fixture.does("sandbox.home_dir", json!({})).await["dir"].clone();
    let project = json!({"language": "python", "projectPath": home});
    fixture.does("lsp.start", project.clone()).await;
    let with = |more: Value| {
        let mut params = project.clone();
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    let place = json!({"path": "main.py", "line": 4, "character": 12});
    let symbols = json!({"path": "main.py"});
    for (operation, params, path, cells) in [
        ("lsp.did_open", with(symbols.clone()), "/lsp/did-open", of_one_order(false)),
        ("lsp.completions", with(place), "/lsp/completions", of_one_request(false)),
        ("lsp.document_symbols", with(symbols.clone()), "/lsp/document-symbols", of_one_request(true)),
        (
            "lsp.workspace_symbols",
            with(json!({"query": "MyClass"})),
            "/lsp/workspacesymbols",
            of_one_request(true),
        ),
        ("lsp.did_close", with(symbols), "/lsp/did-close", of_one_order(false)),
        ("lsp.start", project.clone(), "/lsp/start", of_one_order(false)),
    ] {
        let truth = fixture.does(operation, params.clone()).await;
        for (kind, promise) in cells {
            let ask = async || fixture.call(operation, limited(&params, promise)).await;
            matrix.case(&fixture, operation, &fault(kind, path, Some(1)), promise, &truth, ask).await;
        }
    }
    matrix.end();
}

#[tokio::test]
async fn a_language_server_is_stopped_once_and_told_as_it_went() {
    let fixture = fixture().await;
    let mut matrix = Matrix::default();
    fixture.put("main.py", "class MyClass:\n    pass\n");
    let home = fixture.does("sandbox.home_dir", json!({})).await["dir"].clone();
    let project = json!({"language": "python", "projectPath": home});
    let mut symbols = project.clone();
    symbols["path"] = json!("main.py");
    for (kind, promise) in of_one_order(false) {
        fixture.does("lsp.start", project.clone()).await;
        let fault = fault(kind, "/lsp/stop", Some(1));
        let stop = async || fixture.call("lsp.stop", limited(&project, promise)).await;
        matrix.case(&fixture, "lsp.stop", &fault, promise, &Value::Null, stop).await;
        let acted = matches!(promise, Truth) || lets_act(kind);
        support::until(&fault, async || {
            fixture.call("lsp.document_symbols", symbols.clone()).await.is_err() == acted
        })
        .await;
    }
    matrix.end();
}
