//! The entries of `sandbox.*` about copies of a sandbox.

use crate::catalogue::Operation;
use crate::catalogue::entry::operation;
use crate::client::sandbox;

pub(in crate::catalogue) const ENTRIES: &[Operation] = &[
    operation! {
        /// Makes a snapshot of the sandbox, and waits until it is done. The result is the sandbox; the snapshot has the name
        /// that was given.
        "sandbox.create_snapshot", Sandbox, Newer, sandbox::CreateSnapshot,
        required: ["name"],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_CONFLICT, HTTP_UNPROCESSABLE_ENTITY],
        codes: [SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/snapshot",
        cancel: "Ends the wait; the snapshot goes on.",
        timeout: Minute,
        call: sandbox::create_snapshot,
    },
    operation! {
        /// Makes a copy of the sandbox with its files, and waits until the copy is started.
        ///
        /// A fork that fails after the request was sent names the new sandbox (`sandboxId`) or the unique name that was sent
        /// (`sandboxName`).
        "sandbox.fork", Sandbox, Newer, sandbox::Fork,
        required: [],
        result: Handle(sandbox::Described),
        fails: [SANDBOX_FAILED, UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_CONFLICT, HTTP_UNPROCESSABLE_ENTITY],
        codes: [QUEUE_TIMEOUT, SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/fork, then GET {api}/sandbox/{id} of the copy until it is started",
        cancel: "Ends the wait and deletes nothing: the error names the copy.",
        timeout: Minute,
        call: sandbox::fork,
    },
    operation! {
        /// The sandboxes that were forked from this one.
        "sandbox.forks", Sandbox, Newer, sandbox::Forks,
        required: [],
        result: Json(Vec<sandbox::Described>),
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/forks",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::forks,
    },
    operation! {
        /// The sandbox that this one was forked from. HTTP_NOT_FOUND when there is none.
        "sandbox.parent", Sandbox, Newer, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/parent",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::parent,
    },
    operation! {
        /// The sandboxes that this one comes from, the oldest first.
        "sandbox.ancestors", Sandbox, Newer, sandbox::Nothing,
        required: [],
        result: Json(Vec<sandbox::Described>),
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}/ancestors",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::ancestors,
    },
];
