//! What nobody else makes up, in this process or another.

use ring::rand::{SecureRandom, SystemRandom};

/// A number of the operating system's. fastrand begins with the clock, which two processes can read at the same instant,
/// and a fork leaves its state to both.
pub(crate) fn unique() -> u64 {
    let mut bytes = [0; 8];
    match SystemRandom::new().fill(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => fastrand::u64(..),
    }
}
