//! The entries of `volume.*`.

use super::Operation;
use super::entry::operation;
use crate::client::volume;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Makes a volume, which is not ready at once: wait for it with volume.wait.
        ///
        /// A name that is taken is HTTP_BAD_REQUEST. Mount it with `volumes` of sandbox.create.
        "volume.create", Client, Guide, volume::Create,
        required: ["name"],
        result: Json(volume::Volume),
        fails: [HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "POST {api}/volumes",
        cancel: "Drops the connection; the volume may have been made.",
        timeout: Minute,
        call: volume::create,
    },
    operation! {
        /// Reads a volume by its UUID or exact name.
        "volume.get", Client, Guide, volume::Named,
        required: ["idOrName"],
        result: Json(volume::Volume),
        fails: [HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/volumes/{id}, GET {api}/volumes/by-name/{name}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: volume::get,
    },
    operation! {
        /// All volumes of the organization, the last used first.
        "volume.list", Client, Guide, volume::List,
        required: [],
        result: Json(Vec<volume::Volume>),
        fails: [],
        codes: [],
        endpoint: "GET {api}/volumes",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: volume::list,
    },
    operation! {
        /// Deletes a volume and what is in it, by its UUID or exact name; does not wait for the end of it.
        ///
        /// HTTP_CONFLICT while a sandbox that is not deleted has it, HTTP_BAD_REQUEST while it is neither ready nor in
        /// state error. The name is free once the volume is gone.
        "volume.delete", Client, Guide, volume::Named,
        required: ["idOrName"],
        fails: [HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [],
        endpoint: "DELETE {api}/volumes/{id}, where it is a name after GET {api}/volumes/by-name/{name}",
        cancel: "Drops the connection; the volume may be gone.",
        timeout: Minute,
        call: volume::delete,
    },
    operation! {
        /// Waits until a volume is ready, by its UUID or exact name; the result is the volume as last read.
        ///
        /// SANDBOX_FAILED when it goes into state error, with the server's reason, or is being deleted. TIMEOUT tells
        /// the state that it is in.
        "volume.wait", Client, Guide, volume::Named,
        required: ["idOrName"],
        result: Json(volume::Volume),
        fails: [HTTP_NOT_FOUND, SANDBOX_FAILED],
        codes: [],
        endpoint: "GET {api}/volumes/{id} or GET {api}/volumes/by-name/{name}, until it is ready",
        cancel: "Ends the wait; nothing changes on the server.",
        timeout: Minute,
        call: volume::wait,
    },
];
