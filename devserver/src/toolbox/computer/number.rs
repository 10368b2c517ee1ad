//! The number of a sandbox's display. Sandboxes have a /tmp of their own, where the display's socket and lock are,
//! but share the names of abstract sockets, which X clients try first: a number is free if none of both is there.

use std::path::PathBuf;

/// The numbers that are tried.
const NUMBERS: std::ops::Range<u32> = 0..1000;

pub fn socket(number: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/.X11-unix/X{number}"))
}

fn lock(number: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/.X{number}-lock"))
}

/// The process that has the display, by its lock.
pub fn owner(number: u32) -> Option<u32> {
    std::fs::read_to_string(lock(number)).ok()?.trim().parse().ok()
}

/// The free numbers, in order.
pub fn free() -> impl Iterator<Item = u32> {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    NUMBERS.filter(move |number| {
        let abstract_name = format!(" @{}", socket(*number).display());
        let is_listened_on = sockets.lines().any(|line| line.ends_with(&abstract_name));
        !is_listened_on && !lock(*number).exists() && !socket(*number).exists()
    })
}
