//! The desktop in the 0.205 mode, with a real X server, window manager and terminal windows.

mod accessibility;
mod input;
mod lifecycle;
mod picture;
mod recording;

use crate::client::{DevServer, Sandbox, until};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The pixels of a picture, three bytes each, in rows.
#[derive(PartialEq, Eq, Debug)]
struct Pixels {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Pixels {
    fn of(png: &[u8]) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().expect("a PNG");
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((frame.color_type, frame.bit_depth), (png::ColorType::Rgb, png::BitDepth::Eight));
        Self { width: frame.width, height: frame.height, rgb }
    }

    fn is_black(&self) -> bool {
        self.rgb.iter().all(|part| *part == 0)
    }
}

impl Sandbox<'_> {
    async fn starts_desktop(&self) -> Value {
        let (status, answer) = self.post("/computeruse/start", json!({})).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    async fn image(&self, path: &str) -> Vec<u8> {
        let (status, answer) = self.get(&format!("/computeruse/screenshot{path}")).await;
        assert_eq!(status, 200, "{answer}");
        STANDARD.decode(answer["screenshot"].as_str().unwrap()).unwrap()
    }

    async fn pixels(&self, path: &str) -> Pixels {
        Pixels::of(&self.image(path).await)
    }

    async fn shell(&self, command: &str) -> String {
        let (status, ran) = self.post("/process/execute", json!({ "command": command })).await;
        assert_eq!(status, 200, "{ran}");
        ran["result"].as_str().unwrap().to_owned()
    }

    /// Opens a terminal window that runs a script, and waits until the keyboard goes to it.
    async fn terminal(&self, title: &str, script: &str) {
        self.write(&format!("{title}.sh"), script).await;
        let xterm = format!("xterm -title {title} -geometry 80x24+20+20 -bg white -fg black");
        self.shell(&format!("setsid {xterm} -e bash {title}.sh </dev/null >/dev/null 2>xterm.err &")).await;
        // Its script may have changed the title already.
        until(title, async || self.window("").await.is_some_and(|window| window["isActive"] == true)).await;
    }

    /// The window whose title contains this.
    async fn window(&self, title: &str) -> Option<Value> {
        let (status, answer) = self.get("/computeruse/display/windows").await;
        assert_eq!(status, 200, "{answer}");
        let windows = answer["windows"].as_array().unwrap();
        windows.iter().find(|window| window["title"].as_str().unwrap().contains(title)).cloned()
    }

    async fn until_titled(&self, title: &str) {
        until(title, async || self.window(title).await.is_some()).await;
    }
}

impl DevServer {
    async fn sandbox_with(&self, env: Value) -> Sandbox<'_> {
        let (status, json) = self.post("/sandbox", json!({ "env": env })).await;
        assert_eq!((status, &json["state"]), (200, &json!("started")), "{json}");
        Sandbox { dev_server: self, id: json["id"].as_str().unwrap().to_owned() }
    }
}
