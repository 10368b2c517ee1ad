//! The entries of `secret.*`.

use super::Operation;
use super::entry::operation;
use crate::client::secret;

pub(super) const ENTRIES: &[Operation] = &[
    operation! {
        /// Makes a secret. No answer ever has its value. UNSUPPORTED on a server before 0.205.
        ///
        /// A sandbox that is created with it (`secrets` of sandbox.create) has its placeholder in an environment variable,
        /// in whose place the service puts the value in requests to `hosts`. A name that is taken is HTTP_CONFLICT.
        "secret.create", Client, Newer, secret::Create,
        required: ["name", "value"],
        result: Json(secret::Secret),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_CONFLICT],
        codes: [],
        endpoint: "POST {api}/secret",
        cancel: "Drops the connection; the secret may have been made.",
        timeout: Minute,
        call: secret::create,
    },
    operation! {
        /// Reads a secret by its id, without its value. UNSUPPORTED on a server before 0.205.
        "secret.get", Client, Newer, secret::Get,
        required: ["id"],
        result: Json(secret::Secret),
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "GET {api}/secret/{id}",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: secret::get,
    },
    operation! {
        /// Lists secrets without their values, a page at a time. UNSUPPORTED on a server before 0.205.
        "secret.list", Client, Newer, secret::List,
        required: [],
        result: Json(secret::SecretPage),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST],
        codes: [],
        endpoint: "GET {api}/secret/paginated",
        cancel: "Nothing remote.",
        timeout: Minute,
        call: secret::list,
    },
    operation! {
        /// Changes a secret; what is absent stays. UNSUPPORTED on a server before 0.205.
        ///
        /// Sandboxes that have it keep their placeholder.
        "secret.update", Client, Newer, secret::Update,
        required: ["id"],
        result: Json(secret::Secret),
        fails: [UNSUPPORTED, HTTP_BAD_REQUEST, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "PATCH {api}/secret/{id}",
        cancel: "Drops the connection; the change may have been made.",
        timeout: Minute,
        call: secret::update,
    },
    operation! {
        /// Deletes a secret. UNSUPPORTED on a server before 0.205.
        "secret.delete", Client, Newer, secret::Get,
        required: ["id"],
        fails: [UNSUPPORTED, HTTP_NOT_FOUND],
        codes: [],
        endpoint: "DELETE {api}/secret/{id}",
        cancel: "Drops the connection; the secret may be gone.",
        timeout: Minute,
        call: secret::delete,
    },
];
