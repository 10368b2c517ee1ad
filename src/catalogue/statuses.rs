//! The statuses that an operation can end with, from what its entry says.

use super::{Input, Operation};
use crate::client::codes;
use crate::client::status;

/// What every operation can end with, however it is begun.
pub const ALWAYS: &[i32] = &[
    status::OK,
    status::INVALID_ARGUMENT,
    status::INVALID_HANDLE,
    status::INVALID_JSON,
    status::CLOSED,
    status::FORKED,
    status::PANIC,
];
/// And a blocking function: an inline callback may not call it.
pub const BLOCKING: &[i32] = &[status::BUSY];
/// And a submitted call or stream.
pub const SUBMITTED: &[i32] = &[status::CANCELLED];
/// And what has a server, which can answer any number from 400 to 599 as well.
pub const REMOTE: &[i32] = &[status::TIMEOUT, status::CONNECTION, status::TLS, status::PROTOCOL];

impl Operation {
    /// Works without a server.
    pub fn is_local(&self) -> bool {
        self.endpoint == "none"
    }

    /// As a stream: it takes what `daytona_stream_write` gives it.
    pub fn takes_input(&self) -> bool {
        self.events.as_ref().is_some_and(|events| events.input != Input::None)
    }

    /// As a stream: its input has an end, and it completes after `daytona_stream_finish`.
    pub fn is_finishable(&self) -> bool {
        self.events.as_ref().is_some_and(|events| events.input == Input::Finished)
    }

    /// The statuses of its own, beside those of its kind, in the order of the numbers.
    pub fn own_statuses(&self) -> Vec<i32> {
        // Without a server the codes of local files remain, which come with IO.
        let answered = if self.is_local() { &[] } else { self.codes };
        let of_codes = answered.iter().filter_map(|code| codes::find(code)).map(|code| code.status);
        let mut statuses: Vec<i32> = self.fails.iter().copied().chain(of_codes).collect();
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }

    /// Every status that the blocking function can return, in the order of the numbers; what has a server can
    /// answer any other number from 400 to 599 as well.
    pub fn blocking_statuses(&self) -> Vec<i32> {
        let remote = if self.is_local() { &[] } else { REMOTE };
        let mut statuses = [ALWAYS, BLOCKING, remote, &self.own_statuses()].concat();
        statuses.sort_unstable();
        statuses.dedup();
        statuses
    }
}
