//! The entries of `snapshot.*`.

use super::Operation;
use super::entry::operation;
use crate::client::snapshot;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Makes a snapshot from an image's name or an image object, and waits until it is active.
        ///
        /// The result is the snapshot as last read. As a stream its data is the build log, which a name has not.
        /// SANDBOX_FAILED: the build failed; the message has the reason, and the name stays taken. HTTP_CONFLICT: the
        /// name is taken. Local files are uploaded first, with PROGRESS of a submitted call.
        "snapshot.create", Client, Guide, snapshot::Create,
        required: ["name", "image"],
        result: Json(snapshot::Snapshot),
        progress: true,
        fails: [UNSUPPORTED, IO, SANDBOX_FAILED, HTTP_BAD_REQUEST, HTTP_CONFLICT],
        codes: [FILE_NOT_FOUND, FILE_ACCESS_DENIED],
        endpoint: "POST {api}/snapshots, GET {api}/snapshots/{id} until it is over, {api}/snapshots/{id}/build-logs-url; \
                   {api}/object-storage/push-access before, for local files",
        cancel: "Ends the wait; the build goes on, and the snapshot is there under its name.",
        timeout: None,
        call: snapshot::create,
        stream: snapshot::create_stream {
            opened: snapshot::Snapshot,
            ended: snapshot::Snapshot,
            channels: [Stdout],
            input: None,
        },
    },
    operation! {
        /// Reads a snapshot by its UUID or exact name.
        "snapshot.get", Client, Guide, snapshot::Named,
        required: ["idOrName"],
        result: Json(snapshot::Snapshot),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/snapshots/{idOrName}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: snapshot::get,
    },
    operation! {
        /// Lists the organization's snapshots and the service's own, a page at a time.
        "snapshot.list", Client, Guide, snapshot::List,
        required: [],
        result: Json(snapshot::Listed),
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "GET {api}/snapshots",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: snapshot::list,
    },
    operation! {
        /// Deletes a snapshot by its UUID or exact name. Sandboxes that were made from it stay.
        ///
        /// HTTP_FORBIDDEN for the service's own.
        "snapshot.delete", Client, Guide, snapshot::Named,
        required: ["idOrName"],
        fails: [HTTP_FORBIDDEN, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {api}/snapshots/{id}, where it is a name after GET {api}/snapshots/{name}",
        cancel: "Drops the connection; the snapshot may be gone.",
        timeout: Minute,
        call: snapshot::delete,
    },
    operation! {
        /// Activates a snapshot whose state is `inactive`; it is `pending` for a moment before it is `active`.
        ///
        /// HTTP_BAD_REQUEST for one that is active already, or in another state.
        "snapshot.activate", Client, Newer, snapshot::Activate,
        required: ["id"],
        result: Json(snapshot::Snapshot),
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/snapshots/{id}/activate",
        cancel: "Drops the connection; the snapshot may be active.",
        timeout: Minute,
        call: snapshot::activate,
    },
    operation! {
        /// Deactivates a snapshot: no sandbox can be made from it until it is activated again.
        ///
        /// The result is null: the server answers 204 without the snapshot; snapshot.get reads it.
        "snapshot.deactivate", Client, Newer, snapshot::Activate,
        required: ["id"],
        fails: [HTTP_BAD_REQUEST, HTTP_FORBIDDEN, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "POST {api}/snapshots/{id}/deactivate",
        cancel: "Drops the connection; the snapshot may be inactive.",
        timeout: Minute,
        call: snapshot::deactivate,
    },
];
