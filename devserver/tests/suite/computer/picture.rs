//! Screenshots.

use crate::client::DevServer;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_region_is_that_part_of_the_whole() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    sandbox.terminal("text", "printf '\\e[?25l\\e[41mred\\e[0m and black'; sleep 1000").await;
    // The terminal draws after its window is there: the region is taken between two pictures that are the same.
    let still = async {
        loop {
            let whole = sandbox.pixels("").await;
            let part = sandbox.pixels("/region?x=30&y=40&width=200&height=50").await;
            if !whole.is_black() && whole.rgb == sandbox.pixels("").await.rgb {
                return (whole, part);
            }
        }
    };
    let still = tokio::time::timeout(Duration::from_secs(60), still).await;
    let (whole, part) = still.expect("the terminal is drawn");
    assert_eq!((whole.width, whole.height), (1024, 768));
    assert_eq!((part.width, part.height), (200, 50));
    let row = |y: usize| &whole.rgb[((40 + y) * 1024 + 30) * 3..][..200 * 3];
    assert!((0..50).all(|y| row(y) == &part.rgb[y * 200 * 3..][..200 * 3]));
}

#[tokio::test]
async fn what_lies_outside_the_screen_is_black() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    sandbox.shell("setsid xterm -geometry 200x60+0+0 -bg white </dev/null >/dev/null 2>&1 &").await;
    crate::client::until("a window", async || sandbox.window("").await.is_some()).await;
    let outside = sandbox.pixels("/region?x=5000&y=5000&width=10&height=10").await;
    assert!(outside.is_black() && outside.width == 10);
    let partly = sandbox.pixels("/region?x=-10&y=300&width=30&height=4").await;
    for y in 0..4 {
        let row = &partly.rgb[y * 90..][..90];
        assert!(row[..30].iter().all(|part| *part == 0), "left of the screen: {row:?}");
        assert_eq!(row[30..], sandbox.pixels("/region?x=0&y=300&width=20&height=1").await.rgb[..60]);
    }
}

#[tokio::test]
async fn the_cursor_is_drawn_where_it_is_and_only_when_asked_for() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    sandbox.post("/computeruse/mouse/move", json!({"x": 300, "y": 200})).await;
    let (_, taken) = sandbox.get("/computeruse/screenshot?showCursor=true").await;
    assert_eq!(taken["cursorPosition"], json!({"x": 300, "y": 200}));
    let near = "x=280&y=180&width=40&height=40";
    let with = sandbox.pixels(&format!("/region?{near}&showCursor=true")).await;
    let without = sandbox.pixels(&format!("/region?{near}")).await;
    assert_ne!(with, without);
    let far = "x=600&y=600&width=40&height=40";
    let with = sandbox.pixels(&format!("/region?{far}&showCursor=true")).await;
    assert_eq!(with, sandbox.pixels(&format!("/region?{far}")).await);
    let (_, scaled) = sandbox.get("/computeruse/screenshot/compressed?showCursor=true&scale=0.5").await;
    assert_eq!(scaled["cursorPosition"], json!({"x": 150, "y": 100}));
}

#[tokio::test]
async fn compressed_pictures_have_the_format_and_size_that_was_asked_for() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox().await;
    sandbox.starts_desktop().await;
    sandbox.terminal("text", "ls -la /usr/bin | head -n 23; sleep 1000").await;
    let half = sandbox.pixels("/compressed?format=png&scale=0.5").await;
    assert_eq!((half.width, half.height), (512, 384));
    let [good, poor] = [90, 10].map(|quality| format!("/compressed?format=jpeg&quality={quality}"));
    let (good, poor) = (sandbox.image(&good).await, sandbox.image(&poor).await);
    assert!(good.starts_with(b"\xff\xd8") && poor.starts_with(b"\xff\xd8"));
    assert!(poor.len() < good.len());
    let (_, answer) = sandbox.get("/computeruse/screenshot/compressed?format=jpeg").await;
    assert!(answer["sizeBytes"].as_u64().unwrap() > 1000);
    assert!(answer.get("cursorPosition").is_none());
    let region = sandbox.pixels("/region/compressed?x=0&y=0&width=100&height=50&scale=0.5").await;
    assert_eq!((region.width, region.height), (50, 25));
    // An unknown format is the whole picture as PNG.
    assert_eq!(sandbox.pixels("/compressed?format=bmp&scale=0.5").await.width, 1024);
}
