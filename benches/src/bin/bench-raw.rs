//! The peer without a library: tokio-tungstenite on one thread, which reads frames and does nothing
//! with them; for screenshots a plain connection, the same base64 decoder and one copy.
//! `bench-raw PORT log|flood|echo|interpreter|screenshot`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bench::{MIB, Report, SCREENSHOT_BYTES, SCREENSHOTS, STREAM_BYTES, median, monotonic_us, peak_kib};
use futures_util::{SinkExt, StreamExt};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// Round trips of the echo measure, after as many to warm up.
const TRIPS: usize = 3000;
/// Runs of the interpreter.
const RUNS: usize = 200;

type Outcome = Result<(), Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, what] = arguments.as_slice() else { return Err("bench-raw PORT MEASURE".into()) };
    match what.as_str() {
        "interpreter" => return interpreter(port).await,
        "screenshot" => return screenshots(port).await,
        _ => {}
    }
    let path = match what.as_str() {
        "log" => "process/session/s/command/c/logs?follow=true",
        "flood" => "process/pty/create-connect?id=flood&cols=80&rows=24",
        _ => "process/pty/create-connect?id=echo&cols=80&rows=24",
    };
    let (mut socket, _) = connect_async(format!("ws://127.0.0.1:{port}/toolbox/sb/{path}")).await?;
    let report = Report::default();
    if what == "echo" {
        let mut trips = Vec::new();
        socket.next().await;
        for trip in 0..2 * TRIPS {
            let began = Instant::now();
            socket.send(Message::Binary(bytes::Bytes::from_static(b"x"))).await?;
            while !matches!(socket.next().await, Some(Ok(Message::Binary(_)))) {}
            if trip >= TRIPS {
                trips.push(began.elapsed().as_nanos() as f64 / 1000.0);
            }
        }
        report.print((2 * TRIPS) as f64, &format!(",\"p50Us\":{}", median(trips)));
        return Ok(());
    }
    let mut received = 0;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Binary(bytes) = message {
            received += bytes.len();
        }
    }
    if received + 2 * bench::FRAME_BYTES < STREAM_BYTES {
        return Err(format!("only {received} bytes came").into());
    }
    report.print((received / MIB) as f64, "");
    Ok(())
}

/// From the server's frame to its text in hand.
async fn interpreter(port: &str) -> Outcome {
    let report = Report::default();
    let mut waits = Vec::new();
    for _ in 0..RUNS {
        let url = format!("ws://127.0.0.1:{port}/toolbox/sb/process/interpreter/execute");
        let (mut socket, _) = connect_async(url).await?;
        socket.send(Message::Text(r#"{"code":"print()"}"#.into())).await?;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(frame) = message {
                let output: serde_json::Value = serde_json::from_str(&frame)?;
                let sent_us: f64 = output["text"].as_str().ok_or("no text")?.parse()?;
                waits.push(monotonic_us() - sent_us);
            }
        }
    }
    report.print(RUNS as f64, &format!(",\"p50Us\":{}", median(waits)));
    Ok(())
}

/// What receiving, decoding and one copy cost.
async fn screenshots(port: &str) -> Outcome {
    let mut socket = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    let idle_kib = peak_kib();
    let report = Report::default();
    for _ in 0..SCREENSHOTS {
        let head = "GET /toolbox/sb/computeruse/screenshot HTTP/1.1\r\nhost: localhost\r\n\r\n";
        socket.write_all(head.as_bytes()).await?;
        let prefix = br#"{"screenshot":""#;
        let mut answer = Vec::with_capacity(SCREENSHOT_BYTES / 3 * 4 + 1024);
        while !answer.ends_with(b"\"}") {
            socket.read_buf(&mut answer).await?;
        }
        let begin = answer.windows(prefix.len()).position(|part| part == prefix).ok_or("no image")?;
        let image = STANDARD.decode(&answer[begin + prefix.len()..answer.len() - 2])?;
        let copy = std::hint::black_box(image.clone());
        if copy.len() != SCREENSHOT_BYTES {
            return Err("the image is not whole".into());
        }
    }
    report.print(SCREENSHOTS as f64, &format!(",\"grownKib\":{}", peak_kib() - idle_kib));
    Ok(())
}
