//! Faults on demand, for tests of clients: dropped, stalled, truncated, split and wrong answers.
//!
//! A rule is `KIND[=VALUE]@PATH[*COUNT]`: it applies to the next COUNT requests (default: all) whose path,
//! query included, contains PATH. Rules come from `--fault`, [`crate::Options::faults`] and POST /faults
//! (the body is a JSON list of rules; an empty list clears them; any key may do that).
//!
//! | kind | effect |
//! |---|---|
//! | `cut` | the connection is dropped when the head of the request has been read |
//! | `cut-after` | the request takes effect, then the connection is dropped without an answer |
//! | `cut-body=N` | the connection is dropped after N bytes of the response body |
//! | `stall` | the request is never answered |
//! | `stall-body=N` | nothing is sent after N bytes of the response body |
//! | `delay=MS` | the answer is delayed by MS milliseconds |
//! | `status=CODE` | that status with an error envelope; 429 with the rate limit headers |
//! | `html=CODE` | that status with the HTML page of a proxy |
//! | `empty=CODE` | that status without a body |
//! | `garbage` | 200 with a body that is not JSON |
//! | `close-idle=MS` | the connection is closed when it has been idle for MS milliseconds after the answer |
//! | `split` | all further bytes of the connection are sent one by one |
//! | `ws-drop=N` | a WebSocket is dropped without a close frame where the server would send its frame N + 1 |
//! | `ws-close=CODE` | a WebSocket is closed with that code where the server would send its second frame |
//! | `ws-silent=N` | a WebSocket sends nothing after N frames |

mod body;
mod io;
mod rule;

pub use body::of_answer;
pub use io::{Connection, FaultyStream, SocketFault};
pub use rule::{FaultKind, Rule};

use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::response::IntoResponse;
use body::{cut_after, stall_after};
use parking_lot::Mutex;
use serde_json::json;

/// The active rules.
#[derive(Default)]
pub struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    pub fn new(rules: Vec<Rule>) -> Self {
        Self(Mutex::new(rules))
    }

    /// The faults of a request for this path and query; counts down each matching rule.
    pub fn take(&self, target: &str) -> Vec<FaultKind> {
        let mut rules = self.0.lock();
        let mut kinds = Vec::new();
        for rule in rules.iter_mut().filter(|rule| target.contains(&rule.path)) {
            if rule.left == Some(0) {
                continue;
            }
            rule.left = rule.left.map(|left| left - 1);
            kinds.push(rule.kind);
        }
        kinds
    }

    /// POST /faults.
    pub fn configure(&self, body: &[u8]) -> Response<Body> {
        let texts: Vec<String> = match serde_json::from_slice(body) {
            Ok(texts) => texts,
            Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
        };
        let rules: Result<Vec<Rule>, String> = texts.iter().map(|text| text.parse()).collect();
        match rules {
            Ok(rules) if rules.is_empty() => self.0.lock().clear(),
            Ok(rules) => self.0.lock().extend(rules),
            Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
        }
        StatusCode::NO_CONTENT.into_response()
    }
}

/// The answer of a fault that replaces the real one.
pub fn replacement(kind: FaultKind) -> Option<Response<Body>> {
    let envelope = |status: StatusCode| {
        let body = json!({ "statusCode": status.as_u16(), "message": "injected fault" });
        (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
    };
    Some(match kind {
        FaultKind::Status(status) => {
            let mut response = envelope(status);
            if status == StatusCode::TOO_MANY_REQUESTS {
                let headers = response.headers_mut();
                headers.extend(crate::rate::headers(1, 0, 1));
                headers.extend(crate::rate::retry_after(1));
            }
            response
        }
        FaultKind::Html(status) => {
            let page = "<html><body><h1>Bad things happened</h1><hr>nginx</body></html>";
            (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        FaultKind::Empty(status) => status.into_response(),
        FaultKind::Garbage => {
            ([(header::CONTENT_TYPE, "application/json")], "{\"exitCode\":").into_response()
        }
        _ => return None,
    })
}

/// Applies a fault to the real answer.
pub fn apply(kind: FaultKind, response: Response<Body>) -> Response<Body> {
    match kind {
        FaultKind::CutBody(bytes) => cut_after(response, bytes),
        FaultKind::StallBody(bytes) => stall_after(response, bytes),
        _ => response,
    }
}
