//! The entries of `pty.*`.

use super::Operation;

pub(super) const ENTRIES: &[Operation] = &[];
