//! Starting and stopping the desktop, and its programs.

use crate::client::{DevServer, until};
use daytona_dev::Protocol;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn the_desktop_starts_once_and_can_be_stopped_and_started_again() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    assert_eq!(sandbox.get("/computeruse/status").await, (200, json!({"status": "inactive"})));
    assert_eq!(sandbox.get("/computeruse/display/info").await, (200, json!({"displays": null})));
    let started = sandbox.starts_desktop().await;
    assert_eq!(started["status"]["xvfb"]["Running"], true);
    assert_eq!(started["status"]["xfce4"]["Running"], true);
    for path in ["/computeruse/status", "/computeruse/process-status"] {
        assert_eq!(sandbox.get(path).await, (200, json!({"status": "active"})));
    }
    let screen = json!({"id": 0, "x": 0, "y": 0, "width": 1024, "height": 768, "isActive": true});
    assert_eq!(sandbox.get("/computeruse/display/info").await.1["displays"], json!([screen]));
    // What runs already stays.
    let again = sandbox.starts_desktop().await;
    assert_eq!(again["status"]["xvfb"]["Pid"], started["status"]["xvfb"]["Pid"]);
    let (status, stopped) = sandbox.post("/computeruse/stop", json!({})).await;
    assert_eq!((status, &stopped["status"]["xvfb"]["Running"]), (200, &json!(false)));
    assert_eq!(sandbox.get("/computeruse/status").await.1["status"], "inactive");
    let pid = &started["status"]["xvfb"]["Pid"];
    assert_eq!(sandbox.shell(&format!("kill -0 {pid} 2>/dev/null || echo none")).await.trim(), "none");
    sandbox.starts_desktop().await;
    assert_eq!(sandbox.image("").await[..4], *b"\x89PNG");
}

#[tokio::test]
async fn every_sandbox_has_a_display_of_its_own() {
    let dev_server = DevServer::new().await;
    let (one, other) = (dev_server.sandbox().await, dev_server.sandbox().await);
    tokio::join!(one.starts_desktop(), other.starts_desktop());
    one.terminal("mine", "sleep 1000").await;
    assert!(other.window("mine").await.is_none());
    assert_eq!(one.shell("echo -n $DISPLAY").await.chars().next(), Some(':'));
    // One stops and the other goes on.
    assert_eq!(one.post("/computeruse/stop", json!({})).await.0, 200);
    assert_eq!(other.get("/computeruse/status").await.1["status"], "active");
}

#[tokio::test]
async fn the_resolution_is_the_sandboxs() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox_with(json!({"VNC_RESOLUTION": "641x479"})).await;
    sandbox.starts_desktop().await;
    let screen = &sandbox.get("/computeruse/display/info").await.1["displays"][0];
    assert_eq!((&screen["width"], &screen["height"]), (&json!(641), &json!(479)));
    let pixels = sandbox.pixels("").await;
    assert_eq!((pixels.width, pixels.height), (641, 479));
    let wrong = dev_server.sandbox_with(json!({"VNC_RESOLUTION": "nonsense"})).await;
    let (status, error) = wrong.post("/computeruse/start", json!({})).await;
    assert_eq!(status, 503, "{error}");
}

#[tokio::test]
async fn a_program_that_ends_is_started_again_and_its_output_is_kept() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    let started = sandbox.starts_desktop().await;
    let process = &started["status"]["xfce4"]["Pid"];
    sandbox.shell(&format!("kill -9 {process}")).await;
    let running = async || sandbox.get("/computeruse/process/xfce4/status").await.1["running"] == true;
    until("it is started again", async || {
        let again = sandbox.post("/computeruse/start", json!({})).await.1;
        again["status"]["xfce4"]["Pid"] != *process && running().await
    })
    .await;
    let restarted = sandbox.post("/computeruse/process/xvfb/restart", json!({})).await;
    assert_eq!(restarted.1["message"], "Process xvfb restarted successfully");
    assert_eq!(sandbox.image("").await[..4], *b"\x89PNG");
    assert_eq!(sandbox.get("/computeruse/process/xvfb/logs").await.0, 200);
    assert!(sandbox.get("/computeruse/process/xvfb/errors").await.1["errors"].is_string());
}

