//! The parameters of the operations that take none but the common ones.

crate::params! {
    /// No parameters of its own.
    pub struct Nothing {}
}
