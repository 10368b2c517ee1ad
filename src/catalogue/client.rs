//! The entries of `client.*`. `client.open` takes no client and is written by hand at the C boundary.

use super::Operation;
use super::entry::operation;
use crate::client::server;

pub(super) const ENTRIES: &[Operation] = &[operation! {
    /// What the server says of itself: its version, its region's addresses, how it authenticates.
    ///
    /// The answer is the server's own object; a server that needs no credential for it does not check
    /// the one that is sent.
    "client.config", Client, Ours, server::Get,
    required: [],
    result: Json(server::ServerConfig),
    fails: [],
    codes: [],
    endpoint: "GET /config",
    cancel: "Drops the connection; nothing changes on the server.",
    timeout: Minute,
    call: server::config,
}];
