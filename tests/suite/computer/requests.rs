//! What the desktop's operations send, and what they make of the answers.

use crate::described;
use crate::support::toolbox::{Reply, Toolbox, ok};
use crate::support::{self, call};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use daytona::Result;
use daytona::catalogue::{self, Outcome, TargetRef};
use daytona::client::sandbox::Sandbox;
use daytona::client::status;
use serde_json::{Value, json};

const NO_ROUTE: &[u8] = b"404 page not found";

/// A desktop with one screen of 1024x768. It has the routes of 0.226 or not.
async fn desktop(has_0_226: bool) -> Toolbox {
    Toolbox::start(move |asked, _| {
        let newer = ["mouse/down", "mouse/up", "keyboard/down", "keyboard/up"];
        match asked.path.strip_prefix("computeruse/").unwrap() {
            path if newer.contains(&path) && !has_0_226 => Reply::Raw("404 Not Found", NO_ROUTE.to_vec()),
            "keyboard/up" if asked.body["key"].is_null() => {
                Reply::Json("400 Bad Request", json!({"error": "unsupported key \"\": empty key token"}))
            }
            "display/info" => ok(json!({"displays": [
                {"id": 0, "x": 0, "y": 0, "width": 1024, "height": 768, "isActive": true},
            ]})),
            path if path.starts_with("screenshot") => {
                ok(json!({"screenshot": STANDARD.encode(b"\x89PNG"), "cursorPosition": {"x": 0, "y": 0}}))
            }
            path if path.starts_with("keyboard") => ok(json!({})),
            "mouse/scroll" => ok(json!({"success": true})),
            _ => ok(json!({"x": 1, "y": 2})),
        }
    })
    .await
}

async fn image(sandbox: &Sandbox, params: Value) -> Result<Vec<u8>> {
    let call = catalogue::Call {
        target: TargetRef::Sandbox(sandbox.clone()),
        params: params.to_string().into_bytes(),
        context: support::context(),
    };
    match catalogue::find("computer.screenshot_image").unwrap().call.unwrap()(call)?.await? {
        Outcome::Bytes(bytes) => Ok(bytes),
        _ => panic!("no bytes"),
    }
}

#[tokio::test]
async fn input_travels_as_given_and_nothing_is_filled_in() {
    let toolbox = desktop(true).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for (operation, params, path, body) in [
        ("computer.mouse_move", json!({"x": 5, "y": -6}), "mouse/move", json!({"x": 5, "y": -6})),
        ("computer.mouse_click", json!({"x": 1, "y": 2}), "mouse/click", json!({"x": 1, "y": 2})),
        (
            "computer.mouse_click",
            json!({"x": 1, "y": 2, "button": "right", "double": true, "clicks": 3, "modifiers": ["ctrl"]}),
            "mouse/click",
            json!({"x": 1, "y": 2, "button": "right", "double": true, "clicks": 3, "modifiers": ["ctrl"]}),
        ),
        (
            "computer.mouse_drag",
            json!({"startX": 1, "startY": 2, "endX": 3, "endY": 4, "button": "left"}),
            "mouse/drag",
            json!({"startX": 1, "startY": 2, "endX": 3, "endY": 4, "button": "left"}),
        ),
        (
            "computer.mouse_scroll",
            json!({"x": 1, "y": 2, "direction": "left", "amount": 3}),
            "mouse/scroll",
            json!({"x": 1, "y": 2, "direction": "left", "amount": 3}),
        ),
        ("computer.mouse_down", json!({}), "mouse/down", json!({})),
        (
            "computer.mouse_up",
            json!({"x": 1, "y": 2, "button": "middle"}),
            "mouse/up",
            json!({"x": 1, "y": 2, "button": "middle"}),
        ),
        (
            "computer.key_type",
            json!({"text": "hé\n", "delay": 5}),
            "keyboard/type",
            json!({"text": "hé\n", "delay": 5}),
        ),
        ("computer.key_press", json!({"key": "Enter"}), "keyboard/key", json!({"key": "Enter"})),
        (
            "computer.key_press",
            json!({"key": "n", "modifiers": ["ctrl", "shift"]}),
            "keyboard/key",
            json!({"key": "n", "modifiers": ["ctrl", "shift"]}),
        ),
        ("computer.key_hotkey", json!({"keys": "ctrl+c"}), "keyboard/hotkey", json!({"keys": "ctrl+c"})),
        ("computer.key_down", json!({"key": "a"}), "keyboard/down", json!({"key": "a"})),
        ("computer.key_up", json!({"key": "a"}), "keyboard/up", json!({"key": "a"})),
    ] {
        let result = call(&sandbox, operation, params).await.unwrap();
        described::result(operation, &result).unwrap();
        let asked = toolbox.requests().pop().unwrap();
        assert_eq!((asked.path, asked.body), (format!("computeruse/{path}"), body), "{operation}");
    }
}

