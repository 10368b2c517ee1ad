//! What a connection is made for.

/// How a connection will be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ConnectionKind {
    Requests,
    /// HTTP/1.1 only: it becomes a WebSocket.
    Upgrade,
}
