//! The entries of `region.*`.

use super::Operation;
use super::entry::operation;
use crate::client::region;

pub(super) const ENTRIES: &[Operation] = &[operation! {
    /// The regions that sandboxes of the organization can be in.
    "region.list", Client, Newer, region::List,
    required: [],
    result: Json(Vec<region::Region>),
    fails: [],
    codes: [],
    endpoint: "GET {api}/regions",
    cancel: "Nothing remote.",
    timeout: Minute,
    call: region::list,
}];
