//! What a sandbox may use.

/// The limits of one sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub processors: f64,
    pub memory_bytes: u64,
    pub processes: u64,
}
