//! The entries of `warm_pool.*`.

use super::Operation;
use super::entry::operation;
use crate::client::warm_pool;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Keeps sandboxes of a snapshot started, so that a create from it takes one and is answered at once.
        ///
        /// Only creates with the default user and without environment, volumes and secrets take one. UNSUPPORTED on a
        /// server before 0.205.
        "warm_pool.create", Client, Newer, warm_pool::Create,
        required: ["snapshot", "pool"],
        result: Json(warm_pool::WarmPool),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND, HTTP_CONFLICT],
        codes: [],
        endpoint: "POST {api}/warm-pools",
        cancel: "Drops the connection; the pool may have been made.",
        timeout: Minute,
        call: warm_pool::create,
    },
    operation! {
        /// All warm pools of the organization. UNSUPPORTED on a server before 0.205.
        "warm_pool.list", Client, Newer, warm_pool::List,
        required: [],
        result: Json(Vec<warm_pool::WarmPool>),
        fails: [UNSUPPORTED],
        codes: [],
        endpoint: "GET {api}/warm-pools",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: warm_pool::list,
    },
    operation! {
        /// Changes how many sandboxes wait in a pool; 0 empties it. UNSUPPORTED on a server before 0.205.
        "warm_pool.update", Client, Newer, warm_pool::Update,
        required: ["id", "pool"],
        result: Json(warm_pool::WarmPool),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "PATCH {api}/warm-pools/{id}",
        cancel: "Drops the connection; the change may have been made.",
        timeout: Minute,
        call: warm_pool::update,
    },
    operation! {
        /// Deletes a pool and the sandboxes that wait in it. UNSUPPORTED on a server before 0.205.
        "warm_pool.delete", Client, Newer, warm_pool::Delete,
        required: ["id"],
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {api}/warm-pools/{id}",
        cancel: "Drops the connection; the pool may be gone.",
        timeout: Minute,
        call: warm_pool::delete,
    },
];
