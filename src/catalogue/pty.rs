//! The entries of `pty.*`.

use super::Operation;
use super::entry::operation;
use crate::client::pty;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Makes a terminal with an interactive login shell and attends it: its output is the stream's
        /// data (STDOUT, raw bytes), what is written goes to it as if typed.
        ///
        /// `exitCode` is -1 where a signal ended the shell. An id that exists already is HTTP_CONFLICT. A
        /// lost connection is CONNECTION, never an exit; output that is not read in time makes the server
        /// cut the stream, SLOW_CONSUMER: in both cases the shell goes on and pty.connect joins it again.
        /// Output of a time without a connection is lost. `finish` is UNSUPPORTED: write `exit\n`, or
        /// Ctrl+D (byte 4).
        "pty.open", Sandbox, Guide, pty::Open,
        required: ["id"],
        fails: [SLOW_CONSUMER, UNSUPPORTED, HTTP_CONFLICT],
        codes: [],
        endpoint: "GET {sb}/process/pty/create-connect (WebSocket); on older servers POST {sb}/process/pty, GET .../{id}/connect (WebSocket)",
        cancel: "Closing the stream kills the terminal, in the background. To leave it running use pty.create and pty.connect.",
        timeout: None,
        stream: pty::open {
            opened: pty::Opened,
            ended: pty::Closed,
            channels: [Stdout],
            input: Endless,
        },
    },
    operation! {
        /// Attends a terminal that exists, beside whoever attends it already; what it wrote before is not
        /// replayed.
        ///
        /// Everything else as pty.open. A terminal that does not exist, or whose shell has exited, is
        /// HTTP_NOT_FOUND.
        "pty.connect", Sandbox, Guide, pty::Connect,
        required: ["id"],
        fails: [SLOW_CONSUMER, UNSUPPORTED, HTTP_NOT_FOUND, HTTP_GONE],
        codes: [],
        endpoint: "GET {sb}/process/pty/{id}/connect (WebSocket)",
        cancel: "Closing the stream only disconnects; the terminal goes on. pty.kill ends it.",
        timeout: None,
        stream: pty::connect {
            opened: pty::Opened,
            ended: pty::Closed,
            channels: [Stdout],
            input: Endless,
        },
    },
    operation! {
        /// Makes a terminal without attending it.
        ///
        /// With `lazyStart` its shell starts when pty.connect comes, which then misses nothing.
        "pty.create", Sandbox, Guide, pty::Create,
        required: ["id"],
        result: Json(pty::Created),
        fails: [HTTP_CONFLICT],
        codes: [],
        endpoint: "POST {sb}/process/pty",
        cancel: "Drops the connection; the terminal may have been made.",
        timeout: Minute,
        call: pty::create,
    },
    operation! {
        /// The terminals of the sandbox; one whose shell has exited is not there any more.
        "pty.list", Sandbox, Guide, pty::List,
        required: [],
        result: Json(pty::Terminals),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/process/pty",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: pty::list,
    },
    operation! {
        /// One terminal: its size, directory, environment, and whether its shell runs.
        "pty.info", Sandbox, Guide, pty::Info,
        required: ["id"],
        result: Json(pty::Terminal),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {sb}/process/pty/{id}",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: pty::info,
    },
    operation! {
        /// Changes a terminal's size and answers the terminal.
        ///
        /// A terminal that does not exist, or whose shell has exited, is HTTP_GONE (410).
        "pty.resize", Sandbox, Guide, pty::Resize,
        required: ["id", "cols", "rows"],
        result: Json(pty::Terminal),
        fails: [HTTP_NOT_FOUND, HTTP_GONE],
        codes: [],
        endpoint: "POST {sb}/process/pty/{id}/resize",
        cancel: "Drops the connection; the size may have changed.",
        timeout: Minute,
        call: pty::resize,
    },
    operation! {
        /// Kills a terminal's shell and everything it runs. Streams that attend it end with `exitCode` 137.
        "pty.kill", Sandbox, Guide, pty::Kill,
        required: ["id"],
        result: Null,
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {sb}/process/pty/{id}",
        cancel: "Drops the connection; the terminal may have been killed.",
        timeout: Minute,
        call: pty::kill,
    },
];