#[tokio::test]
async fn the_accessibility_tree_is_asked_and_acted_on_as_given() {
    let node = json!({
        "id": ":1.1:/x", "role": "push button", "name": "OK", "bounds": {"x": 1, "y": 2, "width": 3, "height": 4},
        "states": ["enabled"], "actions": ["click"],
    });
    let (tree, matches) =
        (json!({"root": node, "truncated": false}), json!({"matches": [node], "truncated": false}));
    let (tree_answer, matches_answer) = (tree.clone(), matches.clone());
    let toolbox = Toolbox::start(move |asked, _| match asked.method.as_str() {
        "GET" => ok(tree_answer.clone()),
        _ if asked.path.ends_with("find") => ok(matches_answer.clone()),
        _ => ok(json!({})),
    })
    .await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let id = json!({"id": ":1.1:/x"});
    for (operation, params, path, body, answer) in [
        (
            "computer.a11y_tree",
            json!({"scope": "all", "maxDepth": 2}),
            "tree?scope=all&maxDepth=2",
            Value::Null,
            tree,
        ),
        ("computer.a11y_find", json!({"role": "button"}), "find", json!({"role": "button"}), matches),
        ("computer.a11y_focus", id.clone(), "node/focus", id.clone(), json!({})),
        ("computer.a11y_invoke", id.clone(), "node/invoke", id.clone(), json!({})),
        (
            "computer.a11y_set_value",
            json!({"id": ":1.1:/x", "value": "é"}),
            "node/value",
            json!({"id": ":1.1:/x", "value": "é"}),
            json!({}),
        ),
    ] {
        let result = call(&sandbox, operation, params).await.unwrap();
        described::result(operation, &result).unwrap();
        let asked = toolbox.requests().pop().unwrap();
        assert_eq!((asked.path, asked.body), (format!("computeruse/a11y/{path}"), body), "{operation}");
        assert_eq!(result, answer, "{operation}");
    }
}

#[tokio::test]
async fn a_screenshot_asks_the_endpoint_of_its_options() {
    let toolbox = desktop(false).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let region = json!({"x": 1, "y": 2, "width": 3, "height": 4});
    for (params, expected) in [
        (json!({}), "screenshot"),
        (json!({"showCursor": true}), "screenshot?showCursor=true"),
        (json!({"region": region}), "screenshot/region?x=1&y=2&width=3&height=4"),
        (
            json!({"format": "jpeg", "quality": 50, "scale": 0.5}),
            "screenshot/compressed?format=jpeg&quality=50&scale=0.5",
        ),
        (
            json!({"region": region, "scale": 1, "showCursor": false}),
            "screenshot/region/compressed?x=1&y=2&width=3&height=4&scale=1&showCursor=false",
        ),
    ] {
        call(&sandbox, "computer.screenshot", params.clone()).await.unwrap();
        assert_eq!(image(&sandbox, params).await.unwrap(), b"\x89PNG");
        let asked = toolbox.requests();
        for asked in &asked[asked.len() - 2..] {
            assert_eq!(asked.path, format!("computeruse/{expected}"));
        }
    }
    // The size of the screen is read once.
    assert_eq!(toolbox.count("GET", "computeruse/display/info"), 1);
}

#[tokio::test]
async fn a_region_outside_the_screen_is_an_error_that_names_the_screen() {
    let toolbox = desktop(false).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let params = json!({"region": {"x": 5000, "y": 5000, "width": 10, "height": 10}});
    for operation in ["computer.screenshot", "computer.screenshot_image"] {
        let error = call(&sandbox, operation, params.clone()).await.unwrap_err();
        assert_eq!(error.status(), status::INVALID_ARGUMENT);
        assert!(error.detail().message.contains("1024x768"), "{error:?}");
    }
    assert!(toolbox.requests().iter().all(|asked| asked.path == "computeruse/display/info"));
}

#[tokio::test]
async fn a_region_is_not_taken_where_half_the_screens_size_came() {
    let toolbox = Toolbox::start(|_, _| Reply::Half).await;
    let sandbox = toolbox.sandbox(json!({"idleTimeoutMs": 300})).await;
    let params = json!({"region": {"x": 1, "y": 1, "width": 10, "height": 10}});
    let error = support::soon(call(&sandbox, "computer.screenshot", params)).await.unwrap_err();
    assert_eq!((error.status(), error.detail().http_status), (status::TIMEOUT, Some(200)), "{error:?}");
    assert!(toolbox.requests().iter().all(|asked| asked.path == "computeruse/display/info"));
}

#[tokio::test]
async fn what_no_server_can_do_is_refused_before_anything_is_sent() {
    let toolbox = desktop(false).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    let region = |width: i32| json!({"region": {"x": 0, "y": 0, "width": width, "height": 1}});
    for (operation, params) in [
        ("computer.screenshot", region(0)),
        ("computer.screenshot", json!({"quality": 0})),
        ("computer.screenshot", json!({"quality": 101})),
        ("computer.screenshot", json!({"scale": 1.5})),
        ("computer.screenshot_image", json!({"scale": 0})),
        ("computer.mouse_click", json!({"x": 1, "y": 1, "clicks": 0})),
        ("computer.mouse_click", json!({"x": 1, "y": 1, "clicks": 11})),
        ("computer.mouse_scroll", json!({"x": 1, "y": 1, "direction": "up", "amount": -1})),
        ("computer.mouse_down", json!({"x": 1})),
        ("computer.key_type", json!({"text": "a", "delay": -1})),
        ("computer.process_logs", json!({"name": "../x"})),
        ("computer.recording_get", json!({"id": ""})),
        ("computer.recording_download", json!({"id": "a", "localPath": ""})),
        ("computer.recording_download", json!({"id": "a", "localPath": "/"})),
        ("computer.a11y_tree", json!({"scope": "pid"})),
    ] {
        let error = call(&sandbox, operation, params.clone()).await.expect_err(&params.to_string());
        let expected = if params["localPath"] == "/" { status::IO } else { status::INVALID_ARGUMENT };
        assert_eq!(error.status(), expected, "{operation} {params}");
    }
    assert!(toolbox.requests().is_empty());
}

