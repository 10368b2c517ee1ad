//! The entries of `echo.*`: operations of the echo target, which talks to nobody.

use super::Operation;
use super::entry::operation;
use crate::client::echo;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Gives its parameters back.
        "echo.value", Echo, Ours, echo::Anything,
        required: [],
        result: Json(echo::Anything),
        fails: [],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: echo::value,
    },
    operation! {
        /// Gives the bytes of its body back.
        "echo.bytes", Echo, Ours, echo::Nothing,
        required: [],
        body: true,
        result: Bytes,
        fails: [],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: echo::bytes,
    },
    operation! {
        /// Fails with the status given; the other keys stand in the error JSON.
        "echo.error", Echo, Ours, echo::Failure,
        required: ["status"],
        result: Null,
        fails: [TIMEOUT, CONNECTION, TLS, PROTOCOL, SLOW_CONSUMER, IO, UNSUPPORTED, QUEUE_FULL, WOULD_BLOCK, END_OF_STREAM, NO_MATCH, SANDBOX_FAILED, CONFIGURATION],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: echo::error,
    },
    operation! {
        /// Waits, then answers `null`.
        "echo.delay", Echo, Ours, echo::Delay,
        required: ["ms"],
        result: Null,
        fails: [TIMEOUT],
        codes: [],
        endpoint: "none",
        cancel: "Ends the wait.",
        timeout: None,
        call: echo::delay,
    },
    operation! {
        /// Sends its chunks and ends; with `echo` gives back what is written until `finish`.
        "echo.stream", Echo, Ours, echo::Chunks,
        required: [],
        fails: [TIMEOUT],
        codes: [],
        endpoint: "none",
        cancel: "Ends the stream.",
        timeout: None,
        stream: echo::stream {
            opened: (),
            ended: echo::Streamed,
            channels: [None, Stdout, Stderr, Structured],
            input: Finished,
        },
    },
    operation! {
        /// Gives its parameters back with a new handle: a sandbox handle of the echo target, which takes
        /// the echo operations.
        "echo.handle", Echo, Ours, echo::Anything,
        required: [],
        result: Handle(echo::Anything),
        fails: [],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: echo::handle,
    },
    operation! {
        /// Panics inside the library, to prove that nobody is hurt: status PANIC.
        "echo.panic", Echo, Ours, echo::Nothing,
        required: [],
        result: Null,
        fails: [],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: echo::panic,
    },
];
