//! On a system other than Linux a sandbox has no isolation and no limits.

pub mod control_groups;
pub mod namespaces;
