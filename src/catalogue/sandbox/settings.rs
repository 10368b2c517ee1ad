//! The entries of `sandbox.*` that change a setting.

use crate::catalogue::Operation;
use crate::catalogue::entry::operation;
use crate::client::sandbox;

pub(in crate::catalogue) const ENTRIES: &[Operation] = &[
    operation! {
        /// Replaces all labels. Answers `{"labels":{...}}`.
        "sandbox.set_labels", Sandbox, Guide, sandbox::SetLabels,
        required: ["labels"],
        result: Json(sandbox::LabelsSet),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "PUT {api}/sandbox/{id}/labels",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_labels,
    },
    operation! {
        /// Sets after how many minutes without activity the sandbox stops; 0 never.
        "sandbox.set_auto_stop", Sandbox, Guide, sandbox::Minutes,
        required: ["minutes"],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/autostop/{minutes}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_auto_stop,
    },
    operation! {
        /// Sets after how many minutes stopped the sandbox is archived; 0 never.
        "sandbox.set_auto_archive", Sandbox, Guide, sandbox::Minutes,
        required: ["minutes"],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/autoarchive/{minutes}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_auto_archive,
    },
    operation! {
        /// Sets after how many minutes stopped the sandbox is deleted; -1 never, 0 at once.
        "sandbox.set_auto_delete", Sandbox, Guide, sandbox::MinutesToDeletion,
        required: ["minutes"],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/autodelete/{minutes}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_auto_delete,
    },
    operation! {
        /// Sets after how many minutes without activity the sandbox pauses; 0 never.
        ///
        /// The auto-stop interval has to be 0: the two exclude each other.
        "sandbox.set_auto_pause", Sandbox, Newer, sandbox::Minutes,
        required: ["minutes"],
        result: Json(sandbox::Described),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/autopause/{minutes}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_auto_pause,
    },
    operation! {
        /// Sets after how many minutes from now the sandbox is destroyed, whatever it does; 0 never.
        "sandbox.set_ttl", Sandbox, Newer, sandbox::Minutes,
        required: ["minutes"],
        result: Json(sandbox::Described),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/ttl/{minutes}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_ttl,
    },
    operation! {
        /// Sets whether preview links work without a token.
        "sandbox.set_public", Sandbox, Newer, sandbox::SetPublic,
        required: ["isPublic"],
        result: Json(sandbox::Described),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/public/{isPublic}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_public,
    },
    operation! {
        /// Replaces the secrets that the sandbox has as environment variables. Processes that run keep theirs.
        "sandbox.set_secrets", Sandbox, Newer, sandbox::SetSecrets,
        required: ["secrets"],
        result: Json(sandbox::Described),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "PUT {api}/sandbox/{id}/secrets",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_secrets,
    },
    operation! {
        /// Sets what the sandbox can reach. At least one option has to be given.
        ///
        /// The server lets an allow list end `networkBlockAll`, and `networkBlockAll` true empty the list.
        "sandbox.set_network", Sandbox, Newer, sandbox::SetNetwork,
        required: [],
        result: Json(sandbox::Described),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/network-settings",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::set_network,
    },
    operation! {
        /// Changes the environment of processes that start from now on, until the sandbox is stopped. Processes that
        /// run keep theirs.
        "sandbox.update_env", Sandbox, Newer, sandbox::UpdateEnv,
        required: [],
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {sb}/env",
        cancel: "Drops the connection; the change may have happened.",
        timeout: Minute,
        call: sandbox::update_env,
    },
    operation! {
        /// Counts as activity: the auto-stop and auto-pause intervals begin anew.
        "sandbox.keepalive", Sandbox, Newer, sandbox::Keepalive,
        required: [],
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/sandbox/{id}/last-activity",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: sandbox::keepalive,
    },
];
