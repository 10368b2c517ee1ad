//! The options of `daytona_queue_open`.

use crate::client::error::{Error, Result};
use crate::client::parse::parse_object;

/// How much a queue holds, and where its callback runs.
#[derive(serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct QueueOptions {
    /// DATA events that may wait, at least 1. A full queue pauses the stream that fills it, never another, and never
    /// a DONE.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub capacity_events: usize,
    /// Bytes of DATA that may wait, at least 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1), extend("unit" = "bytes")))]
    pub capacity_bytes: usize,
    /// Calls and streams that may be under way, at least 1; beyond it submit and stream_open answer QUEUE_FULL.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub capacity_calls: usize,
    /// Of a queue with a callback: it runs on whichever thread drives the runtime, between two of its turns. For
    /// `daytona_queue_open` true is INVALID_ARGUMENT.
    pub inline: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self { capacity_events: 8192, capacity_bytes: 4 << 20, capacity_calls: 65_536, inline: false }
    }
}

impl QueueOptions {
    pub fn parse(json: Option<&str>) -> Result<Self> {
        let options = match json {
            Some(json) => parse_object("queue.open", json.as_bytes())?,
            None => Self::default(),
        };
        for (value, name) in [
            (options.capacity_events, "capacityEvents"),
            (options.capacity_bytes, "capacityBytes"),
            (options.capacity_calls, "capacityCalls"),
        ] {
            if value == 0 {
                return Err(Error::invalid(format!("queue.open: `{name}` is 0; it has to be at least 1")));
            }
        }
        Ok(options)
    }
}
