//! The entries of `client.*`.

use super::Operation;

pub(super) const ENTRIES: &[Operation] = &[];
