//! Events: what a queue holds, and the struct that C sees of one.

use crate::client::status;
use crate::ffi::calls::pending_call::PendingCall;
use crate::ffi::calls::target::SandboxTarget;
use crate::ffi::generated::constants;
use crate::ffi::runtime::handle::Table;
use crate::ffi::streams::stream::Stream;
use bytes::Bytes;
use std::ptr::null;
use std::sync::Arc;

/// The kinds, as in C.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i32)]
pub enum EventKind {
    Done = constants::DAYTONA_DONE,
    Opened = constants::DAYTONA_OPENED,
    Data = constants::DAYTONA_DATA,
    Progress = constants::DAYTONA_PROGRESS,
    Ended = constants::DAYTONA_ENDED,
    Writable = constants::DAYTONA_WRITABLE,
    Log = constants::DAYTONA_LOG,
}

/// One event. `data` belongs to the library: it is valid as long as the event is (until the same
/// consumer's next `daytona_queue_next`, or until the callback returns), unless `daytona_event_take`
/// moves it out.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct daytona_event_t {
    /// The call or stream handle that this is about; 0 for LOG.
    pub source: u64,
    /// What the caller gave at submit, open or `daytona_log`.
    pub user_data: u64,
    /// DONE and ENDED of an operation that makes a sandbox: its handle, now the caller's; else 0.
    pub result: u64,
    /// DATA and ENDED: raw bytes of the source consumed so far, the value to resume from. PROGRESS:
    /// bytes moved.
    pub position: u64,
    /// DATA: raw bytes. DONE, ENDED, OPENED, PROGRESS, LOG: JSON (DONE of a bytes operation: the
    /// bytes). NULL for WRITABLE. Behind the data of DONE and ENDED stands a NUL that `len` does not
    /// count, also behind no bytes at all.
    pub data: *const u8,
    /// Length of `data` in bytes.
    pub len: u64,
    /// DAYTONA_DONE, DAYTONA_OPENED, DAYTONA_DATA, DAYTONA_PROGRESS, DAYTONA_ENDED, DAYTONA_WRITABLE or
    /// DAYTONA_LOG.
    pub kind: i32,
    /// DONE and ENDED: DAYTONA_OK, or why it failed; `data` is then the error JSON.
    pub status: i32,
    /// DATA: DAYTONA_NONE, DAYTONA_STDOUT, DAYTONA_STDERR or DAYTONA_STRUCTURED.
    pub channel: i32,
    /// The library's: leave it as it is.
    pub reserved: i32,
}

/// What an event carries.
#[derive(Clone, Debug, Default)]
pub enum Payload {
    #[default]
    None,
    Chunk(Bytes),
    /// Followed by a NUL that is not part of it.
    Text(Bytes),
}

/// What `data` of an event without bytes points to: an empty slice of [`Bytes`] keeps no memory alive.
static NUL: u8 = 0;

impl Payload {
    /// A text with its NUL.
    pub fn text(mut text: Vec<u8>) -> Self {
        text.push(0);
        let whole = Bytes::from(text);
        Self::Text(whole.slice(..whole.len() - 1))
    }

    /// The address of its first byte, and NULL where there is no payload.
    pub fn address(&self) -> *const u8 {
        match self {
            Self::None => null(),
            Self::Chunk(bytes) | Self::Text(bytes) if bytes.is_empty() => &raw const NUL,
            Self::Chunk(bytes) | Self::Text(bytes) => bytes.as_ptr(),
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Chunk(bytes) | Self::Text(bytes) => bytes,
        }
    }
}

/// Whose event it is, for what its delivery changes.
#[derive(Clone)]
pub enum Owner {
    Nobody,
    Call(Arc<PendingCall>),
    Stream(Arc<Stream>),
}

/// An event on its way.
pub struct Event {
    pub owner: Owner,
    pub user_data: u64,
    /// The sandbox that DONE or ENDED brings; its handle is made at delivery, so that one which is
    /// never delivered leaves nothing open.
    pub new_sandbox: Option<Arc<SandboxTarget>>,
    pub result: u64,
    pub position: u64,
    pub payload: Payload,
    pub kind: EventKind,
    pub status: i32,
    pub channel: i32,
}

impl Event {
    pub fn new(owner: Owner, user_data: u64, kind: EventKind, payload: Payload) -> Self {
        Self {
            owner,
            user_data,
            new_sandbox: None,
            result: 0,
            position: 0,
            payload,
            kind,
            status: status::OK,
            channel: 0,
        }
    }

    /// Makes the handle of what the event brings.
    pub fn register_result(&mut self, sandboxes: &Table<Arc<SandboxTarget>>) {
        if let Some(sandbox) = self.new_sandbox.take() {
            self.result = sandboxes.insert(|_| sandbox).map_or(0, |(handle, _)| handle);
        }
    }

    /// What C sees; `reserved` says where [`crate::ffi::events::queue`] keeps the payload.
    pub fn view(&self, reserved: i32) -> daytona_event_t {
        daytona_event_t {
            source: match &self.owner {
                Owner::Nobody => 0,
                Owner::Call(call) => call.handle,
                Owner::Stream(stream) => stream.handle,
            },
            user_data: self.user_data,
            result: self.result,
            position: self.position,
            data: self.payload.address(),
            len: self.payload.bytes().len() as u64,
            kind: self.kind as i32,
            status: self.status,
            channel: self.channel,
            reserved,
        }
    }
}
