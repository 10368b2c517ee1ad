//! The entries of `process.*`.

use super::Operation;
use super::entry::operation;
use crate::client::process;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Runs one command with the sandbox's shell and waits for it. stdout and stderr arrive together.
        ///
        /// A command that does not succeed is not an error: look at `exitCode`. A working directory that
        /// does not exist gives `exitCode` -1. A command that reaches `timeout` is killed with everything
        /// it started, its output is lost and the error is HTTP_REQUEST_TIMEOUT (408). The answer waits for
        /// background children that keep the output open.
        "process.execute", Sandbox, Guide, process::Execute,
        required: ["command"],
        result: Json(process::Executed),
        fails: [],
        codes: [PROCESS_EXECUTION_TIMEOUT],
        endpoint: "POST {sb}/process/execute",
        cancel: "Drops the connection; the command runs on in the sandbox until its own `timeout`.",
        timeout: None,
        call: process::execute,
    },
    operation! {
        /// Runs a program's text with its language's interpreter and waits for it. stdout and stderr arrive
        /// together, what matplotlib shows as `artifacts.charts`.
        ///
        /// A program that does not succeed is not an error: look at `exitCode`. One that reaches `timeout`
        /// is killed with everything it started, its output is lost and the error is HTTP_REQUEST_TIMEOUT (408).
        /// A language that the server does not speak is HTTP_BAD_REQUEST. On a server before 0.205 a single
        /// quote in `argv` breaks the command.
        "process.code_run", Sandbox, Newer, process::CodeRun,
        required: ["code"],
        result: Json(process::CodeRan),
        fails: [HTTP_BAD_REQUEST],
        codes: [PROCESS_EXECUTION_TIMEOUT],
        endpoint: "POST {sb}/process/code-run",
        cancel: "Drops the connection; the program runs on in the sandbox until its own `timeout`.",
        timeout: None,
        call: process::code_run,
    },
    operation! {
        /// Runs one command with stdout and stderr apart, live as a stream or collected as a call.
        ///
        /// A session is made for the command and removed with it, whatever happens. `exit`, `exec` and
        /// `set -e` in the command end the command alone. It is exact by line: an unfinished last line
        /// appears when the command ends and gains a newline, NUL bytes vanish, and the bytes 01 01 01 and
        /// 02 02 02, with which the server marks the channels, vanish as well and switch the channel to stdout
        /// and stderr; for raw bytes use pty or files. A command that does not succeed is not an error: look at
        /// `exitCode`. One that reaches `timeout` is killed; the error is HTTP_REQUEST_TIMEOUT (408) with
        /// `bytes` and `position`. It waits for background children that keep the output open; what still
        /// runs then is killed with the session. Lost connections are resumed without losing or repeating
        /// a byte.
        "process.run", Sandbox, Ours, process::Run,
        required: ["command"],
        result: Json(process::Ran),
        fails: [UNSUPPORTED],
        codes: [PROCESS_EXECUTION_TIMEOUT, SESSION_ENDED],
        endpoint: "POST {sb}/process/session, POST .../{id}/exec, GET .../command/{commandId}/logs (WebSocket), DELETE .../{id}",
        cancel: "Kills the command: its session is deleted, in the background.",
        timeout: None,
        call: process::run,
        stream: process::run_stream {
            opened: process::RunOpened,
            ended: crate::client::session::FollowEnded,
            channels: [Stdout, Stderr],
            input: None,
        },
    },
];
