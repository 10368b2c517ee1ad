//! The peer without a library: tokio-tungstenite on one thread, which reads frames and does nothing
//! with them. `bench-raw PORT log|flood|echo`.

use bench::{MIB, Report, STREAM_BYTES, median};
use futures_util::{SinkExt, StreamExt};
use std::time::Instant;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// Round trips of the echo measure, after as many to warm up.
const TRIPS: usize = 3000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, port, what] = arguments.as_slice() else { return Err("bench-raw PORT log|flood|echo".into()) };
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
