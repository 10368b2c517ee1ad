//! The accessibility tree, with a program that speaks AT-SPI.

use crate::client::{DevServer, Sandbox, until};
use serde_json::{Value, json};

impl Sandbox<'_> {
    async fn tree(&self, query: &str) -> (u16, Value) {
        self.get(&format!("/computeruse/a11y/tree{query}")).await
    }

    async fn find(&self, request: Value) -> Value {
        let (status, found) = self.post("/computeruse/a11y/find", request).await;
        assert_eq!(status, 200, "{found}");
        found
    }
}

/// A sandbox with the program of `accessible.py`, and the program's process.
async fn with_program(sandbox: &Sandbox<'_>) -> i64 {
    sandbox.starts_desktop().await;
    sandbox.write("accessible.py", include_str!("accessible.py")).await;
    let run = "setsid /usr/bin/python3 accessible.py </dev/null >said 2>&1 & echo -n $!";
    let process = sandbox.shell(run).await.parse().unwrap();
    until("the program is ready", async || {
        let said = sandbox.shell("cat said").await;
        assert!(!said.contains("Error"), "{said}");
        said.contains("ready")
    })
    .await;
    process
}

#[tokio::test]
async fn the_widgets_of_a_program_are_read_found_and_used() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let process = with_program(&sandbox).await;
    let (status, all) = sandbox.tree("?scope=all&maxDepth=1").await;
    assert_eq!((status, &all["root"]["role"]), (200, &json!("desktop frame")), "{all}");
    assert_eq!(all["root"]["children"][0]["name"], "tests");
    assert!(all["root"]["children"][0].get("children").is_none());
    let of_process = sandbox.tree(&format!("?scope=pid&pid={process}")).await;
    let focused = sandbox.tree("").await;
    assert_eq!(of_process.1["root"], focused.1["root"]);
    let window = &focused.1["root"]["children"][0];
    assert_eq!((&window["role"], &window["states"]), (&json!("frame"), &json!(["active", "showing"])));
    let found = sandbox.find(json!({"scope": "all", "role": "Push Button"})).await;
    assert_eq!(found["truncated"], false);
    let button = &found["matches"][0];
    assert_eq!(button["bounds"], json!({"x": 10, "y": 20, "width": 300, "height": 40}));
    assert_eq!((&button["name"], &button["actions"]), (&json!("Press me"), &json!(["click"])));
    let id = &button["id"];
    for (name, name_match, count) in [
        ("ress m", "", 1),
        ("ress m", "exact", 0),
        ("Press me", "exact", 1),
        ("^P.*e$", "regex", 1),
        ("nothing", "substring", 0),
    ] {
        let request = json!({"name": name, "nameMatch": name_match, "states": ["enabled"]});
        assert_eq!(sandbox.find(request).await["matches"].as_array().unwrap().len(), count, "{name}");
    }
    assert_eq!(sandbox.find(json!({"limit": 2})).await["truncated"], true);
    let invoked = sandbox.post("/computeruse/a11y/node/invoke", json!({"id": id, "action": "CLICK"})).await;
    assert_eq!(invoked, (200, json!({})));
    assert_eq!(sandbox.find(json!({"name": "Pressed"})).await["matches"][0]["id"], *id);
    let entry = sandbox.find(json!({"role": "text"})).await["matches"][0]["id"].clone();
    let set = sandbox.post("/computeruse/a11y/node/value", json!({"id": entry, "value": "héllo"})).await;
    assert_eq!(set, (200, json!({})));
    assert_eq!(sandbox.post("/computeruse/a11y/node/focus", json!({"id": entry})).await, (200, json!({})));
    let named = &sandbox.find(json!({"name": "héllo"})).await["matches"][0];
    assert_eq!((&named["id"], &named["states"]), (&entry, &json!(["enabled", "focused", "showing"])));
    for (path, body, status) in [
        ("node/focus", json!({"id": id}), 400),
        ("node/invoke", json!({"id": id, "action": "hold"}), 400),
        ("node/value", json!({"id": id, "value": "x"}), 400),
        ("node/invoke", json!({"id": ":1.999:/window"}), 404),
        ("node/invoke", json!({"id": "nope"}), 400),
        ("node/invoke", json!({}), 400),
        ("find", json!({"nameMatch": "fuzzy"}), 400),
        ("find", json!({"name": "(", "nameMatch": "regex"}), 400),
    ] {
        let (answered, error) = sandbox.post(&format!("/computeruse/a11y/{path}"), body.clone()).await;
        assert_eq!(answered, status, "{path} {body}: {error}");
    }
    assert_eq!(sandbox.tree("?scope=pid&pid=999999").await.0, 404);
    assert_eq!(sandbox.tree("?scope=some").await.0, 400);
}

#[tokio::test]
async fn without_a_bus_the_tree_is_unavailable_and_the_rest_works() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    for (status, error) in [
        sandbox.tree("?scope=all").await,
        sandbox.post("/computeruse/a11y/node/focus", json!({"id": ":1.1:/x"})).await,
    ] {
        assert_eq!((status, &error["code"]), (503, &json!("A11Y_UNAVAILABLE")), "{error}");
    }
    sandbox.starts_desktop().await;
    assert_eq!(sandbox.get("/computeruse/process/atspi/status").await.1["running"], true);
    sandbox.shell("pkill -9 dbus-daemon").await;
    let (status, error) = sandbox.tree("?scope=all").await;
    assert_eq!((status, &error["code"]), (503, &json!("A11Y_UNAVAILABLE")), "{error}");
    assert_eq!(sandbox.image("").await[..4], *b"\x89PNG");
}
