//! The events of one sandbox, as a stream.

use super::{Sandbox, reading};
use crate::client::error::{Error, Result};
use crate::client::event_socket::Notice;
use crate::client::status;
use crate::client::stream::{Channel, Ended, Io};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

crate::params! {
    stream
    /// No parameters of its own.
    pub struct Events {}
}

/// The JSON of OPENED.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct EventsOpened {
    /// The UUID of the sandbox.
    pub sandbox_id: String,
    /// Its state when the stream began.
    #[cfg_attr(feature = "schema", schemars(with = "crate::client::known::SandboxState"))]
    pub state: String,
}

/// The JSON of ENDED.
#[derive(Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventsEnded {
    /// How many events were delivered.
    pub events: u64,
    /// Why it ended: `destroyed`.
    pub reason: String,
}

/// What the library reads of an event's data.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct StateChange {
    new_state: Option<String>,
}

pub async fn events(sandbox: Sandbox, _: Events, io: Io) -> Result<Ended> {
    if sandbox.reading().id.is_empty() {
        sandbox.look_up().await?;
    }
    let id = sandbox.reading().id;
    let mut subscription = sandbox.client().subscribe(&id);
    // The first connection decides whether the stream opens.
    loop {
        match subscription.next().await {
            Notice::Connected => break,
            Notice::Failed(error) => return Err(error),
            Notice::Event { .. } | Notice::Overrun => {}
        }
    }
    let mut state = match state_of(&sandbox).await? {
        Some(state) => state,
        None => return Err(destroyed_before(&id)),
    };
    let opened = EventsOpened { sandbox_id: id, state: state.clone() };
    io.opened(serde_json::to_vec(&opened).unwrap_or_default());
    let mut delivered = Delivered { events: 0, bytes: 0 };
    while state != "destroyed" {
        match subscription.next().await {
            Notice::Event { name, data } => {
                let text = std::str::from_utf8(&data).unwrap_or("null");
                if let Ok(StateChange { new_state: Some(new) }) = serde_json::from_str(text)
                    && &*name == STATE_UPDATED
                {
                    // Read already, before the event came.
                    if new == state {
                        continue;
                    }
                    state = new;
                }
                delivered.send(&io, &name, text).await;
            }
            // What happened while the connection was lost is read: the server does not repeat it.
            Notice::Connected => {
                let Some(new) = state_of(&sandbox).await? else { break };
                if new != state {
                    let json = sandbox.info().text;
                    let missed = Missed { sandbox: &parse_raw(&json)?, old_state: &state, new_state: &new };
                    let text = serde_json::to_string(&missed).unwrap_or_default();
                    delivered.send(&io, STATE_UPDATED, &text).await;
                    state = new;
                }
            }
            Notice::Failed(_) => {}
            Notice::Overrun => {
                let message = "the events were not read in time and some are lost; read faster";
                return Err(Error::new(status::SLOW_CONSUMER, message));
            }
        }
    }
    let ended = EventsEnded { events: delivered.events, reason: "destroyed".to_owned() };
    Ok(Ended { json: serde_json::to_vec(&ended).unwrap_or_default(), position: None, sandbox: None })
}

const STATE_UPDATED: &str = "sandbox.state.updated";

/// An event that was not delivered by the server.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Missed<'a> {
    sandbox: &'a RawValue,
    old_state: &'a str,
    new_state: &'a str,
}

fn parse_raw(json: &[u8]) -> Result<Box<RawValue>> {
    reading::parse(&json.to_vec().into(), "a sandbox")
}

/// The state as it is read now; nothing of a sandbox that is gone.
async fn state_of(sandbox: &Sandbox) -> Result<Option<String>> {
    match sandbox.look_up().await {
        Ok(()) => Ok(Some(sandbox.reading().state)),
        Err(error) if error.status() == status::HTTP_NOT_FOUND => Ok(None),
        Err(error) => Err(error),
    }
}

fn destroyed_before(id: &str) -> Error {
    Error::new(status::HTTP_NOT_FOUND, format!("sandbox {id} does not exist any more: it was deleted"))
}

struct Delivered {
    events: u64,
    bytes: u64,
}

impl Delivered {
    async fn send(&mut self, io: &Io, name: &str, data: &str) {
        let name = serde_json::to_string(name).unwrap_or_default();
        let event = format!("{{\"event\":{name},\"data\":{data}}}");
        self.events += 1;
        self.bytes += event.len() as u64;
        io.send(Channel::Structured, event.into(), self.bytes).await;
    }
}
