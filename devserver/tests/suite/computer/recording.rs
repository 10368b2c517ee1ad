//! Videos of the screen.

use crate::client::DevServer;
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_recording_is_a_video_of_the_screen_from_start_to_stop() {
    let dev_server = DevServer::new().await;
    // An odd size, which the pixel format of videos does not allow.
    let sandbox = dev_server.sandbox_with(json!({"VNC_RESOLUTION": "321x241"})).await;
    sandbox.starts_desktop().await;
    let recordings = "/computeruse/recordings";
    assert_eq!(sandbox.get(recordings).await, (200, json!({"recordings": []})));
    let (status, started) = sandbox.post("/computeruse/recordings/start", json!({"label": "my try"})).await;
    assert_eq!((status, &started["status"]), (201, &json!("recording")), "{started}");
    let id = started["id"].as_str().unwrap();
    let name = started["fileName"].as_str().unwrap();
    assert!(name.starts_with(&format!("{id}_my try_")) && name.ends_with(".mp4"), "{name}");
    assert_eq!(sandbox.get(&format!("{recordings}/{id}")).await, (200, started.clone()));
    assert_eq!(sandbox.get(recordings).await.1["recordings"], json!([started]));
    let (status, error) = sandbox.delete(&format!("{recordings}/{id}")).await;
    assert_eq!((status, &error["code"]), (409, &json!("RECORDING_STILL_ACTIVE")));
    let (status, stopped) = sandbox.post("/computeruse/recordings/stop", json!({"id": id})).await;
    assert_eq!((status, &stopped["status"]), (200, &json!("completed")), "{stopped}");
    assert!(stopped["durationSeconds"].as_f64().unwrap() > 0.0);
    assert_eq!(sandbox.get(&format!("{recordings}/{id}")).await.1["status"], "completed");
    let download = sandbox.request(Method::GET, &format!("{recordings}/{id}/download")).send().await.unwrap();
    assert_eq!(download.headers()["content-type"], "video/mp4");
    let video = download.bytes().await.unwrap();
    assert_eq!(json!(video.len()), stopped["sizeBytes"]);
    assert_eq!(video[4..8], *b"ftyp");
    let probe = "ffprobe -v error -select_streams v -show_entries stream=width,height -of csv=p=0";
    let size = sandbox.shell(&format!("{probe} .daytona/recordings/*.mp4")).await;
    assert_eq!(size.trim(), "322,242");
    assert_eq!(sandbox.delete(&format!("{recordings}/{id}")).await, (204, Value::String(String::new())));
    assert_eq!(sandbox.get(&format!("{recordings}/{id}")).await.0, 404);
    assert_eq!(sandbox.post("/computeruse/recordings/stop", json!({"id": id})).await.0, 404);
}

#[tokio::test]
async fn recordings_run_beside_each_other_and_end_with_the_desktop() {
    let dev_server = DevServer::new().await;
    let sandbox = dev_server.sandbox_with(json!({"VNC_RESOLUTION": "320x240"})).await;
    assert_eq!(sandbox.post("/computeruse/recordings/start", json!({})).await.0, 400);
    sandbox.starts_desktop().await;
    for _ in 0..2 {
        assert_eq!(sandbox.post("/computeruse/recordings/start", json!({})).await.0, 201);
    }
    assert_eq!(sandbox.post("/computeruse/stop", json!({})).await.0, 200);
    let recordings = sandbox.get("/computeruse/recordings").await.1;
    let recordings = recordings["recordings"].as_array().unwrap();
    assert!(recordings.len() == 2 && recordings.iter().all(|recording| recording["status"] == "completed"));
    assert_eq!(sandbox.shell("pgrep -c ffmpeg").await.trim(), "0");
}
