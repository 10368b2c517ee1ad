//! The entries of `session.*`.

use super::Operation;
use super::entry::operation;
use crate::client::session;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Starts a shell that keeps its state (directory, variables) from command to command.
        ///
        /// An id that exists already is HTTP_CONFLICT.
        "session.create", Sandbox, Guide, session::Create,
        required: ["id"],
        result: Null,
        fails: [HTTP_CONFLICT],
        codes: [],
        endpoint: "POST {sb}/process/session",
        cancel: "Drops the connection; the session may have been created.",
        timeout: Minute,
        call: session::create,
    },
    operation! {
        /// Ends a session's shell and everything it runs.
        "session.delete", Sandbox, Guide, session::Delete,
        required: ["id"],
        result: Null,
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {sb}/process/session/{id}",
        cancel: "Drops the connection; the session may have been deleted.",
        timeout: Minute,
        call: session::delete,
    },
    operation! {
        /// A session and the commands that ran in it; one without `exitCode` still runs, or ended its shell.
        "session.get", Sandbox, Guide, session::Get,
        required: ["id"],
        result: Json(session::Session),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {sb}/process/session/{id}",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: session::get_session,
    },
    operation! {
        /// All sessions of the sandbox with their commands.
        "session.list", Sandbox, Guide, session::List,
        required: [],
        result: Json(Vec<session::Session>),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/process/session",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: session::list,
    },
    operation! {
        /// Runs a command in a session's own shell, so that `cd` and `export` last.
        ///
        /// Commands of one session run one after the other. With `runAsync` the answer has `cmdId` alone,
        /// for `session.command`, `session.logs`, `session.follow` and `session.input`. A command that
        /// ends the shell (`exit 3`) loses its exit code: when nothing was heard for `idleTimeoutMs`, at
        /// most 10 s, the session is looked at, by giving it the command `:`, and the error is GONE (410)
        /// with the code SESSION_ENDED; put what may exit into a subshell, `(exit 3)`, or use process.run.
        "session.execute", Sandbox, Guide, session::Execute,
        required: ["id", "command"],
        result: Json(session::Executed),
        fails: [HTTP_NOT_FOUND],
        codes: [SESSION_ENDED],
        endpoint: "POST {sb}/process/session/{id}/exec",
        cancel: "Drops the connection; the command runs on in its session. Delete the session to end it.",
        timeout: None,
        call: session::execute,
    },
    operation! {
        /// One command of a session; without `exitCode` it still runs, or ended its shell.
        "session.command", Sandbox, Guide, session::Command,
        required: ["id", "commandId"],
        result: Json(session::SessionCommand),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {sb}/process/session/{id}/command/{commandId}",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: session::command,
    },
    operation! {
        /// What a command has written so far.
        "session.logs", Sandbox, Guide, session::Logs,
        required: ["id", "commandId"],
        result: Json(session::CommandLogs),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {sb}/process/session/{id}/command/{commandId}/logs",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: session::logs,
    },
    operation! {
        /// A command's output from its beginning, live until the command ends.
        ///
        /// The channels are STDOUT and STDERR; ENDED has `exitCode`, `bytes` and `position`. Sockets that
        /// break are opened again, and where none comes through the log is read over HTTP, without losing
        /// or repeating a byte; `from` resumes in the same way across streams and processes. A session
        /// that is deleted, or whose shell ended, is GONE (410) with the code SESSION_ENDED: a shell is
        /// looked at, by giving it the command `:`, when nothing was heard for `idleTimeoutMs`, at most 10 s.
        "session.follow", Sandbox, Guide, session::Follow,
        required: ["id", "commandId"],
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [SESSION_ENDED],
        endpoint: "GET {sb}/process/session/{id}/command/{commandId}/logs?follow=true (WebSocket), GET .../{commandId}",
        cancel: "Ends the reading; the command runs on.",
        timeout: None,
        stream: session::follow {
            opened: (),
            ended: session::FollowEnded,
            channels: [Stdout, Stderr],
            input: None,
        },
    },
    operation! {
        /// Writes a line to the input of a running command that was started with `runAsync`.
        ///
        /// A command never sees the end of its input. The line also appears in the command's stdout unless
        /// it was started with `suppressInputEcho`. A command that has ended is an error of the server's:
        /// GONE (410), or 500 before 0.205.
        "session.input", Sandbox, Newer, session::Input,
        required: ["id", "commandId", "data"],
        result: Null,
        fails: [HTTP_NOT_FOUND],
        codes: [SESSION_ENDED, COMMAND_ALREADY_COMPLETED],
        endpoint: "POST {sb}/process/session/{id}/command/{commandId}/input",
        cancel: "Drops the connection; the line may have been written.",
        timeout: Minute,
        call: session::input,
    },
    operation! {
        /// The session of the sandbox's entrypoint.
        "session.entrypoint", Sandbox, Newer, session::Entrypoint,
        required: [],
        result: Json(session::Session),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {sb}/process/session/entrypoint",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: session::entrypoint,
    },
    operation! {
        /// What the sandbox's entrypoint has written so far.
        "session.entrypoint_logs", Sandbox, Newer, session::EntrypointLogs,
        required: [],
        result: Json(session::CommandLogs),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {sb}/process/session/entrypoint/logs",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: session::entrypoint_logs,
    },
    operation! {
        /// The output of the sandbox's entrypoint from its beginning, live until it ends.
        ///
        /// As session.follow, for the entrypoint.
        "session.entrypoint_follow", Sandbox, Newer, session::EntrypointFollow,
        required: [],
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [SESSION_ENDED],
        endpoint: "GET {sb}/process/session/entrypoint/logs?follow=true (WebSocket), GET {sb}/process/session/entrypoint",
        cancel: "Ends the reading; the entrypoint runs on.",
        timeout: None,
        stream: session::entrypoint_follow {
            opened: (),
            ended: session::FollowEnded,
            channels: [Stdout, Stderr],
            input: None,
        },
    },
];
