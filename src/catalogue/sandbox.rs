//! The entries of `sandbox.*`.

use super::Operation;

pub(super) const ENTRIES: &[Operation] = &[];
