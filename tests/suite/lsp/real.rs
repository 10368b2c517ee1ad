//! Language servers through the client: the real ones, in sandboxes of the dev server.

use crate::fixture::Fixture;
use daytona::client::status;
use serde_json::{Value, json};

fn names(symbols: &Value) -> Vec<&str> {
    symbols.as_array().unwrap().iter().map(|symbol| symbol["name"].as_str().unwrap()).collect()
}

async fn home(fixture: &Fixture) -> String {
    fixture.does("sandbox.home_dir", json!({})).await["dir"].as_str().unwrap().to_owned()
}

fn with(params: &Value, more: Value) -> Value {
    let mut params = params.clone();
    for (key, value) in more.as_object().unwrap() {
        params[key] = value.clone();
    }
    params
}

#[tokio::test]
async fn the_guides_calls_work_for_python() {
    let fixture = Fixture::new().await;
    fixture.put_directory("my project");
    fixture
        .put("my project/main.py", "class MyClass:\n    def method(self):\n        pass\n\nMyClass().me\n");
    let home = home(&fixture).await;
    let project = json!({"language": "python", "projectPath": format!("{home}/my project")});
    let file = with(&project, json!({"path": "main.py"}));
    assert_eq!(fixture.does("lsp.start", project.clone()).await, Value::Null);
    assert_eq!(fixture.does("lsp.did_open", file.clone()).await, Value::Null);
    let place = with(&file, json!({"line": 4, "character": 12}));
    let list = fixture.does("lsp.completions", place).await;
    let items = list["items"].as_array().unwrap();
    assert!(items.iter().any(|item| item["label"].as_str().unwrap().starts_with("method")), "{list}");
    let symbols = fixture.does("lsp.document_symbols", file.clone()).await;
    assert_eq!(names(&symbols), ["MyClass", "method"]);
    let symbols = fixture.does("lsp.workspace_symbols", with(&project, json!({"query": "MyClass"}))).await;
    assert_eq!(names(&symbols), ["MyClass"]);
    assert_eq!(fixture.does("lsp.did_close", file.clone()).await, Value::Null);
    assert_eq!(fixture.does("lsp.stop", project.clone()).await, Value::Null);

    let error = fixture.call("lsp.did_open", file.clone()).await.unwrap_err();
    let code = error.detail().code.clone();
    assert_eq!((error.status(), code.as_deref()), (400, Some("LSP_SERVER_NOT_INITIALIZED")));
    let error = fixture.call("lsp.stop", project.clone()).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_INTERNAL_SERVER);
    fixture.does("lsp.start", project).await;
    let error = fixture.call("lsp.did_open", with(&file, json!({"path": "none.py"}))).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_BAD_REQUEST);
    assert!(error.detail().message.contains("none.py"), "{error}");
}

#[tokio::test]
async fn typescript_works_in_both_protocols() {
    for fixture in Fixture::both().await {
        fixture.put("m.ts", "class Greeter { greet() { return 1 } }\nconst it = new Greeter()\nit.gr\n");
        let project = json!({"language": "typescript", "projectPath": home(&fixture).await});
        let file = with(&project, json!({"path": "m.ts"}));
        fixture.does("lsp.start", project.clone()).await;
        fixture.does("lsp.did_open", file.clone()).await;
        let list = fixture.does("lsp.completions", with(&file, json!({"line": 2, "character": 5}))).await;
        let greet = list["items"].as_array().unwrap().iter().find(|item| item["label"] == "greet");
        assert!(greet.is_some_and(|item| item["kind"] == 2), "{list}");
        let symbols = fixture.does("lsp.document_symbols", file.clone()).await;
        assert!(names(&symbols).contains(&"greet"), "{symbols}");
        let query = with(&project, json!({"query": "Greeter"}));
        assert_eq!(names(&fixture.does("lsp.workspace_symbols", query).await), ["Greeter"]);
        fixture.does("lsp.did_close", file).await;
        fixture.does("lsp.stop", project).await;
    }
}
