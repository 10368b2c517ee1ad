//! The entries of `session.*`.

use super::Operation;

pub(super) const ENTRIES: &[Operation] = &[];