#[tokio::test]
async fn what_came_with_0_226_is_unsupported_before_and_an_old_daemon_is_found_out_once() {
    let toolbox = desktop(false).await;
    let sandbox = toolbox.sandbox(json!({})).await;
    for (operation, params) in [
        ("computer.mouse_click", json!({"x": 1, "y": 1, "clicks": 2})),
        ("computer.mouse_click", json!({"x": 1, "y": 1, "modifiers": ["shift"]})),
        ("computer.mouse_drag", json!({"startX": 1, "startY": 1, "endX": 2, "endY": 2, "modifiers": []})),
        ("computer.mouse_scroll", json!({"x": 1, "y": 1, "direction": "right"})),
        ("computer.mouse_down", json!({})),
        ("computer.mouse_up", json!({})),
        ("computer.key_down", json!({"key": "a"})),
        ("computer.key_up", json!({"key": "a"})),
    ] {
        let error = call(&sandbox, operation, params).await.unwrap_err();
        assert_eq!(error.status(), status::UNSUPPORTED, "{operation}: {error:?}");
        assert!(error.detail().message.contains("0.226"), "{error:?}");
        described::error(operation, &error).unwrap();
    }
    // One question that releases no key.
    let asked: Vec<_> = toolbox.requests().into_iter().map(|asked| (asked.path, asked.body)).collect();
    assert_eq!(asked, [("computeruse/keyboard/up".to_owned(), json!({}))]);
}

#[tokio::test]
async fn a_start_waits_for_a_daemon_that_is_still_loading_and_for_no_other() {
    let loading = json!({
        "details": "The computer-use plugin is still loading or failed to initialize.",
        "message": "Computer-use functionality is not available",
        "solution": "Retry shortly.",
    });
    let toolbox = Toolbox::start(move |_, before| match before {
        0 | 1 => Reply::Json("503 Service Unavailable", loading.clone()),
        _ => ok(json!({"message": "started", "status": {}})),
    })
    .await;
    call(&toolbox.sandbox(json!({})).await, "computer.start", json!({})).await.unwrap();
    assert_eq!(toolbox.requests().len(), 3);

    let missing = json!({"error": "Failed to start computer use", "details": "install the package xvfb"});
    let toolbox = Toolbox::start(move |_, _| Reply::Json("503 Service Unavailable", missing.clone())).await;
    let error = call(&toolbox.sandbox(json!({})).await, "computer.start", json!({})).await.unwrap_err();
    assert!(error.detail().message.contains("install the package xvfb"), "{error:?}");
    assert_eq!(toolbox.requests().len(), 1);
}

#[tokio::test]
async fn errors_about_a_recording_name_it_and_have_the_codes_of_newer_daemons() {
    for (operation, params, status_line, body, expected) in [
        (
            "computer.recording_start",
            json!({"label": "t"}),
            "400 Bad Request",
            json!({
                "error": "ffmpeg_not_found",
                "message": "FFmpeg must be installed and available in PATH to use screen recording",
            }),
            ("RECORDING_FFMPEG_NOT_FOUND", "FFmpeg must be installed"),
        ),
        (
            "computer.recording_delete",
            json!({"id": "r-1"}),
            "400 Bad Request",
            json!({"error": "cannot delete an active recording, stop it first"}),
            ("RECORDING_STILL_ACTIVE", "\"r-1\""),
        ),
        (
            "computer.recording_stop",
            json!({"id": "r-1"}),
            "404 Not Found",
            json!({"error": "recording not found"}),
            ("", "cannot stop the recording \"r-1\": recording not found"),
        ),
        (
            "computer.recording_download",
            json!({"id": "r-1", "localPath": "/tmp/never-made/x.mp4"}),
            "404 Not Found",
            json!({"error": "recording not found"}),
            ("", "cannot download the recording \"r-1\": recording not found"),
        ),
    ] {
        let answer = body.clone();
        let toolbox = Toolbox::start(move |_, _| Reply::Json(status_line, answer.clone())).await;
        let error = call(&toolbox.sandbox(json!({})).await, operation, params).await.unwrap_err();
        described::error(operation, &error).unwrap();
        assert_eq!(error.detail().code.as_deref().unwrap_or_default(), expected.0);
        assert!(error.detail().message.contains(expected.1), "{error:?}");
    }
    assert!(!std::path::Path::new("/tmp/never-made").exists());
}
