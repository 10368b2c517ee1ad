//! What happens to sandboxes as time passes: they stop, pause, are archived and deleted when their intervals say so,
//! and what they use is sampled.

use crate::api::lifecycle;
use crate::app_state::AppState;
use crate::sandbox::Sandbox;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use time::OffsetDateTime;

/// The samples that a sandbox keeps: a day of them.
const MAX_SAMPLES: usize = 24 * 60;
/// How often the intervals are looked at, in parts of a minute.
const CHECKS_A_MINUTE: u32 = 60;
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// A daemon that does not answer for so long is not sampled.
const SAMPLE_LIMIT: Duration = Duration::from_secs(2);
/// The largest answer of a daemon about its metrics.
const MAX_SAMPLE_BYTES: usize = 64 * 1024;

/// What time does to one sandbox.
pub struct Upkeep {
    active: Mutex<Instant>,
    /// When the sandbox is destroyed, whatever it does.
    destroyed_at: Mutex<Option<Instant>>,
    /// The daemon's metrics, once a minute.
    pub usage: Mutex<VecDeque<(OffsetDateTime, Value)>>,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { active: Mutex::new(Instant::now()), destroyed_at: Mutex::default(), usage: Mutex::default() }
    }
}

impl Upkeep {
    /// The sandbox is in use.
    pub fn touch(&self) {
        *self.active.lock() = Instant::now();
    }

    /// `None`: it lives on.
    pub fn destroy_after(&self, time: Option<Duration>) {
        *self.destroyed_at.lock() = time.map(|time| Instant::now() + time);
    }

    fn idle(&self) -> Duration {
        self.active.lock().elapsed()
    }

    fn is_over(&self) -> bool {
        self.destroyed_at.lock().is_some_and(|at| at <= Instant::now())
    }

    fn add(&self, sample: Value) {
        let mut usage = self.usage.lock();
        if usage.len() == MAX_SAMPLES {
            usage.pop_front();
        }
        usage.push_back((OffsetDateTime::now_utc(), sample));
    }
}

/// Runs for as long as the server does.
pub async fn run(app: Weak<AppState>) {
    let Some(minute) = app.upgrade().map(|app| app.minute) else { return };
    // Since when each sandbox has been stopped.
    let mut stopped: HashMap<String, Instant> = HashMap::new();
    let mut sampled = Instant::now();
    loop {
        tokio::time::sleep((minute / CHECKS_A_MINUTE).max(SHORTEST_PAUSE)).await;
        let Some(app) = app.upgrade() else { return };
        let sandboxes = app.sandboxes.read().all.clone();
        stopped.retain(|id, _| sandboxes.iter().any(|sandbox| sandbox.id == *id));
        let samples_now = sampled.elapsed() >= minute;
        if samples_now {
            sampled = Instant::now();
        }
        for sandbox in &sandboxes {
            let state = sandbox.state();
            // One that is there for long lists alone.
            if state == "started" && sandbox.toolbox().is_none() {
                continue;
            }
            if state == "stopped" {
                stopped.entry(sandbox.id.clone()).or_insert_with(Instant::now);
            } else {
                stopped.remove(&sandbox.id);
            }
            apply_intervals(&app, sandbox, stopped.get(&sandbox.id).map(Instant::elapsed));
            if samples_now {
                tokio::spawn(sample(sandbox.clone()));
            }
        }
    }
}

/// A change that is refused because of another one under way is tried again at the next check.
fn apply_intervals(app: &Arc<AppState>, sandbox: &Arc<Sandbox>, stopped: Option<Duration>) {
    let after = |key: &str| {
        let minutes = sandbox.get(key).as_u64().and_then(|minutes| u32::try_from(minutes).ok());
        minutes.filter(|minutes| *minutes > 0).map(|minutes| app.minute.saturating_mul(minutes))
    };
    let is_over = |key: &str, time: Duration| after(key).is_some_and(|limit| limit <= time);
    let _busy = if sandbox.upkeep.is_over() {
        lifecycle::delete_sandbox(app, sandbox).map(drop)
    } else if let Some(stopped) = stopped {
        match () {
            () if is_over("autoDeleteInterval", stopped) => lifecycle::delete_sandbox(app, sandbox).map(drop),
            () if is_over("autoArchiveInterval", stopped) => lifecycle::archive_sandbox(sandbox).map(drop),
            () => Ok(()),
        }
    } else if sandbox.state() == "started" {
        match sandbox.upkeep.idle() {
            idle if is_over("autoStopInterval", idle) => lifecycle::stop_sandbox(app, sandbox).map(drop),
            idle if is_over("autoPauseInterval", idle) => lifecycle::pause_sandbox(sandbox).map(drop),
            _ => Ok(()),
        }
    } else {
        Ok(())
    };
}

/// Keeps what the daemon says of its use.
async fn sample(sandbox: Arc<Sandbox>) {
    let Some(toolbox) = sandbox.toolbox() else { return };
    let Ok(request) = Request::get("/system/metrics").body(Body::empty()) else { return };
    let read = async { to_bytes(toolbox.serve(request).await.into_body(), MAX_SAMPLE_BYTES).await };
    if let Ok(Ok(answer)) = tokio::time::timeout(SAMPLE_LIMIT, read).await
        && let Ok(sample @ Value::Object(_)) = serde_json::from_slice(&answer)
    {
        sandbox.upkeep.add(sample);
    }
}
