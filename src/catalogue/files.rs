//! The entries of `files.*`.

use super::Operation;

pub(super) const ENTRIES: &[Operation] = &[];
