//! Events of the control plane, as every subscriber of an organization gets them.

use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::broadcast;

/// The events that a subscriber may be behind before it loses the oldest ones.
const BACKLOG: usize = 4096;

/// One event.
#[derive(Debug)]
pub struct Event {
    pub organization: String,
    pub name: &'static str,
    pub data: Value,
}

/// Where events come from. Cheap to clone.
#[derive(Clone)]
pub struct Events(broadcast::Sender<Arc<Event>>);

impl Default for Events {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Events {
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Event>> {
        self.0.subscribe()
    }

    /// `data` is made only where somebody listens.
    pub fn emit(&self, organization: &str, name: &'static str, data: impl FnOnce() -> Value) {
        if self.0.receiver_count() > 0 {
            let event = Event { organization: organization.to_owned(), name, data: data() };
            let _nobody = self.0.send(Arc::new(event));
        }
    }

    /// A sandbox is there.
    pub fn created(&self, organization: &str, sandbox: impl FnOnce() -> Value) {
        self.emit(organization, "sandbox.created", sandbox);
    }

    /// The state, or the state that is wanted, has changed from this one.
    pub fn changed(&self, organization: &str, key: &str, before: &Value, sandbox: impl FnOnce() -> Value) {
        let (name, old, new) = match key {
            "state" => ("sandbox.state.updated", "oldState", "newState"),
            "desiredState" => ("sandbox.desired-state.updated", "oldDesiredState", "newDesiredState"),
            _ => return,
        };
        self.emit(organization, name, || {
            let sandbox = sandbox();
            let now = sandbox[key].clone();
            json!({ "sandbox": sandbox, old: before, new: now })
        });
    }
}
