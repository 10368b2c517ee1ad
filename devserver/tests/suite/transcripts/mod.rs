//! The recordings of the real daemon, replayed: every recorded request of the areas that the dev
//! server serves is sent to it in its 0.190 mode, and every answer is compared with the recorded one.
//!
//! `TRANSCRIPT_AREA=files cargo test -p daytona-dev --test suite transcripts:: -- --nocapture` replays one.
//! `TRANSCRIPT_TOOLBOX=http://127.0.0.1:2280` replays it against another toolbox, such as the real
//! daemon: that is how the replay itself was checked.

mod answer;
mod order;
mod recording;
mod replay;
mod scene;
mod socket;
mod template;

use daytona_dev::{Options, Protocol, Server};

const AREAS: [&str; 11] = [
    "sandbox",
    "process",
    "session",
    "pty",
    "files",
    "errors",
    "git",
    "interpreter",
    "lsp",
    "computer_use",
    "computer_use_crash",
];

/// The largest permitted share of skipped exchanges.
const SKIPPED_PERCENT: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_recorded_request_is_answered_as_recorded() {
    let only = std::env::var("TRANSCRIPT_AREA").ok();
    let areas = AREAS.into_iter().filter(|area| only.as_deref().is_none_or(|only| only == *area));
    // One server per area, so that lists contain nothing of another. The control plane's recording has states
    // that pass after a time, so it is replayed alone.
    let (alone, together): (Vec<_>, Vec<_>) = areas.partition(|area| *area == "sandbox");
    let start = |area| {
        tokio::spawn(async move {
            let server = Server::start(Options { protocol: Protocol::V0_190, ..Options::default() })
                .await
                .expect("the dev server starts");
            let outcome = replay::Replay::new(area, &server).await.run().await;
            server.stop().await;
            outcome
        })
    };
    let mut outcomes = Vec::new();
    for replays in [alone, together] {
        let replays: Vec<_> = replays.into_iter().map(start).collect();
        for replay in replays {
            outcomes.push(replay.await.expect("the replay itself does not fail"));
        }
    }
    let (mut recorded, mut skipped, mut failing) = (0, 0, Vec::new());
    for outcome in &outcomes {
        println!(
            "{}: {} recorded, {} compared, {} differ, {} skipped",
            outcome.area,
            outcome.recorded,
            outcome.recorded - outcome.skipped.len(),
            outcome.differing.len(),
            outcome.skipped.len()
        );
        for (name, reason) in &outcome.skipped {
            println!("  skipped {name:?}: {reason}");
        }
        recorded += outcome.recorded;
        skipped += outcome.skipped.len();
        failing.extend(outcome.differing.iter().map(|(name, differences)| {
            format!("{} {name:?}\n    {}", outcome.area, differences.join("\n    "))
        }));
    }
    println!("all: {recorded} recorded, {} compared, {skipped} skipped", recorded - skipped);
    assert!(recorded > 0, "no such area: {only:?}");
    assert!(failing.is_empty(), "not answered as recorded: {}\n{}", failing.len(), bounded(&failing));
    // Applies to all areas together.
    assert!(only.is_some() || skipped * 100 <= recorded * SKIPPED_PERCENT, "{skipped} of {recorded} skipped");
}

/// The first differing exchanges, within what a log that is cut still shows.
fn bounded(failing: &[String]) -> String {
    const MESSAGE_BYTES: usize = 6_000;
    let mut message = String::new();
    for (index, exchange) in failing.iter().enumerate() {
        if index > 0 && message.len() + exchange.len() > MESSAGE_BYTES {
            return format!("{message}and {} more\n", failing.len() - index);
        }
        let cut = exchange.char_indices().nth(MESSAGE_BYTES).map_or(exchange.len(), |(at, _)| at);
        message += &format!("{}\n", &exchange[..cut]);
    }
    message
}
