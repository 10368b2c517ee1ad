//! When to try again: what the server asks for, else a backoff with jitter.

use super::failure::SendState;
use http::header::HeaderMap;
use http::{Method, StatusCode};
use std::cell::Cell;
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The longest wait before a retry where no deadline bounds it.
const RETRY_WAIT_MAX: Duration = Duration::from_secs(60);
const BACKOFF_FIRST: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);
/// Upper clamp for server waits; keeps Instant arithmetic from overflowing.
const SERVER_WAIT_MAX_SECONDS: f64 = 1e9;

tokio::task_local! {
    static CALL: CallScope;
}

/// What the requests of a call know of it, and it of them.
struct CallScope {
    deadline: Option<Instant>,
    /// How often its latest request was sent.
    attempts: Cell<u32>,
}

/// A call's time limit struck.
#[derive(Debug)]
pub struct TimedOut {
    /// How often the request was sent that it waited for; 0 where none was.
    pub attempts: u32,
}

/// Lets requests made in `work` know when its caller gives up, so that a wait that cannot succeed is
/// an answer at once instead of a timeout later. Does not cut `work` short.
pub async fn within<T>(deadline: Option<Instant>, work: impl Future<Output = T>) -> T {
    CALL.scope(CallScope { deadline, attempts: Cell::new(0) }, work).await
}

/// Cuts `work` short at its deadline, of which its requests know as in [`within`].
pub async fn timeout_at<T>(deadline: Instant, work: impl Future<Output = T>) -> Result<T, TimedOut> {
    within(Some(deadline), async {
        tokio::time::timeout_at(deadline, work).await.map_err(|_| {
            let attempts = CALL.try_with(|call| call.attempts.get()).unwrap_or_default();
            TimedOut { attempts }
        })
    })
    .await
}

/// The caller's deadline, where [`within`] told it.
pub fn caller_deadline() -> Option<Instant> {
    CALL.try_with(|call| call.deadline).ok().flatten()
}

/// Tells the call how often its latest request was sent.
pub(super) fn note_attempts(attempts: u32) {
    let _ = CALL.try_with(|call| call.attempts.set(attempts));
}

/// Whether sending the request again has the same effect on the server as sending it once.
pub(super) fn idempotent(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::PUT | Method::DELETE | Method::OPTIONS)
}

/// Whether a request that failed below HTTP may be sent again.
pub(super) fn may_repeat(method: &Method, reach: SendState) -> bool {
    match reach {
        SendState::NotSent => true,
        SendState::Sent => idempotent(method),
        SendState::NotRetryable => false,
    }
}

/// Whether a request that was answered like this may be sent again. A 429 was not acted upon.
pub(super) fn may_repeat_answer(method: &Method, code: StatusCode) -> bool {
    match code.as_u16() {
        429 => true,
        502..=504 => idempotent(method),
        _ => false,
    }
}

/// The wait before attempt `attempt + 1`: doubling, of which a random half.
pub fn backoff(attempt: u32) -> Duration {
    let full = BACKOFF_FIRST.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(BACKOFF_MAX);
    full.mul_f64(0.5 + 0.5 * fastrand::f64())
}

/// Whether the wait ends before the deadline.
pub(super) fn affordable(wait: Duration, deadline: Option<Instant>) -> bool {
    match deadline {
        Some(deadline) => Instant::now() + wait < deadline,
        None => wait <= RETRY_WAIT_MAX,
    }
}

/// How long the server wants to be left alone: the longest of `Retry-After`, `Retry-After-{throttler}`
/// and the reset of every throttler whose remaining budget is 0.
pub(super) fn after(headers: &HeaderMap) -> Option<Duration> {
    let mut longest: Option<Duration> = None;
    for (name, value) in headers {
        let name = name.as_str();
        let Ok(value) = value.to_str() else { continue };
        let wait = if name == "retry-after" || name.starts_with("retry-after-") {
            delay(value)
        } else if let Some(throttler) = name.strip_prefix("x-ratelimit-reset") {
            let remaining = headers.get(format!("x-ratelimit-remaining{throttler}"));
            let spent = remaining.is_some_and(|left| left.to_str().is_ok_and(|left| left.trim() == "0"));
            if spent { reset(value) } else { None }
        } else {
            None
        };
        longest = longest.max(wait);
    }
    longest
}

