//! The desktop through the client, with real terminal windows, against the dev server in both of its protocols.

use crate::fixture::Fixture;
use crate::support::{self, until};
use daytona::catalogue::Outcome;
use daytona::client::status;
use daytona::{Error, Result};
use daytona_dev::Protocol;
use serde_json::{Value, json};

async fn started() -> Fixture {
    let fixture = Fixture::new().await;
    fixture.does("computer.start", json!({})).await;
    fixture
}

async fn image(fixture: &Fixture, params: Value) -> Result<Vec<u8>> {
    let taken = fixture.outcome("computer.screenshot_image", params, support::context());
    match support::soon(taken).await? {
        Outcome::Bytes(bytes) => Ok(bytes),
        _ => panic!("no bytes"),
    }
}

/// Width and height of a PNG, from its header.
fn size(png: &[u8]) -> (u32, u32) {
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "no PNG: {:?}", &png[..8]);
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// The titles of the windows.
async fn titles(fixture: &Fixture) -> String {
    fixture.does("computer.windows", json!({})).await["windows"].to_string()
}

/// Opens a terminal window that makes the line it reads its title, and waits until the keyboard goes to it.
async fn terminal(fixture: &Fixture) {
    fixture.put("reads.sh", r#"IFS= read -r line; printf '\e]2;got:%s\a' "$line"; sleep 1000"#);
    let xterm = "setsid xterm -geometry 80x24+20+20 -e bash reads.sh </dev/null >/dev/null 2>&1 &";
    fixture.executes(xterm).await;
    until("a window", async || titles(fixture).await.contains("\"isActive\":true")).await;
}

#[tokio::test]
async fn what_is_typed_arrives_and_is_on_the_screen_in_both_protocols() {
    for fixture in Fixture::both().await {
        let started = fixture.does("computer.start", json!({})).await;
        assert_eq!(started["status"]["xvfb"]["Running"], true);
        assert_eq!(fixture.does("computer.status", json!({})).await, json!({"status": "active"}));
        assert_eq!(fixture.does("computer.system_status", json!({})).await, json!({"status": "active"}));
        terminal(&fixture).await;
        let region = json!({"region": {"x": 20, "y": 20, "width": 400, "height": 100}});
        let before = image(&fixture, region.clone()).await.unwrap();
        assert_eq!(size(&before), (400, 100));
        let text = json!({"text": "Grüße, World! 日本", "delay": 2});
        assert_eq!(fixture.does("computer.key_type", text).await, json!({}));
        fixture.does("computer.key_press", json!({"key": "Enter"})).await;
        until("the title", async || titles(&fixture).await.contains("got:Grüße, World! 日本")).await;
        assert_ne!(image(&fixture, region).await.unwrap(), before);
        fixture.does("computer.stop", json!({})).await;
        let error = fixture.call("computer.screenshot", json!({})).await.unwrap_err();
        assert_eq!(error.status(), status::HTTP_BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_image_is_what_the_json_has_in_base64() {
    use base64::Engine;
    let fixture = started().await;
    let region = json!({"x": 0, "y": 0, "width": 64, "height": 48});
    for params in [
        json!({}),
        json!({"region": region}),
        json!({"format": "jpeg", "quality": 40, "scale": 0.5}),
        json!({"region": region, "format": "png", "scale": 0.5, "showCursor": true}),
    ] {
        // The screen may still be drawn between two pictures.
        until("two equal pictures", async || {
            let taken = fixture.does("computer.screenshot", params.clone()).await;
            let decoded =
                base64::engine::general_purpose::STANDARD.decode(taken["screenshot"].as_str().unwrap());
            image(&fixture, params.clone()).await.unwrap() == decoded.unwrap()
        })
        .await;
    }
    let screen = &fixture.does("computer.display_info", json!({})).await["displays"][0];
    assert_eq!((&screen["width"], &screen["height"]), (&json!(1024), &json!(768)));
    assert_eq!(size(&image(&fixture, json!({})).await.unwrap()), (1024, 768));
}

#[tokio::test]
async fn the_mouse_moves_clicks_drags_and_scrolls() {
    let fixture = started().await;
    for (operation, params, answer) in [
        ("computer.mouse_move", json!({"x": 500, "y": 300}), json!({"x": 500, "y": 300})),
        ("computer.mouse_position", json!({}), json!({"x": 500, "y": 300})),
        ("computer.mouse_click", json!({"x": 100, "y": 200, "button": "right"}), json!({"x": 100, "y": 200})),
        ("computer.key_press", json!({"key": "escape"}), json!({})),
        ("computer.mouse_click", json!({"x": 100, "y": 200, "double": true}), json!({"x": 100, "y": 200})),
        (
            "computer.mouse_drag",
            json!({"startX": 100, "startY": 100, "endX": 300, "endY": 300, "button": "left"}),
            json!({"x": 300, "y": 300}),
        ),
        (
            "computer.mouse_scroll",
            json!({"x": 5, "y": 6, "direction": "down", "amount": 3}),
            json!({"success": true}),
        ),
        ("computer.mouse_move", json!({"x": 99999, "y": -5}), json!({"x": 1023, "y": 0})),
        ("computer.key_hotkey", json!({"keys": "ctrl+c"}), json!({})),
        ("computer.key_press", json!({"key": "c", "modifiers": ["ctrl"]}), json!({})),
    ] {
        assert_eq!(fixture.does(operation, params).await, answer, "{operation}");
    }
}

/// A terminal window that writes down what it reads, the mouse's reports too.
async fn recorder(fixture: &Fixture) {
    let script = r"stty raw -echo; printf '\e[?1002h\e[?1006h\e]2;ready\a'; exec cat > read";
    fixture.put("records.sh", script);
    let xterm = "setsid xterm -xrm '*omitTranslation: popup-menu' -geometry 80x24+20+20 -e bash records.sh \
                 </dev/null >/dev/null 2>&1 &";
    fixture.executes(xterm).await;
    until("a window", async || {
        let titles = titles(fixture).await;
        titles.contains("ready") && titles.contains("\"isActive\":true")
    })
    .await;
}

#[tokio::test]
async fn buttons_and_keys_are_held_in_0_226() {
    let fixture = Fixture::of(Protocol::V0_226, json!({})).await;
    fixture.does("computer.start", json!({})).await;
    recorder(&fixture).await;
    let arrives = async |what: &str| {
        until(what, async || {
            let read = fixture.executes("cat read").await["result"].as_str().unwrap().to_owned();
            read.contains(what)
        })
        .await;
        fixture.executes(": > read").await;
    };
    let (here, there) = (json!({"x": 200, "y": 150}), json!({"x": 300, "y": 150}));
    // A report is button;column;row, and M for pressed, m for released; 32 is a motion with the button held.
    assert_eq!(fixture.does("computer.mouse_down", here.clone()).await, here);
    arrives("\x1b[<0;").await;
    assert_eq!(fixture.does("computer.mouse_move", there.clone()).await, there);
    arrives("\x1b[<32;").await;
    assert_eq!(fixture.does("computer.mouse_up", json!({})).await, there);
    arrives("m").await;
    let with = |more: Value| {
        let mut params = here.clone();
        params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        params
    };
    fixture.does("computer.mouse_click", with(json!({"clicks": 3, "double": true}))).await;
    let released = async || {
        let read = fixture.executes("cat read").await["result"].as_str().unwrap().to_owned();
        read.matches('M').count() == 3 && read.matches('m').count() == 3
    };
    until("three clicks", released).await;
    fixture.executes(": > read").await;
    fixture.does("computer.mouse_click", with(json!({"modifiers": ["ctrl"]}))).await;
    arrives("\x1b[<16;").await;
    for (direction, report) in [("left", "\x1b[<66;"), ("right", "\x1b[<67;")] {
        let params = with(json!({ "direction": direction }));
        assert_eq!(fixture.does("computer.mouse_scroll", params).await, json!({"success": true}));
        arrives(report).await;
    }
    let press = async || fixture.does("computer.key_press", json!({"key": "a"})).await;
    assert_eq!(fixture.does("computer.key_down", json!({"key": "shift"})).await, json!({}));
    press().await;
    arrives("A").await;
    fixture.does("computer.key_up", json!({"key": "shift"})).await;
    press().await;
    arrives("a").await;
    for (operation, params, words) in [
        ("computer.mouse_down", json!({"button": "side"}), "unsupported mouse button"),
        ("computer.key_down", json!({"key": "nokey"}), "unsupported key"),
        ("computer.mouse_scroll", with(json!({"direction": "in"})), "unsupported scroll direction"),
    ] {
        let error = fixture.call(operation, params).await.unwrap_err();
        assert!(error.detail().message.contains(words), "{operation}: {error:?}");
    }
}

#[tokio::test]
async fn a_recording_is_downloaded_with_its_directories_and_progress() {
    let fixture = started().await;
    let recording = fixture.does("computer.recording_start", json!({"label": "try"})).await;
    let id = recording["id"].clone();
    let error = fixture.call("computer.recording_delete", json!({"id": id})).await.unwrap_err();
    assert_eq!(error.detail().code.as_deref(), Some("RECORDING_STILL_ACTIVE"));
    let recording = fixture.does("computer.recording_stop", json!({"id": id})).await;
    assert_eq!(recording["status"], "completed");
    assert_eq!(fixture.does("computer.recording_get", json!({"id": id})).await["id"], id);
    let listed = fixture.does("computer.recording_list", json!({})).await;
    assert_eq!(listed["recordings"].as_array().unwrap().len(), 1);
    let local = fixture.place("new/directory/video.mp4");
    let params = json!({"id": id, "localPath": local});
    let (downloaded, progress) = fixture.with_progress("computer.recording_download", params).await;
    let video = std::fs::read(&local).unwrap();
    assert_eq!(downloaded.unwrap()["bytes"], video.len());
    assert_eq!(json!(video.len()), recording["sizeBytes"]);
    assert_eq!(&video[4..8], b"ftyp");
    assert_eq!(progress.last(), Some(&(video.len() as u64, Some(video.len() as u64))));
    fixture.does("computer.recording_delete", json!({"id": id})).await;
    let error = fixture.call("computer.recording_get", json!({"id": id})).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_NOT_FOUND);
}

#[tokio::test]
async fn the_programs_of_the_desktop_have_states_and_output() {
    let fixture = started().await;
    let status = fixture.does("computer.process_status", json!({"name": "xvfb"})).await;
    assert_eq!(status, json!({"processName": "xvfb", "running": true}));
    for operation in ["computer.process_logs", "computer.process_errors"] {
        assert_eq!(fixture.does(operation, json!({"name": "xfce4"})).await["processName"], "xfce4");
    }
    fixture.does("computer.process_restart", json!({"name": "xfce4"})).await;
    let running = async || fixture.does("computer.status", json!({})).await["status"] == "active";
    until("it runs again", running).await;
}

#[tokio::test]
async fn bad_input_is_told_apart_in_both_protocols() {
    for fixture in Fixture::both().await {
        fixture.does("computer.start", json!({})).await;
        let refused = async |operation: &str, params: Value| -> Error {
            let shown = format!("{operation} {params}");
            fixture.call(operation, params).await.expect_err(&shown)
        };
        let region = json!({"region": {"x": 5000, "y": 5000, "width": 10, "height": 10}});
        for (operation, params, status, words) in [
            (
                "computer.screenshot",
                region.clone(),
                status::INVALID_ARGUMENT,
                "outside the screen, which is 1024x768",
            ),
            ("computer.screenshot_image", region, status::INVALID_ARGUMENT, "outside the screen"),
            ("computer.recording_get", json!({"id": "nope"}), status::HTTP_NOT_FOUND, "recording \"nope\""),
            ("computer.recording_stop", json!({"id": "nope"}), status::HTTP_NOT_FOUND, "recording \"nope\""),
            (
                "computer.recording_delete",
                json!({"id": "nope"}),
                status::HTTP_NOT_FOUND,
                "recording \"nope\"",
            ),
            (
                "computer.recording_download",
                json!({"id": "nope", "localPath": fixture.place("x")}),
                status::HTTP_NOT_FOUND,
                "recording \"nope\"",
            ),
            (
                "computer.key_press",
                json!({"key": "nokey"}),
                status::HTTP_BAD_REQUEST,
                "unsupported key \"nokey\"",
            ),
            (
                "computer.key_hotkey",
                json!({"keys": "a+b"}),
                status::HTTP_BAD_REQUEST,
                "invalid hotkey \"a+b\"",
            ),
            ("computer.key_type", json!({"text": "\t"}), status::HTTP_BAD_REQUEST, "press(\"tab\")"),
            (
                "computer.mouse_click",
                json!({"x": 1, "y": 1, "button": "side"}),
                status::HTTP_BAD_REQUEST,
                "unsupported mouse button",
            ),
            (
                "computer.process_status",
                json!({"name": "nope"}),
                status::HTTP_SERVICE_UNAVAILABLE,
                "process nope not found",
            ),
            ("computer.mouse_down", json!({}), status::UNSUPPORTED, "0.226"),
            ("computer.mouse_click", json!({"x": 1, "y": 1, "clicks": 3}), status::UNSUPPORTED, "0.226"),
            ("computer.key_up", json!({"key": "a"}), status::UNSUPPORTED, "0.226"),
        ] {
            let error = refused(operation, params).await;
            assert_eq!(error.status(), status, "{operation}: {error:?}");
            assert!(error.detail().message.contains(words), "{operation}: {error:?}");
        }
        assert!(fixture.left().is_empty());
    }
}

#[tokio::test]
async fn a_sandbox_without_the_programs_says_which_packages_are_missing() {
    let fixture = Fixture::new().await;
    let sandbox = fixture.create(json!({"env": {"PATH": "/nowhere"}})).await;
    let error = support::call(&sandbox, "computer.start", json!({})).await.unwrap_err();
    assert_eq!(error.status(), status::HTTP_SERVICE_UNAVAILABLE);
    assert!(error.detail().message.contains("install the package xvfb"), "{error:?}");
    let error = support::call(&sandbox, "computer.recording_start", json!({})).await.unwrap_err();
    assert_eq!(error.detail().code.as_deref(), Some("RECORDING_FFMPEG_NOT_FOUND"));
}

/// The program of the dev server's own tests, which speaks AT-SPI without a toolkit; the answer is its process.
async fn accessible_program(fixture: &Fixture) -> i64 {
    fixture.put("accessible.py", include_str!("../../../devserver/tests/suite/computer/accessible.py"));
    // The bus of accessibility may come up after the desktop has.
    until("the bus is up", async || {
        fixture.call("computer.a11y_tree", json!({"scope": "all", "maxDepth": 1})).await.is_ok()
    })
    .await;
    let run = "setsid /usr/bin/python3 accessible.py </dev/null >said 2>&1 & echo -n $!";
    let process = fixture.executes(run).await["result"].as_str().unwrap().parse().unwrap();
    until("the program is registered", async || {
        let said = fixture.executes("cat said").await["result"].as_str().unwrap().to_owned();
        assert!(!said.contains("Error"), "{said}");
        said.contains("ready")
    })
    .await;
    process
}

#[tokio::test]
async fn the_widgets_of_a_program_are_read_found_and_used() {
    let fixture = started().await;
    let process = accessible_program(&fixture).await;
    let all = fixture.does("computer.a11y_tree", json!({"scope": "all", "maxDepth": 1})).await;
    assert_eq!(all["root"]["role"], "desktop frame");
    assert_eq!(all["root"]["children"][0]["name"], "tests");
    let of_process = fixture.does("computer.a11y_tree", json!({"scope": "pid", "pid": process})).await;
    assert_eq!(of_process["root"]["children"][0]["role"], "frame");
    assert_eq!(of_process["root"], fixture.does("computer.a11y_tree", json!({})).await["root"]);
    let find = async |params: Value| fixture.does("computer.a11y_find", params).await["matches"].clone();
    let button = find(json!({"scope": "all", "role": "push button", "states": ["enabled"]})).await[0].clone();
    assert_eq!((&button["name"], &button["actions"]), (&json!("Press me"), &json!(["click"])));
    assert_eq!(button["bounds"], json!({"x": 10, "y": 20, "width": 300, "height": 40}));
    let params = json!({"scope": "pid", "pid": process, "name": "^Press", "nameMatch": "regex", "limit": 5});
    assert_eq!(find(params).await[0]["id"], button["id"]);
    fixture.does("computer.a11y_invoke", json!({"id": button["id"], "action": "click"})).await;
    assert_eq!(find(json!({"name": "Pressed", "nameMatch": "exact"})).await[0]["id"], button["id"]);
    let entry = find(json!({"role": "text"})).await[0]["id"].clone();
    fixture.does("computer.a11y_set_value", json!({"id": entry, "value": "héllo"})).await;
    fixture.does("computer.a11y_focus", json!({"id": entry})).await;
    let named = find(json!({"name": "héllo"})).await[0].clone();
    assert_eq!((&named["id"], &named["states"]), (&entry, &json!(["enabled", "focused", "showing"])));
    for (operation, params, status) in [
        ("computer.a11y_focus", json!({"id": button["id"]}), status::HTTP_BAD_REQUEST),
        ("computer.a11y_invoke", json!({"id": button["id"], "action": "hold"}), status::HTTP_BAD_REQUEST),
        ("computer.a11y_invoke", json!({"id": ":1.999:/window"}), status::HTTP_NOT_FOUND),
        ("computer.a11y_tree", json!({"scope": "pid", "pid": 999_999}), status::HTTP_NOT_FOUND),
    ] {
        let error = fixture.call(operation, params).await.unwrap_err();
        assert_eq!(error.status(), status, "{operation}: {error:?}");
    }
}

#[tokio::test]
async fn without_a_desktop_the_accessibility_tree_is_unavailable() {
    let fixture = Fixture::new().await;
    let error = fixture.call("computer.a11y_tree", json!({"scope": "all"})).await.unwrap_err();
    let code = error.detail().code.clone();
    assert_eq!(
        (error.status(), code.as_deref()),
        (status::HTTP_SERVICE_UNAVAILABLE, Some("A11Y_UNAVAILABLE"))
    );
}
