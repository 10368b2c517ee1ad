//! The entries of `sandbox.*`: here the sandbox and its states, below what can be set, copied and reached.

use super::Operation;
use super::entry::operation;
use crate::client::sandbox;

mod access;
mod copies;
mod settings;

pub(super) use access::ENTRIES as ACCESS;
pub(super) use copies::ENTRIES as COPIES;
pub(super) use settings::ENTRIES as SETTINGS;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Makes a sandbox from a snapshot or an image, and waits until it is started.
        ///
        /// Local files of an image object are uploaded first: a submitted call reports PROGRESS of them, and one that
        /// is missing is IO with the code FILE_NOT_FOUND. The result is the sandbox as last read, with a handle. As a
        /// stream it opens when the server has taken the request, its data is the build log, and ENDED carries handle
        /// and JSON. A create that fails after the request was sent names the sandbox (`sandboxId`) or
        /// the unique name that was sent (`sandboxName`): look there before creating another. SANDBOX_FAILED: it went
        /// into an error state; the message has the server's reason.
        "sandbox.create", Client, Guide, sandbox::Create,
        required: [],
        result: Handle(sandbox::Described),
        progress: true,
        fails: [UNSUPPORTED, IO, SANDBOX_FAILED, HTTP_CONFLICT],
        codes: [QUEUE_TIMEOUT, SPOT_EVICTED, FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {api}/sandbox, then GET {api}/sandbox/{id} until it is started; for local files of an image \
                   object GET {api}/object-storage/push-access before",
        cancel: "Ends the wait and deletes nothing: the error names the sandbox.",
        timeout: Minute,
        call: sandbox::create,
        stream: sandbox::create_stream {
            opened: sandbox::Described,
            ended: sandbox::Described,
            channels: [Stdout],
            input: None,
        },
    },
    operation! {
        /// Reads a sandbox by its UUID or exact name. NOT_FOUND when there is none.
        "sandbox.get", Client, Guide, sandbox::Get,
        required: ["idOrName"],
        result: Handle(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{idOrName}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::get,
    },
    operation! {
        /// Finds a sandbox by its exact name, or the first that has all the labels. NO_MATCH when there is none.
        "sandbox.find", Client, Guide, sandbox::Find,
        required: [],
        result: Handle(sandbox::Described),
        fails: [NO_MATCH],
        codes: [],
        endpoint: "GET {api}/sandbox/{name}, GET {api}/sandbox",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::find,
    },
    operation! {
        /// Lists sandboxes, a page at a time: by cursor, or by number with `page`.
        ///
        /// The items are the server's, untouched; make handles of them with sandbox.attach.
        "sandbox.list", Client, Guide, sandbox::List,
        required: [],
        result: Json(sandbox::Listed),
        fails: [UNSUPPORTED],
        codes: [],
        endpoint: "GET {api}/sandbox, GET {api}/sandbox/paginated",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::list,
    },
    operation! {
        /// Makes a handle of what is known already: an item of sandbox.list, or an id. Sends nothing; where the
        /// toolbox is stands in the item, or is asked for at the first use.
        "sandbox.attach", Client, Ours, sandbox::Attach,
        required: ["sandbox"],
        result: Handle(sandbox::Attached),
        fails: [],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::attach,
    },
    operation! {
        /// Starts a stopped or archived sandbox and waits until it is started.
        "sandbox.start", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [QUEUE_TIMEOUT, SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/start",
        cancel: "Ends the wait; the sandbox goes on starting.",
        timeout: Minute,
        call: sandbox::start,
    },
    operation! {
        /// Stops a sandbox and waits until it is stopped; its files stay, its processes do not.
        "sandbox.stop", Sandbox, Guide, sandbox::Stop,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/stop",
        cancel: "Ends the wait; the sandbox goes on stopping.",
        timeout: Minute,
        call: sandbox::stop,
    },
    operation! {
        /// Moves a stopped sandbox to cheaper storage; does not wait for the end of it.
        "sandbox.archive", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/archive",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::archive,
    },
    operation! {
        /// Pauses a started sandbox, its memory kept, and waits until it is paused; sandbox.start resumes it.
        ///
        /// SANDBOX_FAILED where the server gave the pause up. HTTP_UNPROCESSABLE_ENTITY for a kind of sandbox that
        /// cannot be paused.
        "sandbox.pause", Sandbox, Newer, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_CONFLICT, HTTP_UNPROCESSABLE_ENTITY],
        codes: [SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/pause",
        cancel: "Ends the wait; the sandbox goes on pausing.",
        timeout: Minute,
        call: sandbox::pause,
    },
    operation! {
        /// Brings a sandbox back from an error state that can be recovered from (`recoverable`), and waits until it is
        /// started, or with `skipStart` stopped.
        "sandbox.recover", Sandbox, Newer, sandbox::Recover,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_BAD_REQUEST, HTTP_FORBIDDEN, HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [QUEUE_TIMEOUT, SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/recover",
        cancel: "Ends the wait; the recovery goes on.",
        timeout: Minute,
        call: sandbox::recover,
    },
    operation! {
        /// Deletes the sandbox. One that is gone already answers `null`. The handle stays until it is closed.
        "sandbox.delete", Sandbox, Guide, sandbox::Delete,
        required: [],
        result: Json(Option<sandbox::Described>),
        fails: [SANDBOX_FAILED, HTTP_CONFLICT],
        codes: [],
        endpoint: "DELETE {api}/sandbox/{id}",
        cancel: "Ends the wait; the sandbox is deleted all the same.",
        timeout: Minute,
        call: sandbox::delete,
    },
    operation! {
        /// Reads the sandbox again.
        "sandbox.refresh", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::refresh,
    },
    operation! {
        /// Waits until the sandbox is in one of the states.
        ///
        /// SANDBOX_FAILED when it goes into an error state, or is destroyed, instead; `code` is QUEUE_TIMEOUT or
        /// SPOT_EVICTED where that was why.
        "sandbox.wait", Sandbox, Guide, sandbox::Wait,
        required: ["states"],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_NOT_FOUND],
        codes: [QUEUE_TIMEOUT, SPOT_EVICTED],
        endpoint: "GET {api}/sandbox/{id}",
        cancel: "Ends the wait.",
        timeout: Minute,
        call: sandbox::wait,
    },
    operation! {
        /// The events of the sandbox as they happen, over the service's event socket, until it is destroyed.
        ///
        /// DATA is STRUCTURED: `{"event":"sandbox.state.updated","data":{"sandbox":{...},"oldState":"...",
        /// "newState":"..."}}`, with the server's own data; other events (`sandbox.created`,
        /// `sandbox.desired-state.updated`) come as well. A lost connection is made again (after 1 s, doubling to 30 s),
        /// and a change of state that was missed meanwhile is delivered as an event. SLOW_CONSUMER when more than
        /// 1,024 events wait to be read.
        "sandbox.events", Sandbox, Newer, sandbox::Events,
        required: [],
        fails: [SLOW_CONSUMER, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/socket.io/ (WebSocket), GET {api}/sandbox/{id}",
        cancel: "Ends the stream; the socket stays for other listeners, and 30 s without one.",
        timeout: None,
        stream: sandbox::events {
            opened: sandbox::EventsOpened,
            ended: sandbox::EventsEnded,
            channels: [Structured],
            input: None,
        },
    },
    operation! {
        /// Waits until the sandbox is started.
        "sandbox.wait_for_start", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_NOT_FOUND],
        codes: [QUEUE_TIMEOUT, SPOT_EVICTED],
        endpoint: "GET {api}/sandbox/{id}",
        cancel: "Ends the wait.",
        timeout: Minute,
        call: sandbox::wait_for_start,
    },
    operation! {
        /// Waits until the sandbox is stopped, or gone: its state is then `destroyed`.
        "sandbox.wait_for_stop", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED],
        codes: [],
        endpoint: "GET {api}/sandbox/{id}",
        cancel: "Ends the wait.",
        timeout: Minute,
        call: sandbox::wait_for_stop,
    },
    operation! {
        /// Waits until no resize is under way.
        "sandbox.wait_for_resize", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_NOT_FOUND],
        codes: [SPOT_EVICTED],
        endpoint: "GET {api}/sandbox/{id}",
        cancel: "Ends the wait.",
        timeout: Minute,
        call: sandbox::wait_for_resize,
    },
    operation! {
        /// Changes cpu, memory or disk, and waits until it is done.
        "sandbox.resize", Sandbox, Guide, sandbox::Resize,
        required: ["resources"],
        result: Json(sandbox::Described),
        fails: [SANDBOX_FAILED, HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [SPOT_EVICTED],
        endpoint: "POST {api}/sandbox/{id}/resize",
        cancel: "Ends the wait; the resize goes on.",
        timeout: Minute,
        call: sandbox::resize,
    },
    operation! {
        /// The sandbox as last read; `null` if it never was.
        "sandbox.info", Sandbox, Guide, sandbox::Nothing,
        required: [],
        result: Json(Option<sandbox::Described>),
        fails: [],
        codes: [],
        endpoint: "none",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::info,
    },
];