#[tokio::test]
async fn what_is_missing_is_named_with_the_package_to_install() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox_with(json!({"PATH": "/nowhere"})).await;
    let (status, error) = sandbox.post("/computeruse/start", json!({})).await;
    assert_eq!(status, 503);
    let message = error["message"].as_str().unwrap();
    for package in ["xvfb", "openbox"] {
        assert!(message.contains(&format!("install the package {package}")), "{message}");
    }
    let (status, error) = sandbox.post("/computeruse/recordings/start", json!({})).await;
    assert_eq!((status, &error["code"]), (503, &json!("RECORDING_FFMPEG_NOT_FOUND")));
}

#[tokio::test]
async fn every_bad_request_has_an_error_of_its_own_in_both_protocols() {
    for protocol in [Protocol::V0_205, Protocol::V0_190] {
        let dev_server = DevServer::of(protocol).await;
        let sandbox = dev_server.sandbox().await;
        sandbox.starts_desktop().await;
        let (get, post) = (Method::GET, Method::POST);
        for (method, path, body, status, words) in [
            (&get, "/process/nope/status", json!({}), 503, "process nope not found"),
            (&get, "/process/nope/logs", json!({}), 400, "process nope not found"),
            (&post, "/process/nope/restart", json!({}), 400, "process nope not found"),
            (&get, "/screenshot/region?x=0&y=0", json!({}), 400, "missing required query parameter: width"),
            (&get, "/screenshot/region?x=0&y=0&width=0&height=1", json!({}), 400, "greater than zero"),
            (&get, "/screenshot/region?x=a&y=0&width=1&height=1", json!({}), 400, "must be an integer"),
            (&get, "/screenshot?showCursor=perhaps", json!({}), 400, "must be a boolean"),
            (&get, "/screenshot/compressed?quality=500", json!({}), 400, "between 1 and 100"),
            (&get, "/screenshot/compressed?scale=2", json!({}), 400, "between 0.1 and 1.0"),
            (&post, "/mouse/move", json!({"x": "a"}), 400, "Invalid coordinates"),
            (&post, "/mouse/click", json!({"x": 1, "button": "side"}), 400, "unsupported mouse button"),
            (&post, "/mouse/scroll", json!({"direction": "sideways"}), 400, "unsupported scroll direction"),
            (&post, "/keyboard/key", json!({"key": "nokey"}), 400, "unsupported key \"nokey\""),
            (
                &post,
                "/keyboard/key",
                json!({"key": "a", "modifiers": ["hyper"]}),
                400,
                "unsupported modifier",
            ),
            (&post, "/keyboard/hotkey", json!({"keys": "foo+bar"}), 400, "invalid hotkey \"foo+bar\""),
            (&post, "/keyboard/type", json!({"text": "a\tb"}), 400, "keyboard.press(\"tab\")"),
            (&post, "/recordings/start", json!({"label": "../x"}), 400, "invalid label"),
            (&post, "/recordings/stop", json!({"id": "nope"}), 404, "recording not found"),
            (&post, "/recordings/stop", json!({}), 400, "id is required"),
            (&get, "/recordings/nope", json!({}), 404, "recording not found"),
            (&get, "/recordings/nope/download", json!({}), 404, "recording not found"),
            (&Method::DELETE, "/recordings/nope", json!({}), 404, "recording not found"),
            (&post, "/mouse/down", json!({}), 404, "404 page not found"),
        ] {
            let request = sandbox.request(method.clone(), &format!("/computeruse{path}"));
            let (answered, error): (u16, Value) =
                crate::client::status_and_body(request.json(&body).send().await.unwrap()).await;
            assert_eq!(answered, status, "{path}: {error}");
            let text = error.to_string().replace("\\\"", "\"");
            assert!(text.contains(words), "{path}: {error}");
        }
    }
}

#[tokio::test]
async fn before_the_start_every_request_says_that_there_is_no_display() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    for path in ["/screenshot", "/mouse/position", "/display/windows"] {
        let (status, error) = sandbox.get(&format!("/computeruse{path}")).await;
        assert_eq!((status, &error["message"]), (400, &json!("empty display string")), "{path}");
    }
    let (status, error) = sandbox.post("/computeruse/keyboard/type", json!({"text": "a"})).await;
    assert_eq!((status, &error["code"]), (400, &json!("BAD_REQUEST")));
    // Nothing of it keeps the desktop from being started.
    sandbox.starts_desktop().await;
}
