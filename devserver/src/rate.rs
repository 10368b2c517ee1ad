//! `--rate-limit N`: N requests a minute and key, then 429 with the headers that the service sends,
//! plain and with the throttler's name.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// The name that the service's general throttler has.
const THROTTLER: &str = "authenticated";

pub struct RateLimit {
    requests: u32,
    windows: Mutex<HashMap<String, (Instant, u32)>>,
}

/// What a key has left.
pub struct Verdict {
    pub refused: bool,
    pub headers: HeaderMap,
}

impl RateLimit {
    pub fn new(requests: u32) -> Self {
        Self { requests, windows: Mutex::default() }
    }

    pub fn count(&self, key: &str) -> Verdict {
        let mut windows = self.windows.lock();
        let window = windows.entry(key.to_owned()).or_insert_with(|| (Instant::now(), 0));
        if window.0.elapsed() >= WINDOW {
            *window = (Instant::now(), 0);
        }
        window.1 = window.1.saturating_add(1);
        let reset = WINDOW.saturating_sub(window.0.elapsed()).as_secs_f64().ceil() as u64;
        let refused = window.1 > self.requests;
        let left = self.requests.saturating_sub(window.1);
        let mut headers = headers(self.requests.into(), left.into(), reset);
        if refused {
            headers.extend(retry_after(reset));
        }
        Verdict { refused, headers }
    }
}

/// What every answer to a limited key tells; `reset` in seconds from now.
pub fn headers(limit: u64, remaining: u64, reset: u64) -> HeaderMap {
    let told =
        [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset)];
    told.into_iter().flat_map(|(name, value)| both(name, value)).collect()
}

/// What a refusal tells beside that.
pub fn retry_after(seconds: u64) -> HeaderMap {
    both("retry-after", seconds).collect()
}

fn both(name: &str, value: u64) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    [name.to_owned(), format!("{name}-{THROTTLER}")]
        .into_iter()
        .filter_map(move |name| Some((HeaderName::try_from(name).ok()?, HeaderValue::from(value))))
}
