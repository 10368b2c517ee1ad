//! The number of a sandbox's display. Sandboxes have a /tmp of their own, where the display's socket and lock are,
//! but share the names of abstract sockets, which X clients try first: a number is free if none of both is there.

use std::path::{Path, PathBuf};

/// The numbers that are tried.
const NUMBERS: std::ops::Range<u32> = 0..1000;

pub fn socket(number: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/.X11-unix/X{number}"))
}

/// The free numbers, in order.
pub fn free() -> impl Iterator<Item = u32> {
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap_or_default();
    NUMBERS.filter(move |number| {
        let abstract_name = format!(" @{}", socket(*number).display());
        let is_listened_on = sockets.lines().any(|line| line.ends_with(&abstract_name));
        let lock = format!("/tmp/.X{number}-lock");
        !is_listened_on && !Path::new(&lock).exists() && !socket(*number).exists()
    })
}
