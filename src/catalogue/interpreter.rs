//! The entries of `interpreter.*`.

use super::Operation;
use super::entry::operation;
use crate::client::interpreter;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Runs Python code in a context, which keeps its variables for the next run.
        ///
        /// An exception is no error: look at `error`, of a stream at STRUCTURED. Runs of one context queue up. Code
        /// that reaches `timeout` is interrupted: HTTP_REQUEST_TIMEOUT (408) with the `bytes` so far; its variables
        /// stay unless the message says otherwise. Code that ends its process is HTTP_GONE (410), later runs on
        /// 0.190 TIMEOUT. Output of programs that it starts is lost. A stream not read in time is cut:
        /// SLOW_CONSUMER; code may outrun 0.190: CONNECTION.
        "interpreter.run", Sandbox, Guide, interpreter::Run,
        required: ["code"],
        result: Json(interpreter::Ran),
        fails: [UNSUPPORTED, SLOW_CONSUMER, HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_GONE],
        codes: [PROCESS_EXECUTION_TIMEOUT, SESSION_ENDED],
        endpoint: "GET {sb}/process/interpreter/execute (WebSocket)",
        cancel: "Drops the connection; the code runs on until its own `timeout`.",
        timeout: None,
        call: interpreter::run,
        stream: interpreter::run_stream {
            opened: interpreter::RunOpened,
            ended: interpreter::RunEnded,
            channels: [Stdout, Stderr, Structured],
            input: None,
        },
    },
    operation! {
        /// Makes a context with variables of its own. A language other than python is HTTP_BAD_REQUEST, a
        /// working directory that does not exist HTTP_INTERNAL_SERVER (500).
        "interpreter.create_context", Sandbox, Guide, interpreter::CreateContext,
        required: [],
        result: Json(interpreter::InterpreterContext),
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/process/interpreter/context",
        cancel: "Drops the connection; the context may have been made.",
        timeout: Minute,
        call: interpreter::create_context,
    },
    operation! {
        /// The contexts that were made; the default one is not among them.
        "interpreter.list_contexts", Sandbox, Guide, interpreter::ListContexts,
        required: [],
        result: Json(interpreter::InterpreterContexts),
        fails: [],
        codes: [],
        endpoint: "GET {sb}/process/interpreter/context",
        cancel: "Drops the connection; nothing changes in the sandbox.",
        timeout: Minute,
        call: interpreter::list_contexts,
    },
    operation! {
        /// Ends a context and what runs in it.
        "interpreter.delete_context", Sandbox, Guide, interpreter::DeleteContext,
        required: ["id"],
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {sb}/process/interpreter/context/{id}",
        cancel: "Drops the connection; the context may be gone.",
        timeout: Minute,
        call: interpreter::delete_context,
    },
];
