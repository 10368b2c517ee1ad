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
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: u64| {
            for name in [name.to_owned(), format!("{name}-{THROTTLER}")] {
                if let Ok(name) = HeaderName::try_from(name) {
                    headers.insert(name, HeaderValue::from(value));
                }
            }
        };
        add("x-ratelimit-limit", self.requests.into());
        add("x-ratelimit-remaining", self.requests.saturating_sub(window.1).into());
        add("x-ratelimit-reset", reset);
        if refused {
            add("retry-after", reset);
        }
        Verdict { refused, headers }
    }
}
