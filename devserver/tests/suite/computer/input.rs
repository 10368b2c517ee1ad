//! Keyboard and mouse, read by a program in a terminal window, which says through its title what it got.

use crate::client::DevServer;
use serde_json::{Value, json};

/// Reads a line and makes it the window's title.
const READ_LINE: &str =
    r#"printf '\e]2;ready\a'; IFS= read -r line; printf '\e]2;got:%s\a' "$line"; sleep 1000"#;

/// Asks for reports of the mouse, and makes the reports the window's title, byte by byte in decimal.
fn read_mouse(mode: u32, bytes: u32) -> String {
    format!(
        "stty -echo raw; printf '\\e[?{mode}h\\e]2;ready\\a'\n\
         got=$(head -c {bytes} | od -An -v -tu1 | tr -s ' \\n' ' ')\nprintf '\\e]2;got:%s\\a' \"$got\"; sleep 1000"
    )
}

async fn typed(text: &str) {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    sandbox.terminal("reads", READ_LINE).await;
    // A terminal that still starts would read the keys when they are bound to other characters.
    sandbox.until_titled("ready").await;
    let region = "/region?x=20&y=20&width=400&height=100";
    let before = sandbox.pixels(region).await;
    let typed = sandbox.post("/computeruse/keyboard/type", json!({ "text": text })).await;
    assert_eq!(typed, (200, json!({})));
    let enter = sandbox.post("/computeruse/keyboard/key", json!({"key": "Enter"})).await;
    assert_eq!(enter, (200, json!({})));
    sandbox.until_titled(&format!("got:{text}")).await;
    assert_ne!(sandbox.pixels(region).await, before, "nothing of it is on the screen");
}

#[tokio::test]
async fn what_is_typed_arrives_in_a_terminal_and_is_on_the_screen() {
    typed("Hello, World! ~`^\"'\\{}[]<>|_+-=*&%$#@;:?/").await;
}

#[tokio::test]
async fn characters_that_no_key_has_arrive_too() {
    typed("héllo wörld € ñ 日本語 Ω ж").await;
}

#[tokio::test]
async fn more_characters_than_spare_keys_arrive_in_order() {
    let letters: String = ('\u{410}'..='\u{44f}').chain('\u{3b1}'..='\u{3c9}').collect();
    typed(&letters).await;
}

#[tokio::test]
async fn keys_and_hotkeys_hold_their_modifiers() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    let script = "stty -echo raw; printf '\\e]2;ready\\a'\n\
                  got=$(head -c 6 | od -An -v -tu1 | tr -s ' \\n' ' ')\nprintf '\\e]2;got:%s\\a' \"$got\"; sleep 1000";
    sandbox.terminal("raw", script).await;
    sandbox.until_titled("ready").await;
    for (path, body) in [
        ("key", json!({"key": "a"})),
        ("key", json!({"key": "a", "modifiers": ["shift"]})),
        ("hotkey", json!({"keys": "ctrl+c"})),
        ("key", json!({"key": "tab"})),
        ("key", json!({"key": "num7"})),
        ("key", json!({"key": "Return"})),
    ] {
        assert_eq!(sandbox.post(&format!("/computeruse/keyboard/{path}"), body).await.0, 200);
    }
    sandbox.until_titled("got: 97 65 3 9 55 13").await;
}

/// What a terminal of 80x24 reports of the mouse after these requests.
async fn mouse(mode: u32, bytes: u32, requests: &[(&str, Value)], reports: &str) {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    sandbox.terminal("mouse", &read_mouse(mode, bytes)).await;
    sandbox.until_titled("ready").await;
    let window = sandbox.window("ready").await.unwrap();
    let place = |key: &str| window[key].as_i64().unwrap();
    for (path, body) in requests {
        let mut body = body.clone();
        for (key, value) in body.as_object_mut().unwrap() {
            if let Some(number) = value.as_i64().filter(|_| key != "amount") {
                let origin = place(if key.to_lowercase().ends_with('x') { "x" } else { "y" });
                *value = json!(origin + number);
            }
        }
        let (status, answer) = sandbox.post(&format!("/computeruse/mouse/{path}"), body.clone()).await;
        assert_eq!(status, 200, "{answer}");
        if *path != "scroll" {
            let last = |key: &str, end: &str| body.get(key).or(body.get(end)).cloned().unwrap();
            assert_eq!(answer, json!({"x": last("x", "endX"), "y": last("y", "endY")}));
        }
    }
    sandbox.until_titled(&format!("got:{reports}")).await;
}

/// In a report 27 91 77 precede the button (32 left, 34 right, 35 released, 96 and 97 the wheel) and the place.
#[tokio::test]
async fn clicks_reach_the_program_below_the_mouse() {
    let click = json!({"x": 5, "y": 5, "button": "right"});
    mouse(1000, 12, &[("click", click)], " 27 91 77 34 33 33 27 91 77 35 33 33").await;
}

#[tokio::test]
async fn a_double_click_is_two_clicks() {
    let double = json!({"x": 5, "y": 5, "double": true});
    let reports = " 27 91 77 32 33 33 27 91 77 35 33 33 27 91 77 32 33 33 27 91 77 35 33 33";
    mouse(1000, 24, &[("click", double)], reports).await;
}

#[tokio::test]
async fn the_wheel_turns_both_ways_as_often_as_asked() {
    let requests = [
        ("scroll", json!({"x": 5, "y": 5, "direction": "down", "amount": 2})),
        ("scroll", json!({"x": 5, "y": 5, "direction": "up"})),
    ];
    mouse(1000, 18, &requests, " 27 91 77 97 33 33 27 91 77 97 33 33 27 91 77 96 33 33").await;
}

#[tokio::test]
async fn a_drag_holds_the_button_all_the_way() {
    // A click, the button down, and the first cell that the drag reaches: 64 is motion with the left button.
    let drag = json!({"startX": 5, "startY": 5, "endX": 200, "endY": 5});
    let reports = " 27 91 77 32 33 33 27 91 77 35 33 33 27 91 77 32 33 33 27 91 77 64";
    mouse(1002, 22, &[("drag", drag)], reports).await;
}

#[tokio::test]
async fn the_mouse_stays_on_the_screen() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    let to = async |x: i64, y: i64| sandbox.post("/computeruse/mouse/move", json!({"x": x, "y": y})).await.1;
    assert_eq!(to(100, 120).await, json!({"x": 100, "y": 120}));
    assert_eq!(sandbox.get("/computeruse/mouse/position").await.1, json!({"x": 100, "y": 120}));
    assert_eq!(to(99999, -5).await, json!({"x": 1023, "y": 0}));
}
