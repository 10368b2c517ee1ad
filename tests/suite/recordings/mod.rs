//! What the real daemon was recorded to answer, handed to the client: a server gives the recorded answer, and the
//! result has to be its body untouched, or the error its status, code and words.
//!
//! * `question`: the operation that sends the recorded request. `ordinary`: where none does, the operation of the same
//!   endpoint, with arguments of its own. `replay`: one exchange. `sockets`: one recorded WebSocket.
//!
//! `TRANSCRIPT_AREA=files cargo test --test suite recordings:: -- --nocapture` looks at one area.

#[allow(dead_code)]
#[path = "../../../devserver/tests/suite/transcripts/recording.rs"]
mod recording;

mod ordinary;
mod question;
mod replay;
mod sockets;

use futures_util::{StreamExt, stream};
use replay::Outcome;

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

/// So many at a time: some take seconds, because their operation asks again before it gives up.
const AT_ONCE: usize = 16;

#[tokio::test]
async fn every_recorded_answer_is_handed_through_as_it_came() {
    let only = std::env::var("TRANSCRIPT_AREA").ok();
    let (mut recorded, mut skipped, mut differing) = (0, 0, Vec::new());
    for area in AREAS.into_iter().filter(|area| only.as_deref().is_none_or(|only| only == *area)) {
        let exchanges = recording::area(area);
        let outcomes: Vec<_> = stream::iter(&exchanges)
            .map(async |exchange| (exchange, replay::compare(area, exchange).await))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let before = (skipped, differing.len());
        for (exchange, outcome) in outcomes {
            match outcome {
                Outcome::Same => {}
                Outcome::Skipped(reason) => {
                    println!("  skipped {area} {:?}: {reason}", exchange.name);
                    skipped += 1;
                }
                Outcome::Differs(how) => {
                    println!("  differs {area} {:?}: {how}", exchange.name);
                    differing.push(format!("{area}: {}", exchange.name));
                }
            }
        }
        recorded += exchanges.len();
        println!(
            "{area}: {} recorded, {} differ, {} skipped",
            exchanges.len(),
            differing.len() - before.1,
            skipped - before.0
        );
    }
    println!("answers: {recorded} recorded, {} compared, {skipped} skipped", recorded - skipped);
    assert!(differing.is_empty(), "not handed through: {differing:#?}");
    assert!(only.is_some() || skipped * 100 <= recorded * SKIPPED_PERCENT, "{skipped} of {recorded} skipped");
}
