//! A case of the matrix: what is promised of it, and the judge.

use crate::fixture::Fixture;
use crate::support;
use daytona::client::status;
use daytona::{Error, Result};
use daytona_dev::Protocol;
use serde_json::{Value, json};
use std::time::Duration;

/// The idle and connect limits of the tests' client: short, because many cases wait for one of them, and long
/// enough for the second after which the dev server's 429 asks to come back.
pub const PATIENCE_MS: u64 = 15_000;

/// `timeoutMs` of a call under a fault: a timeout is waited for, and all else may take its time on a busy machine.
pub fn limit_ms(promise: Promise) -> u64 {
    if promise == Fails(status::TIMEOUT) { 1500 } else { 60_000 }
}

/// The parameters of such a call.
pub fn limited(params: &Value, promise: Promise) -> Value {
    let mut params = params.clone();
    params["timeoutMs"] = json!(limit_ms(promise));
    params
}

/// Far more than any case may take.
const WATCHDOG: Duration = Duration::from_secs(90);

/// What comes of an operation under a fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Promise {
    /// The same as without it.
    Truth,
    /// An error of this status.
    Fails(i32),
}

pub use Promise::{Fails, Truth};

pub async fn fixture() -> Fixture {
    let config =
        json!({"retries": 2, "idleTimeoutMs": PATIENCE_MS, "connectTimeoutMs": PATIENCE_MS, "events": false});
    Fixture::of(Protocol::V0_205, config).await
}

/// The fault for a path: `strikes` times, or (`None`) for as long as the case lasts.
pub fn fault(kind: &str, path: &str, strikes: Option<u32>) -> String {
    strikes.map_or_else(|| format!("{kind}@{path}"), |count| format!("{kind}@{path}*{count}"))
}

/// The cells of one test. All of them run; those that broke their promise fail it at the end.
#[derive(Default)]
pub struct Matrix {
    broken: Vec<String>,
}

impl Matrix {
    /// Runs the operation under the fault, and holds what comes of it against its promise.
    pub async fn case(
        &mut self,
        fixture: &Fixture,
        operation: &str,
        fault: &str,
        promise: Promise,
        truth: &Value,
        run: impl AsyncFnOnce() -> Result<Value>,
    ) -> Option<Error> {
        fixture.server.fault(fault);
        let outcome = tokio::time::timeout(WATCHDOG, run()).await;
        fixture.clear_faults().await;
        // What the case left to be removed in the background must not meet the faults of the next one.
        support::until_idle().await;
        // Not under the next case.
        fixture.until_idle_is_closed().await;
        let told = match &outcome {
            Err(_) => "hangs".to_owned(),
            Ok(Ok(value)) if value == truth => "the truth".to_owned(),
            Ok(Ok(value)) => format!("succeeds with {value}"),
            Ok(Err(error)) => error.detail().name.to_owned(),
        };
        println!("case {operation:<22} {fault:<44} {told}");
        let error = outcome.ok().and_then(Result::err);
        let kept = match (promise, &error) {
            (Truth, None) => told == "the truth",
            (Fails(expected), Some(error)) => {
                error.status() == expected && says_what_and_where(fixture, operation, error)
            }
            _ => false,
        };
        self.check(kept, || format!("{operation} under {fault}: {promise:?}, but {told}: {error:?}"));
        error
    }

    /// Something else that has to be so after a case.
    pub fn check(&mut self, kept: bool, broken: impl FnOnce() -> String) {
        if !kept {
            self.broken.push(broken());
        }
    }

    pub fn end(self) {
        assert!(self.broken.is_empty(), "broken:\n{}", self.broken.join("\n"));
    }
}

/// The operation, and the server by its address or the thing by its name.
fn says_what_and_where(fixture: &Fixture, operation: &str, error: &Error) -> bool {
    let host = fixture.server.api_url().trim_start_matches("http://").trim_end_matches("/api");
    let named = [host, operation, "sandbox ", "PTY \"", "session \"", "cannot "];
    error.detail().operation == Some(operation)
        && named.iter().any(|name| error.detail().message.contains(name))
}

/// The faults of HTTP that strike one request, and what becomes of an operation which is that one
/// request. `repeatable`: it may be sent again although the server may have acted on it.
pub fn of_one_request(repeatable: bool) -> Vec<(&'static str, Promise)> {
    let unless = |failure: i32| if repeatable { Truth } else { Fails(failure) };
    vec![
        ("cut", unless(status::CONNECTION)),
        ("cut-after", unless(status::CONNECTION)),
        ("cut-body=0", unless(status::CONNECTION)),
        ("cut-body=1", unless(status::CONNECTION)),
        ("cut-body=9", unless(status::CONNECTION)),
        ("stall", Fails(status::TIMEOUT)),
        ("stall-body=0", Fails(status::TIMEOUT)),
        ("stall-body=9", Fails(status::TIMEOUT)),
        ("delay=50", Truth),
        ("split", Truth),
        ("close-idle=30", Truth),
        // Not acted upon, and says when to come back.
        ("status=429", Truth),
        ("status=502", unless(502)),
        ("html=502", unless(502)),
        ("empty=502", unless(502)),
        ("html=503", unless(503)),
        ("empty=504", unless(504)),
        ("status=500", Fails(500)),
        ("html=500", Fails(500)),
        ("empty=500", Fails(500)),
        ("html=200", Fails(status::PROTOCOL)),
        ("empty=200", Fails(status::PROTOCOL)),
        ("garbage", Fails(status::PROTOCOL)),
    ]
}

/// The same of an operation that needs no more of the answer than its status: a body that breaks is not missed.
pub fn of_one_order(repeatable: bool) -> Vec<(&'static str, Promise)> {
    let is_of_the_body = |kind: &str| {
        ["cut-body", "stall-body", "html=200", "empty=200", "garbage"].iter().any(|it| kind.starts_with(it))
    };
    of_one_request(repeatable).into_iter().filter(|(kind, _)| !is_of_the_body(kind)).collect()
}

/// Whether the server acts on the request that this fault strikes.
pub fn lets_act(fault: &str) -> bool {
    ["cut-after", "cut-body", "stall-body", "delay", "split", "close-idle"]
        .iter()
        .any(|kind| fault.starts_with(kind))
}