/// Seconds, or an HTTP date.
fn delay(value: &str) -> Option<Duration> {
    let value = value.trim();
    match value.parse::<f64>() {
        Ok(seconds) => wait_of(seconds),
        Err(_) => http_date(value).map(|at| at.duration_since(SystemTime::now()).unwrap_or_default()),
    }
}

/// Seconds from now, or (when as large as today's clock) a Unix time.
fn reset(value: &str) -> Option<Duration> {
    let seconds = value.trim().parse::<f64>().ok()?;
    let wait = if seconds > 1e9 {
        let seconds = if seconds > 1e12 { seconds / 1000.0 } else { seconds };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs_f64();
        seconds - now
    } else {
        seconds
    };
    wait_of(wait)
}

fn wait_of(seconds: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(seconds.clamp(0.0, SERVER_WAIT_MAX_SECONDS)).ok()
}

fn http_date(value: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::{HeaderName, HeaderValue};

    fn headers(list: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        map
    }

    #[test]
    fn the_longest_throttler_counts() {
        let asked =
            headers(&[("retry-after", "1"), ("retry-after-create", "7"), ("retry-after-global", "3")]);
        assert_eq!(after(&asked), Some(Duration::from_secs(7)));
    }

    #[test]
    fn a_reset_counts_only_where_nothing_remains() {
        let asked = headers(&[
            ("x-ratelimit-remaining-authenticated", "0"),
            ("x-ratelimit-reset-authenticated", "12"),
            ("x-ratelimit-remaining-create", "4"),
            ("x-ratelimit-reset-create", "50"),
        ]);
        assert_eq!(after(&asked), Some(Duration::from_secs(12)));
    }

    #[test]
    fn a_date_is_a_wait() {
        let at = SystemTime::now() + Duration::from_secs(30);
        let asked = headers(&[("retry-after", &httpdate::fmt_http_date(at))]);
        let wait = after(&asked).unwrap();
        assert!(wait > Duration::from_secs(20) && wait <= Duration::from_secs(30), "{wait:?}");
    }

    #[test]
    fn nonsense_asks_for_no_wait_and_too_much_for_one_that_nobody_makes() {
        assert_eq!(after(&headers(&[("retry-after", "soon")])), None);
        assert_eq!(after(&headers(&[("retry-after", "-4")])), Some(Duration::ZERO));
        assert_eq!(after(&headers(&[("retry-after", "nan")])), None);
        for much in ["1e300", "inf", "99999999999999999999"] {
            let wait = after(&headers(&[("retry-after", much)])).unwrap();
            assert!(
                !affordable(wait, None) && !affordable(wait, Some(Instant::now() + RETRY_WAIT_MAX)),
                "{much}"
            );
        }
    }

    #[test]
    fn the_backoff_doubles_and_is_bounded() {
        for attempt in 1..40 {
            let wait = backoff(attempt);
            let full = BACKOFF_FIRST.saturating_mul(1 << (attempt - 1).min(16)).min(BACKOFF_MAX);
            assert!(wait <= full && wait >= full / 2, "{attempt}: {wait:?}");
        }
    }

    #[test]
    fn a_post_is_repeated_only_when_it_was_not_sent() {
        assert!(may_repeat(&Method::POST, SendState::NotSent));
        assert!(!may_repeat(&Method::POST, SendState::Sent));
        assert!(!may_repeat(&Method::PATCH, SendState::Sent));
        assert!(may_repeat(&Method::DELETE, SendState::Sent));
        assert!(may_repeat_answer(&Method::POST, StatusCode::TOO_MANY_REQUESTS));
        assert!(!may_repeat_answer(&Method::POST, StatusCode::BAD_GATEWAY));
    }
}
