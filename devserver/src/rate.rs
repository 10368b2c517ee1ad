//! `--rate-limit N`: N requests per minute and key, then 429. Every answer has the service's rate limit
//! headers, each under its plain name and with the throttler's name appended.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// The service's name of its general throttler.
const THROTTLER: &str = "authenticated";

pub struct RateLimit {
    requests: u32,
    windows: Mutex<HashMap<String, (Instant, u32)>>,
}

/// Whether a request passes, and the rate limit headers of its answer.
pub struct RateDecision {
    pub refused: bool,
    pub headers: HeaderMap,
}

impl RateLimit {
    pub fn new(requests: u32) -> Self {
        Self { requests, windows: Mutex::default() }
    }

    pub fn count(&self, key: &str) -> RateDecision {
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
        RateDecision { refused, headers }
    }
}

/// The headers of every answer; `reset` in seconds from now.
pub fn headers(limit: u64, remaining: u64, reset: u64) -> HeaderMap {
    let values =
        [("x-ratelimit-limit", limit), ("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset)];
    values.into_iter().flat_map(|(name, value)| both(name, value)).collect()
}

/// The further headers of a refusal.
pub fn retry_after(seconds: u64) -> HeaderMap {
    both("retry-after", seconds).collect()
}

fn both(name: &str, value: u64) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    [name.to_owned(), format!("{name}-{THROTTLER}")]
        .into_iter()
        .filter_map(move |name| Some((HeaderName::try_from(name).ok()?, HeaderValue::from(value))))
}
